"""Abandon launches that cannot succeed, so that Auto Scaling replaces their instances."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
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
from vmseries_autoscale.lifecycle.removal import wait_or_leave
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Done, Failed, Outcome, reason_of, run_step
from vmseries_autoscale.settings import LaunchSettings
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)


NO_REASON = "no visit recorded what it waited for; see the log of the launch function"
"""Reason of an overdue launch that no visit has tagged with a reason."""


def abandon_overdue(
    launching: Sequence[LaunchingInstance], visit: Visit[LaunchSettings]
) -> Outcomes:
    """Abandon the launches whose deadline has passed.

    This sends no request to Panorama or to a firewall. The reason is that of the last visit.

    Returns:
        The outcomes of these launches only.
    """
    deadline = visit.settings.deadline_seconds
    reasons = {
        instance.event: f"the deadline passed; {_last_reason(instance)}"
        for instance in launching
        if instance.age >= deadline
    }
    return _abandon_all(launching, reasons, visit)


def abandon_failed(
    launching: Sequence[LaunchingInstance], outcomes: Outcomes, visit: Visit[LaunchSettings]
) -> Outcomes:
    """Abandon the launches that failed permanently.

    Returns:
        The outcomes of these launches only.
    """
    reasons = {
        instance.event: reason_of(outcome)
        for instance in launching
        if isinstance(outcome := outcomes[instance.event], Failed)
        and isinstance(outcome.error, PermanentError)
    }
    return _abandon_all(launching, reasons, visit)


def _last_reason(launching: LaunchingInstance) -> str:
    return (launching.instance and launching.instance.last_reason) or NO_REASON


def _abandon_all(
    launching: Sequence[LaunchingInstance],
    reasons: Mapping[LifecycleEvent, str],
    visit: Visit[LaunchSettings],
) -> Outcomes:
    failed = [instance for instance in launching if instance.event in reasons]
    abandon = partial(_abandon, visit=visit, reasons=reasons)
    return for_each(failed, abandon, visit.time_budget, parallel=True)


def _abandon(
    launching: LaunchingInstance,
    visit: Visit[LaunchSettings],
    reasons: Mapping[LifecycleEvent, str],
) -> Outcome:
    """Undo the launch and have Auto Scaling replace the instance.

    Attached interfaces are set to be deleted with the instance, so that no later visit is needed.
    What cannot be undone is left to the reconcile function. It would otherwise hold the instance
    for days, and keep Auto Scaling from replacing it.
    """
    instance_id, reason = launching.event.instance_id, reasons[launching.event]
    network = describe_network(instance_id, visit)
    removals: list[Callable[[], object]] = [
        partial(target_groups.deregister_and_wait, visit.elbv2, target)
        for target in targets_of(instance_id, network, visit.settings)
    ]
    removals.append(partial(converge, visit.ec2, plan.plan_removal, network))
    for remove in removals:
        if waiting := wait_or_leave(run_step(remove)):
            return waiting
    if launching.instance is not None:
        instances.tag_abandonment_reason(visit.ec2, instance_id, reason)
    hooks.complete(visit.autoscaling, launching.event, hooks.Result.ABANDON)
    telemetry.count(Metric.LAUNCH_ABANDONED)
    logger.error("Abandoned the launch", extra={"reason": reason})
    return Done()
