"""Which parts of the configuration name a managed device.

A firewall is a managed device, and may be a member of one template stack, one device group and any
number of collector groups; as long as one of these names it, the managed device cannot be deleted.
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
    """XPath of a device group, template stack or collector group."""
    return f"{LOCALHOST}/{container}/entry[@name='{name}']"


def members_path(container: str, name: str) -> str:
    """XPath of the place in a container where its devices are named."""
    return f"{path(container, name)}/{_CONTAINERS[container]}"


def managed(config: Element) -> list[str]:
    """Serial numbers of the managed devices."""
    return [entry.get("name", "") for entry in config_tree.find(config, _MANAGED)]


def members(config: Element, container: str, name: str) -> list[str]:
    """Serial numbers in one container."""
    steps = config_tree.parse(f"{members_path(container, name)}/entry")
    return [entry.get("name", "") for entry in config_tree.find(config, steps)]


def names(config: Element, container: str) -> list[str]:
    """Names of all containers of a kind."""
    steps = config_tree.parse(f"{LOCALHOST}/{container}/entry")
    return [entry.get("name", "") for entry in config_tree.find(config, steps)]


def homes(config: Element, container: str) -> dict[str, str]:
    """By serial number, the container of a kind that it is a member of."""
    return {
        serial: name
        for name in names(config, container)
        for serial in members(config, container, name)
    }


def home(config: Element, container: str, serial: str) -> str | None:
    """Name of the container of a kind that has ``serial`` as a member."""
    found = (
        name for name in names(config, container) if serial in members(config, container, name)
    )
    return next(found, None)


def to_device(config: Element, serial: str) -> Iterator[str]:
    """Where ``serial`` is named, in words as PAN-OS writes a reference."""
    for container, place in _CONTAINERS.items():
        for name in names(config, container):
            if serial in members(config, container, name):
                yield f"{container} -> {name} -> {place.replace('/', ' -> ')}"


def dangling(config: Element) -> Iterator[str]:
    """References to devices that are not managed: each would fail the validation of a commit."""
    known = set(managed(config))
    for container, place in _CONTAINERS.items():
        for name in names(config, container):
            for serial in members(config, container, name):
                if serial not in known:
                    where = f"{container} -> {name} -> {place.replace('/', ' -> ')}"
                    yield f"{where} '{serial}' is not a valid reference"
