"""How a part of the lab finds another one that was installed before it."""

from __future__ import annotations

from typing import TypeVar

from vmseries_lab.core.world import World

P = TypeVar("P")


def find(world: World, kind: type[P]) -> P:
    """The engine of this kind.

    Raises:
        LookupError: if it has not been installed.
    """
    for engine in world.engines:
        if isinstance(engine, kind):
            return engine
    raise LookupError(f"{kind.__module__}.{kind.__name__} has to be installed first")
