"""The records of a batch: SQS confirms each one, and none keeps the others from their visits."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from component.fakes import events, settings
from component.fakes.base import START, client_error
from component.fakes.cloud import Cloud, token_of
from component.fakes.driver import Fleet, simulated
from component.fakes.functions import configure
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from component.fakes.steps import termination_event
from vmseries_autoscale.errors import InvalidInvocationError
from vmseries_autoscale.handlers import launch, terminate
from vmseries_autoscale.lifecycle.events import INSTANCE_ID, Transition

__all__ = ["simulated"]

HEARTBEAT = "RecordLifecycleActionHeartbeat"
OTHER_QUEUE = "arn:aws:sqs:us-east-1:123456789012:another"
DEEP = 200_000
POISON = {
    "deep list": "[" * DEEP,
    "deep object": '{"a":' * DEEP,
    "huge number": '{"a": ' + "9" * 5_000 + "}",
    "a megabyte": "x" * 1_048_576,
    "long detail-type": json.dumps({"detail-type": "x" * 1_000_000}),
    "lone surrogate": "\ud800",
    "escaped surrogate": '{"detail-type": "\\ud800"}',
    "control characters": "\x00\x01",
    "empty": "",
}


def odd(**detail: Any) -> str:
    """A terminate event with an odd detail."""
    event = events.lifecycle_event(Transition.TERMINATING, "i-00000001", "f" * 36, START)
    event["detail"].update(detail)
    return json.dumps(event)


ODD = {
    "surrogate id": odd(EC2InstanceId="i-\ud800"),
    "long id": odd(EC2InstanceId="i-" + "0" * 10_000),
    "wildcard id": odd(EC2InstanceId="*"),
    "list as id": odd(EC2InstanceId=["i-00000001"]),
    "short token": odd(LifecycleActionToken="f" * 35),
    "long token": odd(LifecycleActionToken="f" * 37),
    "odd token": odd(LifecycleActionToken="\ud800" * 36),
}
ALL_POISON = [*POISON.values(), *ODD.values()]


def change_record(batch: dict[str, Any], number: int, **changes: Any) -> dict[str, Any]:
    """Change a record of a batch; a change to ``None`` removes the key."""
    record = batch["Records"][number]
    for key, value in changes.items():
        record[key] = value
        if value is None:
            del record[key]
    return batch


# No message keeps another from its visit.


@pytest.mark.parametrize("poison", ALL_POISON, ids=[*POISON, *ODD])
def test_a_poisonous_message_is_a_dead_letter_and_the_others_get_their_heartbeat(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, poison: str
) -> None:
    """F3."""
    assert running.deliver(poison, termination_event(running), poison) == ["message-1"]
    assert running.operations()[HEARTBEAT] == 1
    assert "commit" in fake_panorama.calls
    errors = [error for error, _ in running.dead_letters()]
    assert errors in (["MalformedEventError"] * 2, ["UnexpectedEventError"] * 2)
    records = logs()
    assert metrics(records)["MessageDeadLettered"] == 2
    assert "VisitFailed" not in metrics(records)
    assert len(json.dumps(records)) < 20_000, "no log record quotes a message whole"


def test_a_batch_of_poison_is_a_batch_of_dead_letters(launching: Cloud, logs: Logs) -> None:
    assert launching.deliver(*ALL_POISON) == []
    assert len(launching.dead_letters()) == len(ALL_POISON)
    assert metrics(logs())["MessageDeadLettered"] == len(ALL_POISON)


def test_ec2_and_auto_scaling_are_asked_about_valid_ids_only(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    """One id that a request cannot hold would fail the request for all of the batch."""
    running.deliver(*ODD.values(), termination_event(running))
    asked = [
        value
        for _, operation, parameters in running.calls
        if operation == "DescribeInstances"
        for item in parameters["Filters"]
        for value in item["Values"]
    ]
    assert asked == [running.instance_id]
    assert all(INSTANCE_ID.fullmatch(value) for value in asked)


def test_a_dead_letter_is_a_copy_of_at_most_the_longest_event(launching: Cloud) -> None:
    body = json.dumps({"detail-type": "é" * 20_000}, ensure_ascii=False)
    launching.deliver(body, '{"a": 1}')
    (_, cut), (_, whole) = launching.dead_letters()
    assert 16_380 < len(cut.encode()) <= 16_384
    assert body.startswith(cut)
    assert whole == '{"a": 1}'


@pytest.mark.parametrize("body", [None, 7, ["a"], {"detail": 1}])
def test_a_body_that_is_not_text_is_malformed(
    running: Cloud, fake_panorama: FakePanorama, body: object
) -> None:
    batch = running.batch("{}", termination_event(running))
    assert running.invoke(change_record(batch, 0, body=body)) == ["message-1"]
    assert [error for error, _ in running.dead_letters()] == ["MalformedEventError"]
    assert running.operations()[HEARTBEAT] == 1


@pytest.mark.parametrize(
    "sent", [None, "", "soon", "NaN", "1e400", "9" * 400, "9" * 5_000, [], {}, 10**30]
)
def test_a_record_without_a_valid_time_is_malformed(
    running: Cloud, fake_panorama: FakePanorama, sent: Any
) -> None:
    event = termination_event(running)
    batch = running.batch(event, event)
    change_record(batch, 0, attributes={"SentTimestamp": sent})
    assert running.invoke(batch) == ["message-1"]
    assert [error for error, _ in running.dead_letters()] == ["MalformedEventError"]


@pytest.mark.parametrize("count", [None, "many", [], "9" * 5_000])
def test_an_odd_receive_count_is_the_first(
    running: Cloud, fake_panorama: FakePanorama, count: Any
) -> None:
    batch = running.batch(termination_event(running))
    batch["Records"][0]["attributes"]["ApproximateReceiveCount"] = count
    assert running.invoke(batch) == ["message-0"]
    assert running.pauses() == [45]


odd_bodies = (
    st.sampled_from(ALL_POISON)
    | st.text(st.characters(), max_size=50)
    | st.builds(lambda depth, item: item * depth, st.integers(1, DEEP), st.sampled_from("[{"))
)


@pytest.mark.properties
def test_whatever_is_in_a_batch_the_termination_in_it_is_visited(simulated: None) -> None:
    @given(bodies=st.lists(odd_bodies, max_size=4), position=st.integers(0, 4))
    def visit(bodies: list[str], position: int) -> None:
        fleet = Fleet()
        fleet.in_service()
        (instance_id,) = fleet.living()
        fleet.scale_in(instance_id)
        queue = fleet.aws.queues["terminate"]
        real = queue.pop()
        for body in bodies:
            fleet.aws.put("terminate", body)
        queue.insert(position, real)
        fleet.aws.calls.clear()
        fleet.visit("terminate")
        assert fleet.aws.operations()[HEARTBEAT] == 1
        assert queue == [real]
        assert len(fleet.aws.queues["dead"]) == len(bodies)

    visit()


# Which records are messages of the queue.


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "Records",
        7,
        {},
        {"Records": []},
        {"Records": None},
        {"Records": {"a": 1}},
        {"records": [{}]},
        {"action": "report", "Records": []},
        {"action": ["report"]},
        {"Records": [None]},
        {"Records": [{}]},
    ],
)
@pytest.mark.parametrize("handler", [launch.handler, terminate.handler])
def test_an_invocation_without_messages_is_refused_with_a_named_error(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, handler: Callable[..., Any], event: Any
) -> None:
    terminating = handler is terminate.handler
    settings = cloud.terminate_settings() if terminating else cloud.launch_settings()
    configure(monkeypatch, settings)
    cloud.handler = handler
    with pytest.raises(InvalidInvocationError), cloud.warm():
        handler(event, FakeContext())
    assert cloud.calls == []


@pytest.mark.parametrize("handler", [launch.handler, terminate.handler])
def test_an_unknown_action_is_answered_with_the_one_that_is_known(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, handler: Callable[..., Any]
) -> None:
    terminating = handler is terminate.handler
    configure(monkeypatch, cloud.terminate_settings() if terminating else cloud.launch_settings())
    with cloud.warm():
        answer = handler({"action": "report"}, FakeContext())
    assert answer["ok"] is False
    assert answer["problems"] == ["The function has no action 'report': use validate."]
    assert cloud.calls == []


@pytest.mark.parametrize(
    "changes",
    [
        {"eventSourceARN": OTHER_QUEUE},
        {"eventSourceARN": "arn:aws:sqs:us-east-1:210987654321:terminate"},
        {"eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/a"},
        {"eventSourceARN": None},
        {"eventSourceARN": 7},
        {"messageId": None},
        {"messageId": 7},
        {"messageId": "\ud800"},
        {"receiptHandle": None},
        {"receiptHandle": ""},
        {"receiptHandle": "x" * 1025},
        {"receiptHandle": ["x"]},
    ],
)
def test_a_record_of_another_source_fails_the_invocation(
    running: Cloud, fake_panorama: FakePanorama, changes: dict[str, Any]
) -> None:
    """Lambda keeps the messages of an invocation that fails, and its alarm on errors reports it."""
    batch = running.batch(termination_event(running), termination_event(running))
    with pytest.raises(InvalidInvocationError) as raised:
        running.invoke(change_record(batch, 1, **changes))
    assert len(str(raised.value)) < 300
    assert running.calls == []
    assert fake_panorama.calls == []


def test_a_record_with_an_invented_receipt_handle_is_refused(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """A direct invocation can forge everything but the handle, and gets nothing done."""
    batch = running.batch(termination_event(running))
    assert running.invoke(change_record(batch, 0, receiptHandle="AQEBforged")) == ["message-0"]
    assert set(running.operations()) == {"ChangeMessageVisibilityBatch"}
    assert fake_panorama.calls == []
    assert running.dead_letters() == []
    records = logs()
    assert metrics(records) == {"MessageRefused": 1}
    (record,) = [item for item in records if "reason" in item]
    assert record["level"] == "ERROR"
    assert record["error"] == "UnconfirmedMessageError"
    assert "AQEBforged" not in json.dumps(records)


def test_a_receipt_handle_of_another_queue_is_refused(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = termination_event(running)
    other = running.account.put("launch", json.dumps(event))
    running.account.mark_received(other)
    batch = change_record(running.batch(event), 0, receiptHandle=other.receipt)
    assert running.invoke(batch) == ["message-0"]
    assert running.operations()[HEARTBEAT] == 0
    assert metrics(logs()) == {"MessageRefused": 1}


def test_a_message_that_is_no_longer_in_flight_is_left_to_its_next_delivery(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Its visibility timeout has passed before Lambda could start the function."""
    batch = running.batch(termination_event(running))
    running.account.pass_time(timedelta(minutes=10))
    assert running.invoke(batch) == ["message-0"]
    assert running.operations()[HEARTBEAT] == 0
    assert metrics(logs()) == {"MessageRefused": 1}


