"""What happened: every invocation, and what the metrics of functions are made of."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from typing import Any

from vmseries_lab.aws.lambda_.runtime_api import Reply, Worker
from vmseries_lab.core.world import World


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


class Records:
    """The log of all invocations."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._records: list[Record] = []

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """All invocations from ``number`` on, as JSON-ready data."""
        with self._lock:
            return [asdict(record) for record in self._records[number:]]

    def add(
        self,
        function: Any,
        at: float,
        payload: str,
        request_id: str,
        reply: Reply,
        new_worker: Worker | None,
    ) -> None:
        """Write an invocation down.

        Args:
            function: which.
            at: lab time of its start.
            payload: what it was given.
            request_id: its id.
            reply: what came of it.
            new_worker: the worker, if it was started for this.
        """
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


class Counts:
    """What happened since it was last asked for, per function and metric."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, list[float]]] = {}

    def add(self, name: str, **values: float) -> None:
        """Count values of a function's metrics."""
        with self._lock:
            metrics = self._counts.setdefault(name, {})
            for metric, value in values.items():
                metrics.setdefault(metric, []).append(value)

    def take(self) -> dict[str, dict[str, list[float]]]:
        """Per function and metric, what happened since this was last asked."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts


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
