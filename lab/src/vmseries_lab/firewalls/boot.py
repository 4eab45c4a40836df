"""The boot of a firewall, from power-on until Panorama pushes its configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal, Protocol

from vmseries_lab.firewalls.autocommit import AutoCommit
from vmseries_lab.firewalls.aws_calls import AwsCallError
from vmseries_lab.firewalls.bootstrap_parameters import BootstrapParameters, parse
from vmseries_lab.firewalls.bootstrap_source import read
from vmseries_lab.firewalls.license import License
from vmseries_lab.firewalls.machine import Interface, Machine
from vmseries_lab.firewalls.pushed_config import PushedConfig
from vmseries_lab.firewalls.quirks import Quirks
from vmseries_lab.firewalls.shared_services import SharedServices
from vmseries_lab.internet import HTTPS
from vmseries_lab.licensing_api import LicensingRejectedError, PoolExhaustedError
from vmseries_lab.net.certificates import LICENSING_NAME, PANORAMA_NAMES, STRATA_API_NAME
from vmseries_lab.panorama.devices import Link
from vmseries_lab.panorama.service import RegistrationRejectedError
from vmseries_lab.strata_cloud_manager import RegistrationIgnoredError

Stage = Callable[[], bool]
"""A stage of the boot. Returns whether it is complete; if not, it runs again on the next tick."""

Phase = Literal[
    "starting",
    "no-management-network",
    "bootstrap-failed",
    "bootstrapped",
    "unlicensed",
    "licensed",
    "rejected",
    "connected",
    "in-sync",
    "standalone",
    "halted",
]


class BootTarget(Link, Protocol):
    """The attributes of ``firewall.Firewall`` that a boot reads and sets."""

    machine: Machine
    sw_version: str
    license: License
    quirks: Quirks
    hostname: str
    phase: Phase
    interfaces: tuple[Interface, ...]
    bootstrap: BootstrapParameters
    pushed: PushedConfig
    device_certificate: str

    @property
    def mac(self) -> str:
        """MAC address that its system information shows."""

    @property
    def identity(self) -> tuple[str, str]:
        """UUID and CPU ID."""

    @property
    def management(self) -> Interface | None:
        """The management interface."""

    @property
    def address(self) -> str:
        """IP address of the management interface."""

    def has_management_network(self) -> bool:
        """Whether the management interface is still attached."""

    def reaches(self, host: str, port: int) -> bool:
        """Whether the management interface can connect to a host."""

    def reaches_aws(self, service: str) -> bool:
        """Whether the management interface can call an AWS service."""

    def reaches_panorama(self) -> bool:
        """Whether the management interface can connect to Panorama."""

    def reaches_content(self) -> bool:
        """Whether the management interface can get content from Panorama."""

    def request_device_certificate(self) -> None:
        """Request the device certificate."""


class Boot:
    """The remaining stages of a firewall's boot.

    Attributes:
        auto_commit: auto-commit of this boot.
    """

    def __init__(self, firewall: BootTarget, services: SharedServices, now: float) -> None:
        self._firewall = firewall
        self._services = services
        self._reading: Future[BootstrapParameters] | None = None
        times = services.times
        self.auto_commit = self._start_auto_commit(now, times.bootstrap, times.register)
        self._stages: list[tuple[float, Stage]] = [
            (now + self._spread(times.bootstrap), self._detect_interfaces),
            (now + self._spread(times.bootstrap), self._read_bootstrap),
            (now + self._spread(times.license), self._activate_license),
            (now + self._spread(times.register), self._register),
            (now + self._spread(times.content), self._request_push),
        ]

    def busy(self) -> bool:
        """Whether the bootstrap parameters are being read, or were not used yet."""
        return self._reading is not None

    def tick(self, now: float) -> None:
        """Run the stages that are due, in their order."""
        while self._stages and now >= self._stages[0][0]:
            stage = self._stages[0]
            if not stage[1]():
                return
            if self._stages and self._stages[0] is stage:
                self._stages.pop(0)

    def halt(self) -> None:
        """Stop the boot: the power is off."""
        self._stages.clear()
        if self._reading is not None and self._reading.done():
            self._reading = None

    def restart(self, now: float) -> None:
        """Boot again with the existing configuration, without bootstrapping."""
        rejoin = self._services.times.rejoin
        self.auto_commit = self._start_auto_commit(now, rejoin / 2, rejoin)
        self._stages = [(now + self._spread(rejoin), self._rejoin)]

    def _detect_interfaces(self) -> bool:
        """Detect the attached interfaces; interfaces attached later are not detected."""
        firewall = self._firewall
        order = self._services.world.assumptions["guest-interface-order"]
        firewall.interfaces = firewall.machine.interfaces(order)
        firewall.bootstrap = BootstrapParameters(parse(firewall.machine.user_data()))
        self._note("booted", version=firewall.sw_version, zone=firewall.machine.zone)
        if firewall.management is None:
            self._give_up("no-management-network")
        return True

    def _read_bootstrap(self) -> bool:
        """Read the bootstrap parameters, from the user data, a secret or a bucket."""
        if self._reading is None:
            cloud, machine = self._services.cloud, self._firewall.machine
            instance_id, role_arn = machine.instance_id, machine.role_arn()
            user_data = machine.user_data()
            source = BootstrapParameters(parse(user_data)).source
            if source is not None and not self._firewall.reaches_aws(source):
                self._give_up("bootstrap-failed", reason=f"{source} is not reachable")
                return True
            self._reading = cloud.submit(lambda: read(cloud, instance_id, role_arn, user_data))
            return False
        if not self._reading.done():
            return False
        reading, self._reading = self._reading, None
        self._apply_bootstrap(reading)
        return True

    def _apply_bootstrap(self, reading: Future[BootstrapParameters]) -> None:
        firewall = self._firewall
        try:
            firewall.bootstrap = reading.result()
        except AwsCallError as error:
            self._give_up("bootstrap-failed", reason=str(error))
            return
        if firewall.management is None:
            self._give_up("no-management-network")
            return
        late_name = self._services.world.assumptions["late-interface-host-name"]
        offered = firewall.machine.dhcp_hostname(firewall.management, late_name)
        firewall.hostname = firewall.bootstrap.hostname(offered)
        self._enter("bootstrapped", hostname=firewall.hostname, address=firewall.address)

    def _activate_license(self) -> bool:
        """Activate a license; a boot tries this only once."""
        firewall = self._firewall
        firewall.request_device_certificate()
        if not firewall.machine.bring_your_own_license:
            firewall.license.enroll()
        elif firewall.bootstrap.licensed_by_panorama:
            return True
        elif firewall.bootstrap.auth_codes is None:
            self._give_up("unlicensed", reason="no auth code")
            return True
        else:
            self._activate_with(firewall.bootstrap.auth_codes)
            return True
        self._enter("licensed", serial=firewall.serial)
        return True

    def _activate_with(self, auth_code: str, *, through_panorama: bool = False) -> None:
        firewall = self._firewall
        if not through_panorama and not firewall.reaches(LICENSING_NAME, HTTPS):
            self._give_up("unlicensed", reason="the licensing API is not reachable")
            return
        try:
            firewall.license.activate(auth_code, *firewall.identity)
        except (LicensingRejectedError, PoolExhaustedError) as error:
            self._give_up("unlicensed", reason=str(error))
            return
        self._enter("licensed", serial=firewall.serial)

    def _register(self) -> bool:
        """Register with Panorama; retried while Panorama is not reachable."""
        firewall, panorama = self._firewall, self._services.panorama
        bootstrap = firewall.bootstrap
        if bootstrap.managed_by_cloud:
            return self._register_with_cloud()
        if not bootstrap.panoramas:
            self._stages.clear()
            self._enter("standalone")
            return True
        if not (set(bootstrap.panoramas) & set(PANORAMA_NAMES) and firewall.quirks.registers):
            self._stages.clear()
            return True
        if bootstrap.device_group is None or bootstrap.template_stack is None:
            # "init-cfg.txt File Components": without them, the connection fails.
            self._give_up("rejected", reason="no dgname or no tplname")
            return True
        if not (panorama.reachable and firewall.reaches_panorama()):
            return False
        try:
            if bootstrap.licensed_by_panorama:
                self._join_license_manager(bootstrap.auth_key or "")
            else:
                panorama.register(
                    firewall,
                    bootstrap.vm_auth_key or "",
                    group=bootstrap.device_group,
                    stack=bootstrap.template_stack,
                    logs=bootstrap.collector_group,
                )
        except RegistrationRejectedError as error:
            self._give_up("rejected", reason=str(error))
        if firewall.phase == "licensed":
            firewall.phase = "connected"
        return True

    def _register_with_cloud(self) -> bool:
        """Register with Strata Cloud Manager; retried while it is not reachable."""
        firewall, strata = self._firewall, self._services.strata
        if not (strata.reachable and firewall.reaches(STRATA_API_NAME, HTTPS)):
            return False
        self._stages.clear()  # Strata Cloud Manager pushes without asking for content.
        certified = firewall.device_certificate == "installed"
        try:
            strata.register(firewall, firewall.bootstrap.device_group, certificate=certified)
        except RegistrationIgnoredError as error:
            self._give_up("rejected", reason=str(error))
        if firewall.phase == "licensed":
            firewall.phase = "connected"
        return True

    def _join_license_manager(self, auth_key: str) -> None:
        """Register with the license manager of Panorama's plugin, which licenses the firewall.

        Raises:
            RegistrationRejectedError: if the key is wrong, or the plugin does not support this
                firewall.
        """
        firewall, plugin = self._firewall, self._services.plugin
        if not firewall.machine.bring_your_own_license:
            raise RegistrationRejectedError("the plugin does not license pay-as-you-go firewalls")
        if firewall.bootstrap.vm_auth_key or firewall.bootstrap.auth_codes:
            raise RegistrationRejectedError("vm-auth-key or authcodes in addition to auth-key")
        self._activate_with(plugin.auth_code(auth_key), through_panorama=True)
        if firewall.license.active:
            plugin.admit(firewall, auth_key)

    def _request_push(self) -> bool:
        """Let Panorama push the configuration, since content is installed."""
        if not self._firewall.reaches_content():
            return False
        self._services.panorama.push([self._firewall.serial])
        return True

    def _rejoin(self) -> bool:
        firewall, panorama = self._firewall, self._services.panorama
        if firewall.bootstrap.managed_by_cloud:
            self._services.strata.connect(firewall)
            firewall.phase = "in-sync" if firewall.pushed.parts else "connected"
            return True
        if not firewall.bootstrap.panoramas:
            self._enter("standalone")
            return True
        if not (panorama.reachable and firewall.reaches_panorama()):
            return False
        self._note("booted", version=firewall.sw_version, zone=firewall.machine.zone)
        if panorama.is_managed(firewall.serial):
            panorama.connect(firewall)
            firewall.phase = "in-sync" if firewall.pushed.parts else "connected"
        return True

    def _enter(self, phase: Phase, **detail: Any) -> None:
        self._firewall.phase = phase
        self._note(phase, **detail)

    def _note(self, kind: str, **detail: Any) -> None:
        instance_id = self._firewall.machine.instance_id
        self._services.world.timeline.add("firewall", kind, instance_id, **detail)

    def _give_up(self, phase: Phase, **detail: Any) -> None:
        """End the boot in a phase that does not change any more."""
        self._stages.clear()
        self._enter(phase, **detail)

    def _start_auto_commit(self, now: float, begins: float, ends: float) -> AutoCommit:
        failure = self._firewall.quirks.auto_commit_failure
        return AutoCommit(now + self._spread(begins), now + self._spread(ends), failure)

    def _spread(self, seconds: float) -> float:
        """Vary a duration by up to 3 percent per instance, to keep firewalls out of lockstep."""
        share = hashlib.sha256(self._firewall.machine.instance_id.encode()).digest()[0] / 255
        return seconds * (0.97 + 0.06 * share)
