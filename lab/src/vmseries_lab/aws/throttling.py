"""Throttling: AWS's published request rates, on the lab's clock.

A token bucket per account, Region and API action (https://en.wikipedia.org/wiki/Token_bucket): a
call takes a token, tokens come back at a fixed rate up to the bucket's capacity, and a call that
finds none is refused and takes none. The lab is one account in one Region. Its clock
stands while a function is at work: a call takes no time, as on the fastest of machines, and what a
function sleeps before it tries again is what the buckets are refilled by.

Sources of the figures:

- EC2: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
- Elastic Load Balancing:
  https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html
- Secrets Manager: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html

EC2 Auto Scaling publishes no figures, and standard queues of SQS take nearly any number of calls
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html):
neither is limited here. Nor are the calls that AWS makes for itself, such as Auto Scaling's
RunInstances: they do not come over the network here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from vmseries_lab.core.clock import Clock

READING = ("Describe", "Get", "List", "Search")


@dataclass(frozen=True, slots=True)
class Rate:
    """Capacity and refill rate of a token bucket.

    Attributes:
        capacity: maximum number of tokens, which it has at the start.
        refill: tokens per second.
    """

    capacity: float
    refill: float

    def part(self, share: float) -> Rate:
        """Return a share of the rate; the capacity is at least one token."""
        return Rate(max(self.capacity * share, 1.0), self.refill * share)


EC2_READING = Rate(100, 20)
EC2_READING_EVERYTHING = Rate(50, 10)
EC2_CHANGING = Rate(50, 5)
EC2_UNFILTERED = frozenset(
    {
        "DescribeInstances",
        "DescribeInstanceStatus",
        "DescribeNetworkInterfaces",
        "DescribeSecurityGroups",
        "DescribeSnapshots",
        "DescribeSpotInstanceRequests",
        "DescribeVolumes",
    }
)
"""Actions with a smaller bucket for calls without filter and pagination."""

EC2_UNCATEGORISED = {
    "AcceptVpcEndpointConnections": Rate(10, 1),
    "AssignPrivateIpAddresses": Rate(100, 5),
    "AssociateIamInstanceProfile": Rate(100, 5),
    "CreateLaunchTemplateVersion": Rate(100, 5),
    "CreateNatGateway": Rate(10, 1),
    "CreateNetworkInterface": Rate(100, 5),
    "CreateTags": Rate(100, 10),
    "CreateVpcEndpoint": Rate(4, 0.3),
    "CreateVpcEndpointServiceConfiguration": Rate(10, 1),
    "DeleteNatGateway": Rate(10, 1),
    "DeleteNetworkInterface": Rate(100, 5),
    "DeleteTags": Rate(100, 10),
    "DeleteVpcEndpointServiceConfigurations": Rate(10, 1),
    "DeleteVpcEndpoints": Rate(4, 0.3),
    "DisassociateIamInstanceProfile": Rate(100, 5),
    "ModifyInstanceMetadataOptions": Rate(100, 5),
    "ModifyLaunchTemplate": Rate(100, 5),
    "ModifyNetworkInterfaceAttribute": Rate(100, 5),
    "ModifyVpcEndpoint": Rate(4, 0.3),
    "ModifyVpcEndpointServiceConfiguration": Rate(10, 1),
    "RunInstances": Rate(5, 2),
    "StartInstances": Rate(5, 2),
    "TerminateInstances": Rate(100, 5),
    "UnassignPrivateIpAddresses": Rate(100, 5),
}
"""Actions of the page's table "Uncategorized actions" that are relevant to this module."""

EC2_RESOURCES = {
    "RunInstances": Rate(1000, 2),
    "StartInstances": Rate(1000, 2),
    "StopInstances": Rate(1000, 20),
    "TerminateInstances": Rate(1000, 20),
}
"""Actions that also take one token per instance from another bucket."""

ELB_ACCOUNT = Rate(40, 10)
"""Shared by all actions of the API."""
ELB_READING = Rate(40, 10)
ELB_CHANGING = Rate(20, 3)
ELB_CATEGORIES = {
    "CreateLoadBalancer": Rate(10, 0.2),
    "SetSubnets": Rate(10, 0.2),
    "RegisterTargets": Rate(20, 4),
    "DeregisterTargets": Rate(20, 4),
}

SECRETS_READING = {
    "GetSecretValue": Rate(10_000, 10_000),
    "DescribeSecret": Rate(40_000, 40_000),
}

Takings: TypeAlias = Mapping[str, tuple[Rate, float]]
"""Rate and number of tokens that a call takes, by the name of the bucket."""


class Throttling:
    """The token buckets of the account; they are full at first.

    Args:
        clock: clock of the lab.
        share: share of each rate that other callers in the account leave.
    """

    def __init__(self, clock: Clock, share: float = 1.0) -> None:
        self._clock = clock
        self._share = share
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, service: str, action: str, parameters: Mapping[str, Any]) -> bool:
        """Take the tokens for a call.

        Returns:
            Whether there were enough tokens. If not, none is taken and the call is throttled.
        """
        with self._lock:
            now = self._clock.now()
            takings = _takings(service, action, parameters)
            after = {
                name: self._level(name, rate, now) - tokens
                for name, (rate, tokens) in takings.items()
            }
            if any(level < 0 for level in after.values()):
                return False
            self._levels |= {name: (level, now) for name, level in after.items()}
            return True

    def _level(self, name: str, rate: Rate, now: float) -> float:
        rate = rate.part(self._share)
        level, at = self._levels.get(name, (rate.capacity, now))
        return min(level + (now - at) * rate.refill, rate.capacity)


def _takings(service: str, action: str, parameters: Mapping[str, Any]) -> Takings:
    if service == "ec2":
        return _ec2(action, parameters)
    if service == "elbv2":
        own = ELB_READING if action.startswith(READING) else ELB_CHANGING
        takings = {f"elbv2:{action}": (ELB_CATEGORIES.get(action, own), 1.0)}
        return {**takings, "elbv2": (ELB_ACCOUNT, 1.0)}
    if service == "secretsmanager" and action in SECRETS_READING:
        return {f"secretsmanager:{action}": (SECRETS_READING[action], 1.0)}
    return {}


def _ec2(action: str, parameters: Mapping[str, Any]) -> Takings:
    narrowed = any(parameters.get(name) for name in ("Filters", "MaxResults", "NextToken"))
    if action in EC2_UNFILTERED and not narrowed:
        return {f"ec2:{action}:unfiltered": (EC2_READING_EVERYTHING, 1.0)}
    own = EC2_READING if action.startswith(READING) else EC2_CHANGING
    takings = {f"ec2:{action}": (EC2_UNCATEGORISED.get(action, own), 1.0)}
    if action in EC2_RESOURCES:
        instances = parameters.get("MaxCount") or len(parameters.get("InstanceIds", ()))
        takings[f"ec2:{action}:resources"] = (EC2_RESOURCES[action], float(instances))
    return takings
