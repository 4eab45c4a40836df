"""Group metrics, which Auto Scaling publishes every minute for groups that have them enabled.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import EmptyResult

from vmseries_lab.aws.autoscaling.lifecycle_hooks import find_group
from vmseries_lab.aws.autoscaling.model import Member, members
from vmseries_lab.aws.moto_patching import add_method, backend, wrap

NAMESPACE = "AWS/AutoScaling"


NAMES = (
    "GroupMinSize",
    "GroupMaxSize",
    "GroupDesiredCapacity",
    "GroupInServiceInstances",
    "GroupPendingInstances",
    "GroupStandbyInstances",
    "GroupTerminatingInstances",
    "GroupTotalInstances",
    "GroupInServiceCapacity",
    "GroupPendingCapacity",
    "GroupStandbyCapacity",
    "GroupTerminatingCapacity",
    "GroupTotalCapacity",
)
"""The group metrics that the lab publishes: those of a group without a warm pool."""


def install() -> None:
    """Let groups enable and disable metrics."""
    wrap(AutoScalingResponse, "enable_metrics_collection", enable)
    add_method(AutoScalingResponse, "disable_metrics_collection", disable)


def enable(_original: Any, response: Any) -> Any:
    """EnableMetricsCollection: adds metrics to those that are enabled; without a list, all.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_EnableMetricsCollection.html
    """
    group, named = _request(response)
    group.metrics = sorted({*group.metrics, *(named or NAMES)})
    return EmptyResult()


def disable(response: Any) -> Any:
    """DisableMetricsCollection: without a list, all.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DisableMetricsCollection.html
    """
    group, named = _request(response)
    group.metrics = [name for name in group.metrics if name not in (named or group.metrics)]
    return EmptyResult()


def _request(response: Any) -> tuple[Any, list[str]]:
    parameters = response._get_params()  # noqa: SLF001
    group = find_group(response.autoscaling_backend, parameters["AutoScalingGroupName"])
    return group, parameters.get("Metrics") or []


def publish(at: float) -> None:
    """Publish the enabled metrics of every group as they are now, with a time stamp."""
    stamp = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
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
    """Return the group metrics; an instance in a wait state counts as pending or terminating.

    "GroupTotalInstances … identifies the number of instances that are in service, pending, and
    terminating": not those in standby.
    """
    pending = sum(member.lifecycle_state.startswith("Pending") for member in instances)
    in_service = sum(member.in_service for member in instances)
    standby = sum(member.lifecycle_state == "Standby" for member in instances)
    terminating = sum(member.terminating for member in instances)
    by_state = (in_service, pending, standby, terminating, in_service + pending + terminating)
    sizes = (group.min_size, group.max_size, group.desired_capacity or 0)
    # Without weights, each instance is one unit of capacity.
    return dict(zip(NAMES, (*sizes, *by_state, *by_state), strict=True))
