"""The remaining time of an invocation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

RESERVE_MILLISECONDS = 15_000
"""Time reserved for work in progress: longer than the longest call."""


@dataclass(frozen=True, slots=True)
class TimeBudget:
    """The remaining time of one invocation.

    Attributes:
        context: Lambda context.
        reserve_milliseconds: Time reserved for work in progress.
    """

    context: LambdaContext
    reserve_milliseconds: int = RESERVE_MILLISECONDS

    def has_time(self) -> bool:
        """Return whether there is time to start another piece of work."""
        return self.context.get_remaining_time_in_millis() > self.reserve_milliseconds

    def remaining_seconds(self) -> float:
        """Return the number of seconds until Lambda ends the invocation."""
        return self.context.get_remaining_time_in_millis() / 1000
