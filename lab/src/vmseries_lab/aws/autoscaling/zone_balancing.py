"""Decides in which zone a group launches, and which instances it terminates.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-availability-zone-balanced.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Properties of an instance that termination policies use.

    Attributes:
        instance_id: ID of the instance.
        zone: Availability Zone.
        launched_at: launch time, seconds since the epoch.
        other_template: whether its launch template is not the group's current one.
        version: version of its launch template.
        protected: whether it is protected from scale-in.
    """

    instance_id: str
    zone: str
    launched_at: float
    other_template: bool = False
    version: int = 0
    protected: bool = False


def subnet_for_launch(subnets: Sequence[tuple[str, str]], occupied: Sequence[str]) -> str:
    """Choose the subnet of the zone with the fewest instances.

    Args:
        subnets: (subnet id, zone) in the group's order.
        occupied: subnet IDs of the instances that count as capacity.
    """
    zones = dict(subnets)
    per_zone = Counter(zones[subnet] for subnet in occupied if subnet in zones)
    per_subnet = Counter(occupied)
    return min(subnets, key=lambda pair: (per_zone[pair[1]], per_subnet[pair[0]]))[0]


def victims(
    candidates: Sequence[Candidate], count: int, policies: Sequence[str], now: float
) -> list[str]:
    """Choose the instances to terminate, one at a time, so that zones stay balanced.

    Each choice is among the unprotected instances in the zone with most instances. The policies
    narrow it down in their order; the oldest of the remaining instances is terminated.
    """
    remaining = list(candidates)
    chosen: list[str] = []
    for _ in range(count):
        per_zone = Counter(candidate.zone for candidate in remaining)
        free = [candidate for candidate in remaining if not candidate.protected]
        if not free:
            break
        most = max(per_zone[candidate.zone] for candidate in free)
        pool = [candidate for candidate in free if per_zone[candidate.zone] == most]
        for policy in [*policies, "OldestInstance"]:
            for key in _keys(policy, now):
                best = min(key(candidate) for candidate in pool)
                pool = [candidate for candidate in pool if key(candidate) == best]
        victim = pool[0]
        remaining.remove(victim)
        chosen.append(victim.instance_id)
    return chosen


def _keys(policy: str, now: float) -> list[Callable[[Candidate], float]]:
    """Return the criteria of a policy, most important first; the smallest value is chosen."""

    def age(candidate: Candidate) -> float:
        return candidate.launched_at

    def youth(candidate: Candidate) -> float:
        return -candidate.launched_at

    def foreign_template(candidate: Candidate) -> float:
        return 0.0 if candidate.other_template else 1.0

    def version(candidate: Candidate) -> float:
        return 0.0 if candidate.other_template else float(candidate.version)

    def next_hour(candidate: Candidate) -> float:
        return HOUR - (now - candidate.launched_at) % HOUR

    known: dict[str, list[Callable[[Candidate], float]]] = {
        "OldestInstance": [age],
        "NewestInstance": [youth],
        "OldestLaunchTemplate": [foreign_template, version],
        "ClosestToNextInstanceHour": [next_hour],
        "Default": [foreign_template, version, next_hour],
    }
    # Policies about launch configurations and allocation strategies have no effect in the lab.
    return known.get(policy, [])
