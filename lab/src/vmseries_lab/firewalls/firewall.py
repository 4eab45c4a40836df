"""A VM-Series firewall, from power-on to the termination of its instance."""

from __future__ import annotations

import contextlib
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
from vmseries_lab.internet import CONTENT_PORT, DEVICE_CERTIFICATE, HTTPS, PANORAMA_PORT
from vmseries_lab.net.certificates import LICENSING_NAME, PANORAMA_NAMES, STRATA_API_NAME
from vmseries_lab.panorama.op_commands import choose
from vmseries_lab.panorama.responses import ApiError, leaf, result
from vmseries_lab.panorama.service import RegistrationRejectedError

PATH_CHECK_SECONDS = 30.0
"""Lab seconds between two checks of the path to Panorama while a firewall is connected."""
REGISTER_AGAIN_SECONDS = 60.0
"""Lab seconds until a firewall that was deleted from Panorama registers again; the lab's own."""
LICENSED_MODEL = "VM-SERIES-4"


class Firewall:
    """A firewall on one instance; for Panorama, it is a ``Link``.

    Attributes:
        phase: phase of its boot.
        interfaces: interfaces that were attached when it booted.
        bootstrap: bootstrap parameters.
        pushed: configuration that Panorama pushed.
        load: sessions; set by ``traffic``.
        quirks: deviations from the normal case.
        refused: what its management interface last failed to reach, and why.
        device_certificate: ``no PIN``, ``pending``, ``installed``, or what refused it.
        left: whether it has rebooted or dropped off because of a deactivation.
        dropped_off: whether it has lost its serial number with its license, and does not connect to
            Panorama any more.
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
        self.refused: dict[str, str] = {}
        self.device_certificate = "no PIN"
        self._path_lost = False
        self._next_path_check = now
        self._deleted_at: float | None = None
        self.left = False
        self.dropped_off = False
        self._services = services
        world = services.world
        self.license = License(world, services.licensing, self.reaches_licensing)
        self._boot = Boot(self, services, now)
        self._publisher = MetricPublisher(machine, services, lambda: self.reaches_aws("cloudwatch"))

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
        """UUID and CPU ID, which depend only on the instance.

        Palo Alto Networks, "Serial Number and CPU ID Format for the VM-Series Firewall": the CPU ID
        of a pay-as-you-go firewall on AWS is
        ``AWSMP:<instance ID without i->:<product code>:<region>``. With its own license, the CPU ID
        that is recorded on another hypervisor is its name and digits of the hardware; what it is on
        AWS is an assumption.
        """
        machine, assumptions = self.machine, self._services.world.assumptions
        unit = str(uuid.uuid5(uuid.NAMESPACE_DNS, machine.instance_id)).upper()
        if machine.bring_your_own_license and assumptions["byol-cpu-id"] == "hardware":
            digits = hashlib.sha256(machine.instance_id.encode()).hexdigest()[:16]
            return unit, f"AWS:{digits.upper()}"
        instance = machine.instance_id.removeprefix("i-")
        return unit, f"AWSMP:{instance}:{machine.product_code}:{machine.region}"

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
        """Whether it can reach the licensing API, also according to its quirks."""
        return self.quirks.reaches_licensing and self.reaches(LICENSING_NAME, HTTPS)

    def reaches(self, host: str, port: int, *, established: bool = False) -> bool:
        """Whether its management interface can connect to a host; :attr:`refused` says why not."""
        if not self.has_management_network() or self.management is None:
            return self._note_path(f"{host}:{port}", "there is no management interface")
        verdict = self._services.paths.to_host(
            self.management.interface_id, host, port, established=established
        )
        return self._note_path(f"{host}:{port}", "" if verdict else str(verdict))

    def reaches_aws(self, service: str) -> bool:
        """Whether its management interface can call an AWS service, as boto3 names it."""
        if not self.has_management_network() or self.management is None:
            return self._note_path(service, "there is no management interface")
        verdict = self._services.paths.to_service(self.management.interface_id, service)
        return self._note_path(service, "" if verdict else str(verdict))

    def reaches_panorama(self, port: int = PANORAMA_PORT, *, established: bool = False) -> bool:
        """Whether it can connect to one of its Panorama servers."""
        known = [host for host in self.bootstrap.panoramas if host in PANORAMA_NAMES]
        reached = [self.reaches(host, port, established=established) for host in known]
        return any(reached)

    def reaches_content(self) -> bool:
        """Whether it can get content from Panorama."""
        return self.reaches_panorama(CONTENT_PORT)

    def request_device_certificate(self) -> None:
        """Request the device certificate, if it has a PIN for that."""
        if not self.bootstrap.registration_pin:
            return
        missing = [
            f"{host}:{port}" for host, port in DEVICE_CERTIFICATE if not self.reaches(host, port)
        ]
        self.device_certificate = (
            "; ".join(f"{name}: {self.refused[name]}" for name in missing) or "installed"
        )

    def _note_path(self, name: str, refusal: str) -> bool:
        """Remember why a path is closed; return whether it is open."""
        if not refusal:
            self.refused.pop(name, None)
            return True
        if self.refused.get(name) != refusal:
            self.refused[name] = refusal
            self._services.world.timeline.add(
                "firewall", "path-refused", self.machine.instance_id, to=name, reason=refusal
            )
        return False

    def web_server_up(self, now: float) -> bool:
        """Whether its management web server, which serves its XML API, runs."""
        up = self.phase != "halted" and now >= self._boot.auto_commit.begins
        return up and self.has_management_network()

    @property
    def connected(self) -> bool:
        """Whether it is connected to its manager."""
        if self.bootstrap.managed_by_cloud:
            return self._services.strata.is_connected(self.serial)
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
            "request/license/deactivate/VM-Capacity": self._deactivate,
            "show/system/info": self._system,
            "show/chassis-ready": lambda _command, _user: self._chassis_ready(),
            "show/jobs": lambda _command, _user: self._jobs(),
        }
        handler = choose(handlers, command)
        if handler is None:
            raise ApiError(f"{command.tag} is unexpected", code=17)
        return handler(command, "")

    @property
    def leaves(self) -> bool:
        """Whether it reboots or drops off because of a deactivation; an assumption."""
        after = self._services.world.assumptions["after-deactivation"]
        return after != "stays" and self.license.leaving and not self.left

    def _deactivate(self, command: Element, user: str) -> Element:
        """Deactivate the license; the connection can be lost before the answer.

        Raises:
            ApiError: if the license cannot be deactivated, or there is no connection any more.
        """
        answer = self.license.deactivate(command, user)
        moment = self._services.world.assumptions["deactivation-moment"]
        if self.leaves and moment == "before-answer":
            self._leave(self._services.world.clock.now())
            raise ApiError(f"{self.serial} not connected")
        return answer

    def _leave(self, now: float) -> None:
        """Reboot, or drop off for good, because the license is deactivated.

        The licensing API has processed the deactivation by then.
        """
        self.license.complete()
        self.left = True
        self._path_lost = False
        self._disconnect()
        self.phase = "unlicensed"
        self.load = Load()
        self._note("left-after-deactivation")
        if self._services.world.assumptions["after-deactivation"] == "reboots":
            self._boot.restart(now)
        else:
            self.dropped_off = True
            self._boot.halt()

    def _note(self, kind: str) -> None:
        self._services.world.timeline.add("firewall", kind, self.machine.instance_id)

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
            if not self.dropped_off:
                self._boot.restart(now)
        if self.leaves:
            self._leave(now)
        self._boot.tick(now)
        self._keep_connection(now)
        if not self.has_management_network():
            return
        self._publisher.tick(now, self.pushed, self.load)

    def _keep_connection(self, now: float) -> None:
        """Lose the connection to Panorama with the path to it, and connect again."""
        panorama = self._services.panorama
        if not self.has_management_network():
            self._path_lost = self._path_lost or self.connected
            self._disconnect()
            return
        if self.dropped_off or now < self._next_path_check:
            return
        self._next_path_check = now + PATH_CHECK_SECONDS
        if self.bootstrap.managed_by_cloud:
            self._keep_cloud_connection()
            return
        self._register_again(now)
        if self.connected and not self.reaches_panorama(established=True):
            self._path_lost = True
            panorama.disconnect(self.serial)
        elif self._path_lost and panorama.reachable and self.reaches_panorama():
            self._path_lost = False
            if panorama.is_managed(self.serial):
                panorama.connect(self)

    def _keep_cloud_connection(self) -> None:
        """Lose the connection to Strata Cloud Manager with the path to it, and connect again."""
        strata, name = self._services.strata, STRATA_API_NAME
        if self.connected and not self.reaches(name, HTTPS, established=True):
            self._path_lost = True
            self._disconnect()
        elif self._path_lost and strata.reachable and self.reaches(name, HTTPS):
            self._path_lost = False
            strata.connect(self)

    def _disconnect(self) -> None:
        """Break the connection to the manager, if there is one."""
        self._services.panorama.disconnect(self.serial)
        self._services.strata.disconnect(self.serial)

    def _register_again(self, now: float) -> None:
        """Register again, some time after a connected firewall was deleted from Panorama.

        "Create Bootstrap Configuration Files": a bootstrapped firewall presents its serial number
        and VM auth key in its connection request, and Panorama adds it. Whether one that was
        deleted does that again is an assumption.
        """
        panorama, bootstrap = self._services.panorama, self.bootstrap
        was_connected = self.phase in ("connected", "in-sync")
        if not was_connected or panorama.is_managed(self.serial):
            self._deleted_at = None
            return
        self._deleted_at = now if self._deleted_at is None else self._deleted_at
        again = self._services.world.assumptions["deleted-while-connected"] == "registers-again"
        if not again or now < self._deleted_at + REGISTER_AGAIN_SECONDS or self._path_lost:
            return
        if not (bootstrap.vm_auth_key and panorama.reachable and self.reaches_panorama()):
            return
        self._deleted_at = None
        with contextlib.suppress(RegistrationRejectedError):
            panorama.register(
                self,
                bootstrap.vm_auth_key,
                group=bootstrap.device_group,
                stack=bootstrap.template_stack,
                logs=bootstrap.collector_group,
            )

    def _halt(self) -> None:
        self._boot.halt()
        if self.phase == "halted":
            return
        self.phase = "halted"
        self._path_lost = False
        self.load = Load()
        self._disconnect()
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
        """Answer ``show system info``, with the elements of recorded responses of VM-Series."""
        unit, cpuid = self.identity
        facts = {
            "hostname": self.hostname,
            "ip-address": self.address,
            "mac-address": self.mac,
            "devicename": self.hostname,
            "family": "vm",
            "model": "PA-VM",
            "serial": "unknown" if self.dropped_off else self.serial,
            "vm-mac-base": "BA:DB:EE:FB:AD:00",
            "vm-mac-count": "255",
            "vm-uuid": unit,
            "vm-cpuid": cpuid,
            "vm-license": LICENSED_MODEL if self.license.active else "none",
            "vm-mode": "Amazon AWS",
            "cloud-mode": "cloud",
            "sw-version": self.sw_version,
            "multi-vsys": "off",
        }
        system = Element("system")
        system.extend(leaf(tag, text) for tag, text in facts.items())
        return result(system)

    @property
    def mac(self) -> str:
        """MAC address that the system information shows; an assumption."""
        shown = self._services.world.assumptions["system-info-mac"]
        others = (nic for nic in self.interfaces if nic is not self.management)
        interface = {"management": self.management, "data": next(others, None)}.get(shown)
        return interface.mac if interface else ""
