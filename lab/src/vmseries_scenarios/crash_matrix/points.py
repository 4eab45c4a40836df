"""Calls by names that are the same in every run, and what can go wrong at one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vmseries_autoscale.aws import clients
from vmseries_lab.aws.requests import Call as LoggedCall

ATTEMPTS: int = vars(clients.CONFIG)["retries"]["total_max_attempts"]
"""How often the functions' SDK tries a call at most; pan-os-python tries once."""
TRIED_ONCE = {("sqs", "SendMessage")}
"""Calls through ``aws.sqs_without_retries``."""

PANORAMA = "panorama"


@dataclass(frozen=True, order=True)
class Call:
    """One call of a run.

    Attributes:
        service: as boto3 names it, or ``panorama``.
        action: as the API names it.
        subject: what it is about; interfaces are wired at the same time, so that the order of calls
            is another one in every run, but not that of the calls about one thing.
        occurrence: which of the calls that are equal in all that, from 1.
    """

    service: str
    action: str
    subject: str
    occurrence: int

    def __str__(self) -> str:
        name = f"{self.action} {self.subject}" if self.service == PANORAMA else self.action
        about = f" {self.subject}" if self.subject and self.service != PANORAMA else ""
        number = f" #{self.occurrence}" if self.occurrence > 1 else ""
        return f"{self.service} {name}{about}{number}"


def calls_of(log: Iterable[LoggedCall], role: str) -> list[Call]:
    """The calls that the function with this role made itself, in the order of their arrival."""
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for entry in log:
        if entry.role != role or entry.via:
            continue
        key = entry.service, entry.action, entry.subject
        seen[key] += 1
        found.append(Call(*key, seen[key]))
    return found


FAULTS: Mapping[str, Mapping[str, Any]] = {
    "killed before": {"kind": "crash"},
    "killed after": {"kind": "crash", "when": "after"},
    "throttled": {"kind": "throttle"},
    "HTTP 500": {"kind": "http-500"},
    "reset after": {"kind": "reset", "when": "after"},
    "time-out": {"kind": "late", "seconds": 1.5},
}
"""By name, as the lab takes them.

A throttled call and one that is answered with HTTP 500 stay so for as long as the SDK tries, so
that the function gets to see it. The other four strike once: what the SDK does about a broken
connection and a time-out, it does to a call that has had its effect, or will have it in a moment.
"""

LONGEST = "time-out"
LASTING = {"throttled", "HTTP 500"}


def fault(call: Call, name: str, role: str) -> dict[str, Any]:
    """The lab's fault for one point."""
    once = call.service == PANORAMA or (call.service, call.action) in TRIED_ONCE
    tries = ATTEMPTS if name in LASTING and not once else 1
    return {
        "service": call.service,
        "action": call.action,
        "subject": call.subject,
        "after": call.occurrence - 1,
        "count": tries,
        "role": role,
        **FAULTS[name],
    }
