"""Which launches count as refused by EC2, and what is repeated of its messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.aws.autoscaling_group import Group, NewestActivities
from vmseries_autoscale.aws.refused_launches import (
    HORIZON,
    MAXIMUM_TEXT,
    RECENT,
    Launch,
    parse,
    refused,
)

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import ActivityTypeDef

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SHORT = Group(desired=3, members={"i-1": "InService"})
COMPLETE = Group(desired=1, members={"i-1": "InService"})
FULL_SUBNET = (
    "There are not enough free addresses in subnet 'subnet-1' to satisfy the requested number of "
    "instances. Launching EC2 instance failed."
)


def activity(**changes: Any) -> ActivityTypeDef:
    """A launch that EC2 refused, as DescribeScalingActivities shows it."""
    shown = {
        "ActivityId": "1",
        "AutoScalingGroupName": "fw",
        "Description": f"Launching a new EC2 instance.  Status Reason: {FULL_SUBNET}",
        "Cause": "At 2026-11-22T11:59:00Z an instance was started.",
        "StartTime": NOW - MINUTE,
        "StatusCode": "Failed",
        "StatusMessage": FULL_SUBNET,
        "Details": json.dumps({"Subnet ID": "subnet-1", "Availability Zone": "us-east-1a"}),
        **changes,
    }
    return cast("ActivityTypeDef", shown)


def no(zone: str | None, minutes: float, message: str = "no") -> Launch:
    return Launch(NOW - minutes * MINUTE, zone, message)


def yes(zone: str | None, minutes: float) -> Launch:
    return Launch(NOW - minutes * MINUTE, zone, None)


# Reading an activity.


def test_a_failed_launch_has_the_zone_and_the_words_of_ec2() -> None:
    assert parse(activity()) == Launch(NOW - MINUTE, "us-east-1a", FULL_SUBNET)


@pytest.mark.parametrize(
    "changes",
    [
        {"StatusCode": "Successful"},
        {"StatusCode": "MidLifecycleAction"},
        # Abandoned by the launch function, which reports it.
        {
            "StatusCode": "Cancelled",
            "StatusMessage": "Instance failed to complete user's Lifecycle Action: Lifecycle "
            "Action with token 1 was abandoned: Lifecycle Action Completed with ABANDON Result",
        },
        # Ended by somebody else while it was launching.
        {
            "StatusCode": "Cancelled",
            "StatusMessage": "Instance became unhealthy while waiting for instance to be in "
            "InService state. Termination Reason: Client.UserInitiatedShutdown: User initiated",
        },
    ],
)
def test_a_launch_with_an_instance_is_accepted(changes: dict[str, str]) -> None:
    shown = activity(Description="Launching a new EC2 instance: i-0123456789abcdef0", **changes)
    assert parse(shown) == Launch(NOW - MINUTE, "us-east-1a", None)


@pytest.mark.parametrize(
    "reason",
    ["Client.InternalError: Client error on launch", "Server.InternalError: Internal error"],
)
def test_an_instance_that_ec2_ends_at_once_is_refused(reason: str) -> None:
    """A volume's KMS key that EC2 may not use, for example."""
    message = (
        "Instance became unhealthy while waiting for instance to be in InService state. "
        f"Termination Reason: {reason}"
    )
    shown = activity(
        Description=f"Launching a new EC2 instance: i-0123456789abcdef0. Status Reason: {message}",
        StatusCode="Cancelled",
        StatusMessage=message,
    )
    assert parse(shown) == Launch(NOW - MINUTE, "us-east-1a", message)


@pytest.mark.parametrize(
    "changes",
    [
        {"Description": "Terminating EC2 instance: i-0123456789abcdef0"},
        {"Description": "Attaching an existing EC2 instance: i-0123456789abcdef0"},
        {"Description": "Launching a new EC2 instance", "StatusCode": "WaitingForInstanceId"},
        {"Description": ""},
    ],
)
def test_other_activities_and_undecided_launches_are_not_counted(changes: dict[str, str]) -> None:
    assert parse(activity(**changes)) is None


@pytest.mark.parametrize(
    "details", ["", "{", "7", "[]", '{"Availability Zone": 7}', "[" * 5000, '{"Subnet ID": "s"}']
)
def test_details_without_a_zone_are_no_error(details: str) -> None:
    launch = parse(activity(Details=details))
    assert launch is not None
    assert launch.zone is None


