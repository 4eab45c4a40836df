"""The demonstration's data: written by the observer, read by everything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

IN_SERVICE = "InService"

IN_SYNC, OUT_OF_SYNC = "in sync", "out"
"""Whether a firewall has the current configuration of its device group or template stack."""

COMMIT, PUSH = "Commit", "CommitAll"
"""Types of Panorama jobs."""


@dataclass(frozen=True, slots=True)
class Firewall:
    """A firewall at one moment, as Auto Scaling, the load balancer, Panorama and others show it.

    Attributes:
        instance_id: ID of the EC2 instance.
        zone: Its Availability Zone.
        lifecycle: Its lifecycle state in Auto Scaling, such as `Pending:Wait`.
        serial: Its serial number; empty until Panorama knows it.
        panorama: `-`, `connected`, `disconnected` or `removed`.
        group: Status of its device group: `in sync`, `out` or `-`.
        stack: Status of its template stack, with the same values.
        license: `-`, `used` or `returned`.
        sessions: Active sessions.
        utilization: Active sessions in percent of the model's capacity.
        target: Its state in the target group: `initial`, `healthy`, `draining` …, or `-`.
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
        """Whether Auto Scaling has it in service."""
        return self.lifecycle == IN_SERVICE

    @property
    def serving(self) -> bool:
        """Whether it is in service and the load balancer sends it traffic."""
        return self.in_service and self.target == "healthy"

    @property
    def leaving(self) -> bool:
        """Whether it is being terminated."""
        return self.lifecycle.startswith("Terminat")


@dataclass(frozen=True, slots=True)
class Moment:
    """The lab at one moment.

    Attributes:
        at: Lab time, in seconds since the epoch.
        offered: Number of sessions that clients offer.
        firewalls: Members of the group, ordered by zone and instance ID.
    """

    at: float
    offered: int
    firewalls: tuple[Firewall, ...] = ()

    def count(self, *, leaving: bool = False, starting: bool = False) -> int:
        """Return how many firewalls are in service, or are being terminated, or are starting."""
        if leaving:
            return sum(firewall.leaving for firewall in self.firewalls)
        if starting:
            return sum(not (f.leaving or f.in_service) for f in self.firewalls)
        return sum(firewall.in_service for firewall in self.firewalls)


@dataclass(frozen=True, slots=True)
class Device:
    """A managed firewall on Panorama.

    Attributes:
        serial: Its serial number.
        hostname: Its host name; empty if it has never connected.
        connected: Whether it is connected.
        connected_at: Time of the connection, in seconds since the epoch; None if not connected.
        group: Status of its device group: `in sync`, `out`, or `-`.
        stack: Status of its template stack, with the same values.
    """

    serial: str
    hostname: str = ""
    connected: bool = False
    connected_at: float | None = None
    group: str = "-"
    stack: str = "-"

    @property
    def in_sync(self) -> bool:
        """Whether it has the current configuration of its device group and template stack."""
        return self.connected and self.group == self.stack == IN_SYNC


@dataclass(frozen=True, slots=True)
class Job:
    """A job of Panorama.

    Attributes:
        number: ID of the job.
        kind: `Commit`, `CommitAll` (a push), or another type.
        user: Administrator who requested it; empty for Panorama itself.
        description: Description of the commit.
        result: `PEND` until it is finished, then `OK` or `FAIL`.
        queued_at: Time at which it was queued, in seconds since the epoch.
        finished_at: Time at which it was finished; None until then.
        pushed: Serial numbers of the firewalls that accepted the push.
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
    """A named interval of lab time, for the chart."""

    name: str
    start: float
    end: float


class Progress(Enum):
    """Progress of a stage."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Stage:
    """One stage of the demonstration, as the view shows it.

    Attributes:
        name: Name of the stage.
        progress: Its progress.
        seconds: Real time that it has taken.
        note: The latest note, such as "41 of 97 resources".
    """

    name: str
    progress: Progress = Progress.WAITING
    seconds: float = 0.0
    note: str = ""


@dataclass(slots=True)
class Board:
    """Everything that the view shows. The scenario writes it; the view only reads it.

    Attributes:
        stages: All stages in order.
        elapsed: Real seconds since the start.
        moment: The latest state of the lab.
        start: Lab time at which the lab started.
        commits: Panorama's commits, oldest first.
        history: All moments, oldest first.
        log: Lines of the event log, each with its lab time.
    """

    stages: list[Stage] = field(default_factory=list)
    elapsed: float = 0.0
    moment: Moment | None = None
    start: float = 0.0
    commits: list[Job] = field(default_factory=list)
    history: list[Moment] = field(default_factory=list)
    log: list[tuple[float, str]] = field(default_factory=list)

    def running(self) -> Iterator[Stage]:
        """Yield the stages that are running."""
        return (stage for stage in self.stages if stage.progress is Progress.RUNNING)
