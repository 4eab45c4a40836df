"""Calls whose response is lost after they took effect: what the SDK may repeat, and what is left.

The SDK of the functions is the real one here, with its retries. Only the HTTP requests are answered
in process, by the lab.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import botocore.endpoint
import pytest
from botocore.exceptions import ConnectionClosedError
from moto.core.botocore_stubber import BotocoreStubber

from component.fakes.contract import Stage, stand_in
from component.fakes.functions import configure
from component.fakes.runtime import simulate
from component.fakes.settings import launch as launch_settings
from component.test_aws_contract import become_launch, become_terminate, layout
from vmseries_autoscale.aws.clients import CONFIG
from vmseries_autoscale.handlers import launch, terminate

ATTEMPTS: int = vars(CONFIG)["retries"]["total_max_attempts"]

ONCE = {
    "AllocateAddress": "each call allocates an address",
    "SendMessage": "each call sends a message",
}
"""Calls that are not idempotent, and why not. The SDK makes one attempt."""

REPEATABLE = {
    "CreateNetworkInterface": "a client token identifies the request",
    "AttachNetworkInterface": "EC2 refuses to attach an interface that is in use",
    "ModifyNetworkInterfaceAttribute": "sets a value",
    "AssociateAddress": "idempotent, says API_AssociateAddress",
    "DisassociateAddress": "idempotent, says API_DisassociateAddress",
    "ReleaseAddress": "an allocation id names one allocation, and is not used again",
    "DeleteNetworkInterface": "an interface id names one interface, and is not used again",
    "CreateTags": "sets a value",
    "RegisterTargets": "registering a target again has no effect",
    "DeregisterTargets": "deregistering a target again has no effect",
    "RecordLifecycleActionHeartbeat": "starts the same timeout again",
    "CompleteLifecycleAction": "an action that is already complete is not an error",
    "ChangeMessageVisibility": "sets a value",
    "ChangeMessageVisibilityBatch": "sets a value",
    "PutItem": "writes over one version only, and a record that is as wanted is no conflict",
}
"""All other calls that change something, and why the SDK may repeat them."""


class Requests:
    """The HTTP requests to AWS.

    Attributes:
        sent: How many requests the functions sent, by operation.
        lost: The operation whose next response is lost.
    """

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.lost = ""

    def answer(self, original: Any, stubber: Any, event_name: str, **request: Any) -> Any:
        """Answer a request, and lose the response if it is its turn."""
        response = original(stubber, event_name=event_name, **request)
        operation = event_name.rsplit(".", 1)[-1]
        self.sent[operation] += 1
        if operation == self.lost:
            self.lost = ""
            raise ConnectionClosedError(endpoint_url="https://aws")
        return response


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    requests, original = Requests(), BotocoreStubber.__call__

    def answer(stubber: Any, event_name: str, request: Any, **options: Any) -> Any:
        return requests.answer(original, stubber, event_name, request=request, **options)

    class NoSleep:
        @staticmethod
        def sleep(_seconds: float) -> None:
            """Return at once: the SDK sleeps between two attempts."""

    monkeypatch.setattr(BotocoreStubber, "__call__", answer)
    monkeypatch.setattr(botocore.endpoint, "time", NoSleep)
    return requests


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, requests: Requests) -> Iterator[Stage]:
    with stand_in("lab") as aws:
        stage = Stage(aws)
        simulate(monkeypatch, stage.call, aws.now, aws.pass_time)
        yield stage


def visit(stage: Stage, handler: Any, event: dict[str, Any]) -> int:
    """Deliver an event until it is done, and return the number of visits."""
    for number in range(1, 10):
        if stage.deliver(handler, event) == []:
            return number
        stage.aws.pass_time(60)
    raise AssertionError("the message stays in the queue")


def launched(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    become_launch(stage, monkeypatch)
    instance_id = stage.aws.launch()
    visit(stage, launch.handler, stage.aws.event())
    return instance_id


def assert_wired(stage: Stage, instance_id: str) -> None:
    assert layout(stage, instance_id) == [
        ("data", 0, False, True),
        ("management", 1, True, True),
        ("untrust", 2, False, True),
    ]
    associated = [item.get("NetworkInterfaceId") for item in stage.addresses()]
    own = [item["NetworkInterfaceId"] for item in stage.attached(instance_id)[1:]]
    assert sorted(map(str, associated)) == sorted(own)


@pytest.mark.parametrize(
    "operation",
    [
        "ChangeMessageVisibilityBatch",
        "RecordLifecycleActionHeartbeat",
        "CreateNetworkInterface",
        "AttachNetworkInterface",
        "ModifyNetworkInterfaceAttribute",
        "AllocateAddress",
        "AssociateAddress",
        "RegisterTargets",
        "CompleteLifecycleAction",
    ],
)
def test_a_launch_makes_nothing_twice_if_a_response_is_lost(
    stage: Stage, requests: Requests, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """Without a readiness gate, the second address of a lost response stayed for ever."""
    become_launch(stage, monkeypatch)
    instance_id = stage.aws.launch()
    event = stage.aws.event()
    requests.sent.clear()
    requests.lost = operation
    visit(stage, launch.handler, event)
    assert requests.lost == "", "the response was lost"
    assert_wired(stage, instance_id)
    assert requests.sent["AllocateAddress"] == 2, "one for each interface"
    assert len(stage.interfaces()) == 3
    stage.aws.pass_time(60)
    assert stage.state(instance_id) == "InService"


@pytest.mark.parametrize(
    "operation",
    ["DeregisterTargets", "DisassociateAddress", "ReleaseAddress", "CompleteLifecycleAction"],
)
def test_a_termination_leaves_nothing_if_a_response_is_lost(
    stage: Stage, requests: Requests, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    instance_id = launched(stage, monkeypatch)
    stage.aws.pass_time(60)
    become_terminate(stage, monkeypatch)
    stage.aws.scale_in(instance_id)
    event = stage.aws.event()
    requests.lost = operation
    visit(stage, terminate.handler, event)
    assert requests.lost == "", "the response was lost"
    stage.aws.pass_time(60)
    assert stage.state(instance_id) == "gone"
    assert stage.interfaces() == []
    assert stage.addresses() == []


def test_each_call_that_changes_something_is_repeated_by_the_sdk_only_if_it_is_idempotent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: dict[str, set[int]] = {}
    answer = stage.call

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if stage.recording and not operation.startswith(("BatchGet", "Describe", "Get")):
            allowed = client.meta.config.retries["total_max_attempts"]
            attempts.setdefault(operation, set()).add(allowed)
        if stage.recording and operation == "SendMessage":
            return {"MessageId": "message", "MD5OfMessageBody": ""}
        return answer(client, operation, parameters)

    simulate(monkeypatch, call, stage.aws.now, stage.aws.pass_time)
    instance_id = launched(stage, monkeypatch)
    configure(monkeypatch, launch_settings(queue_url=stage.aws.queue_url))
    assert stage.deliver(launch.handler, {"detail": "not an event"}) == []
    stage.aws.pass_time(60)
    become_terminate(stage, monkeypatch)
    stage.aws.scale_in(instance_id)
    visit(stage, terminate.handler, stage.aws.event())
    assert attempts == {operation: {1 if operation in ONCE else ATTEMPTS} for operation in attempts}
    assert attempts.keys() >= ONCE.keys()
    assert attempts.keys() <= {**ONCE, **REPEATABLE}.keys(), "decide about each new call"
