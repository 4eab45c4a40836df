"""Decide what to do about an inventory. Pure functions, so that property tests cover every rule.

Nothing is removed from a firewall that may be running. A firewall counts as terminated if it is not
in the Auto Scaling group, EC2 shows it as terminated or does not know it, and it is not connected
to Panorama, all for longer than the age floor. It counts as ours if our tags, its record or the
activity history of the group name it. Its entry in Panorama is identified as a visit identifies it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from vmseries_autoscale import firewall_identity
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.aws.instances import is_terminated
from vmseries_autoscale.aws.network.state import NetworkState, Status
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.firewall_identity import (
    Ambiguous,
    Identity,
    Misplaced,
    Subject,
    Undecided,
)
from vmseries_autoscale.firewall_records import RETENTION, FirewallRecord, LicenseState
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Device
from vmseries_autoscale.reconcile.inventory import Inventory
from vmseries_autoscale.settings import LicensingMode

UNKNOWN_TIME = datetime.min.replace(tzinfo=UTC)

LEFT_BEHIND = timedelta(days=1)
"""How long after its end a disconnected firewall with the address of an instance counts as its own.
Others get the address, also those that nothing here describes. What is not removed by then is
reported."""

_OLD_LICENSE = "vmseries-autoscale:license"
"""Tag in which versions without records kept that a license was returned. It says nothing about an
instance that has a record."""

_TRANSITIONS = {"Pending:Wait": Transition.LAUNCHING, "Terminating:Wait": Transition.TERMINATING}


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one run.

    Attributes:
        age_floor: Minimum age of stalled hooks and orphans that are acted on.
        firewalls: Maximum number of firewalls whose orphans are removed.
        share: The same maximum as a share of all known firewalls, between 0 and 1.
    """

    age_floor: timedelta
    firewalls: int
    share: float

    def cap(self, known: int) -> int:
        """Return the maximum for ``known`` firewalls; at least 1, so that cleanup progresses."""
        return max(1, min(self.firewalls, math.ceil(self.share * known)))


@dataclass(frozen=True, slots=True)
class StalledHook:
    """A lifecycle hook without visits, whose event was probably lost.

    Attributes:
        reason: Why the hook counts as stalled.
    """

    instance_id: str
    transition: Transition
    reason: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """The remaining resources of a terminated instance.

    Attributes:
        since: Time of termination; ``UNKNOWN_TIME`` if it is no longer known.
        network: Interfaces and addresses of the instance.
        serial: Serial number of its firewall in Panorama; ``None`` if there is none.
        reason: Why the instance counts as terminated.
    """

    instance_id: str
    since: datetime
    network: NetworkState
    serial: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class CleanupPlan:
    """The plan for the cleanup of one run.

    Attributes:
        orphans: Orphans to remove, oldest first.
        targets: Targets to deregister.
        postponed: Instance ids and addresses that exceed the limits of this run.
        too_recent: Ids of instances that terminated so recently that a visit may still follow.
        ambiguous: Reasons not to remove what looks orphaned, by instance id or serial number.
        doubted: Instance ids in ``ambiguous`` whose firewall only an operator can identify.
    """

    orphans: tuple[Orphan, ...]
    targets: tuple[Target, ...]
    postponed: tuple[str, ...]
    too_recent: tuple[str, ...]
    ambiguous: Mapping[str, str]
    doubted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _OwnDevices:
    """Our firewalls in Panorama.

    Attributes:
        devices: Firewalls by instance id. Those of members and of instances that exist are only
            counted, and therefore not identified.
        ambiguous: Reasons why the other firewalls are ambiguous, by instance id or serial number.
        doubted: Instances whose firewall only an operator can identify.
    """

    devices: Mapping[str, Device]
    ambiguous: Mapping[str, str]
    doubted: tuple[str, ...]


def stalled_hooks(inventory: Inventory, age_floor: timedelta, now: datetime) -> list[StalledHook]:
    """Return the hooks that have waited for longer than the age floor without a visit.

    Visits tag their instances, which distinguishes a slow visit from a lost event. Resending an
    event that was not lost is harmless: a second chain of visits starts and finds nothing to do.
    The terminate function rejects instances without our tag, so their events are not resent.
    """
    stalled = []
    for instance_id, state in inventory.members.items():
        activity = inventory.activities.get(instance_id)
        if state not in _TRANSITIONS or activity is None:
            continue
        transition = _TRANSITIONS[state]
        instance = inventory.instances.get(instance_id)
        foreign = instance is not None and instance.is_of(inventory.deployment) is False
        if transition is Transition.TERMINATING and foreign:
            continue
        last_visit = instance.last_visit if instance else None
        idle = now - max(activity.began, last_visit or UNKNOWN_TIME)
        if idle >= age_floor:
            reason = f"{state} without a visit for {idle.total_seconds():.0f} s"
            stalled.append(StalledHook(instance_id, transition, reason))
    return stalled


