"""XPath expressions for Panorama's configuration."""

from __future__ import annotations

from collections.abc import Collection

from vmseries_autoscale.errors import PANORAMA, DeviceRefusedError
from vmseries_autoscale.panorama.interface import Part
from vmseries_autoscale.settings import PanoramaSettings

LOCALHOST = "/config/devices/entry[@name='localhost.localdomain']"
"""The part of the configuration with device groups, templates and log collector groups."""

_MANAGED_DEVICES = "/config/mgt-config/devices"
_GROUPS = {
    Part.TEMPLATE_STACK: ("template-stack", "devices"),
    Part.DEVICE_GROUP: ("device-group", "devices"),
    Part.LOG_COLLECTOR_GROUP: ("log-collector-group", "logfwd-setting/devices"),
}
"""The element of the groups of each kind, and the list of firewalls inside a group."""


def entry(name: str) -> str:
    """Return the XPath step to the entry named ``name``.

    Raises:
        DeviceRefusedError: If the name contains both kinds of quotes, which XPath cannot express.
    """
    for mark in "'\"":
        if mark not in name:
            return f"entry[@name={mark}{name}{mark}]"
    raise DeviceRefusedError(
        PANORAMA, None, f"the name {name} contains both kinds of quotes; rename the object"
    )


def entries(names: Collection[str]) -> str:
    """Return the XPath step to the entries with any of these names, which must be serial numbers.

    Alternatives joined by ``or`` are what pango sends for several entries.
    """
    alternatives = " or ".join(f"@name='{name}'" for name in sorted(names))
    return f"entry[{alternatives}]"


def license_manager(name: str) -> str:
    """Return the XPath of a license manager of the plugin sw_fw_license.

    It has the names of its device group and its template stack (PAN-OS 12.1.7, plugin 1.2.3).
    """
    return f"{LOCALHOST}/plugins/sw_fw_license/license-manager/{entry(name)}"


def lists_of_all_groups() -> dict[Part, str]:
    """Return the XPath of each part's lists of firewalls, whatever its groups are called."""
    lists = {
        part: f"{LOCALHOST}/{kind}/entry/{members}" for part, (kind, members) in _GROUPS.items()
    }
    return lists | {Part.MANAGED_DEVICES: _MANAGED_DEVICES}


def group_list(part: Part, group: str) -> str:
    """Return the XPath of the list of firewalls of one group."""
    kind, members = _GROUPS[part]
    return f"{LOCALHOST}/{kind}/{entry(group)}/{members}"


def configured_groups(settings: PanoramaSettings) -> dict[Part, str | None]:
    """Return the name of the configured group by part, in removal order.

    The managed devices have no name. Without a log collector group, that part is absent.
    """
    groups: dict[Part, str | None] = {
        Part.TEMPLATE_STACK: settings.template_stack,
        Part.DEVICE_GROUP: settings.device_group,
    }
    if settings.log_collector_group is not None:
        groups[Part.LOG_COLLECTOR_GROUP] = settings.log_collector_group
    return groups | {Part.MANAGED_DEVICES: None}


def member_lists(settings: PanoramaSettings) -> dict[Part, str]:
    """Return the XPath of each part's list of firewalls, in removal order."""
    return {
        part: _MANAGED_DEVICES if group is None else group_list(part, group)
        for part, group in configured_groups(settings).items()
    }
