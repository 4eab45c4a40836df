"""Target groups of type ip: where users have a load balancer send traffic to one of the interfaces.

Auto Scaling registers instances by id, which means their primary interface. An address is nobody's
business but ours: registered when the firewall is ready, deregistered and drained before anything
is taken from it. A target is one of id and port; a deregistration without the port would only meet
a target on the group's own port (API_DeregisterTargets).
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


def of(private_ip: str | None, groups: Iterable[TargetGroupSettings]) -> list[Target]:
    """The targets of an interface with this address."""
    return [Target(group.arn, private_ip, group.port) for group in groups if private_ip]


def register(elbv2: ElasticLoadBalancingv2Client, target: Target) -> None:
    """Register a target; that it is registered already is success."""
    elbv2.register_targets(
        TargetGroupArn=target.group_arn, Targets=[{"Id": target.address, "Port": target.port}]
    )
    _log("Registered a target", target)


def leave(elbv2: ElasticLoadBalancingv2Client, target: Target) -> bool:
    """Deregister a target.

    Returns:
        Whether the load balancer has let go of it; if not, it still sends what belongs to flows
        that have begun.
    """
    health = _health(elbv2, target)
    if health is None or health.get("Reason") == NOT_REGISTERED:
        return True
    if health.get("State") != DRAINING:
        deregister(elbv2, target)
    return False


def deregister(elbv2: ElasticLoadBalancingv2Client, target: Target) -> None:
    """Begin to take a target from its group."""
    elbv2.deregister_targets(
        TargetGroupArn=target.group_arn, Targets=[{"Id": target.address, "Port": target.port}]
    )
    _log("Deregistered a target", target)


def unhealthy(elbv2: ElasticLoadBalancingv2Client, group_arn: str) -> list[Target]:
    """The targets of a group that no traffic should go to, but for those that are leaving it."""
    try:
        answer = elbv2.describe_target_health(TargetGroupArn=group_arn)
    except elbv2.exceptions.TargetGroupNotFoundException:
        return []
    return [
        Target(group_arn, description["Target"]["Id"], description["Target"]["Port"])
        for description in answer["TargetHealthDescriptions"]
        if description["TargetHealth"].get("State") not in (HEALTHY, DRAINING)
    ]


def _health(elbv2: ElasticLoadBalancingv2Client, target: Target) -> TargetHealthTypeDef | None:
    """What the load balancer says of a target, ``None`` if there is no such group any more."""
    try:
        answer = elbv2.describe_target_health(
            TargetGroupArn=target.group_arn, Targets=[{"Id": target.address, "Port": target.port}]
        )
    except elbv2.exceptions.TargetGroupNotFoundException:
        return None
    return answer["TargetHealthDescriptions"][0]["TargetHealth"]


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
