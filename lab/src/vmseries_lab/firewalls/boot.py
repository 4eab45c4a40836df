"""The stages of a firewall's first boot, from power-on until Panorama pushes its configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from vmseries_lab.firewalls.autocommit import AutoCommit
from vmseries_lab.firewalls.aws_calls import CloudError
from vmseries_lab.firewalls.bootstrap_parameters import Bootstrap, parse
from vmseries_lab.firewalls.bootstrap_source import read
from vmseries_lab.firewalls.shared_services import Surroundings
from vmseries_lab.licensing_api import LicensingRefusedError, PoolExhaustedError
from vmseries_lab.net.certificates import PANORAMA_NAMES
from vmseries_lab.panorama.service import RegistrationRefusedError

if TYPE_CHECKING:
    from vmseries_lab.firewalls.firewall import Firewall, Phase

Stage = Callable[[], bool]
"""One stage: whether it is over, or must be tried again at the next tick."""


class Boot:
    """What a firewall still has to do before it is in service.

    Attributes:
        auto_commit: by which it activates its configuration.
    """

    def __init__(self, firewall: Firewall, surroundings: Surroundings, now: float) -> None:
        self._firewall = firewall
        self._around = surroundings
        self._reading: Future[Bootstrap] | None = None
        times = surroundings.times
        self.auto_commit = self._activate(now, times.bootstrap, times.register)
        self._stages: list[tuple[float, Stage]] = [
            (now + self._spread(times.bootstrap), self._look_around),
            (now + self._spread(times.bootstrap), self._read),
            (now + self._spread(times.license), self._take_license),
            (now + self._spread(times.register), self._register),
            (now + self._spread(times.content), self._ask_for_push),
        ]

    def busy(self) -> bool:
        """Whether the bootstrap parameters are being read, or have not been looked at."""
        return self._reading is not None

    def tick(self, now: float) -> None:
        """Do the stages that are due, in their order."""
        while self._stages and now >= self._stages[0][0]:
            stage = self._stages[0]
            if not stage[1]():
                return
            if self._stages and self._stages[0] is stage:
                self._stages.pop(0)

    def halt(self) -> None:
        """The power is off: nothing of this boot will follow."""
        self._stages.clear()
        if self._reading is not None and self._reading.done():
            self._reading = None

    def again(self, now: float) -> None:
        """Boot a second time: without bootstrapping, with what the firewall has."""
        rejoin = self._around.times.rejoin
        self.auto_commit = self._activate(now, rejoin / 2, rejoin)
        self._stages = [(now + self._spread(rejoin), self._rejoin)]

    def _look_around(self) -> bool:
        """Enumerate the interfaces. What is attached later stays unseen."""
        firewall = self._firewall
        firewall.interfaces = firewall.machine.interfaces()
        firewall.bootstrap = Bootstrap(parse(firewall.machine.user_data()))
        self._note("booted", version=firewall.sw_version, zone=firewall.machine.zone)
        if firewall.management is None:
            self._give_up("no-management-network")
        return True

    def _read(self) -> bool:
        """Get the bootstrap parameters, over the management network where they lie elsewhere."""
        if self._reading is None:
            cloud, machine = self._around.cloud, self._firewall.machine
            instance_id, role_arn = machine.instance_id, machine.role_arn()
            user_data = machine.user_data()
            self._reading = cloud.submit(lambda: read(cloud, instance_id, role_arn, user_data))
            return False
        if not self._reading.done():
            return False
        reading, self._reading = self._reading, None
        self._use(reading)
        return True

    def _use(self, reading: Future[Bootstrap]) -> None:
        firewall = self._firewall
        try:
            firewall.bootstrap = reading.result()
        except CloudError as error:
            self._give_up("bootstrap-failed", reason=str(error))
            return
        if firewall.management is None:
            self._give_up("no-management-network")
            return
        firewall.hostname = firewall.bootstrap.hostname(firewall.machine.dhcp_hostname())
        self._enter("bootstrapped", hostname=firewall.hostname, address=firewall.address)

    def _take_license(self) -> bool:
        """Take a license; at boot that is tried once."""
        firewall = self._firewall
        if not firewall.machine.bring_your_own_license:
            firewall.license.enrol()
        elif firewall.bootstrap.licensed_by_panorama:
            return True
        elif firewall.bootstrap.auth_codes is None:
            self._give_up("unlicensed", reason="no auth code")
            return True
        else:
            self._take(firewall.bootstrap.auth_codes)
            return True
        self._enter("licensed", serial=firewall.serial)
        return True

    def _take(self, auth_code: str) -> None:
        firewall = self._firewall
        try:
            firewall.license.take(auth_code, *firewall.identity)
        except (LicensingRefusedError, PoolExhaustedError) as error:
            self._give_up("unlicensed", reason=str(error))
            return
        self._enter("licensed", serial=firewall.serial)

    def _register(self) -> bool:
        """Join Panorama; while that is away, try again."""
        firewall, panorama = self._firewall, self._around.panorama
        bootstrap = firewall.bootstrap
        if not bootstrap.panoramas:
            self._stages.clear()
            self._enter("standalone")
            return True
        if not (set(bootstrap.panoramas) & set(PANORAMA_NAMES) and firewall.oddities.registers):
            self._stages.clear()
            return True
        if bootstrap.device_group is None or bootstrap.template_stack is None:
            # "init-cfg.txt File Components": without them the connection fails.
            self._give_up("refused", reason="no dgname or no tplname")
            return True
        if not (panorama.reachable and firewall.has_management_network()):
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
        except RegistrationRefusedError as error:
            self._give_up("refused", reason=str(error))
        if firewall.phase == "licensed":
            firewall.phase = "connected"
        return True

    def _join_license_manager(self, auth_key: str) -> None:
        """Let Panorama's plugin get the license, which is also tried once, and take it in.

        Raises:
            RegistrationRefusedError: if the key is wrong, or the plugin is not for this firewall.
        """
        firewall, plugin = self._firewall, self._around.plugin
        if not firewall.machine.bring_your_own_license:
            raise RegistrationRefusedError("the plugin licenses no pay-as-you-go firewalls")
        if firewall.bootstrap.vm_auth_key or firewall.bootstrap.auth_codes:
            raise RegistrationRefusedError("vm-auth-key or authcodes beside the plugin's auth-key")
        self._take(plugin.auth_code(auth_key))
        if firewall.license.active:
            plugin.admit(firewall, auth_key)

    def _ask_for_push(self) -> bool:
        """Content is installed: Panorama pushes the configuration."""
        self._around.panorama.push([self._firewall.serial])
        return True

    def _rejoin(self) -> bool:
        firewall, panorama = self._firewall, self._around.panorama
        if not firewall.bootstrap.panoramas:
            self._enter("standalone")
            return True
        if not (panorama.reachable and firewall.has_management_network()):
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
        self._around.world.timeline.add("firewall", kind, instance_id, **detail)

    def _give_up(self, phase: Phase, **detail: Any) -> None:
        """Stay as it is for good."""
        self._stages.clear()
        self._enter(phase, **detail)

    def _activate(self, now: float, begins: float, ends: float) -> AutoCommit:
        failure = self._firewall.oddities.auto_commit_failure
        return AutoCommit(now + self._spread(begins), now + self._spread(ends), failure)

    def _spread(self, seconds: float) -> float:
        """A few per cent more or less, so that firewalls do not march in step."""
        share = hashlib.sha256(self._firewall.machine.instance_id.encode()).digest()[0] / 255
        return seconds * (0.97 + 0.06 * share)
