"""Lifecycle events as EventBridge sends them, and batches as Lambda's poller delivers them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

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


def batch(queue: str, messages: Iterable[tuple[str, str, int]]) -> dict[str, Any]:
    """A batch of messages, each of body, receipt handle and receive count.

    The ids of the messages are "message-0" and so on.
    """
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": receipt,
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receive_count)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue}",
                "awsRegion": "us-east-1",
            }
            for number, (body, receipt, receive_count) in enumerate(messages)
        ]
    }


def left_in_queue(response: dict[str, Any]) -> list[str]:
    """The ids of the messages that a function leaves in the queue."""
    return [item["itemIdentifier"] for item in response["batchItemFailures"]]
