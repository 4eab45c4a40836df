"""The load balancer, and target groups of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmseries_scenarios.changes.inputs import At
from vmseries_scenarios.changes.rows import Ends, Row

if TYPE_CHECKING:
    from vmseries_scenarios.changes.live import Live

TOPIC = "Load balancer"
LB = "load_balancer"


def _health_check_by_tcp(live: Live) -> None:
    """Do what the row says: the provider refuses the plan as long as the group has a path."""
    load_balancing = live.lab.aws.client("elbv2")
    groups = load_balancing.describe_target_groups(Names=[live.name])["TargetGroups"]
    load_balancing.modify_target_group(
        TargetGroupArn=groups[0]["TargetGroupArn"], HealthCheckProtocol="TCP"
    )


ROWS = (
    Row(
        id="health-check",
        inputs=("load_balancer.health_check*",),
        change="Change intervals or thresholds of the health check",
        to={
            f"{LB}.health_check": {
                "interval_seconds": 15,
                "timeout_seconds": 6,
                "healthy_threshold": 2,
                "unhealthy_threshold": 4,
            }
        },
        plan="changes group, target group",
    ),
    Row(
        id="health-check-protocol",
        inputs=("load_balancer.health_check.protocol", "load_balancer.health_check.path"),
        change="Change the health check from TCP to HTTP or HTTPS; go back to TCP",
        to={
            f"{LB}.health_check": {"protocol": "HTTP", "path": "/", "status_codes": "200-399"},
        },
        plan="changes target group",
        back="no changes",
        before_back=_health_check_by_tcp,
        firewalls="The plan from HTTP or HTTPS to TCP is refused by the provider, which keeps the "
        "path, until the target group has the protocol TCP",
        do="Let the firewalls answer it first: a check that fails takes all of them out of "
        "service. Before you go back to TCP: `aws elbv2 modify-target-group "
        "--health-check-protocol TCP`",
    ),
    Row(
        id="health-check-port",
        inputs=("load_balancer.health_check.port",),
        change="Change the port of the health check",
        to={f"{LB}.health_check.port": 443},
        plan="changes target group; adds security group rules; deletes security group rules",
        do="Let the firewalls answer on both ports first",
    ),
    Row(
        id="target-group-attributes",
        inputs=(
            "load_balancer.deregistration_delay_seconds",
            "load_balancer.target_failover",
            "load_balancer.stickiness",
        ),
        change="Change deregistration delay, failover or stickiness",
        to={
            f"{LB}.deregistration_delay_seconds": 120,
            f"{LB}.target_failover": "rebalance",
            f"{LB}.stickiness": "source_ip_dest_ip",
        },
        plan="changes target group",
    ),
    Row(
        id="load-balancer-attributes",
        inputs=(
            "load_balancer.cross_zone",
            "load_balancer.deletion_protection",
            "load_balancer.tcp_idle_timeout_seconds",
        ),
        change="Change cross-zone load balancing, deletion protection or the idle timeout",
        to={
            f"{LB}.cross_zone": False,
            f"{LB}.deletion_protection": True,
            f"{LB}.tcp_idle_timeout_seconds": 3600,
        },
        plan="changes load balancer",
    ),
    Row(
        id="ip-address-type",
        inputs=("load_balancer.ip_address_type",),
        change="Change to `dualstack` with data subnets that have no IPv6 CIDR block",
        to={f"{LB}.ip_address_type": "dualstack"},
        plan="no changes",
        ends=Ends.REFUSED,
        refusal="IPv6 CIDR block",
        do="Add IPv6 CIDR blocks to the data subnets first",
    ),
    Row(
        id="endpoint-service",
        inputs=("load_balancer.endpoint_service*",),
        change="Change the principals, or whether endpoints must be accepted",
        to={
            f"{LB}.endpoint_service": {
                "acceptance_required": True,
                "allowed_principals": ["arn:aws:iam::210987654321:root"],
            }
        },
        plan="changes endpoint service",
        do="Nothing. Existing endpoints stay",
    ),
    Row(
        id="to-own-target-groups",
        inputs=("load_balancer", "target_group_arns"),
        change="Replace the module's load balancer by target groups of your own",
        to={
            LB: None,
            "target_group_arns": [At("target_group_arn")],
            "interfaces.data.security_group_ids": [At("own_groups.data")],
        },
        plan="no changes",
        ends=Ends.REFUSED,
        refusal="load_balancer = null would remove rules",
        do="Create a deployment with another name, move the endpoints, then destroy this one",
    ),
    Row(
        id="own-target-groups",
        inputs=("target_group_arns",),
        change="Add one of your own target groups; remove it",
        to={"target_group_arns": [At("target_group_arn"), At("other_target_group_arn")]},
        plan="changes group",
        firewalls="They are registered with it, or drain from it",
        lane="own-targets",
    ),
)
