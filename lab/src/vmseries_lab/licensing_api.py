"""The vendor's licensing service: pools of VM licenses, and the licensing API.

Palo Alto Networks, "Use the Licensing API" (legacy licensing API): POST to
``https://api.paloaltonetworks.com/api/license/{activate,get,deactivate}``, form-encoded, with the
key of the support account in the header ``apikey``; JSON answers. ``deactivate`` takes a token that
was exported from the firewall (manual mode), which is not simulated: a firewall gives its license
back through :meth:`Licensing.release`, as it does in automatic mode.
"""

from __future__ import annotations

import hmac
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from vmseries_lab.core.world import World
from vmseries_lab.net.certificates import LICENSING_NAME, Authority
from vmseries_lab.net.https import HttpsServer, Request, Response

AUTH_CODE = "D1234567"
API_KEY = "5a4e1b0c9d8f7e6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"
POOL_SIZE = 100
_FIRST_SERIAL = 7_951_000_100_000


class PoolExhaustedError(Exception):
    """No license of this auth code is left."""


class LicensingRefusedError(Exception):
    """The licensing service rejects a request."""


@dataclass
class Pool:
    """The licenses behind one auth code.

    Attributes:
        total: how many firewalls it covers.
        used: identity (UUID and CPU id) of each covered firewall, by serial number.
    """

    total: int
    used: dict[str, tuple[str, str]] = field(default_factory=dict)


class Licensing:
    """All pools of one support account, and the service in front of them.

    Attributes:
        pools: by auth code.
        deactivation_seconds: lab seconds from a firewall's request until its license is back.
        refuse_deactivation: the error that every deactivation by a firewall gets.
    """

    def __init__(self, world: World, authority: Authority) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._serials = 0
        self.api_key = API_KEY
        self.pools = {AUTH_CODE: Pool(POOL_SIZE)}
        self.deactivation_seconds = 20.0
        self.refuse_deactivation: str | None = None
        self.server = HttpsServer(authority, (LICENSING_NAME,), self.respond, world.clock)
        world.hosts[f"{LICENSING_NAME}:443"] = self.server.address

    @property
    def reachable(self) -> bool:
        """Whether firewalls can reach the service."""
        return self.server.conduct.mode == "answering" and self.server.conduct.status == 200

    def configure(self, **settings: Any) -> None:
        """Change settings.

        Args:
            settings: ``available``, ``pool_size``, ``deactivation_seconds``,
                ``refuse_deactivation`` and those of ``https.ServerBehavior``.

        Raises:
            ValueError: for a setting that does not exist.
        """
        if "available" in settings:
            settings["mode"] = "answering" if settings.pop("available") else "refusing"
        if "pool_size" in settings:
            self.pools[AUTH_CODE].total = int(settings.pop("pool_size"))
        if "deactivation_seconds" in settings:
            self.deactivation_seconds = float(settings.pop("deactivation_seconds"))
        if "refuse_deactivation" in settings:
            self.refuse_deactivation = settings.pop("refuse_deactivation")
        self.server.behave(**settings)

    def start(self) -> None:
        """Serve again, at another port."""
        self.server.start()
        self._world.hosts[f"{LICENSING_NAME}:443"] = self.server.address

    def close(self) -> None:
        """Stop serving."""
        self.server.close()

    def take(self, auth_code: str, uuid: str, cpuid: str) -> str:
        """Cover a firewall; its serial number.

        Raises:
            LicensingRefusedError: if the service is away or does not know the auth code.
            PoolExhaustedError: if the auth code covers no further firewall.
        """
        self._require_reachable()
        with self._lock:
            pool = self.pools.get(auth_code)
            if pool is None:
                raise LicensingRefusedError("the auth code is not known")
            if len(pool.used) >= pool.total:
                raise PoolExhaustedError(f"all {pool.total} licenses of the auth code are used")
            serial = self._next_serial()
            pool.used[serial] = (uuid, cpuid)
        self._world.timeline.add("panorama", "license-taken", serial)
        return serial

    def enrol(self) -> str:
        """A serial number for a pay-as-you-go firewall, which needs no license of a pool."""
        with self._lock:
            return self._next_serial()

    def release(self, serial: str) -> None:
        """Give a firewall's license back. A license that is not used any more stays unused."""
        with self._lock:
            pools = [pool for pool in self.pools.values() if pool.used.pop(serial, None)]
        if pools:
            self._world.timeline.add("panorama", "license-returned", serial)

    def may_deactivate(self, key: str | None) -> None:
        """Check whether the service would take a license back from who has this API key.

        Raises:
            LicensingRefusedError: if there is no key, if it is not the account's, if the service is
                away, or with what it is to refuse everybody.
        """
        if key is None:
            raise LicensingRefusedError("API Key is not set")
        self._require_reachable()
        if self.refuse_deactivation is not None:
            raise LicensingRefusedError(self.refuse_deactivation)
        if not hmac.compare_digest(key.encode(), self.api_key.encode()):
            raise LicensingRefusedError("Invalid or missing deactivation token")

    def covers(self, serial: str) -> bool:
        """Whether a firewall's license is used."""
        with self._lock:
            return any(serial in pool.used for pool in self.pools.values())

    def used(self) -> int:
        """How many licenses of all pools are used."""
        with self._lock:
            return sum(len(pool.used) for pool in self.pools.values())

    def respond(self, request: Request) -> Response:
        """Answer one request of the licensing API."""
        key = request.headers.get("apikey", "")
        if not hmac.compare_digest(key.encode(), self.api_key.encode()):
            return _json(401, {"Message": "Authorization has been denied for this request."})
        parameters = {name.lower(): value for name, value in request.parameters.items()}
        handlers = {"/api/license/get": self._get, "/api/license/activate": self._activate}
        handler = handlers.get(request.path)
        if handler is None:
            return _json(404, {"Message": f"No action was found for {request.path}."})
        try:
            return handler(parameters)
        except (LicensingRefusedError, PoolExhaustedError) as error:
            return _json(400, {"Message": str(error)})

    def _get(self, parameters: dict[str, str]) -> Response:
        """How much of an auth code is used, and by which firewalls."""
        auth_code = parameters.get("authcode", "")
        with self._lock:
            pool = self.pools.get(auth_code)
            if pool is None:
                raise LicensingRefusedError("The auth code is not valid.")
            devices = [
                {"UUID": uuid, "CPUID": cpuid, "SerialNumber": serial}
                for serial, (uuid, cpuid) in pool.used.items()
            ]
            total = pool.total
        return _json(
            200,
            {
                "AuthCode": auth_code,
                "UsedCount": len(devices),
                "TotalVMCount": total,
                "UsedDeviceDetails": devices,
            },
        )

    def _activate(self, parameters: dict[str, str]) -> Response:
        """Cover a firewall that has no internet access itself."""
        uuid, cpuid = parameters.get("uuid", ""), parameters.get("cpuid", "")
        if not (uuid and cpuid):
            raise LicensingRefusedError("uuid and cpuid are required.")
        serial = self.take(parameters.get("authcode", ""), uuid, cpuid)
        return _json(200, [{"serialnumField": serial, "typeField": "", "errmsgField": None}])

    def _require_reachable(self) -> None:
        if not self.reachable:
            raise LicensingRefusedError("Failed to get license info. Please try again later.")

    def _next_serial(self) -> str:
        self._serials += 1
        return f"{_FIRST_SERIAL + self._serials:015d}"


def _json(status: int, value: object) -> Response:
    return Response(json.dumps(value).encode(), "application/json", status)
