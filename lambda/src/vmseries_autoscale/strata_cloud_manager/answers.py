"""Read the answers of Strata Cloud Manager's API. Pure functions over bounded bytes.

Sources of the formats, in the vendor's repository PaloAltoNetworks/pan.dev (commit 481855c), the
specifications of the API in its folder openapi-specs/scm:

- the token: ``products/scm/docs/access-tokens.md`` and ``auth/AuthService.yaml``
- devices and folders: ``config/ngfw/setup/config-setup-feb-v1.yaml``
- jobs and running versions: ``config/ngfw/operations/config-operations-march.yaml``
- the form of a serial number: ``config/ngfw-operations/operations-R2-2026.yaml``

The specification does not name the field of a serial number. Its own sample reads ``serial_number``
(``products/scm/docs/api-best-practices.md``), and its Terraform provider has serial numbers as
``id`` (``docs/data-sources/device.md``), so that all fields that can have it are read
(docs/assumptions.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vmseries_autoscale.errors import STRATA_CLOUD_MANAGER, DeviceUnavailableError
from vmseries_autoscale.pan_os.values import job_number, mac_address, printable, serial_number
from vmseries_autoscale.strata_cloud_manager.interface import (
    ConfigurationJob,
    ManagedFirewall,
)

MAXIMUM_BYTES = 4 * 2**20
"""Size of an answer. A page of 200 firewalls with all their licenses has about 1 MB."""

MAXIMUM_ENTRIES = 20_000
"""Number of entries of a list, over all its pages."""

MAXIMUM_NAME = 255
MAXIMUM_TOKEN_SECONDS = 24 * 3600
_MAXIMUM_VERSION = 2**53

_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
"""What may be in a header. The documentation says that a token is a JSON Web Token."""

_SERIAL = re.compile(r"[0-9]{14,15}")
"""The documented form of a serial number in this API."""

_ENDED = frozenset({"FIN", "PUSHFAIL", "PUSHABORT", "PUSHTIMEOUT"})
_PUSHES = frozenset({"CommitAll", "CommitAndPush", "NGFW-Bootstrap-Push"})


@dataclass(frozen=True, slots=True)
class Token:
    """An access token.

    Attributes:
        value: Text of the token.
        seconds: Time for which it is valid.
    """

    value: str = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        entries: Entries of the page, of any type.
        total: Number of entries of the whole list.
    """

    entries: Sequence[object]
    total: int


def token(body: bytes) -> Token:
    """Read the answer to the request for an access token.

    Raises:
        DeviceUnavailableError: If it is in another format.
    """
    document = _document(body)
    value, seconds = document.get("access_token"), document.get("expires_in")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise _unusable("the identity service answered without a usable access_token")
    if (
        not isinstance(seconds, int | float)
        or isinstance(seconds, bool)
        or not 0 < seconds <= MAXIMUM_TOKEN_SECONDS
    ):
        raise _unusable("the identity service answered without a usable expires_in")
    return Token(value, float(seconds))


def page(body: bytes) -> Page:
    """Read one page of a list.

    Raises:
        DeviceUnavailableError: If it is in another format. A list without its container, or without
            the number of its entries, says nothing about what it does not show.
    """
    document = _document(body)
    entries, total = document.get("data"), document.get("total")
    if not isinstance(entries, list):
        raise _unusable("the answer has no list")
    if not isinstance(total, int) or isinstance(total, bool) or not 0 <= total <= MAXIMUM_ENTRIES:
        raise _unusable(f"the answer has no total from 0 to {MAXIMUM_ENTRIES}")
    return Page(entries, total)


def firewalls(entries: Iterable[object]) -> list[ManagedFirewall]:
    """Read devices. Those without a serial number, and others than firewalls, are left out.

    Of several entries with one serial number, one that is connected is read.
    """
    found: dict[str, ManagedFirewall] = {}
    for entry in entries:
        if not isinstance(entry, dict) or (firewall := _firewall(entry)) is None:
            continue
        known = found.get(firewall.serial)
        if known is None:
            found[firewall.serial] = firewall
        elif known.folder != firewall.folder:
            # Nothing says which of the two is true.
            found[firewall.serial] = replace(known, folder=None, connected=False)
        elif firewall.connected:
            found[firewall.serial] = firewall
    return list(found.values())


