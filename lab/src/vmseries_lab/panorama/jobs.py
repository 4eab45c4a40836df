"""Panorama's jobs: commits one after the other, pushes beside them.

https://docs.paloaltonetworks.com/pan-os/7-1/pan-os-new-features/management-features/commit-queues
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from xml.etree.ElementTree import Element, SubElement

from vmseries_lab.panorama.responses import ApiError, leaf, with_lines

Kind = Literal["Commit", "CommitAll", "BatchLicense", "HA-Sync"]


@dataclass(frozen=True, slots=True)
class Report:
    """How a job ended.

    Attributes:
        lines: what ``details`` says.
        ok: result ``OK`` or ``FAIL``.
        devices: per device of a push, ``serial, host name, ok, details``.
    """

    lines: tuple[str, ...]
    ok: bool = True
    devices: tuple[tuple[str, str, bool, str], ...] = ()


@dataclass
class Job:
    """One job.

    Attributes:
        seconds: how long it takes once it has begun, asked when it begins.
        work: what it does, done at its end.
        after: a job that must have ended before this one begins.
    """

    number: int
    kind: Kind
    user: str
    queued_at: float
    seconds: Callable[[], float]
    work: Callable[[], Report]
    description: str = ""
    after: Job | None = None
    started_at: float | None = None
    ends_at: float = 0.0
    finished_at: float | None = None
    report: Report = field(default_factory=lambda: Report(()))

    @property
    def status(self) -> str:
        """``PEND``, ``ACT`` or ``FIN``."""
        if self.finished_at is not None:
            return "FIN"
        return "PEND" if self.started_at is None else "ACT"

    @property
    def outcome(self) -> str:
        """``PEND`` until the end, then ``OK`` or ``FAIL``."""
        if self.finished_at is None:
            return "PEND"
        return "OK" if self.report.ok else "FAIL"

    def progress(self, now: float) -> int:
        """Per cent done, 100 at the end only."""
        if self.started_at is None:
            return 0
        if self.finished_at is not None:
            return 100
        whole = max(self.ends_at - self.started_at, 1e-9)
        return min(99, int(100 * (now - self.started_at) / whole))

    def answer(self, now: float, position: int) -> Element:
        """The job as ``show jobs`` shows it."""
        job = Element("job")
        job.append(leaf("tenq", _moment(self.queued_at)))
        job.append(leaf("tdeq", _moment(self.started_at)[11:] or "00:00:00"))
        job.append(leaf("id", self.number))
        job.append(leaf("user", self.user))
        job.append(leaf("type", self.kind))
        job.append(leaf("status", self.status))
        job.append(leaf("queued", "YES" if self.status == "PEND" else "NO"))
        job.append(leaf("stoppable", "yes" if self.status == "ACT" else "no"))
        job.append(leaf("result", self.outcome))
        job.append(leaf("tfin", _moment(self.finished_at) or "Still Active"))
        job.append(leaf("description", self.description))
        job.append(leaf("positionInQ", position))
        job.append(leaf("progress", self.progress(now)))
        job.append(with_lines(Element("details"), *self.report.lines))
        SubElement(job, "warnings")
        if self.kind == "CommitAll":
            job.append(self._devices(now))
        return job

    def _devices(self, now: float) -> Element:
        devices = Element("devices")
        for serial, name, ok, details in self.report.devices:
            entry = SubElement(devices, "entry")
            entry.append(leaf("serial-no", serial))
            entry.append(leaf("devicename", name))
            entry.append(leaf("result", "OK" if ok else "FAIL"))
            entry.append(leaf("status", details))
            entry.append(leaf("progress", self.progress(now)))
            entry.append(leaf("tstart", _moment(self.started_at)[11:]))
            entry.append(leaf("tfin", _moment(self.finished_at)[11:]))
            entry.append(with_lines(Element("details"), details))
        return devices


class Jobs:
    """All jobs since start. Commits are run in turn; everything else begins at once.

    Args:
        first: number of the first job.
    """

    def __init__(self, first: int = 1) -> None:
        self.all: list[Job] = []
        self._next = first

    def add(
        self,
        kind: Kind,
        user: str,
        now: float,
        seconds: Callable[[], float],
        work: Callable[[], Report],
        *,
        description: str = "",
        after: Job | None = None,
    ) -> Job:
        """Put a job at the end of its queue."""
        job = Job(self._next, kind, user, now, seconds, work, description, after)
        self._next += 1
        self.all.append(job)
        return job

    def clear(self) -> None:
        """Know of no job any more. Numbers are not used again."""
        self.all.clear()

    def get(self, number: str) -> Job:
        """The job of this number.

        Raises:
            ApiError: code 7 if there is none.
        """
        job = next((job for job in self.all if str(job.number) == number), None)
        if job is None:
            raise ApiError(f"job {number} not found", code=7)
        return job

    def unfinished(self, kind: Kind | None = None) -> list[Job]:
        """Jobs that wait or run, in their order."""
        return [job for job in self.all if job.status != "FIN" and kind in (None, job.kind)]

    def position(self, job: Job) -> int:
        """How many jobs of its kind are before it."""
        return self.unfinished(job.kind).index(job) if job.status != "FIN" else 0

    def tick(self, now: float) -> list[Job]:
        """Begin and end what is due; the jobs that ended."""
        ended: list[Job] = []
        while step := self._step(now):
            ended += [job for job in step if job.status == "FIN"]
        return ended

    def _step(self, now: float) -> list[Job]:
        """Jobs that moved on; a job begins when the one before it ended, not when it was looked."""
        moved: list[Job] = []
        for job in self.unfinished():
            if job.started_at is None and (begin := self._may_begin(job)) is not None:
                job.started_at = begin
                job.ends_at = begin + job.seconds()
                moved.append(job)
            elif job.started_at is not None and now >= job.ends_at:
                job.report = job.work()
                job.finished_at = job.ends_at
                moved.append(job)
        return moved

    def _may_begin(self, job: Job) -> float | None:
        """Since when nothing holds the job back, or ``None`` if something does."""
        before = [job.after] if job.after else []
        if job.kind == "Commit":
            earlier = itertools.takewhile(lambda other: other is not job, self.all)
            before += [other for other in earlier if other.kind == "Commit"]
        if any(other.finished_at is None for other in before):
            return None
        return max([job.queued_at, *(other.finished_at or 0.0 for other in before)])


def _moment(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d %H:%M:%S")
