"""SQS and Lambda's pollers in the lab. Expected behavior: SQS and Lambda Developer Guides."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from account import Account, policy
from botocore.exceptions import ClientError

from vmseries_lab.aws.lambda_ import Outcome
from vmseries_lab.aws.lambda_.sqs_batches import failed_messages
from vmseries_lab.client import Lab

lab_test = pytest.mark.lab

COUNT = """
import json
def handler(event, context):
    return len(event["Records"])
"""


def send(account: Account, url: str, *bodies: Any) -> list[str]:
    sqs = account.lab.aws.client("sqs")
    return [sqs.send_message(QueueUrl=url, MessageBody=json.dumps(b))["MessageId"] for b in bodies]


def mapping(account: Account, function: str, queue_arn: str, **settings: Any) -> str:
    answer = account.lab.aws.client("lambda").create_event_source_mapping(
        FunctionName=function, EventSourceArn=queue_arn, **settings
    )
    return str(answer["UUID"])


def test_a_queue_is_an_event_source_of_a_function_once(account: Account) -> None:
    """CreateEventSourceMapping: ResourceConflictException, with the UUID of the first mapping."""
    _, queue = account.queue()
    function = account.function(COUNT)
    first = mapping(account, function, queue)
    exceptions = account.lab.aws.client("lambda").exceptions
    with pytest.raises(exceptions.ResourceConflictException, match=f"already exists.*{first}"):
        mapping(account, function, queue)
    mapping(account, account.function(COUNT), queue)


def batches(lab: Lab, function: str) -> list[list[dict[str, Any]]]:
    """The records of each invocation."""
    name = function.rsplit(":", 1)[-1]
    return [i["event"]["records"] for i in lab.invocations() if i["function"] == name]


def left(account: Account, url: str) -> dict[str, int]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = account.lab.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return {k.removeprefix("ApproximateNumberOf"): int(v) for k, v in answer["Attributes"].items()}


@lab_test
def test_visibility_time_out_follows_the_lab_clock(lab: Lab, account: Account) -> None:
    """Visibility timeout."""
    url, _ = account.queue(VisibilityTimeout="300")
    send(account, url, 1)
    (first,) = account.messages(url)
    lab.advance(298)
    assert account.messages(url) == []
    lab.advance(3)
    (again,) = account.messages(url)
    assert again["MessageId"] == first["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


@lab_test
def test_long_poll_waits_on_the_lab_clock(lab: Lab, account: Account) -> None:
    """Long polling: an answer as soon as there is a message, at the latest after the wait."""
    url, _ = account.queue()
    sqs = lab.aws.client("sqs")
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        time.sleep(0.2)
        assert not poll.done()
        send(account, url, 1)
        assert len(poll.result(timeout=60)["Messages"]) == 1
        poll = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        time.sleep(0.2)
        lab.advance(21)
        assert "Messages" not in poll.result(timeout=60)


@lab_test
def test_change_of_visibility(lab: Lab, account: Account) -> None:
    """ChangeMessageVisibility: from now on; twelve hours from the receive; in flight only."""
    url, _ = account.queue(VisibilityTimeout="300", MessageRetentionPeriod="1209600")
    sqs = lab.aws.client("sqs")
    send(account, url, 1)
    for _ in range(3):
        # Twelve hours count from each receive, however old the message is.
        (message,) = account.messages(url)
        handle = message["ReceiptHandle"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43_000)
        lab.advance(43_001)
    with pytest.raises(ClientError) as caught:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=10)
    assert "MessageNotInflight" in caught.value.response["Error"]["Code"]
    (message,) = account.messages(url)
    lab.advance(299)
    with pytest.raises(ClientError, match="beyond the limit"):
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=43_000
        )


@lab_test
def test_each_change_of_visibility_of_a_batch_succeeds_or_fails_by_itself(
    lab: Lab, account: Account
) -> None:
    """ChangeMessageVisibilityBatch: in flight only, and only by a receipt handle of the queue."""
    url, _ = account.queue(VisibilityTimeout="300")
    other, _ = account.queue("other", VisibilityTimeout="300")
    sqs = lab.aws.client("sqs")
    send(account, url, 1)
    (late,) = account.messages(url)
    lab.advance(301)
    (in_flight,) = account.messages(url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=in_flight["ReceiptHandle"])
    send(account, url, 1)
    (in_flight,) = account.messages(url)
    send(account, other, 1)
    (foreign,) = account.messages(other)
    handles = [item["ReceiptHandle"] for item in (in_flight, late, foreign)] + ["invented"]
    answer = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 600}
            for number, handle in enumerate(handles)
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    assert {entry["Id"]: entry["Code"] for entry in answer["Failed"]} == dict.fromkeys(
        ("1", "2", "3"), "ReceiptHandleIsInvalid"
    )
    assert all(entry["SenderFault"] for entry in answer["Failed"])
    lab.advance(599)
    assert account.messages(url) == []
    lab.advance(2)
    assert len(account.messages(url)) == 1
    lab.advance(301)
    answer = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[{"Id": "0", "ReceiptHandle": handles[0], "VisibilityTimeout": 10}],
    )
    assert "MessageNotInflight" in answer["Failed"][0]["Code"]


@lab_test
def test_a_returned_message_waits_behind_waiting_messages(lab: Lab, account: Account) -> None:
    """Standard queues, best-effort ordering: a message that comes back starves no other."""
    url, _ = account.queue(VisibilityTimeout="30")
    sqs = lab.aws.client("sqs")

    def receive_one() -> str:
        (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"]
        return str(message["MessageId"])

    first, second = send(account, url, 1, 2)
    assert receive_one() == first
    lab.advance(31)
    (third,) = send(account, url, 3)
    assert [receive_one() for _ in range(3)] == [second, first, third]


@lab_test
def test_message_is_deleted_by_its_latest_receipt_handle_only(lab: Lab, account: Account) -> None:
    """DeleteMessage: with an older handle "the message might not be deleted"."""
    url, _ = account.queue(VisibilityTimeout="10")
    sqs = lab.aws.client("sqs")
    send(account, url, 1)
    (old,) = account.messages(url)
    lab.advance(11)
    (new,) = account.messages(url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=old["ReceiptHandle"])
    assert left(account, url)["MessagesNotVisible"] == 1
    sqs.delete_message(QueueUrl=url, ReceiptHandle=new["ReceiptHandle"])
    assert left(account, url) == {"Messages": 0, "MessagesNotVisible": 0}


@lab_test
def test_message_is_gone_after_its_retention(lab: Lab, account: Account) -> None:
    """Message retention period."""
    url, _ = account.queue(MessageRetentionPeriod="3600")
    send(account, url, 1)
    lab.advance(3595)
    assert left(account, url)["Messages"] == 1
    lab.advance(10)
    assert left(account, url)["Messages"] == 0


@lab_test
def test_redrive_and_move_back(lab: Lab, account: Account) -> None:
    """Dead-letter queues: after maxReceiveCount receives; StartMessageMoveTask moves back."""
    dead_url, dead_arn = account.queue("dead")
    redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2}
    url, arn = account.queue(VisibilityTimeout="5", RedrivePolicy=redrive)
    sqs = lab.aws.client("sqs")
    send(account, url, "poison")
    for expected in (1, 1, 0):
        assert len(account.messages(url)) == expected
        lab.advance(6)
    assert left(account, dead_url)["Messages"] == 1
    task = sqs.start_message_move_task(SourceArn=dead_arn)["TaskHandle"]
    assert task
    lab.settle()
    (shown,) = sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"]
    assert shown["Status"] == "COMPLETED"
    assert shown["ApproximateNumberOfMessagesMoved"] == 1
    (message,) = account.messages(url)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    with pytest.raises(ClientError, match="Dead Letter Queue"):
        sqs.start_message_move_task(SourceArn=arn)


@lab_test
@pytest.mark.parametrize(
    ("answer", "status", "stayed"), [("stay", "FAILED", 1), ("move", "COMPLETED", 0)]
)
def test_messages_that_sqs_did_not_put_there_are_moved_or_stay(
    lab: Lab, account: Account, answer: str, status: str, stayed: int
) -> None:
    """Not documented (docs/assumptions.md): messages that were sent to a dead-letter queue."""
    lab.assume(foreign_dead_letters=answer)
    dead_url, dead_arn = account.queue("dead")
    url, arn = account.queue(RedrivePolicy={"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    sqs = lab.aws.client("sqs")
    send(account, dead_url, "of EventBridge")
    sqs.start_message_move_task(SourceArn=dead_arn, DestinationArn=arn)
    lab.settle()
    (shown,) = sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"]
    assert shown["Status"] == status
    assert left(account, dead_url)["Messages"] == stayed
    assert len(account.messages(url)) == 1 - stayed
    lab.assume(foreign_dead_letters="stay")


@lab_test
def test_a_queue_policy_does_not_stop_the_redrive_policy(lab: Lab, account: Account) -> None:
    """Not documented (docs/assumptions.md): no permission is needed but RedriveAllowPolicy."""
    dead_url, dead_arn = account.queue("dead")
    denial = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": dead_arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    sqs = lab.aws.client("sqs")
    sqs.set_queue_attributes(QueueUrl=dead_url, Attributes={"Policy": policy})
    redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1}
    url, _ = account.queue(VisibilityTimeout="5", RedrivePolicy=redrive)
    send(account, url, "poison")
    for expected in (1, 0):
        assert len(account.messages(url)) == expected
        lab.advance(6)
    assert left(account, dead_url)["Messages"] == 1


@lab_test
def test_redrive_needs_permission_of_the_dead_letter_queue(account: Account) -> None:
    """RedriveAllowPolicy: denyAll refuses every source queue."""
    dead_url, dead_arn = account.queue("dead", RedriveAllowPolicy={"redrivePermission": "denyAll"})
    shown = account.lab.aws.client("sqs").get_queue_attributes(
        QueueUrl=dead_url, AttributeNames=["All"]
    )
    assert json.loads(shown["Attributes"]["RedriveAllowPolicy"]) == {"redrivePermission": "denyAll"}
    with pytest.raises(ClientError, match="redrive allow policy"):
        account.queue(RedrivePolicy={"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})


@lab_test
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DelaySeconds", "1"),
        ("MaximumMessageSize", "2048"),
        ("MessageRetentionPeriod", "7200"),
        ("Policy", ""),
        ("ReceiveMessageWaitTimeSeconds", "1"),
        ("RedriveAllowPolicy", '{"redrivePermission":"denyAll"}'),
        ("RedrivePolicy", ""),
        ("SqsManagedSseEnabled", "false"),
        ("VisibilityTimeout", "90"),
    ],
)
def test_a_change_of_one_attribute_keeps_all_others(
    account: Account, name: str, value: str
) -> None:
    """SetQueueAttributes: "A map of attributes to set".

    The policy was lost, so that each plan after a change of another attribute set it again.
    """
    _, dead_arn = account.queue("dead")
    url, arn = account.queue(
        DelaySeconds="2",
        MaximumMessageSize="4096",
        MessageRetentionPeriod="3600",
        Policy=policy({"Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}),
        ReceiveMessageWaitTimeSeconds="2",
        RedriveAllowPolicy={"redrivePermission": "allowAll"},
        RedrivePolicy={"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3},
        VisibilityTimeout="60",
    )

    def attributes() -> dict[str, str]:
        answer = account.lab.aws.client("sqs").get_queue_attributes(
            QueueUrl=url, AttributeNames=["All"]
        )
        return {k: v for k, v in answer["Attributes"].items() if k != "LastModifiedTimestamp"}

    before = attributes()
    assert before["QueueArn"] == arn
    account.lab.aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={name: value})
    after = attributes()
    assert after.pop(name, "") == value
    assert before.pop(name) != value
    assert after == before


@lab_test
def test_redrive_policy_is_shown_without_spaces(account: Account) -> None:
    """As SQS writes it: any other form is a change in every plan."""
    _, dead_arn = account.queue("dead")
    url, _ = account.queue(RedrivePolicy={"deadLetterTargetArn": dead_arn, "maxReceiveCount": 9})
    shown = account.lab.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    expected = f'{{"deadLetterTargetArn":"{dead_arn}","maxReceiveCount":9}}'
    assert shown["Attributes"]["RedrivePolicy"] == expected


@lab_test
def test_processed_messages_are_deleted_failed_ones_come_back(lab: Lab, account: Account) -> None:
    """Handling errors: an error leaves the whole batch to its visibility timeout."""
    url, arn = account.queue(VisibilityTimeout="60")
    function = account.function(
        """
        def handler(event, context):
            record = event["Records"][0]
            if record["attributes"]["ApproximateReceiveCount"] == "1":
                raise RuntimeError("first time")
        """
    )
    mapping(account, function, arn, BatchSize=1)
    send(account, url, 1)
    lab.settle()
    assert left(account, url) == {"Messages": 0, "MessagesNotVisible": 1}
    lab.advance(55)
    assert len(batches(lab, function)) == 1
    lab.advance(10)
    assert [b[0]["receives"] for b in batches(lab, function)] == [1, 2]
    assert left(account, url) == {"Messages": 0, "MessagesNotVisible": 0}


@lab_test
def test_partial_failure_and_own_visibility(lab: Lab, account: Account) -> None:
    """Partial batch responses; a handler's ChangeMessageVisibility decides when it comes back."""
    url, arn = account.queue(VisibilityTimeout="600")
    function = account.function(
        """
        import boto3, json
        sqs = boto3.client("sqs")
        def handler(event, context):
            failed = []
            for record in event["Records"]:
                body = json.loads(record["body"])
                if body["again"] and record["attributes"]["ApproximateReceiveCount"] == "1":
                    sqs.change_message_visibility(
                        QueueUrl=body["url"], ReceiptHandle=record["receiptHandle"],
                        VisibilityTimeout=30)
                    failed.append({"itemIdentifier": record["messageId"]})
            return {"batchItemFailures": failed}
        """
    )
    settings = {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 5,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    mapping(account, function, arn, **settings)
    again, _ = send(account, url, {"again": True, "url": url}, {"again": False, "url": url})
    lab.advance(15)
    assert left(account, url) == {"Messages": 0, "MessagesNotVisible": 1}
    lab.advance(40)
    assert left(account, url) == {"Messages": 0, "MessagesNotVisible": 0}
    assert Counter(r["id"] for b in batches(lab, function) for r in b)[again] == 2


@lab_test
def test_batching_window_collects_on_the_lab_clock(lab: Lab, account: Account) -> None:
    """Batching: a batch waits for its window, unless it is full; pollers collect separately."""
    url, arn = account.queue(VisibilityTimeout="600")
    function = account.function(COUNT)
    scaling = {"MaximumConcurrency": 2}
    settings = {"BatchSize": 40, "MaximumBatchingWindowInSeconds": 20, "ScalingConfig": scaling}
    mapping(account, function, arn, **settings)
    send(account, url, *range(6))
    lab.advance(15)
    assert batches(lab, function) == []
    send(account, url, *range(6))
    lab.advance(10)
    sizes = [len(b) for b in batches(lab, function)]
    assert sum(sizes) == 12
    # Two pollers, since no more invocations are allowed at a time.
    assert len(sizes) <= 2


@lab_test
def test_maximum_concurrency(lab: Lab, account: Account) -> None:
    """Maximum concurrency: no more at a time, and nothing is received that must wait."""
    url, arn = account.queue(VisibilityTimeout="600")
    function = account.function("import time\ndef handler(e, c):\n    time.sleep(0.3)\n")
    mapping(account, function, arn, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    send(account, url, *range(6))
    lab.settle()
    name = function.rsplit(":", 1)[-1]
    mine = [i for i in lab.invocations() if i["function"] == name]
    # In lab time: the clock stands while an environment is started.
    spans = [(i["at"], i["at"] + i["seconds"]) for i in mine]
    most = max(sum(a <= at < b for a, b in spans) for at, _ in spans)
    assert (len(mine), most) == (6, 2)
    assert {r["receives"] for b in batches(lab, function) for r in b} == {1}


@lab_test
def test_five_pollers_to_begin_with(lab: Lab, account: Account) -> None:
    """Scaling: five batches at a time to begin with."""
    url, arn = account.queue(VisibilityTimeout="600")
    function = account.function("import time\ndef handler(e, c):\n    time.sleep(1.5)\n")
    send(account, url, *range(12))
    mapping(account, function, arn, BatchSize=1)
    lab.settle()
    mine = [i for i in lab.invocations() if i["function"] == function.rsplit(":", 1)[-1]]
    assert len(mine) == 12
    assert sum(i["cold"] for i in mine) == 5


@lab_test
def test_mapping_needs_permissions_and_a_long_enough_visibility(account: Account) -> None:
    """Configuring a queue: the role's permissions; visibility not below the function's timeout."""
    _, arn = account.queue(VisibilityTimeout="60")
    without = account.function(COUNT, role=account.role())
    with pytest.raises(ClientError, match="permissions to call ReceiveMessage on SQS"):
        mapping(account, without, arn)
    slow = account.function(COUNT, Timeout=61)
    with pytest.raises(ClientError, match="less than Function timeout: 61"):
        mapping(account, slow, arn)
    with pytest.raises(ClientError, match="greater than 0 if maximum batch size"):
        mapping(account, account.function(COUNT), arn, BatchSize=11)


@lab_test
def test_mapping_is_shown_as_it_was_made(lab: Lab, account: Account) -> None:
    _, arn = account.queue(VisibilityTimeout="600")
    settings = {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 20,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 2},
    }
    uuid = mapping(account, account.function(COUNT), arn, **settings)
    shown = lab.aws.client("lambda").get_event_source_mapping(UUID=uuid)
    assert {name: shown[name] for name in settings} == settings
    assert shown["State"] == "Enabled"


@lab_test
def test_disabled_mapping_receives_nothing(lab: Lab, account: Account) -> None:
    url, arn = account.queue(VisibilityTimeout="60")
    function = account.function(COUNT)
    uuid = mapping(account, function, arn, Enabled=False)
    send(account, url, 1)
    lab.settle()
    assert batches(lab, function) == []
    lab.aws.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=True)
    lab.settle()
    assert len(batches(lab, function)) == 1


