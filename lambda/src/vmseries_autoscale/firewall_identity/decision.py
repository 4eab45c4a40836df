"""Decide which firewall is the firewall of an instance. Pure functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeAlias

from vmseries_autoscale.firewall_identity.result import (
    Ambiguous,
    Identity,
    Misplaced,
    Result,
    Undecided,
    Unidentified,
)
from vmseries_autoscale.firewall_identity.signals import (
    ASKED,
    NAMES_INSTANCE,
    OtherInstance,
    Signal,
    Subject,
    agreeing_signals,
    held,
    in_a_group_of_ours,
    in_our_groups,
    instance_id,
    instance_id_of_cpu,
    management_address,
    may_be_of,
    may_be_of_another_deployment,
    registered_since,
)
from vmseries_autoscale.firewall_records.record import MAXIMUM_STRANGERS
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama import Device

Ask: TypeAlias = Callable[[str], SystemInfo | None]
"""Asks the connected firewall with a serial number about itself; ``None`` without an answer."""

MAXIMUM_ASKED = 10
"""How many firewalls one visit asks about themselves to find the one of an instance."""


def ask_nobody(_serial: str) -> SystemInfo | None:
    """Ask no firewall, as for an instance that no longer exists."""
    return None


def identify(
    subject: Subject,
    devices: Iterable[Device],
    others: Callable[[], Collection[OtherInstance]],
    ask: Ask = ask_nobody,
) -> Result:
    """Identify the firewall that runs, or ran, on an instance.

    A firewall is identified only if it is in the configured device group and template stack, no
    signal contradicts the others, and no other instance claims it. In addition, these signals have
    to name the instance:

    - two of record, host name, management address, MAC address and CPU id; or
    - the management address, the MAC address or the CPU id, if the firewall is connected; or
    - the management address, if the firewall is disconnected and has registered since the launch;
      or
    - the record or the host name, if the instance has terminated and the firewall is disconnected.

    Of an instance that has terminated, no other instance may have the address.

    The firewall is asked for its MAC address and CPU id only if it is connected, and if the other
    signals are not enough.

    Args:
        subject: Instance.
        devices: Firewalls that Panorama lists.
        others: Returns other instances, of this and other deployments. Not called if no firewall
            matches, or if the record and another signal agree.
        ask: Asks a connected firewall about itself.
    """
    if subject.doubted:
        return Ambiguous("an earlier visit found the instance's firewall ambiguous")
    listed = list(devices)
    rivals = functools.cache(
        lambda: tuple(other for other in others() if other.instance_id != subject.instance_id)
    )
    answers: dict[str, SystemInfo | None] = {}

    def answer(device: Device) -> SystemInfo | None:
        if device.serial not in answers:
            reachable = device.connected and subject.exists
            answers[device.serial] = ask(device.serial) if reachable else None
        return answers[device.serial]

    candidates = _claimed(subject, listed) or _found(subject, listed, rivals, answer)
    if not candidates:
        return _unidentified(subject)
    if len(candidates) > 1:
        serials = ", ".join(sorted(device.serial for device in candidates))
        return Ambiguous(f"several firewalls in Panorama match the instance: {serials}")
    (device,) = candidates
    return _judge(subject, device, listed, rivals, answer)


def _judge(
    subject: Subject,
    device: Device,
    listed: Sequence[Device],
    rivals: Callable[[], Collection[OtherInstance]],
    answer: Callable[[Device], SystemInfo | None],
) -> Result:
    """Decide whether the only candidate is the firewall of the instance."""
    signals = agreeing_signals(subject, device)
    enough = len(signals & NAMES_INSTANCE) > 1 and in_our_groups(device)
    info = None if enough else answer(device)
    signals = agreeing_signals(subject, device, info)
    unclear: Unidentified | Undecided | Ambiguous | None
    unclear = _contradiction(subject, device, signals, info, rivals)
    if isinstance(unclear, Misplaced) and unclear.proven:
        claimed = _claimed_elsewhere(device, signals, rivals())
        unclear = _other_machine(device, info, signals, rivals) or claimed or unclear
    settled = Signal.RECORD in signals and len(signals & NAMES_INSTANCE) > 1 and subject.exists
    if unclear is None and not settled:
        known = rivals()
        unclear = (
            _claimed_elsewhere(device, signals, known)
            or _insufficient(subject, device, signals)
            or _address_elsewhere(subject, device, signals, known, listed)
        )
    return Identity(device.serial, signals) if unclear is None else unclear


def _claimed(subject: Subject, devices: Sequence[Device]) -> list[Device]:
    """Return the firewalls that the record or a host name says are the instance's.

    A firewall in neither of our groups is a candidate by its host name only if there is no other.
    """
    recorded = [device for device in devices if device.serial == subject.serial]
    named = [device for device in devices if instance_id(device) == subject.instance_id.lower()]
    ours = [device for device in named if in_a_group_of_ours(device)]
    return recorded + [device for device in ours if device not in recorded]


def _found(
    subject: Subject,
    devices: Sequence[Device],
    rivals: Callable[[], Collection[OtherInstance]],
    answer: Callable[[Device], SystemInfo | None],
) -> list[Device]:
    """Return the firewalls that may be the instance's by address, else by MAC address or CPU id.

    Subnets are small and addresses come back, so Panorama may list firewalls that are gone with the
    address of a new one. An address belongs to one interface of a VPC at a time: of several
    firewalls with the address, only those that are connected are candidates, and none that is
    another instance's by its record. If several are left, as with overlapping VPCs, those are that
    say they have a MAC address or the CPU id of the instance.
    """
    named = [device for device in devices if instance_id(device) == subject.instance_id.lower()]
    nameless = [
        device for device in devices if in_our_groups(device) and instance_id(device) is None
    ]
    if not subject.exists:
        return named or _left_behind(subject, nameless, rivals)
    addressed = [
        device
        for device in nameless
        if subject.management_ip is not None
        and management_address(device) == subject.management_ip
        # An old entry with the same address makes nothing ambiguous: after a removal, or if it was
        # listed before the instance's own firewall could be.
        and (
            device.connected or (subject.serial is None and device.serial not in subject.strangers)
        )
    ]
    if addressed:
        addressed = [device for device in addressed if not held(device, rivals())]
    connected = [device for device in addressed if device.connected]
    if len(connected) == 1:
        return connected
    if connected:
        return _saying(subject, connected, answer) or connected
    if addressed and any(may_be_of_another_deployment(rival, subject) for rival in rivals()):
        # A disconnected firewall cannot be asked for its MAC address.
        addressed = []
    if addressed or named:
        return addressed or named
    if misplaced := _found_elsewhere(subject, devices, answer):
        return misplaced
    # With NAT between firewall and Panorama, the address says nothing. Each firewall is asked once,
    # and no more than a record can hold: other deployments may have hundreds in the same groups.
    online = [
        device for device in nameless if device.connected and device.serial not in subject.strangers
    ]
    if not online or not subject.macs or subject.serial is not None:
        return []
    if len(subject.strangers) >= MAXIMUM_STRANGERS:
        return []
    return _saying(subject, [item for item in online if not held(item, rivals())], answer)


def _left_behind(
    subject: Subject,
    nameless: Sequence[Device],
    rivals: Callable[[], Collection[OtherInstance]],
) -> list[Device]:
    """Return the firewalls that may be that of an instance that has terminated, by address.

    It may have registered and died between two visits, so that none has identified it.
    """
    if subject.serial is not None:
        return []
    return [
        device
        for device in nameless
        if registered_since(subject, device)
        and not held(device, rivals())
        and not any(
            may_be_of(rival, subject, device) or may_be_of_another_deployment(rival, subject)
            for rival in rivals()
        )
    ]


def _found_elsewhere(
    subject: Subject, devices: Sequence[Device], answer: Callable[[Device], SystemInfo | None]
) -> list[Device]:
    """Return the firewalls with the instance's address that are not in both of our groups.

    Other VPCs may have the same address, so that only what a firewall says makes it a candidate.
    """
    if subject.serial is not None or subject.management_ip is None:
        return []
    addressed = [
        device
        for device in devices
        if device.connected
        and not in_our_groups(device)
        and instance_id(device) is None
        and management_address(device) == subject.management_ip
    ]
    return _saying(subject, addressed, answer)


def _saying(
    subject: Subject, devices: Sequence[Device], answer: Callable[[Device], SystemInfo | None]
) -> list[Device]:
    """Return the firewalls that say that they are the instance's."""
    return [
        device
        for device in devices[:MAXIMUM_ASKED]
        if agreeing_signals(subject, device, answer(device)) & ASKED
    ]


