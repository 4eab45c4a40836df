"""XPaths of Panorama's configuration."""

from __future__ import annotations

from vmseries_autoscale.errors import PANORAMA, DeviceRefusedError
from vmseries_autoscale.panorama.interface import Part
from vmseries_autoscale.settings import PanoramaSettings

LOCALHOST = "/config/devices/entry[@name='localhost.localdomain']"
"""The part of the configuration that holds device groups, templates and collector groups."""


def entry(name: str) -> str:
    """The XPath step to the entry with this name.

    Raises:
        DeviceRefusedError: if the name has both kinds of quotes, which XPath cannot express.
    """
    for mark in "'\"":
        if mark not in name:
            return f"entry[@name={mark}{name}{mark}]"
    raise DeviceRefusedError(PANORAMA, None, f"{name} has both kinds of quotes")


def member_lists(settings: PanoramaSettings) -> dict[Part, str]:
    """The XPath at which each part of the configuration lists its firewalls, in removal order."""
    stack = f"{LOCALHOST}/template-stack/{entry(settings.template_stack)}/devices"
    group = f"{LOCALHOST}/device-group/{entry(settings.device_group)}/devices"
    xpaths = {Part.TEMPLATE_STACK: stack, Part.DEVICE_GROUP: group}
    if settings.log_collector_group is not None:
        collectors = f"{LOCALHOST}/log-collector-group/{entry(settings.log_collector_group)}"
        xpaths[Part.LOG_COLLECTOR_GROUP] = f"{collectors}/logfwd-setting/devices"
    xpaths[Part.MANAGED_DEVICES] = "/config/mgt-config/devices"
    return xpaths
