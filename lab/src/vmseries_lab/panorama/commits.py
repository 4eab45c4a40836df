"""Commits and pushes: commands, and the jobs that they start.

Palo Alto Networks, PAN-OS and Panorama API guide: "Commit Configuration (API)".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from vmseries_lab.core.assumptions import Assumptions
from vmseries_lab.panorama import references
from vmseries_lab.panorama.config_store import Change, ConfigStore, same
from vmseries_lab.panorama.devices import Devices
from vmseries_lab.panorama.jobs import Job, Jobs, Report
from vmseries_lab.panorama.responses import (
    NO_CHANGES,
    SAME_AS_PREVIOUS,
    ApiError,
    enqueued,
    message,
)

COMMITTED = "Configuration committed successfully"
_HOMES = ("device-group", "template-stack")
QUEUE_LENGTH = 10
"""Maximum number of pending commits ("Commit, Validation, and Preview Operations")."""


@dataclass
class Pace:
    """How long jobs take, and why commits fail.

    Attributes:
        commit_seconds: lab seconds of a commit.
        push_seconds: lab seconds of a push.
        sync_seconds: lab seconds of the synchronization with the passive peer after a commit.
        failover_seconds: lab seconds until the passive peer takes over from a peer that lost power:
            hello interval and promotion hold time of the recommended timers ("HA Timers").
        fail_next_commit: reason why the next commit that finishes fails.
        fail_commits: reason why every commit fails.
        no_changes_as_line: put the text of "no changes" in a ``<line>``; both forms were recorded.
    """

    commit_seconds: float = 30.0
    push_seconds: float = 240.0
    sync_seconds: float = 10.0
    failover_seconds: float = 10.0
    fail_next_commit: str | None = None
    fail_commits: str | None = None
    no_changes_as_line: bool = False


class Commits:
    """Commit and push commands, and the work of their jobs."""

    def __init__(
        self,
        store: ConfigStore,
        jobs: Jobs,
        devices: Devices,
        pace: Pace,
        assumptions: Assumptions,
    ) -> None:
        self._assumptions = assumptions
        self._store = store
        self._jobs = jobs
        self._devices = devices
        self._pace = pace
        self._queued: dict[int, list[Change]] = {}

    def commit(self, command: Element, user: str, now: float) -> tuple[Element, Job | None]:
        """Queue a commit of the changes made so far (``type=commit``).

        Args:
            command: commit command, full or partial.
            user: administrator who sent it.
            now: lab time.

        Returns:
            The response, and the job or ``None`` if there is nothing to commit.

        Raises:
            ApiError: if the command is not a commit, a full commit is required, or the queue is
                full.
        """
        admins = _admins(command)
        if admins is not None and self._store.full_commit_required:
            # Panorama's real text is not known; this follows the error of a partial revert.
            raise ApiError("Partial commit is not allowed. Full system commit must be completed.")
        queued = [change for job in self._jobs.unfinished("Commit") for change in self._of(job)]
        changes = [change for change in self._store.pending(admins) if change not in queued]
        if not self._makes_a_difference(queued, changes, force=command.find("force") is not None):
            text = SAME_AS_PREVIOUS if queued else NO_CHANGES
            return message(text, 19, as_line=self._pace.no_changes_as_line), None
        waiting = [job for job in self._jobs.unfinished("Commit") if job.started_at is None]
        if len(waiting) >= QUEUE_LENGTH:
            # Panorama's real text is not known.
            raise ApiError("The commit queue is full. Please try again later.", code=13)
        job = self._jobs.add(
            "Commit",
            user,
            now,
            lambda: self._pace.commit_seconds,
            lambda: self._finish(job, full=admins is None),
            description=command.findtext(".//description", ""),
        )
        self._queued[job.number] = changes
        return enqueued(job.number, commit=True), job

    def forget(self) -> None:
        """Drop the changes of queued commits, whose jobs are lost."""
        self._queued.clear()

    def push(
        self,
        serials: Callable[[], list[str]],
        user: str,
        now: float,
        after: Job | None = None,
        *,
        description: str = "",
        seconds: float | None = None,
    ) -> Job:
        """Queue a push of the running configuration.

        Args:
            serials: returns the serial numbers of the devices; called when the push finishes.
            user: administrator who sent it.
            now: lab time.
            after: job that must have finished before the push starts.
            description: description of the job.
            seconds: its duration in lab seconds; ``None`` for that of :class:`Pace`.
        """
        return self._jobs.add(
            "CommitAll",
            user,
            now,
            lambda: self._pace.push_seconds if seconds is None else seconds,
            lambda: self._push(serials()),
            description=description,
            after=after,
        )

    def push_command(self, command: Element, user: str, now: float) -> Job:
        """Queue the push that a command requests (``type=commit&action=all``).

        Raises:
            ApiError: if the command names no existing device group or template stack.
        """
        for container in ("device-group", "template-stack"):
            place = command.find(f".//{container}")
            if place is None:
                continue
            entry = place.find("entry")
            name = entry.get("name", "") if entry is not None else place.findtext("name", "")
            if name not in references.names(self._store.running, container):
                raise ApiError(f"{container} -> {name} is not a valid reference", code=7)
            chosen = {device.get("name", "") for device in place.iterfind(".//devices/entry")}
            chosen |= {member.text or "" for member in place.iterfind(".//device/member")}
            return self.push(
                lambda container=container, name=name, chosen=chosen: [  # type: ignore[misc]
                    serial
                    for serial in references.members(self._store.running, container, name)
                    if not chosen or serial in chosen
                ],
                user,
                now,
                description=command.findtext(".//description", ""),
            )
        raise ApiError("commit-all needs a device group or a template stack", code=17)

    def _of(self, job: Job) -> list[Change]:
        return self._queued.get(job.number, [])

    def _makes_a_difference(
        self, queued: list[Change], changes: list[Change], *, force: bool
    ) -> bool:
        """Whether the commit would change the running configuration after the queued commits."""
        if force:
            return True
        try:
            base = self._store.preview(self._store.running, queued)
            return bool(changes) and not same(base, self._store.preview(base, changes))
        except ApiError:
            return True  # The job fails with the same error and reports it.

    def _finish(self, job: Job, *, full: bool) -> Report:
        changes = self._queued.pop(job.number)
        reason = self._pace.fail_next_commit or self._pace.fail_commits
        self._pace.fail_next_commit = None
        if reason is not None:
            return Report((reason, "Commit failed"), ok=False)
        former = {kind: references.homes(self._store.running, kind) for kind in _HOMES}
        try:
            self._store.commit(changes)
        except ApiError as error:
            return Report((*error.lines, "Commit failed"), ok=False)
        if self._assumptions["removal-commit-status"] == "others-out-of-sync":
            for container, homes in former.items():
                remaining = references.homes(self._store.running, container)
                for name in {homes[serial] for serial in homes.keys() - remaining.keys()}:
                    self._devices.removed(container, name)
        self._store.full_commit_required &= not full
        return Report((COMMITTED,))

    def _push(self, serials: list[str]) -> Report:
        devices = []
        for serial in serials:
            pushed = self._devices.push(self._store.running, serial)
            record = self._devices.get(serial)
            name = record.link.hostname if record else serial
            details = "commit succeeded" if pushed else "not connected"
            devices.append((serial, name, pushed, details))
        ok = all(device[2] for device in devices)
        return Report((), ok=ok, devices=tuple(devices))


def _admins(command: Element) -> set[str] | None:
    """Return the administrators of a partial commit, ``None`` for a full commit.

    Raises:
        ApiError: if the command is not a commit.
    """
    if command.tag != "commit":
        raise ApiError(f"unexpected here: {command.tag}", code=17)
    members = command.findall("partial/admin/member")
    if command.find("partial") is not None and not members:
        raise ApiError("partial commit needs an admin", code=17)
    return {member.text or "" for member in members} or None
