"""The operator's own firewalls, which Panorama manages beside those of the module.

They are in a device group and a template stack of their own, connected and in sync, and nobody but
the operator may touch them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from vmseries_lab.panorama import initial_config, license_features, references
from vmseries_lab.panorama.devices import Devices
from vmseries_lab.panorama.jobs import Report
from vmseries_lab.panorama.op_commands import choose
from vmseries_lab.panorama.peer import Peer
from vmseries_lab.panorama.responses import ApiError, leaf, result

GROUP = "production"
STACK = "production-stack"
SERIALS = "0079520"
"""How the serial numbers of these firewalls begin."""
LICENSE = "VM-SERIES-8"
PUSH_SECONDS = 600.0


@dataclass
class EstateFirewall:
    """One of the operator's firewalls; for Panorama, it is a ``Link``."""

    serial: str
    hostname: str
    ip_address: str
    sw_version: str = "11.2.15"

    def operate(self, command: Element) -> Element:
        """Execute an operational command and return the response.

        Raises:
            ApiError: if it is not a command that reads.
        """
        handlers = {
            "show/system/info": lambda _command, _user: self._system(),
            "request/license/info": lambda _command, _user: result(
                license_features.own_list(list(license_features.FEATURES), self.serial, "")
            ),
        }
        handler = choose(handlers, command)
        if handler is None:
            raise ApiError(f"{command.tag} is unexpected", code=17)
        return handler(command, "")

    def receive(self, configuration: list[Element]) -> None:
        """Ignore a pushed configuration."""

    def _system(self) -> Element:
        system = Element("system")
        facts = {
            "hostname": self.hostname,
            "ip-address": self.ip_address,
            "mac-address": f"02:00:5e:{int(self.serial[-6:]) % 256:02x}:00:01",
            "devicename": self.hostname,
            "family": "vm",
            "model": "PA-VM",
            "serial": self.serial,
            "vm-license": LICENSE,
            "sw-version": self.sw_version,
        }
        system.extend(leaf(tag, text) for tag, text in facts.items())
        return result(system)


class Estate:
    """The operator's firewalls on one Panorama.

    Args:
        devices: connections of firewalls to Panorama.
        peers: returns the peers of Panorama.
        now: returns lab time.
    """

    def __init__(
        self, devices: Devices, peers: Callable[[], list[Peer]], now: Callable[[], float]
    ) -> None:
        self._devices = devices
        self._peers = peers
        self._now = now
        self._firewalls: list[EstateFirewall] = []

    @property
    def serials(self) -> list[str]:
        """Serial numbers of the firewalls."""
        return [firewall.serial for firewall in self._firewalls]

    def grow(self, number: int, addresses: tuple[str, ...] = ()) -> None:
        """Add firewalls until there are ``number``; do nothing if there are as many.

        Args:
            number: number of firewalls.
            addresses: management addresses of the first new ones, e.g. those of the module's
                firewalls, since networks of different VPCs may overlap.
        """
        new = [
            EstateFirewall(
                f"{SERIALS}{count:08d}",
                f"prod-fw-{count}",
                f"10.{200 + count // 65000}.{count // 250 % 250}.{count % 250 + 1}",
            )
            for count in range(len(self._firewalls), number)
        ]
        for firewall, address in zip(new, addresses, strict=False):
            firewall.ip_address = address
        self._firewalls += new
        serials = [firewall.serial for firewall in new]
        for peer in self._peers():
            self._make_groups(peer)
            for place in (
                references.MANAGED_DEVICES,
                references.members_path("device-group", GROUP),
                references.members_path("template-stack", STACK),
            ):
                peer.store.append(place, serials)
        running = self._peers()[0].store.running
        pushed = {
            "device-group": self._devices.digest(running, "device-group", GROUP),
            "template-stack": self._devices.digest(running, "template-stack", STACK),
        }
        for firewall in new:
            record = self._devices.connect(firewall, self._now())
            record.pushed = copy.copy(pushed)

    def push(self, peer: Peer, number: int, seconds: float = PUSH_SECONDS) -> None:
        """Let the operator queue pushes to all these firewalls, each with warnings of each device.

        Args:
            peer: peer that queues them.
            number: number of pushes.
            seconds: duration of each.
        """
        outcomes = tuple(
            (firewall.serial, firewall.hostname, True, "commit succeeded with warnings")
            for firewall in self._firewalls
        )
        for _ in range(number):
            peer.jobs.add(
                "CommitAll",
                initial_config.OPERATOR.name,
                self._now(),
                lambda: seconds,
                lambda: Report((), devices=outcomes),
                description="change of the week",
            )

    def _make_groups(self, peer: Peer) -> None:
        if GROUP in references.names(peer.store.running, "device-group"):
            return
        templates = f"<templates><member>{initial_config.TEMPLATE}</member></templates>"
        groups = {"device-group": (GROUP, ""), "template-stack": (STACK, templates)}
        for container, (name, content) in groups.items():
            peer.store.make(
                f"{references.LOCALHOST}/{container}",
                f"<entry name='{name}'>{content}<devices/></entry>",
            )
