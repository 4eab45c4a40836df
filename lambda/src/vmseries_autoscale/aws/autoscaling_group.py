"""Read the size, the members and the scaling activities of the Auto Scaling group."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
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
        launches_stopped: Whether its process ``Launch`` is suspended.
    """

    desired: int
    members: Mapping[str, str]
    maximum: int = 0
    launches_stopped: bool = False

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
        launches_stopped=any(
            process["ProcessName"] == "Launch"
            for group in response["AutoScalingGroups"]
            for process in group.get("SuspendedProcesses", ())
        ),
    )


def members(autoscaling: AutoScalingClient, group: str) -> dict[str, str]:
    """Return the lifecycle states by instance id; empty if the group does not exist."""
    return dict(describe(autoscaling, group).members)


class NewestActivities:
    """The newest activities of a group, at most 300.

    Each page is read once, when it is first needed, however many look at it.

    Args:
        autoscaling: Client of Amazon EC2 Auto Scaling.
        group: Name of the group.
    """

    MAXIMUM_PAGES = 3

    def __init__(self, autoscaling: AutoScalingClient, group: str) -> None:
        self._read = partial(
            autoscaling.describe_scaling_activities,
            AutoScalingGroupName=group,
            IncludeDeletedGroups=False,
        )
        self._pages: list[list[ActivityTypeDef]] = []
        self._next_token: str | None = None

    def pages(self, since: datetime) -> Iterator[list[ActivityTypeDef]]:
        """Yield the pages, of 100 activities each, newest first.

        Args:
            since: Time before which activities are yielded only as far as they are on a page with
                later ones.

        Raises:
            ClientError: If Auto Scaling refuses a request.
        """
        for number in range(self.MAXIMUM_PAGES):
            if number == len(self._pages):
                if number > 0 and self._next_token is None:
                    return
                token = self._next_token
                page = self._read(NextToken=token) if token else self._read()
                self._pages.append(page["Activities"])
                self._next_token = page.get("NextToken")
            yield self._pages[number]
            if any(activity["StartTime"] < since for activity in self._pages[number]):
                return


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
    # Auto Scaling keeps activities for six weeks (API_DescribeScalingActivities). Also those of
    # deleted groups are read, because the firewalls of a group outlive it in Panorama.
    pages = autoscaling.get_paginator("describe_scaling_activities").paginate(
        AutoScalingGroupName=group, IncludeDeletedGroups=True
    )
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
