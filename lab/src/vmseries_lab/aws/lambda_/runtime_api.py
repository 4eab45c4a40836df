"""An execution environment: a process that runs a function, and the Runtime API for it.

Source: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes" and
"Understanding the Lambda execution environment lifecycle".
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from vmseries_lab.aws.lambda_.snapshot_process import START, Copy, SnapshotProcess
from vmseries_lab.net.http_server import Listener

INIT_LIMIT_SECONDS = 30.0
"""Real time for the init phase, on top of the first invocation's timeout.

Lambda allows ten seconds before it restarts the init phase within the timeout; a machine that runs
a lab and its tests can be slower.
"""
OUTPUT_LIMIT_SECONDS = 60.0
REAL_LIMIT_FACTOR = 10
"""Maximum real time of an invocation as a multiple of the function's timeout, which is lab time.

It ends a function that neither sleeps nor returns.
"""


def _sleep_in_real_time(instant: float, alive: Callable[[], bool]) -> None:
    """Sleep in real time, for workers without a lab's clock."""
    while time.time() < instant and alive():
        time.sleep(0.01)


@dataclass(frozen=True)
class Invocation:
    """An invocation for a worker."""

    request_id: str
    payload: str
    function_arn: str
    trace_id: str
    timeout_seconds: float


@dataclass(frozen=True)
class Reply:
    """The result of an invocation.

    Attributes:
        payload: response of the function, or Lambda's error document, as JSON text.
        error: type of the error, empty if there was none.
        output: lab time and text of each line that the process printed.
        seconds: duration in lab time, without the init phase.
        alive: whether the worker can be reused.
    """

    payload: str
    error: str
    output: list[tuple[float, str]]
    seconds: float
    alive: bool


