"""A Panorama behind the protocol: candidate and running configuration, jobs, firewalls."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from vmseries_autoscale.errors import (
    FirewallNotConnectedError,
    PanoramaBusyError,
    PanoramaRefusedError,
)
from vmseries_autoscale.panorama import Device, Job, Part, Removal
from vmseries_autoscale.panorama.protocol import Membership

LONG_AGO = "2000-01-01T00:00:00Z"


@dataclass
class FakePanorama:
    """One Panorama.

    Attributes:
        calls: the names of the methods called, in order.
        fail: called with each method's name first; raises what that call is to raise.
        commit_fails: details with which every commit job ends, if it is to fail.
        irremovable: details with which a commit fails that removes this firewall.
        user: the administrator who asks.
        changes: removals that an administrator has made, committed or not.
        queued: what a job commits: that which had been changed when it was asked for.
        askers: who asked for a job.
    """

    firewalls: dict[str, Device] = field(default_factory=dict)
    licensed: dict[str, list[str]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    named: dict[Part, set[str]] = field(default_factory=lambda: {part: set() for part in Part})
    committed: dict[Part, set[str]] = field(default_factory=lambda: {part: set() for part in Part})
    jobs: list[Job] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    fail: Callable[[str], None] = lambda _name: None
    commit_fails: tuple[str, ...] = ()
    deactivation_works: bool = True
    irremovable: dict[str, str] = field(default_factory=dict)
    user: str = "autoscale"
    changes: dict[str, set[Removal]] = field(default_factory=dict)
    queued: dict[str, set[Removal]] = field(default_factory=dict)
    askers: dict[str, str] = field(default_factory=dict)

    def register(self, device: Device) -> None:
        """A firewall joins, takes a licence, and is committed everywhere."""
        self.firewalls[device.serial] = device
        self.licensed[device.serial] = ["VM-Capacity"]
        for part in Part:
            self.named[part].add(device.serial)
            self.committed[part].add(device.serial)

    def finish_job(self) -> None:
        """The oldest commit that runs ends; the visit that sees it comes long after."""
        number = next((n for n, job in enumerate(self.jobs) if not job.finished), None)
        if number is not None:
            self.end_job(number)
            job = self.jobs[number]
            aged = re.sub(r"\S+Z$", LONG_AGO, job.description)
            self.jobs[number] = replace(job, description=aged)

    def end_job(self, number: int) -> None:
        """A commit ends."""
        job = self.jobs[number]
        removals = self.queued.pop(job.job_id, set())
        serials = sorted({serial for _, serial in removals})
        details = self.commit_fails or tuple(
            self.irremovable[serial] for serial in serials if serial in self.irremovable
        )
        self.jobs[number] = replace(job, finished=True, failed=bool(details), details=details)
        if not details:
            for part, serial in removals:
                self.committed[part].discard(serial)
            self._forget()

    def _forget(self) -> None:
        """Panorama shows a firewall as what the running configuration makes of it."""
        for serial in self.firewalls.keys() - self.committed[Part.MANAGED_DEVICES]:
            del self.firewalls[serial]
        for serial in self.firewalls.keys() - self.committed[Part.DEVICE_GROUP]:
            self.firewalls[serial] = replace(self.firewalls[serial], policy_status=None)

    def entries(self) -> int:
        """How often a firewall is named in the running configuration."""
        return sum(len(serials) for serials in self.committed.values())

    def devices(self) -> list[Device]:
        self._called("devices")
        return list(self.firewalls.values())

    def licences(self, serial: str) -> list[str]:
        self._called("licences")
        self._reach(serial)
        return list(self.licensed[serial])

    def set_licensing_api_key(self, serial: str, api_key: str) -> None:
        self._called("set_licensing_api_key")
        self._reach(serial)
        self.keys[serial] = api_key

    def deactivate_licence(self, serial: str) -> bool:
        self._called("deactivate_licence")
        self._reach(serial)
        if self.deactivation_works:
            self.licensed[serial] = []
        return self.deactivation_works

    def running(self) -> Membership:
        self._called("running")
        return {part: frozenset(serials) for part, serials in self.committed.items()}

    def candidate(self) -> Membership:
        self._called("candidate")
        return {part: frozenset(serials) for part, serials in self.named.items()}

    def remove_all(
        self, removals: Sequence[Removal], _in_time: Callable[[], bool]
    ) -> dict[Removal, PanoramaRefusedError]:
        self._called("remove_all")
        refused = {}
        for part, serial in removals:
            try:
                self.remove(part, serial)
            except PanoramaRefusedError as error:
                refused[part, serial] = error
        return refused

    def remove(self, part: Part, serial: str) -> None:
        if serial in self.named[part]:
            self.named[part].discard(serial)
            self.changes.setdefault(self.user, set()).add((part, serial))

    def open_changes(self, user: str) -> set[Removal]:
        """An administrator's changes that are neither committed nor about to be."""
        taken = set[Removal]().union(*self.queued.values())
        return {
            (part, serial)
            for part, serial in self.changes.get(user, set()) - taken
            if serial in self.committed[part] and serial not in self.named[part]
        }

    def commit(self, description: str, administrator: str | None = None) -> str | None:
        self._called("commit")
        removals = self.open_changes(administrator or self.user)
        if not removals:
            return None
        job_id = str(len(self.jobs) + 1)
        self.jobs.append(Job(job_id, False, False, (), description))
        self.queued[job_id] = removals
        self.askers[job_id] = self.user
        return job_id

    def revert(self) -> None:
        self._called("revert")
        if any(not job.finished for job in self.jobs):
            raise PanoramaBusyError(
                "Local commit jobs are queued. Revert operation is not allowed."
            )
        for part, serial in self.open_changes(self.user):
            self.named[part].add(serial)

    def commits(self) -> list[Job]:
        self._called("commits")
        return [job for job in reversed(self.jobs) if self.askers.get(job.job_id) == self.user]

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.fail(name)

    def _reach(self, serial: str) -> None:
        if not self.firewalls[serial].connected:
            raise FirewallNotConnectedError(f"{serial} not connected")
