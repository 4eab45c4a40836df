"""Terminate step: deregister the targets and wait until they are drained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from vmseries_autoscale.aws import target_groups
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Done, Outcome, Retry
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.stages import Stage


def drain(terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]) -> Outcomes:
    """Drain the firewalls, so that the load balancers stop sending them traffic.

    Auto Scaling deregisters a terminating instance before its terminate hook. It is not documented
    whether it does so for an instance that never entered service, and that only the launch
    function registered.
    """
    if not visit.settings.has_target_groups:
        return {}
    due = [instance for instance in terminating if not instance.deadline_passed(Stage.DRAIN)]
    return for_each(due, partial(_drain, visit=visit), visit.time_budget)


def _drain(terminating: TerminatingInstance, visit: Visit[TerminateSettings]) -> Outcome:
    targets = [
        Target(arn, terminating.event.instance_id, None) for arn in visit.settings.target_group_arns
    ]
    targets += [
        target
        for device_index, groups in visit.settings.target_groups.items()
        for target in target_groups.targets_for(terminating.private_ip(int(device_index)), groups)
    ]
    drained = [target_groups.deregister_and_wait(visit.elbv2, target) for target in targets]
    return Done() if all(drained) else Retry("load balancers are draining connections")
