"""Parse the lifecycle events that EventBridge sends, and rebuild lost events."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vmseries_autoscale.errors import (
    InvalidMessageError,
    MalformedEventError,
    UnexpectedEventError,
    UnsupportedTransitionError,
    quote,
)
from vmseries_autoscale.settings import HookSettings


class Transition(StrEnum):
    """The lifecycle transition of an event, with Auto Scaling's names."""

    LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
    TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


class Endpoint(StrEnum):
    """The origin or destination of an instance in transition."""

    EC2 = "EC2"
    GROUP = "AutoScalingGroup"
    WARM_POOL = "WarmPool"


DETAIL_TYPES = {
    Transition.LAUNCHING: "EC2 Instance-launch Lifecycle Action",
    Transition.TERMINATING: "EC2 Instance-terminate Lifecycle Action",
}
ROUTES = {
    Transition.LAUNCHING: (Endpoint.EC2, Endpoint.GROUP),
    Transition.TERMINATING: (Endpoint.GROUP, Endpoint.EC2),
}
"""The supported origin and destination. Transitions from or to a warm pool are refused."""

RESENT_SOURCE = "vmseries-autoscale.reconcile"
"""The source of resent events. The sources of AWS services begin with "aws."."""

MAXIMUM_BYTES = 16_384
"""Maximum size of a message body that is parsed. An event has less than 4 KB, because the name of a
group or hook has at most 255 characters. NotificationMetadata, which this module does not use, has
at most 4,000 (API_PutLifecycleHook)."""

INSTANCE_ID = re.compile(r"i-[0-9a-f]{8}([0-9a-f]{9})?")
"""The ids of EC2 instances: 8 or 17 hexadecimal digits ("Resource IDs", Amazon EC2 User Guide)."""

TOKEN = re.compile(r"[0-9A-Za-z-]{36}")
"""The tokens of lifecycle actions: UUIDs (API_CompleteLifecycleAction) of exactly 36 characters
(API_RecordLifecycleActionHeartbeat)."""


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """One instance that waits at one lifecycle hook.

    The time in the event itself is not used, because the sender of a message chooses it.

    Attributes:
        sent: Time at which SQS received the message, timezone-aware; never in the future. SQS sets
            it, so no sender can choose it. EventBridge normally delivers within seconds. A hook
            ends by itself without heartbeats, which bounds the delay.
        first: Whether SQS delivers the message for the first time, so that no visit of this message
            has changed anything yet.
        token: Token that identifies the lifecycle action. It allows completing the action, so it is
            never logged. ``None`` in a resent event, because only Auto Scaling's own events show
            tokens.
    """

    instance_id: str
    auto_scaling_group: str
    hook: str
    sent: datetime
    token: str | None = field(repr=False)
    first: bool = field(default=False, compare=False)

    @property
    def is_resent(self) -> bool:
        """Whether the reconcile function has sent the event again."""
        return self.token is None

    @property
    def log_keys(self) -> dict[str, str]:
        """The keys that every log record about the event has."""
        return {
            "instance_id": self.instance_id,
            "auto_scaling_group": self.auto_scaling_group,
            "hook": self.hook,
        }


def parse(
    body: object,
    sent: datetime,
    transition: Transition,
    settings: HookSettings,
    *,
    first: bool = False,
) -> LifecycleEvent | None:
    """Parse the body of a queue message.

    The format is documented in "Amazon EC2 Auto Scaling event reference",
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html

    Args:
        body: Body of the message. Anything but text is malformed.
        sent: Time at which SQS received the message, timezone-aware.
        transition: Lifecycle transition that the function handles.
        settings: Settings of the function.
        first: Whether SQS delivers the message for the first time.

    Returns:
        The event; ``None`` for the test notification that Auto Scaling sends for a new hook.

    Raises:
        MalformedEventError: If the body is not a lifecycle event.
        UnexpectedEventError: If the event is of another type, group or hook.
        UnsupportedTransitionError: If the origin or the destination is not supported.
    """
    try:
        return _parse(_json_object(body), sent, transition, settings, first=first)
    except InvalidMessageError:
        raise
    except Exception as exc:
        # Whatever a message contains, it must not stop the others of its batch.
        raise MalformedEventError(f"the message cannot be read: {type(exc).__name__}") from exc


