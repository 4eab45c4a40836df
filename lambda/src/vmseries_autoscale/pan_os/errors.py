"""Classify the error responses of a PAN-OS device.

The numeric code alone is not enough: "A commit is pending" has code 13 in recorded responses, which
is documented as "object not found". The library pan-os-python recognizes only a few of the texts.
Codes: PAN-OS XML API error codes,
https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-panorama-api/get-started-with-the-pan-os-xml-api/pan-os-xml-api-error-codes

The order of the checks matters. Texts that contain names chosen by administrators are recognized by
their fixed part first, because a device group may be called "passive".
"""

from __future__ import annotations

import re

from vmseries_autoscale.errors import (
    PANORAMA,
    AutoscaleError,
    DeniedOnPeerError,
    DeviceAccessError,
    DeviceBusyError,
    DeviceRefusedError,
    FirewallNotConnectedError,
    FullCommitRequiredError,
    ObjectReferencedError,
)
from vmseries_autoscale.pan_os.values import error_code, printable

_BUSY = re.compile(
    r"a commit is (pending|in progress)"
    r"|another (commit|validate|commit/validate|sync) is in progress"
    r"|install is in progress"
    r"|timed out while getting config lock"
    r"|(commit|config|configuration) (lock )?is (already |currently )?(held|locked) by"
    r"|is currently locked by"
    r"|holding .*(commit|config) locks"
    r"|operation is blocked because of"
    r"|local commit jobs are queued"
    r"|commit.*queue.*(full|exceed|limit|maximum)|(maximum|limit).*commit.*(queue|jobs)"
    r"|session timed out"
    r"|synchronize running configuration with ha peer"
    # After a failover, the other peer has a different job list.
    r"|job \d+ not found"
    # The management server is starting: release notes of PAN-OS 11.1, "Addressed Issues".
    r"|timed out as client is not available"
    r"|passive"
)
_UNKNOWN_JOB = re.compile(r"job \d+ not found")
_ACCESS = re.compile(r"invalid credentials?|unauthorized|not authenticated|permission denied")
_FULL_COMMIT = re.compile(
    r"full (system )?commit (is required|required|is needed|must be completed)"
    r"|(requires|needs) a full (system )?commit"
)
_NOT_CONNECTED = re.compile(r"\bnot connected\b")
_REFERENCED = re.compile(r"cannot be deleted because of references from")
_SESSION_TIMED_OUT = "22"
_DENIED_ON_PASSIVE = "15"
_UNAUTHORIZED = frozenset({"16", "401", "403"})
_REFERENCE_COUNT_NOT_ZERO = "10"


def classify_pan_os_error(device: str, code: str | None, text: str) -> AutoscaleError:
    """Return the error for a device's error response.

    Args:
        device: ``PANORAMA``, or ``firewall`` and the firewall's address. Only Panorama is
            classified as busy, because this package never waits for commits or locks of a firewall.
        code: Error code of the response; ``None`` without one.
        text: Text of the response. Only its beginning is used.
    """
    code, text = error_code(code), printable(text)
    lowered = text.lower()
    if requires_full_commit(text):
        return FullCommitRequiredError(device, code, text)
    if _REFERENCED.search(lowered):
        return ObjectReferencedError(device, code, text)
    if (condition := _panorama_condition(code, text)) is not None:
        return condition if device == PANORAMA else DeviceRefusedError(device, code, text)
    if code in _UNAUTHORIZED or _ACCESS.search(lowered):
        return DeviceAccessError(
            device,
            f"{device} rejects the administrator's API key, password or role "
            f"(code {code or 'none'}): {text}",
        )
    if code == _REFERENCE_COUNT_NOT_ZERO:
        return ObjectReferencedError(device, code, text)
    return DeviceRefusedError(device, code, text)


def requires_full_commit(text: str) -> bool:
    """Return whether a text from PAN-OS says that only a full commit is possible."""
    return _FULL_COMMIT.search(text.lower()) is not None


def is_missing_node(error: DeviceRefusedError) -> bool:
    """Return whether the error means that the configuration has nothing at the requested XPath."""
    return "no such node" in error.text.lower()


def is_unknown_job(text: str) -> bool:
    """Return whether a text from PAN-OS says that it has no job with the requested number."""
    return _UNKNOWN_JOB.search(text.lower()) is not None


def _panorama_condition(code: str | None, text: str) -> AutoscaleError | None:
    """Return the error if Panorama is busy or not connected to the firewall, ``None`` otherwise."""
    lowered = text.lower()
    if code == _DENIED_ON_PASSIVE:
        return DeniedOnPeerError(PANORAMA, f"Panorama is busy (code {code}): {text}")
    if code == _SESSION_TIMED_OUT or _BUSY.search(lowered):
        return DeviceBusyError(PANORAMA, f"Panorama is busy (code {code or 'none'}): {text}")
    if _NOT_CONNECTED.search(lowered):
        return FirewallNotConnectedError(
            PANORAMA, f"Panorama is not connected to the firewall: {text}"
        )
    return None
