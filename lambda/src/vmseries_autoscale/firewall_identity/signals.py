"""Compare what AWS shows of an instance with what Panorama lists. Pure functions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vmseries_autoscale.aws import instances, tags
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.pan_os.values import serial_number
from vmseries_autoscale.panorama import Device


class Signal(StrEnum):
    """A signal that a firewall is the firewall of an instance.

    Each member's comment says who decides it. Further signals, such as a MAC address, are further
    members of this type.
    """

    # Panorama's administrators and the bootstrap data. The device group and the template stack may
    # contain firewalls of other deployments, so this signal names no instance.
    MEMBERSHIP = "membership"
    # Earlier visits, and anyone with ec2:CreateTags.
    SERIAL_TAG = "serial-tag"
    # EC2, if it assigns instance ids as host names, and the firewall's administrators.
    HOSTNAME = "hostname"
    # EC2. Addresses are reused, and occur in several VPCs.
    MANAGEMENT_IP = "management-ip"
    # The firewall, which reported its serial number at the instance's own management address. Only
    # in deployments without Panorama.
    FIREWALL = "firewall"


NAMES_INSTANCE = frozenset({Signal.SERIAL_TAG, Signal.HOSTNAME, Signal.MANAGEMENT_IP})
"""The signals that name one instance."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What AWS shows of the instance whose firewall is identified.

    Attributes:
        serial: Serial number in its tag; ``None`` without a valid one.
        management_ip: Private address of its management interface; ``None`` if it has none.
        exists: Whether EC2 shows it in another state than terminated.
        doubted: Whether an earlier visit found its firewall ambiguous.
    """

    instance_id: str
    serial: str | None = None
    management_ip: str | None = None
    exists: bool = True
    doubted: bool = False

    @classmethod
    def of(
        cls,
        instance_id: str,
        instance: Instance | None,
        instance_tags: Mapping[str, str],
        management_ip: str | None = None,
    ) -> Subject:
        """Return what AWS shows of an instance.

        Args:
            instance_id: Id of the instance.
            instance: Instance; ``None`` if EC2 does not know it.
            instance_tags: Tags of the instance.
            management_ip: Private address of the management interface.
        """
        return cls(
            instance_id,
            serial_number(instance_tags.get(tags.SERIAL)),
            management_ip,
            exists=not instances.is_terminated(instance),
            doubted=instance_tags.get(tags.SERIAL_EVIDENCE) == tags.EVIDENCE_AMBIGUOUS,
        )


@dataclass(frozen=True, slots=True)
class OtherInstance:
    """Another instance, whose firewall must not be mistaken for the subject's.

    Attributes:
        serial: Serial number in its tag; ``None`` without one.
        addresses: Private addresses of its interfaces; empty if its firewall may have the same
            address as the subject's, because it is in another VPC.
        exists: Whether EC2 shows it in another state than terminated.
    """

    instance_id: str
    serial: str | None
    addresses: frozenset[str]
    exists: bool


_INSTANCE_ID = re.compile(r"i-[0-9a-f]+")


def instance_id(device: Device) -> str | None:
    """Return the instance id in a firewall's host name; ``None`` if it has none."""
    name = device.hostname.split(".", 1)[0].lower()
    return name if _INSTANCE_ID.fullmatch(name) else None


def in_our_groups(device: Device) -> bool:
    """Return whether a firewall is in the configured device group and template stack."""
    return device.policy_status is not None and device.template_status is not None


def management_address(device: Device) -> str | None:
    """Return the management address that Panorama lists; ``None`` if it lists none."""
    try:
        address = ipaddress.ip_address(device.ip_address)
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)


def agreeing_signals(subject: Subject, device: Device) -> frozenset[Signal]:
    """Return the signals that a firewall in Panorama is the subject's."""
    agree = {
        Signal.MEMBERSHIP: in_our_groups(device),
        Signal.SERIAL_TAG: device.serial == subject.serial,
        Signal.HOSTNAME: instance_id(device) == subject.instance_id.lower(),
        Signal.MANAGEMENT_IP: subject.management_ip is not None
        and management_address(device) == subject.management_ip,
    }
    return frozenset(signal for signal, agrees in agree.items() if agrees)


def other_instances(known: Iterable[Instance], deployment: str) -> list[OtherInstance]:
    """Return which firewalls instances can claim, by their serial tags and addresses.

    Args:
        known: Instances of this and other deployments.
        deployment: Name of this deployment, whose instances are in one VPC.
    """
    return [
        OtherInstance(
            instance.instance_id,
            serial_number(instance.serial),
            frozenset(
                interface.private_ip
                for interface in instance.interfaces
                if interface.private_ip and instance.deployment == deployment
            ),
            exists=not instances.is_terminated(instance),
        )
        for instance in known
    ]
