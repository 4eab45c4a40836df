"""Serve the queue of a lifecycle hook, for the launch and terminate handlers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from vmseries_autoscale import preflight, telemetry
from vmseries_autoscale.handlers._actions import refuse_unknown_action
from vmseries_autoscale.lifecycle.events import LifecycleEvent, Transition
from vmseries_autoscale.lifecycle.message_queue import process_batch
from vmseries_autoscale.lifecycle.records import read_records
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit
from vmseries_autoscale.settings import HookSettings
from vmseries_autoscale.time_budget import RESERVE_MILLISECONDS, TimeBudget

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

S = TypeVar("S", bound=HookSettings)


def serve_queue(
    event: dict[str, Any],
    context: LambdaContext,
    transition: Transition,
    settings: S,
    run_visit: Callable[[list[LifecycleEvent], Visit[S]], Outcomes],
    reserve_milliseconds: int = RESERVE_MILLISECONDS,
) -> PartialItemFailureResponse | dict[str, Any]:
    """Process a batch of queue messages, or run the pre-flight.

    Args:
        event: Batch of queue messages; or ``{"action": "validate"}`` for the pre-flight.
        context: Lambda context.
        transition: Lifecycle transition that the function handles.
        settings: Settings of the function.
        run_visit: Visits the instances of the events and returns the outcomes.
        reserve_milliseconds: Time reserved for work in progress.

    Returns:
        The messages that stay in the queue, or the report of the pre-flight; for an unknown action,
        what is wrong with it.

    Raises:
        InvalidInvocationError: For any other event, and for messages of another queue.
    """
    reserve = max(reserve_milliseconds, _longest_request_milliseconds(settings))
    visit = Visit(settings, datetime.now(UTC), TimeBudget(context, reserve))
    with telemetry.invocation(settings.name):
        if preflight.is_preflight_request(event):
            return preflight.validate(settings)
        if refused := refuse_unknown_action(event, "validate"):
            return refused
        batch = read_records(event, settings.queue_url)
        return process_batch(batch, transition, visit, run_visit)


def _longest_request_milliseconds(settings: HookSettings) -> int:
    """Return how long a request that has just started may take, with time to report it.

    Requests for licenses may take longer. Their step looks at the remaining time itself.
    """
    return 0 if settings.panorama is None else 1000 * (settings.panorama.timeout_seconds + 5)
