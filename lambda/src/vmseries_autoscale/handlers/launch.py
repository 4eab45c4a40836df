"""Answers the launch hook: a batch of queue messages, one visit for all their instances."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from vmseries_autoscale import preflight, telemetry, time_budget
from vmseries_autoscale.launch import visit as launch
from vmseries_autoscale.lifecycle import batch
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.settings import LaunchSettings, from_environment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(
    event: dict[str, Any], context: LambdaContext
) -> PartialItemFailureResponse | dict[str, Any]:
    """Visit the instances of a batch of queue messages, or run the pre-flight.

    Args:
        event: the batch; or ``{"action": "validate"}`` for the pre-flight.
        context: Lambda's.

    Returns:
        The messages that stay in the queue, or the pre-flight's answer.
    """
    settings = from_environment(LaunchSettings)
    visit = partial(
        launch.visit,
        settings=settings,
        now=datetime.now(UTC),
        in_time=time_budget.enough(context),
    )
    with telemetry.invocation(settings.name):
        if preflight.is_asked(event):
            return preflight.validate(settings)
        return batch.answer(event, Transition.LAUNCHING, settings, visit)
