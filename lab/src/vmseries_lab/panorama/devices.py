"""The firewalls as Panorama knows them: connected or not, in sync or not.

What a firewall offers to its Panorama is the :class:`Link`; the real protocol on port 3978 is not
documented and is not imitated.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field
from typing import Protocol
from xml.etree.ElementTree import Element, tostring

from vmseries_lab.panorama import config_tree, references

IN_SYNC = "In Sync"
OUT_OF_SYNC = "Out of Sync"


class Link(Protocol):
    """What a firewall shows Panorama, and lets it do, over the connection that it opened."""

    hostname: str
    sw_version: str

    @property
    def serial(self) -> str:
        """Its serial number."""

    @property
    def ip_address(self) -> str:
        """The address of its management interface."""

    def operate(self, command: Element) -> Element:
        """Carry out an operational command; the whole answer, or an ``ApiError``."""

    def receive(self, configuration: list[Element]) -> None:
        """Take over a pushed configuration: stack first, then its templates by precedence."""


@dataclass
class Device:
    """Panorama's record of a device that has ever connected."""

    link: Link
    connected_at: float
    connected: bool = True
    pushed: dict[str, str] = field(default_factory=dict)
    """Digest of what was pushed last, by container kind."""


class Devices:
    """Records by serial number."""

    def __init__(self) -> None:
        self._records: dict[str, Device] = {}

    def get(self, serial: str) -> Device | None:
        """The record, if the device ever connected."""
        return self._records.get(serial)

    def serials(self) -> list[str]:
        """Everything that there is a record of."""
        return list(self._records)

    def connect(self, link: Link, now: float) -> None:
        """A device has opened its connection."""
        record = self._records.setdefault(link.serial, Device(link, now))
        record.link, record.connected, record.connected_at = link, True, now

    def disconnect(self, serial: str) -> bool:
        """A device's connection is gone; whether it had one."""
        record = self._records.get(serial)
        was = record is not None and record.connected
        if record is not None:
            record.connected = False
        return was

    def forget(self, serial: str) -> None:
        """A device is no longer managed."""
        self._records.pop(serial, None)

    def connected(self, serial: str) -> Device | None:
        """The record, if the device is connected now."""
        record = self._records.get(serial)
        return record if record is not None and record.connected else None

    def pushed(self, serial: str) -> bool:
        """Whether a device has ever been given a configuration."""
        record = self._records.get(serial)
        return record is not None and bool(record.pushed)

    def push(self, running: Element, serial: str) -> bool:
        """Give a device what its groups hold; ``False`` if it is not connected."""
        record = self.connected(serial)
        if record is None:
            return False
        stack = references.home(running, "template-stack", serial)
        record.link.receive(copy.deepcopy(stack_configuration(running, stack)) if stack else [])
        for container in ("device-group", "template-stack"):
            name = references.home(running, container, serial)
            if name is not None:
                record.pushed[container] = digest(running, container, name)
        return True


class Standing:
    """How the devices stand against one running configuration, worked out once for all of them."""

    def __init__(self, devices: Devices, running: Element) -> None:
        self._devices = devices
        self._running = running
        self._homes: dict[str, dict[str, str]] = {}
        self._digests: dict[tuple[str, str], str] = {}

    def status(self, container: str, serial: str) -> str:
        """``In Sync`` if the device has what its device group or stack holds now.

        Empty for a device that never connected, or that is in no such group.
        """
        if container not in self._homes:
            self._homes[container] = references.homes(self._running, container)
        name = self._homes[container].get(serial)
        record = self._devices.get(serial)
        if name is None or record is None:
            return ""
        key = (container, name)
        if key not in self._digests:
            self._digests[key] = digest(self._running, container, name)
        return IN_SYNC if record.pushed.get(container) == self._digests[key] else OUT_OF_SYNC


def stack_configuration(running: Element, stack: str) -> list[Element]:
    """What a stack amounts to: its own part first, then its templates in their order."""
    stack_path = references.path("template-stack", stack)
    members = config_tree.find(running, config_tree.parse(f"{stack_path}/templates/member"))
    paths = [stack_path, *(references.path("template", member.text or "") for member in members)]
    return [
        part
        for path in paths
        for part in config_tree.find(running, config_tree.parse(f"{path}/config"))
    ]


def digest(running: Element, container: str, name: str) -> str:
    """Stands for the content of a device group or stack, its membership apart."""
    if container == "template-stack":
        parts = stack_configuration(running, name)
    else:
        found = config_tree.find(running, config_tree.parse(references.path(container, name)))
        parts = [child for element in found for child in element if child.tag != "devices"]
    return hashlib.sha256(b"".join(tostring(part) for part in parts)).hexdigest()
