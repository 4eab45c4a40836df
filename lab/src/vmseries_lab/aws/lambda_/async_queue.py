"""Asynchronous invocations: queue, retries, failure destination and dead-letter queue."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from vmseries_lab.aws.lambda_.configuration import find_function, invoke_config
from vmseries_lab.aws.lambda_.in_flight import InFlight
from vmseries_lab.aws.lambda_.invocation import Outcome
from vmseries_lab.aws.lambda_.logs import timestamp
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.aws.requests import Calls
from vmseries_lab.core.world import World

ASYNC_RETRY_SECONDS = (60.0, 120.0)
"""Lab seconds before each of the two retries ("Asynchronous invocation")."""
ASYNC_AGE_SECONDS = 21_600


@dataclass
class Pending:
    """A queued asynchronous invocation."""

    function_arn: str
    payload: str
    first_at: float
    due: float
    attempts: int = 0
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class AsyncQueue:
    """The queue of asynchronous invocations.

    Args:
        world: the lab.
        in_flight: invocations for which the clock waits.
        destinations: receive the events of failed invocations.
        invoke: invokes the function with an ARN, a payload and a request ID.
    """

    def __init__(
        self,
        world: World,
        in_flight: InFlight,
        destinations: Destinations,
        invoke: Callable[[str, str, str], Outcome],
    ) -> None:
        self._world = world
        self._in_flight = in_flight
        self._destinations = destinations
        self._invoke = invoke
        self._pending: list[Pending] = []

    def add(self, function_arn: str, payload: str) -> None:
        """Queue an invocation."""
        now = self._world.clock.now()
        self._pending.append(Pending(function_arn, payload, now, now))

    def tick(self, now: float) -> None:
        """Start the invocations that are due."""
        for pending in [p for p in self._pending if p.due <= now]:
            self._pending.remove(pending)
            self._in_flight.background(partial(self._run, pending))

    def due(self, now: float) -> bool:
        """Whether an invocation is due."""
        return any(p.due <= now for p in list(self._pending))

    def _run(self, pending: Pending) -> None:
        outcome = self._invoke(pending.function_arn, pending.payload, pending.request_id)
        if outcome.error:
            with self._world.lock:
                self._retry(pending, outcome)

    def _retry(self, pending: Pending, outcome: Outcome) -> None:
        """Retry later, or give up ("How Lambda handles errors and retries with asynchronous").

        Lambda retries errors twice, and throttled invocations until the event is too old.
        """
        function = find_function(pending.function_arn)
        if function is None:
            return
        config = invoke_config(function)
        now = self._world.clock.now()
        age = float(config.get("MaximumEventAgeInSeconds", ASYNC_AGE_SECONDS))
        retries = int(config.get("MaximumRetryAttempts", len(ASYNC_RETRY_SECONDS)))
        if outcome.throttled:
            pause = 1.0
        else:
            pending.attempts += 1
            if pending.attempts > retries:
                self._destinations.give_up(function, pending, outcome, "RetriesExhausted")
                return
            pause = ASYNC_RETRY_SECONDS[pending.attempts - 1]
        if now + pause - pending.first_at > age:
            self._destinations.give_up(function, pending, outcome, "EventAgeExceeded")
            return
        pending.due = now + pause
        self._pending.append(pending)


class Destinations:
    """Failure destinations and dead-letter queues of functions."""

    def __init__(self, world: World, calls: Calls) -> None:
        self._world = world
        self._calls = calls

    def give_up(self, function: Any, pending: Pending, outcome: Outcome, condition: str) -> None:
        """Send a failed invocation to the failure destination and the dead-letter queue.

        Args:
            function: moto's function.
            pending: the invocation.
            outcome: outcome of its last attempt.
            condition: ``RetriesExhausted`` or ``EventAgeExceeded``.
        """
        config = invoke_config(function)
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if destination:
            record = {
                "version": "1.0",
                "timestamp": timestamp(self._world.clock.now()),
                "requestContext": {
                    "requestId": pending.request_id,
                    "functionArn": f"{function.function_arn}:$LATEST",
                    "condition": condition,
                    "approximateInvokeCount": pending.attempts,
                },
                "requestPayload": json.loads(pending.payload),
                "responseContext": {
                    "statusCode": 200,
                    "executedVersion": "$LATEST",
                    "functionError": "Unhandled",
                },
                "responsePayload": json.loads(outcome.payload),
            }
            self._send(function, destination, json.dumps(record), {})
        dead_letters = function.lab_settings.get("DeadLetterConfig", {}).get("TargetArn")
        if dead_letters:
            values = {
                "RequestID": pending.request_id,
                "ErrorCode": "200",
                "ErrorMessage": str(json.loads(outcome.payload).get("errorMessage", ""))[:1024],
            }
            self._send(function, dead_letters, pending.payload, values)

    def _send(self, function: Any, queue_arn: str, body: str, values: dict[str, str]) -> None:
        name = queue_arn.rsplit(":", 1)[-1]
        queue = backend("sqs").queues.get(name)
        send = ("sqs", "SendMessage", function.role)
        if queue is None or not self._calls.by_service(*send, QueueUrl=name):
            self._world.timeline.add(
                "functions", "dead-letter-lost", function.function_name, queue=queue_arn
            )
            return
        attributes = {k: {"DataType": "String", "StringValue": v} for k, v in values.items()}
        backend("sqs").send_message(queue.name, body, message_attributes=attributes)
