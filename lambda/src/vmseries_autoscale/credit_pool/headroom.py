"""Decide how many firewalls the group may still launch, and for how many there are credits."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from vmseries_autoscale.credit_pool.answers import Pool

ROUNDING = 1e-6
"""Credits are decimal fractions in the API, such as 27.84, and binary ones here."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """How far the credits reach.

    Attributes:
        available: Credits of the pool that no deployment profile has.
        possible: Firewalls that can still be licensed: places of the deployment profile that are
            free, and firewalls that the available credits would pay.
        needed: Firewalls that the group may still launch, up to its maximum size.
        days_left: Days until the credits expire, negative afterwards; ``None`` if unknown.
    """

    available: float
    possible: int
    needed: int
    days_left: int | None

    @property
    def short(self) -> int:
        """Number of firewalls of the maximum size for which there are no credits."""
        return max(0, self.needed - self.possible)

    def as_json(self) -> dict[str, Any]:
        """Return the fields for a report, with ``short``."""
        return {**asdict(self), "short": self.short}


def headroom(
    pool: Pool,
    *,
    credits_per_firewall: float,
    profile_firewalls: int,
    licensed: int,
    members: int,
    maximum: int,
    today: date,
) -> Headroom:
    """Compare the credits with what the maximum size of the group needs. A pure function.

    A firewall takes its credits from the deployment profile of its auth code. The pool's available
    credits are those that no profile has: a person can still assign them, so they count. Expired
    credits license nothing.

    Args:
        pool: The credit pool.
        credits_per_firewall: Credits that one firewall takes, more than zero.
        profile_firewalls: Number of firewalls that the deployment profile is for; 0 if unknown.
        licensed: Number of firewalls that use the profile now, of this group or not.
        members: Number of members of the group that have a license. Those that leave count: they
            return it.
        maximum: Maximum size of the group.
        today: Current day, in UTC.
    """
    days_left = None if pool.expires is None else (pool.expires - today).days
    free_places = max(0, profile_firewalls - licensed)
    affordable = max(0, math.floor(pool.available / credits_per_firewall + ROUNDING))
    expired = days_left is not None and days_left < 0
    return Headroom(
        available=pool.available,
        possible=0 if expired else free_places + affordable,
        needed=max(0, maximum - members),
        days_left=days_left,
    )
