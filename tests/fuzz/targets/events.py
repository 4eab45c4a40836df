"""Queue messages, through the handlers' own entry point."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from component.fakes import settings as documents
from component.fakes.runtime import FakeContext

from fuzz.damage import json_tree
from fuzz.targets import ACCEPTED, MARKER, UnusableResultError
from vmseries_autoscale import settings
from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import InvalidInvocationError
from vmseries_autoscale.handlers import _hook
from vmseries_autoscale.lifecycle import events
from vmseries_autoscale.lifecycle.events import LifecycleEvent, Transition
from vmseries_autoscale.outcome import Done

_FOLDER = Path(__file__).parents[2] / "events"
_TOKEN = f"{MARKER}-4321-4321-4321-210987654321"
"""A token. It is as secret as a password while its hook is open."""

_INSTANCE_ID = re.compile(r"i-[0-9a-f]{8}([0-9a-f]{9})?")
_NEIGHBORS = ("i-00000000", "i-00000000000000001")
"""The instances of the two correct messages."""

_SQS_CHARACTERS = re.compile("[\t\n\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
"""The characters that a message can have ("SendMessage" in the Amazon SQS API Reference)."""

_SQS_MAXIMUM = 1_048_576
"""Size of a message with its attributes, in bytes: "Amazon SQS message quotas".
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"""


@dataclass(frozen=True)
class EventCase:
    """A record of a queue."""

    transition: Transition
    record: Any


class Events:
    """A batch of three messages: a correct one, a damaged one, and another correct one."""

    name = "events"
    # The handler raises it for records that Lambda's poller never sends. A message that is no event
    # is put aside instead, and raises nothing.
    named_errors: tuple[type[Exception], ...] = (InvalidInvocationError,)

    def __init__(self) -> None:
        self._settings: dict[Transition, Any] = {
            Transition.LAUNCHING: _parsed(settings.LaunchSettings, documents.launch()),
            Transition.TERMINATING: _parsed(settings.TerminateSettings, documents.terminate()),
        }
        self._examples = {
            Transition.LAUNCHING: _example("launch"),
            Transition.TERMINATING: _example("terminate"),
        }
        self._others = (
            json.dumps({"Event": "autoscaling:TEST_NOTIFICATION", "Service": "AWS Auto Scaling"}),
            _example("launch", source=events.RESENT_SOURCE),
            *self._examples.values(),
        )
        model = botocore.session.get_session().get_service_model("sqs")
        self._shapes = {
            name: model.operation_model(name).input_shape
            for name in (
                "SendMessage",
                "ChangeMessageVisibility",
                "ChangeMessageVisibilityBatch",
            )
        }

    def make(self, rng: Random) -> EventCase:
        transition = rng.choice(tuple(Transition))
        example = self._examples[transition]
        if rng.random() < 0.1:
            example = rng.choice(self._others)
        other = rng.choice(self._others)
        if rng.random() < 0.12:
            record = json.dumps(self._record(transition, "damaged", example))
            damaged = json_tree.damaged(rng, record, other)
            try:
                # Lambda's runtime has parsed the batch before the function sees it.
                return EventCase(transition, json.loads(damaged))
            except (ValueError, RecursionError):
                pass
        body = json_tree.damaged(rng, example, other)
        if rng.random() < 0.003:
            # As large as possible, so that no attribute fits beside it.
            body += " " * max(0, _SQS_MAXIMUM - len(body.encode("utf-8", "replace")))
        return EventCase(transition, self._record(transition, "damaged", body))

    def read(self, case: EventCase) -> str:
        sqs = _Sqs(self._shapes)
        visited: list[LifecycleEvent] = []

        def run_visit(received: list[LifecycleEvent], _visit: object) -> dict[LifecycleEvent, Done]:
            visited.extend(received)
            return dict.fromkeys(received, Done())

        neighbors = [
            self._record(case.transition, f"neighbor-{instance}", self._neighbor(case, instance))
            for instance in _NEIGHBORS
        ]
        with (
            patch.object(clients, "sqs", lambda: sqs),
            patch.object(clients, "sqs_once", lambda: sqs),
        ):
            response: Any = _hook.serve_queue(
                {"Records": [neighbors[0], case.record, neighbors[1]]},
                FakeContext(),  # type: ignore[arg-type]
                case.transition,
                self._settings[case.transition],
                run_visit,
            )
        kept = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
        self._check_neighbors(visited, kept)
        if kept and _is_deliverable(self.content(case)):
            raise UnusableResultError("the message was not put aside, and is received again")
        for event in visited:
            _check_event(event)
        return sqs.reason or ACCEPTED

    def _check_neighbors(self, visited: list[LifecycleEvent], kept: set[str]) -> None:
        """Check that the damaged message does not stop the two correct ones beside it."""
        if not {event.instance_id for event in visited}.issuperset(_NEIGHBORS):
            raise UnusableResultError("a correct message of the batch was not visited")
        if kept & {f"neighbor-{instance}" for instance in _NEIGHBORS}:
            raise UnusableResultError("a correct message of the batch stayed in the queue")

    def content(self, case: EventCase) -> str:
        body = case.record.get("body") if isinstance(case.record, dict) else None
        return body if isinstance(body, str) else ""

    def with_content(self, case: EventCase, content: str) -> EventCase:
        if content == self.content(case) or not isinstance(case.record, dict):
            return case
        return replace(case, record={**case.record, "body": content})

    def has_secret(self, case: EventCase) -> bool:
        # In another field, it is no token.
        body = self.content(case)
        return body.count(MARKER) == len(re.findall(f'"LifecycleActionToken": ?"{MARKER}', body))

    def is_planted(self, case: EventCase) -> bool:
        return '"detail":' not in self.content(case)

    def _neighbor(self, case: EventCase, instance_id: str) -> str:
        example = self._examples[case.transition]
        return example.replace("i-1234567890abcdef0", instance_id)

    def _record(self, transition: Transition, message_id: str, body: str) -> dict[str, Any]:
        url = self._settings[transition].queue_url
        return {
            "messageId": message_id,
            "receiptHandle": "receipt",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1795341600000",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1795341600001",
            },
            "messageAttributes": {},
            "md5OfBody": "0" * 32,
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{url.rsplit('/', 1)[-1]}",
            "awsRegion": "us-east-1",
        }


class _Sqs:
    """Amazon SQS, with botocore's check of the parameters and the limits of a message.

    Attributes:
        reason: The name of the error with which a message was put aside.
    """

    def __init__(self, shapes: dict[str, Any]) -> None:
        self._shapes = shapes
        self.reason: str | None = None

    def send_message(self, **parameters: Any) -> dict[str, str]:
        self._validate("SendMessage", parameters)
        body = parameters["MessageBody"]
        if not _is_deliverable(body):
            raise _refusal("InvalidMessageContents")
        size = len(body.encode())
        for name, value in parameters.get("MessageAttributes", {}).items():
            size += len(name) + len(value["DataType"]) + len(value.get("StringValue", ""))
        if size > _SQS_MAXIMUM:
            raise _refusal("InvalidParameterValue")
        self.reason = parameters["MessageAttributes"]["error"]["StringValue"]
        return {"MessageId": "sent"}

    def change_message_visibility(self, **parameters: Any) -> dict[str, str]:
        self._validate("ChangeMessageVisibility", parameters)
        return {}

    def change_message_visibility_batch(self, **parameters: Any) -> dict[str, Any]:
        self._validate("ChangeMessageVisibilityBatch", parameters)
        return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]]}

    def _validate(self, operation: str, parameters: dict[str, Any]) -> None:
        report = ParamValidator().validate(parameters, self._shapes[operation])
        if report.has_errors():
            raise ValueError(report.generate_report()[:300])


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "refused"}}, "SendMessage")


def _is_deliverable(body: str) -> bool:
    """Return whether Amazon SQS can have delivered this body."""
    return (
        bool(body)
        and _SQS_CHARACTERS.fullmatch(body) is not None
        and len(body.encode()) <= _SQS_MAXIMUM
    )


def _check_event(event: LifecycleEvent) -> None:
    """Check that AWS accepts what the visit will send of the event."""
    if not _INSTANCE_ID.fullmatch(event.instance_id):
        raise UnusableResultError("the instance id is accepted, but is not one")
    token = event.token
    if token is not None and not (len(token) == 36 and token.isascii() and token.isprintable()):
        raise UnusableResultError("the token is accepted, but is not one")


def _parsed(kind: type[settings.S], document: dict[str, Any]) -> settings.S:
    return settings.parse(kind, json.dumps(document))


def _example(name: str, **changes: str) -> str:
    event = json.loads((_FOLDER / f"{name}.json").read_text())
    event["detail"]["LifecycleActionToken"] = _TOKEN
    return json.dumps({**event, **changes})
