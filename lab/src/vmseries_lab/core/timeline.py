"""What happened in the lab, in order: one list that the demo shows and the tests read."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from vmseries_lab.core.clock import Clock


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    Attributes:
        number: position in the timeline, from 0.
        at: lab time, seconds since the epoch.
        source: the part of the lab it happened in, e.g. ``autoscaling`` or ``panorama``.
        kind: what happened, a fixed word per kind, e.g. ``target-draining``.
        subject: what it happened to, mostly an instance id or a serial number.
        detail: further facts, JSON values only.
    """

    number: int
    at: float
    source: str
    kind: str
    subject: str
    detail: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The entry as JSON-ready data."""
        return asdict(self)


class Timeline:
    """An append-only, thread-safe list of entries."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def add(self, source: str, kind: str, subject: str, **detail: Any) -> None:
        """Note that ``kind`` happened to ``subject`` now."""
        with self._lock:
            self._entries.append(
                Entry(len(self._entries), self._clock.now(), source, kind, subject, detail)
            )

    def since(self, number: int = 0) -> list[Entry]:
        """All entries from ``number`` on."""
        with self._lock:
            return self._entries[number:]
