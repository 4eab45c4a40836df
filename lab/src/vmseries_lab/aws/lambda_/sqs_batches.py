"""Batches of SQS messages: the records that a function receives, and which of them failed.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS".
"""

from __future__ import annotations

import json
from typing import Any

from moto.events.models import EventPattern

from vmseries_lab.aws.lambda_.invocation import Outcome
from vmseries_lab.core.world import REGION


def record(message: Any, queue_arn: str) -> dict[str, Any]:
    """A message as a function sees it ("Example standard queue message event")."""
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
        "awsRegion": REGION,
    }


def passes_filter(source: Any, message: Any) -> bool:
    """Whether the mapping's filter criteria let the message through ("Filtering")."""
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
    """Which messages of a batch failed.

    Source: "Implementing partial batch responses", success and failure conditions: nothing, ``{}``
    and an empty or null list mean that all succeeded; an answer that is not JSON, and an identifier
    that is missing, empty or null mean that all failed. An identifier of no message of the batch is
    taken for a wrong one too.
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
