"""The records of firewalls: their format, and what reading and writing them raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.errors import (
    RecordConflictError,
    RecordError,
    RecordFormatError,
    TimeBudgetExceededError,
)
from vmseries_autoscale.firewall_records import FirewallRecord, FirewallRecords, LicenseState
from vmseries_autoscale.firewall_records.record import UNREADABLE, from_item, to_item
from vmseries_autoscale.outcome import Delay, Failed, Retry, run_step

ID, OTHER = "i-0123456789abcdef0", "i-0123456789abcdef1"
NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
TABLE = "demo-firewalls"

FULL = FirewallRecord(
    ID,
    version=3,
    launched=NOW,
    management_ip="10.0.0.7",
    macs=frozenset({"06:00:00:00:00:01", "06:00:00:00:00:02"}),
    serial="007051000123456",
    evidence=frozenset({"mac", "management-ip"}),
    strangers=frozenset({"007051000123457", "007051000123458"}),
    looked=NOW + timedelta(seconds=4),
    sought=NOW + timedelta(seconds=3),
    ambiguous="two firewalls\nmatch",
    license=LicenseState.REQUESTED,
    license_job="17",
    license_requested=NOW + timedelta(seconds=1),
    absent_since=NOW + timedelta(seconds=2),
    empty_since=NOW,
    launches_stopped=NOW,
    pushes=("11", "12"),
    removal_job="19",
    left_registered=NOW + timedelta(hours=1),
    ended=NOW + timedelta(hours=1),
    expires=datetime(2026, 6, 1, tzinfo=UTC),
)

times = st.none() | st.integers(0, 7 * 10**15).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
jobs = st.integers(0, 10**12).map(str)
records = st.builds(
    FirewallRecord,
    instance_id=st.text("0123456789abcdef", min_size=8, max_size=17).map("i-{}".format),
    version=st.integers(1, 10_000),
    launched=times,
    management_ip=st.none() | st.ip_addresses().map(str),
    macs=st.frozensets(
        st.lists(st.text("0123456789abcdef", min_size=2, max_size=2), min_size=6, max_size=6).map(
            ":".join
        ),
        max_size=15,
    ),
    serial=st.none() | st.text("0123456789ABC", min_size=1, max_size=32),
    evidence=st.frozensets(st.sampled_from(["record", "mac", "hostname", "management-ip"])),
    strangers=st.frozensets(st.text("0123456789ABC", min_size=1, max_size=32), max_size=200),
    looked=times,
    sought=times,
    ambiguous=st.none() | st.text("abc \n", min_size=1, max_size=999),
    license=st.sampled_from(LicenseState),
    license_job=st.none() | jobs,
    license_requested=times,
    absent_since=times,
    empty_since=times,
    launches_stopped=times,
    pushes=st.lists(jobs, max_size=10).map(tuple),
    removal_job=st.none() | jobs,
    left_registered=times,
    ended=times,
    expires=times.map(lambda time: time and time.replace(microsecond=0)),
)


@given(records)
def test_a_record_is_read_as_it_was_written(record: FirewallRecord) -> None:
    assert from_item(to_item(record)) == record


def test_an_item_has_the_key_and_no_empty_attribute() -> None:
    item = to_item(FirewallRecord(ID, version=1))
    assert item == {"instance_id": {"S": ID}, "version": {"N": "1"}, "license": {"S": "unknown"}}


def test_the_item_of_a_full_record_has_every_attribute() -> None:
    fields = set(FirewallRecord.__dataclass_fields__)
    assert set(to_item(FULL)) == fields


def test_times_are_read_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    item = {**to_item(FULL), "ended": {"S": NOW.astimezone(zone).isoformat()}}
    ended = from_item(item).ended
    assert ended == NOW
    assert ended is not None
    assert ended.tzinfo is UTC


def test_an_attribute_of_a_later_version_is_tolerated() -> None:
    later = {"owner": {"M": {"name": {"S": "x"}}}, "share": {"NULL": True}}
    assert from_item({**to_item(FULL), **later}) == FULL


def test_a_long_reason_is_shortened_and_old_pushes_are_dropped() -> None:
    pushes = tuple(str(number) for number in range(15))
    read = from_item(to_item(replace(FULL, ambiguous="x" * 5000, pushes=pushes)))
    assert read.ambiguous == "x" * 999 + "…"
    assert read.pushes == pushes[-10:]


def test_an_unprintable_reason_can_be_read_again() -> None:
    read = from_item(to_item(replace(FULL, ambiguous="a\x00b")))
    assert read.ambiguous == "a\N{REPLACEMENT CHARACTER}b"


DAMAGED: list[tuple[str, Any]] = [
    ("instance_id", {"S": "i-"}),
    ("instance_id", {"S": "i-0123\n"}),
    ("instance_id", {"N": "1"}),
    ("version", {"N": "0"}),
    ("version", {"N": "-1"}),
    ("version", {"N": "1.5"}),
    ("version", {"N": "9" * 14}),
    ("version", {"S": "1"}),
    ("launched", {"S": "yesterday"}),
    ("launched", {"S": "2026-03-01T12:00:00"}),
    ("launched", {"S": "0001-01-01T00:00:00+14:00"}),
    ("launched", {"N": "1"}),
    ("management_ip", {"S": "10.0.0.700"}),
    ("macs", {"SS": ["06:00:00:00:00:0G"]}),
    ("macs", {"SS": ["06:00:00:00:00:0A"]}),
    ("macs", {"SS": [f"06:00:00:00:00:{number:02x}" for number in range(33)]}),
    ("macs", {"L": []}),
    ("serial", {"S": "0' or '1"}),
    ("serial", {"S": "1" * 33}),
    ("serial", {"S": " 0123"}),
    ("serial", {"S": 7}),
    ("evidence", {"SS": ["A b"]}),
    ("strangers", {"SS": ["0' or '1"]}),
    ("strangers", {"SS": [str(number) for number in range(201)]}),
    ("looked", {"S": "soon"}),
    ("sought", {"S": "soon"}),
    ("ambiguous", {"S": "x" * 1001}),
    ("ambiguous", {"S": "a\x00"}),
    ("license", {"S": "lost"}),
    ("license_job", {"S": "12; 13"}),
    ("license_requested", {"S": ""}),
    ("absent_since", {"S": "2026-13-01T00:00:00+00:00"}),
    ("pushes", {"L": [{"S": str(number)} for number in range(11)]}),
    ("pushes", {"L": [{"S": "x"}]}),
    ("pushes", {"L": ["12"]}),
    ("removal_job", {"S": "-1"}),
    ("ended", "2026-03-01T12:00:00+00:00"),
    ("expires", {"N": "999999999999"}),
    ("expires", {"N": "NaN"}),
]


@pytest.mark.parametrize(("name", "value"), DAMAGED)
def test_a_damaged_attribute_is_named(name: str, value: Any) -> None:
    with pytest.raises(RecordFormatError, match=rf"{name} ") as raised:
        from_item({**to_item(FULL), name: value})
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("name", ["instance_id", "version"])
def test_a_required_attribute_is_named(name: str) -> None:
    item = to_item(FULL)
    del item[name]
    with pytest.raises(RecordFormatError, match=name):
        from_item(item)


@given(
    st.dictionaries(
        st.sampled_from([*FirewallRecord.__dataclass_fields__]),
        st.dictionaries(
            st.sampled_from(["S", "N", "SS", "L", "M"]),
            st.none() | st.text(max_size=40) | st.lists(st.text(max_size=3), max_size=3),
            max_size=2,
        )
        | st.text(max_size=5),
    )
)
def test_no_item_raises_another_error(item: Any) -> None:
    with suppress(RecordFormatError):
        from_item({"instance_id": {"S": ID}, "version": {"N": "1"}, **item})


@pytest.mark.parametrize(
    "changes", [{"serial": "a b"}, {"license_job": "x"}, {"pushes": ("x",)}, {"version": 0}]
)
def test_a_record_that_could_not_be_read_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(RecordFormatError):
        to_item(replace(FULL, **changes))


@contextmanager
def stubbed() -> Iterator[tuple[Stubber, FirewallRecords]]:
    client = boto3.client(
        "dynamodb", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        yield stub, FirewallRecords(client, TABLE, sleep=lambda _seconds: None)
        stub.assert_no_pending_responses()


def keys(*instance_ids: str) -> Any:
    key_list = [{"instance_id": {"S": key}} for key in instance_ids]
    return {TABLE: {"Keys": key_list, "ConsistentRead": True}}


def request_for(*instance_ids: str) -> Any:
    return {"RequestItems": keys(*instance_ids)}


def test_each_instance_is_read_once_and_consistently() -> None:
    with stubbed() as (stub, store):
        stub.add_response(
            "batch_get_item", {"Responses": {TABLE: [to_item(FULL)]}}, request_for(ID, OTHER)
        )
        assert store.read([OTHER, ID, OTHER]) == {ID: FULL}


def test_no_instances_need_no_call() -> None:
    with stubbed() as (_stub, store):
        assert store.read([]) == {}


def test_more_instances_than_one_request_takes_are_read() -> None:
    ids = sorted(f"i-{number:017x}" for number in range(101))
    with stubbed() as (stub, store):
        stub.add_response("batch_get_item", {"Responses": {TABLE: []}}, request_for(*ids[:100]))
        stub.add_response("batch_get_item", {"Responses": {}}, request_for(ids[100]))
        assert store.read(ids) == {}


def test_keys_that_were_not_processed_are_read_again() -> None:
    second = replace(FULL, instance_id=OTHER)
    with stubbed() as (stub, store):
        stub.add_response(
            "batch_get_item",
            {"Responses": {TABLE: [to_item(FULL)]}, "UnprocessedKeys": keys(OTHER)},
            request_for(ID, OTHER),
        )
        stub.add_response(
            "batch_get_item", {"Responses": {TABLE: [to_item(second)]}}, request_for(OTHER)
        )
        assert store.read([ID, OTHER]) == {ID: FULL, OTHER: second}


def test_keys_that_are_never_processed_are_an_error_and_not_missing_records() -> None:
    with stubbed() as (stub, store):
        for _ in range(3):
            stub.add_response("batch_get_item", {"UnprocessedKeys": keys(ID)}, request_for(ID))
        with pytest.raises(RecordError, match="throttled"):
            store.read([ID])


def test_an_unreadable_item_is_ambiguous_and_the_others_are_read() -> None:
    broken = {**to_item(replace(FULL, instance_id=OTHER)), "serial": {"S": "'"}}
    with stubbed() as (stub, store):
        stub.add_response("batch_get_item", {"Responses": {TABLE: [broken, to_item(FULL)]}})
        read = store.read([ID, OTHER])
        assert read[ID] == FULL
        assert read[OTHER].version == UNREADABLE
        assert read[OTHER].serial is None
        assert "serial" in (read[OTHER].ambiguous or "")
        with pytest.raises(RecordFormatError, match="nothing is written"):
            store.save(read[OTHER])


def test_all_pages_are_read() -> None:
    second = replace(FULL, instance_id=OTHER)
    position = {"instance_id": {"S": ID}}
    with stubbed() as (stub, store):
        stub.add_response(
            "scan",
            {"Items": [to_item(FULL)], "LastEvaluatedKey": position},
            {"TableName": TABLE, "ConsistentRead": True},
        )
        stub.add_response(
            "scan",
            {"Items": [to_item(second), {"instance_id": {"S": "x"}}]},
            {"TableName": TABLE, "ConsistentRead": True, "ExclusiveStartKey": position},
        )
        assert store.read_all(lambda: True) == {ID: FULL, OTHER: second}


def test_an_incomplete_list_of_records_is_an_error() -> None:
    with stubbed() as (stub, store):
        stub.add_response("scan", {"Items": [], "LastEvaluatedKey": {"instance_id": {"S": ID}}})
        with pytest.raises(TimeBudgetExceededError):
            store.read_all(lambda: False)


def test_a_new_record_is_written_only_if_there_is_none() -> None:
    with stubbed() as (stub, store):
        new = FirewallRecord(ID, serial="0071")
        stub.add_response(
            "put_item",
            {},
            {
                "TableName": TABLE,
                "Item": to_item(replace(new, version=1)),
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": "instance_id"},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )
        assert store.save(new) == replace(new, version=1)


def test_a_record_is_written_only_over_the_version_that_was_read() -> None:
    with stubbed() as (stub, store):
        stub.add_response(
            "put_item",
            {},
            {
                "TableName": TABLE,
                "Item": to_item(replace(FULL, version=4)),
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":version": {"N": "3"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )
        assert store.save(FULL) == replace(FULL, version=4)


def refuse(stub: Stubber, call: str, code: str, **fields: Any) -> None:
    stub.add_client_error(call, code, "refused", modeled_fields=fields or None)


def test_a_record_that_another_invocation_wrote_is_not_overwritten() -> None:
    theirs = replace(FULL, version=4, license=LicenseState.RETURNED)
    with stubbed() as (stub, store):
        refuse(stub, "put_item", "ConditionalCheckFailedException", Item=to_item(theirs))
        with pytest.raises(RecordConflictError, match=ID) as raised:
            store.save(FULL)
        assert run_step(lambda: _raise(raised.value)) == Retry(str(raised.value), Delay.SHORT)


def test_a_write_whose_response_was_lost_is_no_conflict() -> None:
    # botocore repeats the request, and the condition is not true any longer.
    ours = to_item(replace(FULL, version=4))
    ours["macs"] = {"SS": list(reversed(ours["macs"]["SS"]))}  # type: ignore[call-overload]
    with stubbed() as (stub, store):
        refuse(stub, "put_item", "ConditionalCheckFailedException", Item=ours)
        assert store.save(FULL).version == 4


def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ProvisionedThroughputExceededException", "Throttling"]
)
def test_a_throttled_call_is_retried_as_one(code: str) -> None:
    with stubbed() as (stub, store):
        refuse(stub, "batch_get_item", code)
        outcome = run_step(lambda: store.read([ID]))
        assert isinstance(outcome, Retry)
        assert outcome.delay is Delay.THROTTLED


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
def test_an_error_of_aws_names_the_table(code: str) -> None:
    with stubbed() as (stub, store):
        refuse(stub, "put_item", code)
        outcome = run_step(lambda: store.save(FULL))
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, RecordError)
        assert TABLE in str(outcome.error)
        assert code in str(outcome.error)


def test_an_unreachable_endpoint_is_an_error_of_the_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with stubbed() as (_stub, store):

        def unreachable(**_request: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

        monkeypatch.setattr(store._client, "scan", unreachable)
        with pytest.raises(RecordError, match="dynamodb"):
            store.read_all(lambda: True)


def test_the_code_of_a_conflict_is_that_of_botocore() -> None:
    client = boto3.client("dynamodb", region_name="eu-central-1")
    shape = client.meta.service_model.shape_for("ConditionalCheckFailedException")
    assert "Item" in shape.members  # type: ignore[attr-defined]
    assert issubclass(client.exceptions.ConditionalCheckFailedException, ClientError)
