"""Process a batch of queue messages according to the outcomes of the visit.

*Done* deletes the message. *Retry* and *Failed* make the message visible again after a backoff, so
that each lifecycle action has one chain of visits. After a crash, the visibility timeout replaces
the backoff. A message that is invalid, or that the visit must not carry out, moves to the
dead-letter queue at once. Whatever a message contains, the others of its batch are visited.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from botocore.exceptions import ClientError

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import (
    PANORAMA,
    STRATA_CLOUD_MANAGER,
    DeviceAccessError,
    DeviceUnavailableError,
    InvalidMessageError,
    MalformedEventError,
    RetryableError,
    UnconfirmedMessageError,
)
from vmseries_autoscale.lifecycle import events, records
from vmseries_autoscale.lifecycle.events import LifecycleEvent, Transition
from vmseries_autoscale.lifecycle.records import Record
from vmseries_autoscale.lifecycle.visit import Outcomes, Settings_co, Visit
from vmseries_autoscale.outcome import Delay, Done, Failed, Outcome, Retry, Unfinished, run_step
from vmseries_autoscale.settings import HookSettings
from vmseries_autoscale.telemetry import Metric

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse

logger = logging.getLogger(__name__)

_MANAGERS = {
    PANORAMA: Metric.PANORAMA_UNAVAILABLE,
    STRATA_CLOUD_MANAGER: Metric.STRATA_CLOUD_MANAGER_UNAVAILABLE,
}

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

ParsedMessage: TypeAlias = LifecycleEvent | InvalidMessageError | Unfinished | None
"""The event of a message; the error of an invalid message; the outcome for a message that SQS has
not confirmed; or ``None`` for a test notification."""


def process_batch(
    batch: Sequence[Record],
    transition: Transition,
    visit: Visit[Settings_co],
    run_visit: Callable[[list[LifecycleEvent], Visit[Settings_co]], Outcomes],
) -> PartialItemFailureResponse:
    """Process a batch of queue messages with one visit.

    Args:
        batch: Records from the event source mapping.
        transition: Lifecycle transition that this function handles.
        visit: Context of the visit.
        run_visit: Visits the instances of distinct events, and returns one outcome for each
            instance. All messages about an instance share its outcome.

    Returns:
        The messages that stay in the queue.
    """
    settings = visit.settings
    confirmations = records.confirm(batch, clients.sqs(), settings.queue_url, visit.time_budget)
    messages: list[ParsedMessage] = [
        _parse(record, transition, visit) if refused is None else refused
        for record, refused in zip(batch, confirmations, strict=True)
    ]
    outcomes = _visit(
        lambda received: run_visit(received, visit),
        [message for message in messages if isinstance(message, LifecycleEvent)],
    )
    kept = [
        record.message_id
        for record, message in zip(batch, messages, strict=True)
        if _finish_message(record, message, outcomes, settings)
    ]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in kept]}


def _parse(record: Record, transition: Transition, visit: Visit[Settings_co]) -> ParsedMessage:
    try:
        sent = min(_sent(record), visit.now)
        first = _receive_count(record) == 1
        return events.parse(record.body, sent, transition, visit.settings, first=first)
    except InvalidMessageError as error:
        return error


def _sent(record: Record) -> datetime:
    """Return the time at which SQS received the message.

    Raises:
        MalformedEventError: If the record does not have this time.
    """
    try:
        # In milliseconds ("SentTimestamp", API_ReceiveMessage).
        return datetime.fromtimestamp(int(str(record.attributes["SentTimestamp"])) / 1000, UTC)
    except (KeyError, ValueError, OverflowError, OSError) as exc:
        raise MalformedEventError("the record has no valid SentTimestamp") from exc


def _visit(
    run_visit: Callable[[list[LifecycleEvent]], Outcomes], received: list[LifecycleEvent]
) -> dict[str, Outcome]:
    """Visit the instances of the events, and return their outcomes by instance id."""
    if not received:
        return {}
    outcomes = run_step(partial(run_visit, list(dict.fromkeys(received))))
    if isinstance(outcomes, Unfinished):
        return {event.instance_id: outcomes for event in received}
    return {event.instance_id: outcome for event, outcome in outcomes.items()}


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
        case Retry(delay=Delay.COMMIT):
            # A commit takes about as long as the normal backoff, so a visit after that backoff
            # would often find the commit in progress, and another one would have to follow.
            first = round(settings.visit_interval_seconds * BACKOFF_FACTOR)
        case _:
            first = settings.visit_interval_seconds
    return exponential_backoff_seconds(
        receive_count, first, settings.maximum_visit_interval_seconds
    )


def exponential_backoff_seconds(receive_count: int, first: int, maximum: int) -> int:
    """Return the backoff in seconds after a message was received ``receive_count`` times."""
    return round(min(first * BACKOFF_FACTOR ** (receive_count - 1), maximum))


def _finish_message(
    record: Record,
    message: ParsedMessage,
    outcomes: Mapping[str, Outcome],
    settings: HookSettings,
) -> bool:
    """Apply the outcome to the message and return whether the message stays in the queue."""
    log_keys = message.log_keys if isinstance(message, LifecycleEvent) else {}
    with telemetry.log_context(message_id=record.message_id, **log_keys):
        stays = run_step(partial(_apply_outcome, record, message, outcomes, settings))
        if isinstance(stays, Unfinished):
            # The message becomes visible again after its visibility timeout.
            _log_outcome(stays)
            return True
        return stays


def _apply_outcome(
    record: Record,
    message: ParsedMessage,
    outcomes: Mapping[str, Outcome],
    settings: HookSettings,
) -> bool:
    match message:
        case None:
            logger.info("Ignored autoscaling:TEST_NOTIFICATION")
            return False
        case InvalidMessageError():
            outcome: Outcome = Failed(message)
        case LifecycleEvent():
            outcome = outcomes[message.instance_id]
        case _:
            outcome = message
    match outcome:
        case Done():
            return False
        case Failed(InvalidMessageError() as error):
            _move_to_dead_letter_queue(record, error, settings)
            return False
        case Failed(UnconfirmedMessageError() as error):
            _refuse(error)
            return True
    _log_outcome(outcome)
    seconds = backoff_seconds(outcome, _receive_count(record), settings)
    _delay_message(record, settings, seconds)
    return True


def _receive_count(record: Record) -> int:
    """Return how often the message was received, including this time."""
    try:
        return int(str(record.attributes["ApproximateReceiveCount"]))
    except (KeyError, ValueError):
        return 1


def _move_to_dead_letter_queue(
    record: Record, error: InvalidMessageError, settings: HookSettings
) -> None:
    name = type(error).__name__
    # Without retries, because a request without a response may have succeeded. The message then
    # stays in the queue, and a later run sends it again.
    clients.sqs_once().send_message(
        QueueUrl=settings.dead_letter_queue_url,
        MessageBody=_copy_of(record.body),
        MessageAttributes={"error": {"DataType": "String", "StringValue": name}},
    )
    telemetry.count(Metric.MESSAGE_DEAD_LETTERED)
    logger.error(
        "Moved a message to the dead-letter queue", extra={"error": name, "reason": str(error)}
    )


_NOT_ALLOWED = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that SQS does not allow in a message body (API_SendMessage)."""