def _firewall(entry: Mapping[str, Any]) -> ManagedFirewall | None:
    serial = _serial(entry)
    if serial is None:
        return None
    hostname, folder = _name(entry.get("hostname")), _name(entry.get("folder"))
    names = {serial, hostname, _name(entry.get("name")), _name(entry.get("display_name"))}
    return ManagedFirewall(
        serial,
        hostname=hostname,
        folder=folder or None,
        connected=entry.get("is_connected") is True,
        ip_address=_name(entry.get("ip_address")),
        mac=mac_address(_name(entry.get("mac_address")).replace("-", ":")),
        names=frozenset(names - {""}),
    )


def _serial(entry: Mapping[str, Any]) -> str | None:
    text = entry.get("serial_number")
    if isinstance(text, str) and (serial := serial_number(text)) is not None:
        return serial
    for key in ("name", "id"):
        text = entry.get(key)
        if isinstance(text, str) and _SERIAL.fullmatch(text):
            return text
    return None


def running_versions(body: bytes) -> dict[str, int]:
    """Read the versions of the running configurations, by serial number or folder name.

    If a name is in the list several times, its oldest version counts.

    Raises:
        DeviceUnavailableError: If the answer is in another format.
    """
    entries = _document(body).get("data")
    if not isinstance(entries, list) or len(entries) > MAXIMUM_ENTRIES:
        raise _unusable("the answer has no list of running configurations")
    versions: dict[str, int] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        name, version = _name(entry.get("device")), entry.get("version")
        if not name or not isinstance(version, int) or isinstance(version, bool):
            continue
        if 0 <= version <= _MAXIMUM_VERSION:
            versions[name] = min(version, versions.get(name, version))
    return versions


def jobs(body: bytes) -> list[ConfigurationJob]:
    """Read configuration jobs, newest first. Other jobs and unreadable ones are left out.

    Raises:
        DeviceUnavailableError: If the answer is in another format.
    """
    entries = _document(body).get("data")
    if not isinstance(entries, list):
        raise _unusable("the answer has no list of jobs")
    found = [job for entry in entries if isinstance(entry, dict) and (job := _job(entry))]
    return sorted(found, key=lambda job: job.job_id, reverse=True)


def _job(entry: Mapping[str, Any]) -> ConfigurationJob | None:
    job_id = entry.get("id")
    number = job_number(job_id) if isinstance(job_id, str) else None
    if number is None or _name(entry.get("type_str")) not in _PUSHES:
        return None
    status, result = _name(entry.get("status_str")), _name(entry.get("result_str"))
    finished = status in _ENDED
    pieces = [result, _name(entry.get("summary")), _details(entry.get("details"))]
    return ConfigurationJob(
        number,
        device_name=_name(entry.get("device_name")),
        finished=finished,
        failed=finished and not (status == "FIN" and result == "OK"),
        text=": ".join(piece for piece in pieces if piece),
    )


def _details(value: object) -> str:
    """Return the first error of a job's details, which are a JSON document in a text."""
    if not isinstance(value, str) or len(value) > MAXIMUM_BYTES:
        return ""
    try:
        content = json.loads(value)
    except (ValueError, RecursionError):
        return ""
    errors = content.get("errors") if isinstance(content, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return " ".join(printable(first).split()) if isinstance(first, str) else ""


def folder_names(entries: Iterable[object]) -> frozenset[str]:
    """Read the names of folders. Firewalls are in the same list, by serial number."""
    names = (_name(entry.get("name")) for entry in entries if isinstance(entry, dict))
    return frozenset(name for name in names if name)


def error_text(body: bytes) -> str:
    """Return what a refusal says; empty if it says nothing readable."""
    try:
        errors = _document(body).get("_errors")
    except DeviceUnavailableError:
        return ""
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return ""
    pieces = [_name(first.get("code")), _name(first.get("message"))]
    return " ".join(piece for piece in pieces if piece)


def _name(value: object) -> str:
    """Return a text of one line; empty if the value is none, or too long for a name."""
    if not isinstance(value, str) or len(value) > MAXIMUM_NAME:
        return ""
    return printable(" ".join(value.split()))


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    # Numbers of thousands of digits, and thousands of brackets. The cause would quote the answer.
    except (ValueError, RecursionError):
        raise _unusable("the answer is not JSON") from None
    if not isinstance(content, dict):
        raise _unusable("the answer is not a JSON object")
    return content


def _unusable(problem: str) -> DeviceUnavailableError:
    return DeviceUnavailableError(STRATA_CLOUD_MANAGER, f"{STRATA_CLOUD_MANAGER}: {problem}")
