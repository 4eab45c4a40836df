"""Alarms and scaling policies on published metrics.

The expected answers are those of the CloudWatch and EC2 Auto Scaling user guides; the tests name
the pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vmseries_lab.aws.autoscaling.policies.step_adjustments import adjusted, step_for, tracked
from vmseries_lab.aws.cloudwatch.alarm_state import next_state
from vmseries_lab.aws.cloudwatch.metric_math import UnsupportedExpressionError, evaluate
from vmseries_lab.aws.in_process import InProcessAws, in_process_aws
from vmseries_lab.aws.moto_patching import backend

NAME = {"AutoScalingGroupName": "fw"}
METRIC = {"Namespace": "VMseries", "MetricName": "panSessionUtilization"}
DIMENSIONS = [{"Name": "AutoScalingGroupName", "Value": "fw"}]


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as lab:
        # Begin on a whole minute, so that minutes of the tests are minutes of the alarms.
        lab.world.clock.jump(60 - lab.world.clock.now() % 60)
        yield lab


@pytest.fixture
def asg(aws: InProcessAws) -> Any:
    return aws.client("autoscaling")


def publish(aws: InProcessAws, value: float, **more: Any) -> None:
    datum = {
        "MetricName": METRIC["MetricName"],
        "Value": value,
        "Timestamp": aws.world.clock.utc(),
        "Dimensions": DIMENSIONS,
        **more,
    }
    aws.client("cloudwatch").put_metric_data(Namespace="VMseries", MetricData=[datum])


def minutes(aws: InProcessAws, count: int, value: Callable[[], float] | float | None) -> None:
    """Let minutes pass, with one data point in each (none for None)."""
    for _ in range(count):
        if value is not None:
            publish(aws, value() if callable(value) else value)
        aws.world.advance(60)


def ready(aws: InProcessAws, count: int = 3, **settings: Any) -> None:
    aws.build_group(hooks=False, DesiredCapacity=count, **{"DefaultInstanceWarmup": 0, **settings})
    aws.world.advance(60)


def track(asg: Any, name: str = "sessions", target: float = 60.0, **more: Any) -> dict[str, Any]:
    specification = {**METRIC, "Dimensions": DIMENSIONS, "Statistic": "Average"}
    configuration = {
        "TargetValue": target,
        "CustomizedMetricSpecification": specification,
        **more,
    }
    return dict(
        asg.put_scaling_policy(
            **NAME,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration=configuration,
        )
    )


def step_pair(aws: InProcessAws) -> None:
    """Palo Alto's pair: above 60 % for 15 minutes adds, below 50 % for 30 minutes removes one."""
    for name, adjustment, bound, comparison, threshold, periods in (
        ("add", 1, "MetricIntervalLowerBound", "GreaterThanThreshold", 60, 15),
        ("remove", -1, "MetricIntervalUpperBound", "LessThanThreshold", 50, 30),
    ):
        arn = aws.client("autoscaling").put_scaling_policy(
            **NAME,
            PolicyName=name,
            PolicyType="StepScaling",
            AdjustmentType="ChangeInCapacity",
            StepAdjustments=[{bound: 0.0, "ScalingAdjustment": adjustment}],
        )["PolicyARN"]
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            **METRIC,
            Dimensions=DIMENSIONS,
            Statistic="Average",
            Period=60,
            EvaluationPeriods=periods,
            Threshold=threshold,
            ComparisonOperator=comparison,
            AlarmActions=[arn],
        )


def desired(aws: InProcessAws) -> int:
    return int(aws.group()["DesiredCapacity"])


def state(aws: InProcessAws, name: str) -> str:
    (alarm,) = aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


