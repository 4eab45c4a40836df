"""Elastic Load Balancing in memory: target groups of type ip, and of type instance."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from component.fakes.base import client_error
from component.fakes.ec2 import Ec2

TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/fw/0"
TARGET_PORT = 8080
GENEVE_PORT = 6081
DRAINING_TAKES = timedelta(minutes=3)

REASONS = {
    "initial": "Elb.RegistrationInProgress",
    "unhealthy": "Target.FailedHealthChecks",
    "unused": "Target.NotInUse",
    "draining": "Target.DeregistrationInProgress",
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html"""

Key = tuple[str, int]


@dataclass
class LoadBalancing(Ec2):
    """Target groups.

    Attributes:
        target_groups: The state of each address or instance and port, by target group.
        registered_as: The state of a new target.
    """

    target_groups: dict[str, dict[Key, str]] = field(default_factory=lambda: {TARGET_GROUP: {}})
    registered_as: str = "healthy"
    _registered_for: dict[tuple[str, Key], str | None] = field(default_factory=dict)
    _drained_at: dict[tuple[str, Key], datetime] = field(default_factory=dict)

    @property
    def targets(self) -> dict[Key, str]:
        """The targets of the group that a fleet is behind."""
        return self.target_groups[TARGET_GROUP]

    def end_draining(self) -> None:
        """Remove the targets whose deregistration delay is over."""
        for (arn, key), time in list(self._drained_at.items()):
            if self.now >= time:
                del self._drained_at[arn, key]
                self.target_groups[arn].pop(key, None)

    def register_targets(self, parameters: dict[str, Any]) -> Any:
        """Register targets. An address that is still draining is refused with InvalidTarget.

        An instance that is registered keeps its state; one that drains begins again.
        """
        arn = parameters["TargetGroupArn"]
        group = self._target_group(arn)
        for key in named(parameters):
            by_id = key[0].startswith("i-")
            if group.get(key) == "draining" and not by_id:
                raise client_error("InvalidTarget")
            if by_id and group.get(key, "draining") != "draining":
                continue
            group[key] = self.registered_as
            self._drained_at.pop((arn, key), None)
            self._registered_for[arn, key] = self.owner(key[0])
        return {}

    def deregister_targets(self, parameters: dict[str, Any]) -> Any:
        """Deregister targets. A target that does not exist is no error (API_DeregisterTargets)."""
        arn = parameters["TargetGroupArn"]
        group = self._target_group(arn)
        for key in named(parameters):
            # An address may have a new owner, which an old registration was not made for.
            owner = self.owner(key[0])
            if owner is not None and owner == self._registered_for.get((arn, key), owner):
                self._take(owner, f"target {key[0]}")
            if group.get(key, "draining") != "draining":
                group[key] = "draining"
                self._drained_at[arn, key] = self.now + DRAINING_TAKES
        return {}

    def describe_target_health(self, parameters: dict[str, Any]) -> Any:
        group = self._target_group(parameters["TargetGroupArn"])
        return {
            "TargetHealthDescriptions": [
                {"Target": {"Id": key[0], "Port": key[1]}, "TargetHealth": health(group, key)}
                for key in named(parameters) or group
            ]
        }

    def _address_moved(self, private_ip: str) -> None:
        """Only an attached address answers health checks."""
        before, after = ("unhealthy", "healthy")[:: 1 if self.owner(private_ip) else -1]
        for group in self.target_groups.values():
            for key, state in group.items():
                if key[0] == private_ip and state == before:
                    group[key] = after

    def _target_group(self, arn: str) -> dict[Key, str]:
        if arn not in self.target_groups:
            raise client_error("TargetGroupNotFound")
        return self.target_groups[arn]


def named(parameters: dict[str, Any]) -> list[Key]:
    """The targets that a request names."""
    return [
        (target["Id"], target.get("Port", GENEVE_PORT)) for target in parameters.get("Targets", ())
    ]


def health(group: dict[Key, str], key: Key) -> dict[str, str]:
    """The health of a target, as DescribeTargetHealth returns it."""
    if key not in group:
        return {"State": "unused", "Reason": "Target.NotRegistered"}
    state = group[key]
    return {"State": state, "Reason": REASONS[state]} if state in REASONS else {"State": state}
