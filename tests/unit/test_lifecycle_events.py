"""Documented lifecycle events are parsed; anything else raises its own error."""

from __future__ import annotations

import contextlib
import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.errors import (
    InvalidMessageError,
    MalformedEventError,
    UnexpectedEventError,
    UnsupportedTransitionError,
)
from vmseries_autoscale.lifecycle.events import (
    INSTANCE_ID,
    LifecycleEvent,
    Transition,
    parse,
    to_message,
)

EVENTS = Path(__file__).parent.parent / "events"
LAUNCH = json.loads((EVENTS / "launch.json").read_text())
SENT = datetime(2026, 11, 22, 10, tzinfo=UTC)
TOKEN = LAUNCH["detail"]["LifecycleActionToken"]


def settings(hook: str) -> Any:
    return SimpleNamespace(auto_scaling_group_name="fw", lifecycle_hook_name=hook)


def parse_launch(event: Any) -> LifecycleEvent | None:
    return parse_body(json.dumps(event))


def parse_body(body: object) -> LifecycleEvent | None:
    return parse(body, SENT, Transition.LAUNCHING, settings("launch"))


def changed(path: str, value: Any) -> dict[str, Any]:
    """The launch event with another value at a path of keys; without the last key if ``None``."""
    event = copy.deepcopy(LAUNCH)
    *parents, key = path.split(".")
    parent = event[parents[0]] if parents else event
    if value is None:
        del parent[key]
    else:
        parent[key] = value
    return event


@pytest.mark.parametrize("transition", Transition)
def test_the_documented_events_are_parsed(transition: Transition) -> None:
    name = {"LAUNCHING": "launch", "TERMINATING": "terminate"}[transition.name]
    body = (EVENTS / f"{name}.json").read_text()
    assert parse(body, SENT, transition, settings(name)) == LifecycleEvent(
        instance_id="i-1234567890abcdef0",
        auto_scaling_group="fw",
        hook=name,
        sent=SENT,
        token=TOKEN,
    )


@pytest.mark.parametrize("time", [None, "2020-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "never", 7])
def test_the_time_in_an_event_is_not_used(time: Any) -> None:
    """F6: the sender of a message chooses it."""
    assert parse_launch(changed("time", time)) == parse_launch(LAUNCH)


def test_the_token_is_never_shown() -> None:
    assert "87654321" not in repr(parse_launch(LAUNCH))
    assert "87654321" not in str(parse_launch(LAUNCH))


@pytest.mark.parametrize("instance_id", ["i-12345678", "i-1234567890abcdef0"])
def test_the_ids_of_ec2_are_accepted(instance_id: str) -> None:
    event = parse_launch(changed("detail.EC2InstanceId", instance_id))
    assert event is not None
    assert event.instance_id == instance_id


def test_a_test_notification_is_not_an_event() -> None:
    assert parse_launch({"Event": "autoscaling:TEST_NOTIFICATION", "Service": "…"}) is None


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ("detail-type", "EC2 Instance-terminate Lifecycle Action", UnexpectedEventError),
        ("detail-type", None, UnexpectedEventError),
        ("detail", None, MalformedEventError),
        ("detail.AutoScalingGroupName", "another", UnexpectedEventError),
        ("detail.AutoScalingGroupName", None, MalformedEventError),
        ("detail.LifecycleHookName", "terminate", UnexpectedEventError),
        ("detail.LifecycleTransition", Transition.TERMINATING, UnexpectedEventError),
        ("detail.EC2InstanceId", None, MalformedEventError),
        ("detail.EC2InstanceId", 7, MalformedEventError),
        *(
            ("detail.EC2InstanceId", instance_id, MalformedEventError)
            for instance_id in (
                *("i-1234567890ABCDEF0", "i-1234567890abcdef0\n", "i-1234567890abcdef01", "i-"),
                *(
                    "i-123456789",
                    "I-12345678",
                    "*",
                    "dc-core-fw1",
                    "i-\ud800",
                    "i-" + "0" * 250_000,
                ),
            )
        ),
        ("detail.LifecycleActionToken", None, MalformedEventError),
        *(
            ("detail.LifecycleActionToken", token, MalformedEventError)
            for token in (7, "", TOKEN[:-1], f"{TOKEN}0", f"{TOKEN[:-1]}\n", "\ud800" * 36)
        ),
        ("detail.Origin", None, MalformedEventError),
        ("detail.Origin", "Moon", MalformedEventError),
        ("detail.Origin", "WarmPool", UnsupportedTransitionError),
        ("detail.Destination", "WarmPool", UnsupportedTransitionError),
    ],
)
def test_an_event_with_one_invalid_field_raises_its_own_error(
    path: str, value: Any, error: type[Exception]
) -> None:
    event = changed(path, value)
    with pytest.raises(error) as raised:
        parse_launch(event)
    assert "87654321" not in str(raised.value)


