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
    """The engine of Lambda.

    Attributes:
        uploads: code packages of functions.
        snapshots: processes that have loaded a function, to be forked for workers.
        workers: execution environments.
        records: log of invocations.
        counts: values of the functions' metrics.
    """

    def __init__(self, world: World, calls: Calls) -> None:
        self._world = world
        self.uploads = CodePackages()
        self.snapshots = Snapshots(self.uploads)
        self.workers = ExecutionEnvironments(world, self.uploads, self.snapshots)
        self.records = InvocationLog(world)
        self.counts = Counts()
        self._invoker = Invoker(world, calls, self.workers, self.records, self.counts)
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
        """Whether an invocation is in flight or due, or engines have not ticked since one ended."""
        now = self._world.clock.now()
        return self._in_flight.busy() or self._asynchronous.due(now)

    def running(self) -> int:
        """How many invocations have begun and not ended."""
        return self._in_flight.running()

    def start(self, function_arn: str, payload: str) -> None:
        """Queue an asynchronous invocation."""
        self._asynchronous.add(function_arn, payload)

    def submit(self, function_arn: str, payload: str, done: Callable[[Outcome], None]) -> None:
        """Invoke a function in the background; :meth:`busy` is true before this returns.

        Args:
            function_arn: ARN of the function.
            payload: event as JSON text.
            done: called with the outcome, with the world's lock held.
        """

        def run() -> None:
            outcome = self._invoker.invoke(function_arn, payload)
            with self._world.lock:
                done(outcome)

        self._in_flight.background(run)

    def answer_invoke(
        self, function: Any, payload: str, kind: str, headers: dict[str, str]
    ) -> bytes:
        """Invoke (API reference): return the payload of the response.

        Args:
            function: moto's function.
            payload: event as JSON text.
            kind: ``RequestResponse``, ``Event`` or ``DryRun``.
            headers: headers of the response, which are set.

        Raises:
            LambdaClientError: TooManyRequestsException, if a concurrency limit is reached.
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
        """End all processes and delete the unpacked archives."""
        self.workers.stop()
        self.snapshots.end()
        self.uploads.remove()
