"""One VM-Series firewall: from power-on to the moment its instance is gone."""

from __future__ import annotations

import hashlib
import uuid
from typing import Literal
from xml.etree.ElementTree import Element

from vmseries_lab.firewalls.boot import Boot
from vmseries_lab.firewalls.bootstrap_parameters import DEFAULT_HOSTNAME, Bootstrap
from vmseries_lab.firewalls.license import License
from vmseries_lab.firewalls.load_model import Load
from vmseries_lab.firewalls.machine import Interface, Machine
from vmseries_lab.firewalls.metric_publisher import Publisher
from vmseries_lab.firewalls.pushed_config import Pushed
from vmseries_lab.firewalls.quirks import Oddities
from vmseries_lab.firewalls.shared_services import Surroundings
from vmseries_lab.panorama.op_commands import choose
from vmseries_lab.panorama.responses import ApiError, leaf, result

Phase = Literal[
    "starting",
    "no-management-network",
    "bootstrap-failed",
    "bootstrapped",
    "unlicensed",
    "licensed",
    "refused",
    "connected",
    "in-sync",
    "standalone",
    "halted",
]


class Firewall:
    """A firewall on one instance; to Panorama it is a ``Link``.

    Attributes:
        interfaces: what it found on its instance when it booted.
        bootstrap: what it was told at its first boot.
        pushed: what Panorama gave it.
        load: what it carries; set by the traffic.
        oddities: how it differs from others.
    """

    def __init__(
        self,
        machine: Machine,
        surroundings: Surroundings,
        now: float,
        oddities: Oddities = Oddities(),  # noqa: B008 - it cannot be changed
    ) -> None:
        self.oddities = oddities
        self.machine = machine
        self.hostname = DEFAULT_HOSTNAME
        self.sw_version = machine.sw_version
        self.phase: Phase = "starting"
        self.interfaces: tuple[Interface, ...] = ()
        self.bootstrap = Bootstrap()
        self.pushed = Pushed()
        self.load = Load()
        self._around = surroundings
        world = surroundings.world
        self.license = License(
            world.clock, world.timeline, surroundings.licensing, self.reaches_licensing
        )
        self._boot = Boot(self, surroundings, now)
        self._publisher = Publisher(machine, surroundings)

    @property
    def serial(self) -> str:
        """Its serial number, ``unknown`` until it has one."""
        return self.license.serial

    @property
    def identity(self) -> tuple[str, str]:
        """UUID and CPU id, the same for the same instance."""
        instance_id = self.machine.instance_id
        cpuid = hashlib.sha256(instance_id.encode()).hexdigest()[:16].upper()
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, instance_id)).upper(), cpuid

    @property
    def management(self) -> Interface | None:
        """The management interface, as it was found at boot."""
        index = 1 if self.bootstrap.swaps_management else 0
        return next((nic for nic in self.interfaces if nic.device_index == index), None)

    @property
    def address(self) -> str:
        """The address of its management interface."""
        return self.management.private_ip if self.management else ""

    @property
    def ip_address(self) -> str:
        """The same as Panorama sees it."""
        return self.oddities.seen_at or self.address

    def has_management_network(self) -> bool:
        """Whether the management interface that it found at boot is still there."""
        management = self.management
        return management is not None and self.machine.powered and self.machine.holds(management)

    def reaches_licensing(self) -> bool:
        """Whether it has a way to the vendor's licensing service."""
        return self.oddities.reaches_licensing and self.has_management_network()

    def web_server_up(self, now: float) -> bool:
        """Whether its management web server runs, with its own API."""
        up = self.phase != "halted" and now >= self._boot.auto_commit.begins
        return up and self.has_management_network()

    @property
    def connected(self) -> bool:
        """Whether Panorama has a connection from it."""
        return self._around.panorama.devices.connected(self.serial) is not None

    @property
    def ready(self) -> bool:
        """Whether it may get traffic: in sync, licensed and running."""
        return self.configured and self.license.active and self.machine.powered

    @property
    def configured(self) -> bool:
        """Whether it has a configuration, from Panorama or from its bootstrap package."""
        if self.phase == "standalone":
            return self._boot.auto_commit.ready(self._around.world.clock.now())
        return self.phase == "in-sync"

    def answers(self, port: int) -> bool:
        """Whether ``ethernet1/1`` answers a health check.

        What a bootstrap package's ``bootstrap.xml`` says is not simulated: a firewall without a
        Panorama answers at the ports of HTTP and HTTPS.
        """
        allowed = port in (80, 443) if self.phase == "standalone" else self.pushed.answers(port)
        return self.configured and self.machine.powered and allowed

    def receive(self, configuration: list[Element]) -> None:
        """Take over what Panorama pushed."""
        self.pushed = Pushed(tuple(configuration))
        if self.phase == "connected":
            self.phase = "in-sync"

    def operate(self, command: Element) -> Element:
        """Carry out an operational command.

        Raises:
            ApiError: as PAN-OS refuses it.
        """
        if not self.has_management_network():
            raise ApiError(f"{self.serial} not connected")
        handlers = {
            "request/license/api-key": self.license.key_command,
            "request/license/info": self.license.info,
            "request/license/deactivate/VM-Capacity": self.license.deactivate,
            "show/system/info": self._system,
            "show/chassis-ready": lambda _command, _user: self._chassis_ready(),
            "show/jobs": lambda _command, _user: self._jobs(),
        }
        handler = choose(handlers, command)
        if handler is None:
            raise ApiError(f"{command.tag} is unexpected", code=17)
        return handler(command, "")

    def busy(self) -> bool:
        """Whether it waits for AWS."""
        return self._boot.busy() or self._publisher.busy()

    def tick(self, now: float) -> None:
        """Live on."""
        self.license.tick(now)
        self._publisher.collect()
        if not self.machine.powered:
            self._halt()
            return
        if self.phase == "halted":
            self.phase = "licensed" if self.license.active else "unlicensed"
            self._boot.again(now)
        self._boot.tick(now)
        if not self.has_management_network():
            self._around.panorama.disconnect(self.serial)
            return
        self._publisher.tick(now, self.pushed, self.load)

    def _halt(self) -> None:
        self._boot.halt()
        if self.phase == "halted":
            return
        self.phase = "halted"
        self.load = Load()
        self._around.panorama.disconnect(self.serial)
        self._around.cloud.forget(self.machine.instance_id)
        self._around.world.timeline.add("firewall", "halted", self.machine.instance_id)

    def _chassis_ready(self) -> Element:
        ready = self._boot.auto_commit.ready(self._around.world.clock.now())
        return result(text="yes\n" if ready else "no\n")

    def _jobs(self) -> Element:
        now = self._around.world.clock.now()
        begun = now >= self._boot.auto_commit.begins
        return result(*[self._boot.auto_commit.job(now)] * begun)

    def _system(self, _command: Element, _user: str) -> Element:
        unit, cpuid = self.identity
        facts = {
            "hostname": self.hostname,
            "ip-address": self.address,
            "model": "PA-VM",
            "family": "vm",
            "serial": self.serial,
            "vm-uuid": unit,
            "vm-cpuid": cpuid,
            "vm-license": "VM-SERIES-4" if self.license.active else "none",
            "vm-mode": "Amazon AWS",
            "sw-version": self.sw_version,
            "multi-vsys": "off",
        }
        system = Element("system")
        system.extend(leaf(tag, text) for tag, text in facts.items())
        return result(system)