@lab_test
def test_filtered_messages_are_deleted(lab: Lab, account: Account) -> None:
    """Filter criteria: what does not match is deleted without an invocation."""
    url, arn = account.queue(VisibilityTimeout="60")
    function = account.function(COUNT)
    criteria = {"Filters": [{"Pattern": json.dumps({"body": {"wanted": [True]}})}]}
    mapping(account, function, arn, FilterCriteria=criteria)
    send(account, url, {"wanted": False}, {"wanted": True})
    lab.settle()
    assert [len(b) for b in batches(lab, function)] == [1]
    assert left(account, url) == {"Messages": 0, "MessagesNotVisible": 0}


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ("null", set()),
        ("{}", set()),
        ('{"batchItemFailures": []}', set()),
        ('{"batchItemFailures": null}', set()),
        ('{"batchItemFailures": [{"itemIdentifier": "b"}]}', {"b"}),
        ('{"batchItemFailures": [{"itemIdentifier": ""}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"itemIdentifier": null}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"wrong": "b"}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"itemIdentifier": "c"}]}', {"a", "b"}),
        ('{"batchItemFailures": "b"}', {"a", "b"}),
        ('"done"', {"a", "b"}),
        ("no JSON", {"a", "b"}),
    ],
)
def test_partial_batch_responses(answer: str, failed: set[str]) -> None:
    """Partial batch responses: success and failure conditions."""
    assert failed_messages(Outcome(answer), ["a", "b"], reports=True) == failed


def test_without_partial_responses_the_answer_does_not_matter() -> None:
    assert failed_messages(Outcome("anything"), ["a"], reports=False) == set()
    assert failed_messages(Outcome("{}", error="Unhandled"), ["a"], reports=False) == {"a"}
