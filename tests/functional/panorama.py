"""A Panorama behind the protocol: candidate and running configuration, jobs, firewalls."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from vmseries_autoscale.errors import FirewallNotConnectedError
from vmseries_autoscale.licensing import PLUGIN_ADMINISTRATOR
from vmseries_autoscale.panorama import Device, Job, Part, Push
from vmseries_autoscale.panorama.protocol import Membership

LICENSE_MANAGER = "LM"


@dataclass
class FakePanorama:
    """One Panorama.

    Attributes:
        calls: the names of the methods called, in order.
        fail: called with each method's name first; raises what that call is to raise.
        commit_fails: details with which every commit job ends, if it is to fail.
        listed: what the licence plugin's license managers list as licensed.
        asked: for what the plugin was asked, one entry for each request, until it has done it.
        given_back: what the plugin has done; its list tells when its administrator's changes are
            committed.
        plugin_commits: how often they were.
        plugin_works: whether the plugin does what it is asked.
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
    asked: list[frozenset[str]] = field(default_factory=list)
    given_back: set[str] = field(default_factory=set)
    plugin_commits: int = 0
    plugin_works: bool = True

    def register(self, device: Device) -> None:
        """A firewall joins, takes a licence, and is committed everywhere."""
        self.firewalls[device.serial] = device
        self.licensed[device.serial] = ["VM-Capacity"]
        self.listed[LICENSE_MANAGER].add(device.serial)
        for part in Part:
            self.named[part].add(device.serial)
            self.committed[part].add(device.serial)

    def finish_job(self) -> None:
        """The running commit ends."""
        last = self.jobs[-1]
        self.jobs[-1] = Job(last.job_id, True, bool(self.commit_fails), self.commit_fails)
        if not self.commit_fails:
            self.committed = {part: set(serials) for part, serials in self.named.items()}
            self._forget()

    def finish_plugin(self) -> None:
        """The licence plugin gets round to what it was asked."""
        if self.plugin_works:
            self.given_back |= frozenset().union(*self.asked)
        self.asked.clear()

    def delicense(self, serial: str) -> None:
        """A licence is back, by whomever: neither the plugin nor the firewall has it any more."""
        self.licensed[serial] = []
        for serials in self.listed.values():
            serials.discard(serial)

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

    def push(self, serials: Collection[str]) -> str | None:
        self._called("push")
        job_id = str(len(self.push_jobs) + 101)
        self.push_jobs.insert(0, Push(job_id, False, {}, frozenset(serials)))
        return job_id

    def pushes(self) -> list[Push]:
        self._called("pushes")
        return list(self.push_jobs)

    def finish_push(self, failures: dict[str, str] | None = None) -> None:
        """The newest push ends, and what it did not fail for is in sync."""
        job, failed = self.push_jobs[0], failures or {}
        self.push_jobs[0] = replace(job, finished=True, failures=failed)
        for serial in job.serials - failed.keys():
            self.firewalls[serial] = replace(
                self.firewalls[serial], policy_status="In Sync", template_status="In Sync"
            )

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
            self.delicense(serial)
        return self.deactivation_works

    def plugin_licensed(self, license_manager: str) -> frozenset[str]:
        self._called("plugin_licensed")
        return frozenset(self.listed.get(license_manager, ()))

    def plugin_deactivate(self, license_manager: str, serials: Collection[str]) -> None:
        self._called("plugin_deactivate")
        assert set(serials) <= self.listed[license_manager]
        self.asked.append(frozenset(serials))

    def running(self) -> Membership:
        self._called("running")
        return {part: frozenset(serials) for part, serials in self.committed.items()}

    def candidate(self) -> Membership:
        self._called("candidate")
        return {part: frozenset(serials) for part, serials in self.named.items()}

    def remove(self, part: Part, serial: str) -> None:
        self._called("remove")
        self.named[part].discard(serial)

    def commit(self, description: str, administrator: str | None = None) -> str | None:
        if administrator == PLUGIN_ADMINISTRATOR:
            self._called("commit of the plugin's changes")
            return self._commit_plugin()
        self._called("commit")
        if self.named == self.committed:
            return None
        self.jobs.append(Job(str(len(self.jobs) + 1), False, False, ()))
        return self.jobs[-1].job_id

    def _commit_plugin(self) -> str | None:
        if not self.given_back:
            return None
        for serial in self.given_back:
            self.delicense(serial)
        self.given_back.clear()
        self.plugin_commits += 1
        return f"1{self.plugin_commits}"

    def last_commit(self) -> Job | None:
        self._called("last_commit")
        return self.jobs[-1] if self.jobs else None

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.fail(name)

    def _reach(self, serial: str) -> None:
        if not self.firewalls[serial].connected:
            raise FirewallNotConnectedError(f"{serial} not connected")
