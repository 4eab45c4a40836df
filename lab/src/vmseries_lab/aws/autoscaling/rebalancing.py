"""Rebalances a group's zones: launches replacements, then terminates what they replace.

A group is rebalanced after a zone was removed from it, after instances were terminated or detached
so that zones differ by more than one instance, and when a zone without capacity has some again.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html#AutoScalingBehavior.InstanceUsage
https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from vmseries_lab.aws.autoscaling.capacity import candidate, subnets_of
from vmseries_lab.aws.autoscaling.instance_lifecycle import Lifecycle
from vmseries_lab.aws.autoscaling.model import Member, members, suspended
from vmseries_lab.aws.autoscaling.zone_balancing import victims
from vmseries_lab.core.world import World

MARGIN = 0.1
"""By how much a group may exceed its maximum size while it is rebalanced, at least by one instance.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html#AutoScalingBehavior.InstanceUsage
"""
CAUSE = (
    "an instance was taken out of service in response to a difference between desired and actual "
    "capacity"
)


def rebalance(world: World, lifecycle: Lifecycle, group: Any, *, refreshing: bool) -> None:
    """Choose instances to replace, and terminate those whose replacements are in service.

    Args:
        world: the lab.
        lifecycle: terminates instances.
        group: moto's group.
        refreshing: whether an instance refresh runs, which replaces instances itself.
    """
    pairs = subnets_of(group)
    if not pairs:
        return
    zones = {zone for _, zone in pairs}
    present = [member for member in members(group) if not member.terminating]
    for member in present:
        if member.rebalanced == LEFT and member.availability_zone in zones:
            member.rebalanced = ""
    if not suspended(group, "Terminate"):
        _finish(lifecycle, group, present)
    if refreshing or suspended(group, "AZRebalance") or suspended(group, "Launch"):
        return
    room = int(group.max_size) + margin(group) - len(present)
    for member in present:
        if room > 0 and member.availability_zone not in zones and _may_move(member):
            member.rebalanced = LEFT
            _explain(group, zones)
            room -= 1
    open_zones = {zone for subnet, zone in pairs if lifecycle.may_launch_into(group, subnet)}
    for member in _surplus(world, group, present, open_zones, room):
        member.rebalanced = UNBALANCED
        _explain(group, zones - {member.availability_zone})


LEFT, UNBALANCED = "its zone has left the group", "its zone has more instances than others"


def margin(group: Any) -> int:
    """Return by how many instances the group may exceed its maximum size.

    A maintenance policy can allow fewer, but one at least.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-maintenance-policy.html
    """
    allowed = max(1, int(int(group.max_size) * MARGIN))
    policy = getattr(group, "instance_maintenance_policy", None) or {}
    highest = policy.get("MaxHealthyPercentage")
    if highest is not None:
        desired = int(group.desired_capacity or 0)
        allowed = min(allowed, max(1, desired * int(highest) // 100 - desired))
    return allowed


def _finish(lifecycle: Lifecycle, group: Any, present: list[Member]) -> None:
    """Terminate replaced instances, as many as are in service beyond the desired capacity."""
    serving = sum(member.in_service for member in present)
    for member in present:
        if member.rebalanced and serving > (group.desired_capacity or 0):
            lifecycle.terminate(group, member, CAUSE)
            serving -= member.in_service


def _surplus(
    world: World, group: Any, present: list[Member], zones: Collection[str], room: int
) -> list[Member]:
    """Return the instances to replace, so that the zones differ by one instance at most."""
    counted = [member for member in present if member.counts]
    if len(counted) < (group.desired_capacity or 0):
        # Launches in progress go to the zones with the fewest instances anyway.
        return []
    numbers = Counter(dict.fromkeys(zones, 0))
    numbers.update(m.availability_zone for m in counted if m.availability_zone in zones)
    chosen: list[Member] = []
    while numbers and len(chosen) < room:
        fullest = max(numbers, key=lambda zone: numbers[zone])
        emptiest = min(numbers, key=lambda zone: numbers[zone])
        if numbers[fullest] - numbers[emptiest] < 2:
            break
        free = [
            member
            for member in counted
            if member.availability_zone == fullest and _may_move(member) and member not in chosen
        ]
        picked = victims(
            [candidate(member) for member in free], 1, group.termination_policies, world.clock.now()
        )
        if not picked:
            del numbers[fullest]
            continue
        chosen += [member for member in free if member.instance_id in picked]
        numbers[fullest] -= 1
        numbers[emptiest] += 1
    return chosen


def _may_move(member: Member) -> bool:
    return member.in_service and member.counts and not member.protected_from_scale_in


def _explain(group: Any, zones: Collection[str]) -> None:
    """Set the cause of the launches that follow.

    https://github.com/PrairieLearn/PrairieLearn/issues/3271
    """
    group.desired_cause = (
        f"instances were launched to balance instances in zones {' '.join(sorted(zones))} with "
        "other zones resulting in more than desired number of instances in the group"
    )
