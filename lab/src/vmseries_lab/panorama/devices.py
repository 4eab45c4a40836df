"""Panorama's records of the firewalls: connected or not, in sync or not.

:class:`Link` is a firewall's connection to Panorama. The real protocol on port 3978 is not
documented and is not simulated.
"""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol
from xml.etree.ElementTree import Element, tostring

from vmseries_lab.panorama import config_tree, references

IN_SYNC = "In Sync"
OUT_OF_SYNC = "Out of Sync"


class Link(Protocol):
    """The connection of a firewall to Panorama."""

    hostname: str
    sw_version: str

    @property
    def serial(self) -> str:
        """Serial number of the firewall."""

    @property
    def ip_address(self) -> str:
        """IP address of the firewall's management interface, as Panorama sees it."""

    def operate(self, command: Element) -> Element:
        """Execute an operational command and return the response.

        Raises:
            ApiError: if the firewall rejects the command.
        """

    def receive(self, configuration: list[Element]) -> None:
        """Apply a pushed configuration: template stack, then its templates by precedence."""


@dataclass
class Device:
    """Panorama's record of a device that has ever connected."""

    link: Link
    connected_at: float
    connected: bool = True
    pushed: dict[str, str] = field(default_factory=dict)
    """Digest of the content that was pushed last, by kind of container."""


class Devices:
    """Records of the devices that have ever connected, by serial number."""

    def __init__(self) -> None:
        self._records: dict[str, Device] = {}
        self._removals: Counter[tuple[str, str]] = Counter()

    def removed(self, container: str, name: str) -> None:
        """Record that a commit removed a member of a group, and that the others are out of sync."""
        self._removals[container, name] += 1

    def digest(self, running: Element, container: str, name: str) -> str:
        """Return a digest of what members of a group must have to be in sync with it."""
        return f"{digest(running, container, name)}-{self._removals[container, name]}"

    def get(self, serial: str) -> Device | None:
        """Return the record of a device, ``None`` if it never connected."""
        return self._records.get(serial)

    def serials(self) -> list[str]:
        """Return the serial numbers of all records."""
        return list(self._records)

    def connect(self, link: Link, now: float) -> Device:
        """Record that a device has connected; return the record."""
        record = self._records.setdefault(link.serial, Device(link, now))
        record.link, record.connected, record.connected_at = link, True, now
        return record

    def disconnect(self, serial: str) -> bool:
        """Record that a device has disconnected; return whether it was connected."""
        record = self._records.get(serial)
        was = record is not None and record.connected
        if record is not None:
            record.connected = False
        return was

    def forget(self, serial: str) -> None:
        """Delete the record of a device that is no longer managed."""
        self._records.pop(serial, None)

    def connected(self, serial: str) -> Device | None:
        """Return the record of a device, ``None`` unless it is connected."""
        record = self._records.get(serial)
        return record if record is not None and record.connected else None

    def pushed(self, serial: str) -> bool:
        """Whether a configuration was ever pushed to a device."""
        record = self._records.get(serial)
        return record is not None and bool(record.pushed)

    def push(self, running: Element, serial: str) -> bool:
        """Push the content of a device's groups to it; return ``False`` if it is not connected."""
        record = self.connected(serial)
        if record is None:
            return False
        stack = references.home(running, "template-stack", serial)
        record.link.receive(copy.deepcopy(stack_configuration(running, stack)) if stack else [])
        for container in ("device-group", "template-stack"):
            name = references.home(running, container, serial)
            if name is not None:
                record.pushed[container] = self.digest(running, container, name)
        return True


class SyncStatus:
    """Sync status of the devices with one running configuration; caches digests and groups."""

    def __init__(self, devices: Devices, running: Element) -> None:
        self._devices = devices
        self._running = running
        self._homes: dict[str, dict[str, str]] = {}
        self._digests: dict[tuple[str, str], str] = {}

    def status(self, container: str, serial: str) -> str:
        """Return ``In Sync`` if the device has the current content of its device group or stack.

        Empty for a device that never connected or that is in no group of this kind.

        Args:
            container: ``device-group`` or ``template-stack``.
            serial: serial number of the device.
        """
        if container not in self._homes:
            self._homes[container] = references.homes(self._running, container)
        name = self._homes[container].get(serial)
        record = self._devices.get(serial)
        if name is None or record is None:
            return ""
        key = (container, name)
        if key not in self._digests:
            self._digests[key] = self._devices.digest(self._running, container, name)
        return IN_SYNC if record.pushed.get(container) == self._digests[key] else OUT_OF_SYNC

    def md5(self, container: str, name: str) -> str:
        """Return a digest of a group as Panorama shows it, with 32 digits."""
        key = (container, name)
        if key not in self._digests:
            self._digests[key] = self._devices.digest(self._running, container, name)
        return self._digests[key][:32]


def stack_configuration(running: Element, stack: str) -> list[Element]:
    """Return the configurations of a template stack and of its templates, by precedence."""
    stack_path = references.path("template-stack", stack)
    members = config_tree.find(running, config_tree.parse(f"{stack_path}/templates/member"))
    paths = [stack_path, *(references.path("template", member.text or "") for member in members)]
    return [
        part
        for path in paths
        for part in config_tree.find(running, config_tree.parse(f"{path}/config"))
    ]


def digest(running: Element, container: str, name: str) -> str:
    """Return a digest of the content of a device group or stack, without its members."""
    if container == "template-stack":
        parts = stack_configuration(running, name)
    else:
        containers = config_tree.find(running, config_tree.parse(references.path(container, name)))
        parts = [child for element in containers for child in element if child.tag != "devices"]
    return hashlib.sha256(b"".join(tostring(part) for part in parts)).hexdigest()
