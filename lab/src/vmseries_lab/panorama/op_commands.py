"""Operational commands (``type=op``) that Panorama executes itself.

Palo Alto Networks, PAN-OS and Panorama API guide: "Run Operational Mode Commands (API)". Responses
are as pan-os-python, pan-python and pango parse them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from vmseries_lab.core.assumptions import Assumptions
from vmseries_lab.core.clock import Clock
from vmseries_lab.licensing_api import Licensing
from vmseries_lab.panorama import config_tree, device_entries, references
from vmseries_lab.panorama.config_store import ConfigStore
from vmseries_lab.panorama.devices import Devices, SyncStatus
from vmseries_lab.panorama.jobs import Job, Jobs, failed_job, job_without_id, unfinished
from vmseries_lab.panorama.responses import ApiError, entry, leaf, result
from vmseries_lab.panorama.settings import Settings

_FILTERED = ("device-group", "template-stack")
Handler = Callable[[Element, str], Element]


@dataclass
class OpCommands:
    """The ``show`` commands about devices, groups, jobs and Panorama itself."""

    clock: Clock
    store: ConfigStore
    jobs: Jobs
    devices: Devices
    licensing: Licensing
    settings: Settings
    assumptions: Assumptions
    hostname: str
    address: str
    serial: str

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by command, a chain of element names; the longest match applies."""
        return {
            "show/devices/all": lambda _command, _user: self._devices(connected_only=False),
            "show/devices/connected": lambda _command, _user: self._devices(connected_only=True),
            "show/devicegroups": self._device_groups,
            "show/template-stack": self._template_stacks,
            "show/log-collector-group": self._collector_groups,
            "show/high-availability/state": self._high_availability,
            "show/jobs/id": self._job,
            "show/jobs": self._jobs,
            "show/system/info": self._system,
            "show/admins": self._admins,
        }

    def _devices(self, *, connected_only: bool) -> Element:
        devices = Element("devices")
        now = self.clock.now()
        for serial in references.managed(self.store.running):
            record = self.devices.get(serial)
            if not connected_only or (record is not None and record.connected):
                deactivated = self._deactivated(serial)
                devices.append(
                    device_entries.in_device_list(serial, record, now, deactivated=deactivated)
                )
        return result(devices)

    def _deactivated(self, serial: str) -> bool:
        """Whether the element ``deactivated`` says that a device's license was returned."""
        set_by_return = self.assumptions["deactivated-flag"] == "set"
        return set_by_return and self.licensing.returned(serial)

    def _device_groups(self, command: Element, _user: str) -> Element:
        groups = Element("devicegroups")
        sync_status = SyncStatus(self.devices, self.store.running)
        for name in self._chosen(command, "device-group"):
            group = entry(name)
            group.append(leaf("shared-policy-md5sum", sync_status.md5("device-group", name)))
            self._add_members(group, "device-group", name, sync_status)
            groups.append(group)
        return result(groups)

    def _template_stacks(self, command: Element, _user: str) -> Element:
        stacks = Element("template-stack")
        sync_status = SyncStatus(self.devices, self.store.running)
        for name in self._chosen(command, "template-stack"):
            stack = entry(name)
            path = f"{references.path('template-stack', name)}/templates"
            stack.extend(
                copy.deepcopy(found)
                for found in config_tree.find(self.store.running, config_tree.parse(path))
            )
            self._add_members(stack, "template-stack", name, sync_status)
            stacks.append(stack)
        return result(stacks)

    def _collector_groups(self, command: Element, _user: str) -> Element:
        groups = Element("log-collector-group")
        for name in self._chosen(command, "log-collector-group"):
            group = entry(name)
            members = SubElement(group, "device-list")
            for serial in references.members(self.store.running, "log-collector-group", name):
                members.append(entry(serial))
            groups.append(group)
        return result(groups)

    def _add_members(
        self, parent: Element, container: str, name: str, sync_status: SyncStatus
    ) -> None:
        """Append the ``<devices>`` of a group, unless the group has no devices."""
        serials = references.members(self.store.running, container, name)
        if not serials:
            return
        devices = SubElement(parent, "devices")
        now = self.clock.now()
        for serial in serials:
            devices.append(
                device_entries.in_group(
                    serial,
                    self.devices.get(serial),
                    now,
                    deactivated=self._deactivated(serial),
                    kind=container,
                    status=sync_status.status(container, serial),
                )
            )

    def _chosen(self, command: Element, container: str) -> list[str]:
        """Return the containers that a command requests: one by name, or all.

        Of an older release, a vendor's function says: "Bug in Panorama does not let to specify a
        specific device group to query" (Azure-Transit-VNet, azure-hub/monitor.py).
        """
        names = references.names(self.store.running, container)
        wanted = command.findtext(".//name")
        if container in _FILTERED and self.assumptions["group-name-filter"] == "ignored":
            return names
        return [name for name in names if wanted in (None, name)]

    def _high_availability(self, _command: Element, _user: str) -> Element:
        return result(leaf("enabled", "no"))

    def _job(self, command: Element, _user: str) -> Element:
        return result(self._shown(self.jobs.get(command.findtext(".//id") or "")))

    def _jobs(self, command: Element, _user: str) -> Element:
        wanted = command[0][0].tag if len(command) and len(command[0]) else "all"
        statuses = {"all": None, "pending": {"PEND", "ACT"}, "processed": {"FIN"}}
        if wanted not in statuses:
            raise ApiError(f"show -> jobs -> {wanted} is unexpected", code=17)
        chosen = statuses[wanted]
        shown = [job for job in reversed(self.jobs.all) if chosen is None or job.status in chosen]
        entries = [entry for job in shown for entry in self._listed(job)]
        if wanted != "pending":
            entries += [failed_job() for _ in range(self.settings.failed_jobs)]
            entries += [job_without_id() for _ in range(self.settings.jobs_without_id)]
        return result(*entries)

    def _listed(self, job: Job) -> list[Element]:
        """Return the entries of a job in the list.

        From PAN-OS 10.2 on, the list can have several entries for one number (demisto/content
        #35761). In which order, and what they differ in, is not said; in the lab, the second one
        never ends.
        """
        with_devices = self.assumptions["push-devices-in-job-list"] == "present"
        position = self.jobs.position(job)
        listed = [job.answer(self.clock.now(), position, with_devices=with_devices)]
        if job.status == "FIN" and self.assumptions["job-list-entries"] == "two-per-job":
            listed.append(unfinished(copy.deepcopy(listed[0])))
        return listed

    def _shown(self, job: Job) -> Element:
        return job.answer(self.clock.now(), self.jobs.position(job))

    def _system(self, _command: Element, _user: str) -> Element:
        system = Element("system")
        system.append(leaf("hostname", self.hostname))
        system.append(leaf("ip-address", self.address))
        system.append(leaf("model", "Panorama"))
        system.append(leaf("family", "pc"))
        system.append(leaf("serial", self.serial))
        system.append(leaf("sw-version", "11.2.15"))
        system.append(leaf("system-mode", "panorama"))
        system.append(leaf("licensed-device-capacity", "1000"))
        system.append(leaf("multi-vsys", "off"))
        system.append(leaf("time", device_entries.moment(self.clock.now())))
        return result(system)

    def _admins(self, _command: Element, user: str) -> Element:
        """List the sessions of administrators: that of the caller."""
        session = Element("entry")
        session.append(leaf("admin", user))
        session.append(leaf("from", "127.0.0.1"))
        session.append(leaf("type", "Web"))
        session.append(leaf("session-start", device_entries.moment(self.clock.now())[5:]))
        session.append(leaf("idle-for", "00:00:00s"))
        admins = Element("admins")
        admins.append(session)
        return result(admins)


def choose(handlers: Mapping[str, Handler], command: Element) -> Handler | None:
    """Return the handler with the longest chain of element names that ``command`` starts with."""
    for chain in sorted(handlers, key=len, reverse=True):
        first, *others = chain.split("/")
        fits = command.tag == first and (not others or command.find("/".join(others)) is not None)
        if fits:
            return handlers[chain]
    return None
