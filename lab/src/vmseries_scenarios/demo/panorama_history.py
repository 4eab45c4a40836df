"""Every serial number's stay on Panorama, and Panorama's commits, from one look to the next.

All of it is what public APIs say: Panorama's XML API, the tags that the launch function writes on
its instances, and the licensing API.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vmseries_scenarios.demo.model import COMMIT, PUSH, Device, Job
from vmseries_scenarios.demo.summary import human
from vmseries_scenarios.demo.terminal_view import clock

Line = tuple[float, str]
"""A sentence for the event log, with its lab time."""

OK = "OK"


@dataclass(frozen=True, slots=True)
class Tag:
    """What an instance's tags say: its serial number, and the evidence by which it was found."""

    serial: str
    evidence: str


@dataclass(slots=True)
class Stay:
    """One firewall's stay on Panorama; times are lab time, None for what has not happened.

    Attributes:
        device: as Panorama showed it last.
        instance_id: by its tag; until that is written, by its host name.
        evidence: by which the launch function knew it, from the tag; empty until that is written.
        license: `used`, `returned`, or `-` before either.
        joined: when it connected first.
        synced: when it first had what both its device group and its template stack hold.
        seen: the look at which it was on Panorama last.
        left: when it was gone.
        commit: the commit that removed it; None too if several may have.
    """

    device: Device
    instance_id: str
    evidence: str = ""
    license: str = "-"
    joined: float | None = None
    synced: float | None = None
    seen: float = 0.0
    left: float | None = None
    commit: int | None = None

    @property
    def serial(self) -> str:
        """The serial number."""
        return self.device.serial

    @property
    def connection(self) -> str:
        """How it stands with Panorama: `connected`, `disconnected` or `removed`."""
        if self.left is not None:
            return "removed"
        return "connected" if self.device.connected else "disconnected"


@dataclass(slots=True)
class Ledger:
    """What was seen so far.

    Attributes:
        stays: by serial number, in the order in which they were seen first.
        commits: all that Panorama remembers, the oldest first.
    """

    stays: dict[str, Stay] = field(default_factory=dict)
    commits: list[Job] = field(default_factory=list)

    def of(self, instance_id: str) -> Stay | None:
        """The newest stay of an instance."""
        stays = reversed(self.stays.values())
        return next((stay for stay in stays if stay.instance_id == instance_id), None)

    def enter(
        self,
        at: float,
        devices: Mapping[str, Device],
        jobs: Sequence[Job],
        tags: Mapping[str, Tag],
        licensed: Collection[str],
    ) -> list[Line]:
        """Enter what one look has shown; return what is new in it.

        Args:
            at: lab time just before the look.
            devices: what Panorama manages, by serial number.
            jobs: its jobs, asked for after the devices: whatever removed one is among them.
            tags: by instance.
            licensed: the serial numbers that hold a license.
        """
        news = list(self._follow_commits(jobs))
        for serial, device in devices.items():
            news += self._follow(device, at, jobs)
            self.stays[serial].seen = at
        for serial, stay in self.stays.items():
            if serial not in devices and stay.left is None:
                news.append(_end(stay, at, jobs))
            if serial in licensed:
                stay.license = "used"
            elif stay.license == "used":
                stay.license = "returned"
        news += self._follow_tags(at, tags)
        return news

    def _follow_commits(self, jobs: Sequence[Job]) -> Iterator[Line]:
        before = {job.number: job for job in self.commits}
        self.commits = [job for job in jobs if job.kind == COMMIT]
        for job in self.commits:
            known = before.get(job.number)
            if known is None:
                what = f": {job.description}" if job.description else ""
                yield (
                    job.queued_at,
                    f"commit {job.number} of {job.user} is queued on Panorama{what}",
                )
            if job.finished_at is not None and (known is None or known.finished_at is None):
                yield job.finished_at, f"commit {job.number} is finished: {job.result}"

    def _follow(self, device: Device, at: float, jobs: Sequence[Job]) -> Iterator[Line]:
        stay = self.stays.setdefault(device.serial, Stay(device, device.hostname))
        stay.device = device
        stay.instance_id = stay.instance_id or device.hostname
        if stay.joined is None and device.connected:
            stay.joined = device.connected_at or at
            yield stay.joined, f"{stay.instance_id} joined Panorama: serial {device.serial}"
        if stay.synced is None and device.in_sync:
            pushes = (job for job in jobs if job.kind == PUSH and device.serial in job.pushed)
            stay.synced = max((job.finished_at or at for job in pushes), default=at)
            yield stay.synced, f"{stay.instance_id} is in sync: device group and template stack"

    def _follow_tags(self, at: float, tags: Mapping[str, Tag]) -> Iterator[Line]:
        for instance_id, tag in tags.items():
            stay = self.stays.get(tag.serial)
            if stay is not None and not stay.evidence:
                stay.instance_id, stay.evidence = instance_id, tag.evidence
                yield at, f"{instance_id} is tagged: serial {tag.serial}, known by {tag.evidence}"


def _end(stay: Stay, at: float, jobs: Sequence[Job]) -> Line:
    """End a stay, by the commit that was finished since the last look, if there was one only."""
    found = [
        job
        for job in jobs
        # Panorama writes whole seconds.
        if job.kind == COMMIT and job.result == OK and (job.finished_at or 0) >= int(stay.seen)
    ]
    stay.device = replace(stay.device, connected=False, group="-", stack="-")
    stay.left, by = at, ""
    if len(found) == 1:
        stay.left, stay.commit = found[0].finished_at or at, found[0].number
        by = f" by commit {stay.commit}"
    return stay.left, f"{stay.instance_id} left Panorama{by}: serial {stay.serial}"


# Words --------------------------------------------------------------------------------------------


def lines(ledger: Ledger) -> list[str]:
    """Write the stays and the commits as two tables, a row a line; times of day are lab time."""
    stays = [
        (
            stay.serial,
            stay.instance_id,
            f"{_time(stay.joined)} ({stay.evidence or 'not tagged'})",
            "never" if stay.synced is None else human(stay.synced - (stay.joined or stay.synced)),
            _left(stay),
            stay.license,
        )
        for stay in ledger.stays.values()
    ]
    commits = [
        (
            str(job.number),
            _time(job.queued_at),
            _time(job.finished_at),
            job.user,
            job.result,
            job.description or "-",
        )
        for job in ledger.commits
    ]
    headings = ("serial", "instance", "joined (evidence)", "in sync after", "left", "license")
    return [
        "Panorama's firewalls:",
        *_columns([headings, *stays]),
        "Panorama's commits:",
        *_columns([("job", "queued", "finished", "by", "result", "description"), *commits]),
    ]


def _time(at: float | None) -> str:
    return "not seen" if at is None else clock(at)


def _left(stay: Stay) -> str:
    if stay.left is None:
        return "still there"
    return clock(stay.left) + (f" (commit {stay.commit})" if stay.commit is not None else "")


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Indent the rows and align their columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
