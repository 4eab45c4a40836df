"""Identify the firewall of an instance in Panorama, by independent signals and never by a guess.

The serial number decides which license is deactivated and which firewall is removed. A wrong serial
number would affect a running firewall, and others can forge each signal: an administrator of any
firewall sets its host name, and anybody with ``ec2:CreateTags`` writes a serial tag. One signal
that names the instance is therefore never enough, and a contradiction is never resolved by
preferring one signal. docs/readiness.md lists the situations.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

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
    # Earlier visits, and anybody with ec2:CreateTags.
    SERIAL_TAG = "serial-tag"
    # EC2, if it assigns instance ids as host names, and the firewall's administrators.
    HOSTNAME = "hostname"
    # EC2. Addresses are reused, and occur in several VPCs.
    MANAGEMENT_IP = "management-ip"
    # The firewall, which reported its serial number at the instance's own management address. Only
    # in deployments without Panorama.
    FIREWALL = "firewall"


_NAMES_INSTANCE = frozenset({Signal.SERIAL_TAG, Signal.HOSTNAME, Signal.MANAGEMENT_IP})
"""The signals that name one instance."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A firewall's serial number and all signals that agree on it."""

    serial: str
    signals: frozenset[Signal]


@dataclass(frozen=True, slots=True)
class Unidentified:
    """The result if no firewall in Panorama is known to be the instance's.

    This is not an error: the firewall may not have registered yet, or may be removed already.

    Attributes:
        unlisted_serial: Serial number in the instance's tag, if Panorama does not list it.
    """

    reason: str
    unlisted_serial: str | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """The result if Panorama does not show enough yet, but is expected to show it later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The result if signals contradict each other, or name a firewall but are not enough.

    This is either an error that an operator has to correct, or an attack.
    """

    reason: str


Result: TypeAlias = Identity | Unidentified | Undecided | Ambiguous


@dataclass(frozen=True, slots=True)
class Subject:
    """What AWS shows of the instance whose firewall is identified.

    Attributes:
        serial: Serial number in its tag; ``None`` without a valid one.
        management_ip: Private address of its management interface; ``None`` if it has none.
        exists: Whether EC2 shows it, in another state than terminated.
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
    """Another instance, whose firewall must not be taken for the subject's.

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


def identify(
    subject: Subject,
    devices: Iterable[Device],
    others: Callable[[], Collection[OtherInstance]],
) -> Result:
    """Identify the firewall that runs, or ran, on an instance.

    A firewall is identified only if it is in the configured device group and template stack, no
    signal contradicts the others, and no other instance claims it. In addition, these signals have
    to name the instance:

    - two of serial tag, host name and management address; or
    - the management address, if the firewall is connected; or
    - the serial tag or the host name, if the instance has terminated, so that EC2 no longer shows
      its address, the firewall is disconnected, and no other instance has the firewall's address.

    Args:
        subject: Instance.
        devices: Firewalls that Panorama lists.
        others: Returns other instances, of this and other deployments. Not called if no firewall
            matches, or if serial tag, host name and address agree.
    """
    if subject.doubted:
        return Ambiguous("an earlier visit found the instance's firewall ambiguous")
    listed = list(devices)
    candidates = _candidates(subject, listed)
    if not candidates:
        return _unidentified(subject)
    if len(candidates) > 1:
        serials = ", ".join(sorted(device.serial for device in candidates))
        return Ambiguous(f"several firewalls in Panorama match the instance: {serials}")
    (device,) = candidates
    signals = _signals(subject, device)
    unclear: Unidentified | Undecided | Ambiguous | None
    unclear = _contradiction(subject, device, signals)
    if unclear is None and not signals >= _NAMES_INSTANCE:
        rivals = [other for other in others() if other.instance_id != subject.instance_id]
        unclear = (
            _tagged_elsewhere(device, signals, rivals)
            or _insufficient(subject, device, signals)
            or _address_elsewhere(device, signals, rivals, listed)
        )
    return Identity(device.serial, signals) if unclear is None else unclear


def instance_id(device: Device) -> str | None:
    """Return the instance id in a firewall's host name; ``None`` if it has none."""
    name = _first_label(device.hostname)
    return name if _INSTANCE_ID.fullmatch(name) else None


def in_our_groups(device: Device) -> bool:
    """Return whether a firewall is in the configured device group and template stack."""
    return device.policy_status is not None and device.template_status is not None


