"""Devices as ``show devices``, ``show devicegroups`` and ``show template-stack`` list them.

Elements, their order and empty values are those of recorded responses (demisto/content,
Packs/PAN-OS/Integrations/Panorama/test_data: ``panorama_show_devices_all.xml``,
``show_device_groups.xml``, ``show_template_stack.xml``), so that responses have their real size.
``shared-policy-status`` is empty in the list of all devices. A device that never connected has few
elements.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement

from vmseries_lab.panorama.devices import Device
from vmseries_lab.panorama.responses import entry, leaf

_VERSIONS = {
    "app-version": "8475-7000",
    "av-version": "0",
    "device-dictionary-version": "44-316",
    "wildfire-version": "0",
    "threat-version": "8475-7000",
    "url-db": "paloaltonetworks",
    "url-filtering-version": "0000.00.00.000",
    "logdb-version": "11.2.0",
    "vpnclient-package-version": "",
    "global-protect-client-package-version": "0.0.0",
    "prev-app-version": "8284-6141",
    "prev-av-version": "0",
    "prev-threat-version": "0",
    "prev-wildfire-version": "0",
    "prev-device-dictionary-version": "43-313",
    "domain": "",
}
_PLUGINS = {"dlp": "5.0.2", "vm_series": "5.1.0"}
_LAST = {
    "last-masterkey-push-status": "Unknown",
    "last-masterkey-push-timestamp": "",
    "express-mode": "no",
    "device-cert-present": "None",
    "device-cert-expiry-date": "N/A",
}


def in_device_list(serial: str, record: Device | None, now: float, *, deactivated: bool) -> Element:
    """Return a device in the list of all devices.

    Args:
        serial: serial number.
        record: Panorama's record; ``None`` if the device never connected.
        now: lab time.
        deactivated: text of the element ``deactivated``.
    """
    device = _start(serial, record, deactivated=deactivated)
    if record is None:
        return device
    _add_facts(device, record, now, slots=1)
    ha = SubElement(device, "ha")
    ha.append(leaf("state", "no"))
    _add_certificate(device, record, serial)
    vsys = entry("vsys1", display_name="vsys1")
    vsys.append(leaf("shared-policy-status", ""))
    vsys.append(leaf("shared-policy-md5sum", _md5(serial)))
    vsys.append(leaf("shared-policy-version", 52))
    SubElement(device, "vsys").append(vsys)
    _add_leaves(device, _LAST.items())
    return device


def in_group(
    serial: str, record: Device | None, now: float, *, deactivated: bool, kind: str, status: str
) -> Element:
    """Return a member of a device group or template stack.

    Args:
        serial: serial number.
        record: Panorama's record; ``None`` if the device never connected.
        now: lab time.
        deactivated: text of the element ``deactivated``.
        kind: ``device-group`` or ``template-stack``.
        status: sync status with the group.
    """
    device = _start(serial, record, deactivated=deactivated)
    if record is None:
        return device
    end, prefix = ("sp", "shared-policy") if kind == "device-group" else ("tpl", "template")
    last = "commit succeeded" if kind in record.pushed else ""
    states = {
        f"last-commit-all-state-{end}": last,
        f"last-validate-all-state-{end}": "none",
        f"last-commit-all-upd-{end}": "none",
        f"last-validate-all-upd-{end}": "none",
        f"{prefix}-status": status,
        f"{prefix}-md5sum": _md5(serial),
    }
    if kind == "template-stack":
        states |= {
            "template-no-content-preview-status": status,
            "template-no-content-preview-md5sum": _md5(status),
        }
    _add_leaves(device, (states | {f"{prefix}-version": "52"}).items())
    _add_facts(device, record, now, slots=0)
    _add_certificate(device, None, " ")
    if kind == "device-group":
        SubElement(device, "vsys")
    _add_leaves(device, _LAST.items())
    return device


def _start(serial: str, record: Device | None, *, deactivated: bool) -> Element:
    device = entry(serial, serial=serial)
    device.append(leaf("connected", "yes" if record and record.connected else "no"))
    if record is not None:
        device.append(leaf("unsupported-version", "no"))
        device.append(leaf("wildfire-rt", "no"))
    device.append(leaf("deactivated", "yes" if deactivated else "no"))
    return device


def _add_facts(device: Element, record: Device, now: float, *, slots: int) -> None:
    link = record.link
    facts = {
        "hostname": link.hostname,
        "ip-address": link.ip_address,
        "ipv6-address": "unknown",
        "mac-addr": "",
        "uptime": duration(now - record.connected_at) if record.connected else "",
        "family": "vm",
        "model": "PA-VM",
        "sw-version": link.sw_version,
    }
    _add_leaves(device, facts.items())
    _add_leaves(device, _VERSIONS.items())
    _add_leaves(device, {"slot-count": slots, "type": "", "tag": ""}.items())
    plugins = SubElement(device, "plugin_versions")
    for name, version in _PLUGINS.items():
        plugin = SubElement(plugins, "entry", {"name": name, "version": version})
        plugin.append(leaf("pkginfo", f"{name}-{version}"))


def _add_certificate(device: Element, record: Device | None, subject: str) -> None:
    """Append what follows the plugins; in groups, these elements are blank."""
    connected = moment(record.connected_at) if record is not None and record.connected else " "
    facts = {
        "vpn-disable-mode": "no",
        "operational-mode": "normal",
        "certificate-status": "",
        "certificate-subject-name": subject,
        "certificate-expiry": "2036/11/09 14:24:17" if record is not None else " ",
        "connected-at": connected,
        "custom-certificate-usage": "no" if record is not None else " ",
        "multi-vsys": "no",
    }
    _add_leaves(device, facts.items())


def _add_leaves(device: Element, leaves: Iterable[tuple[str, object]]) -> None:
    device.extend(leaf(tag, text) for tag, text in leaves)


def _md5(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def moment(at: float) -> str:
    """Return lab time as Panorama prints it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d %H:%M:%S")


def duration(seconds: float) -> str:
    """Return a duration as Panorama prints it."""
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    return f"{days} days, {rest // 3600}:{rest % 3600 // 60:02}:{rest % 60:02}"