def _unidentified(subject: Subject) -> Unidentified:
    if subject.serial is None:
        return Unidentified("Panorama lists no firewall with this host name or management address")
    return Unidentified(
        f"Panorama does not list {subject.serial}, which the record of the instance names",
        subject.serial,
    )


def _contradiction(
    subject: Subject,
    device: Device,
    signals: frozenset[Signal],
    info: SystemInfo | None,
    rivals: Callable[[], Collection[OtherInstance]],
) -> Ambiguous | None:
    """Return what contradicts the signals that name the instance, if anything does."""
    named, address = instance_id(device), management_address(device)
    if Signal.MEMBERSHIP not in signals:
        return _misplaced(subject, device, signals)
    if subject.serial is not None and Signal.RECORD not in signals:
        return Ambiguous(
            f"{device.serial} matches the instance, but the record of the instance names "
            f"{subject.serial}, which Panorama does not list"
        )
    if named is not None and Signal.HOSTNAME not in signals:
        return Ambiguous(f"{device.serial} matches the instance, but has the host name {named}")
    if contradiction := _other_machine(device, info, signals, rivals):
        return contradiction
    if (
        None not in (address, subject.management_ip)
        and Signal.MANAGEMENT_IP not in signals
        and not signals & ASKED
        and not _is_recorded_by_mac(subject, signals)
    ):
        return Ambiguous(
            f"{device.serial} matches the instance, but has the management address {address}, and "
            f"the instance has {subject.management_ip}"
        )
    return None