def plan_cleanup(inventory: Inventory, limits: Limits, now: datetime) -> CleanupPlan:
    """Plan which orphans to remove now."""
    found = _own_devices(inventory, now)
    devices, ambiguous = found.devices, dict(found.ambiguous)
    orphans = []
    for instance_id in sorted({*inventory.networks, *devices}):
        instance = inventory.instances.get(instance_id)
        if instance_id in inventory.members or not is_terminated(instance):
            continue
        network = inventory.networks.get(instance_id, NetworkState({}, {}))
        device = devices.get(instance_id)
        if contradiction := _contradiction(network, device):
            ambiguous[instance_id] = contradiction
        if instance_id in ambiguous:
            continue
        since = _terminated_since(inventory, instance_id) or now
        serial = device.serial if device else None
        reason = _termination_reason(inventory, instance_id)
        orphans.append(Orphan(instance_id, since, network, serial, reason))
    due = [orphan for orphan in orphans if now - orphan.since >= limits.age_floor]
    due.sort(key=lambda orphan: (orphan.since, orphan.instance_id))
    cap = limits.cap(len({*inventory.members, *inventory.networks, *devices}))
    return CleanupPlan(
        orphans=tuple(due[:cap]),
        targets=inventory.targets[:cap],
        postponed=(
            *(orphan.instance_id for orphan in due[cap:]),
            *(target.target_id for target in inventory.targets[cap:]),
        ),
        too_recent=tuple(orphan.instance_id for orphan in orphans if orphan not in due),
        ambiguous=ambiguous,
        doubted=found.doubted,
    )


def gone_instances(inventory: Inventory, age_floor: timedelta, now: datetime) -> list[str]:
    """Return our instances that terminated longer ago than the age floor.

    They have a record, or EC2 still shows them with our tag.
    """
    gone = []
    ours = {
        key
        for key, item in inventory.instances.items()
        if item.deployment == inventory.deployment and item.tags.get(_OLD_LICENSE) != "returned"
    }
    for instance_id in sorted(ours | inventory.records.keys()):
        record = inventory.record(instance_id)
        if instance_id in inventory.members:
            continue
        if not is_terminated(inventory.instances.get(instance_id)):
            continue
        since = _terminated_since(inventory, instance_id) or now
        if since == UNKNOWN_TIME:
            since = record.launched or UNKNOWN_TIME
        if now - since >= age_floor:
            gone.append(instance_id)
    return gone


def records_to_end(
    inventory: Inventory, age_floor: timedelta, mode: LicensingMode, now: datetime
) -> list[FirewallRecord]:
    """Return the records that change because their instances are gone, as they are to be written.

    A record ends with its instance. If nothing is left to do, it expires. The record of a license
    that was not returned stays, and so does the license in the report, until a license list or an
    operator ticks it off.
    """
    changed = []
    for instance_id, record in sorted(inventory.records.items()):
        if not record.readable:
            continue
        new = record
        gone = instance_id not in inventory.members and is_terminated(
            inventory.instances.get(instance_id)
        )
        if record.ended is None and gone:
            since = _terminated_since(inventory, instance_id)
            if since is None or now - since < age_floor:
                continue
            new = replace(new, ended=now if since == UNKNOWN_TIME else since)
        if new.ended is None:
            continue
        done = mode is LicensingMode.NONE or new.license is LicenseState.RETURNED
        done = done and new.left_registered is None
        if done != (new.expires is not None):
            new = replace(new, expires=now + RETENTION if done else None)
        if new != record:
            changed.append(new)
    return changed


def licenses_not_returned(records: Iterable[FirewallRecord]) -> list[str]:
    """Return the firewalls whose license is lost: serial numbers, or instance ids without one."""
    lost = (record for record in records if record.license is LicenseState.NOT_RETURNED)
    return sorted(record.serial or record.instance_id for record in lost)