def other_instances(known: Iterable[Instance], deployment: str) -> list[OtherInstance]:
    """Return the claims of instances on firewalls.

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


def tags_for(identity: Identity) -> dict[str, str]:
    """Return the instance tags that record an identity for later visits and for operators."""
    evidence = [signal.value for signal in Signal if signal in identity.signals]
    return {
        tags.SERIAL: identity.serial,
        tags.SERIAL_EVIDENCE: " ".join(name for name in evidence if name != Signal.MEMBERSHIP),
    }


def _candidates(subject: Subject, devices: Sequence[Device]) -> list[Device]:
    """Return the firewalls that may be the instance's: by tag and name, else by address, else none.

    A firewall in neither of our groups is a candidate by its host name only if no other one is.
    """
    tagged = [device for device in devices if device.serial == subject.serial]
    named = [device for device in devices if instance_id(device) == subject.instance_id.lower()]
    ours = [
        device
        for device in named
        if device.policy_status is not None or device.template_status is not None
    ]
    claimed = tagged + [device for device in ours if device not in tagged]
    if claimed:
        return claimed
    addressed = [
        device
        for device in devices
        if subject.management_ip is not None
        and _address(device) == subject.management_ip
        and in_our_groups(device)
        and instance_id(device) is None
        # After a removal, an old entry with the same address is no reason for doubt.
        and (device.connected or subject.serial is None)
    ]
    return addressed or named


def _unidentified(subject: Subject) -> Unidentified:
    if subject.serial is None:
        return Unidentified("Panorama lists no firewall with this host name or management address")
    return Unidentified(
        f"Panorama does not list {subject.serial}, which the tag of the instance names",
        subject.serial,
    )


def _signals(subject: Subject, device: Device) -> frozenset[Signal]:
    agree = {
        Signal.MEMBERSHIP: in_our_groups(device),
        Signal.SERIAL_TAG: device.serial == subject.serial,
        Signal.HOSTNAME: instance_id(device) == subject.instance_id.lower(),
        Signal.MANAGEMENT_IP: subject.management_ip is not None
        and _address(device) == subject.management_ip,
    }
    return frozenset(signal for signal, agrees in agree.items() if agrees)


def _contradiction(
    subject: Subject, device: Device, signals: frozenset[Signal]
) -> Ambiguous | None:
    """Return what contradicts the signals that name the instance, if anything does."""
    named, address = instance_id(device), _address(device)
    if Signal.MEMBERSHIP not in signals:
        missing = "device group" if device.policy_status is None else "template stack"
        return Ambiguous(
            f"{device.serial} matches the instance, but is not in the configured {missing}"
        )
    if subject.serial is not None and Signal.SERIAL_TAG not in signals:
        return Ambiguous(
            f"{device.serial} matches the instance, but the tag of the instance names "
            f"{subject.serial}, which Panorama does not list"
        )
    if named is not None and Signal.HOSTNAME not in signals:
        return Ambiguous(f"{device.serial} matches the instance, but has the host name {named}")
    if None not in (address, subject.management_ip) and Signal.MANAGEMENT_IP not in signals:
        return Ambiguous(
            f"{device.serial} matches the instance, but has the management address {address}, and "
            f"the instance has {subject.management_ip}"
        )
    return None


def _insufficient(
    subject: Subject, device: Device, signals: frozenset[Signal]
) -> Unidentified | Undecided | Ambiguous | None:
    """Return why one signal that names the instance is not enough; ``None`` if it is."""
    naming = signals & _NAMES_INSTANCE
    if len(naming) > 1:
        return None
    (signal,) = naming
    if signal is Signal.MANAGEMENT_IP:
        if device.connected:
            return None
        return Ambiguous(
            f"{device.serial} has the management address of the instance, but is not connected"
        )
    only = f"only its {_CLAUSES[signal]} names the instance"
    if subject.exists and subject.management_ip is None:
        return Unidentified(
            f"EC2 shows no management interface of the instance to compare {device.serial} with, "
            f"and {only}"
        )
    if _address(device) is None:
        return Undecided(f"Panorama shows no management address of {device.serial}, and {only}")
    if device.connected:
        return Undecided(
            f"{device.serial} is connected to Panorama although the instance has terminated, and "
            f"{only}"
        )
    return None


_CLAUSES = {Signal.SERIAL_TAG: "serial number", Signal.HOSTNAME: "host name"}


def _tagged_elsewhere(
    device: Device, signals: frozenset[Signal], rivals: Iterable[OtherInstance]
) -> Ambiguous | None:
    """Return the claim of another instance on a firewall by its serial tag, if there is one.

    EC2 reuses the address of a terminated instance at once. Panorama takes minutes to notice that
    the firewall no longer exists, and lists it as connected until then. The tag of a terminated
    instance therefore counts, unless the host name shows that the firewall is the subject's.
    """
    for rival in rivals:
        if rival.serial == device.serial and (rival.exists or Signal.HOSTNAME not in signals):
            return Ambiguous(
                f"{device.serial} matches the instance, but belongs to {rival.instance_id} by its "
                "serial tag"
            )
    return None


def _address_elsewhere(
    device: Device,
    signals: frozenset[Signal],
    rivals: Iterable[OtherInstance],
    devices: Iterable[Device],
) -> Undecided | None:
    """Return the claim of another instance on a firewall by its address, if there is one.

    Either the address was reused, or the firewall of a live instance calls itself like the subject.
    The claim ends when Panorama lists the other instance's own firewall, with one of its addresses.
    """
    address = _address(device)
    if Signal.MANAGEMENT_IP in signals:
        return None
    for rival in rivals:
        if address in rival.addresses and not any(
            _address(known) in rival.addresses
            and in_our_groups(known)
            and known.serial != device.serial
            and (known.serial == rival.serial or instance_id(known) == rival.instance_id)
            for known in devices
        ):
            return Undecided(
                f"{device.serial} matches the instance, but {rival.instance_id} has its management "
                f"address {address}, and Panorama lists no other firewall for that instance"
            )
    return None


def _first_label(hostname: str) -> str:
    return hostname.split(".", 1)[0].lower()


def _address(device: Device) -> str | None:
    """Return the management address that Panorama lists; ``None`` if it lists none."""
    try:
        address = ipaddress.ip_address(device.ip_address)
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)
