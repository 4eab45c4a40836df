"""EventBridge in the lab. Expected behavior: EventBridge User Guide, section named per test."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from account import Account, policy

from vmseries_lab.aws.eventbridge.input_transformation import target_input
from vmseries_lab.aws.eventbridge.schedule_expressions import ScheduleError, next_due
from vmseries_lab.client import Lab

lab_test = pytest.mark.lab


def rule(account: Account, target_arn: str, **target: Any) -> str:
    """A rule for the account's own source with one target; its ARN."""
    events = account.lab.aws.client("events")
    pattern = json.dumps({"source": [account.name], "detail": {"wanted": [True]}})
    arn = events.put_rule(Name=account.name, EventPattern=pattern)["RuleArn"]
    targets = [{"Id": "t", "Arn": target_arn, **target}]
    events.put_targets(Rule=account.name, Targets=targets)
    return str(arn)


def allow(account: Account, url: str, queue_arn: str, rule_arn: str) -> None:
    """Let EventBridge send to the queue, for this rule only."""
    document = policy(
        {
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
        }
    )
    account.lab.aws.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": document}
    )


def put(account: Account, source: str = "", **detail: Any) -> dict[str, Any]:
    entry = {
        "Source": source or account.name,
        "DetailType": "Test",
        "Detail": json.dumps({"wanted": True, **detail}),
    }
    answer = account.lab.aws.client("events").put_events(Entries=[entry])
    account.lab.settle()
    return dict(answer["Entries"][0])


