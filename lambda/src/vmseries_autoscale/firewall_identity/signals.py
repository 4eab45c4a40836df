"""Compare what is known of an instance with a firewall that Panorama lists. Pure functions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vmseries_autoscale.aws import instances
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.pan_os.values import serial_number
from vmseries_autoscale.panorama import Device


class Signal(StrEnum):
    """A signal that a firewall is the firewall of an instance.

    Each member's comment says who decides it.
    """

    # Panorama's administrators and the bootstrap data. The device group and the template stack may
    # contain firewalls of other deployments, so this signal names no instance.
    MEMBERSHIP = "membership"
    # Earlier visits, in the record of the instance.
    RECORD = "record"
    # EC2, if it assigns instance ids as host names, and the firewall's administrators.
    HOSTNAME = "hostname"
    # EC2. Addresses are reused, and occur in several VPCs.
    MANAGEMENT_IP = "management-ip"
    # EC2, as the firewall says. It is unique, also behind NAT and in overlapping VPCs.
    MAC = "mac"
    # Amazon, as the firewall says, for pay-as-you-go images: it contains the id of the instance.
    CPU_ID = "cpu-id"
    # The firewall, which reported its serial number at the instance's own management address. Only
    # in deployments without Panorama.
    FIREWALL = "firewall"


NAMES_INSTANCE = frozenset(
    {Signal.RECORD, Signal.HOSTNAME, Signal.MANAGEMENT_IP, Signal.MAC, Signal.CPU_ID}
)
"""The signals that name one instance."""

ASKED = frozenset({Signal.MAC, Signal.CPU_ID})
"""The signals that only the firewall itself can show."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of the instance whose firewall is identified.

    Attributes:
        serial: Serial number in its record; ``None`` if no visit has identified its firewall.
        management_ip: Private address of its management interface, as EC2 shows it, or else as its
            record has it; ``None`` if it is not known.
        macs: MAC addresses of its interfaces, as EC2 and its record show them.
        evidence: Values of the signals by which an earlier visit identified its firewall.
        strangers: Serial numbers of firewalls that told an earlier visit that they run on another
            machine, or that had the address before the instance.
        looked: First time at which a visit had the firewalls listed; ``None`` if none had.
        exists: Whether EC2 shows it in another state than terminated.
        doubted: Whether an earlier visit found its firewall ambiguous.
    """

    instance_id: str
    serial: str | None = None
    management_ip: str | None = None
    macs: frozenset[str] = frozenset()
    evidence: frozenset[str] = frozenset()
    exists: bool = True
    doubted: bool = False
    strangers: frozenset[str] = frozenset()
    looked: datetime | None = None

    @classmethod
    def of(
        cls, record: FirewallRecord, instance: Instance | None, management_ip: str | None = None
    ) -> Subject:
        """Return what is known of an instance.

        Args:
            record: Record of the instance.
            instance: Instance; ``None`` if EC2 does not know it.
            management_ip: Private address of the management interface, if EC2 shows it.
        """
        return cls(
            record.instance_id,
            record.serial,
            management_ip or record.management_ip,
            record.macs | (mac_addresses(instance) if instance else frozenset()),
            record.evidence,
            exists=not instances.is_terminated(instance),
            doubted=record.ambiguous is not None,
            strangers=record.strangers,
            looked=record.looked,
        )


@dataclass(frozen=True, slots=True)
class OtherInstance:
    """Another instance, whose firewall must not be mistaken for the subject's.

    Attributes:
        serial: Serial number of its firewall; ``None`` if it is not known.
        addresses: Private addresses of its interfaces; empty if its firewall may have the same
            address as the subject's, because it is in another VPC.
        exists: Whether EC2 shows it in another state than terminated.
        macs: MAC addresses of its interfaces.
        recorded: Whether the serial number is from a record of this deployment, and not from a
            tag, which anyone with ``ec2:CreateTags`` can write.
        unidentified: Its record in this deployment, if that names no firewall.
        foreign_addresses: Private addresses of its interfaces, if it is of another deployment: in
            this VPC, or in one with the same addresses.
    """

    instance_id: str
    serial: str | None
    addresses: frozenset[str]
    exists: bool
    macs: frozenset[str] = frozenset()
    recorded: bool = True
    unidentified: FirewallRecord | None = None
    foreign_addresses: frozenset[str] = frozenset()


_INSTANCE_ID = re.compile(r"i-[0-9a-f]+")
_CPU_ID = re.compile(r"AWSMP:([0-9a-f]{8,17}):", re.IGNORECASE)


def instance_id(device: Device) -> str | None:
    """Return the instance id in a firewall's host name; ``None`` if it has none."""
    name = device.hostname.split(".", 1)[0].lower()
    return name if _INSTANCE_ID.fullmatch(name) else None


def instance_id_of_cpu(info: SystemInfo) -> str | None:
    """Return the instance id in a firewall's CPU id; ``None`` if it has none."""
    found = _CPU_ID.match(info.cpu_id)
    return f"i-{found[1].lower()}" if found else None


def mac_addresses(instance: Instance) -> frozenset[str]:
    """Return the MAC addresses of an instance's interfaces."""
    return frozenset(item.mac for item in instance.interfaces if item.mac is not None)


