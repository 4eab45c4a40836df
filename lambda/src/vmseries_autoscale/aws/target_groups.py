"""Target groups of type ip: register and deregister the addresses of firewall interfaces.

Auto Scaling registers instances by id, which means their primary interface. Addresses of other
interfaces are registered here when the firewall is ready, and deregistered and drained before a
termination continues. A target is an address and a port: a deregistration without the port only
affects the target on the group's default port (API_DeregisterTargets).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmseries_autoscale.settings import TargetGroupSettings

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_elbv2.type_defs import TargetHealthTypeDef

logger = logging.getLogger(__name__)

NOT_REGISTERED = "Target.NotRegistered"
DRAINING = "draining"
HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class Target:
    """One address and port in one target group."""

    group_arn: str
    address: str
    port: int


def targets_for(private_ip: str | None, groups: Iterable[TargetGroupSettings]) -> list[Target]:
    """Return one target per group for an address; none if ``private_ip`` is ``None``."""
    return [Target(group.arn, private_ip, group.port) for group in groups if private_ip]


def register(elbv2: ElasticLoadBalancingv2Client, target: Target) -> None:
    """Register a target. Registering it again has no effect."""
    elbv2.register_targets(
        TargetGroupArn=target.group_arn, Targets=[{"Id": target.address, "Port": target.port}]
    )
    _log("Registered a target", target)


def deregister_and_wait(elbv2: ElasticLoadBalancingv2Client, target: Target) -> bool:
    """Deregister a target, unless it is already draining.

    Returns:
        Whether the target is deregistered and drained. Until then, the load balancer keeps sending
        it the traffic of existing flows.
    """
    health = _health(elbv2, target)
    if health is None or health.get("Reason") == NOT_REGISTERED:
        return True
    if health.get("State") != DRAINING:
        deregister(elbv2, target)
    return False


def deregister(elbv2: ElasticLoadBalancingv2Client, target: Target) -> None:
    """Start the deregistration of a target."""
    elbv2.deregister_targets(
        TargetGroupArn=target.group_arn, Targets=[{"Id": target.address, "Port": target.port}]
    )
    _log("Started deregistering a target", target)


def unhealthy(elbv2: ElasticLoadBalancingv2Client, group_arn: str) -> list[Target]:
    """Return the targets of a group that are neither healthy nor draining.

    The list is empty if the group does not exist.
    """
    try:
        response = elbv2.describe_target_health(TargetGroupArn=group_arn)
    except elbv2.exceptions.TargetGroupNotFoundException:
        return []
    return [
        Target(group_arn, description["Target"]["Id"], description["Target"]["Port"])
        for description in response["TargetHealthDescriptions"]
        if description["TargetHealth"].get("State") not in (HEALTHY, DRAINING)
    ]


def _health(elbv2: ElasticLoadBalancingv2Client, target: Target) -> TargetHealthTypeDef | None:
    """Return the health of a target; ``None`` if its group does not exist."""
    try:
        response = elbv2.describe_target_health(
            TargetGroupArn=target.group_arn, Targets=[{"Id": target.address, "Port": target.port}]
        )
    except elbv2.exceptions.TargetGroupNotFoundException:
        return None
    return response["TargetHealthDescriptions"][0]["TargetHealth"]


def _log(message: str, target: Target) -> None:
    logger.info(
        message,
        extra={
            "step": "target-groups",
            "target_group": target.group_arn,
            "address": target.address,
            "port": target.port,
        },
    )
