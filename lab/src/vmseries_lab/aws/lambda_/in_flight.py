"""Counts invocations in flight, for which the lab's clock waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vmseries_lab.core.world import World


class InFlight:
    """The invocations that have started and not ended."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._running = 0
        self._ticks = 0
        self._finished_at_tick = -2

    def tick(self) -> None:
        """Count a tick of all engines."""
        self._ticks += 1

    def busy(self) -> bool:
        """Whether an invocation is in flight, or engines have not ticked since it ended.

        After an invocation has ended in tick n, every engine ticks in tick n + 1, which is over
        when tick n + 2 starts.
        """
        with self._lock:
            return bool(self._running) or self._ticks < self._finished_at_tick + 2

    def running(self) -> int:
        """How many invocations have begun and not ended."""
        with self._lock:
            return self._running

    @contextmanager
    def during(self) -> Iterator[None]:
        """Count work in flight inside this context."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    def background(self, work: Callable[[], None]) -> None:
        """Run ``work`` in a thread; it counts as in flight before this returns."""
        self._begin()

        def run() -> None:
            try:
                work()
            finally:
                self._end()

        threading.Thread(target=run, daemon=True).start()

    def _begin(self) -> None:
        with self._lock:
            self._running += 1

    def _end(self) -> None:
        with self._lock:
            self._running -= 1
            self._finished_at_tick = self._ticks
        self._world.wake()
