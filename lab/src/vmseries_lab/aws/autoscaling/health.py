"""Health checks of groups, which replace unhealthy instances.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html
"""

from __future__ import annotations

from typing import Any

from moto.elbv2.exceptions import TargetGroupNotFoundError

from vmseries_lab.aws.autoscaling.instance_lifecycle import Lifecycle
from vmseries_lab.aws.autoscaling.model import Member, members, suspended
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.world import World


def check(world: World, lifecycle: Lifecycle, group: Any) -> None:
    """Mark unhealthy instances of a group, and start to terminate them."""
    for member in members(group):
        if not member.in_service:
            continue
        cause = None if suspended(group, "HealthCheck") else _unhealthy_cause(world, group, member)
        if cause:
            member.health_status = "Unhealthy"
        if member.health_status == "Unhealthy" and not suspended(group, "ReplaceUnhealthy"):
            lifecycle.terminate(group, member, cause or _USER_CAUSE)


_USER_CAUSE = "an instance was taken out of service in response to a user health-check"


def in_grace(world: World, group: Any, member: Member) -> bool:
    """Whether the instance is in its grace period, which starts when it is in service."""
    grace = float(group.health_check_grace_period or 0)
    return world.clock.now() - (member.in_service_at or 0.0) < grace


def _unhealthy_cause(world: World, group: Any, member: Member) -> str | None:
    """Return why the instance is unhealthy, ``None`` if it is healthy.

    An instance that is not running is unhealthy even in the grace period.
    """
    if member.instance.state != "running":
        return (
            "an instance was taken out of service in response to an EC2 health check indicating it "
            "has been terminated or stopped"
        )
    if "ELB" not in group.health_check_type.split(",") or in_grace(world, group, member):
        return None
    for arn in group.target_group_arns:
        try:
            health = backend("elbv2").describe_target_health(arn, [{"Id": member.instance_id}])
        except TargetGroupNotFoundError:
            continue
        if any(target.status == "unhealthy" for target in health):
            return (
                "an instance was taken out of service in response to an ELB system health check "
                "failure"
            )
    return None
