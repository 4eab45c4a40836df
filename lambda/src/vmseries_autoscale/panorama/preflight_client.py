"""Requests to Panorama that only the pre-flight makes. None of them changes anything.

A right to change something is tried with a request that has nothing to change: a commit or a revert
without open changes, and a push of a device group that cannot exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import DeviceRefusedError
from vmseries_autoscale.pan_os.commands import command, nested, to_xml
from vmseries_autoscale.pan_os.values import printable, text_at
from vmseries_autoscale.panorama import read_commands
from vmseries_autoscale.panorama.client import PanOsPanorama
from vmseries_autoscale.panorama.xpath import LOCALHOST, entry, license_manager
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings

_CLOUDWATCH = (
    "/devices/entry[@name='localhost.localdomain']/deviceconfig/plugins/vm_series/aws-cloudwatch"
)
MAXIMUM_TEMPLATES = 32
"""Number of templates of a stack that are read. A stack can have up to eight ("Configure a Template
Stack", Panorama Administrator's Guide); earlier versions allowed 16."""

_SYSTEM = "/devices/entry[@name='localhost.localdomain']/deviceconfig/system"

NO_DEVICE_GROUP = "no-device-group-has-a-name-of-this-length"
"""A name of more than the 31 characters that a device group may have ("Panorama > Device Groups",
Panorama web interface help), so that a push of this group reaches no firewall."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """What the running configuration says about an administrator.

    Attributes:
        dynamic_role: Name of the element of a built-in role, such as ``superuser``; ``None`` for a
            custom role.
        profile: Name of the role profile; ``None`` for a built-in role.
        role_type: ``panorama`` or another type of the role profile; ``None`` if there is none.
        rights: Enabled rights of the XML API, as the elements of the role profile.
        commits_for_others: Whether the role profile allows commits for other administrators.
    """

    dynamic_role: str | None
    profile: str | None
    role_type: str | None
    rights: frozenset[str]
    commits_for_others: bool


@dataclass(frozen=True, slots=True)
class HostNameSettings:
    """What a template or the template stack says about the host name of a firewall.

    Attributes:
        owner: The template stack or template, as part of a sentence.
        hostname: The host name that it sets; empty if it sets none.
        accepts: ``yes`` or ``no``: whether a DHCP client of the management interface takes the
            host name that it is offered; ``None`` if it does not configure a DHCP client.
    """

    owner: str
    hostname: str
    accepts: str | None


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
        response = self._op(read_commands.log_collector_groups())
        return {printable(group.get("name")) for group in response.iterfind("result/*/entry")}

    def has_license_manager(self, name: str) -> bool:
        """Return whether the plugin sw_fw_license has a license manager with this name."""
        return self._element(license_manager(name)) is not None

    def check_configuration_access(self) -> None:
        """Check the access to the configuration by reading a small part of it.

        Raises:
            DeviceAccessError: If the administrator's role does not allow it.
        """
        self._running(f"{self._stack}/templates")

    def connected_member(self) -> str | None:
        """Return the serial number of a connected firewall of the device group, or ``None``."""
        group = self._settings.device_group
        return read_commands.connected_member(self._op(read_commands.device_group(group)), group)

    def read_batch_licenses(self) -> None:
        """Read the licenses of all firewalls, as Panorama knows them.

        Raises:
            DeviceAccessError: If the administrator's role does not allow it.
        """
        self._op(read_commands.batch_licenses())

    def has_open_changes(self, administrator: str) -> bool:
        """Return whether an administrator has uncommitted changes, or may have some.

        ``show config list changes partial admin member``. An answer without a result, or with
        anything that is not known to be an empty list, counts as changes.
        """
        result = self._op(read_commands.open_changes(administrator)).find("result")
        if result is None:
            return True
        listed = any(element.tag in ("entry", "member") for element in result.iter())
        return listed or any(text.strip() for text in result.itertext())

    def push_nothing(self) -> str | None:
        """Request a push of a device group that cannot exist.

        Returns:
            The reason with which Panorama refuses it, ``None`` if Panorama accepts it.

        Raises:
            DeviceAccessError: If the administrator's role does not allow pushes.
        """
        push = ET.Element("commit-all")
        group = nested(push, "shared-policy", "device-group", "entry")
        group.set("name", NO_DEVICE_GROUP)
        try:
            self._connection.request(lambda xapi: xapi.commit(cmd=to_xml(push), action="all"))
        except DeviceRefusedError as error:
            return error.text
        return None

    def administrator(self) -> Administrator | None:
        """Return the role of the connection's administrator.

        Returns:
            ``None`` if the running configuration has no such administrator, e.g. because RADIUS or
            SAML assigns the role.
        """
        user = f"/config/mgt-config/users/{entry(self.username)}/permissions/role-based"
        role = self._element(user)
        if role is None:
            return None
        profile = role.findtext("custom/profile")
        if profile is None:
            names = [printable(child.tag) for child in role]
            return Administrator(names[0] if names else None, None, None, frozenset(), False)
        profile = printable(profile)
        definition = self._element(f"/config/shared/admin-role/{entry(profile)}/role")
        kind = None if definition is None else next(iter(definition), None)
        if kind is None:
            return Administrator(None, profile, None, frozenset(), False)
        rights = kind.find("xmlapi")
        enabled = [] if rights is None else [one.tag for one in rights if one.text == "enable"]
        others = kind.findtext("webui/commit/commit-for-other-admins") == "enable"
        role_type = printable(kind.tag)
        return Administrator(None, profile, role_type, frozenset(map(printable, enabled)), others)

    def host_name_settings(self) -> list[HostNameSettings]:
        """Return what the template stack and then each template says about the host name."""
        return [
            self._host_name(owner, f"{part}/config{_SYSTEM}")
            for owner, part in self._stack_and_templates()
        ]

    def _host_name(self, owner: str, steps: str) -> HostNameSettings:
        hostname = self._running(f"{steps}/hostname")
        client = self._running(f"{steps}/type/dhcp-client")
        accepts = None if client is None else client.findtext("accept-dhcp-hostname", "no")
        name = "" if hostname is None else printable(hostname.text).strip()
        return HostNameSettings(owner, name, None if accepts is None else printable(accepts))

    def _stack_and_templates(self) -> list[tuple[str, str]]:
        """Return the template stack, then each template, with the beginning of its XPath."""
        templates = self._running(f"{self._stack}/templates")
        members = () if templates is None else islice(templates.iter("member"), MAXIMUM_TEMPLATES)
        names = [printable(member.text) for member in members]
        stack = (f"template stack {self._settings.template_stack}", self._stack)
        return [stack, *((f"template {name}", f"/template/{entry(name)}") for name in names)]

    def metric_publishing(self) -> list[dict[str, str]]:
        """Return the ``aws-cloudwatch`` settings of the template stack, then of each template."""
        parts = self._stack_and_templates()
        return [self._leaves(f"{part}/config{_CLOUDWATCH}") for _, part in parts]

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
        return self._element(f"{LOCALHOST}{steps}")

    def _element(self, xpath: str) -> ET.Element | None:
        """Return an element of the running configuration; ``None`` if there is none."""
        response = self._configuration.running(xpath)
        return None if response is None else response.find("result/*")
