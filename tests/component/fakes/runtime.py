"""What the Lambda runtime gives to a function."""

from __future__ import annotations


class FakeContext:
    """The part of Lambda's context that the handlers use."""

    def __init__(self, milliseconds: int = 60_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds
