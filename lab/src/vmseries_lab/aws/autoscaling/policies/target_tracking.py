"""The alarms that Auto Scaling creates for a target tracking policy.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html says that Auto
Scaling creates and deletes alarms, but does not specify them.
"""

from __future__ import annotations

import uuid
from typing import Any

from moto.cloudwatch.models import Dimension, Metric, MetricDataQuery, MetricStat

from vmseries_lab.aws.moto_patching import backend

PREFIX = "TargetTracking-"
PERIOD_SECONDS = 60
HIGH_PERIODS = 3
LOW_PERIODS = 15
LOW_SHARE = 0.9
"""Above the target for 3 of 3 one-minute periods scales out; below 90 % of it for 15 of 15 scales
in. AWS documents neither; users report the alarms:
https://github.com/hashicorp/terraform-provider-aws/issues/42553 (3 of 3, one minute),
https://github.com/aws/containers-roadmap/issues/638 (15 of 15 for the low alarm)."""

_PREDEFINED = {
    "ASGAverageCPUUtilization": "CPUUtilization",
    "ASGAverageNetworkIn": "NetworkIn",
    "ASGAverageNetworkOut": "NetworkOut",
}
"""https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PredefinedMetricSpecification.html"""


def setting(policy: Any, name: str, default: Any = None) -> Any:
    """Return one setting of a target tracking configuration."""
    value = vars(policy.target_tracking_configuration).get(name)
    return default if value is None else value


def put_alarms(policy: Any) -> None:
    """Create or update the alarms of a policy, if it is a target tracking policy."""
    if policy.policy_type != "TargetTrackingScaling":
        return
    target = float(setting(policy, "TargetValue"))
    base = f"{PREFIX}{policy.auto_scaling_group_name}"
    high, low = (_name(policy, f"{base}-Alarm{kind}-") for kind in ("High", "Low"))
    wanted = [(high, "GreaterThanThreshold", target, HIGH_PERIODS)]
    if not setting(policy, "DisableScaleIn", False):
        wanted.append((low, "LessThanThreshold", target * LOW_SHARE, LOW_PERIODS))
    store = backend("cloudwatch")
    policy.alarms = []
    for name, comparison, threshold, periods in wanted:
        alarm = store.put_metric_alarm(
            name,
            comparison_operator=comparison,
            evaluation_periods=periods,
            threshold=threshold,
            description="DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + policy.arn,
            alarm_actions=[policy.arn],
            **_metric_arguments(policy),
        )
        policy.alarms.append({"AlarmName": name, "AlarmARN": alarm.alarm_arn})
    sweep_alarms(policy.autoscaling_backend)


def _name(policy: Any, prefix: str) -> str:
    """Return the name of the policy's alarm with this prefix, or a new name."""
    names = [str(alarm["AlarmName"]) for alarm in policy.alarms]
    return next((n for n in names if n.startswith(prefix)), f"{prefix}{uuid.uuid4()}")


def sweep_alarms(store: Any) -> None:
    """Delete the alarms of deleted policies."""
    kept = {alarm["AlarmName"] for policy in store.policies.values() for alarm in policy.alarms}
    alarms = backend("cloudwatch").alarms
    for name in [name for name in alarms if name.startswith(PREFIX) and name not in kept]:
        del alarms[name]


def _metric_arguments(policy: Any) -> dict[str, Any]:
    """Return the metric of a policy as arguments of moto's put_metric_alarm."""
    custom = setting(policy, "CustomizedMetricSpecification")
    if custom and custom.get("Metrics"):
        return {
            "namespace": None,
            "metric_name": None,
            "period": None,
            "statistic": None,
            "dimensions": [],
            "metric_data_queries": [_query(query) for query in custom["Metrics"]],
        }
    if custom:
        return {
            "namespace": custom["Namespace"],
            "metric_name": custom["MetricName"],
            "period": int(custom.get("Period") or PERIOD_SECONDS),
            "statistic": custom["Statistic"],
            "dimensions": custom.get("Dimensions") or [],
            "unit": custom.get("Unit"),
        }
    predefined = setting(policy, "PredefinedMetricSpecification")["PredefinedMetricType"]
    group = {"Name": "AutoScalingGroupName", "Value": policy.auto_scaling_group_name}
    return {
        "namespace": "AWS/EC2",
        "metric_name": _PREDEFINED[predefined],
        "period": PERIOD_SECONDS,
        "statistic": "Average",
        "dimensions": [group],
    }


def _query(query: dict[str, Any]) -> Any:
    stat = query.get("MetricStat")
    metric_stat = None
    if stat:
        metric = stat["Metric"]
        pairs = metric.get("Dimensions") or []
        metric_stat = MetricStat(
            Metric(
                metric["MetricName"],
                metric["Namespace"],
                [Dimension(pair["Name"], pair["Value"]) for pair in pairs],
            ),
            stat.get("Period") or PERIOD_SECONDS,
            stat["Stat"],
            stat.get("Unit"),
        )
    return MetricDataQuery(
        query["Id"],
        query.get("Label"),
        PERIOD_SECONDS,
        query.get("ReturnData", True),
        query.get("Expression"),
        metric_stat,
    )