DEEP = 200_000
POISON = [
    "[" * DEEP,
    '{"a":' * DEEP,
    "[" * 8_000 + "]" * 8_000,
    '{"a":' * 3_000 + "1" + "}" * 3_000,
    '{"a": ' + "9" * 5_000 + "}",
    "9" * 5_000,
    "x" * 1_048_576,
    json.dumps({"detail-type": "x" * 1_048_576}),
    json.dumps({"detail-type": "x" * 8_000}),
    json.dumps(LAUNCH | {"padding": "x" * 16_384}),
    json.dumps(LAUNCH | {"padding": "\u00e9" * 10_000}, ensure_ascii=False),
    json.dumps(changed("detail.EC2InstanceId", "i-\ud800")),
    '{"\ud800": "\udfff"}',
    "\ud800",
    "\x00",
    "\ufeff{}",
    "",
    "NaN",
    '{"a": 1e999999}',
]
"""What a queue may hold, from any sender."""


@pytest.mark.parametrize("body", [*POISON, b"{}", None, 7, {"a": 1}, ["a"]], ids=range(24))
def test_any_poison_is_an_invalid_message_with_a_short_reason(body: object) -> None:
    """F3 and M14: nothing crashes the function, and nothing is quoted whole."""
    with pytest.raises(InvalidMessageError) as raised:
        parse_body(body)
    assert len(str(raised.value)) < 300
    assert str(raised.value).isascii() or "…" in str(raised.value)


@pytest.mark.parametrize("key", ["detail-type", "AutoScalingGroupName", "Origin"])
def test_a_long_value_is_quoted_in_part(key: str) -> None:
    value = "x" * 8_000
    path = key if key in LAUNCH else f"detail.{key}"
    with pytest.raises(InvalidMessageError, match=r"x{50}") as raised:
        parse_launch(changed(path, value))
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("misplaced", [LAUNCH["detail"], [LAUNCH["detail"]], 7, None])
def test_a_value_that_is_not_text_is_not_quoted_because_it_may_hold_the_token(
    misplaced: object,
) -> None:
    with pytest.raises(UnexpectedEventError) as raised:
        parse_launch(changed("detail-type", misplaced))
    assert TOKEN[:8] not in str(raised.value)


def nested(depth: int, opening: str) -> str:
    return opening * depth


bodies: st.SearchStrategy[object] = (
    st.text()
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)
    | st.text(st.characters(categories=["Cs", "Cc", "Lu"]))
    | st.builds(nested, st.integers(1, DEEP), st.sampled_from(["[", '{"a":', '[{"a":']))
    | st.integers(4_000, 6_000).map(lambda digits: '{"a": ' + "9" * digits + "}")
    | st.integers(1, 2_000_000).map(lambda length: "x" * length)
    | st.none()
    | st.integers()
    | st.binary()
)


@given(bodies)
def test_any_message_body_is_an_event_or_an_invalid_message_error(body: object) -> None:
    with pytest.raises(InvalidMessageError):
        parse_body(body)


json_values: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "Cc"]))
    | st.just({})
    | st.just([])
    | st.from_regex(r"i-[0-9a-fA-F]{7,18}")
    | st.text("0123456789abcdef-", min_size=34, max_size=38)
)


@given(key=st.sampled_from([*LAUNCH, *LAUNCH["detail"]]), value=json_values)
def test_a_field_of_any_type_raises_only_an_invalid_message_error(key: str, value: Any) -> None:
    event = copy.deepcopy(LAUNCH)
    parent = event if key in event else event["detail"]
    parent[key] = value
    with contextlib.suppress(InvalidMessageError):
        parsed = parse_launch(event)
        assert parsed is not None
        assert INSTANCE_ID.fullmatch(parsed.instance_id)
        assert parsed.is_resent or len(parsed.token or "") == 36


def test_a_resent_event_has_no_token() -> None:
    event = parse_body(to_message(Transition.LAUNCHING, "fw", "launch", "i-12345678"))
    assert event is not None
    assert event.is_resent
