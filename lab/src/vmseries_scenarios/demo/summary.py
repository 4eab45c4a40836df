"""The figures at the end: computed from the lab's timeline, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.demo.resource_owners import Owners

ORDER_OF_TERMINATION = (
    "target-draining",
    "terminate hook-waiting",
    "license-returned",
    "interface-detached",
    "terminate hook-completed",
)
"""The order that protects flows first and the license second (docs/architecture.md).

The load balancer has drained the firewall before the hook; the management interface is how the
license is returned, so no interface goes before it.
"""


NAMES = {
    "interfaces": ("interface", "interfaces"),
    "addresses": ("address", "addresses"),
    "licenses": ("license", "licenses"),
    "panorama_entries": ("Panorama entry", "Panorama entries"),
}
"""What can be left behind, one and several."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Some durations, in seconds of lab time."""

    count: int
    median: float
    largest: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Spread | None:
        """Return the spread of some durations, None of none."""
        values = list(seconds)
        return cls(len(values), median(values), max(values)) if values else None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to.

    Attributes:
        launches: firewalls that were launched.
        to_interfaces: from the launch event to the last interface attached.
        to_service: from the launch event to `InService`.
        peak: most firewalls in service at once.
        commits: commits on Panorama by the module's administrator.
        terminations: instances that ended.
        licenses_taken: licenses that firewalls took.
        licenses_returned: licenses that were given back.
        disordered: instances whose termination broke `ORDER_OF_TERMINATION`.
        early: instances that got traffic before they were ready.
    """

    launches: int = 0
    to_interfaces: Spread | None = None
    to_service: Spread | None = None
    peak: int = 0
    commits: int = 0
    terminations: int = 0
    licenses_taken: int = 0
    licenses_returned: int = 0
    disordered: tuple[str, ...] = ()
    early: tuple[str, ...] = ()


@dataclass(slots=True)
class Life:
    """One instance's timeline: when each kind happened first and last."""

    first: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)

    def note(self, kind: str, at: float) -> None:
        """Remember that `kind` happened at `at`."""
        self.first.setdefault(kind, at)
        self.last[kind] = at


def summarize(entries: Sequence[Entry], *, administrator: str) -> Summary:
    """Compute the figures.

    Args:
        entries: the whole timeline.
        administrator: the name that the module's functions use on Panorama; the commits of others
            are not the module's.
    """
    lives = follow(entries)
    launched = [life for life in lives.values() if "launch hook-waiting" in life.first]
    ended = {
        instance: life for instance, life in lives.items() if "instance-terminated" in life.first
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
        licenses_taken=sum(entry.kind == "license-taken" for entry in entries),
        licenses_returned=sum(entry.kind == "license-returned" for entry in entries),
        disordered=tuple(sorted(name for name, life in ended.items() if not in_order(life))),
        early=tuple(
            sorted({entry.subject for entry in entries if entry.kind == "traffic-to-unready"})
        ),
    )


def follow(entries: Sequence[Entry]) -> dict[str, Life]:
    """Return the life of each instance.

    Steps at lifecycle hooks are told apart by the hook: `launch hook-waiting`.
    """
    owners = Owners()
    lives: dict[str, Life] = {}
    for entry in entries:
        instance = owners.of(entry)
        if instance is None:
            continue
        hook = entry.detail.get("hook")
        kind = f"{hook} {entry.kind}" if hook else entry.kind
        lives.setdefault(instance, Life()).note(kind, entry.at)
    return lives


def between(lives: Iterable[Life], start: str, end: str) -> Iterable[float]:
    """Yield the seconds from the first `start` to the last `end` of each life that has both."""
    for life in lives:
        if start in life.first and end in life.last:
            yield life.last[end] - life.first[start]


def in_order(life: Life) -> bool:
    """Whether a terminated instance went through the steps in order, by when each began.

    A step that never happened is no violation here: what it left behind is counted as such.
    """
    times = [life.first[kind] for kind in ORDER_OF_TERMINATION if kind in life.first]
    return times == sorted(times)


def peak(entries: Sequence[Entry]) -> int:
    """Return the largest number of instances that were in service at once."""
    inside: set[str] = set()
    most = 0
    for entry in entries:
        if entry.kind == "instance-in-service":
            inside.add(entry.subject)
            most = max(most, len(inside))
        elif entry.kind in {"target-draining", "instance-terminating", "instance-terminated"}:
            inside.discard(entry.subject)
    return most


# Words --------------------------------------------------------------------------------------------


def lines(summary: Summary) -> list[str]:
    """Write the figures, one a line; durations are lab time."""
    launched, ended = summary.launches, summary.terminations
    return [
        spread_line("launch event to interfaces attached", summary.to_interfaces),
        spread_line("launch event to InService", summary.to_service),
        f"firewalls: {launched} launched, {summary.peak} at the peak, {ended} terminated",
        f"licenses: {summary.licenses_taken} taken, {summary.licenses_returned} returned",
        f"commits on Panorama by the module: {summary.commits}",
        names_line("traffic before a firewall was ready", summary.early),
        names_line(
            "terminations out of order (drain, hook, license, interfaces)", summary.disordered
        ),
    ]


def failures(
    summary: Summary, leftovers: Mapping[str, int] | None, *, smallest: int, largest: int
) -> list[str]:
    """Return why a run whose stages all ended has failed all the same; nothing if it has not.

    Args:
        summary: its figures.
        leftovers: what the public APIs still show, by name; None if that was never counted.
        smallest: firewalls that had to be launched before the wave.
        largest: firewalls that had to be in service during it.
    """
    found = []
    if leftovers is None:
        found.append("what was left behind was never counted")
    elif any(leftovers.values()):
        found.append("something was left behind (the last line)")
    if summary.early:
        found.append(f"{len(summary.early)} firewalls got traffic before they were ready")
    if summary.disordered:
        found.append(f"{len(summary.disordered)} terminations broke their order")
    if summary.peak < largest:
        found.append(f"the group grew to {summary.peak} firewalls, not to {largest}")
    if summary.terminations < summary.launches or summary.launches < smallest:
        found.append(f"{summary.launches} firewalls came and {summary.terminations} went")
    return found


def leftovers_line(leftovers: Mapping[str, int]) -> str:
    """Write the line that the whole demonstration is about."""
    counts = (f"{count} {NAMES[name][count != 1]}" for name, count in leftovers.items())
    return f"leftovers: {', '.join(counts)}"


def spread_line(name: str, spread: Spread | None) -> str:
    """Write one duration."""
    if spread is None:
        return f"{name}: never seen"
    return f"{name}: median {human(spread.median)}, max {human(spread.largest)} ({spread.count})"


def names_line(name: str, instances: Sequence[str]) -> str:
    """Write which instances broke a rule."""
    return f"{name}: {', '.join(instances) or 'none'}"


def human(seconds: float) -> str:
    """Write a duration as a person would."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
