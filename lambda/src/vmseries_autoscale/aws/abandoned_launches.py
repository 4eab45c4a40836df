"""Find launches that were abandoned one after the other, and stop the launches of the group.

Each abandoned launch may have taken a license that only its firewall knew. The group replaces the
instance, so that one wrong setting takes a license per launch deadline until the pool is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vmseries_autoscale.aws.autoscaling_group import ActivityType, NewestActivities

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import ActivityTypeDef

HORIZON = timedelta(days=1)
"""How long ago the newest abandoned launch may have ended. The group may have launched nothing
since, because nobody needs the capacity. While its launches are stopped, the age does not matter:
nothing but an operator starts them again."""

_ABANDONED = re.compile(r"Lifecycle Action with token \S+ was abandoned")
""""Troubleshoot ... instance launch failures", Amazon EC2 Auto Scaling User Guide."""

_INSTANCE_ID = re.compile(r": (i-[0-9a-f]{1,32})\b")


@dataclass(frozen=True, slots=True)
class AbandonedLaunch:
    """A launch that was abandoned.

    Attributes:
        began: Start time, timezone-aware.
        ended: Time at which it was abandoned, timezone-aware.
    """

    instance_id: str
    began: datetime
    ended: datetime


def read(
    activities: NewestActivities, now: datetime, *, stopped: bool = False
) -> list[AbandonedLaunch]:
    """Return the launches of a group that were abandoned since the last one succeeded.

    Args:
        activities: Newest activities of the group.
        now: Current time, timezone-aware.
        stopped: Whether the launches of the group are stopped.

    Returns:
        The launches, newest first; none if the newest one ended longer ago than ``HORIZON``, unless
        the launches are stopped.
    """
    pages = activities.pages(datetime.min.replace(tzinfo=UTC) if stopped else now - HORIZON)
    found = in_a_row(activity for page in pages for activity in page)
    recent = stopped or (bool(found) and now - found[0].ended <= HORIZON)
    return found if recent else []


def in_a_row(activities: Iterable[ActivityTypeDef]) -> list[AbandonedLaunch]:
    """Return the abandoned launches before the newest one that succeeded. A pure function.

    Launches in progress, and launches that EC2 refuses, are neither.

    Args:
        activities: Activities of the group, newest first.
    """
    found = []
    for activity in activities:
        description = activity.get("Description", "")
        if not description.startswith(ActivityType.LAUNCHING):
            continue
        if activity["StatusCode"] == "Successful":
            break
        match = _INSTANCE_ID.search(description)
        ended = activity.get("EndTime")
        if match and ended and _ABANDONED.search(activity.get("StatusMessage", "")):
            found.append(AbandonedLaunch(match[1], activity["StartTime"], ended))
    return found


def stop_launches(autoscaling: AutoScalingClient, name: str) -> None:
    """Suspend the process ``Launch`` of a group. Repeating it has no effect.

    The group then launches no instance, whatever its desired capacity, until somebody resumes the
    process (API_SuspendProcesses).
    """
    autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["Launch"])
