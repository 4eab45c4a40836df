"""Configuration mode of Panorama's command line: ``set`` and ``delete`` commands.

Palo Alto Networks, PAN-OS CLI Quick Start: "Modify the Configuration" and "Load Configuration
Settings from a Text File" (a command names the same nodes as an XPath, and entries by name only).
"""

from __future__ import annotations

import shlex
from collections import deque
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from vmseries_lab.panorama import references
from vmseries_lab.panorama.config_store import Action, Change

_LISTS = frozenset(
    {
        "template",
        "template-stack",
        "device-group",
        "log-collector-group",
        "log-collector",
        "license-manager",
        "bootstrap-definition",
        "devices",
        "vsys",
        "entry",
        "ethernet",
        "interface-management-profile",
        "rules",
        "address",
        "tag",
        "zone",
        "virtual-router",
    }
)
"""Nodes with entries: the next word of a command is the name of an entry.

This does not apply inside a license manager, whose nodes refer to entries elsewhere by name.
"""

_MEMBERS = frozenset({"templates", "source", "destination", "from", "to", "application", "service"})
"""Nodes with members."""

_DEVICE_LEVEL = frozenset({"deviceconfig", "network", "vsys", "platform"})
"""Nodes that follow ``config`` in a command; in the XML, ``devices`` and its entry come first."""

_ROOTS = frozenset(
    {"template", "template-stack", "device-group", "log-collector-group", "mgt-config", "plugins"}
)
_TEXT = "text()"


class BadLineError(ValueError):
    """A line is not a valid command."""


@dataclass(frozen=True, slots=True)
class _Node:
    tag: str
    name: str | None = None


def change(line: str, admin: str) -> Change:
    """Return the change that a line makes.

    Raises:
        BadLineError: if the line is not a valid ``set`` or ``delete`` command.
    """
    words = shlex.split(line)
    if len(words) < 3 or words[0] not in ("set", "delete"):
        raise BadLineError(f"not a set or delete command: {line}")
    if words[1] not in _ROOTS:
        raise BadLineError(f"unknown: {words[1]} in {line}")
    action: Action = "set" if words[0] == "set" else "delete"
    nodes, values = _parse(deque(words[1:]), with_value=action == "set")
    base = "/config" if nodes[0].tag == "mgt-config" else references.LOCALHOST
    if action == "delete":
        return Change(admin, action, base + "".join(_step(node) for node in nodes + values))
    return Change(admin, action, base + _step(nodes[0]), _element(nodes[1:], values))


def _parse(words: deque[str], *, with_value: bool) -> tuple[list[_Node], list[_Node]]:
    """Return the nodes that a line names, and the text or the members at its end."""
    nodes: list[_Node] = []
    while words:
        word = words.popleft()
        if with_value and nodes and not words:
            return nodes, [_Node(_TEXT, word)]
        if nodes and nodes[-1].tag == "config" and word in _DEVICE_LEVEL:
            nodes += [_Node("devices"), _Node("entry", "localhost.localdomain")]
        nodes.append(_Node(word))
        if word in _MEMBERS:
            return nodes, [_Node("member", text) for text in words if text not in ("[", "]")]
        if word in _LISTS and words and _Node("license-manager") not in nodes[:-1]:
            nodes.append(_Node("entry", words.popleft()))
    return nodes, []


def _step(node: _Node) -> str:
    if node.tag == "member":
        return f"/member[text()='{node.name}']"
    return f"/{node.tag}[@name='{node.name}']" if node.name else f"/{node.tag}"


def _element(nodes: list[_Node], values: list[_Node]) -> str:
    """Return nested XML elements for the nodes, with the values in the innermost element."""
    root = Element("root")
    innermost = root
    for node in nodes:
        innermost = SubElement(innermost, node.tag, {"name": node.name} if node.name else {})
    for value in values:
        if value.tag == "member":
            SubElement(innermost, "member").text = value.name
        else:
            innermost.text = value.name
    return "".join(tostring(child, encoding="unicode") for child in root)
