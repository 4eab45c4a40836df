"""Read the members and the scaling activities of the Auto Scaling group."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
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


def members(autoscaling: AutoScalingClient, group: str) -> dict[str, str]:
    """Return the lifecycle states by instance id; empty if the group does not exist."""
    response = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    return {
        instance["InstanceId"]: instance["LifecycleState"]
        for description in response["AutoScalingGroups"]
        for instance in description["Instances"]
    }


def activities(
    autoscaling: AutoScalingClient,
    group: str,
    instance_ids: Collection[str],
    has_time: Callable[[], bool] = lambda: True,
) -> dict[str, Activity]:
    """Return the newest activity by instance id, as far as Auto Scaling still keeps it.

    Auto Scaling keeps activities for six weeks, also those of deleted groups
    (API_DescribeScalingActivities). An activity is the only proof that a terminated instance was a
    member of this group.

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
    pages = autoscaling.get_paginator("describe_scaling_activities").paginate(
        AutoScalingGroupName=group, IncludeDeletedGroups=True
    )
    # The newest activities come first.
    for page in islice(pages, ACTIVITY_PAGES):
        for description in page["Activities"]:
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
