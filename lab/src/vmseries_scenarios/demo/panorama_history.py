"""The history of the firewalls and commits on Panorama, from repeated observations.

It uses public APIs only: Panorama's XML API, the tags that the launch function writes on its
instances, and the licensing API.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vmseries_scenarios.demo.model import COMMIT, PUSH, Device, Job
from vmseries_scenarios.demo.summary import format_duration
from vmseries_scenarios.demo.terminal_view import clock

Line = tuple[float, str]
"""A line of the event log, with its lab time."""

OK = "OK"


@dataclass(slots=True)
class Membership:
    """The time of a firewall on Panorama. Times are lab time; None for what has not happened.

    Attributes:
        device: The firewall as Panorama showed it last.
        instance_id: Instance ID from the tags; the host name until the tags are written.
        tagged: Whether the launch function has tagged its instance with the serial number.
        license: `used`, `returned`, or `-` before.
        joined: When it first connected.
        synced: When it first had the configuration of its device group and template stack.
        seen: When it was last observed on Panorama.
        left: When it was removed.
        commit: ID of the commit that removed it; None if it is not known.
    """

    device: Device
    instance_id: str
    tagged: bool = False
    license: str = "-"
    joined: float | None = None
    synced: float | None = None
    seen: float = 0.0
    left: float | None = None
    commit: int | None = None

    @property
    def serial(self) -> str:
        """Serial number of the firewall."""
        return self.device.serial

    @property
    def connection(self) -> str:
        """State of its connection: `connected`, `disconnected` or `removed`."""
        if self.left is not None:
            return "removed"
        return "connected" if self.device.connected else "disconnected"


@dataclass(slots=True)
class PanoramaHistory:
    """What was observed so far.

    Attributes:
        memberships: Memberships by serial number, in the order of the first observation.
        commits: All commits that Panorama lists, oldest first.
    """

    memberships: dict[str, Membership] = field(default_factory=dict)
    commits: list[Job] = field(default_factory=list)

    def of(self, instance_id: str) -> Membership | None:
        """Return the latest membership of an instance."""
        memberships = reversed(self.memberships.values())
        return next(
            (membership for membership in memberships if membership.instance_id == instance_id),
            None,
        )

    def add(
        self,
        at: float,
        devices: Mapping[str, Device],
        jobs: Sequence[Job],
        tags: Mapping[str, str],
        licensed: Collection[str],
    ) -> list[Line]:
        """Add an observation, and return the new lines for the event log.

        Args:
            at: Lab time just before the observation.
            devices: Managed firewalls, by serial number.
            jobs: Jobs of Panorama, requested after the devices, so that they include the commit
                that removed a device.
            tags: Serial numbers in the tags of instances, by instance ID.
            licensed: Serial numbers that hold a license.
        """
        news = list(self._follow_commits(jobs))
        for serial, device in devices.items():
            news += self._follow(device, at, jobs)
            self.memberships[serial].seen = at
        for serial, membership in self.memberships.items():
            if serial not in devices and membership.left is None:
                news.append(_end(membership, at, jobs))
            if serial in licensed:
                membership.license = "used"
            elif membership.license == "used":
                membership.license = "returned"
        news += self._follow_tags(at, tags)
        return news

    def _follow_commits(self, jobs: Sequence[Job]) -> Iterator[Line]:
        before = {job.number: job for job in self.commits}
        self.commits = [job for job in jobs if job.kind == COMMIT]
        for job in self.commits:
            known = before.get(job.number)
            if known is None:
                suffix = f": {job.description}" if job.description else ""
                yield (
                    job.queued_at,
                    f"commit {job.number} of {job.user} is queued on Panorama{suffix}",
                )
            if job.finished_at is not None and (known is None or known.finished_at is None):
                yield job.finished_at, f"commit {job.number} is finished: {job.result}"

    def _follow(self, device: Device, at: float, jobs: Sequence[Job]) -> Iterator[Line]:
        membership = self.memberships.setdefault(device.serial, Membership(device, device.hostname))
        membership.device = device
        membership.instance_id = membership.instance_id or device.hostname
        if membership.joined is None and device.connected:
            membership.joined = device.connected_at or at
            yield (
                membership.joined,
                f"{membership.instance_id} joined Panorama: serial {device.serial}",
            )
        if membership.synced is None and device.in_sync:
            pushes = (job for job in jobs if job.kind == PUSH and device.serial in job.pushed)
            membership.synced = max((job.finished_at or at for job in pushes), default=at)
            yield (
                membership.synced,
                f"{membership.instance_id} is in sync: device group and template stack",
            )

    def _follow_tags(self, at: float, tags: Mapping[str, str]) -> Iterator[Line]:
        for instance_id, serial in tags.items():
            membership = self.memberships.get(serial)
            if membership is not None and not membership.tagged:
                membership.instance_id, membership.tagged = instance_id, True
                yield at, f"{instance_id} is tagged: serial {serial}"


def _end(membership: Membership, at: float, jobs: Sequence[Job]) -> Line:
    """End a membership. Its commit is known if only one was finished since the last observation."""
    commits = [
        job
        for job in jobs
        # Panorama's times are whole seconds.
        if job.kind == COMMIT
        and job.result == OK
        and (job.finished_at or 0) >= int(membership.seen)
    ]
    membership.device = replace(membership.device, connected=False, group="-", stack="-")
    membership.left, by = at, ""
    if len(commits) == 1:
        membership.left, membership.commit = commits[0].finished_at or at, commits[0].number
        by = f" by commit {membership.commit}"
    return (
        membership.left,
        f"{membership.instance_id} left Panorama{by}: serial {membership.serial}",
    )


# Text ---------------------------------------------------------------------------------------------


def lines(history: PanoramaHistory) -> list[str]:
    """Return the memberships and the commits as two tables; times of day are lab time."""
    memberships = [
        (
            membership.serial,
            membership.instance_id,
            f"{_time(membership.joined)}{'' if membership.tagged else ' (not tagged)'}",
            "never"
            if membership.synced is None
            else format_duration(membership.synced - (membership.joined or membership.synced)),
            _left(membership),
            membership.license,
        )
        for membership in history.memberships.values()
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
        for job in history.commits
    ]
    headings = ("serial", "instance", "joined", "in sync after", "left", "license")
    return [
        "Panorama's firewalls:",
        *_columns([headings, *memberships]),
        "Panorama's commits:",
        *_columns([("job", "queued", "finished", "by", "result", "description"), *commits]),
    ]


def _time(at: float | None) -> str:
    return "not observed" if at is None else clock(at)


def _left(membership: Membership) -> str:
    if membership.left is None:
        return "still there"
    return clock(membership.left) + (
        f" (commit {membership.commit})" if membership.commit is not None else ""
    )


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Indent the rows, and align their columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
