"""Calls by names that are the same in every run, and the faults that can happen to one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vmseries_autoscale.aws import clients
from vmseries_lab.aws.requests import Call as LoggedCall

ATTEMPTS: int = vars(clients.CONFIG)["retries"]["total_max_attempts"]
"""Maximum attempts of the functions' AWS SDK; pan-os-python makes one attempt."""
SINGLE_ATTEMPT = {("ec2", "AllocateAddress"), ("sqs", "SendMessage")}
"""Calls without retries, through ``clients.ec2_once`` and ``clients.sqs_once``."""

PANORAMA = "panorama"


@dataclass(frozen=True, order=True)
class Call:
    """One call of a run.

    Attributes:
        service: Name as in boto3, or ``panorama``.
        action: Name as in the API.
        subject: The resource. Interfaces are created in parallel, so that the order of all calls
            differs in every run, but not that of the calls about one resource.
        occurrence: Number among the calls that are equal in all this, from 1.
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
    """Return the calls that the function with this role made itself, in order of time."""
    occurrences: Counter[tuple[str, str, str]] = Counter()
    calls = []
    for entry in log:
        if entry.role != role or entry.via:
            continue
        key = entry.service, entry.action, entry.subject
        occurrences[key] += 1
        calls.append(Call(*key, occurrences[key]))
    return calls


FAULTS: Mapping[str, Mapping[str, Any]] = {
    "killed before": {"kind": "crash"},
    "killed after": {"kind": "crash", "when": "after"},
    "throttled": {"kind": "throttle"},
    "HTTP 500": {"kind": "http-500"},
    "reset after": {"kind": "reset", "when": "after"},
    "time-out": {"kind": "late", "seconds": 1.5},
}
"""Faults by name, with the settings of the lab.

Throttling and HTTP 500 last for all attempts of the SDK, so that the function gets the error. The
other four happen once: after a broken connection or a time-out, the SDK repeats a call that has
had its effect, or is about to have it.
"""

LONGEST = "time-out"
LASTING = {"throttled", "HTTP 500"}


def fault(call: Call, name: str, role: str) -> dict[str, Any]:
    """Return the settings of the lab's fault for a point."""
    once = call.service == PANORAMA or (call.service, call.action) in SINGLE_ATTEMPT
    count = ATTEMPTS if name in LASTING and not once else 1
    return {
        "service": call.service,
        "action": call.action,
        "subject": call.subject,
        "after": call.occurrence - 1,
        "count": count,
        "role": role,
        **FAULTS[name],
    }
