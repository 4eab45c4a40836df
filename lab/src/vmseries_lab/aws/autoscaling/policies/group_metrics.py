"""Group metrics, which Auto Scaling publishes every minute for groups that have them enabled.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from vmseries_lab.aws.autoscaling.model import Member, members
from vmseries_lab.aws.moto_patching import backend

NAMESPACE = "AWS/AutoScaling"


def publish(now: float) -> None:
    """Publish the enabled metrics of every group for the minute that starts now."""
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


def measure(group: Any, instances: list[Member]) -> dict[str, int]:
    """Return the group metrics; an instance in a wait state counts as pending or terminating."""
    pending = sum(member.lifecycle_state.startswith("Pending") for member in instances)
    in_service = sum(member.in_service for member in instances)
    standby = sum(member.lifecycle_state == "Standby" for member in instances)
    terminating = sum(member.terminating for member in instances)
    return {
        "GroupMinSize": group.min_size,
        "GroupMaxSize": group.max_size,
        "GroupDesiredCapacity": group.desired_capacity or 0,
        "GroupInServiceInstances": in_service,
        "GroupPendingInstances": pending,
        "GroupStandbyInstances": standby,
        "GroupTerminatingInstances": terminating,
        "GroupTotalInstances": len(instances),
        "GroupInServiceCapacity": in_service,
        "GroupPendingCapacity": pending,
        "GroupStandbyCapacity": standby,
        "GroupTerminatingCapacity": terminating,
        "GroupTotalCapacity": len(instances),
    }
