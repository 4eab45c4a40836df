"""Answers the launch hook: one queue message, one instance."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from vmseries_autoscale import launch, preflight, telemetry, visits
from vmseries_autoscale.events import LifecycleEvent, Transition
from vmseries_autoscale.settings import LaunchSettings, from_environment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(
    event: dict[str, Any], _context: LambdaContext
) -> PartialItemFailureResponse | dict[str, Any]:
    """Visit the instances of a batch of queue messages, or run the pre-flight.

    Args:
        event: the batch; or ``{"action": "validate"}`` for the pre-flight.
        _context: Lambda's.

    Returns:
        The messages that stay in the queue, or the pre-flight's answer.
    """
    settings = from_environment(LaunchSettings)

    now = datetime.now(UTC)

    def visit(events: list[LifecycleEvent]) -> visits.Outcomes:
        return {event: _visit_one(event, settings, now) for event in events}

    with telemetry.invocation(settings.name):
        if preflight.is_asked(event):
            return preflight.validate(settings)
        return visits.answer(event, Transition.LAUNCHING, settings, visit)


def _visit_one(event: LifecycleEvent, settings: LaunchSettings, now: datetime) -> visits.Outcome:
    with telemetry.about(**event.keys):
        return visits.attempt(partial(launch.visit, event, settings, now))
