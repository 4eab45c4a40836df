"""How much of an invocation is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

RESERVE_MILLISECONDS = 15_000
"""What is kept of an invocation for what was begun: more than the longest call takes."""


def enough(
    context: LambdaContext, reserve_milliseconds: int = RESERVE_MILLISECONDS
) -> Callable[[], bool]:
    """Asks whether there is time to begin with something more."""
    return lambda: context.get_remaining_time_in_millis() > reserve_milliseconds
