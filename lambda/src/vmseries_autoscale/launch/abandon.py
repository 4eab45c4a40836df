"""Abandon launches that cannot succeed, so that Auto Scaling replaces their instances."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import instances, target_groups
from vmseries_autoscale.aws.network import plan
from vmseries_autoscale.aws.network.converge import converge
from vmseries_autoscale.errors import PermanentError
from vmseries_autoscale.launch.in_service import targets_of
from vmseries_autoscale.launch.instance import LaunchingInstance, describe_network
from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Done, Failed, Outcome, Retry, reason_of
from vmseries_autoscale.settings import LaunchSettings
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)


def abandon_failed(
    launching: Sequence[LaunchingInstance], outcomes: Outcomes, visit: Visit[LaunchSettings]
) -> Outcomes:
    """Abandon the launches that failed permanently or whose deadline has passed.

    Returns:
        The outcomes of these launches only.
    """
    reasons = {
        instance.event: reason
        for instance in launching
        if (reason := reason_to_abandon(outcomes[instance.event], instance, visit.settings))
    }
    failed = [instance for instance in launching if instance.event in reasons]
    abandon = partial(_abandon, visit=visit, reasons=reasons)
    return for_each(failed, abandon, visit.time_budget, parallel=True)


def reason_to_abandon(
    outcome: Outcome, launching: LaunchingInstance, settings: LaunchSettings
) -> str | None:
    """Return the reason to abandon the launch; ``None`` to continue it."""
    deadline_passed = launching.age >= settings.deadline_seconds
    match outcome:
        case Failed(PermanentError()):
            return reason_of(outcome)
        case Failed() | Retry() if deadline_passed:
            return f"the deadline passed; {reason_of(outcome)}"
    return None


def _abandon(
    launching: LaunchingInstance,
    visit: Visit[LaunchSettings],
    reasons: Mapping[LifecycleEvent, str],
) -> Outcome:
    """Undo the launch and have Auto Scaling replace the instance.

    Attached interfaces are set to be deleted with the instance, so that no later visit is needed.
    """
    instance_id, reason = launching.event.instance_id, reasons[launching.event]
    _, networks = describe_network([instance_id], visit)
    for target in targets_of(instance_id, networks[instance_id], visit.settings):
        target_groups.deregister_and_wait(visit.elbv2, target)
    converge(visit.ec2, partial(plan.plan_removal, detach=False), networks[instance_id])
    if launching.instance is not None:
        instances.tag_abandonment_reason(visit.ec2, instance_id, reason)
    hooks.complete(visit.autoscaling, launching.event, hooks.Result.ABANDON)
    telemetry.count(Metric.LAUNCH_ABANDONED)
    logger.error("Abandoned the launch", extra={"reason": reason})
    return Done()
