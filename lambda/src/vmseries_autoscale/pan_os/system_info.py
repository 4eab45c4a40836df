"""Read a firewall's answer to "show system info"."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from vmseries_autoscale.pan_os.values import mac_address, serial_number, text_at


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """What a firewall says about itself.

    The elements of ``result/system`` are those of pan-os-python and of the vendor's recordings
    (demisto/content, Packs/PAN-OS, ``show_system_info``). Everything in it is the firewall's word.

    Attributes:
        serial: Serial number; ``None`` if PAN-OS reports none, such as ``unknown`` before it has a
            license.
        hostname: Host name.
        management_ip: Address of the management interface.
        mac: MAC address of the management interface, in lower case with colons; empty without a
            valid one.
        vm_license: Capacity license: ``none``, or a name such as ``VM-SERIES-4``; empty if the
            firewall does not report it.
        cpu_id: Identifier for licensing. With a pay-as-you-go image on AWS it is ``AWSMP:``, the
            instance id without ``i-``, product code and region ("Serial Number and CPU ID Format
            for the VM-Series Firewall", VM-Series Deployment Guide).
    """

    serial: str | None
    hostname: str = ""
    management_ip: str = ""
    mac: str = ""
    vm_license: str = ""
    cpu_id: str = ""

    @property
    def capacity_licensed(self) -> bool:
        """Whether the firewall says that it has a capacity license."""
        return self.vm_license.lower() not in ("", "none")


def system_info(response: ET.Element) -> SystemInfo:
    """Return the values of a response to "show system info"."""
    return SystemInfo(
        serial=serial_number(_text(response, "serial")) if _is_serial(response) else None,
        hostname=_text(response, "hostname"),
        management_ip=_text(response, "ip-address"),
        mac=mac_address(_text(response, "mac-address")),
        vm_license=_text(response, "vm-license"),
        cpu_id=_text(response, "vm-cpuid"),
    )


def _is_serial(response: ET.Element) -> bool:
    return _text(response, "serial").lower() != "unknown"


def _text(response: ET.Element, name: str) -> str:
    return text_at(response, f"result/system/{name}").strip()
