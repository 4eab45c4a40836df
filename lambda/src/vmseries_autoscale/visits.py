"""The visit protocol: how a queue message leads, visit by visit, to the end of a lifecycle hook.

A visit ends as *done*, *again* or an error. The message of the last two becomes visible again after
a pause, so that there is one chain of visits for one wait of one instance, and a crash at any point
only shortens the pause to the queue's visibility time-out. A message that no visit can make sense
of goes to the dead-letter queue at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from vmseries_autoscale import aws, events, telemetry
from vmseries_autoscale.errors import (
    NotYetError,
    PanoramaUnavailableError,
    RetryableError,
    UnusableMessageError,
)
from vmseries_autoscale.events import LifecycleEvent, Transition
from vmseries_autoscale.settings import Settings
from vmseries_autoscale.telemetry import Metric

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = logging.getLogger(__name__)

GROWTH = 1.5
"""By how much each pause is longer than the one before it."""

SOON_SECONDS = 5
"""The pause where EC2 has only to catch up with itself."""


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Again:
    """Something else has to happen first.

    Attributes:
        reason: what is waited for.
        seconds: the pause until the next visit; ``None`` leaves it to the growing one.
    """

    reason: str
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """An error, which a later visit may get past."""

    error: Exception


T = TypeVar("T")
Outcome: TypeAlias = Done | Again | Failed
Outcomes: TypeAlias = Mapping[LifecycleEvent, Outcome]


class _ComeBackError(Exception):
    """Tells the batch processor to leave a message in the queue."""


def attempt(step: Callable[[], T]) -> T | Again | Failed:
    """The result of ``step``; an error of any kind is an outcome, and holds up nothing else."""
    try:
        return step()
    except NotYetError as error:
        return Again(str(error), SOON_SECONDS)
    except Exception as error:  # noqa: BLE001 - becomes an outcome, which is logged and counted
        return Failed(error)


def answer(
    batch: dict[str, Any],
    transition: Transition,
    settings: Settings,
    visit: Callable[[list[LifecycleEvent]], Outcomes],
) -> PartialItemFailureResponse:
    """Answer a batch of queue messages with one visit to all their instances.

    Args:
        batch: what the event source mapping hands to the function.
        transition: the kind of event that this function answers.
        settings: the function's settings.
        visit: gives an outcome for each of the events; messages with equal events share one.
    """
    read = {
        record["messageId"]: _read(record["body"], transition, settings)
        for record in batch["Records"]
    }
    outcomes = _visit(visit, [item for item in read.values() if isinstance(item, LifecycleEvent)])

    def settle(record: SQSRecord) -> None:
        match read[record.message_id]:
            case UnusableMessageError() as error:
                _dead_letter(record, error, settings)
            case LifecycleEvent() as event:
                with telemetry.about(**event.keys):
                    _settle(record, outcomes[event], settings)
            case None:
                logger.info("Auto Scaling tests the way to this function; nothing to do")

    return process_partial_response(
        event=batch,
        record_handler=settle,
        # That all messages of a batch come back is how waiting works, not a failure.
        processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
    )


def _visit(
    visit: Callable[[list[LifecycleEvent]], Outcomes], events: list[LifecycleEvent]
) -> Outcomes:
    if not events:
        return {}
    distinct = list(dict.fromkeys(events))
    outcomes = attempt(lambda: visit(distinct))
    return dict.fromkeys(distinct, outcomes) if isinstance(outcomes, Again | Failed) else outcomes


def pause_seconds(receive_count: int, settings: Settings) -> int:
    """How long to wait after the visit that received the message for the n-th time."""
    grown = settings.visit_interval_seconds * GROWTH ** (receive_count - 1)
    return round(min(grown, settings.maximum_visit_interval_seconds))


def _read(
    body: str, transition: Transition, settings: Settings
) -> LifecycleEvent | UnusableMessageError | None:
    try:
        return events.parse(body, transition, settings)
    except UnusableMessageError as error:
        return error


def _dead_letter(record: SQSRecord, error: UnusableMessageError, settings: Settings) -> None:
    name = type(error).__name__
    aws.sqs().send_message(
        QueueUrl=settings.dead_letter_queue_url,
        MessageBody=record.body,
        MessageAttributes={"error": {"DataType": "String", "StringValue": name}},
    )
    telemetry.count(Metric.MESSAGE_DEAD_LETTERED)
    logger.error(
        "Put a message into the dead-letter queue",
        extra={"message_id": record.message_id, "error": name, "reason": str(error)},
    )


def _settle(record: SQSRecord, outcome: Outcome, settings: Settings) -> None:
    if isinstance(outcome, Done):
        return
    seconds = outcome.seconds if isinstance(outcome, Again) else None
    if seconds is None:
        seconds = pause_seconds(int(record.attributes.approximate_receive_count), settings)
    _report(outcome, seconds)
    aws.sqs().change_message_visibility(
        QueueUrl=settings.queue_url,
        ReceiptHandle=record.receipt_handle,
        VisibilityTimeout=seconds,
    )
    raise _ComeBackError


def _report(outcome: Again | Failed, seconds: int) -> None:
    if isinstance(outcome, Again):
        logger.info("Not done yet", extra={"reason": outcome.reason, "again_in_seconds": seconds})
        return
    error = outcome.error
    telemetry.count(Metric.VISIT_FAILED)
    if isinstance(error, PanoramaUnavailableError):
        telemetry.count(Metric.PANORAMA_UNAVAILABLE)
    logger.error(
        "The visit failed and is repeated",
        extra={
            "error": type(error).__name__,
            "reason": str(error),
            "again_in_seconds": seconds,
        },
        # What we have a name for needs no traceback.
        exc_info=None if isinstance(error, RetryableError) else error,
    )
