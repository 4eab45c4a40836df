"""Requests to Panorama that only the pre-flight makes. All of them are read-only."""

from __future__ import annotations

from itertools import islice
from xml.etree import ElementTree as ET

from vmseries_autoscale.pan_os.commands import command
from vmseries_autoscale.pan_os.values import printable, text_at
from vmseries_autoscale.panorama.client import PanOsPanorama
from vmseries_autoscale.panorama.xpath import LOCALHOST, entry
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings

_CLOUDWATCH = (
    "/devices/entry[@name='localhost.localdomain']/deviceconfig/plugins/vm_series/aws-cloudwatch"
)
MAXIMUM_TEMPLATES = 32
"""Number of templates of a stack that are read. A stack can have up to eight ("Configure a Template
Stack", Panorama Administrator's Guide); earlier versions allowed 16."""

_LICENSE_MANAGERS = "/plugins/sw_fw_license/license-manager"


class PreflightPanorama(PanOsPanorama):
    """A connection to one Panorama, or to one peer of a pair, as one administrator.

    Attributes:
        hostname: Configured host name.
        username: Name of the administrator.
    """

    def __init__(self, hostname: str, settings: PanoramaSettings, credentials: Credentials) -> None:
        super().__init__(hostname, settings, credentials)
        self.hostname = hostname
        self.username = credentials.username

    def version(self) -> str:
        """Return the PAN-OS version."""
        response = self._op(command("show", "system", "info"))
        return text_at(response, "result/system/sw-version")

    def ha_state(self) -> str | None:
        """Return the HA state, e.g. ``primary-active``; ``None`` without an HA pair."""
        response = self._show_ha_state()
        if response.findtext("result/enabled") != "yes":
            return None
        return text_at(response, "result/local-info/state")

    def device_groups(self) -> set[str]:
        """Return the names of the device groups with the configured name: one name or none."""
        return self._names("devicegroups", self._settings.device_group)

    def template_stacks(self) -> set[str]:
        """Return the names of the template stacks with the configured name: one name or none."""
        return self._names("template-stack", self._settings.template_stack)

    def log_collector_groups(self) -> set[str]:
        """Return the names of all log collector groups."""
        response = self._op(command("show", "log-collector-group", "all"))
        return {printable(group.get("name")) for group in response.iterfind("result/*/entry")}

    def has_license_manager(self, name: str) -> bool:
        """Return whether the plugin sw_fw_license has a license manager with this name."""
        return self._running(f"{_LICENSE_MANAGERS}/{entry(name)}") is not None

    def check_configuration_access(self) -> None:
        """Check the access to the configuration by reading a small part of it.

        Raises:
            DeviceAccessError: If the administrator's role does not allow it.
        """
        self._running(f"{self._stack}/templates")

    def metric_publishing(self) -> list[dict[str, str]]:
        """Return the ``aws-cloudwatch`` settings of the template stack, then of each template."""
        templates = self._running(f"{self._stack}/templates")
        members = () if templates is None else islice(templates.iter("member"), MAXIMUM_TEMPLATES)
        parts = [self._stack, *(f"/template/{entry(printable(member.text))}" for member in members)]
        return [self._leaves(f"{part}/config{_CLOUDWATCH}") for part in parts]

    @property
    def _stack(self) -> str:
        return f"/template-stack/{entry(self._settings.template_stack)}"

    def _names(self, kind: str, name: str) -> set[str]:
        response = self._op(command("show", kind, "name", text=name))
        return {printable(item.get("name")) for item in response.iterfind(f"result/{kind}/entry")}

    def _leaves(self, steps: str) -> dict[str, str]:
        element = self._running(steps)
        if element is None:
            return {}
        return {printable(leaf.tag): printable(leaf.text).strip() for leaf in element}

    def _running(self, steps: str) -> ET.Element | None:
        """Return an element of the running configuration, which is the one that Panorama pushes."""
        response = self._configuration.running(f"{LOCALHOST}{steps}")
        return None if response is None else response.find("result/*")
