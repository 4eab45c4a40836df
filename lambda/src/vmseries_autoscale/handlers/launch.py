"""Handler of the launch hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vmseries_autoscale.handlers._hook import serve_queue
from vmseries_autoscale.launch.visit import visit_launches
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.settings import LaunchSettings, from_environment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(
    event: dict[str, Any], context: LambdaContext
) -> PartialItemFailureResponse | dict[str, Any]:
    """Visit the launching instances of a batch of queue messages, or run the pre-flight.

    Raises:
        InvalidInvocationError: For any other event, and for messages of another queue.
    """
    settings = from_environment(LaunchSettings)
    return serve_queue(event, context, Transition.LAUNCHING, settings, visit_launches)
