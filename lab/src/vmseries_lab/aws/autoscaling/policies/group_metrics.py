"""The group metrics that Auto Scaling publishes every minute, for groups that have them enabled.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from vmseries_lab.aws.autoscaling.model import Member, members
from vmseries_lab.aws.moto_patching import backend

NAMESPACE = "AWS/AutoScaling"


def publish(now: float) -> None:
    """Publish the enabled metrics of every group, for the minute that is beginning."""
    stamp = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    for group in backend("autoscaling").autoscaling_groups.values():
        values = measure(group, members(group))
        data = [
            {
                "MetricName": name,
                "Value": float(values[name]),
                "Timestamp": stamp,
                "Dimensions": [{"Name": "AutoScalingGroupName", "Value": group.name}],
                "Unit": "None",
            }
            for name in group.metrics
            if name in values
        ]
        if data:
            backend("cloudwatch").put_metric_data(NAMESPACE, data)


def measure(group: Any, everyone: list[Member]) -> dict[str, int]:
    """Count what the group metrics count; an instance in a wait state is pending or terminating."""
    pending = sum(member.lifecycle_state.startswith("Pending") for member in everyone)
    in_service = sum(member.in_service for member in everyone)
    standby = sum(member.lifecycle_state == "Standby" for member in everyone)
    terminating = sum(member.terminating for member in everyone)
    return {
        "GroupMinSize": group.min_size,
        "GroupMaxSize": group.max_size,
        "GroupDesiredCapacity": group.desired_capacity or 0,
        "GroupInServiceInstances": in_service,
        "GroupPendingInstances": pending,
        "GroupStandbyInstances": standby,
        "GroupTerminatingInstances": terminating,
        "GroupTotalInstances": len(everyone),
        "GroupInServiceCapacity": in_service,
        "GroupPendingCapacity": pending,
        "GroupStandbyCapacity": standby,
        "GroupTerminatingCapacity": terminating,
        "GroupTotalCapacity": len(everyone),
    }
