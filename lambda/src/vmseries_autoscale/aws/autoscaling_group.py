"""The Auto Scaling group: who is in it, and what Auto Scaling remembers of who was."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import ActivityTypeDef

ACTIVITY_PAGES = 50
"""Of 100 activities each; a bound for a look at the six weeks that Auto Scaling remembers."""


class Kind(StrEnum):
    """What an activity does with its instance, in the words of its description."""

    LAUNCHING = "Launching a new EC2 instance"
    ATTACHING = "Attaching an existing EC2 instance"
    TERMINATING = "Terminating EC2 instance"
    DETACHING = "Detaching EC2 instance"


_DESCRIPTION = re.compile(rf"({'|'.join(Kind)}): (i-[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Activity:
    """The newest that Auto Scaling did with an instance.

    Attributes:
        began: aware.
        ended: aware; ``None`` while it lasts, as it does while a lifecycle hook is waited for.
    """

    kind: Kind
    began: datetime
    ended: datetime | None


def members(autoscaling: AutoScalingClient, group: str) -> dict[str, str]:
    """The lifecycle state of each instance of the group, by its id; of no group, nobody's."""
    answer = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    return {
        instance["InstanceId"]: instance["LifecycleState"]
        for description in answer["AutoScalingGroups"]
        for instance in description["Instances"]
    }


def activities(
    autoscaling: AutoScalingClient, group: str, instance_ids: Collection[str]
) -> dict[str, Activity]:
    """The newest activity for each of these instances that Auto Scaling remembers.

    It does so for six weeks, also for a group that was deleted (API_DescribeScalingActivities).
    Who is found here was in this group: nothing else proves that of an instance that is gone.
    """
    found: dict[str, Activity] = {}
    if not instance_ids:
        return found
    pages = autoscaling.get_paginator("describe_scaling_activities").paginate(
        AutoScalingGroupName=group, IncludeDeletedGroups=True
    )
    # The newest come first.
    for page in islice(pages, ACTIVITY_PAGES):
        for description in page["Activities"]:
            match = _DESCRIPTION.match(description.get("Description", ""))
            if match and match[2] in instance_ids:
                found.setdefault(match[2], _activity(Kind(match[1]), description))
        if len(found) == len(instance_ids):
            break
    return found


def _activity(kind: Kind, description: ActivityTypeDef) -> Activity:
    return Activity(kind, description["StartTime"], description.get("EndTime"))
