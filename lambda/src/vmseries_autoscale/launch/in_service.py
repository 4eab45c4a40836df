"""Launch step: put the instances into service."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import target_groups
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.launch.instance import LaunchingInstance
from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Done, Outcome
from vmseries_autoscale.settings import LaunchSettings, Readiness
from vmseries_autoscale.telemetry import Metric


def enter_service(launching: Sequence[LaunchingInstance], visit: Visit[LaunchSettings]) -> Outcomes:
    """Register the targets and complete the lifecycle actions."""
    return for_each(launching, partial(_enter, visit=visit), visit.time_budget, parallel=True)


def _enter(launching: LaunchingInstance, visit: Visit[LaunchSettings]) -> Outcome:
    # With readiness healthy, the targets are registered already.
    if visit.settings.readiness is not Readiness.HEALTHY:
        for target in targets_of(launching.event.instance_id, launching.network, visit.settings):
            target_groups.register(visit.elbv2, target)
    hooks.complete(visit.autoscaling, launching.event, hooks.Result.CONTINUE)
    telemetry.count(Metric.LAUNCH_COMPLETED)
    telemetry.measure(Metric.LAUNCH_SECONDS, launching.age)
    return Done()


def targets_of(instance_id: str, network: NetworkState, settings: LaunchSettings) -> list[Target]:
    """Return the targets that the launch function registers for an instance.

    These are its addresses in their interfaces' target groups, and with readiness ``healthy`` the
    instance itself in the target groups of the group.
    """
    instances = [Target(arn, instance_id, None) for arn in settings.target_group_arns]
    return instances + [
        target
        for interface in settings.interfaces.values()
        for target in target_groups.targets_for(
            network.private_ip(instance_id, interface.device_index), interface.target_groups
        )
    ]
