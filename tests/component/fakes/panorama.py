"""A Panorama in memory: candidate and running configuration, jobs and firewalls."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from component.fakes.base import NAME
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceBusyError,
    DeviceRefusedError,
    FirewallNotConnectedError,
    LicensingKeyError,
    ObjectReferencedError,
    SecondaryPeerError,
)
from vmseries_autoscale.licensing.by_plugin import PLUGIN_ADMINISTRATOR
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama import (
    BatchLicense,
    Device,
    Job,
    Part,
    Place,
    Places,
    PluginFirewall,
    Push,
    Removal,
)
from vmseries_autoscale.panorama.interface import Membership
from vmseries_autoscale.panorama.jobs import push_description

LICENSE_MANAGER = "LM"
LONG_AGO = "2000-01-01T00:00:00Z"


@dataclass(frozen=True)
class FirewallBehindPanorama:
    """A firewall's license commands, each forwarded by a Panorama."""

    panorama: Any
    serial: str

    def system_info(self) -> SystemInfo:
        info: SystemInfo = self.panorama.system_info(self.serial)
        return info

    def licenses(self) -> list[str]:
        licensed: list[str] = self.panorama.licenses(self.serial)
        return licensed

    def valid_licenses(self) -> list[str]:
        return self.licenses()

    def set_licensing_api_key(self, api_key: str) -> None:
        self.panorama.set_licensing_api_key(self.serial, api_key)

    def deactivate_license(self) -> bool:
        confirmed: bool = self.panorama.deactivate_license(self.serial)
        return confirmed


