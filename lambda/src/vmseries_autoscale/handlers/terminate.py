"""Handler of the terminate hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vmseries_autoscale.handlers._hook import serve_queue
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.settings import TerminateSettings, from_environment
from vmseries_autoscale.terminate.visit import visit_terminations

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

RESERVE_MILLISECONDS = 20_000
"""Time reserved for work in progress: longer than the longest call, and longer than the dozen
requests that remove a batch of firewalls from Panorama."""


def handler(
    event: dict[str, Any], context: LambdaContext
) -> PartialItemFailureResponse | dict[str, Any]:
    """Visit the terminating instances of a batch of queue messages, or run the pre-flight.

    Raises:
        InvalidInvocationError: For any other event, and for messages of another queue.
    """
    settings = from_environment(TerminateSettings)
    return serve_queue(
        event, context, Transition.TERMINATING, settings, visit_terminations, RESERVE_MILLISECONDS
    )
