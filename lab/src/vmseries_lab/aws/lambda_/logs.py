"""The log events of functions in CloudWatch Logs."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from functools import partial
from typing import Any

from vmseries_lab.aws.lambda_.configuration import log_group, logging_config
from vmseries_lab.aws.lambda_.runtime_api import Reply, Worker
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.aws.requests import Calls


class Logs:
    """Writes log events to the log groups of functions."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def write(self, function: Any, stream: str, lines: list[tuple[float, str]]) -> None:
        """Write log lines with the permissions of the function's role.

        Without permission, lines are lost without an error ("Sending Lambda function logs to
        CloudWatch").

        Args:
            function: moto's function.
            stream: name of the log stream.
            lines: lab time and text of each line.
        """
        store = backend("logs")
        group = log_group(function)
        may = partial(self._calls.by_service, "logs", role_arn=function.role)
        if group not in store.groups:
            if not may("CreateLogGroup", logGroupName=group):
                return
            store.create_log_group(group, {})
        names: dict[str, Any] = {"logGroupName": group, "logStreamName": stream}
        if stream not in store.groups[group].streams:
            if not may("CreateLogStream", **names):
                return
            store.create_log_stream(group, stream)
        if not lines or not may("PutLogEvents", **names):
            return
        # Lines that a process writes after its response are older than the next START line.
        ordered = sorted(lines, key=lambda line: line[0])
        events = [{"timestamp": int(at * 1000), "message": text} for at, text in ordered]
        store.put_log_events(group, stream, events)


def stream_name(at: datetime, function: Any) -> str:
    """Return a name for the log stream of an execution environment.

    In a custom log group, the name contains the function's name ("Configuring CloudWatch log
    groups").
    """
    own = log_group(function) == f"/aws/lambda/{function.function_name}"
    prefix = "" if own else function.function_name
    return f"{at:%Y/%m/%d}/{prefix}[{function.version}]{uuid.uuid4().hex}"


def timestamp(at: float) -> str:
    """Return a lab time as Lambda formats it: in UTC, with milliseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def lines_of(
    function: Any,
    request_id: str,
    reply: Reply,
    new_worker: Worker | None,
    times: tuple[float, float],
) -> list[tuple[float, str]]:
    """Return the log lines of an invocation: the function's output and the platform's lines.

    Source: "Lambda Telemetry API Event schema reference" for the JSON format, "Log and monitor
    Python Lambda functions" for the text format.

    Args:
        function: moto's function.
        request_id: request ID of the invocation.
        reply: result of the invocation.
        new_worker: execution environment, if it was started for this invocation.
        times: lab times of start and end.
    """
    logging = logging_config(function)
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
    return json.dumps({"time": timestamp(at), "type": kind, "record": record})
