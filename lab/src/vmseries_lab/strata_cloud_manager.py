"""Strata Cloud Manager: its API, its identity service, and the firewalls that it manages.

Sources, facts only:

- The vendor's documentation and OpenAPI specifications, PaloAltoNetworks/pan.dev (commit 481855c):
  ``POST https://auth.apps.paloaltonetworks.com/oauth2/access_token`` with Basic authentication and
  ``scope=tsg_id:…``; tokens live 15 minutes. ``GET https://api.strata.paloaltonetworks.com`` with
  ``/config/setup/v1/devices`` and ``/folders`` (pages of 200), and with
  ``/config/operations/v1/jobs``, ``/jobs/{id}`` and ``/config-versions/running``. No specification
  has a method that deletes a device. Refusals have ``_errors``.
- Bootstrap: ``panorama-server=cloud``, ``dgname`` with the name of the folder, and the registration
  PIN for the device certificate (PaloAltoNetworks/terraform-aws-swfw-modules, issue 76).
- Measured on a tenant by martono25/palo-firewall-gitops (``docs/provisioning.md``,
  ``src/fwgitops/devicesync.py``, ``src/fwgitops/onboard.py``): a firewall whose PIN has expired
  boots, licenses itself and never appears; one whose instance is gone stays in its folder;
  ``/config-versions/running`` has an entry of each firewall by serial number, and its version is
  that of the last push that reached it; firewalls appear among the folders, by serial number.

Not documented, and therefore invented: when a firewall counts as disconnected, and the texts of
refusals. What else is not known is in ``core/assumptions.py``.
"""

from __future__ import annotations

import base64
import hmac
import json
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from vmseries_lab.core.world import World
from vmseries_lab.net.certificates import STRATA_API_NAME, STRATA_IDENTITY_NAME, Authority
from vmseries_lab.net.https import HttpsServer, Request, Response
from vmseries_lab.net.identity_service import IdentityService

TSG_ID = "1234567890"
CLIENT_ID = f"autoscale@{TSG_ID}.iam.panserviceaccount.com"
CLIENT_SECRET = "5f0c9a1e-7b42-4d0e-9d57-3f6a1c2b8e94"  # noqa: S105 - of the lab
SCOPE = f"tsg_id:{TSG_ID}"
FOLDER = "autoscale"
OTHER_FOLDER = "branches"

TOKEN_START = "lab.strata-token-"  # noqa: S105 - of the lab
"""What every token begins with."""
TOKEN_SECONDS = 899
"""Tokens live 15 minutes ("Access Tokens", pan.dev)."""
PAGE_ENTRIES = 200
NOTICE_SECONDS = 300.0
"""Time after which a firewall that is gone counts as disconnected."""
FIRST_PUSH_SECONDS = 120.0
"""Time from the registration until the job of the first push ends."""

RUNNING_FOLDER = "strata-running-folder"
SERIAL_FIELD = "strata-serial-field"
FIRST_PUSH = "strata-first-push"

_PROFILE = "health"
_CONFIGURATION = f"""<config><devices><entry name="localhost.localdomain"><network>
<interface><ethernet><entry name="ethernet1/1"><layer3>
<interface-management-profile>{_PROFILE}</interface-management-profile>
</layer3></entry></ethernet></interface>
<profiles><interface-management-profile><entry name="{_PROFILE}"><http>yes</http><https>yes</https>
</entry></interface-management-profile></profiles></network></entry></devices></config>"""
"""What the folder's configuration has of the parts that the lab's firewalls simulate."""


class RegistrationIgnoredError(Exception):
    """The firewall does not appear: it has no device certificate, or its folder does not exist."""


class CloudFirewall(Protocol):
    """What Strata Cloud Manager learns of a firewall, and does to it."""

    sw_version: str

    @property
    def serial(self) -> str:
        """Serial number."""

    @property
    def hostname(self) -> str:
        """Host name."""

    @property
    def ip_address(self) -> str:
        """Address of the management interface."""

    @property
    def mac(self) -> str:
        """MAC address of the management interface."""

    def receive(self, configuration: list[Element]) -> None:
        """Apply a configuration."""


