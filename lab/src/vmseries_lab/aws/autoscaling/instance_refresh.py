"""Instance refresh: replaces the instances of a group in batches.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
"""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vmseries_lab.aws.autoscaling.instance_lifecycle import Lifecycle
from vmseries_lab.aws.autoscaling.model import Member, members, suspended, warmup_seconds
from vmseries_lab.core.world import World

ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking")
DEFAULT_MIN_HEALTHY = 90
DEFAULT_MAX_HEALTHY = 100
PROTECTED_WAIT_SECONDS = 3600.0
"""How long a refresh with ``ScaleInProtectedInstances=Wait`` waits until it fails.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html
"""

CAUSE = "an instance was taken out of service in response to an instance refresh"


@dataclass
class Refresh:
    """An instance refresh, with the attributes that moto's responses contain.

    Attributes:
        old: instances that are not replaced yet.
        total: number of instances to replace at the start.
        waits_until: lab time until which it waits at a checkpoint.
    """

    auto_scaling_group_name: str
    preferences: dict[str, Any]
    start_time: datetime
    started: float
    old: list[Member]
    status: str = "InProgress"
    status_reason: str | None = None
    end_time: datetime | None = None
    instance_refresh_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    strategy: str = "Rolling"
    total: int = 0
    waits_until: float = 0.0
    passed_checkpoints: int = 0

    def __post_init__(self) -> None:
        self.total = len(self.old)

    @property
    def instances_to_update(self) -> int:
        """Number of instances that are not replaced yet."""
        return len(self.old)

    @property
    def percentage_complete(self) -> int:
        """Percentage of instances that were replaced."""
        return 100 if not self.total else (self.total - len(self.old)) * 100 // self.total

    @property
    def active(self) -> bool:
        """Whether it is in progress."""
        return self.status in ACTIVE