def _own_devices(inventory: Inventory, now: datetime) -> _OwnDevices:
    """Attribute the firewalls in Panorama to our instances, or find them ambiguous.

    The firewall of a terminated instance is identified as a visit identifies it, with the
    management address of its record, which EC2 no longer shows. Other deployments may use our
    device group too: a connected firewall that is not ours belongs to them, and so does any such
    firewall outside our device group.
    """
    own: dict[str, Device] = {}
    ambiguous: dict[str, str] = {}
    doubted: list[str] = []
    claims = _claims(inventory)
    rivals = inventory.rivals()
    # A firewall that registered and died between two visits is in no claim.
    unidentified = {
        instance_id
        for instance_id, record in inventory.records.items()
        if record.serial is None and record.ambiguous is None and not record.license.settled
    }
    for instance_id in sorted({*claims, *inventory.networks, *unidentified}):
        instance = inventory.instances.get(instance_id)
        if instance_id in inventory.members or not is_terminated(instance):
            if claimed := claims.get(instance_id):
                own[instance_id] = claimed[0]
            continue
        subject = _subject(inventory, instance_id, now)
        result = firewall_identity.identify(subject, inventory.devices, lambda: rivals)
        if instance_id not in claims and not subject.doubted and not isinstance(result, Identity):
            # As far as anybody knows, it never registered: nothing waits for it.
            continue
        match result:
            case Identity(serial=serial) | Misplaced(serial=serial, proven=True):
                own[instance_id] = next(
                    device for device in inventory.devices if device.serial == serial
                )
            case Ambiguous(reason):
                ambiguous[instance_id] = reason
                doubted.append(instance_id)
            case Undecided(reason):
                ambiguous[instance_id] = reason
    claimed_serials = {device.serial for devices in claims.values() for device in devices}
    claimed_serials |= {device.serial for device in own.values()}
    for device in inventory.devices:
        in_our_group = device.policy_status is not None
        if in_our_group and not device.connected and device.serial not in claimed_serials:
            ambiguous[device.serial] = "is in our device group, but matches none of our instances"
    return _OwnDevices(own, ambiguous, tuple(doubted))


def _subject(inventory: Inventory, instance_id: str, now: datetime) -> Subject:
    """Return what is known of an instance that no longer exists."""
    record = inventory.record(instance_id)
    subject = Subject.of(record, inventory.instances.get(instance_id))
    if record.ended is not None and now - record.ended >= LEFT_BEHIND:
        return replace(subject, looked=None)
    return subject


def _claims(inventory: Inventory) -> dict[str, list[Device]]:
    """Return the firewalls that our instances claim by their record or by a host name."""
    recorded: dict[str, list[str]] = {}
    for instance_id, record in inventory.records.items():
        if record.serial is not None:
            recorded.setdefault(record.serial, []).append(instance_id)
    claims: dict[str, list[Device]] = {}
    for device in inventory.devices:
        named = firewall_identity.instance_id(device)
        for instance_id in {*recorded.get(device.serial, ()), *([named] if named else ())}:
            if _was_ours(inventory, instance_id):
                claims.setdefault(instance_id, []).append(device)
    return claims


def _was_ours(inventory: Inventory, instance_id: str) -> bool:
    instance = inventory.instances.get(instance_id)
    return (
        instance_id in inventory.members
        or instance_id in inventory.networks
        or instance_id in inventory.records
        or instance_id in inventory.activities
        or (instance is not None and instance.deployment == inventory.deployment)
    )


def _contradiction(network: NetworkState, device: Device | None) -> str | None:
    """Return why an orphan must not be removed; ``None`` if it can be."""
    if device is not None and device.connected:
        return f"{device.serial} is connected to Panorama although its instance is terminated"
    for interface in network.own_interfaces:
        if interface.status is not Status.DETACHED:
            return f"{interface.interface_id} is attached to {interface.instance_id}"
    for address in network.addresses.values():
        if address.interface_id is not None and address.interface_id not in network.interfaces:
            return f"{address.allocation_id} is associated with {address.interface_id}"
    return None


def _terminated_since(inventory: Inventory, instance_id: str) -> datetime | None:
    """Return the time of termination; ``None`` if EC2 shows the instance without this time.

    EC2 shows a terminated instance for about an hour. An instance that EC2 no longer knows, and
    whose termination is not in the activity history, terminated long ago. An activity that detached
    the instance from the group proves nothing, because a detached instance keeps running.
    """
    instance, activity = inventory.instances.get(instance_id), inventory.activities.get(instance_id)
    terminating = activity is not None and activity.type is ActivityType.TERMINATING
    times: Iterable[datetime | None] = (
        instance.terminated if instance else None,
        activity.ended if activity and terminating else None,
    )
    latest = max((time for time in times if time is not None), default=None)
    if latest is None and instance is None:
        return UNKNOWN_TIME
    return latest


def _termination_reason(inventory: Inventory, instance_id: str) -> str:
    if instance_id in inventory.instances:
        return "terminated"
    return "unknown to EC2"