@dataclass
class Worker:
    """A process that runs one function, one invocation at a time.

    Attributes:
        access_key: access key ID of its credentials, which identifies its calls.
        log_stream: log stream of its output.
        snapshot: process that has loaded the function, from which the worker is forked; ``None``
            for a cold start.
        sleep_until: waits until an instant of the lab's clock, or until the worker has ended.
        init_seconds: real time from the start to the first request for work.
    """

    environment: dict[str, str]
    task_root: Path
    layers: Path
    packages: Path
    facts: Callable[[], dict[str, Any]]
    access_key: str
    log_stream: str
    init_seconds: float = 0.0
    snapshot: SnapshotProcess | None = None
    sleep_until: Callable[[float, Callable[[], bool]], None] = _sleep_in_real_time
    _deadline: float = 0.0
    _work: queue.Queue[Invocation | None] = field(default_factory=queue.Queue)
    _signals: queue.Queue[tuple[str, str]] = field(default_factory=queue.Queue)
    _output: list[tuple[float, str]] = field(default_factory=list)
    _output_read_to: str = ""

    def __post_init__(self) -> None:
        self._started = time.monotonic()
        self._server = Listener(("127.0.0.1", 0), _handler(self))
        self._server.start()
        port = self._server.server_address[1]
        environment = {**self.environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"}
        self._process: subprocess.Popen[bytes] | Copy
        if self.snapshot is not None:
            self._process = self.snapshot.copy(environment)
        else:
            arguments = [str(self.task_root), str(self.layers), str(self.packages)]
            self._process = subprocess.Popen(
                [*START, *arguments],
                cwd=self.task_root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        threading.Thread(target=self._read_output, daemon=True).start()

    def invoke(self, invocation: Invocation) -> Reply:
        """Run one invocation to its end.

        The end may be the function's answer, its error, the end of its process, or its timeout, in
        lab time.
        """
        limit = invocation.timeout_seconds * REAL_LIMIT_FACTOR
        started = self._now()
        self._deadline = started + invocation.timeout_seconds
        if not self.init_seconds:
            failed = self._await_init(invocation, INIT_LIMIT_SECONDS + limit, started)
            if failed:
                return failed
        self._work.put(invocation)
        kind, payload = self._next_signal(limit)
        if kind == "answer":
            self._await_output(invocation.request_id)
            return self._reply(payload, "", started, alive=True)
        if kind == "error":
            self._await_output(invocation.request_id)
            return self._reply(payload, _error_type(payload), started, alive=True)
        return self._ended(invocation, kind, payload, started)

    def next_work(self) -> Invocation | None:
        """Return the next invocation for the process, ``None`` if it has to end."""
        if not self.init_seconds:
            self.hear("ready", "")
        return self._work.get()

    def hear(self, kind: str, payload: str) -> None:
        """Handle a message of the process: a response, an error, or that it is ready."""
        self._signals.put((kind, payload))

    def sleep(self, until: float) -> float:
        """Wait while the process sleeps; it requests this when all its threads sleep.

        Args:
            until: lab time at which the sleep ends.

        Returns:
            Lab time after the sleep.
        """
        self.sleep_until(min(until, self._deadline), lambda: self.alive)
        if until > self._deadline:
            self.hear("timeout", "")
        return self._now()

    def _now(self) -> float:
        return float(self.facts()["time"])

    def kill_process(self) -> None:
        """Kill the process and everything that it started, as in a crash."""
        # Not after wait(): the process ID may have been reused.
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End the process and its Runtime API. A second call does nothing."""
        self.kill_process()
        self._process.wait()
        self._work.put(None)
        self._server.end()

    def peak_memory_mib(self) -> int | None:
        """Return the most memory that the process has used; ``None`` if the system does not tell.

        Linux: ``VmHWM`` in proc_pid_status(5), of the resident set, in KiB.
        """
        try:
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        peaks = (line.split() for line in status.splitlines() if line.startswith("VmHWM:"))
        return next((-(-int(words[1]) // 1024) for words in peaks), None)

    @property
    def pid(self) -> int:
        """Process ID."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def _await_init(self, invocation: Invocation, limit: float, started: float) -> Reply | None:
        kind, payload = self._next_signal(limit)
        if kind == "ready":
            self.init_seconds = time.monotonic() - self._started
            return None
        if kind == "init-error":
            # The process ends by itself; its remaining output belongs to the log.
            self._next_signal(1.0)
            self.kill()
            return self._reply(payload, _error_type(payload), started, alive=False)
        return self._ended(invocation, kind, payload, started)

    def _ended(self, invocation: Invocation, kind: str, payload: str, started: float) -> Reply:
        """Return the result of an invocation whose process has ended or timed out."""
        self.kill()
        prefix = f"RequestId: {invocation.request_id} Error: "
        if kind == "timeout":
            error = "Sandbox.Timedout"
            message = f"Task timed out after {invocation.timeout_seconds:.2f} seconds"
            self._output.append((self._now(), f"{invocation.request_id} {message}"))
        else:
            error = "Runtime.ExitError"
            code = int(payload)
            how = f"exit status {code}" if code >= 0 else f"signal: {_signal_name(-code)}"
            message = f"Runtime exited with error: {how}"
        document = json.dumps({"errorType": error, "errorMessage": prefix + message})
        return self._reply(document, error, started, alive=False)

    def _reply(self, payload: str, error: str, started: float, *, alive: bool) -> Reply:
        output, self._output = self._output, []
        return Reply(payload, error, output, self._now() - started, alive)

    def _next_signal(self, limit: float) -> tuple[str, str]:
        """Return the next message of the process, or a timeout."""
        try:
            return self._signals.get(timeout=limit)
        except queue.Empty:
            return "timeout", ""

    def _await_output(self, request_id: str) -> None:
        """Wait until the invocation's output was read up to the mark that the launcher writes."""
        end = time.monotonic() + OUTPUT_LIMIT_SECONDS
        while self._output_read_to != request_id and time.monotonic() < end:
            time.sleep(0.001)

    def _read_output(self) -> None:
        stream = self._process.stdout
        if stream is None:
            raise RuntimeError("the worker was started without a pipe for its output")
        with stream:
            for raw in stream:
                line = raw.decode(errors="replace").rstrip("\r\n")
                if line.startswith("\x1e"):
                    self._output_read_to = line[1:]
                elif line:
                    self._output.append((self.facts()["time"], line))
        self.hear("exit", str(self._process.wait()))


def _error_type(payload: str) -> str:
    return str(json.loads(payload).get("errorType") or "Unknown")


def _signal_name(number: int) -> str:
    return {signal.SIGKILL: "killed", signal.SIGTERM: "terminated"}.get(number, str(number))  # type: ignore[call-overload,no-any-return]


def _kind_of(path: str) -> str:
    """Return the kind of message that a request to this path sends."""
    if path.endswith("/init/error"):
        return "init-error"
    return "answer" if path.endswith("/response") else "error"


def _handler(worker: Worker) -> type[BaseHTTPRequestHandler]:
    """Return a request handler that implements the Runtime API for one worker."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/lab":
                self._send(200, json.dumps(worker.facts()))
            elif self.path.endswith("/runtime/invocation/next"):
                invocation = worker.next_work()
                if invocation is not None:
                    deadline = worker.facts()["time"] + invocation.timeout_seconds
                    self._send(
                        200,
                        invocation.payload,
                        {
                            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
                            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                            "Lambda-Runtime-Trace-Id": invocation.trace_id,
                        },
                    )
            else:
                self._send(404, "{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            if self.path == "/lab/sleep":
                self._send(200, json.dumps({"time": worker.sleep(json.loads(body)["until"])}))
            else:
                self._send(202, '{"status":"OK"}')
                worker.hear(_kind_of(self.path), body)

        def _send(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
            data = body.encode()
            self.send_response(status)
            all_headers = {"Content-Type": "application/json", "Content-Length": str(len(data))}
            for name, value in (all_headers | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Log nothing: the invocation log records invocations."""

    return Handler