class Refreshes:
    """The refreshes of all groups, newest first."""

    def __init__(self, world: World, lifecycle: Lifecycle) -> None:
        self._world = world
        self._lifecycle = lifecycle
        self.all: list[Refresh] = []

    def active(self, group: Any) -> Refresh | None:
        """Return the active refresh of a group, ``None`` if there is none."""
        return next(
            (r for r in self.all if r.active and r.auto_scaling_group_name == group.name), None
        )

    def start(self, group: Any, preferences: dict[str, Any]) -> Refresh:
        """Start to replace the instances of a group.

        Args:
            group: moto's group.
            preferences: ``Preferences`` of StartInstanceRefresh.
        """
        old = [member for member in members(group) if not member.terminating]
        if preferences.get("SkipMatching"):
            old = [member for member in old if not _current(group, member)]
        if preferences.get("ScaleInProtectedInstances", "Wait") == "Ignore":
            old = [member for member in old if not member.protected_from_scale_in]
        if preferences.get("StandbyInstances", "Wait") == "Ignore":
            old = [member for member in old if member.lifecycle_state != "Standby"]
        clock = self._world.clock
        refresh = Refresh(group.name, preferences, clock.utc(), clock.now(), old)
        self.all.insert(0, refresh)
        self._announce(group, refresh, "started", "Started")
        return refresh

    def cancel(self, group: Any, refresh: Refresh) -> None:
        """Stop replacing instances; replacements in progress are completed.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CancelInstanceRefresh.html
        """
        for member in members(group):
            member.retiring = False
        refresh.old = [member for member in refresh.old if not member.terminating]
        self._end(group, refresh, "Cancelled", "Cancelled by user")

    def tick(self, group: Any) -> None:
        """Replace the instances that can be replaced now."""
        refresh = self.active(group)
        if refresh is None or suspended(group, "InstanceRefresh"):
            return
        present = members(group)
        refresh.old = [
            member for member in refresh.old if member in present and not member.terminating
        ]
        self._replace(group, refresh)
        ready = [m for m in members(group) if m.counts and self._ready(group, refresh, m)]
        if not refresh.old and len(ready) >= (group.desired_capacity or 0):
            self._end(group, refresh, "Successful", None)

    def _replace(self, group: Any, refresh: Refresh) -> None:
        """Launch replacements up to the maximum, and terminate instances down to the minimum."""
        desired = group.desired_capacity or 0
        least, most = self._limits(group, refresh, desired)
        present = [member for member in members(group) if not member.terminating]
        ready = [member for member in present if self._ready(group, refresh, member)]
        candidates = [m for m in refresh.old if self._may_replace(group, refresh, m)]
        for member in [m for m in candidates if not m.retiring][: max(0, most - len(present))]:
            member.retiring = True
        spare = len(ready) - least
        for member in [m for m in candidates if m.retiring or most <= desired]:
            serving = member in ready
            if (serving and spare <= 0) or not self._checkpoint_passed(refresh):
                continue
            spare -= serving
            self._lifecycle.terminate(group, member, CAUSE)
            refresh.old.remove(member)
            progress = {"percent": refresh.percentage_complete}
            self._world.timeline.add("autoscaling", "refresh-progress", group.name, **progress)

    def _limits(self, group: Any, refresh: Refresh, desired: int) -> tuple[int, int]:
        """Return the minimum number of ready instances and the maximum number of instances.

        The preferences of the refresh override the group's maintenance policy. At least one
        instance is replaced at a time: a replacement is launched first if all must stay in service,
        or the instance is terminated first if there can be no additional instance.
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/understand-instance-refresh-default-values.html
        """
        policy = getattr(group, "instance_maintenance_policy", None) or {}
        low = refresh.preferences.get("MinHealthyPercentage", policy.get("MinHealthyPercentage"))
        high = refresh.preferences.get("MaxHealthyPercentage", policy.get("MaxHealthyPercentage"))
        low = DEFAULT_MIN_HEALTHY if low is None else int(low)
        high = DEFAULT_MAX_HEALTHY if high is None else int(high)
        least = math.ceil(desired * low / 100)
        most = math.floor(desired * high / 100)
        if least < desired:
            return least, most
        if low >= DEFAULT_MAX_HEALTHY or high > DEFAULT_MAX_HEALTHY:
            return least, max(most, desired + 1)
        return max(desired - 1, 0), most

    def _may_replace(self, group: Any, refresh: Refresh, member: Member) -> bool:
        if member.protected_from_scale_in:
            choice = refresh.preferences.get("ScaleInProtectedInstances", "Wait")
            if choice == "Wait":
                if self._world.clock.now() - refresh.started > PROTECTED_WAIT_SECONDS:
                    self._end(group, refresh, "Failed", "Protected instances did not change")
                return False
        return member.in_service or member.lifecycle_state.startswith("Pending")

    def _checkpoint_passed(self, refresh: Refresh) -> bool:
        """Whether the refresh can continue; ``False`` while it waits at a checkpoint.

        https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-adding-checkpoints-instance-refresh.html
        """
        now = self._world.clock.now()
        if now < refresh.waits_until:
            return False
        points = refresh.preferences.get("CheckpointPercentages") or []
        if refresh.passed_checkpoints < len(points):
            next_point = int(points[refresh.passed_checkpoints])
            if next_point <= refresh.percentage_complete < DEFAULT_MAX_HEALTHY:
                delay = refresh.preferences.get("CheckpointDelay")
                refresh.passed_checkpoints += 1
                refresh.waits_until = now + float(3600 if delay is None else delay)
                return now >= refresh.waits_until
        return True

    def _ready(self, group: Any, refresh: Refresh, member: Member) -> bool:
        """Whether an instance is in service and, if it was launched by the refresh, warmed up."""
        if member.in_service_at is None or member.in_service_at < refresh.started:
            return member.in_service
        return member.warm(self._world.clock.now(), self._warmup(group, refresh))

    def _warmup(self, group: Any, refresh: Refresh) -> float:
        own = refresh.preferences.get("InstanceWarmup")
        if own is not None:
            return float(own)
        if getattr(group, "default_instance_warmup", None) is not None:
            return warmup_seconds(group)
        return float(group.health_check_grace_period or 0)

    def _end(self, group: Any, refresh: Refresh, status: str, reason: str | None) -> None:
        refresh.status = status
        refresh.status_reason = reason
        refresh.end_time = self._world.clock.utc()
        word = {"Successful": "Succeeded"}.get(status, status)
        self._announce(group, refresh, word.lower(), word)

    def _announce(self, group: Any, refresh: Refresh, kind: str, word: str) -> None:
        self._world.timeline.add("autoscaling", f"refresh-{kind}", group.name)
        self._world.emit(
            "aws.autoscaling",
            f"EC2 Auto Scaling Instance Refresh {word}",
            [group.arn],
            {
                "InstanceRefreshId": refresh.instance_refresh_id,
                "AutoScalingGroupName": group.name,
            },
        )


def _current(group: Any, member: Member) -> bool:
    """Whether an instance has the group's current launch template version."""
    template = group.ec2_launch_template
    version = template.get_version(group.launch_template_version).number
    launched = member.launch_template or {}
    return launched.get("LaunchTemplateId") == template.id and launched.get("Version") == str(
        version
    )
