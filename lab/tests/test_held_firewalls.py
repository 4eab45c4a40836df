"""The module's policies scale out while firewalls are held in a lifecycle hook.

Three of six firewalls are held in the terminate hook, and carry no traffic. The policies use the
metric math of ``modules/scaling/load.tf``, and for comparison the Average, which it replaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from load_in_service import queries

from vmseries_lab.aws.in_process import InProcessAws, in_process_aws

NAME = {"AutoScalingGroupName": "fw"}
METRIC = {"Namespace": "VMseries-fw", "MetricName": "panSessionUtilization"}
COUNTS = ["GroupInServiceInstances", "GroupTotalInstances", "GroupStandbyInstances"]
LIVE, HELD = 3, 3
ARRIVALS = ["after-evaluation", "before-evaluation"]


@pytest.fixture(params=ARRIVALS)
def aws(request: pytest.FixtureRequest) -> Iterator[InProcessAws]:
    """A group with three firewalls in service and three held, and its group metrics."""
    with in_process_aws() as lab:
        lab.world.assumptions.set(**{"group-metric-arrival": request.param})
        lab.world.clock.jump(60 - lab.world.clock.now() % 60)
        autoscaling = lab.client("autoscaling")
        lab.build_group(hooks=False, DesiredCapacity=LIVE + HELD, MaxSize=12)
        autoscaling.enable_metrics_collection(**NAME, Granularity="1Minute", Metrics=COUNTS)
        lab.world.advance(600)
        autoscaling.put_lifecycle_hook(
            **NAME,
            LifecycleHookName="terminate",
            LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
            HeartbeatTimeout=7200,
        )
        autoscaling.set_desired_capacity(**NAME, DesiredCapacity=LIVE)
        lab.world.advance(600)
        states = [member["LifecycleState"] for member in lab.group()["Instances"]]
        assert sorted(states) == ["InService"] * LIVE + ["Terminating:Wait"] * HELD
        yield lab


def track(aws: InProcessAws, specification: dict[str, Any]) -> None:
    aws.client("autoscaling").put_scaling_policy(
        **NAME,
        PolicyName="sessions",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "TargetValue": 60.0,
            "CustomizedMetricSpecification": specification,
        },
    )


def track_load(aws: InProcessAws) -> None:
    track(aws, {"Metrics": queries(METRIC, "fw")})


def track_average(aws: InProcessAws) -> None:
    track(aws, {**METRIC, "Statistic": "Average"})


def step_on_load(aws: InProcessAws) -> None:
    arn = aws.client("autoscaling").put_scaling_policy(
        **NAME,
        PolicyName="add",
        PolicyType="StepScaling",
        AdjustmentType="ChangeInCapacity",
        StepAdjustments=[{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    )["PolicyARN"]
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="add",
        Metrics=queries(METRIC, "fw"),
        EvaluationPeriods=5,
        Threshold=60,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[arn],
    )


def minutes(aws: InProcessAws, count: int, load: float, *, idle: float | None, times: int) -> int:
    """Let minutes pass until the group grows; return its desired capacity."""
    values = [load] * LIVE + ([] if idle is None else [idle] * HELD)
    for _ in range(count):
        now = aws.world.clock.utc()
        aws.client("cloudwatch").put_metric_data(
            Namespace=METRIC["Namespace"],
            MetricData=[
                {"MetricName": METRIC["MetricName"], "Value": value, "Timestamp": now}
                for value in values * times
            ],
        )
        aws.world.advance(60)
        if aws.group()["DesiredCapacity"] > LIVE:
            break
    return int(aws.group()["DesiredCapacity"])


@pytest.mark.parametrize("times", [1, 2], ids=["once-a-minute", "twice-a-minute"])
@pytest.mark.parametrize("idle", [0.0, None, 3.0], ids=["zeros", "nothing", "idle-cpu"])
@pytest.mark.parametrize(("policy", "capacity"), [(track_load, 5), (step_on_load, 4)])
def test_held_firewalls_do_not_stop_a_scale_out(
    aws: InProcessAws, policy: Any, capacity: int, idle: float | None, times: int
) -> None:
    """3 x 95 / 60 = 4.75 firewalls are needed."""
    policy(aws)
    assert minutes(aws, 20, 57, idle=idle, times=times) == LIVE
    assert minutes(aws, 10, 95, idle=idle, times=times) == capacity


@pytest.mark.parametrize("times", [1, 2])
def test_the_average_of_all_publishers_does_not_scale_out(aws: InProcessAws, times: int) -> None:
    """The lab shows the fault: on the Average, the group stays at three for 70 minutes."""
    track_average(aws)
    assert minutes(aws, 70, 95, idle=0.0, times=times) == LIVE


def test_disabled_group_metrics_leave_the_average(aws: InProcessAws) -> None:
    """The policy then does what it would do without metric math, and scales on."""
    track_load(aws)
    aws.client("autoscaling").disable_metrics_collection(**NAME)
    aws.world.advance(1800)
    assert minutes(aws, 20, 95, idle=0.0, times=1) == LIVE
    assert minutes(aws, 10, 95, idle=None, times=1) == 5
