"""Read the size, the members and the scaling activities of the Auto Scaling group."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from vmseries_autoscale.errors import TimeBudgetExceededError

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import ActivityTypeDef

ACTIVITY_PAGES = 50
"""Maximum number of pages to read, of 100 activities each."""


class ActivityType(StrEnum):
    """The type of an activity: the fixed text at the start of its description."""

    LAUNCHING = "Launching a new EC2 instance"
    ATTACHING = "Attaching an existing EC2 instance"
    TERMINATING = "Terminating EC2 instance"
    DETACHING = "Detaching EC2 instance"


_DESCRIPTION = re.compile(rf"({'|'.join(ActivityType)}): (i-[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Activity:
    """The newest scaling activity of one instance.

    Attributes:
        began: Start time, timezone-aware.
        ended: End time, timezone-aware; ``None`` while the activity is in progress, e.g. during a
            lifecycle hook.
    """

    type: ActivityType
    began: datetime
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """The group, and its members.

    Attributes:
        desired: Number of instances that the group should have.
        members: Lifecycle states by instance id.
        maximum: Number of instances that the group may have.
    """

    desired: int
    members: Mapping[str, str]
    maximum: int = 0

    @property
    def is_short(self) -> bool:
        """Whether fewer instances are in service or launching than the group should have."""
        present = [state for state in self.members.values() if state.startswith(_PRESENT)]
        return len(present) < self.desired


_PRESENT = ("Pending", "InService")
"""The first words of the lifecycle states that count toward the desired capacity."""


def describe(autoscaling: AutoScalingClient, name: str) -> Group:
    """Describe the group; without members if it does not exist."""
    response = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return Group(
        desired=sum(group["DesiredCapacity"] for group in response["AutoScalingGroups"]),
        members={
            instance["InstanceId"]: instance["LifecycleState"]
            for group in response["AutoScalingGroups"]
            for instance in group["Instances"]
        },
        maximum=sum(group["MaxSize"] for group in response["AutoScalingGroups"]),
    )


def members(autoscaling: AutoScalingClient, group: str) -> dict[str, str]:
    """Return the lifecycle states by instance id; empty if the group does not exist."""
    return dict(describe(autoscaling, group).members)


def activity_pages(
    autoscaling: AutoScalingClient, group: str, maximum: int, *, of_deleted_groups: bool
) -> Iterator[list[ActivityTypeDef]]:
    """Yield at most ``maximum`` pages of the group's activities, of 100 each, newest first.

    Auto Scaling keeps activities for six weeks, also those of deleted groups of the same name
    (API_DescribeScalingActivities).
    """
    pages = autoscaling.get_paginator("describe_scaling_activities").paginate(
        AutoScalingGroupName=group, IncludeDeletedGroups=of_deleted_groups
    )
    for page in islice(pages, maximum):
        yield page["Activities"]


def activities(
    autoscaling: AutoScalingClient,
    group: str,
    instance_ids: Collection[str],
    has_time: Callable[[], bool] = lambda: True,
) -> dict[str, Activity]:
    """Return the newest activity by instance id, as far as Auto Scaling still keeps it.

    An activity is the only proof that a terminated instance was a member of this group.

    Args:
        autoscaling: Client of Amazon EC2 Auto Scaling.
        group: Name of the group.
        instance_ids: Instances to find. Without any, no call is made.
        has_time: Returns whether there is time for another page.

    Raises:
        TimeBudgetExceededError: If there is no time for another page.
        ClientError: If Auto Scaling refuses a request.
    """
    newest: dict[str, Activity] = {}
    if not instance_ids:
        return newest
    # Also of deleted groups, because the firewalls of a group outlive it in Panorama.
    for page in activity_pages(autoscaling, group, ACTIVITY_PAGES, of_deleted_groups=True):
        for description in page:
            match = _DESCRIPTION.match(description.get("Description", ""))
            if match and match[2] in instance_ids:
                newest.setdefault(match[2], _activity(ActivityType(match[1]), description))
        if len(newest) == len(instance_ids):
            break
        if not has_time():
            raise TimeBudgetExceededError("no time left in this invocation")
    return newest


def _activity(activity_type: ActivityType, description: ActivityTypeDef) -> Activity:
    return Activity(activity_type, description["StartTime"], description.get("EndTime"))
