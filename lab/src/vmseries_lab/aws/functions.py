"""Lambda: what was uploaded runs, in processes of its own, under its role.

Moto stores functions and layers; invoking them, their logs, retries and limits are here. Source:
Lambda Developer Guide; the section is named at each behaviour.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
import threading
import traceback
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
    UnknownFunctionException,
)
from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends
from moto.logs.models import logs_backends
from moto.sqs.models import sqs_backends
from moto.sts.models import sts_backends

from vmseries_lab.aws import iam, on_behalf
from vmseries_lab.aws.calls import Gate
from vmseries_lab.aws.patching import wrap
from vmseries_lab.runtime import callers
from vmseries_lab.runtime.packages import UNZIPPED_LIMIT_BYTES, Packages, unzipped_size
from vmseries_lab.runtime.template import Template
from vmseries_lab.runtime.worker import Invocation, Reply, Worker
from vmseries_lab.world import ACCOUNT_ID, REGION, World

SERVICE = "lambda.amazonaws.com"
ACCOUNT_CONCURRENCY = 1000
ASYNC_RETRY_SECONDS = (60.0, 120.0)
"""Pauses before the two retries of an asynchronous invocation ("Asynchronous invocation")."""
ASYNC_AGE_SECONDS = 21_600
LOG_TAIL_BYTES = 4096
KEPT_SETTINGS = ("DeadLetterConfig", "LoggingConfig")
"""Settings of a function that moto forgets."""


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


@dataclass(frozen=True)
class Record:
    """One invocation, for the lab's own log. The event itself is not kept: it may hold tokens."""

    number: int
    at: float
    function: str
    request_id: str
    event: dict[str, Any]
    result: Any
    error: str
    seconds: float
    cold: bool
    init_seconds: float
    log: tuple[str, ...]


