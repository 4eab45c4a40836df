"""The inputs of the module's call, and how a row changes them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Inputs = dict[str, Any]
"""The arguments of the module's call, as a user writes them."""


@dataclass(frozen=True)
class At:
    """A value of the site (tests/fixtures/changes), by its path in the output.

    Attributes:
        path: Keys, joined by dots.
    """

    path: str

    def of(self, site: Mapping[str, Any]) -> Any:
        """Return the value."""
        value: Any = site
        for key in self.path.split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value


class Removed:
    """Says that an argument or attribute is not written any more."""


REMOVED = Removed()


def changed(inputs: Inputs, to: Mapping[str, Any], site: Mapping[str, Any]) -> Inputs:
    """Return a copy of inputs with new values."""
    result = copy.deepcopy(inputs)
    for path, value in to.items():
        *parents, last = path.split(".")
        place = result
        for key in parents:
            if place.get(key) is None:
                place[key] = {}
            place = place[key]
        if isinstance(value, Removed):
            place.pop(last, None)
        else:
            place[last] = resolved(value, site)
    return result


def resolved(value: Any, site: Mapping[str, Any]) -> Any:
    """Return a value with the values of the site for each :class:`At` or function in it."""
    if isinstance(value, At):
        return value.of(site)
    if callable(value):
        return value(site)
    if isinstance(value, Mapping):
        return {key: resolved(item, site) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolved(item, site) for item in value]
    return value
