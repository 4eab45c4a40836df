"""From inventories to what is to be done: pure, so that every rule can be tried ten thousand times.

Nothing is taken from a firewall that may live. It is gone when Auto Scaling has it no more, EC2
says that it is terminated or does not know it, and Panorama has lost its connection; and all that
for longer than the age floor. It was ours if our tags or our group's own history name it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vmseries_autoscale import identity
from vmseries_autoscale.aws.autoscaling_group import Kind
from vmseries_autoscale.aws.instances import is_gone
from vmseries_autoscale.aws.network.state import NetworkState, Status
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Device
from vmseries_autoscale.reconcile.inventory import Inventory

LONG_AGO = datetime.min.replace(tzinfo=UTC)

_WAITS = {"Pending:Wait": Transition.LAUNCHING, "Terminating:Wait": Transition.TERMINATING}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one run may do.

    Attributes:
        age_floor: for how long something must have been wrong.
        firewalls: of how many firewalls what is left may be removed.
        share: the same, as a share of all firewalls that any inventory knows; between 0 and 1.
    """

    age_floor: timedelta
    firewalls: int
    share: float

    def cap(self, known: int) -> int:
        """Of how many firewalls, when so many are known; at least of one, or it never ends."""
        return max(1, min(self.firewalls, math.ceil(self.share * known)))


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A lifecycle hook that nobody answers.

    Attributes:
        since: when Auto Scaling began with what the hook is part of.
    """

    instance_id: str
    transition: Transition
    since: datetime


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a firewall has left that is gone.

    Attributes:
        since: when it went; ``LONG_AGO`` if nobody remembers.
        serial: in Panorama; ``None`` if it has left there.
    """

    instance_id: str
    since: datetime
    wiring: NetworkState
    serial: str | None


@dataclass(frozen=True, slots=True)
class Removals:
    """What is to be removed, and what is not.

    Attributes:
        leftovers: the oldest first.
        targets: to be deregistered.
        postponed: instance ids and addresses whose turn comes in a later run: this one's cap is
            reached.
        young: instance ids that went so lately that a visit may still come back for them.
        doubtful: why something that looks like a leftover is not touched, by its name.
    """

    leftovers: tuple[Leftover, ...]
    targets: tuple[Target, ...]
    postponed: tuple[str, ...]
    young: tuple[str, ...]
    doubtful: Mapping[str, str]


def unanswered(inventory: Inventory, age_floor: timedelta, now: datetime) -> list[Unanswered]:
    """The hooks that wait for longer than the floor without any visit to their instance.

    Visits note themselves on the instance, so that an event that is only slow is told from one that
    was lost. One that is written anew although the first was not lost does no harm: there are two
    chains of visits then, and the second finds everything done.
    """
    found = []
    for instance_id, state in inventory.members.items():
        activity = inventory.activities.get(instance_id)
        if state not in _WAITS or activity is None:
            continue
        instance = inventory.instances.get(instance_id)
        visited = instance.visited if instance else None
        if now - max(activity.began, visited or LONG_AGO) >= age_floor:
            found.append(Unanswered(instance_id, _WAITS[state], activity.began))
    return found


def removals(inventory: Inventory, limits: Limits, now: datetime) -> Removals:
    """What firewalls that are gone have left, as far as it may be removed now."""
    devices, doubtful = _devices(inventory)
    leftovers = []
    for instance_id in sorted({*inventory.wirings, *devices} - doubtful.keys()):
        if instance_id in inventory.members or not is_gone(inventory.instances.get(instance_id)):
            continue
        wiring = inventory.wirings.get(instance_id, NetworkState({}, {}))
        device = devices.get(instance_id)
        if doubt := _doubt(wiring, device):
            doubtful[instance_id] = doubt
            continue
        since = _gone_since(inventory, instance_id) or now
        leftovers.append(Leftover(instance_id, since, wiring, device.serial if device else None))
    old = [one for one in leftovers if now - one.since >= limits.age_floor]
    old.sort(key=lambda one: (one.since, one.instance_id))
    cap = limits.cap(len({*inventory.members, *inventory.wirings, *devices}))
    return Removals(
        leftovers=tuple(old[:cap]),
        targets=inventory.targets[:cap],
        postponed=(
            *(one.instance_id for one in old[cap:]),
            *(target.address for target in inventory.targets[cap:]),
        ),
        young=tuple(one.instance_id for one in leftovers if one not in old),
        doubtful=doubtful,
    )


def _devices(inventory: Inventory) -> tuple[dict[str, Device], dict[str, str]]:
    """Our firewalls in Panorama by the one instance that each is, and what is doubtful.

    A serial number on an instance's tag is what a visit has found out; a host name is what the
    launch template asks EC2 for. Others may use our device group: what is connected and not ours
    is theirs, and no matter of this deployment; nor is what is not ours anywhere else. What is ours
    may have left our device group and nothing else, if Panorama refused the rest.
    """
    tagged = {
        instance.serial: instance_id
        for instance_id, instance in inventory.instances.items()
        if instance.serial is not None
    }
    named: dict[str, list[Device]] = {}
    doubtful: dict[str, str] = {}
    for device in inventory.devices:
        instance_id = tagged.get(device.serial) or identity.instance_id(device)
        if instance_id is not None and _was_ours(inventory, instance_id):
            named.setdefault(instance_id, []).append(device)
        elif device.policy_status is not None and not device.connected:
            doubtful[device.serial] = "is in our device group, and no instance of ours"
    for instance_id, devices in named.items():
        if len(devices) > 1:
            serials = ", ".join(sorted(device.serial for device in devices))
            doubtful[instance_id] = f"several firewalls in Panorama are this instance: {serials}"
    return {key: devices[0] for key, devices in named.items() if len(devices) == 1}, doubtful


def _was_ours(inventory: Inventory, instance_id: str) -> bool:
    instance = inventory.instances.get(instance_id)
    return (
        instance_id in inventory.members
        or instance_id in inventory.wirings
        or instance_id in inventory.activities
        or (instance is not None and instance.deployment == inventory.deployment)
    )


def _doubt(wiring: NetworkState, device: Device | None) -> str | None:
    """Why what a gone firewall has left is not touched all the same."""
    if device is not None and device.connected:
        return f"{device.serial} is connected to Panorama although its instance is gone"
    for interface in wiring.own_interfaces:
        if interface.status is not Status.DETACHED:
            return f"{interface.interface_id} is attached to {interface.instance_id}"
    for address in wiring.addresses.values():
        if address.interface_id is not None and address.interface_id not in wiring.interfaces:
            return f"{address.allocation_id} is associated with {address.interface_id}"
    return None


def _gone_since(inventory: Inventory, instance_id: str) -> datetime | None:
    """When an instance that is gone went; ``None`` if EC2 still shows it, but not when it went.

    EC2 shows a terminated instance for about an hour. One that it has forgotten and whose end Auto
    Scaling does not remember has been gone for long. That it left the group says nothing: it may
    have gone on for long.
    """
    instance, activity = inventory.instances.get(instance_id), inventory.activities.get(instance_id)
    times: Iterable[datetime | None] = (
        instance.terminated if instance else None,
        activity.ended if activity and activity.kind is Kind.TERMINATING else None,
    )
    latest = max((time for time in times if time is not None), default=None)
    if latest is None and instance is None:
        return LONG_AGO
    return latest
