"""Identify the firewall of an instance in Panorama, by evidence and never by a guess.

The serial number decides which license is deactivated and which firewall is removed. A wrong serial
number would affect a running firewall. Evidence is therefore used in order of strength, and only if
it is unique.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vmseries_autoscale.aws import tags
from vmseries_autoscale.panorama import Device


class Evidence(StrEnum):
    """Evidence that links an instance to a serial number, strongest first.

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
class Unidentified:
    """The result if the firewall cannot be identified.

    Attributes:
        reason: Reason why it cannot be identified.
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
) -> Identity | Unidentified:
    """Identify the firewall that runs on an instance.

    Evidence, strongest first:

    - The serial tag. An earlier visit wrote it, based on evidence that is at least as strong.
    - The host name, which is the instance id if the launch template makes EC2 assign such names.
    - The management address, if exactly one firewall has it, and this firewall is connected, is in
      the configured device group and template stack, and does not belong to another instance by
      its host name or by that instance's tags. Addresses are reused and occur in several VPCs.

    Args:
        instance_id: Id of the instance.
        instance_tags: Tags of the instance.
        management_ip: Private address of the management interface; ``None`` if it is not known.
        devices: Firewalls that Panorama lists.
        other_instance_with_serial: Returns the id of another instance that is tagged with a serial
            number. Called only if the address is the only evidence.
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
        return Unidentified("Panorama lists no firewall with this host name or management address")
    identity = _unique(by_ip, Evidence.MANAGEMENT_IP, f"the management address {management_ip}")
    if isinstance(identity, Identity) and (doubt := _doubt(by_ip[0], other_instance_with_serial)):
        return Unidentified(
            f"{identity.serial} has the management address {management_ip}, but {doubt}"
        )
    return identity


def instance_id(device: Device) -> str | None:
    """Return the instance id in a firewall's host name; ``None`` if it has none."""
    name = _first_label(device.hostname)
    return name if _INSTANCE_ID.fullmatch(name) else None


def _first_label(hostname: str) -> str:
    return hostname.split(".", 1)[0].lower()


def _unique(matches: list[Device], evidence: Evidence, attribute: str) -> Identity | Unidentified:
    if len(matches) == 1:
        return Identity(matches[0].serial, evidence)
    serials = ", ".join(sorted(device.serial for device in matches))
    return Unidentified(f"several firewalls have {attribute}: {serials}")


def _doubt(device: Device, other_instance_with_serial: Callable[[str], str | None]) -> str | None:
    """Return why a firewall with the right management address may belong to another instance."""
    if instance_id(device) is not None:
        return f"has the host name {device.hostname}"
    if device.policy_status is None:
        return "is not in the configured device group"
    if device.template_status is None:
        return "is not in the configured template stack"
    if not device.connected:
        return "is not connected"
    other = other_instance_with_serial(device.serial)
    return f"belongs to {other} by its serial tag" if other else None


def tags_for(identity: Identity) -> dict[str, str]:
    """Return the instance tags that record an identity for later visits."""
    return {tags.SERIAL: identity.serial, tags.SERIAL_EVIDENCE: identity.evidence.value}
