"""The visit protocol: how a queue message leads, visit by visit, to the end of a lifecycle hook.

A visit ends as *done*, *again* or an error. The message of the last two becomes visible again after
a pause, so that there is one chain of visits for one wait of one instance, and a crash at any point
only shortens the pause to the queue's visibility time-out. A message that no visit can make sense
of goes to the dead-letter queue at once.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from botocore.exceptions import ClientError

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import (
    EventualConsistencyError,
    InvalidMessageError,
    PanoramaAccessError,
    PanoramaUnavailableError,
    RetryableError,
    TimeBudgetExceededError,
    TransientError,
)
from vmseries_autoscale.lifecycle import events
from vmseries_autoscale.lifecycle.events import LifecycleEvent, Transition
from vmseries_autoscale.settings import HookSettings
from vmseries_autoscale.telemetry import Metric

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = logging.getLogger(__name__)

GROWTH = 1.5
"""By how much each pause is longer than the one before it."""

SOON_SECONDS = 5
"""The first pause where EC2 has only to catch up with itself."""

TURN_SECONDS = 20
"""The longest pause of those whom AWS throttled. EC2 counts calls with token buckets, and those of
the calls made here are full again after 20 s at the latest: who waits longer wastes turns.
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html"""

TURNS = 100
"""Up to which receive a throttled message comes back that soon. SQS hands a message out a thousand
times, and the visits until the longest deadline at ordinary pauses take up to 900 of them."""


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Again:
    """Something else has to happen first.

    Attributes:
        reason: what is waited for.
        soon: whether that takes seconds rather than minutes.
        throttled: whether that is a turn at a call that AWS has throttled.
    """

    reason: str
    soon: bool = False
    throttled: bool = False


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
    except TransientError as error:
        return Again(
            str(error), soon=isinstance(error, EventualConsistencyError | TimeBudgetExceededError)
        )
    except ClientError as error:
        return Again(str(error), throttled=True) if clients.is_throttling(error) else Failed(error)
    except Exception as error:  # noqa: BLE001 - becomes an outcome, which is logged and counted
        return Failed(error)


def answer(
    batch: dict[str, Any],
    transition: Transition,
    settings: HookSettings,
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
        event = read[record.message_id]
        with telemetry.about(message_id=record.message_id, **getattr(event, "keys", {})):
            stays = attempt(partial(_settle, record, event, outcomes, settings))
            if isinstance(stays, Again | Failed):
                # The message comes back by itself, after the queue's visibility time-out.
                _tell(stays)
            if stays:
                raise _ComeBackError

    return process_partial_response(
        event=batch,
        record_handler=settle,
        # That all messages of a batch come back is how waiting works, not a failure.
        processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
    )


def _visit(
    visit: Callable[[list[LifecycleEvent]], Outcomes], awaited: list[LifecycleEvent]
) -> Outcomes:
    if not awaited:
        return {}
    distinct = list(dict.fromkeys(awaited))
    outcomes = attempt(partial(visit, distinct))
    return dict.fromkeys(distinct, outcomes) if isinstance(outcomes, Again | Failed) else outcomes


def pause_after(outcome: Again | Failed, receive_count: int, settings: HookSettings) -> int:
    """After how many seconds a message is to come back that was received for the n-th time."""
    match outcome:
        case Again(throttled=True) if receive_count <= TURNS:
            # Many are throttled at the same moment: they come back at different ones. Longer and
            # longer pauses would only take the eldest out of turn.
            return random.randint(SOON_SECONDS, TURN_SECONDS)  # noqa: S311 - no secret
        case Again(soon=True):
            first = SOON_SECONDS
        case _:
            first = settings.visit_interval_seconds
    return pause_seconds(receive_count, first, settings.maximum_visit_interval_seconds)


def pause_seconds(receive_count: int, first: int, maximum: int) -> int:
    """How long to wait after the visit that received the message for the n-th time."""
    return round(min(first * GROWTH ** (receive_count - 1), maximum))


def _read(
    body: str, transition: Transition, settings: HookSettings
) -> LifecycleEvent | InvalidMessageError | None:
    try:
        return events.parse(body, transition, settings)
    except InvalidMessageError as error:
        return error


def _settle(
    record: SQSRecord,
    event: LifecycleEvent | InvalidMessageError | None,
    outcomes: Outcomes,
    settings: HookSettings,
) -> bool:
    """Do with a message what its event's outcome asks for; whether it stays in the queue."""
    match event:
        case None:
            logger.info("Auto Scaling tests the way to this function; nothing to do")
            return False
        case InvalidMessageError():
            _dead_letter(record, event, settings)
            return False
    outcome = outcomes[event]
    if isinstance(outcome, Done):
        return False
    _tell(outcome)
    received = int(record.attributes.approximate_receive_count)
    _hide(record, settings, pause_after(outcome, received, settings))
    return True


def _dead_letter(record: SQSRecord, error: InvalidMessageError, settings: HookSettings) -> None:
    name = type(error).__name__
    clients.sqs().send_message(
        QueueUrl=settings.dead_letter_queue_url,
        MessageBody=record.body,
        MessageAttributes={"error": {"DataType": "String", "StringValue": name}},
    )
    telemetry.count(Metric.MESSAGE_DEAD_LETTERED)
    logger.error(
        "Put a message into the dead-letter queue", extra={"error": name, "reason": str(error)}
    )


def _hide(record: SQSRecord, settings: HookSettings, seconds: int) -> None:
    """Let the message come back after a pause."""
    clients.sqs().change_message_visibility(
        QueueUrl=settings.queue_url,
        ReceiptHandle=record.receipt_handle,
        VisibilityTimeout=seconds,
    )
    logger.debug("The message comes back", extra={"seconds": seconds})


def _tell(outcome: Again | Failed) -> None:
    """Log, and count, why a visit is repeated."""
    match outcome:
        case Again(reason, throttled=True):
            telemetry.count(Metric.VISIT_FAILED)
            logger.warning("AWS throttles; the visit is repeated", extra={"reason": reason})
        case Again(reason):
            logger.info("Not done yet", extra={"reason": reason})
        case Failed(error):
            _log_failure(error)


def _log_failure(error: Exception) -> None:
    telemetry.count(Metric.VISIT_FAILED)
    if isinstance(error, PanoramaUnavailableError | PanoramaAccessError):
        telemetry.count(Metric.PANORAMA_UNAVAILABLE)
    logger.error(
        "The visit failed and is repeated",
        extra={"error": type(error).__name__, "reason": str(error)},
        # What we have a name for needs no traceback.
        exc_info=None if isinstance(error, RetryableError) else error,
    )
