"""The lab's clock, which stands still unless it is moved.

All parts of the lab use only this clock, so moving it moves the whole lab. It does not follow the
machine's clock: results are the same on slow and fast machines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

ROUNDING_SECONDS = 0.001
"""Maximum difference between the clock of a function and the lab's."""


@dataclass(eq=False)
class Sleeper:
    """A caller that sleeps until an instant.

    Attributes:
        until: the instant, seconds since the epoch.
        alive: returns whether the caller still sleeps.
    """

    until: float
    alive: Callable[[], bool]


class Clock:
    """A clock that can only be moved forward."""

    def __init__(self) -> None:
        self._started = time.time()
        self._offset = 0.0
        self._moved = threading.Condition()
        self._sleepers: set[Sleeper] = set()
        self._held: dict[int, float] = {}
        self._answering: set[int] = set()

    @property
    def offset(self) -> float:
        """Seconds by which the clock was moved since the lab started."""
        return self._offset

    def now(self) -> float:
        """Return the lab time, in seconds since the epoch."""
        # Microseconds, like datetime: times that were converted compare equal.
        return round(self._started + self._offset, 6)

    def utc(self) -> datetime:
        """Return the lab time as a timezone-aware datetime in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def jump(self, seconds: float) -> None:
        """Move forward by ``seconds``.

        Raises:
            ValueError: if ``seconds`` is negative.
        """
        if seconds < 0:
            raise ValueError(f"the clock cannot be moved back by {-seconds} seconds")
        with self._moved:
            self._offset += seconds
            now = self.now()
            self._sleepers -= {s for s in self._sleepers if s.until <= now or not s.alive()}
            self._moved.notify_all()

    def sleep_until(self, instant: float, alive: Callable[[], bool] = lambda: True) -> None:
        """Wait until the clock reaches ``instant``.

        Args:
            instant: seconds since the epoch.
            alive: returns whether the caller still exists; otherwise the wait ends.
        """
        sleeper = Sleeper(instant, alive)
        with self._moved:
            if instant > self.now():
                self._sleepers.add(sleeper)
            self._moved.wait_for(lambda: sleeper not in self._sleepers)

    def hold(
        self, seconds: float, announce: Callable[[float], None] = lambda _instant: None
    ) -> None:
        """Hold a response for some lab time, while the caller sleeps or has given up.

        Args:
            seconds: lab seconds.
            announce: tells the caller the instant at which the response is due. The caller can
                sleep, and the clock can move, before this returns.
        """
        thread = threading.get_ident()
        with self._moved:
            instant = self._held[thread] = self.now() + seconds
        try:
            announce(instant)
            with self._moved:
                self._moved.wait_for(lambda: self.now() >= instant - ROUNDING_SECONDS)
        finally:
            if thread not in self._answering:
                self._release(thread)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer one request in this thread: a response that was held stays due until the end.

        The clock thus does not move while the request takes effect, also if its caller has given
        up and sleeps.
        """
        thread = threading.get_ident()
        self._answering.add(thread)
        try:
            yield
        finally:
            self._answering.discard(thread)
            self._release(thread)

    def held(self) -> list[float]:
        """Return the instants at which held responses are due, earliest first."""
        with self._moved:
            return sorted(self._held.values())

    def _release(self, thread: int) -> None:
        with self._moved:
            self._held.pop(thread, None)

    def sleepers(self) -> list[float]:
        """Return the instants until which callers sleep, earliest first."""
        with self._moved:
            return sorted(sleeper.until for sleeper in self._sleepers if sleeper.alive())
