"""References to managed devices in the configuration.

A firewall is a managed device, and can be a member of one template stack, one device group and
several log collector groups. A managed device cannot be deleted while it is a member of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from vmseries_lab.panorama import config_tree

LOCALHOST = "/config/devices/entry[@name='localhost.localdomain']"
MANAGED_DEVICES = "/config/mgt-config/devices"
_MANAGED = config_tree.parse(f"{MANAGED_DEVICES}/entry")
_CONTAINERS = {
    "device-group": "devices",
    "template-stack": "devices",
    "log-collector-group": "logfwd-setting/devices",
}


def path(container: str, name: str) -> str:
    """Return the XPath of a device group, template stack or log collector group."""
    return f"{LOCALHOST}/{container}/entry[@name='{name}']"


def members_path(container: str, name: str) -> str:
    """Return the XPath of the members of a container."""
    return f"{path(container, name)}/{_CONTAINERS[container]}"


def managed(config: Element) -> list[str]:
    """Return the serial numbers of the managed devices."""
    return [entry.get("name", "") for entry in config_tree.find(config, _MANAGED)]


def members(config: Element, container: str, name: str) -> list[str]:
    """Return the serial numbers of the members of a container."""
    steps = config_tree.parse(f"{members_path(container, name)}/entry")
    return [entry.get("name", "") for entry in config_tree.find(config, steps)]


def names(config: Element, container: str) -> list[str]:
    """Return the names of all containers of a kind."""
    steps = config_tree.parse(f"{LOCALHOST}/{container}/entry")
    return [entry.get("name", "") for entry in config_tree.find(config, steps)]


def homes(config: Element, container: str) -> dict[str, str]:
    """Map serial numbers to the container of a kind of which they are members."""
    return {
        serial: name
        for name in names(config, container)
        for serial in members(config, container, name)
    }


def home(config: Element, container: str, serial: str) -> str | None:
    """Return the container of a kind of which ``serial`` is a member, ``None`` if there is none."""
    matches = (
        name for name in names(config, container) if serial in members(config, container, name)
    )
    return next(matches, None)


def to_device(config: Element, serial: str) -> Iterator[str]:
    """Yield the references to ``serial`` as PAN-OS prints them."""
    for container, place in _CONTAINERS.items():
        for name in names(config, container):
            if serial in members(config, container, name):
                yield f"{container} -> {name} -> {place.replace('/', ' -> ')}"


def dangling(config: Element) -> Iterator[str]:
    """Yield references to devices that are not managed; a commit with one fails validation."""
    known = set(managed(config))
    for container, place in _CONTAINERS.items():
        for name in names(config, container):
            for serial in members(config, container, name):
                if serial not in known:
                    location = f"{container} -> {name} -> {place.replace('/', ' -> ')}"
                    yield f"{location} '{serial}' is not a valid reference"
