"""Building blocks for the XML documents that are sent to a PAN-OS device."""

from __future__ import annotations

from xml.etree import ElementTree as ET


def command(*path: str, text: str | None = None) -> ET.Element:
    """Build an operational command: one element inside the other, the last one with ``text``."""
    root = ET.Element(path[0])
    nested(root, *path[1:]).text = text
    return root


def nested(parent: ET.Element, *path: str) -> ET.Element:
    """Add elements, one inside the other, to ``parent`` and return the innermost one."""
    for name in path:
        parent = ET.SubElement(parent, name)
    return parent


def to_xml(element: ET.Element) -> str:
    """Serialize an element."""
    return str(ET.tostring(element, encoding="unicode"))


def all_text(element: ET.Element) -> str:
    """The text of an element and of everything inside it, one line for each piece of text."""
    return "\n".join(text for piece in element.itertext() if (text := piece.strip()))