def _copy_of(body: object) -> str:
    """Return a copy that SQS accepts, at most as long as the longest body that is parsed."""
    text = body if isinstance(body, str) else f"({type(body).__name__})"
    allowed = _NOT_ALLOWED.sub(lambda match: ascii(match[0])[1:-1], text[: events.MAXIMUM_BYTES])
    cut = allowed.encode()[: events.MAXIMUM_BYTES].decode(errors="ignore")
    return cut or "(empty)"


def _refuse(error: UnconfirmedMessageError) -> None:
    """Log and count a record that is not a message in flight of the queue."""
    telemetry.count(Metric.MESSAGE_REFUSED)
    logger.error(
        "Refused a record that is not a message of the queue",
        extra={"error": type(error).__name__, "reason": str(error)},
    )


def _delay_message(record: Record, settings: HookSettings, seconds: int) -> None:
    """Make the message visible again after this number of seconds."""
    try:
        clients.sqs().change_message_visibility(
            QueueUrl=settings.queue_url,
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=seconds,
        )
    except ClientError as error:
        raise clients.without_secret(error, record.receipt_handle) from None
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
    if isinstance(error, DeviceUnavailableError | DeviceAccessError) and error.device in _MANAGERS:
        telemetry.count(_MANAGERS[error.device])
    logger.error(
        "Visit failed; will retry",
        extra={"error": type(error).__name__, "reason": str(error)},
        # An expected error needs no traceback.
        exc_info=None if isinstance(error, RetryableError) else error,
    )
