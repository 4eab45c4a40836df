"""The firewalls' CloudWatch metrics, and when those of the group arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from acceptance.facts import Answer, Evidence, Fact
from acceptance.history import Snapshot

METRIC = "panSessionUtilization"
MINUTE = 60
NO_METRICS = "the firewalls published no metrics: see panorama_set_commands"


def samples_by_minute(
    snapshots: Sequence[Snapshot], points: Mapping[int, int]
) -> list[tuple[int, int, int]]:
    """Return, for each minute between two looks at the same members, what was published.

    Args:
        snapshots: What was seen, oldest first.
        points: Number of data points by minute, in minutes since the epoch.

    Returns:
        Tuples of firewalls in service, firewalls in ``Terminating:Wait``, and data points.
    """
    counts: dict[int, set[tuple[int, int]]] = {}
    for snapshot in snapshots:
        states = list(snapshot.members.values())
        seen = (states.count("InService"), states.count("Terminating:Wait"))
        other = len(states) - sum(seen)
        if not other:
            counts.setdefault(int(snapshot.time // MINUTE), set()).add(seen)
    return [
        (*next(iter(seen)), points.get(minute, 0))
        for minute, seen in sorted(counts.items())
        if len(seen) == 1
    ]


def publishing(minutes: Sequence[tuple[int, int, int]]) -> Answer | None:
    """Return how many data points a firewall in service publishes each minute."""
    rates = [points / serving for serving, leaving, points in minutes if serving and not leaving]
    published = [rate for rate in rates if rate]
    if not published:
        return None
    typical = median(published)
    detail = f"{typical:.1f} data points per firewall and minute"
    if 0.75 <= typical <= 1.25:
        return Answer("once-a-minute", detail)
    return Answer("twice-a-minute" if 1.75 <= typical <= 2.25 else "other", detail)


def of_a_leaving_firewall(minutes: Sequence[tuple[int, int, int]]) -> Answer | None:
    """Return whether a firewall in ``Terminating:Wait`` continues to publish."""
    normal = publishing(minutes)
    held = [(s, h, points) for s, h, points in minutes if h]
    if normal is None or not held:
        return None
    each = float(normal.detail.split()[0])
    extra = median((points / each - serving) / leaving for serving, leaving, points in held)
    return Answer("zeros" if extra >= 0.5 else "nothing", f"in {len(held)} minutes")


def group_delay(newest: float, now: float) -> Answer:
    """Return how late the group metrics are, in whole minutes.

    Args:
        newest: Start of the newest minute with a value.
        now: Any time in the minute after.
    """
    late = max(int((now // MINUTE * MINUTE - MINUTE - newest) // MINUTE), 0)
    return Answer("in-time" if late == 0 else "late", f"{late} minutes late")


def _group_delay(evidence: Evidence) -> Answer | None:
    clock = evidence.account.clock
    # Shortly after a whole minute, as an alarm would look.
    clock.wait(MINUTE - clock.now() % MINUTE + 5)
    now = clock.now()
    points = evidence.account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/AutoScaling",
        MetricName="GroupInServiceInstances",
        Dimensions=[
            {"Name": "AutoScalingGroupName", "Value": evidence.outputs["autoscaling_group"]["name"]}
        ],
        StartTime=datetime.fromtimestamp(now - 15 * MINUTE, UTC),
        EndTime=datetime.fromtimestamp(now + MINUTE, UTC),
        Period=MINUTE,
        Statistics=["Average"],
    )["Datapoints"]
    newest = [point["Timestamp"].timestamp() for point in points]
    return group_delay(max(newest), now) if newest else None


def _metrics(evidence: Evidence) -> list[dict[str, Any]]:
    namespace = evidence.outputs["metric_namespace"]
    pages = evidence.account.client("cloudwatch").get_paginator("list_metrics")
    return [metric for page in pages.paginate(Namespace=namespace) for metric in page["Metrics"]]


def dimensions(metrics: Sequence[Mapping[str, Any]]) -> Answer | None:
    """Return the names of the dimensions of the firewalls' metrics."""
    if not metrics:
        return None
    names = {
        ", ".join(sorted(one["Name"] for one in metric.get("Dimensions", []))) or "none"
        for metric in metrics
    }
    return Answer(" and ".join(sorted(names)), f"{len({m['MetricName'] for m in metrics})} metrics")


def _statistics(evidence: Evidence) -> list[dict[str, Any]]:
    if not evidence.snapshots:
        return []
    # In pieces: one request returns at most 1,440 data points.
    start, end = evidence.snapshots[0].time, evidence.account.clock.now() + MINUTE
    found: list[dict[str, Any]] = []
    while start < end:
        until = min(start + 1440 * MINUTE, end)
        found += evidence.account.client("cloudwatch").get_metric_statistics(
            Namespace=evidence.outputs["metric_namespace"],
            MetricName=METRIC,
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(until, UTC),
            Period=MINUTE,
            Statistics=["SampleCount"],
        )["Datapoints"]
        start = until
    return found


def _minutes(evidence: Evidence) -> list[tuple[int, int, int]]:
    points = {
        int(point["Timestamp"].timestamp() // MINUTE): round(point["SampleCount"])
        for point in _statistics(evidence)
    }
    return samples_by_minute(evidence.snapshots, points)


def unit(points: Sequence[Mapping[str, Any]]) -> Answer | None:
    """Return the unit of the data points."""
    return Answer(" and ".join(sorted({str(p["Unit"]) for p in points}))) if points else None


FACTS = (
    Fact(
        "metric-dimensions",
        "Which dimensions have the firewalls' metrics?",
        "",
        lambda evidence: dimensions(_metrics(evidence)),
        NO_METRICS,
    ),
    Fact(
        "metric-unit",
        f"Which unit has {METRIC}?",
        "",
        lambda evidence: unit(_statistics(evidence)),
        NO_METRICS,
    ),
    Fact(
        "metric-publishing",
        "How often does a firewall publish each metric in a minute, at an interval of one minute?",
        "once-a-minute or twice-a-minute",
        lambda evidence: publishing(_minutes(evidence)),
        NO_METRICS,
    ),
    Fact(
        "leaving-firewall-metrics",
        "What does a firewall publish to CloudWatch while it carries no traffic?",
        "zeros",
        lambda evidence: of_a_leaving_firewall(_minutes(evidence)),
        f"{NO_METRICS}, or no firewall was held for a whole minute",
    ),
    Fact(
        "group-metric-delay",
        "Are the group metrics of a minute there five seconds after it?",
        "",
        _group_delay,
        "the group has no metrics",
    ),
)
