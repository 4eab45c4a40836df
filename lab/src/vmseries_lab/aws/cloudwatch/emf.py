"""CloudWatch: metrics out of logs (embedded metric format), and those of SQS and Lambda themselves.

Alarms and scaling policies that read them are elsewhere. Source: CloudWatch User Guide, "Embedded
metric format specification"; SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS";
Lambda Developer Guide, "Types of metrics for Lambda functions".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.logs.models import LogsBackend
from moto.sqs.models import sqs_backends

from vmseries_lab.aws.lambda_ import Functions
from vmseries_lab.aws.moto_patching import wrap
from vmseries_lab.aws.sqs import in_flight
from vmseries_lab.core.world import ACCOUNT_ID, REGION, World

PERIOD_SECONDS = 60
SET_ASIDE_AFTER_RECEIVES = 3
"""Messages received at least this often do not count for the age of the oldest message: "After a
message is received three times (or more) and not processed, the message is moved to the back of the
queue and the metric points at the second-oldest message"."""


def publish(namespace: str, data: list[dict[str, Any]], at: float) -> None:
    """Store metric data as PutMetricData does, all of one lab time."""
    stamp = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    cloudwatch_backends[ACCOUNT_ID][REGION].put_metric_data(
        namespace, [{"Timestamp": stamp, **datum} for datum in data]
    )


def embedded_metrics(message: str) -> Iterable[tuple[str, float, dict[str, Any]]]:
    """The metrics that a log line carries: namespace, lab time, datum."""
    if '"_aws"' not in message:
        return
    try:
        document = json.loads(message)
        directives = document["_aws"]["CloudWatchMetrics"]
        at = document["_aws"]["Timestamp"] / 1000
    except (ValueError, LookupError, TypeError):
        # Not the format: a log line like any other.
        return
    for directive in directives:
        for dimensions in directive.get("Dimensions") or [[]]:
            named = [{"Name": d, "Value": str(document[d])} for d in dimensions if d in document]
            for metric in directive["Metrics"]:
                value = document.get(metric["Name"])
                if value is None:
                    continue
                yield (
                    directive["Namespace"],
                    at,
                    {
                        "MetricName": metric["Name"],
                        "Unit": metric.get("Unit", "None"),
                        "Dimensions": named,
                        "Values": value if isinstance(value, list) else [value],
                    },
                )


class ServiceMetrics:
    """What SQS and Lambda publish by themselves, once a minute of lab time."""

    def __init__(self, world: World, functions: Functions) -> None:
        self._functions = functions
        self._last = int(world.clock.now() // PERIOD_SECONDS)

    def tick(self, now: float) -> None:
        """Publish the minutes that have ended.

        Queues are seen at the end of a jump only: what they were like in the minutes between is
        not known, so one value stands for all of them. What functions did belongs to the last.
        """
        minute = int(now // PERIOD_SECONDS)
        if minute == self._last:
            return
        for ended in range(max(self._last, minute - PERIOD_SECONDS), minute):
            self._queues(ended * PERIOD_SECONDS, now)
        self._lambda((minute - 1) * PERIOD_SECONDS)
        self._last = minute

    def busy(self) -> bool:
        """Never: publishing is immediate."""
        return False

    def _queues(self, at: float, now: float) -> None:
        data = []
        for queue in sqs_backends[ACCOUNT_ID][REGION].queues.values():
            messages = list(queue._messages)  # noqa: SLF001 - moto has no other way
            waiting = [
                m.sent_timestamp / 1000
                for m in messages
                if m.approximate_receive_count < SET_ASIDE_AFTER_RECEIVES
            ]
            values = {
                "ApproximateNumberOfMessagesVisible": ("Count", len(queue.messages)),
                "ApproximateNumberOfMessagesNotVisible": (
                    "Count",
                    sum(in_flight(m) for m in messages),
                ),
                "ApproximateAgeOfOldestMessage": (
                    "Seconds",
                    int(now - min(waiting)) if waiting else 0,
                ),
            }
            dimensions = [{"Name": "QueueName", "Value": queue.name}]
            data += [_datum(n, u, v, dimensions) for n, (u, v) in values.items()]
        publish("AWS/SQS", data, at)

    def _lambda(self, at: float) -> None:
        for name, counts in self._functions.counts.take().items():
            dimensions = [{"Name": "FunctionName", "Value": name}]
            data = []
            for metric, values in counts.items():
                unit = "Milliseconds" if metric == "Duration" else "Count"
                data += [_datum(metric, unit, value, dimensions) for value in values]
            publish("AWS/Lambda", data, at)


def _datum(name: str, unit: str, value: float, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    return {"MetricName": name, "Unit": unit, "Value": value, "Dimensions": dimensions}


def install(world: World, functions: Functions) -> ServiceMetrics:
    """Turn embedded metrics into metrics as logs arrive, and publish the services' own."""

    def put_log_events(
        original: Any, backend: Any, group: str, stream: str, events: list[dict[str, Any]]
    ) -> Any:
        answer = original(backend, group, stream, events)
        for event in events:
            for namespace, at, datum in embedded_metrics(event["message"]):
                publish(namespace, [datum], at)
        return answer

    wrap(LogsBackend, "put_log_events", put_log_events)
    metrics = ServiceMetrics(world, functions)
    world.engines.append(metrics)
    return metrics
