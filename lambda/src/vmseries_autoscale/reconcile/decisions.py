"""What to do about an inventory. Pure functions, so that property tests can cover every rule.

Nothing is removed from a firewall that may be alive. A firewall counts as gone if it is not in the
Auto Scaling group, EC2 shows it as terminated or does not know it, and it is not connected to
Panorama; all of this for longer than the age floor. It counts as ours if our tags or the activity
history of the group name it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vmseries_autoscale import firewall_identity
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.aws.instances import is_terminated
from vmseries_autoscale.aws.network.state import NetworkState, Status
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Device
from vmseries_autoscale.reconcile.inventory import Inventory

UNKNOWN_TIME = datetime.min.replace(tzinfo=UTC)

_TRANSITIONS = {"Pending:Wait": Transition.LAUNCHING, "Terminating:Wait": Transition.TERMINATING}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one run may do.

    Attributes:
        age_floor: Minimum age of what is acted on.
        firewalls: Maximum number of firewalls whose orphans are removed.
        share: The same as a share of all known firewalls, between 0 and 1.
    """

    age_floor: timedelta
    firewalls: int
    share: float

    def cap(self, known: int) -> int:
        """The maximum for this number of known firewalls. At least one, so that cleanup ends."""
        return max(1, min(self.firewalls, math.ceil(self.share * known)))


@dataclass(frozen=True, slots=True)
class StalledHook:
    """A lifecycle hook without visits: its event was probably lost.

    Attributes:
        since: Start of the scaling activity that waits for the hook.
        reason: Why the hook counts as stalled.
    """

    instance_id: str
    transition: Transition
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """What a terminated instance left behind.

    Attributes:
        since: When the instance terminated; ``UNKNOWN_TIME`` if that is not known any more.
        network: Its interfaces and addresses.
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
    """What to remove, and what to leave.

    Attributes:
        orphans: To remove, oldest first.
        targets: To deregister.
        postponed: Instance ids and addresses beyond the limits of this run.
        too_recent: Ids of instances that terminated so recently that a visit may still follow.
        ambiguous: Why something that looks orphaned is not touched, by instance id or serial
            number.
    """

    orphans: tuple[Orphan, ...]
    targets: tuple[Target, ...]
    postponed: tuple[str, ...]
    too_recent: tuple[str, ...]
    ambiguous: Mapping[str, str]


def stalled_hooks(inventory: Inventory, age_floor: timedelta, now: datetime) -> list[StalledHook]:
    """The hooks that have waited for longer than the age floor without a visit.

    Visits tag their instances, which distinguishes a slow event from a lost one. Resending an event
    that was not lost is harmless: there are two chains of visits then, and the second one has
    nothing left to do.
    """
    stalled = []
    for instance_id, state in inventory.members.items():
        activity = inventory.activities.get(instance_id)
        if state not in _TRANSITIONS or activity is None:
            continue
        instance = inventory.instances.get(instance_id)
        last_visit = instance.last_visit if instance else None
        idle = now - max(activity.began, last_visit or UNKNOWN_TIME)
        if idle >= age_floor:
            reason = f"{state} without a visit for {idle.total_seconds():.0f} s"
            stalled.append(StalledHook(instance_id, _TRANSITIONS[state], activity.began, reason))
    return stalled


def plan_cleanup(inventory: Inventory, limits: Limits, now: datetime) -> CleanupPlan:
    """Plan which orphans to remove now."""
    devices, ambiguous = _own_devices(inventory)
    orphans = []
    for instance_id in sorted({*inventory.networks, *devices} - ambiguous.keys()):
        instance = inventory.instances.get(instance_id)
        if instance_id in inventory.members or not is_terminated(instance):
            continue
        network = inventory.networks.get(instance_id, NetworkState({}, {}))
        device = devices.get(instance_id)
        if contradiction := _contradiction(network, device):
            ambiguous[instance_id] = contradiction
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
            *(target.address for target in inventory.targets[cap:]),
        ),
        too_recent=tuple(orphan.instance_id for orphan in orphans if orphan not in due),
        ambiguous=ambiguous,
    )


def licenses_not_returned(
    orphans: Iterable[Orphan], inventory: Inventory, *, with_panorama: bool
) -> list[str]:
    """Serial numbers of terminated firewalls that did not return their license."""
    serials = (
        _license_not_returned(orphan, inventory, with_panorama=with_panorama) for orphan in orphans
    )
    return [serial for serial in serials if serial is not None]


def _license_not_returned(
    orphan: Orphan, inventory: Inventory, *, with_panorama: bool
) -> str | None:
    instance = inventory.instances.get(orphan.instance_id)
    if instance is not None and instance.license_returned:
        return None
    if instance is not None and not with_panorama:
        return instance.serial
    # A firewall that was removed from Panorama has returned its license, or was reported before.
    return orphan.serial


def _own_devices(inventory: Inventory) -> tuple[dict[str, Device], dict[str, str]]:
    """Our firewalls in Panorama by instance id, and the ambiguous ones with the reason.

    A serial number in an instance's tag was written by a visit. A host name is what EC2 assigns by
    the launch template. Others may use our device group too: a connected firewall that is not ours
    belongs to them, and so does any firewall outside of it that is not ours. A firewall of ours may
    have been removed from our device group only, if Panorama refused the rest.
    """
    tagged = {
        instance.serial: instance_id
        for instance_id, instance in inventory.instances.items()
        if instance.serial is not None
    }
    candidates: dict[str, list[Device]] = {}
    ambiguous: dict[str, str] = {}
    for device in inventory.devices:
        instance_id = tagged.get(device.serial) or firewall_identity.instance_id(device)
        if instance_id is not None and _was_ours(inventory, instance_id):
            candidates.setdefault(instance_id, []).append(device)
        elif device.policy_status is not None and not device.connected:
            ambiguous[device.serial] = "is in our device group, but matches no instance of ours"
    for instance_id, devices in candidates.items():
        if len(devices) > 1:
            serials = ", ".join(sorted(device.serial for device in devices))
            ambiguous[instance_id] = f"several devices in Panorama match this instance: {serials}"
    own = {key: devices[0] for key, devices in candidates.items() if len(devices) == 1}
    return own, ambiguous


def _was_ours(inventory: Inventory, instance_id: str) -> bool:
    instance = inventory.instances.get(instance_id)
    return (
        instance_id in inventory.members
        or instance_id in inventory.networks
        or instance_id in inventory.activities
        or (instance is not None and instance.deployment == inventory.deployment)
    )


def _contradiction(network: NetworkState, device: Device | None) -> str | None:
    """Why an orphan is not touched although its instance is terminated; ``None`` if it may be."""
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
    """When the instance terminated; ``None`` if EC2 still shows it, but not the time.

    EC2 shows a terminated instance for about an hour. An instance that EC2 does not know any more,
    and whose end is not in the activity history, terminated long ago. An activity that detached it
    from the group proves nothing: a detached instance keeps running.
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