def _is_recorded_by_mac(subject: Subject, signals: frozenset[Signal]) -> bool:
    """Return whether a visit identified the firewall without its address, as behind NAT."""
    return (
        Signal.RECORD in signals
        and bool(subject.evidence & ASKED)
        and Signal.MANAGEMENT_IP not in subject.evidence
    )


def _misplaced(subject: Subject, device: Device, signals: frozenset[Signal]) -> Ambiguous:
    """Return that a firewall is not in our groups, with the name of the group if it is known."""
    missing, group, key = (
        ("device group", device.device_group, "dgname")
        if device.policy_status is None
        else ("template stack", device.template_stack, "tplname")
    )
    where = "" if group is None else f"; it is registered in {missing} {group}"
    reason = (
        f"{device.serial} matches the instance, but is not in the configured {missing}{where}; set "
        f"{key} in its bootstrap configuration to that name, or move it there in Panorama"
    )
    # Whoever manages a firewall in another group chooses its host name and may choose its address.
    said = bool(signals & ASKED if device.connected else subject.evidence & ASKED)
    recorded = Signal.RECORD in signals
    known = said or in_a_group_of_ours(device) if device.connected else said and recorded
    if known and len(signals & NAMES_INSTANCE) > 1:
        return Misplaced(reason, device.serial, signals, proven=said and recorded)
    return Ambiguous(reason)


def _other_machine(
    device: Device,
    info: SystemInfo | None,
    signals: frozenset[Signal],
    rivals: Callable[[], Collection[OtherInstance]],
) -> Ambiguous | None:
    """Return which other instance a firewall says it runs on, if it does."""
    if info is None:
        return None
    says = instance_id_of_cpu(info)
    if says is not None and Signal.CPU_ID not in signals:
        return Ambiguous(f"{device.serial} matches the instance, but its CPU id names {says}")
    if info.mac and Signal.MAC not in signals:
        for rival in rivals():
            if info.mac in rival.macs:
                return Ambiguous(
                    f"{device.serial} matches the instance, but has a MAC address of "
                    f"{rival.instance_id}"
                )
    return None


def _insufficient(
    subject: Subject, device: Device, signals: frozenset[Signal]
) -> Unidentified | Undecided | Ambiguous | None:
    """Return why one signal that names the instance is not enough; ``None`` if it is."""
    naming = signals & NAMES_INSTANCE
    if len(naming) > 1:
        return None
    (signal,) = naming
    if signal in ASKED or _is_recorded_by_mac(subject, signals):
        return None
    if signal is Signal.MANAGEMENT_IP:
        if device.connected and subject.exists:
            return None
        if not device.connected:
            if registered_since(subject, device):
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
    if management_address(device) is None:
        return Undecided(f"Panorama shows no management address of {device.serial}, and {only}")
    if device.connected:
        return Undecided(
            f"{device.serial} is connected to Panorama although the instance has terminated, and "
            f"{only}"
        )
    return None


_CLAUSES = {
    Signal.RECORD: "serial number",
    Signal.HOSTNAME: "host name",
    Signal.MANAGEMENT_IP: "management address",
}


def _claimed_elsewhere(
    device: Device, signals: frozenset[Signal], rivals: Iterable[OtherInstance]
) -> Ambiguous | None:
    """Return the claim of another instance on a firewall by its serial number, if there is one.

    EC2 reuses the address of a terminated instance at once. Panorama takes minutes to notice that
    the firewall no longer exists, and lists it as connected until then. The claim of a terminated
    instance therefore counts, unless the firewall has a name of the subject that was not reused.
    """
    unique = signals & {Signal.HOSTNAME, *ASKED}
    for rival in rivals:
        if rival.serial == device.serial and (rival.exists or not unique):
            source = "record" if rival.recorded else "serial tag"
            return Ambiguous(
                f"{device.serial} matches the instance, but belongs to {rival.instance_id} by its "
                f"{source}"
            )
    return None


def _address_elsewhere(
    subject: Subject,
    device: Device,
    signals: frozenset[Signal],
    rivals: Iterable[OtherInstance],
    devices: Iterable[Device],
) -> Undecided | None:
    """Return the claim of another instance on a firewall by its address, if there is one.

    Either the address was reused, or the firewall of a live instance has the subject's host name.
    The claim ends when Panorama lists the other instance's own firewall, with one of its addresses.
    """
    address = management_address(device)
    # EC2 may have given the address of a terminated instance to another one.
    if subject.exists and Signal.MANAGEMENT_IP in signals:
        return None
    for rival in rivals:
        if address in rival.addresses and not any(
            management_address(known) in rival.addresses
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