@dataclass
class FakePanorama:
    """A Panorama behind the interface of its client.

    Attributes:
        calls: Names of the called methods, in order.
        fail: Called first with the name of each method; raises the error of that call.
        commit_fails: Details of every commit job; not empty if commits fail.
        listed: Serial numbers that each license manager of the plugin lists as licensed.
        deactivation_requests: Serial numbers of each request that the plugin has not executed.
        deactivated: Deactivated serial numbers, under "" until the plugin's changes are
            committed, then under the ID of the commit job; they leave the list when it ends.
        plugin_works: Whether the plugin executes its requests.
        irremovable: Details of a commit that fails because it removes this firewall.
        elsewhere: Groups of firewalls that are not in the configured groups.
        collectors_configured: Whether the settings have a log collector group.
        infos: What a firewall says about itself; by default what the device list shows of it.
        no_key: Whether Panorama has no licensing API key, which the batch commands need.
        secondary: Whether the secondary peer is active, which does not execute batch commands.
        batch_jobs: Serial numbers of each job that returns licenses.
        batch_answers: Whether Panorama has stored licenses.
        plugin_answers: Whether the license plugin's response has a list.
        addresses: Addresses in the license plugin's list; by default those of the device list.
        auth_keys_expire: When the last VM auth key expires; ``None`` if there is no key.
        plugin_names: Host names in the license plugin's list; likewise.
        own_managers: License managers of the configured groups.
        user: The administrator of the connection.
        changes: Removals of each administrator, committed or not.
        queued: Removals that each job commits: those made before it was requested.
        job_users: The administrator who requested each job.
    """

    firewalls: dict[str, Device] = field(default_factory=dict)
    licensed: dict[str, list[str]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    named: dict[Part, set[str]] = field(default_factory=lambda: {part: set() for part in Part})
    committed: dict[Part, set[str]] = field(default_factory=lambda: {part: set() for part in Part})
    jobs: list[Job] = field(default_factory=list)
    push_jobs: list[Push] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    fail: Callable[[str], None] = lambda _name: None
    commit_fails: tuple[str, ...] = ()
    deactivation_works: bool = True
    listed: dict[str, set[str]] = field(default_factory=lambda: {LICENSE_MANAGER: set()})
    deactivation_requests: list[frozenset[str]] = field(default_factory=list)
    deactivated: dict[str, set[str]] = field(default_factory=lambda: {"": set()})
    plugin_works: bool = True
    irremovable: dict[str, str] = field(default_factory=dict)
    user: str = "autoscale"
    changes: dict[str, set[Removal]] = field(default_factory=dict)
    queued: dict[str, set[Removal]] = field(default_factory=dict)
    job_users: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[tuple[Part, str], str] = field(default_factory=dict)
    collectors_configured: bool = True
    infos: dict[str, SystemInfo] = field(default_factory=dict)
    no_key: bool = False
    secondary: bool = False
    batch_jobs: dict[str, frozenset[str]] = field(default_factory=dict)
    batch_answers: bool = True
    plugin_answers: bool = True
    addresses: dict[str, str] = field(default_factory=dict)
    auth_keys_expire: datetime | None = None
    plugin_names: dict[str, str] = field(default_factory=dict)
    own_managers: set[str] = field(default_factory=lambda: {LICENSE_MANAGER})

    def register(self, device: Device) -> None:
        """Add a firewall that has a license and is committed everywhere."""
        self.firewalls[device.serial] = device
        self.licensed[device.serial] = ["VM-Capacity"]
        self.listed[LICENSE_MANAGER].add(device.serial)
        for part in Part:
            self.named[part].add(device.serial)
            self.committed[part].add(device.serial)

    def finish_job(self) -> None:
        """End the oldest commit in progress, long before the next visit."""
        number = next((n for n, job in enumerate(self.jobs) if not job.finished), None)
        if number is not None:
            self.end_job(number)
            job = self.jobs[number]
            aged = re.sub(r"\S+Z$", LONG_AGO, job.description)
            self.jobs[number] = replace(job, description=aged)

    def end_job(self, number: int) -> None:
        """End a commit job, or one that returns licenses, by its index."""
        job = self.jobs[number]
        removals = self.queued.pop(job.job_id, set())
        serials = sorted({removal.serial for removal in removals})
        details = self.commit_fails or tuple(
            self.irremovable[serial] for serial in serials if serial in self.irremovable
        )
        self.jobs[number] = replace(job, finished=True, failed=bool(details), details=details)
        if not details:
            for serial in self.batch_jobs.pop(job.job_id, ()):
                self.delicense(serial)
            for removal in removals:
                self.committed[removal.part].discard(removal.serial)
            for serial in self.deactivated.pop(job.job_id, ()):
                self.delicense(serial)
            self._forget()
        else:
            self.deactivated[""] |= self.deactivated.pop(job.job_id, set())

    def finish_plugin(self) -> None:
        """Let the license plugin execute its requests."""
        if self.plugin_works:
            self.deactivated[""] |= frozenset().union(*self.deactivation_requests)
        self.deactivation_requests.clear()

    def delicense(self, serial: str) -> None:
        """Return a license: neither the plugin nor the firewall has it afterwards."""
        self.licensed[serial] = []
        for serials in self.listed.values():
            serials.discard(serial)

    def _forget(self) -> None:
        """Show a firewall as the running configuration has it."""
        for serial in self.firewalls.keys() - self.committed[Part.MANAGED_DEVICES]:
            del self.firewalls[serial]
        for serial in self.firewalls.keys() - self.committed[Part.DEVICE_GROUP]:
            self.firewalls[serial] = replace(self.firewalls[serial], policy_status=None)

    def entries(self) -> int:
        """The number of entries of firewalls in the running configuration."""
        return sum(len(serials) for serials in self.committed.values())

    def members(self) -> list[Device]:
        self._called("members")
        return [
            device
            for device in self.firewalls.values()
            if (device.policy_status, device.template_status) != (None, None)
        ]

    def devices(self, members: Sequence[Device] | None = None) -> list[Device]:
        if members is None:
            self._called("members")
        self._called("devices")
        return list(self.firewalls.values())

    def system_info(self, serial: str) -> SystemInfo:
        self._called("system_info")
        self._reach(serial)
        device = self.firewalls[serial]
        license_ = "VM-SERIES-4" if self.licensed[serial] else "none"
        info = SystemInfo(serial, device.hostname, device.ip_address, vm_license=license_)
        return self.infos.get(serial, info)

    def push(self, serials: Collection[str], _deployment: str) -> str | None:
        self._called("push")
        job_id = str(len(self.push_jobs) + 101)
        self.push_jobs.insert(0, Push(job_id, False, {}, frozenset(serials)))
        return job_id

    def pushes(self, _deployment: str) -> list[Push]:
        self._called("pushes")
        return list(self.push_jobs)

    def job(self, job_id: str) -> Job | None:
        self._called("job")
        known = [*self.jobs, *(self._push_job(push) for push in self.push_jobs)]
        return next((job for job in known if job.job_id == job_id), None)

    def _push_job(self, push: Push) -> Job:
        failed, text = bool(push.failures), push_description(NAME, push.serials)
        return Job(push.job_id, push.finished, failed, (), text, push.serials, push.failures)

    def batch_deactivate(self, serials: Collection[str]) -> str | None:
        self._called("batch_deactivate")
        if self.secondary:
            raise SecondaryPeerError("the secondary Panorama peer returns no licenses")
        if self.no_key:
            raise LicensingKeyError("API Key is not set")
        job_id = str(len(self.jobs) + 1)
        self.jobs.append(Job(job_id, False, False, (), "license", frozenset(serials)))
        self.batch_jobs[job_id] = frozenset(serials)
        return job_id

    def batch_licensed(self) -> dict[str, BatchLicense] | None:
        self._called("batch_licensed")
        if not self.batch_answers or self.secondary:
            return None
        return {
            serial: BatchLicense(bool(self.licensed.get(serial)), device.hostname)
            for serial, device in self.firewalls.items()
        }

    def finish_push(self, failures: dict[str, str] | None = None) -> None:
        """End the newest push; the firewalls for which it succeeded are in sync."""
        job, failed = self.push_jobs[0], failures or {}
        self.push_jobs[0] = replace(job, finished=True, failures=failed)
        for serial in job.serials - failed.keys():
            self.firewalls[serial] = replace(
                self.firewalls[serial], policy_status="In Sync", template_status="In Sync"
            )

    def firewall(self, serial: str) -> FirewallBehindPanorama:
        return FirewallBehindPanorama(self, serial)

    def licenses(self, serial: str) -> list[str]:
        self._called("licenses")
        self._reach(serial)
        return list(self.licensed[serial])

    def set_licensing_api_key(self, serial: str, api_key: str) -> None:
        self._called("set_licensing_api_key")
        self._reach(serial)
        self.keys[serial] = api_key

    def deactivate_license(self, serial: str) -> bool:
        self._called("deactivate_license")
        self._reach(serial)
        if self.deactivation_works:
            self.delicense(serial)
        return self.deactivation_works

    def vm_auth_key_expiry(self) -> datetime | None:
        self._called("vm_auth_key_expiry")
        return self.auth_keys_expire

    def plugin_licensed(self, license_manager: str) -> frozenset[str] | None:
        self._called("plugin_licensed")
        if not self.plugin_answers:
            return None
        return frozenset(self.listed.get(license_manager, ()))

    def plugin_firewalls(self, license_manager: str) -> dict[str, PluginFirewall] | None:
        self._called("plugin_firewalls")
        if not self.plugin_answers:
            return None
        shown = {serial: device.ip_address for serial, device in self.firewalls.items()}
        known = shown | self.addresses
        names = {serial: device.hostname for serial, device in self.firewalls.items()}
        names |= self.plugin_names
        return {
            serial: PluginFirewall(
                known.get(serial, ""), frozenset({serial, names.get(serial, "unknown")})
            )
            for serial in self.listed.get(license_manager, ())
        }

    def serves_our_groups(self, license_manager: str) -> bool:
        self._called("serves_our_groups")
        return license_manager in self.own_managers

    def plugin_deactivate(self, license_manager: str, serials: Collection[str]) -> None:
        self._called("plugin_deactivate")
        assert set(serials) <= self.listed[license_manager] or not self.plugin_answers
        self.deactivation_requests.append(frozenset(serials))

    def running_members(self) -> Membership:
        self._called("running_members")
        return {part: frozenset(serials) for part, serials in self.committed.items()}

    def candidate_members(self) -> Membership:
        self._called("candidate_members")
        return {part: frozenset(serials) for part, serials in self.named.items()}

    def configured_groups(self) -> dict[Part, str | None]:
        groups = dict(zip(Part, ("TS", "DG", "LCG", None), strict=True))
        if not self.collectors_configured:
            del groups[Part.LOG_COLLECTOR_GROUP]
        return groups

    def running_parts(self, serials: Collection[str]) -> Membership:
        self._called("running_parts")
        return {part: frozenset(serials) & self.committed[part] for part in Part}

    def candidate_parts(self, serials: Collection[str]) -> Membership:
        self._called("candidate_parts")
        return {part: frozenset(serials) & self.named[part] for part in Part}

    def groups_of(self, serials: Collection[str], parts: Collection[Part]) -> Places:
        self._called("groups_of")
        configured = self.configured_groups()
        places: dict[str, list[Place]] = {}
        for part in parts:
            for serial in self.committed[part] & set(serials):
                group = self.elsewhere.get((part, serial), configured.get(part))
                places.setdefault(serial, []).append(Place(part, group or ""))
        return places

    def remove_all(
        self, removals: Sequence[Removal], _has_time: Callable[[], bool]
    ) -> dict[Removal, DeviceRefusedError]:
        self._called("remove_all")
        refused = {}
        for serial in dict.fromkeys(removal.serial for removal in removals):
            own = [removal for removal in removals if removal.serial == serial]
            before = {part for part in Part if serial in self.named[part]}
            try:
                for part, _, group in own:
                    self.remove(part, serial, group)
            except DeviceRefusedError as error:
                refused |= dict.fromkeys(own, error)
                for part in before:
                    self.named[part].add(serial)
        return refused

    def remove(self, part: Part, serial: str, group: str | None = None) -> None:
        if group != self.elsewhere.get((part, serial)):
            return
        if part is Part.MANAGED_DEVICES and (left := self._groups_with(serial)):
            text = f"{serial} cannot be deleted because of references from: {left}"
            raise ObjectReferencedError(PANORAMA, "10", text)
        if serial in self.named[part]:
            self.named[part].discard(serial)
            self.changes.setdefault(self.user, set()).add(Removal(part, serial))

    def _groups_with(self, serial: str) -> str:
        listing = (part for part in Part if part is not Part.MANAGED_DEVICES)
        return ", ".join(part for part in listing if serial in self.named[part])

    def open_changes(self, user: str) -> set[Removal]:
        """The changes of an administrator that no commit job includes."""
        queued = set[Removal]().union(*self.queued.values())
        return {
            removal
            for removal in self.changes.get(user, set()) - queued
            if removal.serial in self.committed[removal.part]
            and removal.serial not in self.named[removal.part]
        }

    def commit(self, description: str, administrator: str | None = None) -> str | None:
        by_plugin = administrator == PLUGIN_ADMINISTRATOR
        self._called("commit of the plugin's changes" if by_plugin else "commit")
        removals = self.open_changes(administrator or self.user)
        deactivated = self.deactivated.pop("") if by_plugin else set()
        self.deactivated.setdefault("", set())
        if not removals and not deactivated:
            return None
        job_id = str(len(self.jobs) + 1)
        self.deactivated[job_id] = deactivated
        self.jobs.append(Job(job_id, False, False, (), description))
        self.queued[job_id] = removals
        self.job_users[job_id] = self.user
        return job_id

    def revert(self) -> None:
        self._called("revert")
        if any(not job.finished for job in self.jobs):
            raise DeviceBusyError(
                PANORAMA, "Local commit jobs are queued. Revert operation is not allowed."
            )
        for removal in self.open_changes(self.user):
            self.named[removal.part].add(removal.serial)

    def commits(self) -> list[Job]:
        self._called("commits")
        return [job for job in reversed(self.jobs) if self.job_users.get(job.job_id) == self.user]

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.fail(name)

    def _reach(self, serial: str) -> None:
        if not self.firewalls[serial].connected:
            raise FirewallNotConnectedError(PANORAMA, f"{serial} not connected")
