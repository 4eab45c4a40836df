"""Answers the launch hook: a batch of queue messages, one visit for all their instances."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from vmseries_autoscale import launch, remaining, telemetry, visits
from vmseries_autoscale.events import Transition
from vmseries_autoscale.settings import LaunchSettings, from_environment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Visit the instances of a batch of queue messages.

    Returns:
        The messages that stay in the queue.
    """
    settings = from_environment(LaunchSettings)
    visit = partial(
        launch.visit,
        settings=settings,
        now=datetime.now(UTC),
        in_time=remaining.enough(context),
    )
    with telemetry.invocation(settings.name):
        return visits.answer(event, Transition.LAUNCHING, settings, visit)
