"""The slots for calls to a Panorama that several deployments share."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from vmseries_autoscale.call_slots import CALLS, WAIT_SECONDS, CallSlots
from vmseries_autoscale.errors import DeviceBusyError

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/panorama-calls"
LEASE = 35.0


class Table:
    """A table with conditional writes, as far as slots use it."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()
        self.error: Exception | None = None
        self.writes = 0

    def put_item(self, **request: Any) -> None:
        if self.error is not None:
            raise self.error
        item, values = request["Item"], request["ExpressionAttributeValues"]
        with self.lock:
            self.writes += 1
            present = self.items.get(item["slot_id"]["S"])
            if request["ConditionExpression"] == "holder = :holder":
                allowed = present is not None and present["holder"] == values[":holder"]
            else:
                expected = "attribute_not_exists(slot_id) OR lease_end <= :now"
                assert request["ConditionExpression"] == expected
                now = float(values[":now"]["N"])
                allowed = present is None or float(present["lease_end"]["N"]) <= now
            if not allowed:
                code = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "no"}}
                raise ClientError(code, "PutItem")
            self.items[item["slot_id"]["S"]] = item


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def slots(table: Any, time: Time) -> CallSlots:
    return CallSlots(table, TABLE, LEASE, time, time.sleep)


@pytest.mark.documents(id="panorama/contention/five-calls-together")
def test_five_calls_have_a_slot_and_the_sixth_waits_in_vain() -> None:
    table, time = Table(), Time()
    held = [slots(table, time).held() for _ in range(CALLS)]
    for slot in held:
        slot.__enter__()
    began = time.now
    with pytest.raises(DeviceBusyError, match="5 calls"), slots(table, time).held():
        pytest.fail("a sixth call was made")
    assert WAIT_SECONDS <= time.now - began < WAIT_SECONDS + 1
    held[2].__exit__(None, None, None)
    with slots(table, time).held():
        pass


def test_a_slot_is_given_back_after_an_error() -> None:
    table, time = Table(), Time()
    for _ in range(2 * CALLS):
        with pytest.raises(ValueError, match="call"), slots(table, time).held():
            raise ValueError("call")
    assert all(float(item["lease_end"]["N"]) <= time.now for item in table.items.values())


def test_the_slot_of_a_function_that_died_is_free_when_its_lease_ends() -> None:
    table, time = Table(), Time()
    dead = [slots(table, time).held() for _ in range(CALLS)]
    for slot in dead:
        slot.__enter__()
    time.now += LEASE
    with slots(table, time).held():
        pass


def test_a_call_that_outlasts_its_lease_does_not_free_the_slot_of_another_call() -> None:
    table, time = Table(), Time()
    slow = slots(table, time).held()
    slow.__enter__()
    (number,) = table.items
    time.now += LEASE
    others = [slots(table, time).held() for _ in range(CALLS)]
    for slot in others:
        slot.__enter__()
    holder = table.items[number]["holder"]
    slow.__exit__(None, None, None)
    assert table.items[number]["holder"] == holder
    assert float(table.items[number]["lease_end"]["N"]) > time.now


@pytest.mark.documents(id="panorama/contention/no-slots-table")
@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutItem"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "no"}}, "PutItem"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
    ],
)
def test_without_the_table_calls_are_made_all_the_same(error: Exception) -> None:
    table, time = Table(), Time()
    table.error = error
    limiter, made = slots(table, time), 0
    for _ in range(3):
        with limiter.held():
            made += 1
    table.error = None
    assert (made, table.items) == (3, {})


def test_a_table_that_fails_while_a_slot_is_held_fails_no_call() -> None:
    table, time = Table(), Time()
    with slots(table, time).held():
        table.error = EndpointConnectionError(endpoint_url="https://dynamodb")


def test_never_more_than_five_of_many_threads_have_a_slot() -> None:
    table, most, under_way, lock = Table(), 0, 0, threading.Lock()
    barrier = threading.Barrier(20)

    def call() -> None:
        nonlocal most, under_way
        barrier.wait()
        for _ in range(5):
            with CallSlots(table, TABLE, LEASE, sleep=lambda _: None).held():  # type: ignore[arg-type]
                with lock:
                    under_way += 1
                    most = max(most, under_way)
                with lock:
                    under_way -= 1

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= CALLS
