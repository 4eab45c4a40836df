"""CloudWatch in the lab. Expected: CloudWatch User Guide, SQS and Lambda Developer Guides."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from account import Account

from vmseries_lab.aws.cloudwatch.emf import embedded_metrics
from vmseries_lab.client import Lab

lab_test = pytest.mark.lab


def values(
    lab: Lab, namespace: str, name: str, dimensions: dict[str, str], statistic: str = "Sum"
) -> list[float]:
    """The values of a metric, one per minute, oldest first."""
    now = datetime.fromtimestamp(lab.now(), UTC)
    answer = lab.aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": n, "Value": v} for n, v in dimensions.items()],
        StartTime=now - timedelta(hours=3),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=[statistic],
    )
    points = sorted(answer["Datapoints"], key=lambda p: p["Timestamp"])
    return [p[statistic] for p in points]


@lab_test
def test_embedded_metrics_of_a_function_become_metrics_at_lab_time(
    lab: Lab, account: Account
) -> None:
    """Embedded metric format: extracted from the log group's events, at their own timestamp."""
    arn = account.function(
        """
        import json, time
        def handler(event, context):
            print(json.dumps({
                "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [{
                    "Namespace": "Test", "Dimensions": [["service"]],
                    "Metrics": [{"Name": "Done", "Unit": "Count"}]}]},
                "service": event, "Done": 3}))
        """
    )
    lab.advance(7200)
    account.invoke(arn, account.name)
    assert values(lab, "Test", "Done", {"service": account.name}) == [3.0]


@lab_test
def test_without_permission_to_log_there_are_no_metrics(lab: Lab, account: Account) -> None:
    """Embedded metrics travel in the log: no log, no metric."""
    line = {
        "_aws": {
            "Timestamp": int(lab.now() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": "Test", "Dimensions": [[]], "Metrics": [{"Name": account.name}]}
            ],
        },
        account.name: 1,
    }
    code = f"def handler(event, context):\n    print({json.dumps(line)!r})\n"
    account.invoke(account.function(code, role=account.role()))
    assert values(lab, "Test", account.name, {}) == []
    account.invoke(account.function(code))
    assert values(lab, "Test", account.name, {}) == [1.0]


@lab_test
def test_queue_metrics(lab: Lab, account: Account) -> None:
    """Available CloudWatch metrics for SQS: depth and age of the oldest message, each minute."""
    url, _ = account.queue(VisibilityTimeout="1")
    lab.aws.client("sqs").send_message(QueueUrl=url, MessageBody="m")
    lab.advance(180)
    dimensions = {"QueueName": f"{account.name}-q"}
    depth = values(lab, "AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions, "Maximum")
    age = values(lab, "AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions, "Maximum")
    assert depth[-2:] == [1.0, 1.0]
    assert 90 < age[-1] <= 185
    for _ in range(3):
        account.messages(url)
        lab.advance(2)
    lab.advance(60)
    # "After a message is received three times (or more) and not processed" it does not count.
    assert values(lab, "AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions, "Maximum")[-1] == 0


@lab_test
def test_function_metrics(lab: Lab, account: Account) -> None:
    """Types of metrics for Lambda functions: Invocations, Errors, Duration, per minute."""
    arn = account.function(
        "def handler(event, context):\n    if event:\n        raise ValueError('requested')\n"
    )
    lab.advance(60)
    for event in (0, 1, 1):
        account.invoke(arn, event)
    lab.advance(65)
    dimensions = {"FunctionName": arn.rsplit(":", 1)[-1]}
    assert sum(values(lab, "AWS/Lambda", "Invocations", dimensions)) == 3
    assert sum(values(lab, "AWS/Lambda", "Errors", dimensions)) == 2
    assert len(values(lab, "AWS/Lambda", "Duration", dimensions, "SampleCount")) > 0


DIRECTIVE = {
    "Namespace": "N",
    "Dimensions": [["a"], ["a", "b"]],
    "Metrics": [{"Name": "m", "Unit": "Seconds"}],
}
METADATA = {"Timestamp": 1000, "CloudWatchMetrics": [DIRECTIVE]}


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ({"_aws": METADATA, "a": 1, "b": 2, "m": 5}, 2),
        ({"_aws": METADATA, "a": 1, "b": 2}, 0),
        ({"_aws": {"CloudWatchMetrics": [DIRECTIVE]}, "m": 5}, 0),
        ({"_aws": "something else"}, 0),
        ({"m": 5}, 0),
    ],
)
def test_the_embedded_metric_format(line: dict[str, Any], count: int) -> None:
    """Embedded metric format specification: one metric per set of dimensions."""
    found = list(embedded_metrics(json.dumps(line)))
    assert len(found) == count
    for namespace, at, datum in found:
        assert (namespace, at) == ("N", 1.0)
        assert (datum["MetricName"], datum["Unit"], datum["Values"]) == ("m", "Seconds", [5])
