"""Search texts for values, in each form in which a text can have them. Pure functions."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

MINIMUM_LENGTH = 8
"""Shorter values would be found in ordinary words."""


@dataclass(frozen=True, slots=True)
class Needle:
    """A value that must not be found.

    Attributes:
        kind: What it is, such as ``licensing-api-key: api_key``.
        value: The value itself, which is never printed.
    """

    kind: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Texts in which values are searched.

    Attributes:
        name: Where they are, such as the name of a log group.
        texts: The texts.
        allowed: Kinds of values that may be here, by design.
    """

    name: str
    texts: tuple[str, ...] = field(repr=False)
    allowed: frozenset[str] = frozenset()


@dataclass(slots=True)
class Found:
    """What was found in one place: how often each kind of value."""

    place: Place
    hits: Counter[str] = field(default_factory=Counter)
    permitted: Counter[str] = field(default_factory=Counter)


def forms(value: str) -> set[str]:
    """Return a value as a text can have it: as it is, quoted, escaped, and in Base64."""
    encoded = {value, quote(value, safe=""), quote_plus(value), escape(value)}
    encoded |= {
        json.dumps(form, ensure_ascii=ascii_only)[1:-1]
        for form in (value, escape(value))
        for ascii_only in (True, False)
    }
    encoded |= {repr(value)[1:-1], repr(value.encode())[2:-1], value.encode().hex()}
    return encoded | _base64(value)


def _base64(value: str) -> set[str]:
    """Return the part of the Base64 text that does not depend on what surrounds the value."""
    found = set()
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + value.encode()).decode()
        inner = whole.rstrip("=")[(before * 8 + 5) // 6 : -1]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found


def search(places: Iterable[Place], needles: Iterable[Needle]) -> list[Found]:
    """Search every place for every value.

    Raises:
        ValueError: A value is too short to be searched for.
    """
    wanted: Mapping[str, str] = {
        form: needle.kind for needle in needles for form in _checked(needle)
    }
    results = []
    for place in places:
        found = Found(place)
        for text in place.texts:
            for kind in {kind for form, kind in wanted.items() if form in text}:
                (found.permitted if kind in place.allowed else found.hits)[kind] += 1
        results.append(found)
    return results


def _checked(needle: Needle) -> set[str]:
    if len(needle.value) < MINIMUM_LENGTH:
        raise ValueError(f"{needle.kind} has a value that is too short to be searched for")
    return forms(needle.value)
