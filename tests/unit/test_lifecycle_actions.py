"""Several events of one instance are one lifecycle action, and time is what cannot be forged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.aws.autoscaling_group import Activity, ActivityType
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.instance_in_transition import merge
from vmseries_autoscale.outcome import Failed, Retry, Unfinished
from vmseries_autoscale.terminate.instance import began

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FAILED = Failed(KeyError("a failed heartbeat"))


def event(number: int = 1, *, age: float = 0, key: str | None = "a") -> LifecycleEvent:
    return LifecycleEvent(f"i-{number:08x}", "fw", "hook", NOW - timedelta(seconds=age), key)


events = st.builds(
    event,
    st.integers(1, 3),
    age=st.integers(0, 5),
    key=st.sampled_from(["a", "b", None]),
)
hook_states = st.dictionaries(events, st.sampled_from([True, False, FAILED, Retry("waits")]))


@given(hook_states)
def test_each_instance_has_one_action_which_is_open_if_any_hook_is(
    states: dict[LifecycleEvent, bool | Unfinished],
) -> None:
    actions = merge(states)
    ids = [action.event.instance_id for action in actions]
    assert sorted(ids) == sorted({item.instance_id for item in states})
    for action in actions:
        assert action.hook == states[action.event]
        hooks = [states[item] for item in states if item.instance_id == action.event.instance_id]
        if True in hooks:
            assert action.hook is True
        elif any(isinstance(hook, Unfinished) for hook in hooks):
            assert isinstance(action.hook, Unfinished), "its hook may be open"
        else:
            assert action.hook is False


@given(hook_states, events)
def test_an_event_with_a_closed_hook_changes_nothing_about_an_open_one(
    states: dict[LifecycleEvent, bool | Unfinished], added: LifecycleEvent
) -> None:
    """F6: a forged message has neither rights nor an age of its own."""
    before = [action for action in merge(states) if action.hook is True]
    if added not in states:
        after = [action for action in merge({added: False, **states}) if action.hook is True]
        assert sorted(map(repr, after)) == sorted(map(repr, before))


def test_of_two_events_with_an_open_hook_auto_scalings_own_decides() -> None:
    own, resent = event(age=1), event(age=9, key=None)
    (action,) = merge({resent: True, own: True})
    assert action.event == own


def test_of_two_copies_the_earlier_decides() -> None:
    late, early = event(age=1), event(age=9)
    (action,) = merge({late: True, early: True})
    assert action.event == early


def activity(kind: ActivityType = ActivityType.TERMINATING, *, age: float) -> Activity:
    return Activity(kind, NOW - timedelta(seconds=age), None)


@pytest.mark.parametrize(
    ("token", "known", "age"),
    [
        ("a", None, 60),
        ("a", activity(age=600), 60),
        (None, None, 60),
        (None, activity(age=600), 600),
        (None, activity(age=10), 60),
        (None, activity(age=-10), 60),
        (None, activity(ActivityType.LAUNCHING, age=600), 60),
        (None, activity(ActivityType.DETACHING, age=600), 60),
    ],
)
def test_a_termination_begins_with_its_message_or_with_the_activity_of_a_resent_event(
    token: str | None, known: Activity | None, age: float
) -> None:
    """F6."""
    start = began(event(age=60, key=token), known)
    assert (NOW - start).total_seconds() == age
