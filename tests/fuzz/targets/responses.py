"""Responses of Panorama and of firewalls, to every call of their clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from component.fakes import settings as documents

from fuzz.damage import http_response, xml_tree
from fuzz.damage.http_response import HttpResponse
from fuzz.device import (
    CA_BUNDLE,
    HOST,
    RECORDED,
    SERVER_NAME,
    Device,
    TlsServer,
    in_memory,
)
from fuzz.targets import ACCEPTED, MARKER, TEXT_BOUND, UnusableResultError
from vmseries_autoscale.errors import DeviceBusyError, LicenseError, PanOsError
from vmseries_autoscale.firewall.client import PanOsFirewall
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.licensing import by_firewall
from vmseries_autoscale.licensing.evidence import Observations
from vmseries_autoscale.outcome import Failed
from vmseries_autoscale.pan_os.commands import command
from vmseries_autoscale.pan_os.license_commands import LicenseCommands
from vmseries_autoscale.panorama import Part, Removal, removal
from vmseries_autoscale.panorama.client import PanOsPanorama, connect_to_active
from vmseries_autoscale.panorama.preflight_client import PreflightPanorama
from vmseries_autoscale.panorama.recording_client import RecordingPanorama
from vmseries_autoscale.recording.neutral import Neutralizer
from vmseries_autoscale.recording.shape import describe
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import FirewallApiSettings, PanoramaSettings

_TLS_SHARE = 0.05
"""The share of inputs that are sent over TLS. A handshake takes longer than parsing a response."""

_PORT = 443
_SERIAL, _OTHER = "007951000012345", "007951000000099"
_REMOVALS = [
    *(Removal(Part.DEVICE_GROUP, _SERIAL), Removal(Part.DEVICE_GROUP, _OTHER)),
    *(Removal(Part.MANAGED_DEVICES, _SERIAL), Removal(Part.MANAGED_DEVICES, _OTHER)),
]
_NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_KEY = Credentials("autoscale", f"{MARKER}==", None, CA_BUNDLE)
_PASSWORD = Credentials("autoscale", None, f"{MARKER} password", CA_BUNDLE)


@dataclass(frozen=True)
class Clients:
    """Creates the clients of a device that listens on a port."""

    port: int

    def panorama(self, credentials: Credentials = _KEY) -> PanOsPanorama:
        """Return a client of Panorama."""
        return PanOsPanorama(HOST, self._settings(), credentials)

    def pair(self) -> PanOsPanorama:
        """Return the active one of two peers, which are the same device here."""
        return connect_to_active(self._settings(hostnames=(HOST, HOST)), _KEY)

    def preflight(self) -> PreflightPanorama:
        """Return the client of the pre-flight."""
        return PreflightPanorama(HOST, self._settings(), _KEY)

    def recording(self) -> RecordingPanorama:
        """Return the client of the recording."""
        return RecordingPanorama(HOST, self._settings(), _KEY)

    def firewall(self) -> PanOsFirewall:
        """Return a client of a firewall."""
        return PanOsFirewall(
            "127.0.0.1", FirewallApiSettings("arn:secret", self.port, SERVER_NAME, 30), _KEY
        )

    def _settings(self, **changes: Any) -> PanoramaSettings:
        return documents.of_panorama(self.port, timeout_seconds=30, **changes)


def _describe(panorama: RecordingPanorama, kind: str) -> int:
    """Record an answer, and return the number of its paths; a description has no value."""
    described = describe(panorama.answer(command("show", kind, "all")), Neutralizer({}))
    if MARKER in str(described):
        raise UnusableResultError("a recording has a value of its answer")
    return len(described["elements"])


def _always() -> bool:
    return True


def _return_license(firewall: LicenseCommands) -> object:
    record = FirewallRecord("i-0123456789abcdef0", serial=_SERIAL)
    key = f"{MARKER}-licensing"
    seen = Observations(_NOW)
    return by_firewall.return_license(firewall, "its name", lambda: key, record, seen)


def _remove_firewalls(panorama: PanOsPanorama, **known: Any) -> object:
    return removal.remove_firewalls(panorama, {_SERIAL, _OTHER}, "fw", _NOW, _always, **known)


CALLS: dict[str, Callable[[Clients], object]] = {
    "panorama: connect to a pair": lambda c: c.pair(),
    "panorama: log in with a password": lambda c: c.panorama(_PASSWORD).commits(),
    "panorama: devices": lambda c: c.panorama().devices(),
    "panorama: members": lambda c: c.panorama().members(),
    "panorama: groups": lambda c: c.panorama().groups_of([_SERIAL], list(Part)),
    "panorama: running parts": lambda c: c.panorama().running_parts([_SERIAL, _OTHER]),
    "panorama: candidate parts": lambda c: c.panorama().candidate_parts([_SERIAL]),
    "panorama: push": lambda c: c.panorama().push([_SERIAL], "fw"),
    "panorama: pushes": lambda c: c.panorama().pushes("fw"),
    "panorama: job": lambda c: c.panorama().job("23"),
    "panorama: batch deactivation": lambda c: c.panorama().batch_deactivate([_SERIAL, _OTHER]),
    "panorama: batch licenses": lambda c: c.panorama().batch_licensed(),
    "panorama: VM auth keys": lambda c: c.panorama().vm_auth_key_expiry(),
    "panorama: forwarded system information": lambda c: c.panorama().system_info(_SERIAL),
    "panorama: plugin's licenses": lambda c: c.panorama().plugin_licensed("LM"),
    "panorama: plugin's deactivation": lambda c: c.panorama().plugin_deactivate("LM", [_SERIAL]),
    "panorama: running members": lambda c: c.panorama().running_members(),
    "panorama: candidate members": lambda c: c.panorama().candidate_members(),
    "panorama: remove": lambda c: c.panorama().remove(Part.DEVICE_GROUP, _SERIAL),
    "panorama: remove all": lambda c: c.panorama().remove_all(_REMOVALS, _always),
    "panorama: commit": lambda c: c.panorama().commit("fw: remove 1 firewalls"),
    "panorama: revert": lambda c: c.panorama().revert(),
    "panorama: commits": lambda c: c.panorama().commits(),
    "panorama: forwarded licenses": lambda c: c.panorama().firewall(_SERIAL).licenses(),
    "panorama: forwarded return": lambda c: _return_license(c.panorama().firewall(_SERIAL)),
    "removal: remove firewalls": lambda c: _remove_firewalls(c.panorama()),
    "removal: follow a commit": lambda c: _remove_firewalls(c.panorama(), jobs={_SERIAL: "21"}),
    "removal: remove directly": lambda c: _remove_firewalls(
        c.panorama(), located={_SERIAL, _OTHER}
    ),
    "pre-flight: version": lambda c: c.preflight().version(),
    "pre-flight: HA state": lambda c: c.preflight().ha_state(),
    "pre-flight: device groups": lambda c: c.preflight().device_groups(),
    "pre-flight: template stacks": lambda c: c.preflight().template_stacks(),
    "pre-flight: log collector groups": lambda c: c.preflight().log_collector_groups(),
    "pre-flight: license manager": lambda c: c.preflight().has_license_manager("LM"),
    "pre-flight: configuration": lambda c: c.preflight().check_configuration_access(),
    "pre-flight: metric publishing": lambda c: c.preflight().metric_publishing(),
    "pre-flight: connected member": lambda c: c.preflight().connected_member(),
    "pre-flight: batch licenses": lambda c: c.preflight().read_batch_licenses(),
    "pre-flight: open changes": lambda c: c.preflight().has_open_changes("autoscale"),
    "pre-flight: push nothing": lambda c: c.preflight().push_nothing(),
    "pre-flight: administrator": lambda c: c.preflight().administrator(),
    "pre-flight: host names": lambda c: c.preflight().host_name_settings(),
    "recording: devices": lambda c: _describe(c.recording(), "devices"),
    "recording: jobs": lambda c: _describe(c.recording(), "jobs"),
    "firewall: state": lambda c: c.firewall().state(),
    "firewall: system information": lambda c: c.firewall().system_info(),
    "firewall: valid licenses": lambda c: c.firewall().valid_licenses(),
    "firewall: serial": lambda c: c.firewall().serial(),
    "firewall: licenses": lambda c: c.firewall().licenses(),
    "firewall: licensing key": lambda c: c.firewall().set_licensing_api_key(f"{MARKER}-l"),
    "firewall: deactivation": lambda c: c.firewall().deactivate_license(),
    "firewall: return": lambda c: _return_license(c.firewall()),
}
"""Every call that the functions make, by its name in reports."""


@dataclass(frozen=True)
class ResponseCase:
    """A call, and what the device sends.

    Attributes:
        call: Name of the call.
        number: Number of the request that gets this response; ``None`` for all requests.
        over_tls: Whether the response is sent over TLS.
    """

    call: str
    number: int | None
    response: HttpResponse
    over_tls: bool


class Responses:
    """A damaged response to one request of a call, or to all of them."""

    name = "responses"
    named_errors: tuple[type[Exception], ...] = (PanOsError, DeviceBusyError, LicenseError)

    def __init__(self) -> None:
        self._server: TlsServer | None = None
        self._requests = {call: self._undamaged(call) for call in CALLS}

    def _undamaged(self, call: str) -> list[str]:
        """Return the names of a call's responses; that the call succeeds shows that they fit."""
        device = Device()
        with in_memory(device, set()):
            CALLS[call](Clients(_PORT))
        return device.names

    def make(self, rng: Random) -> ResponseCase:
        call = rng.choice(tuple(CALLS))
        names = self._requests[call]
        number = None if rng.random() < 0.1 else rng.randrange(len(names))
        # Usually the response to this request; sometimes that to another request, or a refusal.
        name = rng.choice(tuple(RECORDED) if rng.random() < 0.15 else names)
        if number is not None and name in names and rng.random() < 0.9:
            name = names[number]
        example = RECORDED[name]
        if number is not None and names[number] == "keygen":
            # A key is secret if it was asked for.
            example = example.replace(b"SECRET-KEY", MARKER.encode())
        response = HttpResponse(example)
        if rng.random() < 0.9:
            other = RECORDED[rng.choice(tuple(RECORDED))]
            response = HttpResponse(xml_tree.damaged(rng, example, other))
        if rng.random() < 0.12:
            response = http_response.damaged(rng, response)
        return ResponseCase(call, number, response, over_tls=rng.random() < _TLS_SHARE)

    def read(self, case: ResponseCase) -> str:
        device = Device({case.number: case.response})
        result = (self._read_over_tls if case.over_tls else self._read_in_memory)(case, device)
        if case.call.startswith("removal"):
            _raise_failures(result)
        _check_texts(result)
        return ACCEPTED

    def _read_in_memory(self, case: ResponseCase, device: Device) -> object:
        ports: set[int] = set()
        try:
            with in_memory(device, ports):
                return CALLS[case.call](Clients(_PORT))
        finally:
            if not ports <= {_PORT}:
                raise UnusableResultError("the client followed a redirect to another port")

    def _read_over_tls(self, case: ResponseCase, device: Device) -> object:
        if self._server is None:
            self._server = TlsServer()
        self._server.device = device
        return CALLS[case.call](Clients(self._server.port))

    def content(self, case: ResponseCase) -> bytes:
        return case.response.body

    def with_content(self, case: ResponseCase, content: bytes) -> ResponseCase:
        return replace(case, response=replace(case.response, body=content))

    def has_secret(self, case: ResponseCase) -> bool:
        # Each request has secrets. A device that sends a key in another place shows it itself.
        body, marker = case.response.body, MARKER.encode()
        return body.count(marker) == body.count(b"<key>" + marker)

    def is_planted(self, case: ResponseCase) -> bool:
        return b"status=" not in case.response.body


def _raise_failures(progress: Any) -> None:
    """Raise the error of a removal that failed, as a visit does by logging it."""
    outcomes = progress.outcomes.values()
    failures: Iterable[Failed] = (item for item in outcomes if isinstance(item, Failed))
    for failure in failures:
        raise failure.error


def _check_texts(value: Any) -> None:
    """Check that no text of a result is too long for a log record, a tag or an error."""
    if isinstance(value, str):
        if len(value) > TEXT_BOUND:
            raise UnusableResultError("a text of any length is accepted")
    elif is_dataclass(value):
        for field in fields(value):
            _check_texts(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_texts(key)
            _check_texts(item)
    elif isinstance(value, Iterable):
        for item in value:
            _check_texts(item)
