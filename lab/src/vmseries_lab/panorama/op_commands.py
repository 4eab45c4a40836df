"""Operational commands (``type=op``) that Panorama executes itself.

Palo Alto Networks, PAN-OS and Panorama API guide: "Run Operational Mode Commands (API)". Responses
are as pan-os-python, pan-python and pango parse them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement

from vmseries_lab.core.clock import Clock
from vmseries_lab.panorama import references
from vmseries_lab.panorama.config_store import ConfigStore
from vmseries_lab.panorama.devices import Devices, SyncStatus
from vmseries_lab.panorama.jobs import Job, Jobs
from vmseries_lab.panorama.responses import ApiError, entry, leaf, result

Handler = Callable[[Element, str], Element]


@dataclass
class OpCommands:
    """The ``show`` commands about devices, groups, jobs and Panorama itself."""

    clock: Clock
    store: ConfigStore
    jobs: Jobs
    devices: Devices
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
        sync_status = SyncStatus(self.devices, self.store.running)
        for serial in references.managed(self.store.running):
            if not connected_only or self.devices.connected(serial):
                devices.append(self._device(serial, sync_status))
        return result(devices)

    def _device(self, serial: str, sync_status: SyncStatus) -> Element:
        """Return one device; a device that never connected has few fields."""
        record = self.devices.get(serial)
        device = entry(serial, serial=serial)
        device.append(leaf("connected", "yes" if record and record.connected else "no"))
        device.append(leaf("deactivated", "no"))
        if record is None:
            return device
        link = record.link
        device.append(leaf("hostname", link.hostname))
        device.append(leaf("ip-address", link.ip_address))
        device.append(leaf("family", "vm"))
        device.append(leaf("model", "PA-VM"))
        device.append(leaf("sw-version", link.sw_version))
        device.append(leaf("multi-vsys", "no"))
        device.append(leaf("operational-mode", "normal"))
        if record.connected:
            device.append(leaf("uptime", _duration(self.clock.now() - record.connected_at)))
            device.append(leaf("connected-at", _moment(record.connected_at)))
        vsys = entry("vsys1", display_name="vsys1")
        vsys.append(leaf("shared-policy-status", sync_status.status("device-group", serial)))
        SubElement(device, "vsys").append(vsys)
        return device

    def _device_groups(self, command: Element, _user: str) -> Element:
        groups = Element("devicegroups")
        for name in self._chosen(command, "device-group"):
            group = entry(name)
            self._add_members(group, "device-group", name, "shared-policy-status", "sp")
            groups.append(group)
        return result(groups)

    def _template_stacks(self, command: Element, _user: str) -> Element:
        stacks = Element("template-stack")
        for name in self._chosen(command, "template-stack"):
            stack = entry(name)
            self._add_members(stack, "template-stack", name, "template-status", "tpl")
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

    def _add_members(self, parent: Element, container: str, name: str, tag: str, end: str) -> None:
        """Append the ``<devices>`` of a group, unless the group has no devices."""
        serials = references.members(self.store.running, container, name)
        if not serials:
            return
        devices = SubElement(parent, "devices")
        sync_status = SyncStatus(self.devices, self.store.running)
        for serial in serials:
            record = self.devices.get(serial)
            device = entry(serial, serial=serial)
            device.append(leaf("connected", "yes" if record and record.connected else "no"))
            if record is not None:
                last = "commit succeeded" if container in record.pushed else ""
                device.append(leaf("hostname", record.link.hostname))
                device.append(leaf("ip-address", record.link.ip_address))
                device.append(leaf(tag, sync_status.status(container, serial)))
                device.append(leaf(f"last-commit-all-state-{end}", last))
            devices.append(device)

    def _chosen(self, command: Element, container: str) -> list[str]:
        """Return the containers that a command requests: one by name, or all."""
        names = references.names(self.store.running, container)
        wanted = command.findtext(".//name")
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
        return result(*(self._shown(job) for job in shown))

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
        system.append(leaf("time", _moment(self.clock.now())))
        return result(system)

    def _admins(self, _command: Element, user: str) -> Element:
        """List the sessions of administrators: that of the caller."""
        session = Element("entry")
        session.append(leaf("admin", user))
        session.append(leaf("from", "127.0.0.1"))
        session.append(leaf("type", "Web"))
        session.append(leaf("session-start", _moment(self.clock.now())[5:]))
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


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d %H:%M:%S")


def _duration(seconds: float) -> str:
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    return f"{days} days, {rest // 3600}:{rest % 3600 // 60:02}:{rest % 60:02}"
