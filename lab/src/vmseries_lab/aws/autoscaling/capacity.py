"""The desired capacity of a group: changes it, then launches and terminates instances to reach it.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-capacity-limits.html
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError

from vmseries_lab.aws.autoscaling.instance_lifecycle import Lifecycle
from vmseries_lab.aws.autoscaling.model import Member, members, suspended
from vmseries_lab.aws.autoscaling.zone_balancing import Candidate, subnet_for_launch, victims
from vmseries_lab.aws.ec2 import errors
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.world import World

BALANCED_ONLY = "balanced-only"


def set_desired(world: World, group: Any, value: int, cause: str) -> None:
    """Change a group's desired capacity.

    Args:
        world: the lab.
        group: moto's group.
        value: new desired capacity.
        cause: cause of the change, for the activities that follow.

    Raises:
        ValidationError: if the value is outside the group's limits.
    """
    if value > group.max_size:
        raise ValidationError(
            f"New SetDesiredCapacity value {value} is above max value {group.max_size} for the "
            "AutoScalingGroup."
        )
    if value < group.min_size:
        raise ValidationError(
            f"New SetDesiredCapacity value {value} is below min value {group.min_size} for the "
            "AutoScalingGroup."
        )
    before = group.desired_capacity or 0
    if value == before:
        return
    group.desired_capacity = value
    verb = "increasing" if value > before else "shrinking"
    group.desired_cause = f"{cause} {verb} the capacity from {before} to {value}"
    world.timeline.add(
        "autoscaling", "desired-capacity", group.name, **{"from": before, "to": value}, cause=cause
    )


def follow(world: World, lifecycle: Lifecycle, group: Any) -> None:
    """Launch or terminate instances until the group has its desired capacity."""
    live = [member for member in members(group) if member.counts]
    missing = (group.desired_capacity or 0) - len(live)
    if missing == 0:
        group.desired_cause = None
    cause = getattr(group, "desired_cause", None) or (
        "an instance was started in response to a difference between desired and actual capacity"
    )
    if missing > 0 and not suspended(group, "Launch"):
        _launch(lifecycle, group, missing, cause)
    elif missing < 0 and not suspended(group, "Terminate"):
        chosen = victims(
            [candidate(member) for member in live],
            -missing,
            group.termination_policies,
            world.clock.now(),
        )
        for member in live:
            if member.instance_id in chosen:
                lifecycle.terminate(group, member, cause)


def _launch(lifecycle: Lifecycle, group: Any, missing: int, cause: str) -> None:
    """Launch instances, each in the zone with the fewest of those in which launches succeed.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-availability-zone-balanced.html
    """
    subnets = subnets_of(group)
    if not subnets:
        if lifecycle.may_launch(group):
            lifecycle.fail(group, cause, _nowhere(group))
        return
    for _ in range(missing + len(subnets)):
        counted = [member for member in members(group) if member.counts]
        free = [pair for pair in subnets if lifecycle.may_launch_into(group, pair[0])]
        distribution = getattr(group, "availability_zone_distribution", None) or {}
        if distribution.get("CapacityDistributionStrategy") == BALANCED_ONLY:
            occupied = [member.instance.subnet_id for member in counted]
            free = [pair for pair in free if pair[0] == subnet_for_launch(subnets, occupied)]
        if len(counted) >= (group.desired_capacity or 0) or not free:
            return
        if not lifecycle.may_launch(group):
            return
        occupied = [member.instance.subnet_id for member in counted]
        lifecycle.launch(group, subnet_for_launch(free, occupied), cause)


def _nowhere(group: Any) -> Any:
    """Return EC2's error for a group none of whose subnets exists."""
    if group.vpc_zone_identifier:
        return errors.no_such_subnet(group.vpc_zone_identifier.split(",")[0])
    return errors.no_default_subnet(group.availability_zones[0])


def candidate(member: Member) -> Candidate:
    """Return the properties of an instance that termination policies use."""
    template = member.auto_scaling_group.ec2_launch_template
    return Candidate(
        instance_id=member.instance_id,
        zone=member.availability_zone,
        launched_at=member.instance.launch_time.timestamp(),
        other_template=(member.launch_template or {}).get("LaunchTemplateId") != template.id,
        version=member.version,
        protected=bool(member.protected_from_scale_in),
    )


def subnets_of(group: Any) -> list[tuple[str, str]]:
    """Return (subnet ID, zone) of each subnet that a group launches into, if it still exists.

    A group with zones and without subnets launches into the zones' default subnets.
    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
    """
    store = backend("ec2")
    if group.vpc_zone_identifier:
        ids = group.vpc_zone_identifier.split(",")
        found = {s.id: s.availability_zone for s in store.describe_subnets() if s.id in ids}
        return [(subnet_id, found[subnet_id]) for subnet_id in ids if subnet_id in found]
    defaults = store.get_default_subnets()
    zones = [zone for zone in group.availability_zones if zone in defaults]
    return [(defaults[zone].id, zone) for zone in zones]
