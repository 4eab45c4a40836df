"""Which instances of terminate events may be cleaned up: every case, without AWS."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from vmseries_autoscale.aws import tags
from vmseries_autoscale.aws.autoscaling_group import Activity, ActivityType
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.errors import InvalidMessageError, UnprovenTerminationError
from vmseries_autoscale.outcome import Done, Failed, Outcome, Retry
from vmseries_autoscale.terminate.authorization import authorize, needs_activity

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ID = "i-0123456789abcdef0"
LEAVING = ("shutting-down", "terminated")
STATES = ("pending", "running", "stopping", "stopped", *LEAVING)
ALIVE = tuple(state for state in STATES if state not in LEAVING)
ACTIVITIES = (None, *ActivityType)


def instance(state: str, owner: str | None = "fw") -> Instance:
    owned = {} if owner is None else {tags.DEPLOYMENT: owner}
    return Instance(ID, "us-east-1a", state, owned, ())


def decide(known: Instance | None, kind: ActivityType | None, *, hook_open: bool) -> Outcome:
    activity = None if kind is None else Activity(kind, NOW, None)
    return authorize(ID, known, activity, "fw", hook_open=hook_open)


def assert_rejected(outcome: Outcome) -> None:
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, UnprovenTerminationError)
    assert isinstance(outcome.error, InvalidMessageError), "the message is a dead letter"
    assert ID in str(outcome.error)


@pytest.mark.parametrize("hook_open", [True, False])
@pytest.mark.parametrize("owner", ["another", "", "FW", None])
@pytest.mark.parametrize("state", STATES)
def test_an_instance_without_our_tag_is_rejected_in_every_state(
    state: str, owner: str | None, hook_open: bool
) -> None:
    """F1 B."""
    if state == "terminated" and owner is None:
        return  # EC2 may have removed the tags; see below.
    for kind in ACTIVITIES:
        assert_rejected(decide(instance(state, owner), kind, hook_open=hook_open))


def test_a_terminated_instance_whose_tags_ec2_has_removed_is_like_one_that_ec2_does_not_know() -> (
    None
):
    without_tags = instance("terminated", None)
    for kind, hook_open in itertools.product(ACTIVITIES, [True, False]):
        outcome = decide(without_tags, kind, hook_open=hook_open)
        if hook_open or kind is ActivityType.TERMINATING:
            assert outcome == Done()
        else:
            assert_rejected(outcome)


@pytest.mark.parametrize("known", [None, *map(instance, STATES)])
def test_an_open_hook_is_proof(known: Instance | None) -> None:
    for kind in ACTIVITIES:
        assert decide(known, kind, hook_open=True) == Done()


@pytest.mark.parametrize("state", LEAVING)
def test_our_instance_that_leaves_is_proof(state: str) -> None:
    for kind in ACTIVITIES:
        assert decide(instance(state), kind, hook_open=False) == Done()


@pytest.mark.parametrize("state", ALIVE)
def test_our_instance_that_lives_is_rejected_unless_the_group_terminates_it(state: str) -> None:
    """F1 A."""
    for kind in ACTIVITIES:
        outcome = decide(instance(state), kind, hook_open=False)
        if kind is ActivityType.TERMINATING:
            assert isinstance(outcome, Retry)
        else:
            assert_rejected(outcome)


def test_an_instance_that_ec2_does_not_know_is_rejected_unless_the_group_terminated_it() -> None:
    """F1 C."""
    for kind in ACTIVITIES:
        outcome = decide(None, kind, hook_open=False)
        if kind is ActivityType.TERMINATING:
            assert outcome == Done()
        else:
            assert_rejected(outcome)


def test_the_history_is_read_exactly_if_the_decision_depends_on_it() -> None:
    owners = ("fw", "another", None)
    described = [instance(state, owner) for state in STATES for owner in owners]
    for known, hook_open in itertools.product([None, *described], [True, False]):
        outcomes = {str(decide(known, kind, hook_open=hook_open)) for kind in ACTIVITIES}
        assert needs_activity(known, "fw", hook_open=hook_open) == (len(outcomes) > 1)
