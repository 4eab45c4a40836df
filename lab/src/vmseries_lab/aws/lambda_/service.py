"""The Lambda service: invokes functions, and tracks what the clock waits for."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from moto.awslambda.exceptions import LambdaClientError

from vmseries_lab.aws.lambda_.async_queue import AsyncQueue, Destinations
from vmseries_lab.aws.lambda_.code_packages import CodePackages
from vmseries_lab.aws.lambda_.execution_environments import ExecutionEnvironments
from vmseries_lab.aws.lambda_.in_flight import InFlight
from vmseries_lab.aws.lambda_.invocation import Invoker, Outcome
from vmseries_lab.aws.lambda_.invocation_log import Counts, InvocationLog
from vmseries_lab.aws.lambda_.snapshots import Snapshots
from vmseries_lab.aws.requests import Calls
from vmseries_lab.core.world import World

LOG_TAIL_BYTES = 4096


class Functions:
    """The engine behind all functions of the account.

    Attributes:
        uploads: what they are made of.
        templates: loaded functions, for workers to be copies of.
        workers: their processes.
        records: their invocations.
        counts: what their metrics are made of.
        errors: what went wrong in the lab itself, not in a function, as tracebacks.
    """

    def __init__(self, world: World, calls: Calls) -> None:
        self._world = world
        self.uploads = CodePackages()
        self.templates = Snapshots(self.uploads)
        self.workers = ExecutionEnvironments(world, self.uploads, self.templates)
        self.records = InvocationLog(world)
        self.counts = Counts()
        self._invoker = Invoker(world, calls, self.workers, self.records, self.counts)
        self.errors = self._invoker.errors
        self._in_flight = InFlight(world)
        world.running = self._in_flight.running
        self._asynchronous = AsyncQueue(
            world, self._in_flight, Destinations(world, calls), self._invoker.invoke
        )

    def tick(self, now: float) -> None:
        """Start the asynchronous invocations that are due."""
        self._in_flight.tick()
        self._asynchronous.tick(now)

    def busy(self) -> bool:
        """Whether an invocation is in flight or due, or what one did has not been seen by all."""
        now = self._world.clock.now()
        return self._in_flight.busy() or self._asynchronous.due(now)

    def running(self) -> int:
        """How many invocations have begun and not ended."""
        return self._in_flight.running()

    def start(self, function_arn: str, payload: str) -> None:
        """Queue an asynchronous invocation."""
        self._asynchronous.add(function_arn, payload)

    def submit(self, function_arn: str, payload: str, done: Callable[[Outcome], None]) -> None:
        """Invoke in the background, and call ``done`` with the outcome, the world's lock held.

        In flight from now on: :meth:`busy` is true before this returns.
        """

        def run() -> None:
            outcome = self._invoker.invoke(function_arn, payload)
            with self._world.lock:
                done(outcome)

        self._in_flight.background(run)

    def answer_invoke(
        self, function: Any, payload: str, kind: str, headers: dict[str, str]
    ) -> bytes:
        """Answer Invoke (API reference).

        Raises:
            LambdaClientError: TooManyRequestsException, if there is no concurrency left.
        """
        if kind == "DryRun":
            return b""
        if kind == "Event":
            self.start(function.function_arn, payload)
            return b""
        with self._in_flight.during():
            outcome = self._invoker.invoke(function.function_arn, payload)
        if outcome.throttled:
            error = LambdaClientError("TooManyRequestsException", "Rate Exceeded.")
            error.code = 429
            raise error
        if outcome.error:
            headers["x-amz-function-error"] = "Unhandled"
        headers["x-amz-executed-version"] = str(function.version)
        tail = "\n".join(outcome.output).encode()[-LOG_TAIL_BYTES:]
        headers["x-amz-log-result"] = base64.b64encode(tail).decode()
        return outcome.payload.encode()

    def stop(self) -> None:
        """End every process and remove what was unpacked."""
        self.workers.stop()
        self.templates.end()
        self.uploads.remove()
