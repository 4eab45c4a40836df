"""Decide whether an instance waits until its resources are removed. It waits for no operator."""

from __future__ import annotations

import logging

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import ec2_errors
from vmseries_autoscale.outcome import Failed, Unfinished, reason_of
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)


def wait_or_leave(outcome: object, *, last_visit: bool = False) -> Unfinished | None:
    """Return whether the removal of a leaving instance's resources has to be tried again.

    Args:
        outcome: Outcome of the removal, or of the description of what to remove.
        last_visit: Whether no later visit may try again.

    Returns:
        The outcome, if it is unfinished and a later visit can finish it. ``None`` if nothing is
        left, or what is left is logged and left to the reconcile function, which removes it after
        the instance has terminated.
    """
    if not isinstance(outcome, Unfinished):
        return None
    ends = not isinstance(outcome, Failed) or ec2_errors.ends_by_itself(outcome.error)
    if ends and not last_visit:
        return outcome
    telemetry.count(Metric.VISIT_FAILED)
    logger.error(
        "Left resources of the instance to the reconcile function",
        extra={"reason": reason_of(outcome)},
    )
    return None
