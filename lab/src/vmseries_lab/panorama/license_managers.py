"""License managers of the plugin ``sw_fw_license``, as the configuration contains them.

Palo Alto Networks, VM-Series Deployment Guide: "Use Panorama-Based Software Firewall License
Management". It is not documented how the plugin stores its data. In the lab, each license manager
has an entry for each device that it licensed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from vmseries_lab.licensing_api import AUTH_CODE
from vmseries_lab.panorama import config_tree, initial_config, references

PLUGIN = "sw_fw_license"
LICENSE_MANAGER = "autoscale-licenses"
ROOT = f"{references.LOCALHOST}/plugins/{PLUGIN}"
"""XPath of the plugin's configuration."""
CONFIGURATION = (
    f"<bootstrap-definition><entry name='{LICENSE_MANAGER}'>"
    f"<authcode>{AUTH_CODE}</authcode>"
    "</entry></bootstrap-definition>"
    f"<license-manager><entry name='{LICENSE_MANAGER}'>"
    f"<device-group>{initial_config.DEVICE_GROUP}</device-group>"
    f"<template-stack>{initial_config.TEMPLATE_STACK}</template-stack>"
    f"<bootstrap-definition>{LICENSE_MANAGER}</bootstrap-definition>"
    "</entry></license-manager>"
)
"""The plugin's configuration once it is installed: one license manager."""
_MANAGERS = f"{ROOT}/license-manager"


@dataclass(frozen=True, slots=True)
class LicenseManager:
    """A license manager in the running configuration.

    Attributes:
        group: device group of its firewalls.
        stack: template stack of its firewalls.
        auth_code: auth code of its bootstrap definition.
        hours: hours of disconnection until a device is deactivated; ``None`` for never.
        serials: serial numbers of the devices that it licensed.
    """

    name: str
    group: str
    stack: str
    auth_code: str
    hours: float | None
    serials: tuple[str, ...]

    @property
    def auth_key(self) -> str:
        """Key with which firewalls register."""
        return f"_AQ__{hashlib.sha256(self.name.encode()).hexdigest()[:32]}"


def license_managers(config: Element) -> Iterator[LicenseManager]:
    """Yield the license managers of a configuration."""
    for manager in config_tree.find(config, config_tree.parse(f"{_MANAGERS}/entry")):
        definition = manager.findtext("bootstrap-definition") or ""
        path = f"{ROOT}/bootstrap-definition/entry[@name='{definition}']/authcode"
        codes = config_tree.find(config, config_tree.parse(path))
        hours = manager.findtext("auto-deactivate") or ""
        yield LicenseManager(
            name=manager.get("name", ""),
            group=manager.findtext("device-group") or "",
            stack=manager.findtext("template-stack") or "",
            auth_code=(codes[0].text or "") if codes else "",
            hours=float(hours) if hours.isdigit() else None,
            serials=tuple(device.get("name", "") for device in manager.iterfind("devices/entry")),
        )


def devices_path(manager: str) -> str:
    """Return the XPath of the devices that a license manager licensed."""
    return f"{_MANAGERS}/entry[@name='{manager}']/devices"
