"""The licensing API of Palo Alto Networks, and its pools of VM licenses.

Palo Alto Networks, "Use the Licensing API" (legacy licensing API): POST to
``https://api.paloaltonetworks.com/api/license/{activate,get,deactivate}``, form-encoded, with the
API key of the support account in the header ``apikey``; responses are JSON. ``deactivate`` needs a
token that was exported from the firewall (manual mode), which is not simulated. In automatic mode,
a firewall returns its license through :meth:`Licensing.return_license`.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from vmseries_lab.core.world import World
from vmseries_lab.net.certificates import LICENSING_NAME, Authority
from vmseries_lab.net.https import HttpsServer, Request, Response

AUTH_CODE = "D1234567"
API_KEY = "5a4e1b0c9d8f7e6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"
POOL_SIZE = 100
_FIRST_SERIAL = 7_951_000_100_000


class PoolExhaustedError(Exception):
    """All licenses of the auth code are in use."""


class LicensingRejectedError(Exception):
    """The licensing API rejects a request."""


@dataclass(frozen=True, slots=True)
class LicenseUse:
    """The use of one license, from its activation to its return.

    Attributes:
        serial: serial number of the firewall.
        auth_code: auth code whose pool the license is from.
        activated_at: lab time.
        returned_at: lab time; ``None`` while the license is in use.
        returned_by: what returned it: ``firewall``, ``panorama``, ``plugin``, ``fast-delicensing``
            or ``portal``; empty while it is in use.
    """

    serial: str
    auth_code: str
    activated_at: float
    returned_at: float | None = None
    returned_by: str = ""


@dataclass
class Pool:
    """The licenses of one auth code.

    Attributes:
        total: number of licenses.
        used: UUID and CPU ID of each licensed firewall, by serial number.
    """

    total: int
    used: dict[str, tuple[str, str]] = field(default_factory=dict)


class Licensing:
    """The licensing API of one support account.

    Attributes:
        api_key: licensing API key of the account.
        pools: pools by auth code.
        deactivation_seconds: lab seconds from a firewall's request to the return of the license.
        deactivation_error: error of every deactivation; ``None`` for none.
        credit_api: answers requests of the credit-pool API (``credit_pool``).
        server: HTTPS server of the API.
    """

    def __init__(self, world: World, authority: Authority) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._serials = 0
        self._uses: dict[str, LicenseUse] = {}
        self.api_key = API_KEY
        self.pools = {AUTH_CODE: Pool(POOL_SIZE)}
        self.deactivation_seconds = 20.0
        self.deactivation_error: str | None = None
        self.credit_api: Callable[[Request], Response] = lambda _request: Response.json(404, {})
        self.server = HttpsServer(authority, (LICENSING_NAME,), self.respond, world.clock)
        world.hosts[f"{LICENSING_NAME}:443"] = self.server.address

    @property
    def reachable(self) -> bool:
        """Whether firewalls can reach the API."""
        return self.server.conduct.mode == "answering" and self.server.conduct.status == 200

    def configure(self, **settings: Any) -> None:
        """Change settings.

        Args:
            settings: ``available``, ``pool_size``, ``deactivation_seconds``,
                ``deactivation_error`` and those of ``https.ServerBehavior``.

        Raises:
            ValueError: for an unknown setting.
        """
        if "available" in settings:
            settings["mode"] = "answering" if settings.pop("available") else "refusing"
        if "pool_size" in settings:
            self.pools[AUTH_CODE].total = int(settings.pop("pool_size"))
        if "deactivation_seconds" in settings:
            self.deactivation_seconds = float(settings.pop("deactivation_seconds"))
        if "deactivation_error" in settings:
            self.deactivation_error = settings.pop("deactivation_error")
        self.server.behave(**settings)

    def start(self) -> None:
        """Serve again, on a new port."""
        self.server.start()
        self._world.hosts[f"{LICENSING_NAME}:443"] = self.server.address

    def close(self) -> None:
        """Stop serving for good."""
        self.server.close()

    def activate(self, auth_code: str, uuid: str, cpuid: str) -> str:
        """Activate a license for a firewall and return its new serial number.

        Args:
            auth_code: auth code whose pool is used.
            uuid: UUID of the firewall.
            cpuid: CPU ID of the firewall.

        Raises:
            LicensingRejectedError: if the API is unavailable or the auth code is unknown.
            PoolExhaustedError: if all licenses of the auth code are in use.
        """
        self._require_reachable()
        with self._lock:
            pool = self.pools.get(auth_code)
            if pool is None:
                raise LicensingRejectedError("the auth code is unknown")
            if len(pool.used) >= pool.total:
                raise PoolExhaustedError(f"all {pool.total} licenses of the auth code are in use")
            serial = self._next_serial()
            pool.used[serial] = (uuid, cpuid)
            now = self._world.clock.now()
            self._uses[serial] = LicenseUse(serial, auth_code, now)
        self._world.timeline.add("panorama", "license-activated", serial)
        return serial

    def assign_serial(self) -> str:
        """Return a serial number for a pay-as-you-go firewall, which uses no license of a pool."""
        with self._lock:
            return self._next_serial()

    def return_license(self, serial: str, by: str = "portal") -> None:
        """Return a firewall's license to its pool; no effect if it was returned before.

        Args:
            serial: serial number of the firewall.
            by: what returned it; see :class:`LicenseUse`.
        """
        with self._lock:
            pools = [pool for pool in self.pools.values() if pool.used.pop(serial, None)]
            if pools:
                now = self._world.clock.now()
                self._uses[serial] = replace(self._uses[serial], returned_at=now, returned_by=by)
        if pools:
            self._world.timeline.add("panorama", "license-returned", serial, by=by)

    def uses(self) -> list[LicenseUse]:
        """Return the use of each license that was ever activated, oldest first."""
        with self._lock:
            return list(self._uses.values())

    def returned(self, serial: str) -> bool:
        """Whether the firewall with this serial number had a license that was returned."""
        with self._lock:
            use = self._uses.get(serial)
        return use is not None and use.returned_at is not None

    def may_deactivate(self, key: str | None) -> None:
        """Check that the API accepts a deactivation with this licensing API key.

        Raises:
            LicensingRejectedError: if there is no key or a wrong one, if the API is unavailable, or
                if ``deactivation_error`` is set.
        """
        if key is None:
            raise LicensingRejectedError("API Key is not set")
        self._require_reachable()
        if self.deactivation_error is not None:
            raise LicensingRejectedError(self.deactivation_error)
        if not hmac.compare_digest(key.encode(), self.api_key.encode()):
            raise LicensingRejectedError("Invalid or missing deactivation token")

    def covers(self, serial: str) -> bool:
        """Whether the firewall with this serial number has a license."""
        with self._lock:
            return any(serial in pool.used for pool in self.pools.values())

    def used(self) -> int:
        """Return the number of licenses of all pools that are in use."""
        with self._lock:
            return sum(len(pool.used) for pool in self.pools.values())

    def respond(self, request: Request) -> Response:
        """Answer one request of the licensing API, or of the credit-pool API at the same host."""
        if request.path.startswith("/tms/"):
            return self.credit_api(request)
        key = request.headers.get("apikey", "")
        if not hmac.compare_digest(key.encode(), self.api_key.encode()):
            return Response.json(
                401, {"Message": "Authorization has been denied for this request."}
            )
        parameters = {name.lower(): value for name, value in request.parameters.items()}
        handlers = {"/api/license/get": self._get, "/api/license/activate": self._activate}
        handler = handlers.get(request.path)
        if handler is None:
            return Response.json(404, {"Message": f"No action was found for {request.path}."})
        try:
            return handler(parameters)
        except (LicensingRejectedError, PoolExhaustedError) as error:
            return Response.json(400, {"Message": str(error)})

    def _get(self, parameters: dict[str, str]) -> Response:
        """Return how many licenses of an auth code are in use, and by which firewalls."""
        auth_code = parameters.get("authcode", "")
        with self._lock:
            pool = self.pools.get(auth_code)
            if pool is None:
                raise LicensingRejectedError("The auth code is not valid.")
            devices = [
                {"UUID": uuid, "CPUID": cpuid, "SerialNumber": serial}
                for serial, (uuid, cpuid) in pool.used.items()
            ]
            total = pool.total
        return Response.json(
            200,
            {
                "AuthCode": auth_code,
                "UsedCount": len(devices),
                "TotalVMCount": total,
                "UsedDeviceDetails": devices,
            },
        )

    def _activate(self, parameters: dict[str, str]) -> Response:
        """Activate a license for a firewall without internet access."""
        uuid, cpuid = parameters.get("uuid", ""), parameters.get("cpuid", "")
        if not (uuid and cpuid):
            raise LicensingRejectedError("uuid and cpuid are required.")
        serial = self.activate(parameters.get("authcode", ""), uuid, cpuid)
        return Response.json(
            200, [{"serialnumField": serial, "typeField": "", "errmsgField": None}]
        )

    def _require_reachable(self) -> None:
        if not self.reachable:
            raise LicensingRejectedError("Failed to get license info. Please try again later.")

    def _next_serial(self) -> str:
        self._serials += 1
        return f"{_FIRST_SERIAL + self._serials:015d}"
