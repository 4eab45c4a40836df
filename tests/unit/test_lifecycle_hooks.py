"""Calls on a lifecycle hook: a closed hook is not an error, other errors are raised."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.events import LifecycleEvent

EVENT = LifecycleEvent("i-0", "fw", "launch", datetime(2026, 1, 1, tzinfo=UTC), "the-token")

CLOSED = [
    "No active Lifecycle Action found with token 87654321",
    "No active Lifecycle Action found with instance ID i-0",
    "AutoScalingGroup name not found - AutoScalingGroup 'fw' not found",
]


class FakeAutoScaling:
    """Raises the same error for every call, or none."""

    def __init__(self, code: str | None = None, message: str = "") -> None:
        self.code, self.message = code, message
        self.parameters: dict[str, Any] = {}

    def _answer(self, **parameters: Any) -> None:
        self.parameters = parameters
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": self.message}}, "Call")

    record_lifecycle_action_heartbeat = complete_lifecycle_action = _answer


def test_calls_identify_the_lifecycle_action_by_its_token() -> None:
    client: Any = FakeAutoScaling()
    assert hooks.send_heartbeat(client, EVENT) is True
    assert client.parameters == {
        "LifecycleHookName": "launch",
        "AutoScalingGroupName": "fw",
        "LifecycleActionToken": "the-token",
        "InstanceId": "i-0",
    }
    hooks.complete(client, EVENT, hooks.Result.ABANDON)
    assert client.parameters["LifecycleActionResult"] == "ABANDON"


@pytest.mark.parametrize("message", CLOSED)
def test_a_closed_hook_is_not_an_error(message: str) -> None:
    client: Any = FakeAutoScaling("ValidationError", message)
    assert hooks.send_heartbeat(client, EVENT) is False
    hooks.complete(client, EVENT, hooks.Result.CONTINUE)


@pytest.mark.parametrize(
    ("code", "message"),
    [("ValidationError", "1 validation error detected"), ("Throttling", CLOSED[0])],
)
def test_other_errors_are_raised(code: str, message: str) -> None:
    client: Any = FakeAutoScaling(code, message)
    with pytest.raises(ClientError):
        hooks.send_heartbeat(client, EVENT)
    with pytest.raises(ClientError):
        hooks.complete(client, EVENT, hooks.Result.CONTINUE)


def test_an_error_that_quotes_the_token_is_raised_without_it() -> None:
    """Finding F2: Auto Scaling names the value of a parameter that it refuses."""
    client: Any = FakeAutoScaling("ValidationError", f"Value '{EVENT.token}' failed to satisfy")
    for call in (
        lambda: hooks.send_heartbeat(client, EVENT),
        lambda: hooks.complete(client, EVENT, hooks.Result.CONTINUE),
    ):
        with pytest.raises(ClientError, match=r"Value '\*\*\*' failed") as raised:
            call()
        assert "the-token" not in "".join(traceback.format_exception(raised.value))
