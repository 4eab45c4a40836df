"""Finds a part of the lab that was installed earlier."""

from __future__ import annotations

from typing import TypeVar

from vmseries_lab.core.world import World

P = TypeVar("P")


def find(world: World, kind: type[P]) -> P:
    """The installed engine of this class.

    Raises:
        LookupError: if it has not been installed.
    """
    for engine in world.engines:
        if isinstance(engine, kind):
            return engine
    raise LookupError(f"{kind.__module__}.{kind.__name__} has to be installed first")
