"""Finds installed parts of the lab."""

from __future__ import annotations

from typing import TypeVar

from vmseries_lab.core.world import World

P = TypeVar("P")


def find(world: World, kind: type[P]) -> P:
    """Return the installed engine of a class.

    Raises:
        LookupError: if it is not installed.
    """
    for engine in world.engines:
        if isinstance(engine, kind):
            return engine
    raise LookupError(f"{kind.__module__}.{kind.__name__} must be installed first")
