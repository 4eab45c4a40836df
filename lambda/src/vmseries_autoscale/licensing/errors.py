"""Explain the errors that PAN-OS returns when a license cannot be deactivated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from vmseries_autoscale.errors import (
    DeviceBusyError,
    DeviceRefusedError,
    LicenseError,
    LicenseServerUnreachableError,
    LicensingKeyError,
)

_KEY = re.compile(r"api[- ]key|deactivation token|authorization has been denied", re.IGNORECASE)
_UNREACHABLE = re.compile(
    r"fail(ed|ure) to (get|fetch|contact|connect|reach|resolve|communicate)"
    r"|(unable|not able) to (connect|contact|reach|resolve|communicate)"
    r"|(cannot|can't|can not|could not|couldn't) (connect|contact|reach|resolve|communicate)"
    r"|unreachable|connection timed out|no internet|communication (error|failure)",
    re.IGNORECASE,
)


@contextmanager
def license_errors(device: str, key_advice: str) -> Iterator[None]:
    """Replace errors with a licensing cause by an error that names the cause and the remedy.

    Args:
        device: Name of the device that deactivates the license, for the message.
        key_advice: Remedy if the licensing API key is the cause.

    Raises:
        LicenseServerUnreachableError: If the device cannot reach Palo Alto's license server.
        LicensingKeyError: If the license server rejects the licensing API key.
    """
    try:
        yield
    except (DeviceRefusedError, DeviceBusyError) as error:
        # A device that cannot reach the license server may also respond "Please try again later".
        text = str(error) if isinstance(error, DeviceBusyError) else error.text
        cause = explained(text, device, key_advice)
        if cause is None:
            raise
        raise cause from error


def explained(text: str, device: str, key_advice: str) -> LicenseError | None:
    """Return the error that names the licensing cause in a text from PAN-OS; ``None`` without one.

    Args:
        text: Text from PAN-OS.
        device: Name of the device that deactivates the license, for the message.
        key_advice: Remedy if the licensing API key is the cause.
    """
    if _KEY.search(text):
        return LicensingKeyError(
            f"{device} cannot return a license ({text}): the licensing API key is missing, has "
            f"expired or was regenerated; {key_advice}"
        )
    if _UNREACHABLE.search(text):
        return LicenseServerUnreachableError(
            f"{device} cannot reach Palo Alto's license server ({text}): check the route, DNS and "
            "outbound HTTPS of its management interface, and that it verifies the update server's "
            "identity, as it does by default"
        )
    return None
