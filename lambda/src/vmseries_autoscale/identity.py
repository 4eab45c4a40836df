"""Which of Panorama's firewalls an instance is: by evidence, never by a guess.

The serial number decides what is deactivated and removed; the wrong one is a live firewall without
license. So evidence is taken in order of its strength, and what is not unique counts as none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vmseries_autoscale.aws import tags
from vmseries_autoscale.panorama import Device


class Evidence(StrEnum):
    """What links an instance to a serial number, strongest first.

    ``FIREWALL`` is what the firewall itself has said at its management address.
    """

    SERIAL_TAG = "serial-tag"
    FIREWALL = "firewall"
    HOSTNAME = "hostname"
    MANAGEMENT_IP = "management-ip"


@dataclass(frozen=True, slots=True)
class Identity:
    """A serial number and why it is the right one."""

    serial: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Unknown:
    """No identity, and why not."""

    reason: str


_SERIAL = re.compile(r"[A-Za-z0-9]+")
_INSTANCE_ID = re.compile(r"i-[0-9a-f]+")


def identify(
    instance_id: str,
    instance_tags: Mapping[str, str],
    management_ip: str | None,
    devices: Iterable[Device],
    holder: Callable[[str], str | None],
) -> Identity | Unknown:
    """The firewall that runs on an instance.

    - The serial tag, which an earlier visit wrote on stronger ground than any later one has.
    - The host name, which is the instance id where the launch template asks EC2 for such names.
    - The management address, if one firewall only has it, that one is connected, in our device
      group and in our template stack, and is no other instance by its host name or by that one's
      tags. Addresses are used again, and are the same in several VPCs.

    Args:
        instance_id: the instance.
        instance_tags: its tags.
        management_ip: the address of its management interface, if it has one.
        devices: the firewalls that Panorama lists.
        holder: the other instance that a serial number is known to belong to; asked only where
            there is no stronger evidence than the address.
    """
    serial = instance_tags.get(tags.SERIAL, "")
    if _SERIAL.fullmatch(serial):
        return Identity(serial, Evidence.SERIAL_TAG)
    known = list(devices)
    by_name = [device for device in known if _first_label(device.hostname) == instance_id.lower()]
    if by_name:
        return _only(by_name, Evidence.HOSTNAME, f"the host name {instance_id}")
    by_ip = [device for device in known if management_ip and device.ip_address == management_ip]
    if not by_ip:
        return Unknown("Panorama knows no firewall of this host name or management address")
    found = _only(by_ip, Evidence.MANAGEMENT_IP, f"the management address {management_ip}")
    if isinstance(found, Identity) and (doubt := _doubt(by_ip[0], holder)):
        return Unknown(f"{found.serial} has the management address {management_ip}, but {doubt}")
    return found


def instance_id(device: Device) -> str | None:
    """The instance that a firewall says it runs on, by its host name."""
    name = _first_label(device.hostname)
    return name if _INSTANCE_ID.fullmatch(name) else None


def _first_label(hostname: str) -> str:
    return hostname.split(".", 1)[0].lower()


def _only(matches: list[Device], evidence: Evidence, what: str) -> Identity | Unknown:
    if len(matches) == 1:
        return Identity(matches[0].serial, evidence)
    serials = ", ".join(sorted(device.serial for device in matches))
    return Unknown(f"several firewalls have {what}: {serials}")


def _doubt(device: Device, holder: Callable[[str], str | None]) -> str | None:
    if instance_id(device) is not None:
        return f"is {device.hostname} by its host name"
    if device.policy_status is None:
        return "is not in our device group"
    if device.template_status is None:
        return "is not in our template stack"
    if not device.connected:
        return "is not connected"
    other = holder(device.serial)
    return f"is {other}" if other else None


def tags_for(identity: Identity) -> dict[str, str]:
    """Instance tags that keep an identity for later visits."""
    return {tags.SERIAL: identity.serial, tags.SERIAL_EVIDENCE: identity.evidence.value}
