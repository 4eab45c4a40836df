"""The log of invocations, and the values of the metrics of functions."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from typing import Any

from vmseries_lab.aws.lambda_.runtime_api import Reply, Worker
from vmseries_lab.core.world import World


@dataclass(frozen=True)
class Record:
    """An invocation in the lab's log. It has only a summary of the event, which can hold tokens.

    Attributes:
        memory_mib: the most memory that its environment has used so far; ``None`` if the system
            does not tell it.
    """

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
    memory_mib: int | None
    log: tuple[str, ...]


class InvocationLog:
    """The log of all invocations."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._records: list[Record] = []

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """Return all invocations from ``number`` on, as JSON-ready data."""
        with self._lock:
            return [asdict(record) for record in self._records[number:]]

    def add(
        self,
        function: Any,
        at: float,
        payload: str,
        request_id: str,
        reply: Reply,
        worker: Worker,
        new_worker: Worker | None,
    ) -> None:
        """Add an invocation.

        Args:
            function: moto's function.
            at: lab time of its start.
            payload: event as JSON text.
            request_id: request ID.
            reply: result.
            worker: execution environment.
            new_worker: execution environment, if it was started for this invocation.
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
                    memory_mib=worker.peak_memory_mib(),
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
    """Values of metrics since the last :meth:`take`, by function and metric."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, list[float]]] = {}

    def add(self, name: str, **values: float) -> None:
        """Add values of a function's metrics."""
        with self._lock:
            metrics = self._counts.setdefault(name, {})
            for metric, value in values.items():
                metrics.setdefault(metric, []).append(value)

    def take(self) -> dict[str, dict[str, list[float]]]:
        """Return and clear the values, by function and metric."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts


def _summary(event: Any) -> dict[str, Any]:
    """Return the type of an event and the instances of its records, without its content."""
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
    except (ValueError, LookupError, TypeError, RecursionError):
        summary["instance"] = None
    return summary
