"""Configuration mode of Panorama's command line: ``set`` and ``delete`` commands.

Palo Alto Networks, PAN-OS CLI Quick Start: "Modify the Configuration" and "Load Configuration
Settings from a Text File" (a command names the same nodes as an XPath, and entries by name only).
:mod:`~vmseries_lab.panorama.command_tree` has the nodes.
"""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from vmseries_lab.panorama import command_tree, references
from vmseries_lab.panorama.command_tree import Kind, Node
from vmseries_lab.panorama.config_store import Action, Change

_IN_DEVICES = frozenset({"deviceconfig", "network", "vsys", "platform"})
"""Nodes that follow ``config`` in a command for a template; in the XML, ``devices`` and its entry
come first."""

_LONGEST_NAME = 63


class BadLineError(ValueError):
    """A line is not a valid command."""


@dataclass(frozen=True, slots=True)
class _Step:
    """An element of the configuration, optionally an entry by name or a member by its text."""

    tag: str
    name: str | None = None


def changes(lines: Iterable[str], admin: str) -> Iterator[Change]:
    """Yield the changes of a text with one command in each line.

    Lines that are empty or begin with ``#`` are comments, as in the files of the
    examples.

    Raises:
        BadLineError: for the first line that is not a valid command, with its number.
    """
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            yield change(text, admin)
        except BadLineError as error:
            raise BadLineError(f"line {number}: {error}") from error


def change(line: str, admin: str) -> Change:
    """Return the change that a command makes.

    Raises:
        BadLineError: if the line is not a valid ``set`` or ``delete`` command.
    """
    try:
        words = deque(shlex.split(line))
    except ValueError as error:
        raise BadLineError(f"{error}: {line}") from error
    verb = words.popleft() if words else ""
    if verb not in ("set", "delete") or not words:
        raise BadLineError(f"not a set or delete command: {line!r}")
    action: Action = "set" if verb == "set" else "delete"
    try:
        steps, values = _parse(words, complete=action == "set")
    except BadLineError as error:
        raise BadLineError(f"{error} in {line!r}") from error
    base = "/config" if steps[0].tag == "mgt-config" else references.LOCALHOST
    if action == "delete":
        leaves = [step for step in values if step.tag == "member"]
        return Change(admin, action, base + "".join(_xpath(step) for step in steps + leaves))
    return Change(admin, action, base + _xpath(steps[0]), _element(steps[1:], values))


def _parse(words: deque[str], *, complete: bool) -> tuple[list[_Step], list[_Step]]:
    """Return the elements that a command names, and the value or the members at its end.

    Args:
        words: words after ``set`` or ``delete``.
        complete: whether the command has to end with a value, members or an entry.
    """
    node, steps = command_tree.root(), list[_Step]()
    while words:
        word = words.popleft()
        child = node.children.get(word)
        if child is None:
            raise BadLineError(f"unknown: {word}")
        if steps and steps[-1].tag == "config" and word in _IN_DEVICES:
            steps += [_Step("devices"), _Step("entry", "localhost.localdomain")]
        steps.append(_Step(word))
        if child.kind is Kind.ENTRIES and words:
            name = _name(words.popleft())
            if not child.accepts(name):
                raise BadLineError(f"unknown: {name}")
            steps.append(_Step("entry", name))
        elif child.kind is Kind.ENTRIES and complete:
            raise BadLineError(f"no name after {word}")
        elif child.kind is Kind.MEMBERS:
            return steps, _members(word, words, complete=complete)
        elif child.kind is Kind.VALUE:
            return steps, _value(word, child, words, complete=complete)
        node = child
    if complete and node.kind is Kind.NODE and node.children:
        raise BadLineError(f"incomplete after {steps[-1].tag}")
    return steps, []


def _name(word: str) -> str:
    if not 0 < len(word) <= _LONGEST_NAME or any(sign in word for sign in "'\"[]<>&"):
        raise BadLineError(f"not a name: {word!r}")
    return word


def _members(name: str, words: deque[str], *, complete: bool) -> list[_Step]:
    """Return one word, or several in brackets, as members."""
    if not words and not complete:
        return []
    listed = list(words)
    if listed[:1] == ["["] and listed[-1:] == ["]"]:
        listed = listed[1:-1]
    elif len(listed) != 1:
        raise BadLineError(f"not one word or a list in brackets after {name}")
    if not listed:
        raise BadLineError(f"an empty list after {name}")
    return [_Step("member", _name(word)) for word in listed]


def _value(name: str, node: Node, words: deque[str], *, complete: bool) -> list[_Step]:
    """Return the value at the end of a command."""
    if not words and not complete:
        return []
    if len(words) != 1:
        raise BadLineError(f"not one value after {name}")
    if not node.accepts(words[0]):
        raise BadLineError(f"invalid value {words[0]!r} of {name}")
    return [_Step("", words[0])]


def _xpath(step: _Step) -> str:
    if step.tag == "member":
        return f"/member[text()='{step.name}']"
    return f"/{step.tag}[@name='{step.name}']" if step.name else f"/{step.tag}"


def _element(steps: list[_Step], values: list[_Step]) -> str:
    """Return nested XML elements, with the value or the members in the innermost one."""
    root = Element("root")
    innermost = root
    for step in steps:
        innermost = SubElement(innermost, step.tag, {"name": step.name} if step.name else {})
    for value in values:
        if value.tag == "member":
            SubElement(innermost, "member").text = value.name
        else:
            innermost.text = value.name
    return "".join(tostring(child, encoding="unicode") for child in root)
