"""Traffic: sessions, distributed over the firewalls as a load balancer distributes flows.

New flows go only to healthy targets; established flows stay on their target until they end or the
target is drained. https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-groups.html
("Target failover", "Deregistration delay").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core import registry
from vmseries_lab.core.control_api import Route
from vmseries_lab.core.world import World
from vmseries_lab.firewalls.firewall import Firewall
from vmseries_lab.firewalls.fleet import Fleet
from vmseries_lab.firewalls.load_model import SESSION_CAPACITY, SESSION_SECONDS, Load

HEALTHY = "healthy"
DRAINING = "draining"


def target_states() -> dict[str, str]:
    """Return the state of every registered target by instance ID.

    An instance in several target groups is healthy if it is healthy in one of them.
    """
    store = backend("elbv2")
    states: dict[str, str] = {}
    for arn in list(store.target_groups):
        for health in store.describe_target_health(arn, []):
            if states.get(health.instance_id) != HEALTHY:
                states[health.instance_id] = health.status
    return states


class Traffic:
    """Offers sessions to the fleet, and detects traffic to firewalls that are not ready.

    Attributes:
        offered: number of offered sessions.
        capacity: maximum number of sessions of one firewall.
        unready: how often a firewall got traffic while it was not in sync or not licensed. The
            module guarantees that this never happens.
    """

    def __init__(
        self, world: World, fleet: Fleet, states: Callable[[], dict[str, str]] = target_states
    ) -> None:
        self._world = world
        self._fleet = fleet
        self._states = states
        self._last: float | None = None
        self._carried: dict[str, float] = {}
        self._suspect: set[str] = set()
        self.offered = 0
        self.capacity = SESSION_CAPACITY
        self.unready = 0

    def configure(self, **settings: int) -> dict[str, Any]:
        """Change the number of offered sessions or the capacity of a firewall.

        Raises:
            ValueError: for an unknown setting.
        """
        if unknown := set(settings) - {"sessions", "capacity"}:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        with self._world.lock:
            self.offered = int(settings.get("sessions", self.offered))
            self.capacity = int(settings.get("capacity", self.capacity))
        return self.status()

    def status(self) -> dict[str, Any]:
        """Return ``offered`` and ``carried`` sessions, and ``unready``."""
        return {
            "offered": self.offered,
            "carried": sum(firewall.load.sessions for firewall in self._fleet.all()),
            "unready": self.unready,
        }

    def routes(self) -> list[tuple[str, str, Route]]:
        """Return the routes of the control API."""
        return [
            ("GET", "traffic", lambda _query, _body: self.status()),
            ("POST", "traffic", lambda _query, body: self.configure(**body)),
        ]

    def busy(self) -> bool:
        """Return False: traffic has no work in real time."""
        return False

    def tick(self, now: float) -> None:
        """Update the sessions of each firewall."""
        elapsed = now - (now if self._last is None else self._last)
        self._last = now
        kept = math.exp(-elapsed / SESSION_SECONDS)
        states = self._states()
        firewalls = {
            firewall.machine.instance_id: firewall
            for firewall in self._fleet.all()
            if firewall.machine.powered
        }
        self._carried = self._spread(
            [name for name in firewalls if states.get(name) == HEALTHY],
            [name for name in firewalls if states.get(name) == DRAINING],
            kept,
        )
        for name, firewall in firewalls.items():
            firewall.load = Load(int(self._carried.get(name, 0.0)), self.capacity)
            self._watch(name, firewall)

    def _spread(self, healthy: list[str], draining: list[str], kept: float) -> dict[str, float]:
        """Return the sessions per firewall after a time in which a share ``kept`` did not end."""
        carried = {name: self._carried.get(name, 0.0) * kept for name in draining}
        wanted = max(0.0, self.offered - sum(carried.values()))
        share = wanted / len(healthy) if healthy else 0.0
        for name in healthy:
            before = self._carried.get(name, 0.0)
            carried[name] = min(share + (before - share) * kept, float(self.capacity))
        return carried

    def _watch(self, name: str, firewall: Firewall) -> None:
        """Record a firewall that gets traffic while it is not ready, once per occurrence."""
        unready = firewall.load.sessions > 0 and not firewall.ready
        if unready and name not in self._suspect:
            self.unready += 1
            self._world.timeline.add(
                "traffic",
                "traffic-to-unready",
                name,
                phase=firewall.phase,
                licensed=firewall.license.active,
                sessions=firewall.load.sessions,
            )
        if unready:
            self._suspect.add(name)
        else:
            self._suspect.discard(name)


def install(world: World) -> Traffic:
    """Let traffic flow through the firewalls."""
    traffic = Traffic(world, registry.find(world, Fleet))
    world.engines.append(traffic)
    return traffic
