"""Build the XML documents that are sent to a PAN-OS device."""

from __future__ import annotations

from xml.etree import ElementTree as ET


def command(*path: str, text: str | None = None) -> ET.Element:
    """Build an operational command of nested elements, the innermost one with ``text``."""
    root = ET.Element(path[0])
    nested(root, *path[1:]).text = text
    return root


def nested(parent: ET.Element, *path: str) -> ET.Element:
    """Add nested elements to ``parent`` and return the innermost one."""
    for name in path:
        parent = ET.SubElement(parent, name)
    return parent


def to_xml(element: ET.Element) -> str:
    """Serialize an element to a string."""
    return str(ET.tostring(element, encoding="unicode"))