@dataclass
class Pending:
    """An asynchronous invocation that waits for its turn."""

    function_arn: str
    payload: str
    first_at: float
    due: float
    attempts: int = 0
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Functions:
    """All functions of the account: warm workers, concurrency, asynchronous invocations.

    Attributes:
        errors: what went wrong in the lab itself, not in a function, as tracebacks.
    """

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate
        self._folder = Path(tempfile.mkdtemp(prefix="vmseries-lab-functions-"))
        self._packages = Packages(self._folder)
        self._lock = threading.Lock()
        self._idle: dict[str, list[Worker]] = defaultdict(list)
        self._current: dict[str, str] = {}
        self._workers: dict[str, Worker] = {}
        self._running: dict[str, int] = defaultdict(int)
        self._concurrent: dict[str, int] = defaultdict(int)
        self._records: list[Record] = []
        self._layers: dict[str, bytes] = {}
        self._templates: dict[tuple[Path, Path, str], Template] = {}
        self.errors: list[str] = []
        self._pending: list[Pending] = []
        self._ticks = 0
        self._finished_at_tick = -2
        self._counts: dict[str, dict[str, list[float]]] = {}

    # -- engine ------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Start the asynchronous invocations that are due."""
        self._ticks += 1
        due = [p for p in self._pending if p.due <= now]
        for pending in due:
            self._pending.remove(pending)
            self._begin(pending.function_arn)
            threading.Thread(target=self._run_pending, args=(pending,), daemon=True).start()

    def busy(self) -> bool:
        """Whether an invocation is in flight, or what it did has not been seen by all engines.

        An invocation that ended after tick n is seen by every engine in tick n + 1, which is over
        when tick n + 2 begins.
        """
        now = self._world.clock.now()
        if self.running():
            return True
        with self._lock:
            if self._ticks < self._finished_at_tick + 2:
                return True
        return any(p.due <= now for p in list(self._pending))

    def running(self) -> bool:
        """Whether a function runs."""
        with self._lock:
            return any(self._running.values())

    # -- invoking ----------------------------------------------------------------------------------

    def find(self, name_or_arn: str) -> Any:
        """The function, or ``None`` if there is none."""
        try:
            return lambda_backends[ACCOUNT_ID][REGION].get_function(name_or_arn)
        except UnknownFunctionException:
            return None

    def start(self, function_arn: str, payload: str) -> None:
        """Queue an asynchronous invocation."""
        now = self._world.clock.now()
        self._pending.append(Pending(function_arn, payload, now, now))

    def submit(self, function_arn: str, payload: str, done: Callable[[Outcome], None]) -> None:
        """Invoke in the background, and call ``done`` with the outcome, the world's lock held.

        In flight from now on: :meth:`busy` says so before this returns.
        """
        self._begin(function_arn)

        def run() -> None:
            try:
                outcome = self.invoke(function_arn, payload)
                with self._world.lock:
                    done(outcome)
            finally:
                self._end(function_arn)

        threading.Thread(target=run, daemon=True).start()

    def invoke(self, function_arn: str, payload: str, request_id: str = "") -> Outcome:
        """Invoke and wait for the outcome."""
        function = self.find(function_arn)
        if function is None:
            message = f"Function not found: {function_arn}"
            return _failed("ResourceNotFoundException", message)
        if not self._admit(function):
            self._count(function.function_name, Throttles=1.0)
            return Outcome(
                json.dumps({"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}),
                "TooManyRequestsException",
                throttled=True,
            )
        try:
            return self._run(function, payload, request_id or str(uuid.uuid4()))
        except Exception as error:  # noqa: BLE001 - whoever invoked must hear of it and go on
            self.errors.append(traceback.format_exc())
            return _failed("Lab.InternalError", f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._concurrent[function.function_name] -= 1

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
        self._begin(function.function_arn)
        try:
            outcome = self.invoke(function.function_arn, payload)
        finally:
            self._end(function.function_arn)
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

    def _admit(self, function: Any) -> bool:
        """Count the invocation in, if the concurrency limits allow it ("Function scaling")."""
        reserved = function.reserved_concurrency
        with self._lock:
            if reserved is not None and self._concurrent[function.function_name] >= int(reserved):
                return False
            if sum(self._concurrent.values()) >= ACCOUNT_CONCURRENCY:
                return False
            self._concurrent[function.function_name] += 1
        return True

    def _begin(self, function_arn: str) -> None:
        with self._lock:
            self._running[function_arn] += 1

    def _end(self, function_arn: str) -> None:
        with self._lock:
            self._running[function_arn] -= 1
            self._finished_at_tick = self._ticks
        self._world.wake()

    def _run(self, function: Any, payload: str, request_id: str) -> Outcome:
        at = self._world.clock.now()
        key = _configuration_key(function)
        self._retire(function, key)
        worker = self._take(key)
        cold = worker is None
        if worker is None:
            if not iam.service_may_assume(function.role, SERVICE):
                message = "The role defined for the function cannot be assumed by Lambda."
                return _failed("AccessDeniedException", message)
            if not on_behalf.start(self._gate.calls, function):
                return _failed("KMSAccessDeniedException", on_behalf.NO_KEY)
            worker = self._launch(function)
        reply = worker.invoke(
            Invocation(
                request_id, payload, function.function_arn, _trace_id(at), float(function.timeout)
            )
        )
        self._give_back(function, key, worker, alive=reply.alive)
        end = self._world.clock.now()
        lines = _log_lines(function, request_id, reply, worker if cold else None, (at, end))
        with self._world.lock:
            self._write_log(function, worker.log_stream, lines)
        self._note(function, at, payload, request_id, reply, worker if cold else None)
        self._count(
            function.function_name,
            Invocations=1.0,
            Errors=1.0 if reply.error else 0.0,
            Duration=reply.seconds * 1000,
        )
        return Outcome(reply.payload, reply.error, output=tuple(text for _, text in lines))

    # -- workers -----------------------------------------------------------------------------------

    def _take(self, key: str) -> Worker | None:
        with self._lock:
            idle = self._idle[key]
            while idle:
                worker = idle.pop()
                if worker.alive:
                    return worker
        return None

    def _retire(self, function: Any, key: str) -> None:
        """End the idle environments of what the function was before its last change."""
        with self._lock:
            former = self._current.get(function.function_arn)
            self._current[function.function_arn] = key
            stale = self._idle.pop(former, []) if former not in (None, key) else []
            for worker in stale:
                self._workers.pop(worker.access_key, None)
        for worker in stale:
            worker.kill()

    def _give_back(self, function: Any, key: str, worker: Worker, *, alive: bool) -> None:
        """Keep an environment for the next invocation, unless it ended or is out of date."""
        with self._lock:
            keep = alive and self._current.get(function.function_arn) == key
            if keep:
                self._idle[key].append(worker)
            else:
                self._workers.pop(worker.access_key, None)
        if not keep:
            worker.kill()

    def keep_template(
        self, name: str, modules: Iterable[str] = (), services: Iterable[str] = ()
    ) -> None:
        """Let the workers of a function be copies of one process that has loaded it already.

        Args:
            name: the function's.
            modules: what to load besides the handler.
            services: of AWS, whose models the SDK is to have read.
        """
        function = self.find(name)
        task_root, opt = self._unpacked(function)
        environment = {
            **{str(k): str(v) for k, v in function.environment_vars.items()},
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_REGION": REGION,
        }
        self._templates[task_root, opt, function.handler] = Template(
            self._folder,
            (task_root, opt, self._packages.runtime()),
            environment,
            modules,
            services,
        )

    def end_templates(self) -> None:
        """Have workers start from nothing again."""
        for template in self._templates.values():
            template.stop()
        self._templates.clear()

    def end_workers(self) -> None:
        """End every worker that waits for work."""
        with self._lock:
            idle = [worker for workers in self._idle.values() for worker in workers]
            self._idle.clear()
            for worker in idle:
                self._workers.pop(worker.access_key, None)
        for worker in idle:
            worker.kill()

    def _unpacked(self, function: Any) -> tuple[Path, Path]:
        layers = [self._layers[layer["Arn"]] for layer in function.layers]
        return self._packages.task_root(function.code_bytes), self._packages.layers(layers)

    def _launch(self, function: Any) -> Worker:
        task_root, opt = self._unpacked(function)
        with self._world.lock:
            session = sts_backends[ACCOUNT_ID]["aws"].assume_role(
                region_name=REGION,
                role_session_name=function.function_name,
                role_arn=function.role,
                policy="",
                duration=43200,
                external_id="",
            )
        stream = _stream_name(self._world.clock.utc(), function)
        worker = Worker(
            environment=self._environment(function, session, stream, task_root),
            task_root=task_root,
            layers=opt,
            packages=self._packages.runtime(),
            facts=lambda: self._facts(function),
            access_key=session.access_key_id,
            log_stream=stream,
            template=self._templates.get((task_root, opt, function.handler)),
        )
        with self._lock:
            self._workers[worker.access_key] = worker
        return worker

    def _facts(self, function: Any) -> dict[str, Any]:
        hosts = self._world.hosts | self._world.reach(function.vpc_config)
        return {"time": self._world.clock.now(), "hosts": hosts}

    def _environment(
        self, function: Any, session: Any, stream: str, task_root: Path
    ) -> dict[str, str]:
        """What the process finds in its environment ("Defined runtime environment variables")."""
        logging = function.lab_settings.get("LoggingConfig", {})
        environment = {
            **{str(k): str(v) for k, v in function.environment_vars.items()},
            "_HANDLER": function.handler,
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": log_group(function),
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LAMBDA_TASK_ROOT": str(task_root),
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TZ": ":UTC",
            # Not set by Lambda, where there is no such user either: keeps this machine's
            # AWS configuration out of the function.
            "HOME": "/home/sbx_user1051",
            # The one thing that differs from AWS.
            "AWS_ENDPOINT_URL": self._world.endpoint,
        }
        if logging.get("LogFormat") == "JSON":
            environment["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
            environment["AWS_LAMBDA_LOG_LEVEL"] = logging.get("ApplicationLogLevel") or "INFO"
        return environment

    def keep_layer(self, version: Any) -> None:
        """Keep a layer version's content.

        "When you delete a layer version, functions that use it continue to run" (Developer Guide,
        "Managing layers").
        """
        self._layers[version.arn] = version.code_bytes

    def forget(self, name: str) -> None:
        """End the idle environments of a function that was deleted."""
        with self._lock:
            arns = [
                arn for arn in self._current if arn.split(":function:")[1].split(":")[0] == name
            ]
            idle = [w for arn in arns for w in self._idle.pop(self._current.pop(arn), [])]
            for worker in idle:
                self._workers.pop(worker.access_key, None)
        for worker in idle:
            worker.kill()

    def crash(self, access_key: str) -> None:
        """Kill the process that holds ``access_key``, in the middle of what it does."""
        with self._lock:
            worker = self._workers.get(access_key)
        if worker is not None:
            worker.kill_process()

    def caller(self, port: int) -> str:
        """The access key of the function that is connected from ``port``, empty if none is.

        Of a single function that runs, that is not looked up.
        """
        with self._lock:
            idle = {worker.access_key for workers in self._idle.values() for worker in workers}
            running = {w.pid: key for key, w in self._workers.items() if key not in idle}
        process = next(iter(running)) if len(running) == 1 else callers.caller(port, running)
        return running[process] if process is not None else ""

    def stop(self) -> None:
        """End every process and remove what was unpacked."""
        with self._lock:
            workers, self._workers = list(self._workers.values()), {}
            self._idle.clear()
        for worker in workers:
            worker.kill()
        self.end_templates()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- asynchronous ------------------------------------------------------------------------------

    def _run_pending(self, pending: Pending) -> None:
        try:
            outcome = self.invoke(pending.function_arn, pending.payload, pending.request_id)
            if outcome.error:
                with self._world.lock:
                    self._retry(pending, outcome)
        finally:
            self._end(pending.function_arn)

    def _retry(self, pending: Pending, outcome: Outcome) -> None:
        """Try again later, or give up ("How Lambda handles errors and retries with asynchronous").

        Throttled invocations are tried again until the event is too old, errors twice.
        """
        function = self.find(pending.function_arn)
        if function is None:
            return
        config = function.event_invoke_config[0].config if function.event_invoke_config else {}
        now = self._world.clock.now()
        age = float(config.get("MaximumEventAgeInSeconds", ASYNC_AGE_SECONDS))
        retries = int(config.get("MaximumRetryAttempts", len(ASYNC_RETRY_SECONDS)))
        if outcome.throttled:
            pause = 1.0
        else:
            pending.attempts += 1
            if pending.attempts > retries:
                self._give_up(function, pending, outcome, "RetriesExhausted")
                return
            pause = ASYNC_RETRY_SECONDS[pending.attempts - 1]
        if now + pause - pending.first_at > age:
            self._give_up(function, pending, outcome, "EventAgeExceeded")
            return
        pending.due = now + pause
        self._pending.append(pending)

    def _give_up(self, function: Any, pending: Pending, outcome: Outcome, condition: str) -> None:
        """Send what could not be done to the failure destination and the dead-letter queue."""
        config = function.event_invoke_config[0].config if function.event_invoke_config else {}
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if destination:
            record = {
                "version": "1.0",
                "timestamp": _iso(self._world.clock.now()),
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
            facts = {
                "RequestID": pending.request_id,
                "ErrorCode": "200",
                "ErrorMessage": str(json.loads(outcome.payload).get("errorMessage", ""))[:1024],
            }
            self._send(function, dead_letters, pending.payload, facts)

    def _send(self, function: Any, queue_arn: str, body: str, facts: dict[str, str]) -> None:
        name = queue_arn.rsplit(":", 1)[-1]
        queue = sqs_backends[ACCOUNT_ID][REGION].queues.get(name)
        send = ("sqs", "SendMessage", function.role)
        if queue is None or not self._gate.calls.by_service(*send, QueueUrl=name):
            self._world.timeline.add(
                "functions", "dead-letter-lost", function.function_name, queue=queue_arn
            )
            return
        attributes = {k: {"DataType": "String", "StringValue": v} for k, v in facts.items()}
        sqs_backends[ACCOUNT_ID][REGION].send_message(
            queue.name, body, message_attributes=attributes
        )

    # -- log ---------------------------------------------------------------------------------------

    def records(self, since: int = 0) -> list[dict[str, Any]]:
        """All invocations from number ``since`` on, as JSON-ready data."""
        with self._lock:
            return [asdict(record) for record in self._records[since:]]

    def _note(
        self,
        function: Any,
        at: float,
        payload: str,
        request_id: str,
        reply: Reply,
        new_worker: Worker | None,
    ) -> None:
        with self._lock:
            self._records.append(
                Record(
                    number=len(self._records),
                    at=at,
                    function=function.function_name,
                    request_id=request_id,
                    event=_summary(json.loads(payload)),
                    result=json.loads(reply.payload or "null"),
                    error=reply.error,
                    seconds=round(reply.seconds, 4),
                    cold=new_worker is not None,
                    init_seconds=round(new_worker.init_seconds, 4) if new_worker else 0.0,
                    log=tuple(text for _, text in reply.output),
                )
            )
        self._world.timeline.add(
            "functions",
            "invoked",
            function.function_name,
            name=function.function_name,
            seconds=round(reply.seconds, 4),
            error=reply.error,
            cold=new_worker is not None,
        )

    def _count(self, name: str, **values: float) -> None:
        with self._lock:
            metrics = self._counts.setdefault(name, {})
            for metric, value in values.items():
                metrics.setdefault(metric, []).append(value)

    def take_counts(self) -> dict[str, dict[str, list[float]]]:
        """Per function and metric, what happened since this was last asked."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts

    def _write_log(self, function: Any, stream: str, lines: list[tuple[float, str]]) -> None:
        """Write to CloudWatch Logs as Lambda does: with the permissions of the function's role.

        Without them there is no log and no error ("Sending Lambda function logs to CloudWatch").
        """
        backend = logs_backends[ACCOUNT_ID][REGION]
        group = log_group(function)
        may = partial(self._gate.calls.by_service, "logs", role_arn=function.role)
        if group not in backend.groups:
            if not may("CreateLogGroup", logGroupName=group):
                return
            backend.create_log_group(group, {})
        names: dict[str, Any] = {"logGroupName": group, "logStreamName": stream}
        if stream not in backend.groups[group].streams:
            if not may("CreateLogStream", **names):
                return
            backend.create_log_stream(group, stream)
        if not lines or not may("PutLogEvents", **names):
            return
        # A process may still write after its answer: such lines are older than the next start.
        ordered = sorted(lines, key=lambda line: line[0])
        events = [{"timestamp": int(at * 1000), "message": text} for at, text in ordered]
        backend.put_log_events(group, stream, events)


# -- facts about functions -------------------------------------------------------------------------


def _failed(error: str, message: str) -> Outcome:
    return Outcome(json.dumps({"errorType": error, "errorMessage": message}), error)


def _configuration_key(function: Any) -> str:
    """Tells apart what cannot share a warm worker: any other code or configuration."""
    facts = {**function.get_configuration(), "LastModified": "", "Layers": function.layers}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _trace_id(at: float) -> str:
    root = f"1-{int(at):08x}-{uuid.uuid4().hex[:24]}"
    return f"Root={root};Parent={uuid.uuid4().hex[:16]};Sampled=0"


def log_group(function: Any) -> str:
    """The log group that the function writes to."""
    configured = function.lab_settings.get("LoggingConfig", {}).get("LogGroup")
    return str(configured or f"/aws/lambda/{function.function_name}")


def _stream_name(at: datetime, function: Any) -> str:
    """Name of an execution environment's log stream.

    In a log group of another name than the function's own, streams carry the function's name
    ("Configuring CloudWatch log groups").
    """
    own = log_group(function) == f"/aws/lambda/{function.function_name}"
    prefix = "" if own else function.function_name
    return f"{at:%Y/%m/%d}/{prefix}[{function.version}]{uuid.uuid4().hex}"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _log_lines(
    function: Any,
    request_id: str,
    reply: Reply,
    new_worker: Worker | None,
    times: tuple[float, float],
) -> list[tuple[float, str]]:
    """The function's output between the platform's own lines.

    Source: "Lambda Telemetry API Event schema reference" for the JSON format, "Log and monitor
    Python Lambda functions" for the text format.
    """
    logging = function.lab_settings.get("LoggingConfig", {})
    at, end = times
    duration = round(reply.seconds * 1000, 2)
    init = round(new_worker.init_seconds * 1000, 2) if new_worker else None
    if logging.get("LogFormat") != "JSON":
        report = (
            f"REPORT RequestId: {request_id}\tDuration: {duration} ms\t"
            f"Billed Duration: {int(duration) + 1} ms\tMemory Size: {function.memory_size} MB"
        )
        report += f"\tInit Duration: {init} ms" if init else ""
        start = f"START RequestId: {request_id} Version: {function.version}"
        finish = [(end, f"END RequestId: {request_id}"), (end, report)]
        return [(at, start), *reply.output, *finish]
    metrics = {"durationMs": duration, "memorySizeMB": int(function.memory_size)}
    if init:
        metrics["initDurationMs"] = init
    status = {"": "success", "Sandbox.Timedout": "timeout"}.get(reply.error, "error")
    record = {"requestId": request_id, "metrics": metrics, "status": status}
    lines = list(reply.output)
    if logging.get("SystemLogLevel", "INFO") != "WARN":
        first = {"requestId": request_id, "version": str(function.version)}
        lines.insert(0, (at, _platform_line(at, "platform.start", first)))
        lines.append((end, _platform_line(end, "platform.report", record)))
    elif reply.error:
        lines.append((end, _platform_line(end, "platform.report", record)))
    return lines


def _platform_line(at: float, kind: str, record: dict[str, Any]) -> str:
    return json.dumps({"time": _iso(at), "type": kind, "record": record})


def _summary(event: Any) -> dict[str, Any]:
    """What an event is about, without what it holds."""
    if not isinstance(event, dict):
        return {"type": type(event).__name__}
    if isinstance(event.get("Records"), list):
        messages = [_message_summary(r) for r in event["Records"] if isinstance(r, dict)]
        return {"type": "records", "records": messages}
    return {"type": str(event.get("detail-type") or "direct"), "keys": sorted(event)}


def _message_summary(record: dict[str, Any]) -> dict[str, Any]:
    summary = {
        "id": record.get("messageId"),
        "receives": int(record.get("attributes", {}).get("ApproximateReceiveCount", 0)),
    }
    try:
        body = json.loads(record.get("body", ""))
        summary["instance"] = body["detail"]["EC2InstanceId"]
        summary["transition"] = body["detail"]["LifecycleTransition"]
    except (ValueError, LookupError, TypeError):
        summary["instance"] = None
    return summary


# -- what moto lacks -------------------------------------------------------------------------------


def _init(
    original: Any, function: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any
) -> None:
    function.lab_settings = {k: spec[k] for k in KEPT_SETTINGS if spec.get(k)}
    original(function, account_id, spec, *args, **kwargs)


def _configuration(original: Any, function: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """The configuration with what moto forgets, so that a second plan is empty."""
    configuration: dict[str, Any] = original(function, *args, **kwargs)
    logging = {
        "LogFormat": "Text",
        "LogGroup": log_group(function),
        **function.lab_settings.get("LoggingConfig", {}),
    }
    if logging["LogFormat"] == "JSON":
        logging = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **logging}
    configuration["LoggingConfig"] = logging
    if function.lab_settings.get("DeadLetterConfig"):
        configuration["DeadLetterConfig"] = function.lab_settings["DeadLetterConfig"]
    return configuration


def _update(original: Any, function: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """UpdateFunctionConfiguration, with the settings that moto does not take over."""
    function.lab_settings |= {k: changes[k] for k in KEPT_SETTINGS if k in changes}
    if changes.get("TracingConfig"):
        function.tracing_config = changes["TracingConfig"]
    if changes.get("EphemeralStorage"):
        function.ephemeral_storage = changes["EphemeralStorage"]["Size"]
    if "KMSKeyArn" in changes:
        function.kms_key_arn = changes["KMSKeyArn"]
    original(function, changes)
    configuration: dict[str, Any] = function.get_configuration()
    return configuration


def _update_code(original: Any, function: Any, spec: dict[str, Any]) -> dict[str, Any]:
    """UpdateFunctionCode, with the architecture."""
    if spec.get("Architectures"):
        function.architectures = spec["Architectures"]
    configuration: dict[str, Any] = original(function, spec)
    return configuration


def _create(original: Any, backend: Any, spec: dict[str, Any]) -> Any:
    """CreateFunction, refusing what Lambda refuses: a wrong role, too much code."""
    if not iam.service_may_assume(spec["Role"], SERVICE):
        raise InvalidParameterValueException(
            "The role defined for the function cannot be assumed by Lambda."
        )
    function = original(backend, spec)
    layers = [backend.layers_versions_by_arn(layer["Arn"]) for layer in function.layers]
    archives = [function.code_bytes, *(layer.code_bytes for layer in layers)]
    if sum(unzipped_size(archive) for archive in archives) > UNZIPPED_LIMIT_BYTES:
        backend.delete_function(function.function_name)
        raise InvalidParameterValueException(
            f"Unzipped size must be smaller than {UNZIPPED_LIMIT_BYTES} bytes"
        )
    return function


def install(world: World, gate: Gate) -> Functions:
    """Make moto's Lambda run what was uploaded."""
    functions = Functions(world, gate)

    def invoke(_original: Any, function: Any, body: Any, headers: Any, answer: Any) -> bytes:
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        return functions.answer_invoke(function, body or "{}", kind, answer)

    def publish_layer(original: Any, backend: Any, spec: dict[str, Any]) -> Any:
        version = original(backend, spec)
        functions.keep_layer(version)
        return version

    def create(original: Any, backend: Any, spec: dict[str, Any]) -> Any:
        on_behalf.join_vpc(gate.calls, spec)
        return _create(original, backend, spec)

    def delete(original: Any, backend: Any, name: str, qualifier: str | None = None) -> None:
        original(backend, name, qualifier)
        functions.forget(name.rsplit(":function:", maxsplit=1)[-1].split(":", maxsplit=1)[0])

    wrap(LambdaBackend, "publish_layer_version", publish_layer)
    wrap(LambdaBackend, "delete_function", delete)
    wrap(LambdaFunction, "__init__", _init)
    wrap(LambdaFunction, "get_configuration", _configuration)
    wrap(LambdaFunction, "update_configuration", _update)
    wrap(LambdaFunction, "update_function_code", _update_code)
    wrap(LambdaFunction, "invoke", invoke)
    wrap(LambdaBackend, "create_function", create)
    gate.crash = functions.crash
    gate.caller = functions.caller
    world.engines.append(functions)
    return functions
