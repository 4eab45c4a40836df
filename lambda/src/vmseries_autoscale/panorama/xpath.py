"""XPath expressions for Panorama's configuration."""

from __future__ import annotations

from vmseries_autoscale.errors import PANORAMA, DeviceRefusedError
from vmseries_autoscale.panorama.interface import Part
from vmseries_autoscale.settings import PanoramaSettings

LOCALHOST = "/config/devices/entry[@name='localhost.localdomain']"
"""The part of the configuration with device groups, templates and log collector groups."""


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


def member_lists(settings: PanoramaSettings) -> dict[Part, str]:
    """Return the XPath of each part's list of firewalls, in removal order."""
    stack = f"{LOCALHOST}/template-stack/{entry(settings.template_stack)}/devices"
    group = f"{LOCALHOST}/device-group/{entry(settings.device_group)}/devices"
    xpaths = {Part.TEMPLATE_STACK: stack, Part.DEVICE_GROUP: group}
    if settings.log_collector_group is not None:
        collectors = f"{LOCALHOST}/log-collector-group/{entry(settings.log_collector_group)}"
        xpaths[Part.LOG_COLLECTOR_GROUP] = f"{collectors}/logfwd-setting/devices"
    xpaths[Part.MANAGED_DEVICES] = "/config/mgt-config/devices"
    return xpaths
