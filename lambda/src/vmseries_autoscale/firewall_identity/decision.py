"""Decide which firewall is the firewall of an instance. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from vmseries_autoscale.firewall_identity.result import (
    Ambiguous,
    Identity,
    Result,
    Undecided,
    Unidentified,
)
from vmseries_autoscale.firewall_identity.signals import (
    NAMES_INSTANCE,
    OtherInstance,
    Signal,
    Subject,
    agreeing_signals,
    in_our_groups,
    instance_id,
    management_address,
)
from vmseries_autoscale.panorama import Device


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
    signals = agreeing_signals(subject, device)
    unclear: Unidentified | Undecided | Ambiguous | None
    unclear = _contradiction(subject, device, signals)
    if unclear is None and not signals >= NAMES_INSTANCE:
        rivals = [other for other in others() if other.instance_id != subject.instance_id]
        unclear = (
            _tagged_elsewhere(device, signals, rivals)
            or _insufficient(subject, device, signals)
            or _address_elsewhere(device, signals, rivals, listed)
        )
    return Identity(device.serial, signals) if unclear is None else unclear


def _candidates(subject: Subject, devices: Sequence[Device]) -> list[Device]:
    """Return the firewalls that may be the instance's: by tag and host name, otherwise by address.

    A firewall in neither of our groups is a candidate by its host name only if there is no other.

    Subnets are small and addresses come back, so Panorama may list firewalls that are gone with the
    address of a new one. An address belongs to one interface of a VPC at a time: of several
    firewalls with the address, only those that are connected are candidates.
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
        and management_address(device) == subject.management_ip
        and in_our_groups(device)
        and instance_id(device) is None
        # After a removal, an old entry with the same address makes nothing ambiguous.
        and (device.connected or subject.serial is None)
    ]
    connected = [device for device in addressed if device.connected]
    return connected or addressed or named


def _unidentified(subject: Subject) -> Unidentified:
    if subject.serial is None:
        return Unidentified("Panorama lists no firewall with this host name or management address")
    return Unidentified(
        f"Panorama does not list {subject.serial}, which the tag of the instance names",
        subject.serial,
    )


def _contradiction(
    subject: Subject, device: Device, signals: frozenset[Signal]
) -> Ambiguous | None:
    """Return what contradicts the signals that name the instance, if anything does."""
    named, address = instance_id(device), management_address(device)
    if Signal.MEMBERSHIP not in signals:
        missing, key = (
            ("device group", "dgname")
            if device.policy_status is None
            else ("template stack", "tplname")
        )
        return Ambiguous(
            f"{device.serial} matches the instance, but is not in the configured {missing}; set "
            f"{key} in its bootstrap configuration to that name, or move it there in Panorama"
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
    naming = signals & NAMES_INSTANCE
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
    if management_address(device) is None:
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

    Either the address was reused, or the firewall of a live instance has the subject's host name.
    The claim ends when Panorama lists the other instance's own firewall, with one of its addresses.
    """
    address = management_address(device)
    if Signal.MANAGEMENT_IP in signals:
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
