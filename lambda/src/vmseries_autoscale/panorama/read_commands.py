"""Read-only commands that several clients of Panorama send, and how to read an answer."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from vmseries_autoscale.pan_os.commands import command, nested
from vmseries_autoscale.pan_os.values import serial_number


def device_group(name: str) -> ET.Element:
    """Return the command that shows the firewalls of a device group."""
    return command("show", "devicegroups", "name", text=name)


def template_stack(name: str) -> ET.Element:
    """Return the command that shows the firewalls of a template stack."""
    return command("show", "template-stack", "name", text=name)


def devices() -> ET.Element:
    """Return the command that shows all firewalls that Panorama manages."""
    return command("show", "devices", "all")


def jobs() -> ET.Element:
    """Return the command that shows the list of jobs."""
    return command("show", "jobs", "all")


def job(job_id: str) -> ET.Element:
    """Return the command that shows one job."""
    return command("show", "jobs", "id", text=job_id)


def ha_state() -> ET.Element:
    """Return the command that shows the state of high availability."""
    return command("show", "high-availability", "state")


def log_collector_groups() -> ET.Element:
    """Return the command that shows all log collector groups."""
    return command("show", "log-collector-group", "all")


def batch_licenses() -> ET.Element:
    """Return the command that shows the licenses of all firewalls, as Panorama knows them."""
    return command("request", "batch", "license", "info")


def vm_auth_keys() -> ET.Element:
    """Return the command that shows the VM auth keys, with which new firewalls register."""
    return command("request", "bootstrap", "vm-auth-key", "show")


def plugin_devices(license_manager: str) -> ET.Element:
    """Return the command that shows the firewalls of a license manager."""
    show = ("show", "plugins", "sw_fw_license", "devices", "license-manager")
    return command(*show, text=license_manager)


def open_changes(administrator: str) -> ET.Element:
    """Return the command that shows the uncommitted changes of one administrator."""
    show = ET.Element("show")
    changes = nested(show, "config", "list", "changes")
    nested(changes, "partial", "admin", "member").text = administrator
    return show


def connected_member(answer: ET.Element, name: str) -> str | None:
    """Return the serial number of a connected firewall of a device group; ``None`` without one.

    Args:
        answer: Answer to ``device_group``, which may show other device groups, too
            (docs/assumptions.md).
        name: Name of the device group.
    """
    for group in answer.iterfind("result/devicegroups/entry"):
        for device in group.iterfind("devices/entry") if group.get("name") == name else ():
            serial = serial_number(device.findtext("serial", device.get("name", "")))
            if serial is not None and device.findtext("connected") == "yes":
                return serial
    return None
