"""Panorama's list of firewalls: its size, its duration and its serial numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from acceptance.facts import Answer, Evidence, Fact
from acceptance.panorama import PanoramaError
from acceptance.recorders.identity import NO_PANORAMA, pairs

BYTES, ELEMENTS = 3072, 80
"""Assumed limits for each firewall."""
SECONDS = 10.0


def list_size(bytes_per_device: int, elements_per_device: int) -> Answer:
    """Return whether an entry of the list is as small as assumed."""
    fits = bytes_per_device <= BYTES and elements_per_device <= ELEMENTS
    detail = f"{bytes_per_device} bytes and {elements_per_device} elements each"
    return Answer("within" if fits else "larger", detail)


def _size(evidence: Evidence) -> Answer | None:
    if evidence.panorama is None:
        return None
    try:
        shown = evidence.panorama.devices()
    except PanoramaError:
        return None
    return list_size(shown.bytes_per_device, shown.elements_per_device) if shown.devices else None


def _duration(evidence: Evidence) -> Answer | None:
    if evidence.panorama is None:
        return None
    start = time.monotonic()
    try:
        evidence.panorama.devices()
    except PanoramaError:
        return None
    return Answer("within" if time.monotonic() - start <= SECONDS else "longer")


def serial_form(serials: Sequence[str]) -> Answer | None:
    """Return whether all serial numbers have the assumed form."""
    if not serials:
        return None
    fits = all(serial.isalnum() and serial.isascii() and len(serial) <= 32 for serial in serials)
    lengths = sorted({len(serial) for serial in serials})
    kind = "digits" if all(serial.isdecimal() for serial in serials) else "characters"
    return Answer("as-expected" if fits else "other", f"{lengths[0]} to {lengths[-1]} {kind}")


FACTS = (
    Fact(
        "device-list-size",
        f"Has each firewall in Panorama's list at most {BYTES} bytes and {ELEMENTS} elements?",
        "within",
        _size,
        NO_PANORAMA,
    ),
    Fact(
        "device-list-duration",
        f"Does Panorama's list arrive within {SECONDS:.0f} seconds?",
        "within",
        _duration,
        NO_PANORAMA,
    ),
    Fact(
        "serial-number-form",
        "Has a serial number at most 32 letters and digits?",
        "as-expected",
        lambda evidence: serial_form([device.serial for *_, device in pairs(evidence.snapshots)]),
        NO_PANORAMA,
    ),
)
