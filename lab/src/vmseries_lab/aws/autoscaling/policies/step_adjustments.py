"""Calculates the capacity for step scaling and target tracking.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

TOLERANCE = 1e-9
"""Prevents an exact quotient like 90 / 60 * 4 from being rounded up."""


def step_for(difference: float, steps: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the adjustment for a breach of this size, ``None`` if no step applies.

    Args:
        difference: metric minus threshold of the alarm.
        steps: step adjustments with bounds relative to the threshold. Above the threshold, the
            lower bound is inclusive and the upper bound exclusive; below it, vice versa.
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
        capacity: capacity to adjust.
        adjustment: number of instances, or percent.
        kind: ``ChangeInCapacity``, ``ExactCapacity`` or ``PercentChangeInCapacity``.
        at_least: MinAdjustmentMagnitude, for percentages.
    """
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return capacity + adjustment
    exact = capacity * adjustment / 100
    # A change between -1 and 1 becomes 1 or -1; other changes are rounded toward zero.
    change = math.trunc(exact) if abs(exact) >= 1 else int(math.copysign(1, exact)) * (exact != 0)
    if at_least and abs(change) < at_least:
        change = int(math.copysign(at_least, adjustment))
    return capacity + change


def tracked(capacity: int, metric: float, target: float) -> int:
    """Return the capacity that brings a metric to its target, rounded up.

    Rounding up adds rather more instances when scaling out and removes rather fewer when scaling
    in.
    """
    return math.ceil(capacity * metric / target - TOLERANCE)