def is_stranger(subject: Subject, info: SystemInfo) -> bool:
    """Return whether a firewall says that it runs on another machine than the subject.

    A firewall has one management interface for as long as it runs, and the MAC addresses of the
    instance's interfaces do not change. An answer without a MAC address says nothing.
    """
    return (
        bool(info.mac and subject.macs)
        and info.mac not in subject.macs
        and instance_id_of_cpu(info) != subject.instance_id.lower()
    )


def in_our_groups(device: Device) -> bool:
    """Return whether a firewall is in the configured device group and template stack."""
    return device.policy_status is not None and device.template_status is not None


def in_a_group_of_ours(device: Device) -> bool:
    """Return whether a firewall is in the configured device group or template stack."""
    return device.policy_status is not None or device.template_status is not None


def management_address(device: Device) -> str | None:
    """Return the management address that Panorama lists; ``None`` if it lists none."""
    try:
        address = ipaddress.ip_address(device.ip_address)
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)


def agreeing_signals(
    subject: Subject, device: Device, info: SystemInfo | None = None
) -> frozenset[Signal]:
    """Return the signals that a firewall in Panorama is the subject's.

    Args:
        subject: What is known of the instance.
        device: Firewall as Panorama lists it.
        info: What the firewall says about itself; ``None`` if it was not asked.
    """
    agree = {
        Signal.MEMBERSHIP: in_our_groups(device),
        Signal.RECORD: device.serial == subject.serial,
        Signal.HOSTNAME: instance_id(device) == subject.instance_id.lower(),
        Signal.MANAGEMENT_IP: subject.management_ip is not None
        and management_address(device) == subject.management_ip,
        Signal.MAC: info is not None and info.mac in subject.macs,
        Signal.CPU_ID: info is not None and instance_id_of_cpu(info) == subject.instance_id.lower(),
    }
    return frozenset(signal for signal, agrees in agree.items() if agrees)


def other_instances(
    known: Iterable[Instance], records: Mapping[str, FirewallRecord], deployment: str
) -> list[OtherInstance]:
    """Return which firewalls instances can claim, by their serial numbers and addresses.

    The serial number of an own instance is that of its record: its tag is for people. That of
    another deployment's instance is that of its tag, which can keep a firewall from being taken
    for the subject's, and never make it so, except as ``may_be_of_another_deployment`` says.

    Args:
        known: Instances of this and other deployments.
        records: Records of this deployment by instance id, also of instances that EC2 has
            forgotten.
        deployment: Name of this deployment, whose instances are in one VPC.
    """
    instances_by_id = {instance.instance_id: instance for instance in known}
    others = []
    for key in {**instances_by_id, **dict.fromkeys(records)}:
        instance, record = instances_by_id.get(key), records.get(key)
        ours = record is not None or (instance is not None and instance.deployment == deployment)
        tag = None if ours or instance is None else serial_number(instance.serial)
        addresses = _addresses(instance) if instance else frozenset()
        others.append(
            OtherInstance(
                key,
                tag if record is None else record.serial,
                addresses if ours else frozenset(),
                exists=not instances.is_terminated(instance),
                macs=(mac_addresses(instance) if instance else frozenset())
                | (record.macs if record else frozenset()),
                recorded=ours,
                unidentified=record if record and record.serial is None else None,
                foreign_addresses=frozenset() if ours else addresses,
            )
        )
    return others


def _addresses(instance: Instance) -> frozenset[str]:
    return frozenset(item.private_ip for item in instance.interfaces if item.private_ip)


def held(device: Device, rivals: Collection[OtherInstance]) -> bool:
    """Return whether a record of this deployment says that a firewall is another instance's."""
    return any(rival.recorded and rival.serial == device.serial for rival in rivals)


def had_address_before(subject: Subject, devices: Iterable[Device]) -> frozenset[str]:
    """Return the serial numbers of the listed firewalls that have the address of the subject.

    At the first look, before its own firewall is identified, these are firewalls of instances that
    had the address before, or of other VPCs.
    """
    address = subject.management_ip
    return frozenset(
        device.serial
        for device in devices
        if address is not None and management_address(device) == address
    )


def registered_since(subject: Subject, device: Device) -> bool:
    """Return whether a firewall has registered with the subject's address since its launch.

    Together, the address and the time name the instance. Either alone does not: addresses are
    reused, and the firewalls of others register at any time.
    """
    return (
        subject.looked is not None
        and subject.management_ip is not None
        and management_address(device) == subject.management_ip
        and device.serial not in subject.strangers
    )


def may_be_of_another_deployment(rival: OtherInstance, subject: Subject) -> bool:
    """Return whether a firewall with the subject's address may be that of another deployment.

    Until its own deployment has identified it, nothing but its address shows whose it is. Then its
    instance has a tag with a serial number: a forged one undoes this, and nothing else.
    """
    return rival.serial is None and subject.management_ip in rival.foreign_addresses


def may_be_of(rival: OtherInstance, subject: Subject, device: Device) -> bool:
    """Return whether a firewall may be that of a later instance that had the same address.

    Nothing shows which of two instances it was, if both are gone and neither was identified. It was
    the earlier one if Panorama listed the firewall before the later one could register.
    """
    record = rival.unidentified
    if record is None or rival.exists or record.management_ip != subject.management_ip:
        return False
    if record.looked is not None and subject.looked is not None and record.looked < subject.looked:
        return False
    return device.serial not in record.strangers
