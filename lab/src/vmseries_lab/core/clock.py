"""The lab's clock: real seconds plus jumps.

Everything in the lab that waits, expires, boots or measures reads this clock and no other, so that
moving it moves the whole world at once.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """A wall clock that can be moved forward, never back."""

    def __init__(self) -> None:
        self._offset = 0.0

    @property
    def offset(self) -> float:
        """Seconds by which the lab is ahead of the real time."""
        return self._offset

    def now(self) -> float:
        """Seconds since the epoch, as everybody in the lab sees them."""
        return time.time() + self._offset

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
        self._offset += seconds

    def turn_to(self, now: float) -> None:
        """Show ``now``, for a world that stood still while real time passed."""
        self._offset = now - time.time()
