"""Find the launches that EC2 refuses, in the activities of the Auto Scaling group.

A launch that EC2 refuses has no instance, so that no lifecycle event and no visit follows. Only the
scaling activity shows it, with EC2's own words ("Troubleshoot issues in Amazon EC2 Auto Scaling",
https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from vmseries_autoscale.aws.autoscaling_group import ActivityType, Group, NewestActivities
from vmseries_autoscale.redaction import readable

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import ActivityTypeDef

HORIZON = timedelta(days=1)
"""Activities that began earlier are read only as far as they are on the same page."""

RECENT = timedelta(hours=1)
"""How long a refused launch counts if the group has all its instances nevertheless. Auto Scaling
may have launched in another zone, or the desired capacity may have decreased."""

MAXIMUM_TEXT = 300
"""Number of characters of EC2's message that are repeated. The documented messages are shorter."""

_MAXIMUM_ZONE = 50

_INSTANCE_ID = re.compile(r"i-[0-9a-f]+")

_ENDED_BY_EC2 = re.compile(
    r"Termination Reason: ("
    r"Client\.InternalError|Client\.InvalidSnapshot\.NotFound|Client\.VolumeLimitExceeded|"
    r"Server\.InsufficientInstanceCapacity|Server\.InternalError)\b"
)
"""EC2 starts an instance and ends it at once, for example because it may not use the volume's KMS
key. The activity is cancelled, and its message has the code of EC2's reason ("Troubleshoot ...
instance launch failures", Amazon EC2 Auto Scaling User Guide; API_StateReason)."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch that EC2 accepted or refused.

    Attributes:
        began: Time of the request, timezone-aware.
        zone: Name of the Availability Zone; ``None`` if the activity does not name it.
        refusal: Message of EC2; ``None`` if it accepted the launch.
    """

    began: datetime
    zone: str | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class RefusedLaunches:
    """The launches in one zone that EC2 has refused since it last accepted one there.

    Attributes:
        zone: Name of the Availability Zone; ``None`` if the activities do not name it.
        number: Number of refused launches, as far as the activities were read.
        first: Time of the oldest of them.
        last: Time of the newest of them.
        message: EC2's message about the newest one.
    """

    zone: str | None
    number: int
    first: datetime
    last: datetime
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields for a report."""
        return {
            "zone": self.zone,
            "number": self.number,
            "first": self.first.isoformat(timespec="seconds"),
            "last": self.last.isoformat(timespec="seconds"),
            "message": self.message,
        }


def read(activities: NewestActivities, group: Group, now: datetime) -> list[RefusedLaunches]:
    """Return the launches of the group that EC2 refuses now, by zone, the newest first.

    Args:
        activities: Newest activities of the group.
        group: Description of the group.
        now: Current time, timezone-aware.
    """
    return refused(_newest_launches(activities, now), group, now)


def refused(launches: Iterable[Launch], group: Group, now: datetime) -> list[RefusedLaunches]:
    """Decide which launches count as refused now. A pure function.

    A refused launch counts until EC2 accepts a launch in the same zone. If the group has all its
    instances, it counts for ``RECENT`` only, and after ``HORIZON`` only if EC2 has accepted no
    launch in another zone since: the group may have left the zone weeks ago.

    Args:
        launches: Launches of the group, newest first.
        group: Description of the group.
        now: Current time, timezone-aware.
    """
    found: dict[str | None, RefusedLaunches] = {}
    accepted: set[str | None] = set()
    newest_accepted: datetime | None = None
    for launch in launches:
        if launch.refusal is None:
            # A refusal of an unknown zone ends with the next launch in any zone.
            accepted |= {launch.zone, None}
            newest_accepted = newest_accepted or launch.began
        elif launch.zone not in accepted:
            newest = found.get(launch.zone)
            found[launch.zone] = RefusedLaunches(
                launch.zone,
                number=newest.number + 1 if newest else 1,
                first=launch.began,
                last=newest.last if newest else launch.began,
                message=newest.message if newest else launch.refusal,
            )
    current = [
        item
        for item in found.values()
        if now - item.last < RECENT or (group.is_short and not _is_over(item, newest_accepted, now))
    ]
    return sorted(current, key=lambda item: item.last, reverse=True)


def _is_over(refused: RefusedLaunches, accepted: datetime | None, now: datetime) -> bool:
    """Return whether the group has long launched in other zones than the one of a refusal."""
    return now - refused.last >= HORIZON and accepted is not None and accepted > refused.last


def _newest_launches(activities: NewestActivities, now: datetime) -> Iterator[Launch]:
    for page in activities.pages(now - HORIZON):
        for activity in page:
            if (launch := parse(activity)) is not None:
                yield launch


def parse(activity: ActivityTypeDef) -> Launch | None:
    """Return the launch of an activity; ``None`` for other activities, and if EC2 has not decided.

    An activity with an instance is a launch that EC2 accepted, whatever became of it: its end by a
    lifecycle hook, for example, is reported by the launch function.
    """
    description = activity.get("Description", "")
    if not description.startswith(ActivityType.LAUNCHING):
        return None
    began, zone = activity["StartTime"], _zone(activity.get("Details", ""))
    message = activity.get("StatusMessage", "")
    status = activity["StatusCode"]
    if status == "Failed" or (status == "Cancelled" and _ENDED_BY_EC2.search(message)):
        return Launch(began, zone, readable(message, MAXIMUM_TEXT) or "EC2 gave no reason")
    return Launch(began, zone, None) if _INSTANCE_ID.search(description) else None


def _zone(details: str) -> str | None:
    """Return the zone that the details of an activity name.

    They are JSON, for example ``{"Subnet ID": "subnet-1", "Availability Zone": "us-east-1a"}``.
    """
    try:
        zone = json.loads(details)["Availability Zone"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    return readable(zone, _MAXIMUM_ZONE) or None if isinstance(zone, str) else None
