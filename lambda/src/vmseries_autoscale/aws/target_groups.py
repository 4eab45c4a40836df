"""Target groups: register and deregister firewalls, and read their health.

Auto Scaling registers instances by id, which means their primary interface, when they enter
service. The launch function registers them earlier if the load balancer's health checks decide
whether they are ready. Registering an instance again has no effect: "all Elastic Load Balancing
operations are idempotent" (API reference, Welcome), and deregistering one that is not registered
succeeds (API_DeregisterTargets).

Addresses of other interfaces are registered in target groups of type ip, and deregistered and
drained before a termination continues. Such a target is an address and a port: a deregistration
without the port only affects the target on the group's default port (API_DeregisterTargets).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmseries_autoscale.settings import TargetGroupSettings

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef

logger = logging.getLogger(__name__)

NOT_REGISTERED = "Target.NotRegistered"
NOT_IN_USE = "Target.NotInUse"
DRAINING = "draining"
HEALTHY = "healthy"
UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Target:
    """One target of one target group.

    Attributes:
        target_id: Address of an interface, or id of an instance.
        port: Port of the address; ``None`` for an instance, which has the port of its group.
    """

    group_arn: str
    target_id: str
    port: int | None

    @property
    def group_name(self) -> str:
        """The name of the target group, which is the last part but one of its ARN."""
        return self.group_arn.rpartition("/")[0].rpartition("/")[2]

    @property
    def description(self) -> TargetDescriptionTypeDef:
        """The target in requests."""
        if self.port is None:
            return {"Id": self.target_id}
        return {"Id": self.target_id, "Port": self.port}


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a target.

    Attributes:
        state: State, such as ``healthy`` (API_TargetHealth).
        reason: Code of the reason; empty if the target is healthy.
    """

    state: str
    reason: str = ""


def targets_for(private_ip: str | None, groups: Iterable[TargetGroupSettings]) -> list[Target]:
    """Return one target per group for an address; none if ``private_ip`` is ``None``."""
    return [Target(group.arn, private_ip, group.port) for group in groups if private_ip]


def register(elbv2: ElasticLoadBalancingv2Client, target: Target) -> None:
    """Register a target. Registering it again has no effect."""
    elbv2.register_targets(TargetGroupArn=target.group_arn, Targets=[target.description])
    _log("Registered a target", target)


def deregister_and_wait(elbv2: ElasticLoadBalancingv2Client, target: Target) -> bool:
    """Deregister a target, unless it is already draining.

    Returns:
        Whether the target is deregistered and drained. Until then, the load balancer keeps sending
        it the traffic of existing flows.
    """
    health = health_of(elbv2, target)
    if health is None or health.reason == NOT_REGISTERED:
        return True
    if health.state != DRAINING:
        deregister(elbv2, target)
    return False


def deregister(elbv2: ElasticLoadBalancingv2Client, target: Target) -> None:
    """Start the deregistration of a target."""
    elbv2.deregister_targets(TargetGroupArn=target.group_arn, Targets=[target.description])
    _log("Started deregistering a target", target)


def unhealthy(elbv2: ElasticLoadBalancingv2Client, group_arn: str) -> list[Target]:
    """Return the targets of a group that are neither healthy nor draining, with their ports.

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


def health_of(elbv2: ElasticLoadBalancingv2Client, target: Target) -> Health | None:
    """Return the health of a target; ``None`` if its group does not exist."""
    try:
        response = elbv2.describe_target_health(
            TargetGroupArn=target.group_arn, Targets=[target.description]
        )
    except elbv2.exceptions.TargetGroupNotFoundException:
        return None
    health = response["TargetHealthDescriptions"][0]["TargetHealth"]
    return Health(health.get("State", ""), health.get("Reason", ""))


def _log(message: str, target: Target) -> None:
    logger.info(
        message,
        extra={
            "step": "target-groups",
            "target_group": target.group_arn,
            "target": target.target_id,
            "port": target.port,
        },
    )