class TestTargetTracking:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html"""

    def test_generated_alarms(self, aws: InProcessAws, asg: Any) -> None:
        """Numbers: https://github.com/hashicorp/terraform-provider-aws/issues/42553 and
        https://github.com/aws/containers-roadmap/issues/638.
        """
        ready(aws)
        answer = track(asg)
        names = [alarm["AlarmName"] for alarm in answer["Alarms"]]
        alarms = aws.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
        shapes = {
            alarm["AlarmName"].split("-")[2]: (
                alarm["ComparisonOperator"],
                alarm["Threshold"],
                alarm["EvaluationPeriods"],
                alarm["Period"],
                alarm["AlarmActions"],
            )
            for alarm in alarms
        }
        arn = answer["PolicyARN"]
        assert shapes == {
            "AlarmHigh": ("GreaterThanThreshold", 60.0, 3, 60, [arn]),
            "AlarmLow": ("LessThanThreshold", 54.0, 15, 60, [arn]),
        }
        again = track(asg, target=50.0)
        assert again["PolicyARN"] == arn
        assert [alarm["AlarmName"] for alarm in again["Alarms"]] == names
        asg.delete_policy(**NAME, PolicyName="sessions")
        assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []

    def test_scales_out_after_three_minutes_and_rounds_up(
        self, aws: InProcessAws, asg: Any
    ) -> None:
        """3 x 90 / 60 = 4.5 instances: 5."""
        ready(aws)
        track(asg)
        minutes(aws, 2, 90)
        assert desired(aws) == 3
        minutes(aws, 1, 90)
        assert desired(aws) == 5

    def test_scales_in_after_fifteen_minutes_and_removes_fewer(
        self, aws: InProcessAws, asg: Any
    ) -> None:
        """6 x 22 / 60 = 2.2 instances are needed: 3 stay."""
        ready(aws, 6)
        track(asg)
        minutes(aws, 14, 22)
        assert desired(aws) == 6
        minutes(aws, 1, 22)
        assert desired(aws) == 3

    def test_never_below_the_minimum(self, aws: InProcessAws, asg: Any) -> None:
        ready(aws, 3, MinSize=2)
        track(asg)
        minutes(aws, 20, 1)
        assert desired(aws) == 2

    def test_warming_instances_do_not_count(self, aws: InProcessAws, asg: Any) -> None:
        """While scaling out, instances that warm up are not part of the current capacity."""
        ready(aws, 3, DefaultInstanceWarmup=600)
        aws.world.advance(600)
        track(asg)
        minutes(aws, 8, 90)
        assert desired(aws) == 5

    def test_no_scale_in_while_a_scale_out_is_in_progress(
        self, aws: InProcessAws, asg: Any
    ) -> None:
        ready(aws, 3, DefaultInstanceWarmup=1800)
        track(asg)
        minutes(aws, 25, 10)
        assert desired(aws) == 3
        minutes(aws, 10, 10)
        assert desired(aws) < 3

    def test_missing_data_do_not_scale_in(self, aws: InProcessAws, asg: Any) -> None:
        ready(aws)
        answer = track(asg)
        minutes(aws, 60, None)
        assert desired(aws) == 3
        low = next(a["AlarmName"] for a in answer["Alarms"] if "AlarmLow" in a["AlarmName"])
        assert state(aws, low) == "INSUFFICIENT_DATA"

    def test_disabled_scale_in_has_no_low_alarm(self, aws: InProcessAws, asg: Any) -> None:
        ready(aws)
        answer = track(asg, DisableScaleIn=True)
        assert ["AlarmHigh" in alarm["AlarmName"] for alarm in answer["Alarms"]] == [True]
        minutes(aws, 20, 1)
        assert desired(aws) == 3

    def test_dimensions_must_match_exactly(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CustomizedMetricSpecification.html"""
        ready(aws)
        track(asg)
        for _ in range(5):
            publish(aws, 90, Dimensions=[])
            publish(aws, 90, Dimensions=[*DIMENSIONS, {"Name": "InstanceId", "Value": "i-1"}])
            aws.world.advance(60)
        assert desired(aws) == 3

    def test_metric_math(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-target-tracking-metric-math.html"""
        ready(aws, 3, DefaultInstanceWarmup=300)
        aws.world.advance(300)
        asg.enable_metrics_collection(
            **NAME, Granularity="1Minute", Metrics=["GroupInServiceInstances"]
        )
        stat = {"Metric": {**METRIC, "Dimensions": DIMENSIONS}, "Stat": "Sum"}
        group = {
            "Metric": {
                "Namespace": "AWS/AutoScaling",
                "MetricName": "GroupInServiceInstances",
                "Dimensions": DIMENSIONS,
            },
            "Stat": "Average",
        }
        asg.put_scaling_policy(
            **NAME,
            PolicyName="math",
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={
                "TargetValue": 60.0,
                "CustomizedMetricSpecification": {
                    "Metrics": [
                        {"Id": "total", "MetricStat": stat, "ReturnData": False},
                        {"Id": "group", "MetricStat": group, "ReturnData": False},
                        {"Id": "each", "Expression": "total / group", "ReturnData": True},
                    ]
                },
            },
        )
        minutes(aws, 5, 240)
        assert desired(aws) == 4

    @pytest.mark.parametrize(
        ("more", "error"),
        [
            ({"unknown": "total / each"}, "unknown"),
            ({"circle": "circle + total"}, "uses itself"),
            pytest.param(
                {"Upper": "total"}, "id", marks=pytest.mark.refused("cloudwatch:PutMetricAlarm")
            ),
            ({"half": "total /"}, "half"),
            ({f"e{number}": "total" for number in range(11)}, "at most 10"),
        ],
    )
    def test_metric_math_that_cloudwatch_rejects(
        self, aws: InProcessAws, more: dict[str, str], error: str
    ) -> None:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html"""
        stat = {"Metric": {**METRIC, "Dimensions": DIMENSIONS}, "Stat": "Sum", "Period": 60}
        queries: list[dict[str, Any]] = [
            {"Id": name, "Expression": expression, "ReturnData": False}
            for name, expression in more.items()
        ]
        queries += [
            {"Id": "total", "MetricStat": stat, "ReturnData": False},
            {"Id": "watched", "Expression": "total * 2"},
        ]
        cloudwatch = aws.client("cloudwatch")
        settings = {
            "AlarmName": "math",
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        with pytest.raises(ClientError, match=error):
            cloudwatch.put_metric_alarm(**settings, Metrics=queries)
        with pytest.raises(ClientError, match="ReturnData"):
            cloudwatch.put_metric_alarm(**settings, Metrics=queries[-2:-1])
        assert cloudwatch.describe_alarms()["MetricAlarms"] == []
        cloudwatch.put_metric_alarm(**settings, Metrics=queries[-2:])
        with pytest.raises(ClientError, match=error):
            cloudwatch.put_metric_alarm(**settings, Metrics=queries)
        (alarm,) = cloudwatch.describe_alarms()["MetricAlarms"]
        assert [query["Id"] for query in alarm["Metrics"]] == ["total", "watched"]


class TestSeveralPolicies:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scale-based-on-demand.html"""

    def both(self, asg: Any) -> None:
        track(asg)
        specification = {"Namespace": "VMseries", "MetricName": "cpu", "Statistic": "Average"}
        asg.put_scaling_policy(
            **NAME,
            PolicyName="cpu",
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={
                "TargetValue": 60.0,
                "CustomizedMetricSpecification": specification,
            },
        )

    def pass_minutes(self, aws: InProcessAws, count: int, sessions: float, cpu: float) -> None:
        for _ in range(count):
            publish(aws, sessions)
            publish(aws, cpu, MetricName="cpu", Dimensions=[])
            aws.world.advance(60)

    def test_any_scales_out(self, aws: InProcessAws, asg: Any) -> None:
        ready(aws)
        self.both(asg)
        self.pass_minutes(aws, 3, 10, 80)
        assert desired(aws) == 4

    def test_all_must_be_ready_to_scale_in(self, aws: InProcessAws, asg: Any) -> None:
        ready(aws)
        self.both(asg)
        self.pass_minutes(aws, 20, 10, 58)
        assert desired(aws) == 3
        self.pass_minutes(aws, 15, 10, 10)
        assert desired(aws) < 3

    def test_one_name_in_two_groups(self, aws: InProcessAws, asg: Any) -> None:
        ready(aws)
        aws.build_group("other", hooks=False, DesiredCapacity=1)
        track(asg)
        asg.put_scaling_policy(
            AutoScalingGroupName="other",
            PolicyName="sessions",
            AdjustmentType="ChangeInCapacity",
            ScalingAdjustment=1,
        )
        found = {
            (one["AutoScalingGroupName"], one["PolicyType"], one["Enabled"])
            for one in asg.describe_policies()["ScalingPolicies"]
        }
        assert found == {
            ("fw", "TargetTrackingScaling", True),
            ("other", "SimpleScaling", True),
        }
        asg.delete_policy(AutoScalingGroupName="other", PolicyName="sessions")
        (left,) = asg.describe_policies()["ScalingPolicies"]
        assert left["AutoScalingGroupName"] == "fw"


class TestStepPair:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html"""

    def test_adds_after_fifteen_minutes(self, aws: InProcessAws) -> None:
        ready(aws)
        step_pair(aws)
        minutes(aws, 14, 70)
        assert desired(aws) == 3
        minutes(aws, 1, 70)
        assert desired(aws) == 4

    def test_removes_after_thirty_minutes(self, aws: InProcessAws) -> None:
        ready(aws)
        step_pair(aws)
        minutes(aws, 29, 40)
        assert desired(aws) == 3
        minutes(aws, 1, 40)
        assert desired(aws) == 2

    def test_one_breach_adds_once_while_instances_warm_up(self, aws: InProcessAws) -> None:
        """An alarm that stays repeats its action every minute; warming instances stop a second add.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
        """
        ready(aws, 3, DefaultInstanceWarmup=600)
        aws.world.advance(600)
        step_pair(aws)
        minutes(aws, 20, 70)
        assert desired(aws) == 4
        minutes(aws, 12, 70)
        assert desired(aws) == 5

    def test_executed_by_hand(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ExecutePolicy.html"""
        ready(aws)
        step_pair(aws)
        asg.execute_policy(**NAME, PolicyName="add", MetricValue=70.0, BreachThreshold=60.0)
        assert desired(aws) == 4
        track(asg)
        with pytest.raises(ClientError):
            asg.execute_policy(**NAME, PolicyName="sessions")

    def test_suspended_alarm_notifications(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html"""
        ready(aws)
        step_pair(aws)
        asg.suspend_processes(**NAME, ScalingProcesses=["AlarmNotification"])
        minutes(aws, 20, 70)
        assert desired(aws) == 3


class TestAlarms:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html"""

    def test_states_and_history(self, aws: InProcessAws) -> None:
        ready(aws)
        step_pair(aws)
        assert state(aws, "add") == "INSUFFICIENT_DATA"
        minutes(aws, 15, 70)
        assert state(aws, "add") == "ALARM"
        minutes(aws, 1, 10)
        assert state(aws, "add") == "OK"
        history = aws.client("cloudwatch").describe_alarm_history(
            AlarmName="add", HistoryItemType="StateUpdate"
        )["AlarmHistoryItems"]
        assert [item["HistorySummary"] for item in history] == [
            "Alarm updated from ALARM to OK",
            "Alarm updated from INSUFFICIENT_DATA to ALARM",
        ]

    def test_topics_hear_of_changes_once(self, aws: InProcessAws) -> None:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html"""
        sns, sqs = aws.client("sns"), aws.client("sqs")
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName="busy",
            **METRIC,
            Dimensions=DIMENSIONS,
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=50,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[topic],
            OKActions=[topic],
        )
        minutes(aws, 3, 90)
        minutes(aws, 1, 10)
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        states = [json.loads(message["Body"])["NewStateValue"] for message in messages]
        assert states == ["ALARM", "OK"]

    def test_changing_an_alarm_keeps_its_state(self, aws: InProcessAws) -> None:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
        ready(aws)
        step_pair(aws)
        minutes(aws, 15, 70)
        step_pair(aws)
        assert state(aws, "add") == "ALARM"

    def test_state_that_the_user_sets_acts_and_passes(self, aws: InProcessAws) -> None:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html"""
        ready(aws)
        step_pair(aws)
        minutes(aws, 16, 55)
        aws.client("cloudwatch").set_alarm_state(
            AlarmName="add", StateValue="ALARM", StateReason="test"
        )
        assert state(aws, "add") == "ALARM"
        minutes(aws, 1, 55)
        assert state(aws, "add") == "OK"

    @pytest.mark.parametrize(
        ("points", "missing", "expected"),
        [
            # The table of the page below: 3 of 3, an evaluation range of 5.
            ("0-X-X", "missing", "OK"),
            ("----0", "missing", "OK"),
            ("----0", "breaching", "OK"),
            ("-----", "missing", "INSUFFICIENT_DATA"),
            ("-----", "ignore", "was"),
            ("-----", "breaching", "ALARM"),
            ("-----", "notBreaching", "OK"),
            ("0XX-X", "missing", "ALARM"),
            ("--X--", "missing", "ALARM"),
            ("--X--", "ignore", "was"),
            ("--X--", "breaching", "ALARM"),
            ("--X--", "notBreaching", "OK"),
            # One new breaching point is not yet an alarm.
            ("----X", "missing", "was"),
        ],
    )
    def test_missing_data(self, points: str, missing: str, expected: str) -> None:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
        known = {"0": False, "X": True, "-": None}
        assert next_state([known[p] for p in points], 3, 3, missing, "was") == expected

    @pytest.mark.parametrize(
        ("points", "missing", "expected"),
        [
            ("0-X-X", "missing", "ALARM"),
            ("00X0X", "missing", "ALARM"),
            ("0-X--", "missing", "OK"),
            ("0-X--", "breaching", "ALARM"),
            ("0-X--", "notBreaching", "OK"),
            ("----0", "breaching", "ALARM"),
        ],
    )
    def test_two_of_three(self, points: str, missing: str, expected: str) -> None:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
        known = {"0": False, "X": True, "-": None}
        assert next_state([known[p] for p in points], 3, 2, missing, "was") == expected


def step(low: float | None, high: float | None, adjustment: int) -> dict[str, Any]:
    bounds = {"MetricIntervalLowerBound": low, "MetricIntervalUpperBound": high}
    given = {name: value for name, value in bounds.items() if value is not None}
    return {**given, "ScalingAdjustment": adjustment}


OUT = [step(0, 10, 0), step(10, 20, 10), step(20, None, 30)]
IN = [step(-10, 0, 0), step(-20, -10, -10), step(None, -20, -30)]
LINES = {"a": {0: 10.0, 60: 20.0}, "b": {60: 4.0, 120: 0.0}}
PERIODS = [0, 60, 120]


class TestArithmetic:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html"""

    @pytest.mark.parametrize(
        ("metric", "expected"), [(55, 0), (60, 10), (69.9, 10), (70, 30), (999, 30)]
    )
    def test_steps_above(self, metric: float, expected: int) -> None:
        assert step_for(metric - 50, OUT) == expected

    @pytest.mark.parametrize(
        ("metric", "expected"), [(45, 0), (40, -10), (30.1, -10), (30, -30), (0, -30)]
    )
    def test_steps_below(self, metric: float, expected: int) -> None:
        assert step_for(metric - 50, IN) == expected

    @pytest.mark.parametrize(
        ("capacity", "adjustment", "kind", "expected"),
        [
            (3, 5, "ChangeInCapacity", 8),
            (3, 5, "ExactCapacity", 5),
            (10, 10, "PercentChangeInCapacity", 11),
            (127, 10, "PercentChangeInCapacity", 139),
            (67, 1, "PercentChangeInCapacity", 68),
            (58, -1, "PercentChangeInCapacity", 57),
            (667, -1, "PercentChangeInCapacity", 661),
        ],
    )
    def test_adjustments(self, capacity: int, adjustment: int, kind: str, expected: int) -> None:
        assert adjusted(capacity, adjustment, kind) == expected

    def test_least_magnitude(self) -> None:
        assert adjusted(4, 25, "PercentChangeInCapacity", 2) == 6

    def test_tracked(self) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html"""
        assert tracked(3, 90, 60) == 5
        assert tracked(4, 90, 60) == 6
        assert tracked(6, 22, 60) == 3


def row_of(text: str) -> dict[int, float]:
    """Return the values of a row of the documentation's tables; ``-`` is a missing value."""
    return {at: float(value) for at, value in enumerate(text.split()) if value != "-"}


class TestExpressions:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html"""

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("a * 2", {0: 20.0, 60: 40.0}),
            ("a / b", {60: 5.0}),
            ("-(a - 1)", {0: -9.0, 60: -19.0}),
            ("FILL(b, 5)", {0: 5.0, 60: 4.0, 120: 0.0}),
            ("MAX([a, b])", {0: 10.0, 60: 20.0, 120: 0.0}),
            ("SUM([a, b])", {0: 10.0, 60: 24.0, 120: 0.0}),
            ("AVG([a, b])", {0: 5.0, 60: 12.0, 120: 0.0}),
            ("a - AVG(a)", {0: -5.0, 60: 5.0}),
            ("a + 2 ^ 3", {0: 18.0, 60: 28.0}),
            # "Missing values in a time series are treated as 0", unless both are missing.
            ("a + b", {0: 10.0, 60: 24.0, 120: 0.0}),
            ("b * FILL(a, REPEAT)", {0: 0.0, 60: 80.0, 120: 0.0}),
            ("FILL(a, REPEAT)", {0: 10.0, 60: 20.0, 120: 20.0}),
            ("FILL(b, REPEAT)", {60: 4.0, 120: 0.0}),
            ("FILL(b, a)", {0: 10.0, 60: 4.0, 120: 0.0}),
        ],
    )
    def test_values(self, expression: str, expected: dict[int, float]) -> None:
        assert evaluate(expression, LINES, PERIODS) == expected

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            # The tables of the page.
            ("x < y", "0 0 1 0"),
            ("x >= 30", "1 0 0 0"),
            ("IF(p, q, r)", "30 0 20 - -"),
            ("IF(p, 5, r)", "5 5 20 - -"),
            ("IF(p, q, 5)", "30 0 5 5 -"),
            ("IF(p, q)", "30 0 - - -"),
        ],
    )
    def test_conditions(self, expression: str, expected: str) -> None:
        rows = {
            "x": "30 20 0 0",
            "y": "20 - 20 -",
            "p": "1 1 0 0 -",
            "q": "30 - 0 0 30",
            "r": "0 0 20 - 20",
        }
        lines = {name: row_of(text) for name, text in rows.items()}
        assert evaluate(expression, lines, list(range(5))) == row_of(expected)

    @pytest.mark.parametrize(
        "expression",
        [
            "a +",
            "c * 2",
            "ANOMALY_DETECTION_BAND(a)",
            "a.b",
            "AVG(a)",
            "a < b < a",
            "FILL(a, LINEAR)",
            "FILL(1, 2)",
            "IF(1, a, b)",
        ],
    )
    def test_unsupported_requests_are_errors(self, expression: str) -> None:
        with pytest.raises(UnsupportedExpressionError):
            evaluate(expression, LINES, PERIODS)


class TestGroupMetrics:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html"""

    def published(self, aws: InProcessAws) -> set[str]:
        metrics = aws.client("cloudwatch").list_metrics(Namespace="AWS/AutoScaling")["Metrics"]
        return {metric["MetricName"] for metric in metrics}

    def test_only_enabled_metrics_are_published(self, aws: InProcessAws, asg: Any) -> None:
        ready(aws)
        assert self.published(aws) == set()
        for name in ("GroupMinSize", "GroupMaxSize"):
            asg.enable_metrics_collection(**NAME, Granularity="1Minute", Metrics=[name])
        asg.disable_metrics_collection(**NAME, Metrics=["GroupMaxSize"])
        aws.world.advance(120)
        assert self.published(aws) == {"GroupMinSize"}
        asg.enable_metrics_collection(**NAME, Granularity="1Minute")
        aws.world.advance(120)
        assert len(self.published(aws)) == 13
        asg.disable_metrics_collection(**NAME)
        assert aws.group()["EnabledMetrics"] == []

    def test_counts_by_state(self, aws: InProcessAws, asg: Any) -> None:
        """ "GroupTotalInstances … in service, pending, and terminating", so not in standby."""
        ready(aws, 3)
        asg.enable_metrics_collection(**NAME, Granularity="1Minute")
        member = aws.group()["Instances"][0]["InstanceId"]
        asg.enter_standby(**NAME, InstanceIds=[member], ShouldDecrementDesiredCapacity=True)
        aws.world.advance(180)
        store = backend("cloudwatch")
        latest = {d.name: d.value for d in store.metric_data if d.namespace == "AWS/AutoScaling"}
        assert latest["GroupInServiceInstances"] == latest["GroupTotalInstances"] == 2
        assert latest["GroupStandbyInstances"] == latest["GroupStandbyCapacity"] == 1
        assert latest["GroupDesiredCapacity"] == 2
