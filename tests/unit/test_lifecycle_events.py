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
from vmseries_autoscale.lifecycle.events import LifecycleEvent, Transition, parse

EVENTS = Path(__file__).parent.parent / "events"
LAUNCH = json.loads((EVENTS / "launch.json").read_text())


def settings(hook: str) -> Any:
    return SimpleNamespace(auto_scaling_group_name="fw", lifecycle_hook_name=hook)


def parse_launch(event: Any) -> LifecycleEvent | None:
    return parse(json.dumps(event), Transition.LAUNCHING, settings("launch"))


@pytest.mark.parametrize("transition", Transition)
def test_the_documented_events_are_parsed(transition: Transition) -> None:
    name = {"LAUNCHING": "launch", "TERMINATING": "terminate"}[transition.name]
    event = parse((EVENTS / f"{name}.json").read_text(), transition, settings(name))
    assert event == LifecycleEvent(
        instance_id="i-1234567890abcdef0",
        auto_scaling_group="fw",
        hook=name,
        time=datetime(2026, 11, 22, 10, tzinfo=UTC),
        token="87654321-4321-4321-4321-210987654321",
    )


def test_the_token_is_never_shown() -> None:
    assert "87654321" not in repr(parse_launch(LAUNCH))
    assert "87654321" not in str(parse_launch(LAUNCH))


def test_a_test_notification_is_not_an_event() -> None:
    assert parse_launch({"Event": "autoscaling:TEST_NOTIFICATION", "Service": "…"}) is None


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ("detail-type", "EC2 Instance-terminate Lifecycle Action", UnexpectedEventError),
        ("detail-type", None, UnexpectedEventError),
        ("detail", None, MalformedEventError),
        ("time", None, MalformedEventError),
        ("time", "yesterday", MalformedEventError),
        ("time", "2026-11-22T10:00:00", MalformedEventError),
        ("detail.AutoScalingGroupName", "another", UnexpectedEventError),
        ("detail.AutoScalingGroupName", None, MalformedEventError),
        ("detail.LifecycleHookName", "terminate", UnexpectedEventError),
        ("detail.LifecycleTransition", Transition.TERMINATING, UnexpectedEventError),
        ("detail.EC2InstanceId", None, MalformedEventError),
        ("detail.EC2InstanceId", 7, MalformedEventError),
        ("detail.LifecycleActionToken", None, MalformedEventError),
        ("detail.Origin", None, MalformedEventError),
        ("detail.Origin", "Moon", MalformedEventError),
        ("detail.Origin", "WarmPool", UnsupportedTransitionError),
        ("detail.Destination", "WarmPool", UnsupportedTransitionError),
    ],
)
def test_an_event_with_one_invalid_field_raises_its_own_error(
    path: str, value: Any, error: type[Exception]
) -> None:
    event = copy.deepcopy(LAUNCH)
    *parents, key = path.split(".")
    parent = event[parents[0]] if parents else event
    if value is None:
        del parent[key]
    else:
        parent[key] = value
    with pytest.raises(error) as raised:
        parse_launch(event)
    assert "87654321" not in str(raised.value)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_message_body_is_an_event_or_an_invalid_message_error(body: str) -> None:
    with pytest.raises(InvalidMessageError):
        parse(body, Transition.LAUNCHING, settings("launch"))


json_values: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text() | st.just({}) | st.just([])
)


@given(key=st.sampled_from([*LAUNCH, *LAUNCH["detail"]]), value=json_values)
def test_a_field_of_any_type_raises_only_an_invalid_message_error(key: str, value: Any) -> None:
    event = copy.deepcopy(LAUNCH)
    parent = event if key in event else event["detail"]
    parent[key] = value
    with contextlib.suppress(InvalidMessageError):
        parse_launch(event)
