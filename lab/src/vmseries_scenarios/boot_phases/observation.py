"""What an operator sees of licenses: those in use, and what the functions reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab

FUNCTIONS = ("launch", "terminate", "reconcile")


@dataclass(frozen=True)
class Reports:
    """What the functions of one deployment reported.

    Attributes:
        lost: Instance ids of firewalls whose license was reported as not returned.
        counted: Sum of the metric LicenseNotReturned.
        returned: Sum of the metric LicenseReturned.
        errors: Messages of unexpected errors.
    """

    lost: list[str]
    counted: int
    returned: int
    errors: list[str]


def reports(lab: ForkableLab, deployment: str) -> Reports:
    """Return what the functions of a deployment reported since the lab began."""
    lines = [line for name in FUNCTIONS for line in _log(lab, f"{deployment}-{name}")]
    return Reports(
        lost=[line["instance_id"] for line in lines if line.get("license") == "not-returned"],
        counted=_sum(lines, "LicenseNotReturned"),
        returned=_sum(lines, "LicenseReturned"),
        errors=[str(line.get("message")) for line in lines if "exception" in line],
    )


def metric(lab: ForkableLab, deployment: str, name: str) -> int:
    """Return the sum of a metric over the functions of a deployment."""
    lines = [line for each in FUNCTIONS for line in _log(lab, f"{deployment}-{each}")]
    return _sum(lines, name)


def gauge(lab: ForkableLab, deployment: str, name: str) -> int:
    """Return what the last run of the reconcile function of a deployment wrote for a metric."""
    lines = [line for line in _log(lab, f"{deployment}-reconcile") if name in line]
    return _sum(lines[-1:], name)


def _sum(lines: list[dict[str, Any]], metric_name: str) -> int:
    values = (line.get(metric_name, []) for line in lines if "_aws" in line)
    return round(sum(sum(value) if isinstance(value, list) else value for value in values))


def _log(lab: ForkableLab, function: str) -> Iterator[dict[str, Any]]:
    """Yield the structured lines of a function's log."""
    logs = lab.client("logs")
    group = f"/aws/lambda/{function}"
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
        for event in page["events"]:
            if event["message"].startswith("{"):
                yield json.loads(event["message"])
