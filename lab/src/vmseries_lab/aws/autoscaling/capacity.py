"""The desired capacity of a group: changes it, then launches and terminates instances to reach it.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-capacity-limits.html
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError

from vmseries_lab.aws.autoscaling.instance_lifecycle import Lifecycle
from vmseries_lab.aws.autoscaling.model import Member, members, suspended
from vmseries_lab.aws.autoscaling.zone_balancing import Candidate, subnet_for_launch, victims
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.world import World


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
        for _ in range(missing):
            if not lifecycle.may_launch(group):
                break
            lifecycle.launch(group, _subnet(group), cause)
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


def _subnet(group: Any) -> str:
    store = backend("ec2")
    subnets = [
        (subnet_id, store.get_subnet(subnet_id).availability_zone)
        for subnet_id in group.vpc_zone_identifier.split(",")
    ]
    occupied = [member.instance.subnet_id for member in members(group) if member.counts]
    return subnet_for_launch(subnets, occupied)
