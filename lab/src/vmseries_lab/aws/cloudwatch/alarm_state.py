"""When an alarm changes its state: a pure decision.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

FURTHER_PERIODS = 2
"""The evaluation range is longer than the evaluation periods, so that late data can be seen. By how
much is not documented exactly; the documentation's example has 5 for 3."""

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def next_state(
    points: Sequence[bool | None], periods: int, to_alarm: int, missing: str, state: str
) -> str:
    """Decide an alarm's state.

    Args:
        points: the evaluation range, oldest first: breaching, not breaching, or no data.
        periods: evaluation periods (N).
        to_alarm: datapoints to alarm (M).
        missing: how missing data are treated: ``missing``, ``ignore``, ``breaching`` or
            ``notBreaching``.
        state: the present state.
    """
    known = [point for point in points if point is not None]
    if len(known) >= periods:
        # Enough data in the range: the missing points do not matter.
        return "ALARM" if sum(known[-periods:]) >= to_alarm else "OK"
    if missing in ("breaching", "notBreaching"):
        filled = sum(known) + (periods - len(known)) * (missing == "breaching")
        return "ALARM" if filled >= to_alarm else "OK"
    if not known:
        return state if missing == "ignore" else "INSUFFICIENT_DATA"
    if sum(known) >= to_alarm:
        return "ALARM"
    if not all(known):
        return "OK"
    # Everything that is there is breaching, but it is less than M: that is an alarm only if the
    # oldest of it is at least M periods old, so that one late point is not taken for many.
    oldest_age = len(points) - next(i for i, point in enumerate(points) if point is not None)
    return "ALARM" if missing == "missing" and oldest_age >= to_alarm else state
