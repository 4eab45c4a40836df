"""Parse Panorama's lists of firewalls: those of one group, and that of all devices.

The entries of a group list already have serial number, host name, address, connection and status of
each member (recorded answers of Panorama in demisto/content, Packs/PAN-OS, ``show_device_groups``
and ``show_template_stack``). Older releases answer with all groups, whatever name was asked for
("Bug in Panorama does not let to specify a specific device group to query",
PaloAltoNetworks/Azure-Transit-VNet, azure-hub/monitor.py), so only the entry with exactly the
configured name is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import PANORAMA, DeviceRefusedError
from vmseries_autoscale.pan_os.values import printable, serial_number, text_at
from vmseries_autoscale.panorama.interface import Device

_DEVICE_GROUPS = "devicegroups"
_TEMPLATE_STACKS = "template-stack"
_LISTS_OF_MEMBERS = ("devices", "device-list")


def members(
    groups: ET.Element, stacks: ET.Element, device_group: str, template_stack: str
) -> list[Device]:
    """Return the firewalls in a device group, a template stack, or both.

    Args:
        groups: Response to "show devicegroups name".
        stacks: Response to "show template-stack name".
        device_group: Name of the device group.
        template_stack: Name of the template stack.

    Raises:
        DeviceRefusedError: If a response does not contain the group with exactly that name.
    """
    devices = {
        device.serial: device
        for entry in _entries_of(stacks, _TEMPLATE_STACKS, template_stack)
        if (device := _member(entry, template_status="template-status")) is not None
    }
    devices = {
        serial: replace(device, template_stack=template_stack) for serial, device in devices.items()
    }
    for entry in _entries_of(groups, _DEVICE_GROUPS, device_group):
        device = _member(entry, policy_status="shared-policy-status")
        if device is not None:
            other = devices.get(device.serial, Device(device.serial))
            devices[device.serial] = replace(
                device,
                hostname=device.hostname or other.hostname,
                ip_address=device.ip_address or other.ip_address,
                device_group=device_group,
                template_stack=other.template_stack,
                template_status=other.template_status,
            )
    return list(devices.values())


def all_devices(response: ET.Element, ours: Mapping[str, Device]) -> list[Device]:
    """Return all firewalls that Panorama manages.

    Args:
        response: Response to "show devices all".
        ours: Firewalls of the configured groups, by serial number. The device list has neither
            their groups nor their status.
    """
    listed = [
        replace(
            ours.get(serial, Device(serial)),
            hostname=text_at(entry, "hostname"),
            ip_address=text_at(entry, "ip-address"),
            connected=entry.findtext("connected") == "yes",
        )
        for entry in response.iterfind("result/devices/entry")
        if (serial := _serial(entry)) is not None
    ]
    known = {device.serial for device in listed}
    return listed + [device for serial, device in ours.items() if serial not in known]


def group_names(response: ET.Element) -> dict[str, str]:
    """Return the name of the group of each firewall, by serial number.

    Args:
        response: Response to "show devicegroups", "show template-stack" or "show
            log-collector-group all", which lists its firewalls in ``device-list``.
    """
    return {
        serial: name
        for group in response.iterfind("result/*/entry")
        if (name := group.get("name"))
        for members_list in _LISTS_OF_MEMBERS
        for entry in group.iterfind(f"{members_list}/entry")
        if (serial := _serial(entry)) is not None
    }


def _entries_of(response: ET.Element, kind: str, name: str) -> Iterator[ET.Element]:
    """Yield the devices of the group with exactly this name; of no other one."""
    groups = [
        entry for entry in response.iterfind(f"result/{kind}/entry") if entry.get("name") == name
    ]
    if not groups:
        word = "device group" if kind == _DEVICE_GROUPS else "template stack"
        raise DeviceRefusedError(
            PANORAMA,
            None,
            f"Panorama does not list the {word} {printable(name)}: create and commit it, or correct"
            " the input panorama",
        )
    for group in groups:
        yield from group.iterfind("devices/entry")


def _member(
    entry: ET.Element, *, policy_status: str | None = None, template_status: str | None = None
) -> Device | None:
    """Return a member of a group; with several vsys, with the status of the first one."""
    serial = _serial(entry)
    if serial is None:
        return None
    return Device(
        serial=serial,
        hostname=text_at(entry, "hostname"),
        ip_address=text_at(entry, "ip-address"),
        connected=entry.findtext("connected") == "yes",
        policy_status=text_at(entry, f".//{policy_status}") if policy_status else None,
        template_status=text_at(entry, f".//{template_status}") if template_status else None,
    )


def _serial(entry: ET.Element) -> str | None:
    """Return the serial number of a device; ``None`` if the entry has none."""
    return serial_number(entry.findtext("serial", entry.get("name", "")))
