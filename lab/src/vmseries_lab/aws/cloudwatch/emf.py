"""Metrics from log lines in the embedded metric format.

Source: CloudWatch User Guide, "Embedded metric format specification".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from moto.logs.models import LogsBackend

from vmseries_lab.aws.cloudwatch.metrics import publish
from vmseries_lab.aws.moto_patching import wrap


def embedded_metrics(message: str) -> Iterable[tuple[str, float, dict[str, Any]]]:
    """Yield the metrics in a log line: namespace, lab time, datum of PutMetricData."""
    if '"_aws"' not in message:
        return
    try:
        document = json.loads(message)
        directives = document["_aws"]["CloudWatchMetrics"]
        at = document["_aws"]["Timestamp"] / 1000
    except (ValueError, LookupError, TypeError):
        # Not the embedded metric format: an ordinary log line.
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


def install() -> None:
    """Publish embedded metrics as log events arrive."""

    def put_log_events(
        original: Any, backend: Any, group: str, stream: str, events: list[dict[str, Any]]
    ) -> Any:
        response = original(backend, group, stream, events)
        for event in events:
            for namespace, at, datum in embedded_metrics(event["message"]):
                publish(namespace, [datum], at)
        return response

    wrap(LogsBackend, "put_log_events", put_log_events)
