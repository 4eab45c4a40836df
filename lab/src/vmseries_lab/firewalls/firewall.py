"""A VM-Series firewall, from power-on to the termination of its instance."""

from __future__ import annotations

import hashlib
import uuid
from xml.etree.ElementTree import Element

from vmseries_lab.firewalls.boot import Boot, Phase
from vmseries_lab.firewalls.bootstrap_parameters import DEFAULT_HOSTNAME, BootstrapParameters
from vmseries_lab.firewalls.license import License
from vmseries_lab.firewalls.load_model import Load
from vmseries_lab.firewalls.machine import Interface, Machine
from vmseries_lab.firewalls.metric_publisher import MetricPublisher
from vmseries_lab.firewalls.pushed_config import PushedConfig
from vmseries_lab.firewalls.quirks import Quirks
from vmseries_lab.firewalls.shared_services import SharedServices
from vmseries_lab.panorama.op_commands import choose
from vmseries_lab.panorama.responses import ApiError, leaf, result


class Firewall:
    """A firewall on one instance; for Panorama, it is a ``Link``.

    Attributes:
        phase: phase of its boot.
        interfaces: interfaces that were attached when it booted.
        bootstrap: bootstrap parameters.
        pushed: configuration that Panorama pushed.
        load: sessions; set by ``traffic``.
        quirks: deviations from the normal case.
    """

    def __init__(
        self,
        machine: Machine,
        services: SharedServices,
        now: float,
        quirks: Quirks = Quirks(),  # noqa: B008 - it is immutable
    ) -> None:
        self.quirks = quirks
        self.machine = machine
        self._hostname = DEFAULT_HOSTNAME
        self.sw_version = machine.sw_version
        self.phase: Phase = "starting"
        self.interfaces: tuple[Interface, ...] = ()
        self.bootstrap = BootstrapParameters()
        self.pushed = PushedConfig()
        self.load = Load()
        self._services = services
        world = services.world
        self.license = License(
            world.clock, world.timeline, services.licensing, self.reaches_licensing
        )
        self._boot = Boot(self, services, now)
        self._publisher = MetricPublisher(machine, services)

    @property
    def serial(self) -> str:
        """Serial number, ``unknown`` until it is licensed."""
        return self.license.serial

    @property
    def hostname(self) -> str:
        """Host name: that of its administrator, or that of its bootstrap."""
        return self.quirks.hostname or self._hostname

    @hostname.setter
    def hostname(self, name: str) -> None:
        self._hostname = name

    @property
    def identity(self) -> tuple[str, str]:
        """UUID and CPU ID, which depend only on the instance."""
        instance_id = self.machine.instance_id
        cpuid = hashlib.sha256(instance_id.encode()).hexdigest()[:16].upper()
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, instance_id)).upper(), cpuid

    @property
    def management(self) -> Interface | None:
        """The management interface as detected at boot, ``None`` if there is none."""
        index = 1 if self.bootstrap.swaps_management else 0
        return next((nic for nic in self.interfaces if nic.device_index == index), None)

    @property
    def address(self) -> str:
        """IP address of its management interface, empty if there is none."""
        return self.management.private_ip if self.management else ""

    @property
    def ip_address(self) -> str:
        """IP address that Panorama sees."""
        return self.quirks.seen_at or self.address

    def has_management_network(self) -> bool:
        """Whether the management interface detected at boot is still attached."""
        management = self.management
        return management is not None and self.machine.powered and self.machine.holds(management)

    def reaches_licensing(self) -> bool:
        """Whether it can reach the licensing API."""
        return self.quirks.reaches_licensing and self.has_management_network()

    def web_server_up(self, now: float) -> bool:
        """Whether its management web server, which serves its XML API, runs."""
        up = self.phase != "halted" and now >= self._boot.auto_commit.begins
        return up and self.has_management_network()

    @property
    def connected(self) -> bool:
        """Whether it is connected to Panorama."""
        return self._services.panorama.devices.connected(self.serial) is not None

    @property
    def ready(self) -> bool:
        """Whether it can get traffic: configured, licensed and running."""
        return self.configured and self.license.active and self.machine.powered

    @property
    def configured(self) -> bool:
        """Whether it has its configuration, from Panorama or its bootstrap package."""
        if self.phase == "standalone":
            return self._boot.auto_commit.ready(self._services.world.clock.now())
        return self.phase == "in-sync"

    def answers(self, port: int) -> bool:
        """Whether ``ethernet1/1`` answers a health check on a TCP port.

        The ``bootstrap.xml`` of a bootstrap package is not simulated: a firewall without Panorama
        answers on ports 80 and 443.
        """
        allowed = port in (80, 443) if self.phase == "standalone" else self.pushed.answers(port)
        return self.configured and self.machine.powered and allowed

    def receive(self, configuration: list[Element]) -> None:
        """Apply a configuration that Panorama pushed."""
        self.pushed = PushedConfig(tuple(configuration))
        if self.phase == "connected":
            self.phase = "in-sync"

    def operate(self, command: Element) -> Element:
        """Execute an operational command and return the response.

        Raises:
            ApiError: if PAN-OS would reject the command.
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
        """Whether it waits for a call to AWS."""
        return self._boot.busy() or self._publisher.busy()

    def tick(self, now: float) -> None:
        """Advance boot, license and metrics to ``now``."""
        self.license.tick(now)
        self._publisher.collect()
        if not self.machine.powered:
            self._halt()
            return
        if self.phase == "halted":
            self.phase = "licensed" if self.license.active else "unlicensed"
            self._boot.restart(now)
        self._boot.tick(now)
        if not self.has_management_network():
            self._services.panorama.disconnect(self.serial)
            return
        self._publisher.tick(now, self.pushed, self.load)

    def _halt(self) -> None:
        self._boot.halt()
        if self.phase == "halted":
            return
        self.phase = "halted"
        self.load = Load()
        self._services.panorama.disconnect(self.serial)
        self._services.cloud.forget(self.machine.instance_id)
        self._services.world.timeline.add("firewall", "halted", self.machine.instance_id)

    def _chassis_ready(self) -> Element:
        ready = self._boot.auto_commit.ready(self._services.world.clock.now())
        return result(text="yes\n" if ready else "no\n")

    def _jobs(self) -> Element:
        now = self._services.world.clock.now()
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
