"""Parse the lifecycle events that EventBridge sends, and rebuild lost events."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vmseries_autoscale.errors import (
    MalformedEventError,
    UnexpectedEventError,
    UnsupportedTransitionError,
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


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """One instance that waits at one lifecycle hook.

    Attributes:
        time: Time at which Auto Scaling sent the event, timezone-aware. Deadlines count from it.
        token: Token that identifies the lifecycle action. It allows completing the action, so it is
            never logged. ``None`` in a resent event, because only Auto Scaling's own events show
            tokens.
    """

    instance_id: str
    auto_scaling_group: str
    hook: str
    time: datetime
    token: str | None = field(repr=False)

    @property
    def log_keys(self) -> dict[str, str]:
        """The keys that every log record about the event has."""
        return {
            "instance_id": self.instance_id,
            "auto_scaling_group": self.auto_scaling_group,
            "hook": self.hook,
        }


def parse(body: str, transition: Transition, settings: HookSettings) -> LifecycleEvent | None:
    """Parse a queue message; return ``None`` for the test notification of a new hook.

    The format is documented in "Amazon EC2 Auto Scaling event reference",
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html

    Raises:
        MalformedEventError: If the body is not a lifecycle event.
        UnexpectedEventError: If the event is of another type, group or hook.
        UnsupportedTransitionError: If the origin or the destination is not supported.
    """
    event = _json_object(body)
    if event.get("Event") == "autoscaling:TEST_NOTIFICATION":
        return None
    if event.get("detail-type") != DETAIL_TYPES[transition]:
        raise UnexpectedEventError(
            f"detail-type is {event.get('detail-type')!r}, expected {DETAIL_TYPES[transition]!r}"
        )
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise MalformedEventError("the event has no detail object")
    _check_group_and_hook(detail, transition, settings)
    _check_route(detail, transition)
    return LifecycleEvent(
        instance_id=_text(detail, "EC2InstanceId"),
        auto_scaling_group=settings.auto_scaling_group_name,
        hook=settings.lifecycle_hook_name,
        time=_time(event),
        token=None
        if event.get("source") == RESENT_SOURCE
        else _text(detail, "LifecycleActionToken"),
    )


def to_message(
    transition: Transition, group: str, hook: str, instance_id: str, time: datetime
) -> str:
    """Build the queue message for a lost event: the same event without its token."""
    origin, destination = ROUTES[transition]
    return json.dumps(
        {
            "source": RESENT_SOURCE,
            "detail-type": DETAIL_TYPES[transition],
            "time": time.isoformat(),
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
            raise UnexpectedEventError(f"{key} is {detail[key]!r}, expected {value!r}")


def _check_route(detail: dict[str, Any], transition: Transition) -> None:
    try:
        route = Endpoint(_text(detail, "Origin")), Endpoint(_text(detail, "Destination"))
    except ValueError as exc:
        raise MalformedEventError(f"unknown origin or destination: {exc}") from exc
    if route != ROUTES[transition]:
        raise UnsupportedTransitionError(
            f"the transition from {route[0]} to {route[1]} is not supported; remove the warm pool "
            "from the Auto Scaling group"
        )


def _json_object(body: str) -> dict[str, Any]:
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


def _time(event: dict[str, Any]) -> datetime:
    try:
        time = datetime.fromisoformat(_text(event, "time"))
    except ValueError as exc:
        raise MalformedEventError("the event's time is not in ISO 8601 format") from exc
    if time.tzinfo is None:
        raise MalformedEventError("the event's time has no time zone")
    return time