@dataclass
class Entry:
    """A firewall as Strata Cloud Manager lists it. It stays listed.

    Attributes:
        firewall: the firewall, or its successor on the same machine.
        folder: name of its folder.
        registered: lab time of its registration.
        facts: what it said when it was last connected.
        gone: lab time at which its connection broke; ``None`` while it is connected.
        version: version of its running configuration; ``None`` before the first push.
        first_push: lab time at which its first push ends; ``None`` without one, or afterwards.
    """

    firewall: CloudFirewall
    folder: str
    registered: float
    facts: dict[str, str] = field(default_factory=dict)
    gone: float | None = None
    version: int | None = None
    first_push: float | None = None


class StrataCloudManager:
    """One tenant.

    Attributes:
        entries: firewalls by serial number.
        folders: names of the folders, with the versions of their configurations.
        failing: serial numbers of the firewalls to which pushes fail.
        notice_seconds: see ``NOTICE_SECONDS``.
        quotes_token: whether the API refuses each request, and quotes its token.
        requests: paths of the requests at both servers, with the query.
        identity: HTTPS server of the identity service.
        api: HTTPS server of the API.
    """

    def __init__(self, world: World, authority: Authority) -> None:
        self._world = world
        self._lock = threading.RLock()
        self._tokens = IdentityService(
            world.clock,
            "/oauth2/access_token",
            SCOPE,
            TOKEN_SECONDS,
            is_client=_is_client,
            new_token=lambda number: f"{TOKEN_START}{number:06d}.{uuid.uuid4().hex}",
            also={"scope": SCOPE},
        )
        self._jobs: list[dict[str, str]] = []
        self.entries: dict[str, Entry] = {}
        self.folders: dict[str, int] = {FOLDER: 1, OTHER_FOLDER: 1}
        self.failing: set[str] = set()
        self.notice_seconds = NOTICE_SECONDS
        self.quotes_token = False
        self.requests: list[str] = []
        self.identity = HttpsServer(
            authority, (STRATA_IDENTITY_NAME,), self.issue_token, world.clock
        )
        self.api = HttpsServer(authority, (STRATA_API_NAME,), self.respond, world.clock)
        self._publish()

    # -- control -------------------------------------------------------------------------------

    def configure(self, **settings: Any) -> None:
        """Change settings.

        Args:
            settings: ``failing`` (serial numbers), ``notice_seconds``, ``quotes_token``, and those
                of ``https.ServerBehavior`` for the API.
        """
        if "failing" in settings:
            self.failing = set(settings.pop("failing"))
        if "notice_seconds" in settings:
            self.notice_seconds = float(settings.pop("notice_seconds"))
        if "quotes_token" in settings:
            self.quotes_token = bool(settings.pop("quotes_token"))
        self.api.behave(**settings)

    def state(self) -> dict[str, Any]:
        """Return the firewalls by serial number, for tests."""
        with self._lock:
            return {
                serial: {
                    "folder": entry.folder,
                    "connected": self._is_connected(entry),
                    "version": entry.version,
                    **entry.facts,
                }
                for serial, entry in self.entries.items()
            }

    def push(self, folder: str = FOLDER) -> None:
        """Push the folder's configuration to its firewalls, as an administrator does."""
        with self._lock:
            self.folders[folder] = max(self.folders.values()) + 1
            for entry in self.entries.values():
                if entry.folder == folder and self._is_connected(entry):
                    self._deliver(entry, "CommitAndPush")

    def move(self, serial: str, folder: str) -> None:
        """Move a firewall to another folder, as an administrator does."""
        with self._lock:
            self.entries[serial].folder = folder

    def remove(self, serial: str) -> None:
        """Remove a firewall, as an administrator does in the customer support portal."""
        with self._lock:
            del self.entries[serial]

    def revoke_tokens(self) -> None:
        """Make all tokens invalid."""
        self._tokens.revoke()

    # -- firewalls -----------------------------------------------------------------------------

    @property
    def reachable(self) -> bool:
        """Whether it serves firewalls."""
        return self.api.conduct.mode == "answering"

    def register(self, firewall: CloudFirewall, folder: str | None, *, certificate: bool) -> None:
        """Add a firewall to a folder.

        Args:
            firewall: a licensed firewall.
            folder: ``dgname`` of its bootstrap configuration.
            certificate: whether it has its device certificate.

        Raises:
            RegistrationIgnoredError: if it does not appear.
        """
        if not certificate:
            raise RegistrationIgnoredError("no device certificate")
        if folder not in self.folders:
            raise RegistrationIgnoredError(f"there is no folder {folder}")
        now = self._world.clock.now()
        with self._lock:
            entry = Entry(firewall, folder, now)
            if self._world.assumptions[FIRST_PUSH] == "pushes":
                entry.first_push = now + FIRST_PUSH_SECONDS
                self._note_job(entry, "NGFW-Bootstrap-Push", "ACT", "PEND")
            self.entries[firewall.serial] = entry
            self.connect(firewall)

    def connect(self, firewall: CloudFirewall) -> None:
        """Connect a firewall that is registered."""
        with self._lock:
            entry = self.entries.get(firewall.serial)
            if entry is None:
                return
            entry.firewall, entry.gone = firewall, None
            entry.facts = {
                "hostname": firewall.hostname,
                "ip_address": firewall.ip_address,
                "mac_address": firewall.mac,
                "software_version": firewall.sw_version,
            }

    def disconnect(self, serial: str) -> None:
        """Break the connection of a firewall, which is noticed later."""
        with self._lock:
            entry = self.entries.get(serial)
            if entry is not None and entry.gone is None:
                entry.gone = self._world.clock.now()

    def is_connected(self, serial: str) -> bool:
        """Whether a firewall holds its connection."""
        entry = self.entries.get(serial)
        return entry is not None and entry.gone is None

    def tick(self, now: float) -> None:
        """Let first pushes end."""
        with self._lock:
            for entry in self.entries.values():
                if entry.first_push is not None and now >= entry.first_push and entry.gone is None:
                    entry.first_push = None
                    self._deliver(entry, "NGFW-Bootstrap-Push")

    def _deliver(self, entry: Entry, kind: str) -> None:
        if entry.firewall.serial in self.failing:
            self._note_job(entry, kind, "PUSHFAIL", "FAIL")
            return
        entry.version = self.folders[entry.folder]
        entry.firewall.receive([fromstring(_CONFIGURATION)])
        self._note_job(entry, kind, "FIN", "OK")

    def _note_job(self, entry: Entry, kind: str, status: str, result: str) -> None:
        failed = result == "FAIL"
        self._jobs.append(
            {
                "id": str(len(self._jobs) + 101),
                "parent_id": "0",
                "device_name": entry.firewall.serial,
                "type_str": kind,
                "job_type": "53",
                "status_str": status,
                "job_status": "2",
                "result_str": result,
                "job_result": "2",
                "percent": "0" if status == "ACT" else "100",
                "summary": "Configuration push failed" if failed else "",
                "details": json.dumps({"errors": ["validation failed"] if failed else []}),
                "description": "",
                "uname": "administrator@example.com",
                "start_ts": self._date(),
                "end_ts": "" if status == "ACT" else self._date(),
            }
        )

    def _is_connected(self, entry: Entry) -> bool:
        now = self._world.clock.now()
        return entry.gone is None or now < entry.gone + self.notice_seconds

    def _date(self, at: float | None = None) -> str:
        now = self._world.clock.now() if at is None else at
        return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    # -- the identity service and the API ------------------------------------------------------

    def issue_token(self, request: Request) -> Response:
        """Answer one request at the identity service."""
        self.requests.append(request.path)
        return self._tokens.issue_token(request)

    def respond(self, request: Request) -> Response:
        """Answer one request at the API."""
        self.requests.append(request.path)
        token = _authorization(request).removeprefix("Bearer ")
        if not self._tokens.accepts(token):
            return _refusal(401, "E016", "Not Authenticated")
        if self.quotes_token:
            return _refusal(403, "E007", f"{token} may not read this")
        with self._lock:
            match request.path.removeprefix("/config/").split("/"):
                case ["setup", "v1", "devices"]:
                    return _page(self._devices(), request)
                case ["setup", "v1", "folders"]:
                    return _page(self._folders(), request)
                case ["operations", "v1", "config-versions", "running"]:
                    return _page(self._running(), request)
                case ["operations", "v1", "jobs"]:
                    return _page(self._jobs[::-1], request)
        return _refusal(404, "E005", "Object Not Present")

    def _devices(self) -> list[dict[str, Any]]:
        return [self._device(serial, entry) for serial, entry in sorted(self.entries.items())]

    def _device(self, serial: str, entry: Entry) -> dict[str, Any]:
        field_name = self._world.assumptions[SERIAL_FIELD]
        names = {
            "id": {"id": serial, "name": "PA-VM"},
            "name": {"id": _unit(serial), "name": serial},
            "serial-number": {"id": _unit(serial), "name": "PA-VM", "serial_number": serial},
        }[field_name]
        return {
            **names,
            "display_name": "PA-VM",
            "folder": entry.folder,
            "family": "vm",
            "model": "PA-VM",
            "is_connected": self._is_connected(entry),
            "connected_since": self._date(entry.registered),
            "uptime": "0 days, 0:20:11",
            "license_match": True,
            **entry.facts,
        }

    def _folders(self) -> list[dict[str, Any]]:
        folders = [
            {"id": _unit(name), "name": name, "parent": "All Firewalls"} for name in self.folders
        ]
        firewalls = [
            {"id": _unit(serial), "name": serial, "parent": entry.folder}
            for serial, entry in self.entries.items()
        ]
        return [*folders, *firewalls]

    def _running(self) -> list[dict[str, Any]]:
        versions: dict[str, int] = {
            serial: entry.version
            for serial, entry in self.entries.items()
            if entry.version is not None
        }
        if self._world.assumptions[RUNNING_FOLDER] == "listed":
            versions |= self.folders
        return [
            {"device": name, "version": version, "date": self._date()}
            for name, version in versions.items()
        ]

    # -- the process ---------------------------------------------------------------------------

    def start(self) -> None:
        """Serve again, on new ports."""
        self.identity.start()
        self.api.start()
        self._publish()

    def stop(self) -> None:
        """Stop serving, until :meth:`start`."""
        self.identity.stop()
        self.api.stop()

    def close(self) -> None:
        """Stop serving for good."""
        self.identity.close()
        self.api.close()

    def _publish(self) -> None:
        self._world.hosts[f"{STRATA_IDENTITY_NAME}:443"] = self.identity.address
        self._world.hosts[f"{STRATA_API_NAME}:443"] = self.api.address


def _authorization(request: Request) -> str:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return headers.get("authorization", "")


def _is_client(request: Request) -> bool:
    """Whether the request has the credentials, by Basic authentication."""
    pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    return hmac.compare_digest(_authorization(request).encode(), f"Basic {pair}".encode())


def _unit(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def _page(entries: list[dict[str, Any]], request: Request) -> Response:
    """Return a page of a list, as ``limit`` and ``offset`` say."""
    try:
        limit = int(request.parameters.get("limit", PAGE_ENTRIES))
        offset = int(request.parameters.get("offset", 0))
    except ValueError:
        return _refusal(400, "E003", "Invalid Query Parameter: limit=invalid")
    shown = entries[offset : offset + max(1, limit)]
    return Response.json(
        200, {"data": shown, "limit": limit, "offset": offset, "total": len(entries)}
    )


def _refusal(status: int, code: str, message: str) -> Response:
    error = {"code": code, "message": message, "details": {}}
    return Response.json(
        status, {"_errors": [error], "_request_id": "123e4567-e89b-12d3-a456-426655440000"}
    )
