"""Read single values from a device's response: texts, numbers and MAC addresses.

A response is untrusted. Without Panorama, it comes from a firewall, which may be compromised. A
value is therefore bounded before it goes into a log, a tag, an error or a further request.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import shortened

MAXIMUM_TEXT_LENGTH = 1000
"""Number of characters of a text that are read. The texts of PAN-OS are much shorter."""

_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
_SERIAL = re.compile(r"[A-Za-z0-9]{1,32}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_JOB_NUMBER = re.compile(r"[0-9]{1,18}")
_CODE = re.compile(r"[0-9]{1,6}")


def printable(text: str | None) -> str:
    """Return a text that is safe to print: its first 1,000 characters, none of them unprintable.

    Line breaks and tabs stay. Other control characters, and characters that change the direction of
    text, are replaced. A text that was cut ends with an ellipsis.
    """
    beginning = shortened(text or "", MAXIMUM_TEXT_LENGTH)
    if beginning.isprintable():
        return beginning
    return "".join(
        character if character.isprintable() or character in "\n\t" else _UNPRINTABLE
        for character in beginning
    )


def text_at(element: ET.Element, path: str) -> str:
    """Return the printable text of the first element at ``path``; empty without one."""
    return printable(element.findtext(path))


def all_text(element: ET.Element) -> str:
    """Return the text of an element and its descendants, one line for each piece of text.

    Only the beginning is read, as in ``printable``.
    """
    pieces: list[str] = []
    length = 0
    for piece in element.itertext():
        if text := piece[: 2 * MAXIMUM_TEXT_LENGTH].strip():
            pieces.append(text)
            length += len(text)
        if length > MAXIMUM_TEXT_LENGTH:
            break
    return printable("\n".join(pieces))


def serial_number(text: str | None) -> str | None:
    """Return a serial number; ``None`` if the text is not one.

    The known ones have 12 to 15 letters and digits. The limit is higher, so that no real one is
    missed (docs/assumptions.md).
    """
    serial = (text or "").strip() if len(text or "") <= MAXIMUM_TEXT_LENGTH else ""
    return serial if _SERIAL.fullmatch(serial) else None


def mac_address(text: str) -> str:
    """Return a MAC address in lower case; empty if the text is not one with colons."""
    mac = text.strip().lower()
    return mac if _MAC.fullmatch(mac) else ""


def job_number(text: str | None) -> int | None:
    """Return the number of a job; ``None`` if the text is not one."""
    number = text or ""
    return int(number) if _JOB_NUMBER.fullmatch(number) else None


def error_code(text: str | None) -> str | None:
    """Return an error code of the XML API; ``None`` if the text is not one."""
    code = text or ""
    return code if _CODE.fullmatch(code) else None
