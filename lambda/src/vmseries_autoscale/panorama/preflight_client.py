"""What only the pre-flight asks Panorama: reads, and a commit that has nothing to commit."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import PanoramaRefusedError
from vmseries_autoscale.pan_os.connection import command
from vmseries_autoscale.panorama.client import _LOCALHOST, PanOsPanorama, _entry
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings

_CLOUDWATCH = (
    "/devices/entry[@name='localhost.localdomain']/deviceconfig/plugins/vm_series/aws-cloudwatch"
)
_LICENSE_MANAGERS = "/plugins/sw_fw_license/license-manager"


class Inspection(PanOsPanorama):
    """One Panorama or peer, asked by an administrator.

    Attributes:
        hostname: under which name it is asked.
        username: as whom.
    """

    def __init__(self, hostname: str, settings: PanoramaSettings, credentials: Credentials) -> None:
        super().__init__(hostname, settings, credentials)
        self.hostname = hostname
        self.username = credentials.username

    def version(self) -> str:
        """The release of PAN-OS."""
        system = self._op(command("show", "system", "info"))
        return system.findtext("result/system/sw-version", "")

    def state(self) -> str | None:
        """Its state in a high-availability pair, e.g. ``primary-active``; ``None`` without one."""
        state = self._op(command("show", "high-availability", "state"))
        if state.findtext("result/enabled") != "yes":
            return None
        return state.findtext("result/local-info/state", "")

    def device_groups(self) -> set[str]:
        """Names of the device groups called as ours is: one, or none."""
        return self._shown("devicegroups", self._settings.device_group)

    def template_stacks(self) -> set[str]:
        """Names of the template stacks called as ours is: one, or none."""
        return self._shown("template-stack", self._settings.template_stack)

    def log_collector_groups(self) -> set[str]:
        """Names of all log collector groups."""
        answer = self._op(command("show", "log-collector-group", "all"))
        return {entry.get("name", "") for entry in answer.iterfind("result/*/entry")}

    def has_license_manager(self, name: str) -> bool:
        """Whether the plugin sw_fw_license has a license manager of this name."""
        steps = f"{_LICENSE_MANAGERS}/{_entry(name)}"
        return self._running(steps) is not None

    def reads_configuration(self) -> None:
        """Read a little of the running configuration.

        Raises:
            PanoramaAccessError: if the administrator may not.
        """
        self._running(f"{self._stack}/templates")

    def publishing(self) -> list[dict[str, str]]:
        """Settings of ``aws-cloudwatch``: the template stack's own, then each template's."""
        templates = self._running(f"{self._stack}/templates")
        names = [] if templates is None else [one.text or "" for one in templates.iter("member")]
        parts = [self._stack, *(f"/template/{_entry(name)}" for name in names)]
        return [self._leaves(f"{part}/config{_CLOUDWATCH}") for part in parts]

    @property
    def _stack(self) -> str:
        return f"/template-stack/{_entry(self._settings.template_stack)}"

    def _shown(self, what: str, name: str) -> set[str]:
        answer = self._op(command("show", what, "name", text=name))
        return {entry.get("name", "") for entry in answer.iterfind(f"result/{what}/entry")}

    def _leaves(self, steps: str) -> dict[str, str]:
        element = self._running(steps)
        if element is None:
            return {}
        return {leaf.tag: (leaf.text or "").strip() for leaf in element}

    def _running(self, steps: str) -> ET.Element | None:
        """What the steps lead to in the running configuration, which is what is pushed."""

        def read(xapi: Any) -> ET.Element:
            answer: ET.Element = xapi.show(f"{_LOCALHOST}{steps}")
            return answer

        try:
            return self._request(read).find("result/*")
        except PanoramaRefusedError as error:
            if "no such node" in error.text.lower():
                return None
            raise
