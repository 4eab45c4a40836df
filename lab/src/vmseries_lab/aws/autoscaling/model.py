"""Instances of Auto Scaling groups and their lifecycle actions.

States: https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"

GLOBAL_TIMEOUT_SECONDS = 172_800
GLOBAL_TIMEOUT_HEARTBEATS = 100
"""Maximum wait of an instance: 48 hours or 100 heartbeat timeouts, whichever is less.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html
"""


@dataclass(slots=True)
class Action:
    """A lifecycle action: one instance waits for one lifecycle hook.

    Attributes:
        hook: moto's hook.
        started: lab time of its start.
        token: lifecycle action token.
        deadline: lab time at which the hook's default result applies.
        last_deadline: latest deadline that heartbeats can set (global timeout).
        result: ``CONTINUE`` or ``ABANDON``; ``None`` while the instance waits.
        reason: reason of the result, in Auto Scaling's words.
    """

    hook: Any
    started: float
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    deadline: float = 0.0
    last_deadline: float = 0.0
    result: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        self.last_deadline = self.started + global_timeout(self.hook.heartbeat_timeout)
        self.restart(self.started)

    def restart(self, now: float) -> None:
        """Restart the heartbeat timeout; the global timeout does not change."""
        self.deadline = min(now + self.hook.heartbeat_timeout, self.last_deadline)


@dataclass(eq=False)
class Member:
    """An instance of a group, with the attributes that moto's responses contain."""

    instance: Any
    auto_scaling_group: Any
    launch_template: dict[str, Any] | None
    activity: Any
    lifecycle_state: str = "Pending"
    health_status: str = "Healthy"
    protected_from_scale_in: bool = False
    actions: dict[str, Action] = field(default_factory=dict)
    in_service_at: float | None = None
    retiring: bool = False
    """Being replaced: it does not count as capacity, but stays until its replacement is ready."""
    rebalanced: str = ""
    """Why it is replaced by an instance in another zone; like ``retiring``."""
    origin: str = "AutoScalingGroup"
    launch_configuration_name: str | None = None
    weighted_capacity: str | None = None

    @property
    def instance_id(self) -> str:
        """The instance's id."""
        return str(self.instance.id)

    @property
    def instance_type(self) -> str:
        """The instance's type."""
        return str(self.instance.instance_type)

    @property
    def availability_zone(self) -> str:
        """The instance's zone."""
        return str(self.instance.availability_zone)

    @property
    def auto_scaling_group_name(self) -> str:
        """The group's name."""
        return str(self.auto_scaling_group.name)

    @property
    def version(self) -> int:
        """The version of its launch template, 0 if unknown."""
        return int((self.launch_template or {}).get("Version", 0))

    @property
    def in_service(self) -> bool:
        """Whether it is in service."""
        return self.lifecycle_state == "InService"

    @property
    def terminating(self) -> bool:
        """Whether it is in one of the terminating states."""
        return self.lifecycle_state.startswith("Terminating")

    @property
    def counts(self) -> bool:
        """Whether it counts toward the desired capacity."""
        replaced = self.retiring or bool(self.rebalanced)
        return not (self.terminating or replaced or self.lifecycle_state == "Standby")

    def warm(self, now: float, warmup: float) -> bool:
        """Whether it has been in service for the warm-up time."""
        return (
            self.in_service
            and self.in_service_at is not None
            and now - self.in_service_at >= warmup
        )


def global_timeout(heartbeat_timeout: float) -> float:
    """Return the maximum wait, in seconds, for a hook with this heartbeat timeout."""
    return min(GLOBAL_TIMEOUT_SECONDS, GLOBAL_TIMEOUT_HEARTBEATS * heartbeat_timeout)


def members(group: Any) -> list[Member]:
    """Return the group's instances."""
    return list(group.instance_states)


def overrides(group: Any) -> list[str]:
    """Return the instance types of a mixed instances policy, highest priority first."""
    template = (getattr(group, "mixed_instances_policy", None) or {}).get("LaunchTemplate", {})
    return [override["InstanceType"] for override in template.get("Overrides") or []]


def suspended(group: Any, process: str) -> bool:
    """Whether one of the group's processes is suspended.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
    """
    return process in group._suspended_processes  # noqa: SLF001


def warmup_seconds(group: Any, override: int | None = None) -> float:
    """Return the warm-up time of new instances: ``override``, the group's default or its cooldown.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-default-instance-warmup.html
    """
    if override is not None:
        return float(override)
    default = getattr(group, "default_instance_warmup", None)
    return float(group.default_cooldown if default is None else default)