@lab_test
def test_matching_event_reaches_the_queue_unchanged(account: Account) -> None:
    """Event structure: the envelope that targets receive."""
    url, queue_arn = account.queue()
    allow(account, url, queue_arn, rule(account, queue_arn))
    put(account, wanted=False)
    sent = put(account, number=7)
    (message,) = account.messages(url)
    event = json.loads(message["Body"])
    at = datetime.strptime(event.pop("time"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(at.timestamp() - account.lab.now()) < 60
    assert event == {
        "version": "0",
        "id": sent["EventId"],
        "detail-type": "Test",
        "source": account.name,
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [],
        "detail": {"wanted": True, "number": 7},
    }


@lab_test
def test_missing_permission_goes_straight_to_the_dead_letter_queue(account: Account) -> None:
    """Dead-letter queues: missing permissions are not retried."""
    url, queue_arn = account.queue()
    dead_url, dead_arn = account.queue("dead")
    arn = rule(account, queue_arn, DeadLetterConfig={"Arn": dead_arn})
    allow(account, dead_url, dead_arn, arn)
    put(account)
    assert account.messages(url) == []
    (message,) = account.messages(dead_url)
    facts = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    assert facts["ERROR_CODE"] == "NO_PERMISSIONS"
    assert facts["RULE_ARN"] == arn
    assert facts["TARGET_ARN"] == queue_arn
    assert facts["RETRY_ATTEMPTS"] == "0"


@lab_test
def test_permission_for_another_rule_is_none(account: Account) -> None:
    """Resource-based policies: the condition on aws:SourceArn."""
    url, queue_arn = account.queue()
    arn = rule(account, queue_arn)
    allow(account, url, queue_arn, arn + "-other")
    put(account)
    assert account.messages(url) == []
    entry = account.lab.timeline()[-1]
    assert (entry.kind, entry.detail["code"]) == ("dropped", "NO_PERMISSIONS")


@lab_test
def test_missing_queue_is_not_retried(account: Account) -> None:
    dead_url, dead_arn = account.queue("dead")
    missing = dead_arn + "-missing"
    arn = rule(account, missing, DeadLetterConfig={"Arn": dead_arn})
    allow(account, dead_url, dead_arn, arn)
    put(account)
    (message,) = account.messages(dead_url)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"


@lab_test
def test_passing_errors_are_retried_until_the_policy_is_exhausted(
    lab: Lab, account: Account
) -> None:
    """Retry policy: as often as MaximumRetryAttempts says, then the dead-letter queue."""
    url, queue_arn = account.queue(VisibilityTimeout="3600")
    dead_url, dead_arn = account.queue("dead")
    retry = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600}
    arn = rule(account, queue_arn, RetryPolicy=retry, DeadLetterConfig={"Arn": dead_arn})
    allow(account, url, queue_arn, arn)
    allow(account, dead_url, dead_arn, arn)
    lab.faults.add("events", "DeliverToTarget", code="THROTTLING", count=2)
    put(account)
    lab.advance(60)
    assert len(account.messages(url)) == 1
    lab.faults.add("events", "DeliverToTarget", code="THROTTLING", count=4)
    put(account)
    lab.advance(60)
    assert account.messages(url) == []
    (message,) = account.messages(dead_url)
    facts = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    assert facts["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert facts["RETRY_ATTEMPTS"] == "3"


@lab_test
def test_lost_and_doubled_events(lab: Lab, account: Account) -> None:
    """At-least-once delivery: an event may come twice; losing all is what reconciling is for."""
    url, queue_arn = account.queue()
    allow(account, url, queue_arn, rule(account, queue_arn))
    lab.faults.add("events", "Deliver", kind="drop")
    put(account, number=1)
    lab.faults.add("events", "Deliver", kind="duplicate")
    put(account, number=2)
    bodies = [json.loads(m["Body"])["detail"]["number"] for m in account.messages(url)]
    assert bodies == [2, 2]


@lab_test
def test_disabled_rule_delivers_nothing(lab: Lab, account: Account) -> None:
    url, queue_arn = account.queue()
    allow(account, url, queue_arn, rule(account, queue_arn))
    lab.aws.client("events").disable_rule(Name=account.name)
    put(account)
    assert account.messages(url) == []


@lab_test
def test_function_target_needs_its_permission(lab: Lab, account: Account) -> None:
    """Resource-based policies: lambda:InvokeFunction for events.amazonaws.com and this rule."""
    function = account.function("def handler(event, context):\n    return event['detail']\n")
    arn = rule(account, function)
    name = function.rsplit(":", 1)[-1]
    put(account)
    assert [i for i in lab.invocations() if i["function"] == name] == []
    lab.aws.client("lambda").add_permission(
        FunctionName=function,
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=arn,
    )
    put(account, number=3)
    (invocation,) = [i for i in lab.invocations() if i["function"] == name]
    assert invocation["result"] == {"wanted": True, "number": 3}


@lab_test
def test_reserved_sources_are_rejected(account: Account) -> None:
    """PutEvents: sources that begin with aws. are reserved."""
    entry = put(account, source="aws.autoscaling")
    assert entry["ErrorCode"] == "NotAuthorizedForSource"


@lab_test
def test_schedule_follows_the_lab_clock(lab: Lab, account: Account) -> None:
    """Schedule expressions: rate(5 minutes)."""
    url, queue_arn = account.queue()
    events = lab.aws.client("events")
    arn = events.put_rule(Name=account.name, ScheduleExpression="rate(5 minutes)")["RuleArn"]
    events.put_targets(Rule=account.name, Targets=[{"Id": "t", "Arn": queue_arn}])
    allow(account, url, queue_arn, arn)
    lab.advance(290)
    assert account.messages(url) == []
    lab.advance(620)
    bodies = [json.loads(m["Body"]) for m in account.messages(url)]
    assert [b["detail-type"] for b in bodies] == ["Scheduled Event"] * 3
    events.remove_targets(Rule=account.name, Ids=["t"])
    events.delete_rule(Name=account.name)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 hour)", "2026-01-31T13:00:00"),
        ("cron(0 10 * * ? *)", "2026-02-01T10:00:00"),
        ("cron(15 12 * * ? *)", "2026-01-31T12:15:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-02-02T18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-02-01T08:00:00"),
        ("cron(0/15 * * * ? *)", "2026-01-31T12:15:00"),
        ("cron(0 9 ? * 2#1 *)", "2026-02-02T09:00:00"),
        ("cron(0 9 L * ? *)", "2026-02-28T09:00:00"),
        ("cron(0 9 ? * 6L *)", "2026-02-27T09:00:00"),
        ("cron(0 9 1W * ? *)", "2026-02-02T09:00:00"),
        ("cron(0 0 29 FEB ? *)", "2028-02-29T00:00:00"),
    ],
)
def test_next_time_of_a_schedule(expression: str, expected: str) -> None:
    """Schedule expressions: the guide's examples; all in UTC."""
    after = datetime(2026, 1, 31, 12, 0, tzinfo=UTC).timestamp()
    due = next_due(expression, after, created=after)
    assert datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%S") == expected


def test_a_schedule_with_both_days_is_rejected() -> None:
    """Schedule expressions: * in both day fields is not allowed, one must be ?."""
    with pytest.raises(ScheduleError, match="must have"):
        next_due("cron(0 10 * * * *)", 0.0, created=0.0)


EVENT = {"time": "2026-01-31T12:00:00Z", "source": "s", "detail": {"id": "i-1", "n": 2, "l": ["x"]}}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"constant": 1}'}, {"constant": 1}),
        ({"InputPath": "$.detail"}, EVENT["detail"]),
        ({"InputPath": "$.detail.l[0]"}, "x"),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"id": "$.detail.id", "n": "$.detail.n", "all": "$.detail"},
                    "InputTemplate": '{"i": <id>, "n": <n>, "t": "is <id>", "d": <all>}',
                }
            },
            {"i": "i-1", "n": 2, "t": "is i-1", "d": EVENT["detail"]},
        ),
    ],
)
def test_input_of_a_target(target: dict[str, Any], expected: Any) -> None:
    """Input transformation: constants, paths, and variables within and outside of quotes."""
    assert json.loads(target_input(target, EVENT, "rule")) == expected
