"""Decides the state of an alarm.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

FURTHER_PERIODS = 2
"""Additional periods of the evaluation range, for late data. The exact number is not documented; in
the documentation's example, the range has 5 periods for 3 evaluation periods."""

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def next_state(
    points: Sequence[bool | None], periods: int, to_alarm: int, missing: str, state: str
) -> str:
    """Return the new state of an alarm.

    Args:
        points: evaluation range, oldest first: breaching, not breaching, or ``None`` for no data.
        periods: evaluation periods (N).
        to_alarm: data points to alarm (M).
        missing: treatment of missing data: ``missing``, ``ignore``, ``breaching`` or
            ``notBreaching``.
        state: current state.
    """
    known = [point for point in points if point is not None]
    if len(known) >= periods:
        # There are enough data in the range to ignore missing points.
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
    # All data are breaching, but there are fewer than M. This is an alarm only if the oldest is at
    # least M periods old, so that a single late point does not trigger one.
    oldest_age = len(points) - next(i for i, point in enumerate(points) if point is not None)
    return "ALARM" if missing == "missing" and oldest_age >= to_alarm else state
