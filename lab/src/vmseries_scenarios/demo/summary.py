"""The figures at the end, computed only from the lab's timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.demo.resource_owners import ResourceOwners

ORDER_OF_TERMINATION = (
    "target-draining",
    "terminate hook-waiting",
    "license-returned",
    "terminate hook-completed",
    "interface-detached",
)
"""The order that protects flows first and the license second (docs/architecture.md).

The load balancer has drained the firewall before the hook starts. The license is returned through
the management interface, so that no interface may be detached before: EC2 detaches and deletes all
of them with the instance.
"""


NAMES = {
    "interfaces": ("interface", "interfaces"),
    "addresses": ("address", "addresses"),
    "licenses": ("license", "licenses"),
    "panorama_entries": ("Panorama entry", "Panorama entries"),
}
"""Names of what can be left behind, singular and plural."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and maximum of durations, in seconds of lab time."""

    count: int
    median: float
    largest: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Spread | None:
        """Return the spread of durations; None if there are none."""
        values = list(seconds)
        return cls(len(values), median(values), max(values)) if values else None


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run.

    Attributes:
        launches: Number of firewalls that were launched.
        to_interfaces: Time from the launch event to the last attached interface.
        to_service: Time from the launch event to `InService`.
        peak: Maximum number of firewalls in service at once.
        commits: Number of Panorama commits by the module's administrator.
        terminations: Number of instances that were terminated.
        licenses_activated: Number of licenses that firewalls activated.
        licenses_returned: Number of licenses that were returned.
        out_of_order: Instances whose termination did not follow `ORDER_OF_TERMINATION`.
        early: Instances that got traffic before they were ready.
    """

    launches: int = 0
    to_interfaces: Spread | None = None
    to_service: Spread | None = None
    peak: int = 0
    commits: int = 0
    terminations: int = 0
    licenses_activated: int = 0
    licenses_returned: int = 0
    out_of_order: tuple[str, ...] = ()
    early: tuple[str, ...] = ()


@dataclass(slots=True)
class InstanceTimeline:
    """When each kind of entry happened first and last to an instance."""

    first: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)

    def note(self, kind: str, at: float) -> None:
        """Record that `kind` happened at `at`."""
        self.first.setdefault(kind, at)
        self.last[kind] = at


def summarize(entries: Sequence[Entry], *, administrator: str) -> Summary:
    """Compute the figures.

    Args:
        entries: The whole timeline.
        administrator: Name of the module's administrator on Panorama; only its commits count.
    """
    timelines = follow(entries)
    launched = [
        timeline for timeline in timelines.values() if "launch hook-waiting" in timeline.first
    ]
    ended = {
        instance: timeline
        for instance, timeline in timelines.items()
        if "instance-terminated" in timeline.first
    }
    return Summary(
        launches=len(launched),
        to_interfaces=Spread.of(between(launched, "launch hook-waiting", "interface-attached")),
        to_service=Spread.of(between(launched, "launch hook-waiting", "instance-in-service")),
        peak=peak(entries),
        commits=sum(
            entry.kind == "commit-finished" and entry.detail.get("user") == administrator
            for entry in entries
        ),
        terminations=len(ended),
        licenses_activated=sum(entry.kind == "license-activated" for entry in entries),
        licenses_returned=sum(entry.kind == "license-returned" for entry in entries),
        out_of_order=tuple(
            sorted(name for name, timeline in ended.items() if not in_order(timeline))
        ),
        early=tuple(
            sorted({entry.subject for entry in entries if entry.kind == "traffic-to-unready"})
        ),
    )


def follow(entries: Sequence[Entry]) -> dict[str, InstanceTimeline]:
    """Return the timeline of each instance.

    The kinds of lifecycle hooks include the name of the hook: `launch hook-waiting`.
    """
    owners = ResourceOwners()
    timelines: dict[str, InstanceTimeline] = {}
    for entry in entries:
        instance = owners.of(entry)
        if instance is None:
            continue
        hook = entry.detail.get("hook")
        kind = f"{hook} {entry.kind}" if hook else entry.kind
        timelines.setdefault(instance, InstanceTimeline()).note(kind, entry.at)
    return timelines


def between(timelines: Iterable[InstanceTimeline], start: str, end: str) -> Iterable[float]:
    """Yield the seconds from the first `start` to the last `end` of each timeline that has both."""
    for timeline in timelines:
        if start in timeline.first and end in timeline.last:
            yield timeline.last[end] - timeline.first[start]


def in_order(timeline: InstanceTimeline) -> bool:
    """Return whether the steps of a termination started in order.

    A step that never happened is not a violation, since what it left behind is counted.
    """
    times = [timeline.first[kind] for kind in ORDER_OF_TERMINATION if kind in timeline.first]
    return times == sorted(times)


def peak(entries: Sequence[Entry]) -> int:
    """Return the largest number of instances that were in service at once."""
    in_service: set[str] = set()
    most = 0
    for entry in entries:
        if entry.kind == "instance-in-service":
            in_service.add(entry.subject)
            most = max(most, len(in_service))
        elif entry.kind in {"target-draining", "instance-terminating", "instance-terminated"}:
            in_service.discard(entry.subject)
    return most


# Text ---------------------------------------------------------------------------------------------


def lines(summary: Summary) -> list[str]:
    """Return the figures as lines of text; durations are lab time."""
    launched, ended = summary.launches, summary.terminations
    return [
        spread_line("launch event to interfaces attached", summary.to_interfaces),
        spread_line("launch event to InService", summary.to_service),
        f"firewalls: {launched} launched, {summary.peak} at the peak, {ended} terminated",
        f"licenses: {summary.licenses_activated} activated, {summary.licenses_returned} returned",
        f"commits on Panorama by the module: {summary.commits}",
        names_line("traffic before a firewall was ready", summary.early),
        names_line(
            "terminations out of order (drain, hook, license, interfaces)", summary.out_of_order
        ),
    ]


def failures(
    summary: Summary, leftovers: Mapping[str, int] | None, *, smallest: int, largest: int
) -> list[str]:
    """Return why a run has failed although all its stages ended; nothing if it has passed.

    Args:
        summary: The figures of the run.
        leftovers: What the public APIs still show, by name; None if it was not counted.
        smallest: How many firewalls had to be launched before the wave.
        largest: How many firewalls had to be in service during the wave.
    """
    failed = []
    if leftovers is None:
        failed.append("leftovers were not counted")
    elif any(leftovers.values()):
        failed.append("something was left behind (see the last line)")
    if summary.early:
        failed.append(f"{len(summary.early)} firewalls got traffic before they were ready")
    if summary.out_of_order:
        failed.append(f"{len(summary.out_of_order)} terminations were out of order")
    if summary.peak < largest:
        failed.append(f"the group grew to {summary.peak} firewalls, not to {largest}")
    if summary.terminations < summary.launches or summary.launches < smallest:
        failed.append(
            f"{summary.launches} firewalls were launched and {summary.terminations} terminated"
        )
    return failed


def leftovers_line(leftovers: Mapping[str, int]) -> str:
    """Return the line that says what was left behind."""
    counts = (f"{count} {NAMES[name][count != 1]}" for name, count in leftovers.items())
    return f"leftovers: {', '.join(counts)}"


def spread_line(name: str, spread: Spread | None) -> str:
    """Return a line with the spread of a duration."""
    if spread is None:
        return f"{name}: not observed"
    middle, largest = format_duration(spread.median), format_duration(spread.largest)
    return f"{name}: median {middle}, max {largest} ({spread.count})"


def names_line(name: str, instances: Sequence[str]) -> str:
    """Return a line with the instances that violate a rule."""
    return f"{name}: {', '.join(instances) or 'none'}"


def format_duration(seconds: float) -> str:
    """Return a duration as text, in seconds or minutes."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
