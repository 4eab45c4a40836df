"""Describe an answer of the XML API without its values. Pure.

A description has two parts. ``elements`` counts every element of the whole answer: how often it
occurs, how many different values it has, and of which kinds and lengths. ``sample`` shows single
entries with placeholders: the first ones of each form, since a list mostly repeats one form.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from vmseries_autoscale.recording.neutral import Neutralizer

MAXIMUM_PATHS = 250
MAXIMUM_KINDS = 12
MAXIMUM_SAMPLE = 300
"""Number of elements in a sample."""
ENTRIES_OF_A_FORM, FORMS = 2, 6
"""How many entries of one form, and how many forms, a sample shows in each list."""

_KEYS = ("id", "serial")
"""Children that name an entry. Entries with the same key are a form of their own."""
_FORM = ("type", "status", "result", "connected", "deactivated")
"""Children whose value belongs to the form of an entry."""
_NUMBER = re.compile(r"-[0-9]+")


@dataclass(slots=True)
class _Path:
    """What is known about one path of element names."""

    count: int = 0
    values: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)
    shortest: int | None = None
    longest: int = 0


def describe(answer: ET.Element, neutralizer: Neutralizer) -> dict[str, Any]:
    """Return the description of an answer."""
    # All values before the names in XPaths, and both before the names of elements.
    values = list(_values(answer))
    for owner, text in sorted(values, key=lambda found: found[1].lstrip().startswith("/")):
        neutralizer.see(owner, text)
    paths: dict[str, _Path] = {}
    _count(answer, neutralizer, paths)
    shown = dict(list(paths.items())[:MAXIMUM_PATHS])
    described: dict[str, Any] = {
        "elements": {path: _facts(found) for path, found in shown.items()},
        "sample": ET.tostring(_Sampler(neutralizer).sample(answer), encoding="unicode"),
    }
    if len(paths) > len(shown):
        described["paths_left_out"] = len(paths) - len(shown)
    return described


def _values(answer: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield every text and value of an attribute, with the name that it belongs to."""
    for element in answer.iter():
        if element.text:
            yield element.tag, element.text
        yield from element.attrib.items()


def _count(root: ET.Element, neutralizer: Neutralizer, paths: dict[str, _Path]) -> None:
    waiting = [(root, neutralizer.name(root.tag))]
    while waiting:
        element, path = waiting.pop()
        found = paths.setdefault(path, _Path())
        found.count += 1
        _note(found, element.tag, element.text or "", neutralizer)
        for name, value in element.attrib.items():
            attribute = paths.setdefault(f"{path}/@{neutralizer.name(name)}", _Path())
            attribute.count += 1
            _note(attribute, name, value, neutralizer)
        waiting += [(one, f"{path}/{neutralizer.name(one.tag)}") for one in reversed(element)]


def _note(found: _Path, owner: str, text: str, neutralizer: Neutralizer) -> None:
    value = neutralizer.value(owner, text)
    if not value:
        return
    length = len(text.strip())
    found.values.add(value)
    found.kinds[_NUMBER.sub("", value) if value != text.strip() else value] += 1
    found.shortest = length if found.shortest is None else min(found.shortest, length)
    found.longest = max(found.longest, length)


def _facts(found: _Path) -> dict[str, Any]:
    facts: dict[str, Any] = {"count": found.count}
    if found.values:
        facts["different"] = len(found.values)
        facts["kinds"] = dict(found.kinds.most_common(MAXIMUM_KINDS))
        facts["length"] = [found.shortest, found.longest]
    return facts


class _Sampler:
    """Copies the beginning of an answer, with placeholders."""

    def __init__(self, neutralizer: Neutralizer) -> None:
        self._neutralizer = neutralizer
        self._left = MAXIMUM_SAMPLE

    def sample(self, element: ET.Element) -> ET.Element:
        """Return the sample of an element."""
        self._left -= 1
        attributes = {
            self._neutralizer.name(name): self._neutralizer.value(name, value)
            for name, value in element.attrib.items()
        }
        copy = ET.Element(self._neutralizer.name(element.tag), attributes)
        copy.text = self._neutralizer.value(element.tag, element.text) or None
        shown = 0
        for child in self._chosen(element):
            if self._left <= 0:
                break
            copy.append(self.sample(child))
            shown += 1
        if shown < len(element):
            copy.append(ET.Comment(f" {len(element) - shown} more "))
        return copy

    def _chosen(self, element: ET.Element) -> Iterator[ET.Element]:
        """Yield the first children of each form."""
        keys = Counter(_key(child) for child in element)
        seen: Counter[tuple[object, ...]] = Counter()
        for child in element:
            key = _key(child)
            form = (child.tag, key is not None and keys[key] > 1, *_form(child))
            if form not in seen and len(seen) >= FORMS and len(child):
                continue
            seen[form] += 1
            if seen[form] <= ENTRIES_OF_A_FORM:
                yield child


def _key(entry: ET.Element) -> str | None:
    return next((text for name in _KEYS if (text := entry.findtext(name))), None)


def _form(entry: ET.Element) -> Iterator[object]:
    yield frozenset(child.tag for child in entry)
    yield from (entry.findtext(name) for name in _FORM)
