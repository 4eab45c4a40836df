"""Answers the launch hook: one queue message, one instance."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from vmseries_autoscale import launch, telemetry, visits
from vmseries_autoscale.events import LifecycleEvent, Transition
from vmseries_autoscale.settings import LaunchSettings, from_environment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _context: LambdaContext) -> PartialItemFailureResponse:
    """Visit the instances of a batch of queue messages.

    Returns:
        The messages that stay in the queue.
    """
    settings = from_environment(LaunchSettings)

    now = datetime.now(UTC)

    def visit(events: list[LifecycleEvent]) -> visits.Outcomes:
        return {event: _visit_one(event, settings, now) for event in events}

    with telemetry.invocation(settings.name):
        return visits.answer(event, Transition.LAUNCHING, settings, visit)


def _visit_one(event: LifecycleEvent, settings: LaunchSettings, now: datetime) -> visits.Outcome:
    with telemetry.about(**event.keys):
        return visits.attempt(partial(launch.visit, event, settings, now))