def test_a_refused_record_does_not_keep_the_messages_of_its_batch_from_their_visit(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    batch = running.batch(termination_event(running), termination_event(running))
    assert running.invoke(change_record(batch, 0, receiptHandle="x")) == ["message-0", "message-1"]
    assert running.operations()[HEARTBEAT] == 1
    assert "commit" in fake_panorama.calls


@pytest.mark.parametrize("code", ["RequestThrottled", "ServiceUnavailable", "AccessDenied"])
def test_nothing_is_done_while_sqs_does_not_respond(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, code: str
) -> None:
    """An unconfirmed message may be a forged one, so the visit waits, even for its heartbeat."""
    event = termination_event(running)
    running.errors["ChangeMessageVisibilityBatch"] = [client_error(code)]
    assert running.deliver(event) == ["message-0"]
    assert running.operations()[HEARTBEAT] == 0
    assert fake_panorama.calls == []
    assert len(running.pauses()) == 1
    counted = metrics(logs())
    assert counted == {"VisitFailed": 1}
    assert running.deliver(event) == ["message-0"]
    assert running.operations()[HEARTBEAT] == 1


def test_a_record_that_sqs_does_not_mention_is_not_confirmed(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = {"Id": "1", "SenderFault": False, "Code": "InternalError"}
    monkeypatch.setattr(
        running.account,
        "change_message_visibility_batch",
        lambda _parameters: {"Failed": [failed]},
    )
    event = termination_event(running)
    assert running.deliver(event, event) == ["message-0", "message-1"]
    assert running.operations()[HEARTBEAT] == 0
    assert reasons(logs()) == ["SQS did not confirm the message"] * 2
    assert running.pauses() == [5, 5]


def test_an_error_of_sqs_that_quotes_the_receipt_handle_is_logged_without_it(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    batch = running.batch(termination_event(running))
    handle = batch["Records"][0]["receiptHandle"]
    message = f"Value {handle} for parameter ReceiptHandle is invalid."
    running.errors["ChangeMessageVisibility"] = [client_error("InvalidParameterValue", "", message)]
    assert running.invoke(batch) == ["message-0"]
    records = logs()
    assert any("Value *** for parameter" in reason for reason in reasons(records))
    assert handle not in json.dumps(records)


def test_the_messages_of_a_batch_are_confirmed_ten_at_a_time(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [launching.instance_id, *(launching.add_instance() for _ in range(24))]
    launching.handler = terminate.handler
    configure(
        monkeypatch, launching.terminate_settings(panorama=None, licensing=settings.NO_LICENSING)
    )
    bodies = [termination_event(launching, instance_id) for instance_id in ids]
    assert launching.deliver(*bodies) == []
    assert launching.operations()["ChangeMessageVisibilityBatch"] == 3
    assert {token for token, _ in launching.completed} == {
        token_of(Transition.TERMINATING, instance_id) for instance_id in ids
    }


def test_a_confirmed_message_stays_invisible_until_the_invocation_has_ended(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    """After a crash, the message comes back soon after the invocation must have ended."""
    running.deliver(termination_event(running), context=FakeContext(45_500))
    (entries,) = [
        parameters["Entries"]
        for _, operation, parameters in running.calls
        if operation == "ChangeMessageVisibilityBatch"
    ]
    assert [entry["VisibilityTimeout"] for entry in entries] == [46 + 60]


def test_a_message_that_was_delivered_twice_in_a_batch_is_one_visit(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    """Standard queues deliver at least once: "On rare occasions … more than one copy"."""
    batch = running.batch(termination_event(running))
    batch["Records"] *= 2
    assert running.invoke(batch) == ["message-0", "message-0"]
    assert fake_panorama.calls.count("commit") == 1
