"""What the demonstration sees and remembers: plain data, made by the observer, read by the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

IN_SERVICE = "InService"


@dataclass(frozen=True, slots=True)
class Firewall:
    """One firewall at one moment, joined from Auto Scaling, the load balancer and the lab.

    Attributes:
        instance_id: the EC2 instance.
        zone: its Availability Zone.
        lifecycle: Auto Scaling's lifecycle state, e.g. `Pending:Wait`.
        serial: the serial number, empty until it is licensed.
        panorama: `-`, `connected`, `in sync` or `disconnected`.
        sessions: active sessions.
        utilization: active sessions in percent of what the model carries.
        target: the target group's word on it: `initial`, `healthy`, `draining` …, or `-`.
    """

    instance_id: str
    zone: str
    lifecycle: str
    serial: str = ""
    panorama: str = "-"
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
        history: all moments, the oldest first.
        log: the event log in human words, each with its lab time.
    """

    stages: list[Stage] = field(default_factory=list)
    elapsed: float = 0.0
    moment: Moment | None = None
    start: float = 0.0
    history: list[Moment] = field(default_factory=list)
    log: list[tuple[float, str]] = field(default_factory=list)

    def running(self) -> Iterator[Stage]:
        """Yield the stages that are under way."""
        return (stage for stage in self.stages if stage.progress is Progress.RUNNING)
