"""Panorama's jobs: commits run one at a time, other jobs run in parallel.

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
    """Result of a job.

    Attributes:
        lines: lines of ``details``.
        ok: whether the result is ``OK`` (otherwise ``FAIL``).
        devices: (serial number, host name, ok, details) of each device of a push.
    """

    lines: tuple[str, ...]
    ok: bool = True
    devices: tuple[tuple[str, str, bool, str], ...] = ()


@dataclass
class Job:
    """One job.

    Attributes:
        seconds: returns the duration in lab seconds; called when the job starts.
        work: does the work and returns its result; called when the job finishes.
        after: job that must have finished before this one starts.
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
        """``PEND`` until the job has finished, then ``OK`` or ``FAIL``."""
        if self.finished_at is None:
            return "PEND"
        return "OK" if self.report.ok else "FAIL"

    def progress(self, now: float) -> int:
        """Return the progress in percent; 100 only if the job has finished."""
        if self.started_at is None:
            return 0
        if self.finished_at is not None:
            return 100
        whole = max(self.ends_at - self.started_at, 1e-9)
        return min(99, int(100 * (now - self.started_at) / whole))

    def answer(self, now: float, position: int, *, with_devices: bool = True) -> Element:
        """Return the job as ``show jobs`` shows it.

        Args:
            now: lab time.
            position: position in the queue.
            with_devices: whether the devices of a push are shown. They are in recorded responses to
                ``show jobs id`` (demisto/content, push_to_device_success.xml); no recorded job list
                has them.
        """
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
            job.append(leaf("push_type", "shared-policy"))
        if with_devices and (self.kind == "CommitAll" or self.report.devices):
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
            entry.append(self._device_details(serial, details, ok=ok))
        return devices

    def _device_details(self, serial: str, details: str, *, ok: bool) -> Element:
        """Return the details of one device: those of a push are nested messages."""
        if self.kind != "CommitAll":
            return with_lines(Element("details"), details)
        shown = Element("details")
        attributes = {"cmd": "push-data", "dname": serial, "jobid": str(self.number)}
        message = SubElement(shown, "msg", attributes, result="success" if ok else "fail")
        text = "Configuration committed successfully" if ok else details
        with_lines(SubElement(message, "errors"), text)
        SubElement(message, "warnings")
        return shown


class Jobs:
    """All jobs of a peer since its start. Commits run one at a time; other jobs start at once.

    Args:
        first: number of the first job.

    Attributes:
        all: jobs in the order in which they were added.
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
        """Add a job at the end of its queue; for the arguments see :class:`Job`."""
        job = Job(self._next, kind, user, now, seconds, work, description, after)
        self._next += 1
        self.all.append(job)
        return job

    def clear(self) -> None:
        """Remove all jobs. Their numbers are not reused."""
        self.all.clear()

    def get(self, number: str) -> Job:
        """Return the job with this number.

        Raises:
            ApiError: code 7 if there is no such job.
        """
        job = next((job for job in self.all if str(job.number) == number), None)
        if job is None:
            raise ApiError(f"job {number} not found", code=7)
        return job

    def unfinished(self, kind: Kind | None = None) -> list[Job]:
        """Return pending and active jobs in their order, of all kinds or of one."""
        return [job for job in self.all if job.status != "FIN" and kind in (None, job.kind)]

    def position(self, job: Job) -> int:
        """Return the number of unfinished jobs of the same kind ahead of this job."""
        return self.unfinished(job.kind).index(job) if job.status != "FIN" else 0

    def tick(self, now: float) -> list[Job]:
        """Start and finish the jobs that are due; return the jobs that have finished."""
        finished: list[Job] = []
        while changed := self._advance(now):
            finished += [job for job in changed if job.status == "FIN"]
        return finished

    def _advance(self, now: float) -> list[Job]:
        """Start or finish each job that is due; return the jobs whose status changed.

        A job starts when the job ahead of it finished, even if that was before ``now``.
        """
        changed: list[Job] = []
        for job in self.unfinished():
            if job.started_at is None and (start := self._start_time(job)) is not None:
                job.started_at = start
                job.ends_at = start + job.seconds()
                changed.append(job)
            elif job.started_at is not None and now >= job.ends_at:
                job.report = job.work()
                job.finished_at = job.ends_at
                changed.append(job)
        return changed

    def _start_time(self, job: Job) -> float | None:
        """Return the lab time at which a job can start, ``None`` if it has to wait for others."""
        before = [job.after] if job.after else []
        if job.kind == "Commit":
            earlier = itertools.takewhile(lambda other: other is not job, self.all)
            before += [other for other in earlier if other.kind == "Commit"]
        if any(other.finished_at is None for other in before):
            return None
        return max([job.queued_at, *(other.finished_at or 0.0 for other in before)])


def failed_job() -> Element:
    """Return an entry of the job list for a job that a restart has ended; it has no number.

    Recorded in PaloAltoNetworks/pan-os-ansible#533.
    """
    job = Element("job")
    job.append(leaf("type", "Failed-Job"))
    job.append(with_lines(Element("details"), "job failed because of configd restart"))
    SubElement(job, "warnings")
    return job


def job_without_id() -> Element:
    """Return an entry of the job list whose number is empty. No recorded list has one."""
    job = Element("job")
    for tag, text in (("id", ""), ("user", ""), ("type", "Commit"), ("status", "ACT")):
        job.append(leaf(tag, text))
    return job


def unfinished(job: Element) -> Element:
    """Change the entry of a job in the list to one of a job that has not ended; return it."""
    changes = {"status": "ACT", "result": "PEND", "tfin": "Still Active", "progress": "99"}
    for tag, text in changes.items():
        found = job.find(tag)
        if found is not None:
            found.text = text
    return job


def _moment(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d %H:%M:%S")
