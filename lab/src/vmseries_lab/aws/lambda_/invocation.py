"""Invocations: concurrency limits, execution, logs and metrics."""

from __future__ import annotations

import json
import threading
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from vmseries_lab.aws import iam
from vmseries_lab.aws.lambda_ import role_calls
from vmseries_lab.aws.lambda_.configuration import NO_ROLE, SERVICE, find_function
from vmseries_lab.aws.lambda_.execution_environments import ExecutionEnvironments
from vmseries_lab.aws.lambda_.invocation_log import Counts, InvocationLog
from vmseries_lab.aws.lambda_.logs import Logs, lines_of
from vmseries_lab.aws.lambda_.runtime_api import Invocation
from vmseries_lab.aws.requests import Calls
from vmseries_lab.core.world import World

ACCOUNT_CONCURRENCY = 1000


@dataclass(frozen=True)
class Outcome:
    """The outcome of an invocation.

    Attributes:
        payload: response or error document, as JSON text.
        error: type of the error; empty if the function succeeded.
        throttled: whether the function did not run because of a concurrency limit.
        output: log lines.
    """

    payload: str
    error: str = ""
    throttled: bool = False
    output: tuple[str, ...] = ()

    @classmethod
    def failed(cls, error: str, message: str) -> Outcome:
        """Return the outcome of an invocation that failed before the function ran."""
        return cls(json.dumps({"errorType": error, "errorMessage": message}), error)


class Concurrency:
    """The number of concurrent invocations of each function ("Function scaling")."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._concurrent: dict[str, int] = defaultdict(int)

    def admit(self, function: Any) -> bool:
        """Count an invocation if the concurrency limits allow it; return whether they do."""
        reserved = function.reserved_concurrency
        with self._lock:
            if reserved is not None and self._concurrent[function.function_name] >= int(reserved):
                return False
            if sum(self._concurrent.values()) >= ACCOUNT_CONCURRENCY:
                return False
            self._concurrent[function.function_name] += 1
        return True

    def release(self, function: Any) -> None:
        """Count the end of an invocation."""
        with self._lock:
            self._concurrent[function.function_name] -= 1


class Invoker:
    """Invokes functions.

    Args:
        world: the lab.
        calls: log of calls, for the calls that Lambda makes with a function's role.
        workers: execution environments.
        records: log of invocations.
        counts: values of the functions' metrics.
    """

    def __init__(
        self,
        world: World,
        calls: Calls,
        workers: ExecutionEnvironments,
        records: InvocationLog,
        counts: Counts,
    ) -> None:
        self._world = world
        self._calls = calls
        self._workers = workers
        self._records = records
        self._counts = counts
        self._logs = Logs(calls)
        self._concurrency = Concurrency()

    def invoke(self, function_arn: str, payload: str, request_id: str = "") -> Outcome:
        """Invoke a function and wait for the outcome.

        Args:
            function_arn: ARN of the function.
            payload: event as JSON text.
            request_id: request ID, empty for a new one.
        """
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
        except Exception as error:  # noqa: BLE001 - the caller must get the error and continue
            self._world.errors.record(f"function {function.function_name}", error)
            return Outcome.failed("Lab.InternalError", f"{type(error).__name__}: {error}")
        finally:
            self._concurrency.release(function)

    def _run(self, function: Any, payload: str, request_id: str) -> Outcome:
        at = self._world.clock.now()
        key = self._workers.update(function)
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
        self._workers.release(function, key, worker, alive=reply.alive)
        end = self._world.clock.now()
        lines = lines_of(function, request_id, reply, new_worker, (at, end))
        with self._world.lock:
            self._logs.write(function, worker.log_stream, lines)
        self._records.add(function, at, payload, request_id, reply, worker, new_worker)
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