def test_the_encoded_part_of_a_message_is_left_out() -> None:
    message = (
        "You are not authorized to perform this operation. Encoded authorization failure message: "
        + "A-b_9" * 300
        + ". Launching EC2 instance failed."
    )
    launch = parse(activity(StatusMessage=message))
    assert launch is not None
    assert launch.refusal == (
        "You are not authorized to perform this operation. Launching EC2 instance failed."
    )


@given(message=st.text(max_size=3 * MAXIMUM_TEXT), details=st.text(max_size=200))
def test_a_message_becomes_one_line_of_limited_length(message: str, details: str) -> None:
    launch = parse(activity(StatusMessage=message, Details=details))
    assert launch is not None
    assert launch.refusal is not None
    assert 0 < len(launch.refusal) <= MAXIMUM_TEXT + 1
    assert launch.refusal.isprintable() or not any(
        ord(character) < 32 or character in "\x7f\x85\u2028\u2029" for character in launch.refusal
    )


# Deciding which launches count.


def test_refused_launches_are_counted_by_zone_with_the_newest_message() -> None:
    found = refused([no("a", 1, "new"), no("b", 2), no("a", 30, "old")], SHORT, NOW)
    assert [(item.zone, item.number, item.message) for item in found] == [
        ("a", 2, "new"),
        ("b", 1, "no"),
    ]
    assert (found[0].first, found[0].last) == (NOW - 30 * MINUTE, NOW - MINUTE)


def test_a_launch_that_ec2_accepts_ends_the_refusals_of_its_zone_only() -> None:
    launches = [yes("a", 1), no("a", 2), no("b", 3), no("a", 4)]
    assert [item.zone for item in refused(launches, SHORT, NOW)] == ["b"]


def test_a_refusal_without_a_zone_ends_with_any_launch() -> None:
    assert refused([yes("a", 1), no(None, 2)], SHORT, NOW) == []
    assert len(refused([no(None, 1), yes("a", 2)], SHORT, NOW)) == 1


def test_refusals_count_as_long_as_the_group_is_short() -> None:
    """Auto Scaling stops trying after a day ("Suspend and resume processes")."""
    assert len(refused([no("a", 3000)], SHORT, NOW)) == 1


def test_an_old_refusal_of_a_zone_that_the_group_has_left_does_not_count() -> None:
    """A group that grows is short for a moment, and activities are kept for six weeks."""
    day = HORIZON / MINUTE
    assert refused([yes("b", 60), no("a", 30 * day)], SHORT, NOW) == []
    assert len(refused([yes("b", 60), no("a", day - 1)], SHORT, NOW)) == 1
    assert len(refused([no("a", 2 * day), yes("b", 3 * day)], SHORT, NOW)) == 1


def test_a_refusal_that_the_group_no_longer_needs_ends_after_an_hour() -> None:
    minutes = RECENT / MINUTE
    assert len(refused([no("a", minutes - 1)], COMPLETE, NOW)) == 1
    assert refused([no("a", minutes)], COMPLETE, NOW) == []


@pytest.mark.parametrize(
    ("states", "short"),
    [
        (["InService", "Pending:Wait"], False),
        (["InService", "Pending"], False),
        (["InService", "Terminating:Wait"], True),
        (["InService", "Standby"], True),
        (["InService", "Warmed:Stopped"], True),
    ],
)
def test_a_group_is_short_of_instances_that_neither_serve_nor_launch(
    states: list[str], short: bool
) -> None:
    members = {f"i-{number}": state for number, state in enumerate(states)}
    assert Group(desired=2, members=members).is_short is short


LAUNCHES = st.lists(
    st.builds(
        lambda minutes, zone, refusal: Launch(NOW - minutes * MINUTE, zone, refusal),
        st.integers(0, 2000),
        st.sampled_from(["a", "b", None]),
        st.sampled_from([None, "no"]),
    ),
    max_size=30,
).map(lambda launches: sorted(launches, key=lambda launch: launch.began, reverse=True))


@given(launches=LAUNCHES, group=st.sampled_from([SHORT, COMPLETE]))
def test_no_refusal_is_invented_or_counted_twice(launches: list[Launch], group: Group) -> None:
    found = refused(launches, group, NOW)
    assert len({item.zone for item in found}) == len(found)
    for item in found:
        times = [x.began for x in launches if x.zone == item.zone and x.refusal is not None]
        assert item.number <= len(times)
        assert item.last == max(times)
        assert item.first in times
        assert item.first <= item.last


def test_reading_is_bounded() -> None:
    assert NewestActivities.MAXIMUM_PAGES * 100 <= 300
