"""What the demonstration sees and remembers: plain data, made by the observer, read by the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

IN_SERVICE = "InService"

IN_SYNC, OUT_OF_SYNC = "in sync", "out"
"""How a firewall stands with its device group or its template stack."""

COMMIT, PUSH = "Commit", "CommitAll"
"""Types of Panorama's jobs."""


@dataclass(frozen=True, slots=True)
class Firewall:
    """One firewall at one moment, as Auto Scaling, the load balancer, Panorama and others show it.

    Attributes:
        instance_id: the EC2 instance.
        zone: its Availability Zone.
        lifecycle: Auto Scaling's lifecycle state, e.g. `Pending:Wait`.
        serial: the serial number, empty until Panorama knows it.
        panorama: `-`, `connected`, `disconnected` or `removed`.
        group: how it stands with its device group: `in sync`, `out` or `-`.
        stack: how it stands with its template stack, in the same words.
        license: `-`, `used` or `returned`.
        sessions: active sessions.
        utilization: active sessions in percent of what the model carries.
        target: the target group's word on it: `initial`, `healthy`, `draining` …, or `-`.
    """

    instance_id: str
    zone: str
    lifecycle: str
    serial: str = ""
    panorama: str = "-"
    group: str = "-"
    stack: str = "-"
    license: str = "-"
    sessions: int = 0
    utilization: float = 0.0
    target: str = "-"

    @property
    def in_service(self) -> bool:
        """Whether Auto Scaling counts it as serving."""
        return self.lifecycle == IN_SERVICE

    @property
    def serving(self) -> bool:
        """Whether it is in service and the load balancer sends it traffic."""
        return self.in_service and self.target == "healthy"

    @property
    def leaving(self) -> bool:
        """Whether it is on its way out."""
        return self.lifecycle.startswith("Terminat")


@dataclass(frozen=True, slots=True)
class Moment:
    """The lab at one moment.

    Attributes:
        at: lab time, seconds since the epoch.
        offered: sessions that want to pass the firewalls.
        firewalls: the group's members, ordered by zone and age.
    """

    at: float
    offered: int
    firewalls: tuple[Firewall, ...] = ()

    def count(self, *, leaving: bool = False, starting: bool = False) -> int:
        """How many firewalls serve, or leave, or are starting."""
        if leaving:
            return sum(firewall.leaving for firewall in self.firewalls)
        if starting:
            return sum(not (f.leaving or f.in_service) for f in self.firewalls)
        return sum(firewall.in_service for firewall in self.firewalls)


@dataclass(frozen=True, slots=True)
class Device:
    """A managed firewall.

    Attributes:
        serial: its serial number.
        hostname: as it calls itself; empty if it never connected.
        connected: whether it is connected now.
        connected_at: since when, seconds since the epoch; None if it is not connected.
        group: how it stands with its device group: `in sync`, `out`, or `-`.
        stack: how it stands with its template stack, in the same words.
    """

    serial: str
    hostname: str = ""
    connected: bool = False
    connected_at: float | None = None
    group: str = "-"
    stack: str = "-"

    @property
    def in_sync(self) -> bool:
        """Whether it has all that Panorama has for it."""
        return self.connected and self.group == self.stack == IN_SYNC


@dataclass(frozen=True, slots=True)
class Job:
    """A job.

    Attributes:
        number: Panorama's number of it.
        kind: `Commit`, `CommitAll` (a push), or another one.
        user: who asked for it; empty for Panorama itself.
        description: what for, as whoever asked for it put it.
        result: `PEND` until it is finished, then `OK` or `FAIL`.
        queued_at: seconds since the epoch.
        finished_at: the same; None until it is finished.
        pushed: serial numbers of the firewalls that took what was pushed.
    """

    number: int
    kind: str
    user: str
    description: str
    result: str
    queued_at: float
    finished_at: float | None = None
    pushed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of lab time with a name, for the picture."""

    name: str
    start: float
    end: float


class Progress(Enum):
    """How far a stage is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Stage:
    """One stage of the demonstration, as the view shows it.

    Attributes:
        name: what happens in it.
        progress: how far it is.
        seconds: real time that it has taken.
        note: the newest remark, such as "41 of 97 resources".
    """

    name: str
    progress: Progress = Progress.WAITING
    seconds: float = 0.0
    note: str = ""


@dataclass(slots=True)
class Board:
    """Everything that the view shows; the scenario writes it, the view only reads.

    Attributes:
        stages: all stages in order.
        elapsed: real seconds since the start.
        moment: the newest state of the lab.
        start: lab time at which the lab started.
        commits: Panorama's commits, the oldest first.
        history: all moments, the oldest first.
        log: the event log in human words, each with its lab time.
    """

    stages: list[Stage] = field(default_factory=list)
    elapsed: float = 0.0
    moment: Moment | None = None
    start: float = 0.0
    commits: list[Job] = field(default_factory=list)
    history: list[Moment] = field(default_factory=list)
    log: list[tuple[float, str]] = field(default_factory=list)

    def running(self) -> Iterator[Stage]:
        """Yield the stages that are under way."""
        return (stage for stage in self.stages if stage.progress is Progress.RUNNING)
