"""Faults: how tests throttle, break, slow down and cut off calls."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

KINDS = ("error", "throttle", "http-500", "delay", "reset", "late", "crash", "drop", "duplicate")


@dataclass(slots=True)
class Fault:
    """Something that goes wrong with matching calls.

    Attributes:
        service: whose calls, as boto3 names it; ``*`` for all.
        action: which action; ``*`` for all.
        kind: ``error`` (answer ``code``), ``throttle``, ``http-500``, ``delay`` (by ``seconds``),
            ``reset`` (the connection breaks without an answer), ``late`` (no answer until the
            caller has given up; the call takes effect ``seconds`` after that), ``crash`` (the
            process that called dies); for ``events``/``Deliver``: ``drop`` (the event is lost) and
            ``duplicate``.
        when: ``before`` the call takes effect, or ``after``.
        after: how many matching calls pass first.
        count: how many matching calls it hits then; ``None`` for all.
        role: only calls under this role; ``*`` under any role; empty: by anybody.
        subject: only calls about this, as the log names it (``subjects``); ``*`` for all.
        code: error code of kind ``error``.
        message: error message.
        status: HTTP status of kind ``error``.
        seconds: of the kinds ``delay`` and ``late``: lab time for functions, real time for other
            callers.
    """

    service: str = "*"
    action: str = "*"
    kind: str = "error"
    when: str = "before"
    after: int = 0
    count: int | None = 1
    role: str = ""
    subject: str = "*"
    code: str = "InternalError"
    message: str = "injected by the lab"
    status: int = 400
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; known: {', '.join(KINDS)}")
        if self.when not in ("before", "after"):
            raise ValueError(f"a fault happens before or after the effect, not {self.when!r}")
        of_events = (self.service, self.action) == ("events", "Deliver")
        if (self.kind in ("drop", "duplicate")) != of_events:
            raise ValueError("drop and duplicate are for service events, action Deliver, only")

    def matches(self, service: str, action: str, role: str, subject: str) -> bool:
        """Whether the fault is about such a call."""
        return (
            self.service in ("*", service)
            and self.action in ("*", action)
            and self.subject in ("*", subject)
            and (not self.role or self.role == role or (self.role == "*" and bool(role)))
        )


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Set one more."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Remove all."""
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """The faults that have not been used up."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, service: str, action: str, role: str = "", subject: str = "") -> list[Fault]:
        """The faults that hit this call; each is counted as used once."""
        hits = []
        with self._lock:
            for fault in [f for f in self._faults if f.matches(service, action, role, subject)]:
                if fault.after > 0:
                    fault.after -= 1
                    continue
                hits.append(fault)
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self._faults.remove(fault)
        return hits
