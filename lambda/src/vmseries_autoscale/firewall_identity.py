"""Identification of an instance's firewall in Panorama: by evidence, never by a guess.

The serial number decides which license is deactivated and which firewall is removed. A wrong one
would hit a live firewall. Evidence is therefore used in the order of its strength, and evidence
that is not unique is not used.
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

    ``FIREWALL`` means that the firewall itself reported it at its management address.
    """

    SERIAL_TAG = "serial-tag"
    FIREWALL = "firewall"
    HOSTNAME = "hostname"
    MANAGEMENT_IP = "management-ip"


@dataclass(frozen=True, slots=True)
class Identity:
    """A firewall's serial number and the evidence for it."""

    serial: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Unknown:
    """The firewall is not identified.

    Attributes:
        reason: why not.
    """

    reason: str


_SERIAL = re.compile(r"[A-Za-z0-9]+")
_INSTANCE_ID = re.compile(r"i-[0-9a-f]+")


def identify(
    instance_id: str,
    instance_tags: Mapping[str, str],
    management_ip: str | None,
    devices: Iterable[Device],
    other_instance_with_serial: Callable[[str], str | None],
) -> Identity | Unknown:
    """Identify the firewall that runs on an instance.

    Evidence, strongest first:

    - The serial tag. An earlier visit wrote it, on evidence at least as strong as any later one's.
    - The host name, which is the instance id if the launch template asks EC2 for such names.
    - The management address, if exactly one firewall has it and that firewall is connected, is in
      the configured device group and template stack, and is no other instance by its host name or
      by another instance's tags. Addresses are reused, and occur in several VPCs.

    Args:
        instance_id: the instance.
        instance_tags: the instance's tags.
        management_ip: private address of the management interface; ``None`` if there is none.
        devices: the firewalls that Panorama lists.
        other_instance_with_serial: returns the other instance that is tagged with a serial number.
            Called only if the address is the only evidence.
    """
    serial = instance_tags.get(tags.SERIAL, "")
    if _SERIAL.fullmatch(serial):
        return Identity(serial, Evidence.SERIAL_TAG)
    known = list(devices)
    by_name = [device for device in known if _first_label(device.hostname) == instance_id.lower()]
    if by_name:
        return _unique(by_name, Evidence.HOSTNAME, f"the host name {instance_id}")
    by_ip = [device for device in known if management_ip and device.ip_address == management_ip]
    if not by_ip:
        return Unknown("Panorama lists no firewall with this host name or management address")
    identity = _unique(by_ip, Evidence.MANAGEMENT_IP, f"the management address {management_ip}")
    if isinstance(identity, Identity) and (doubt := _doubt(by_ip[0], other_instance_with_serial)):
        return Unknown(f"{identity.serial} has the management address {management_ip}, but {doubt}")
    return identity


def instance_id(device: Device) -> str | None:
    """The instance id in a firewall's host name, ``None`` if the host name is not one."""
    name = _first_label(device.hostname)
    return name if _INSTANCE_ID.fullmatch(name) else None


def _first_label(hostname: str) -> str:
    return hostname.split(".", 1)[0].lower()


def _unique(matches: list[Device], evidence: Evidence, attribute: str) -> Identity | Unknown:
    if len(matches) == 1:
        return Identity(matches[0].serial, evidence)
    serials = ", ".join(sorted(device.serial for device in matches))
    return Unknown(f"several firewalls have {attribute}: {serials}")


def _doubt(device: Device, other_instance_with_serial: Callable[[str], str | None]) -> str | None:
    """Why a firewall with the right management address may be another instance's."""
    if instance_id(device) is not None:
        return f"is {device.hostname} by its host name"
    if device.policy_status is None:
        return "is not in the configured device group"
    if device.template_status is None:
        return "is not in the configured template stack"
    if not device.connected:
        return "is not connected"
    other = other_instance_with_serial(device.serial)
    return f"is {other}" if other else None


def tags_for(identity: Identity) -> dict[str, str]:
    """The instance tags that record an identity for later visits."""
    return {tags.SERIAL: identity.serial, tags.SERIAL_EVIDENCE: identity.evidence.value}
