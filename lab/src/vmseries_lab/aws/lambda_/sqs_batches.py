"""Batches of SQS messages: the records that a function receives, and which of them failed.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS".
"""

from __future__ import annotations

import json
from typing import Any

from moto.events.models import EventPattern

from vmseries_lab.aws.lambda_.invocation import Outcome
from vmseries_lab.core.location import LOCATION


def record(message: Any, queue_arn: str) -> dict[str, Any]:
    """Return a message as a record of the event ("Example standard queue message event")."""
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    trace = (message.system_attributes or {}).get("AWSTraceHeader")
    if trace:
        attributes["AWSTraceHeader"] = trace.get("StringValue", "")
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.message_attributes.items()
        },
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": LOCATION.region,
    }


def passes_filter(source: Any, message: Any) -> bool:
    """Whether a message matches the filter criteria of its mapping ("Filtering")."""
    filters = (source.filter_criteria or {}).get("Filters", [])
    if not filters:
        return True
    try:
        body = json.loads(message.body)
    except ValueError:
        body = message.body
    event = {"messageId": message.id, "body": body}
    return any(EventPattern.load(f["Pattern"]).matches_event(event) for f in filters)


def failed_messages(outcome: Outcome, message_ids: list[str], *, reports: bool) -> set[str]:
    """Return the IDs of the messages of a batch that failed.

    Source: "Implementing partial batch responses", success and failure conditions. No response,
    ``{}`` and an empty or null list mean complete success. A response that is not JSON, and an
    identifier that is missing, empty or null, mean complete failure; so does, in the lab, an
    identifier of a message outside the batch.

    Args:
        outcome: outcome of the invocation.
        message_ids: IDs of the messages of the batch.
        reports: whether the mapping has ``ReportBatchItemFailures``.
    """
    everything = set(message_ids)
    if outcome.error:
        return everything
    if not reports:
        return set()
    try:
        answer = json.loads(outcome.payload or "null")
    except ValueError:
        return everything
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        return everything
    items = answer.get("batchItemFailures")
    if items is None:
        return set()
    try:
        named = {item["itemIdentifier"] for item in items}
    except (TypeError, KeyError):
        return everything
    return named if named.issubset(everything) else everything
