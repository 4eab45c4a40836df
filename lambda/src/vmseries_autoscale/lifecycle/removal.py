"""Undo what a launch made, and leave to the reconcile function what cannot be undone."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import ec2_errors
from vmseries_autoscale.outcome import Failed, Unfinished, reason_of, run_step
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)


def remove_or_leave(remove: Callable[[], object], *, last_visit: bool = False) -> Unfinished | None:
    """Remove resources of an instance that terminates. What cannot be removed does not hold it.

    Args:
        remove: Removes the resources.
        last_visit: Whether no later visit may try again.

    Returns:
        Why the next visit has to try again; ``None`` if the resources are removed, or are left to
        the reconcile function, which removes them after the instance has terminated.
    """
    outcome = run_step(remove)
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
