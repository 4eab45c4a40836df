"""A visit takes each instance up to the first step that is not complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.instance_in_transition import InstanceInTransition
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each, run_steps
from vmseries_autoscale.outcome import OUT_OF_TIME, Done, Failed, Outcome, Retry
from vmseries_autoscale.time_budget import TimeBudget

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def instance(number: int) -> InstanceInTransition:
    event = LifecycleEvent(f"i-{number}", "fw", "launch", NOW, None)
    return InstanceInTransition(event, 0, None)


def budget(milliseconds: int = 60_000) -> TimeBudget:
    context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)
    return TimeBudget(context)


def visit() -> Visit[Any]:
    return Visit(None, NOW, budget())


def test_each_instance_ends_at_its_first_step_that_is_not_complete() -> None:
    first, second, third = (instance(number) for number in range(3))
    seen: list[list[InstanceInTransition]] = []

    def wait_for_first(instances: Sequence[InstanceInTransition], _: Visit[Any]) -> Outcomes:
        seen.append(list(instances))
        return {first.event: Retry("waits"), second.event: Done()}

    def wait_for_second(instances: Sequence[InstanceInTransition], _: Visit[Any]) -> Outcomes:
        seen.append(list(instances))
        return {second.event: Retry("waits later")}

    outcomes = run_steps([first, second, third], (wait_for_first, wait_for_second), visit())
    assert seen == [[first, second, third], [second, third]]
    assert outcomes == {
        first.event: Retry("waits"),
        second.event: Retry("waits later"),
        third.event: Done(),
    }


@pytest.mark.parametrize("parallel", [False, True])
def test_an_error_is_the_outcome_of_its_own_instance_only(parallel: bool) -> None:
    first, second = instance(1), instance(2)
    error = ValueError("no")

    def step(subject: InstanceInTransition) -> Outcome:
        if subject is first:
            raise error
        return Done()

    outcomes = for_each([first, second], step, budget(), parallel=parallel)
    assert outcomes == {first.event: Failed(error), second.event: Done()}


@pytest.mark.parametrize("parallel", [False, True])
def test_without_time_no_instance_is_started(parallel: bool) -> None:
    def step(_: InstanceInTransition) -> Outcome:
        raise AssertionError("started")

    subject = instance(1)
    outcomes = for_each([subject], step, budget(15_000), parallel=parallel)
    assert outcomes == {subject.event: OUT_OF_TIME}


def test_a_step_without_time_budget_always_runs() -> None:
    subject = instance(1)
    assert for_each([subject], lambda _: Done(), None) == {subject.event: Done()}
