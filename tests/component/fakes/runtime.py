"""The environment of a function in Lambda: its context, its clock and its AWS client calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import botocore.client

from vmseries_autoscale.aws.network import ec2_actions
from vmseries_autoscale.handlers import _hook, reconcile
from vmseries_autoscale.preflight import launches

if TYPE_CHECKING:
    import pytest


class FakeContext:
    """The part of Lambda's context that the handlers use."""

    def __init__(self, milliseconds: int = 60_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def simulate(
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[Any, str, dict[str, Any]], Any],
    now: Callable[[], datetime],
    pause: Callable[[float], None],
) -> None:
    """Connect the functions' AWS calls, their clock and their pauses to a stand-in.

    Args:
        monkeypatch: Undoes it.
        call: Answers a call, by client, operation and parameters.
        now: Returns the time.
        pause: Lets this number of seconds pass.
    """

    class Clock:
        @staticmethod
        def now(_zone: object) -> datetime:
            return now()

    # A function, so that it becomes a method of the client.
    def answer(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        return call(client, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", answer)
    monkeypatch.setattr(ec2_actions, "pause", pause)
    for module in (_hook, reconcile, launches):
        monkeypatch.setattr(module, "datetime", Clock)
