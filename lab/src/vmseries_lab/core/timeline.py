"""The timeline: everything that happened in the lab, in order."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from vmseries_lab.core.clock import Clock


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the timeline.

    Attributes:
        number: position in the timeline, from 0.
        at: lab time, seconds since the epoch.
        source: part of the lab, e.g. ``autoscaling`` or ``panorama``.
        kind: kind of entry, e.g. ``target-draining``.
        subject: resource, usually an instance ID or a serial number.
        detail: further values, JSON-ready.
    """

    number: int
    at: float
    source: str
    kind: str
    subject: str
    detail: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as JSON-ready data."""
        return asdict(self)


class Timeline:
    """An append-only, thread-safe list of entries."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def add(self, source: str, kind: str, subject: str, **detail: Any) -> None:
        """Add an entry at the current lab time; see :class:`Entry`."""
        with self._lock:
            self._entries.append(
                Entry(len(self._entries), self._clock.now(), source, kind, subject, detail)
            )

    def since(self, number: int = 0) -> list[Entry]:
        """Return all entries from ``number`` on."""
        with self._lock:
            return self._entries[number:]
