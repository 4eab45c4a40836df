"""The lab's clock: it stands still unless it is moved.

Everything in the lab that waits, expires, boots or measures reads this clock and no other, so that
moving it moves the whole world at once. It does not follow the machine's clock: a slow machine sees
the same times as a fast one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

ROUNDING_SECONDS = 0.001
"""By how much the clock of a function may differ from the lab's."""


@dataclass(eq=False)
class Sleeper:
    """A caller that waits for an instant.

    Attributes:
        until: the instant, seconds since the epoch.
        alive: whether the caller still waits for it.
    """

    until: float
    alive: Callable[[], bool]


class Clock:
    """A wall clock that can be moved forward, never back."""

    def __init__(self) -> None:
        self._started = time.time()
        self._offset = 0.0
        self._moved = threading.Condition()
        self._sleepers: set[Sleeper] = set()
        self._held: list[float] = []

    @property
    def offset(self) -> float:
        """Seconds by which the clock was moved since the lab started."""
        return self._offset

    def now(self) -> float:
        """Seconds since the epoch, as everybody in the lab sees them."""
        # To the microsecond, as dates have it: what was written down compares as it was.
        return round(self._started + self._offset, 6)

    def utc(self) -> datetime:
        """The same instant as an aware datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def jump(self, seconds: float) -> None:
        """Move forward by ``seconds``.

        Raises:
            ValueError: if ``seconds`` is negative; time in the lab does not run backwards.
        """
        if seconds < 0:
            raise ValueError(f"the clock cannot be moved back by {-seconds} seconds")
        with self._moved:
            self._offset += seconds
            now = self.now()
            self._sleepers -= {s for s in self._sleepers if s.until <= now or not s.alive()}
            self._moved.notify_all()

    def sleep_until(self, instant: float, alive: Callable[[], bool] = lambda: True) -> None:
        """Wait until the clock shows ``instant``.

        Args:
            instant: seconds since the epoch.
            alive: whether the caller still exists; the wait ends when it does not.
        """
        sleeper = Sleeper(instant, alive)
        with self._moved:
            if instant > self.now():
                self._sleepers.add(sleeper)
            self._moved.wait_for(lambda: sleeper not in self._sleepers)

    def hold(self, seconds: float) -> None:
        """Hold a response for some lab time; the caller sleeps meanwhile, or has given up."""
        with self._moved:
            instant = self.now() + seconds
            self._held.append(instant)
            self._moved.wait_for(lambda: self.now() >= instant - ROUNDING_SECONDS)
            self._held.remove(instant)

    def held(self) -> list[float]:
        """The instants at which held responses are due, the earliest first."""
        with self._moved:
            return sorted(self._held)

    def sleepers(self) -> list[float]:
        """The instants that callers wait for, the earliest first."""
        with self._moved:
            return sorted(sleeper.until for sleeper in self._sleepers if sleeper.alive())