def _parse(
    event: dict[str, Any],
    sent: datetime,
    transition: Transition,
    settings: HookSettings,
    *,
    first: bool,
) -> LifecycleEvent | None:
    if event.get("Event") == "autoscaling:TEST_NOTIFICATION":
        return None
    if event.get("detail-type") != DETAIL_TYPES[transition]:
        raise UnexpectedEventError(
            f"detail-type is {quote(event.get('detail-type'))}, "
            f"expected {DETAIL_TYPES[transition]!r}"
        )
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise MalformedEventError("the event has no detail object")
    _check_group_and_hook(detail, transition, settings)
    _check_route(detail, transition)
    return LifecycleEvent(
        instance_id=_matching_text(detail, "EC2InstanceId", INSTANCE_ID),
        auto_scaling_group=settings.auto_scaling_group_name,
        hook=settings.lifecycle_hook_name,
        sent=sent,
        token=None
        if event.get("source") == RESENT_SOURCE
        else _matching_text(detail, "LifecycleActionToken", TOKEN),
        first=first,
    )


def to_message(transition: Transition, group: str, hook: str, instance_id: str) -> str:
    """Build the queue message for a lost event: the same event without its token and its time."""
    origin, destination = ROUTES[transition]
    return json.dumps(
        {
            "source": RESENT_SOURCE,
            "detail-type": DETAIL_TYPES[transition],
            "detail": {
                "AutoScalingGroupName": group,
                "LifecycleHookName": hook,
                "LifecycleTransition": transition,
                "EC2InstanceId": instance_id,
                "Origin": origin,
                "Destination": destination,
            },
        }
    )


def _check_group_and_hook(
    detail: dict[str, Any], transition: Transition, settings: HookSettings
) -> None:
    expected = {
        "AutoScalingGroupName": settings.auto_scaling_group_name,
        "LifecycleHookName": settings.lifecycle_hook_name,
        "LifecycleTransition": transition.value,
    }
    for key, value in expected.items():
        if _text(detail, key) != value:
            raise UnexpectedEventError(f"{key} is {quote(detail[key])}, expected {value!r}")


def _check_route(detail: dict[str, Any], transition: Transition) -> None:
    origin, destination = _endpoint(detail, "Origin"), _endpoint(detail, "Destination")
    if (origin, destination) != ROUTES[transition]:
        raise UnsupportedTransitionError(
            f"the transition from {origin} to {destination} is not supported; remove the warm pool "
            "from the Auto Scaling group"
        )


def _endpoint(detail: dict[str, Any], key: str) -> Endpoint:
    value = _text(detail, key)
    if value not in set(Endpoint):
        raise MalformedEventError(f"the event has an unknown {key}: {quote(value)}")
    return Endpoint(value)


def _json_object(body: object) -> dict[str, Any]:
    if not isinstance(body, str):
        raise MalformedEventError(f"the body of the message is not text: {type(body).__name__}")
    if len(body) > MAXIMUM_BYTES or len(body.encode(errors="replace")) > MAXIMUM_BYTES:
        raise MalformedEventError(f"the message has more than {MAXIMUM_BYTES} bytes")
    try:
        event = json.loads(body)
    except json.JSONDecodeError as exc:
        raise MalformedEventError(f"the message is not JSON: {exc.msg} at {exc.pos}") from exc
    if not isinstance(event, dict):
        raise MalformedEventError("the message is not a JSON object")
    return event


def _text(content: dict[str, Any], key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value:
        raise MalformedEventError(f"the event has no value for {key}, or its value is not a string")
    return value


def _matching_text(content: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    """Return a value that has the format of ``pattern``. The error does not quote tokens."""
    value = _text(content, key)
    if not pattern.fullmatch(value):
        raise MalformedEventError(f"the event's {key} does not have the format {pattern.pattern}")
    return value
