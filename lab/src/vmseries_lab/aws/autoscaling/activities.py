"""Scaling activities and their events.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Activity.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vmseries_lab.core.location import LOCATION
from vmseries_lab.core.world import World

_VERBS = {
    "Launch": ("Launching a new EC2 instance", "EC2", "AutoScalingGroup"),
    "Terminate": ("Terminating EC2 instance", "AutoScalingGroup", "EC2"),
    "Detach": ("Detaching EC2 instance", "AutoScalingGroup", "EC2"),
    "EnterStandby": ("Moving EC2 instance to Standby", "", ""),
    "ExitStandby": ("Moving EC2 instance out of Standby", "", ""),
}


@dataclass
class Activity:
    """A launch, termination or detachment, with the attributes that moto's responses contain."""

    kind: str
    auto_scaling_group_name: str
    auto_scaling_group_arn: str
    description: str
    cause: str
    start_time: datetime
    details: str
    activity_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status_code: str = "InProgress"
    status_message: str | None = None
    end_time: datetime | None = None
    progress: int = 0


class Activities:
    """The activities of all groups, newest first."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all: list[Activity] = []

    def begin(
        self, kind: str, group: Any, cause: str, instance: Any | None, subnet: Any | None = None
    ) -> Activity:
        """Record the start of an activity.

        Args:
            kind: ``Launch``, ``Terminate``, ``Detach``, ``EnterStandby`` or ``ExitStandby``.
            group: moto's group.
            cause: cause, without time and full stop.
            instance: moto's instance, ``None`` if it was not created.
            subnet: moto's subnet of a launch without an instance.
        """
        at = self._world.clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ")
        place = {}
        if instance is not None:
            place = {
                "Subnet ID": instance.subnet_id,
                "Availability Zone": instance.availability_zone,
            }
        elif subnet is not None:
            place = {"Subnet ID": subnet.id, "Availability Zone": subnet.availability_zone}
        activity = Activity(
            kind=kind,
            auto_scaling_group_name=group.name,
            auto_scaling_group_arn=group.arn,
            description=_VERBS[kind][0] + (f": {instance.id}" if instance is not None else ""),
            cause=f"At {at} {cause}.",
            start_time=self._world.clock.utc(),
            details=json.dumps(place),
        )
        self.all.insert(0, activity)
        return activity

    def end(
        self, activity: Activity, instance_id: str, status: str = "Successful", message: str = ""
    ) -> None:
        """Record the end of an activity and send its event to EventBridge, if it has one.

        Args:
            activity: the activity.
            instance_id: ID of the instance, empty if it was not created.
            status: ``Successful``, ``Failed`` or ``Cancelled``.
            message: reason, if it was not successful.
        """
        activity.status_code = status
        activity.status_message = message or None
        activity.end_time = self._world.clock.utc()
        activity.progress = 100
        outcome = "Successful" if status == "Successful" else "Unsuccessful"
        _, origin, destination = _VERBS[activity.kind]
        if not origin:
            return
        self._world.emit(
            "aws.autoscaling",
            f"EC2 Instance {activity.kind} {outcome}",
            [
                activity.auto_scaling_group_arn,
                LOCATION.arn("ec2", f"instance/{instance_id}"),
            ],
            {
                "StatusCode": "InProgress" if outcome == "Successful" else status,
                "Description": activity.description,
                "AutoScalingGroupName": activity.auto_scaling_group_name,
                "ActivityId": activity.activity_id,
                "RequestId": activity.activity_id,
                "Details": json.loads(activity.details),
                "StatusMessage": message,
                "StartTime": activity.start_time.isoformat(timespec="milliseconds"),
                "EndTime": activity.end_time.isoformat(timespec="milliseconds"),
                "EC2InstanceId": instance_id,
                "Cause": activity.cause,
                "Origin": origin,
                "Destination": destination,
            },
        )
