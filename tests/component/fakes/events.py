"""Lifecycle events as EventBridge sends them, and batches as Lambda's poller delivers them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from component.fakes.base import NAME
from vmseries_autoscale.lifecycle.events import DETAIL_TYPES, ROUTES, Transition

HOOKS = {Transition.LAUNCHING: "launch", Transition.TERMINATING: "terminate"}


def lifecycle_event(
    transition: Transition, instance_id: str, token: str, time: datetime, **detail: Any
) -> dict[str, Any]:
    """The event of a lifecycle action ("Amazon EC2 Auto Scaling event reference")."""
    origin, destination = ROUTES[transition]
    return {
        "version": "0",
        "id": "12345678-1234-1234-1234-123456789012",
        "detail-type": DETAIL_TYPES[transition],
        "source": "aws.autoscaling",
        "account": "123456789012",
        "time": time.isoformat(),
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "LifecycleActionToken": token,
            "AutoScalingGroupName": NAME,
            "LifecycleHookName": HOOKS[transition],
            "EC2InstanceId": instance_id,
            "LifecycleTransition": transition.value,
            "Origin": origin.value,
            "Destination": destination.value,
            **detail,
        },
    }


class Delivery(NamedTuple):
    """A message as a poller received it."""

    body: object
    receipt: str
    sent: datetime
    receive_count: int = 1


def batch(queue: str, messages: Iterable[Delivery]) -> dict[str, Any]:
    """A batch of messages. Their ids are "message-0" and so on."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": message.receipt,
                "body": message.body,
                "attributes": {
                    "ApproximateReceiveCount": str(message.receive_count),
                    "SentTimestamp": str(int(message.sent.timestamp() * 1000)),
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue}",
                "awsRegion": "us-east-1",
            }
            for number, message in enumerate(messages)
        ]
    }


def left_in_queue(response: dict[str, Any]) -> list[str]:
    """The ids of the messages that a function leaves in the queue."""
    return [item["itemIdentifier"] for item in response["batchItemFailures"]]
