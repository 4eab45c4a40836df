"""Process a batch of queue messages according to the outcomes of the visit.

*Done* deletes the message. *Retry* and *Failed* make the message visible again after a backoff, so
that each lifecycle action has one chain of visits. After a crash, the queue's visibility timeout
replaces the backoff. A message that cannot be parsed moves to the dead-letter queue at once.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceAccessError,
    DeviceUnavailableError,
    InvalidMessageError,
    RetryableError,
)
from vmseries_autoscale.lifecycle import events
from vmseries_autoscale.lifecycle.events import LifecycleEvent, Transition
from vmseries_autoscale.lifecycle.visit import Outcomes
from vmseries_autoscale.outcome import Delay, Done, Failed, Retry, Unfinished, run_step
from vmseries_autoscale.settings import HookSettings
from vmseries_autoscale.telemetry import Metric

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = logging.getLogger(__name__)

BACKOFF_FACTOR = 1.5
"""The factor by which the backoff grows from one visit to the next."""

SHORT_BACKOFF_SECONDS = 5
"""The first backoff for conditions that clear within seconds."""

THROTTLE_BACKOFF_SECONDS = 20
"""Maximum backoff for throttled calls. EC2's token buckets refill within 20 s, so longer waits
waste capacity. https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html"""

THROTTLE_MAX_RECEIVES = 100
"""Number of receives after which a throttled message uses the normal backoff. SQS delivers a
message up to 1,000 times, and up to 900 visits fit into the longest deadline at the normal
backoff."""

ParsedMessage: TypeAlias = LifecycleEvent | InvalidMessageError | None
"""The event of a message, the error of an invalid message, or ``None`` for a test notification."""


class _KeepMessageError(Exception):
    """Signals the batch processor to keep a message in the queue."""


def process_batch(
    batch: dict[str, Any],
    transition: Transition,
    settings: HookSettings,
    visit: Callable[[list[LifecycleEvent]], Outcomes],
) -> PartialItemFailureResponse:
    """Process a batch of queue messages with one visit.

    Args:
        batch: Batch from the event source mapping.
        transition: Lifecycle transition that this function handles.
        settings: Settings of the function.
        visit: Visits distinct events and returns their outcomes. Messages with equal events share
            an outcome.

    Returns:
        The messages that stay in the queue.
    """
    messages = {
        record["messageId"]: _parse(record["body"], transition, settings)
        for record in batch["Records"]
    }
    outcomes = _visit(
        visit, [message for message in messages.values() if isinstance(message, LifecycleEvent)]
    )

    def finish(record: SQSRecord) -> None:
        message = messages[record.message_id]
        with telemetry.log_context(
            message_id=record.message_id, **getattr(message, "log_keys", {})
        ):
            keep = run_step(partial(_finish_message, record, message, outcomes, settings))
            if isinstance(keep, Unfinished):
                # The message becomes visible again after the queue's visibility timeout.
                _log_outcome(keep)
            if keep:
                raise _KeepMessageError

    return process_partial_response(
        event=batch,
        record_handler=finish,
        # While instances wait, it is normal that all messages of a batch stay in the queue.
        processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
    )


def _visit(
    visit: Callable[[list[LifecycleEvent]], Outcomes], received: list[LifecycleEvent]
) -> Outcomes:
    if not received:
        return {}
    distinct = list(dict.fromkeys(received))
    outcomes = run_step(partial(visit, distinct))
    return dict.fromkeys(distinct, outcomes) if isinstance(outcomes, Unfinished) else outcomes


def backoff_seconds(outcome: Unfinished, receive_count: int, settings: HookSettings) -> int:
    """Return the backoff of a message in seconds.

    Args:
        outcome: Outcome of the visit.
        receive_count: Number of times the message was received, including this one.
        settings: Settings of the function.
    """
    match outcome:
        case Retry(delay=Delay.THROTTLED) if receive_count <= THROTTLE_MAX_RECEIVES:
            # A random backoff, so that visits that were throttled together do not retry together.
            # It does not grow, because a growing backoff would delay the oldest messages most.
            return random.randint(SHORT_BACKOFF_SECONDS, THROTTLE_BACKOFF_SECONDS)  # noqa: S311
        case Retry(delay=Delay.SHORT):
            first = SHORT_BACKOFF_SECONDS
        case _:
            first = settings.visit_interval_seconds
    return exponential_backoff_seconds(
        receive_count, first, settings.maximum_visit_interval_seconds
    )


def exponential_backoff_seconds(receive_count: int, first: int, maximum: int) -> int:
    """Return the backoff in seconds after a message was received ``receive_count`` times."""
    return round(min(first * BACKOFF_FACTOR ** (receive_count - 1), maximum))


def _parse(body: str, transition: Transition, settings: HookSettings) -> ParsedMessage:
    try:
        return events.parse(body, transition, settings)
    except InvalidMessageError as error:
        return error


def _finish_message(
    record: SQSRecord, message: ParsedMessage, outcomes: Outcomes, settings: HookSettings
) -> bool:
    """Apply the outcome to the message and return whether the message stays in the queue."""
    match message:
        case None:
            logger.info("Ignored autoscaling:TEST_NOTIFICATION")
            return False
        case InvalidMessageError():
            _move_to_dead_letter_queue(record, message, settings)
            return False
    outcome = outcomes[message]
    if isinstance(outcome, Done):
        return False
    _log_outcome(outcome)
    receive_count = int(record.attributes.approximate_receive_count)
    _delay_message(record, settings, backoff_seconds(outcome, receive_count, settings))
    return True


def _move_to_dead_letter_queue(
    record: SQSRecord, error: InvalidMessageError, settings: HookSettings
) -> None:
    name = type(error).__name__
    clients.sqs().send_message(
        QueueUrl=settings.dead_letter_queue_url,
        MessageBody=record.body,
        MessageAttributes={"error": {"DataType": "String", "StringValue": name}},
    )
    telemetry.count(Metric.MESSAGE_DEAD_LETTERED)
    logger.error(
        "Moved a message to the dead-letter queue", extra={"error": name, "reason": str(error)}
    )


def _delay_message(record: SQSRecord, settings: HookSettings, seconds: int) -> None:
    """Make the message visible again after this number of seconds."""
    clients.sqs().change_message_visibility(
        QueueUrl=settings.queue_url,
        ReceiptHandle=record.receipt_handle,
        VisibilityTimeout=seconds,
    )
    logger.debug("Delayed the message", extra={"seconds": seconds})


def _log_outcome(outcome: Unfinished) -> None:
    """Log and count the reason why a visit will be retried."""
    match outcome:
        case Retry(reason, Delay.THROTTLED):
            telemetry.count(Metric.VISIT_FAILED)
            logger.warning("Throttled by AWS; will retry", extra={"reason": reason})
        case Retry(reason):
            logger.info("Waiting; will retry", extra={"reason": reason})
        case Failed(error):
            _log_failure(error)


def _log_failure(error: Exception) -> None:
    telemetry.count(Metric.VISIT_FAILED)
    if isinstance(error, DeviceUnavailableError | DeviceAccessError) and error.device == PANORAMA:
        telemetry.count(Metric.PANORAMA_UNAVAILABLE)
    logger.error(
        "Visit failed; will retry",
        extra={"error": type(error).__name__, "reason": str(error)},
        # An expected error needs no traceback.
        exc_info=None if isinstance(error, RetryableError) else error,
    )
