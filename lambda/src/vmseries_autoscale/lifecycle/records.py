"""Read the records of an invocation, and have SQS confirm that they are messages of the queue.

A caller that may invoke a function can pass any record. Only a receipt handle proves that a record
is a message: SQS returns handles to receivers of the queue, and accepts no others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from vmseries_autoscale import concurrency
from vmseries_autoscale.aws import limits
from vmseries_autoscale.errors import InvalidInvocationError, UnconfirmedMessageError, quote
from vmseries_autoscale.outcome import Delay, Failed, Retry, Unfinished, run_step
from vmseries_autoscale.time_budget import TimeBudget

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchResultTypeDef

MAXIMUM_ENTRIES = 10
"""Maximum number of entries of one request (API_ChangeMessageVisibilityBatch)."""

MARGIN_SECONDS = 60
"""Time in seconds for which a message stays invisible after the invocation must have ended."""

_MESSAGE_ID = re.compile(r"[!-~]{1,100}")
_RECEIPT_HANDLE = re.compile(r"[!-~]{1,1024}")
"""The maximum lengths of both are in "Queue and message identifiers", Amazon SQS Developer Guide:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html"""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a batch, as Lambda's poller passes it to the function.

    Attributes:
        receipt_handle: Handle of this receipt of the message. It allows deleting the message, so it
            is never logged.
        body: Body of the message. If the record is a message, it is text.
        attributes: System attributes of the message by name. If the record is a message, their
            values are text.
    """

    message_id: str
    receipt_handle: str = field(repr=False)
    body: object = field(repr=False)
    attributes: Mapping[str, object] = field(repr=False)


def read_records(event: object, queue_url: str) -> list[Record]:
    """Read the records of an invocation.

    The format is documented in "Using Lambda with Amazon SQS", Lambda Developer Guide,
    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html

    Args:
        event: Event with which the function was invoked.
        queue_url: URL of the function's queue.

    Raises:
        InvalidInvocationError: If the event is not a batch of messages of this queue. Lambda
            deletes no message of an invocation that fails.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not records:
        raise InvalidInvocationError(
            'expected a batch of messages of the function\'s queue, or {"action": "validate"}'
        )
    return [_read_record(record, queue_url) for record in records]


def _read_record(record: object, queue_url: str) -> Record:
    content = record if isinstance(record, Mapping) else {}
    source = content.get("eventSourceARN")
    if not isinstance(source, str) or source.split(":")[-2:] != queue_url.split("/")[-2:]:
        raise InvalidInvocationError(
            f"a record comes from {quote(source)}, and not from the function's queue {queue_url}"
        )
    attributes = content.get("attributes")
    return Record(
        _identifier(content, "messageId", _MESSAGE_ID),
        _identifier(content, "receiptHandle", _RECEIPT_HANDLE),
        content.get("body"),
        attributes if isinstance(attributes, Mapping) else {},
    )


def _identifier(content: Mapping[str, object], key: str, pattern: re.Pattern[str]) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidInvocationError(f"a record has no valid {key}")
    return value


def confirm(
    records: Sequence[Record], sqs: SQSClient, queue_url: str, time_budget: TimeBudget
) -> list[Unfinished | None]:
    """Have SQS confirm that records are messages in flight of the queue.

    SQS changes the visibility timeout only of a message that is in flight, by a receipt handle that
    it has returned for this queue (API_ChangeMessageVisibility). The new timeout lasts until this
    invocation must have ended, so that the message of a crashed invocation returns soon afterwards.

    Args:
        records: Records of one invocation.
        sqs: Client of Amazon SQS.
        queue_url: URL of the function's queue.
        time_budget: Time that is left of the invocation.

    Returns:
        For each record ``None`` if it is confirmed; a *Failed* with an UnconfirmedMessageError if
        SQS refuses it; or the outcome of the request, if SQS did not respond. An unconfirmed record
        may be forged, so its visit has to wait until SQS responds.
    """
    seconds = math.ceil(time_budget.remaining_seconds()) + MARGIN_SECONDS
    batches = list(limits.batches(records, MAXIMUM_ENTRIES))
    requests = [partial(_change_visibility, sqs, queue_url, batch, seconds) for batch in batches]
    responses = concurrency.run_parallel([partial(run_step, request) for request in requests])
    return [
        outcome
        for batch, response in zip(batches, responses, strict=True)
        for outcome in _outcomes(len(batch), response)
    ]


def _change_visibility(
    sqs: SQSClient, queue_url: str, records: Sequence[Record], seconds: int
) -> ChangeMessageVisibilityBatchResultTypeDef:
    return sqs.change_message_visibility_batch(
        QueueUrl=queue_url,
        Entries=[
            {
                "Id": str(number),
                "ReceiptHandle": record.receipt_handle,
                "VisibilityTimeout": seconds,
            }
            for number, record in enumerate(records)
        ],
    )


def _outcomes(
    number: int, response: ChangeMessageVisibilityBatchResultTypeDef | Unfinished
) -> list[Unfinished | None]:
    if isinstance(response, Unfinished):
        return [response] * number
    confirmed = {entry["Id"] for entry in response.get("Successful", ())}
    # "Specifies whether the error happened due to the caller" (API_BatchResultErrorEntry).
    refused = {
        entry["Id"]: entry["Code"] for entry in response.get("Failed", ()) if entry["SenderFault"]
    }
    return [_outcome(str(index), confirmed, refused) for index in range(number)]


def _outcome(entry_id: str, confirmed: set[str], refused: Mapping[str, str]) -> Unfinished | None:
    if entry_id in confirmed:
        return None
    if entry_id in refused:
        return Failed(
            UnconfirmedMessageError(
                f"SQS does not know this message as one in flight of this queue: "
                f"{refused[entry_id]}"
            )
        )
    return Retry("SQS did not confirm the message", Delay.SHORT)
