"""One invocation, from its admission to what is known of it afterwards."""

from __future__ import annotations

import json
import threading
import traceback
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from vmseries_lab.aws import iam
from vmseries_lab.aws.lambda_ import role_calls
from vmseries_lab.aws.lambda_.configuration import NO_ROLE, SERVICE, find_function
from vmseries_lab.aws.lambda_.execution_environments import Workers
from vmseries_lab.aws.lambda_.invocation_log import Counts, Records
from vmseries_lab.aws.lambda_.logs import Logs, lines_of
from vmseries_lab.aws.lambda_.runtime_api import Invocation
from vmseries_lab.aws.requests import Calls
from vmseries_lab.core.world import World

ACCOUNT_CONCURRENCY = 1000


@dataclass(frozen=True)
class Outcome:
    """What came of invoking a function.

    Attributes:
        payload: the answer or the error document, as JSON text.
        error: type of the error; empty if the function answered.
        throttled: it was not run at all, for want of concurrency.
        output: what it printed.
    """

    payload: str
    error: str = ""
    throttled: bool = False
    output: tuple[str, ...] = ()

    @classmethod
    def failed(cls, error: str, message: str) -> Outcome:
        """An outcome that the function itself has no part in."""
        return cls(json.dumps({"errorType": error, "errorMessage": message}), error)


class Concurrency:
    """How many environments of each function are at work ("Function scaling")."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._concurrent: dict[str, int] = defaultdict(int)

    def admit(self, function: Any) -> bool:
        """Count the invocation in, if the concurrency limits allow it."""
        reserved = function.reserved_concurrency
        with self._lock:
            if reserved is not None and self._concurrent[function.function_name] >= int(reserved):
                return False
            if sum(self._concurrent.values()) >= ACCOUNT_CONCURRENCY:
                return False
            self._concurrent[function.function_name] += 1
        return True

    def release(self, function: Any) -> None:
        """Count an invocation out."""
        with self._lock:
            self._concurrent[function.function_name] -= 1


class Invoker:
    """Invokes functions.

    Args:
        world: the lab's.
        calls: the log of calls, for those that Lambda makes with a function's role.
        workers: where functions run.
        records: the log of invocations.
        counts: what the functions' metrics are made of.

    Attributes:
        errors: what went wrong in the lab itself, not in a function, as tracebacks.
    """

    def __init__(
        self, world: World, calls: Calls, workers: Workers, records: Records, counts: Counts
    ) -> None:
        self._world = world
        self._calls = calls
        self._workers = workers
        self._records = records
        self._counts = counts
        self._logs = Logs(calls)
        self._concurrency = Concurrency()
        self.errors: list[str] = []

    def invoke(self, function_arn: str, payload: str, request_id: str = "") -> Outcome:
        """Invoke and wait for the outcome."""
        function = find_function(function_arn)
        if function is None:
            message = f"Function not found: {function_arn}"
            return Outcome.failed("ResourceNotFoundException", message)
        if not self._concurrency.admit(function):
            self._counts.add(function.function_name, Throttles=1.0)
            return Outcome(
                json.dumps({"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}),
                "TooManyRequestsException",
                throttled=True,
            )
        try:
            return self._run(function, payload, request_id or str(uuid.uuid4()))
        except Exception as error:  # noqa: BLE001 - whoever invoked must hear of it and go on
            self.errors.append(traceback.format_exc())
            return Outcome.failed("Lab.InternalError", f"{type(error).__name__}: {error}")
        finally:
            self._concurrency.release(function)

    def _run(self, function: Any, payload: str, request_id: str) -> Outcome:
        at = self._world.clock.now()
        key = self._workers.turn_to(function)
        worker, new_worker = self._workers.take(key), None
        if worker is None:
            if not iam.service_may_assume(function.role, SERVICE):
                return Outcome.failed("AccessDeniedException", NO_ROLE)
            if not role_calls.start(self._calls, function):
                return Outcome.failed("KMSAccessDeniedException", role_calls.NO_KEY)
            worker = new_worker = self._workers.launch(function)
        reply = worker.invoke(
            Invocation(
                request_id, payload, function.function_arn, _trace_id(at), float(function.timeout)
            )
        )
        self._workers.give_back(function, key, worker, alive=reply.alive)
        end = self._world.clock.now()
        lines = lines_of(function, request_id, reply, new_worker, (at, end))
        with self._world.lock:
            self._logs.write(function, worker.log_stream, lines)
        self._records.add(function, at, payload, request_id, reply, new_worker)
        self._counts.add(
            function.function_name,
            Invocations=1.0,
            Errors=1.0 if reply.error else 0.0,
            Duration=reply.seconds * 1000,
        )
        return Outcome(reply.payload, reply.error, output=tuple(text for _, text in lines))


def _trace_id(at: float) -> str:
    root = f"1-{int(at):08x}-{uuid.uuid4().hex[:24]}"
    return f"Root={root};Parent={uuid.uuid4().hex[:16]};Sampled=0"
