"""How much a scaling policy changes the capacity: pure arithmetic.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

TOLERANCE = 1e-9
"""Keeps an exact quotient like 90 / 60 * 4 from being rounded up to the next instance."""


def step_for(difference: float, steps: Sequence[Mapping[str, Any]]) -> int | None:
    """Find the adjustment for a breach of this size.

    Args:
        difference: the metric minus the alarm's threshold.
        steps: step adjustments with bounds relative to the threshold. Above the threshold the lower
            bound is inclusive and the upper bound exclusive, below it is the other way round.
    """
    for step in steps:
        low = step.get("MetricIntervalLowerBound")
        high = step.get("MetricIntervalUpperBound")
        lower = -math.inf if low is None else float(low)
        upper = math.inf if high is None else float(high)
        inside = lower <= difference < upper if difference >= 0 else lower < difference <= upper
        if inside:
            return int(step["ScalingAdjustment"])
    return None


def adjusted(capacity: int, adjustment: int, kind: str, at_least: int | None = None) -> int:
    """Apply an adjustment to a capacity.

    Args:
        capacity: the capacity that counts.
        adjustment: number of instances, or percent.
        kind: ``ChangeInCapacity``, ``ExactCapacity`` or ``PercentChangeInCapacity``.
        at_least: MinAdjustmentMagnitude, for percentages.
    """
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return capacity + adjustment
    exact = capacity * adjustment / 100
    # Between -1 and 1 it becomes 1 or -1, beyond it is cut towards zero.
    change = math.trunc(exact) if abs(exact) >= 1 else int(math.copysign(1, exact)) * (exact != 0)
    if at_least and abs(change) < at_least:
        change = int(math.copysign(at_least, adjustment))
    return capacity + change


def tracked(capacity: int, metric: float, target: float) -> int:
    """Compute the capacity that brings a metric to its target, never too small.

    Scaling out adds the next larger number of instances, scaling in removes the next smaller one:
    both round the capacity up.
    """
    return math.ceil(capacity * metric / target - TOLERANCE)
