"""Faults that tests inject into calls."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = (
    "error",
    "throttle",
    "http-500",
    "replace",
    "delay",
    "reset",
    "late",
    "crash",
    "drop",
    "duplicate",
)

DEVICES = ("panorama", "firewall")
"""Services whose requests are those of the XML API of a PAN-OS device."""


@dataclass(slots=True)
class Fault:
    """A fault of matching calls.

    Attributes:
        service: name of the service in boto3; ``*`` for any.
        action: name of the action; ``*`` for any.
        kind: ``error`` (returns ``code``), ``throttle``, ``http-500``, ``delay`` (by ``seconds``),
            ``replace`` (a PAN-OS device returns ``body``), ``reset`` (the connection breaks without
            a response), ``late`` (no response until the
            caller has given up; the call takes effect ``seconds`` later), ``crash`` (kills the
            calling process); for ``events``/``Deliver``: ``drop`` (the event is lost) and
            ``duplicate`` (it is delivered twice).
        when: ``before`` or ``after`` the call takes effect.
        after: number of matching calls that succeed first.
        count: number of matching calls that fail then; ``None`` for all.
        role: name of the caller's role; ``*`` for any role; ``-`` for callers without a role, such
            as Terraform; empty for any caller.
        subject: subject of the call as the log shows it (``stable_names``); ``*`` for any.
        code: error code of kind ``error``.
        message: error message.
        status: HTTP status of the kinds ``error`` and ``replace``.
        body: of kind ``replace``: the body of the response.
        repeat: of kind ``replace``: how many times it is sent; ``None`` for a response without end.
        content_type: of kind ``replace``.
        headers: of kind ``replace``: further headers of the response.
        seconds_per_byte: of kind ``replace``: lab seconds that a function waits for each byte.
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
    body: str = ""
    repeat: int | None = 1
    content_type: str = "application/xml; charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)
    seconds_per_byte: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; use one of {', '.join(KINDS)}")
        if self.when not in ("before", "after"):
            raise ValueError(f"unknown time of a fault {self.when!r}; use before or after")
        of_events = (self.service, self.action) == ("events", "Deliver")
        if (self.kind in ("drop", "duplicate")) != of_events:
            raise ValueError("drop and duplicate are for service events, action Deliver, only")
        if self.kind == "replace" and self.service not in DEVICES:
            raise ValueError("replace is for the services panorama and firewall only")

    def matches(self, service: str, action: str, role: str, subject: str) -> bool:
        """Whether the fault matches a call."""
        return (
            self.service in ("*", service)
            and self.action in ("*", action)
            and self.subject in ("*", subject)
            and self._matches_role(role)
        )

    def _matches_role(self, role: str) -> bool:
        if self.role == "-":
            return not role
        return not self.role or self.role == role or (self.role == "*" and bool(role))


class Faults:
    """The active faults."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults that are not used up, JSON-ready."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, service: str, action: str, role: str = "", subject: str = "") -> list[Fault]:
        """Return the faults of this call, and count one use of each."""
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
