"""The traffic that the fleet carries, spread over it as a load balancer spreads flows.

New flows go to healthy targets only; established ones stay where they are until they end or the
target has drained. https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-groups.html
("Target failover", "Deregistration delay").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core import registry
from vmseries_lab.core.world import World
from vmseries_lab.firewalls.firewall import Firewall
from vmseries_lab.firewalls.fleet import Fleet
from vmseries_lab.firewalls.load_model import SESSION_CAPACITY, SESSION_SECONDS, Load
from vmseries_lab.panorama import Route

HEALTHY = "healthy"
DRAINING = "draining"


def target_states() -> dict[str, str]:
    """State of every registered target, by instance id.

    An instance in several target groups counts as healthy if it is so in one of them.
    """
    store = backend("elbv2")
    states: dict[str, str] = {}
    for arn in list(store.target_groups):
        for health in store.describe_target_health(arn, []):
            if states.get(health.instance_id) != HEALTHY:
                states[health.instance_id] = health.status
    return states


class Traffic:
    """Offers sessions to the fleet, and sees that no firewall gets them too early or too late.

    Attributes:
        offered: sessions that want to pass.
        capacity: sessions that one firewall can hold.
        unready: how often a firewall got traffic while it was not in sync or not licensed. The
            product promises that this never happens.
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

    def configure(self, **knobs: int) -> dict[str, Any]:
        """Change the sessions offered, or the capacity of a firewall.

        Raises:
            ValueError: for a knob that does not exist.
        """
        if unknown := set(knobs) - {"sessions", "capacity"}:
            raise ValueError(f"traffic has no knob called {', '.join(sorted(unknown))}")
        with self._world.lock:
            self.offered = int(knobs.get("sessions", self.offered))
            self.capacity = int(knobs.get("capacity", self.capacity))
        return self.status()

    def status(self) -> dict[str, Any]:
        """What is offered, what is carried, and what went wrong."""
        return {
            "offered": self.offered,
            "carried": sum(firewall.load.sessions for firewall in self._fleet.all()),
            "unready": self.unready,
        }

    def routes(self) -> list[tuple[str, str, Route]]:
        """What the control API shows and may do."""
        return [
            ("GET", "traffic", lambda _query, _body: self.status()),
            ("POST", "traffic", lambda _query, body: self.configure(**body)),
        ]

    def busy(self) -> bool:
        """Traffic flows on the lab's clock."""
        return False

    def tick(self, now: float) -> None:
        """Let sessions begin and end."""
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
        """Sessions per firewall, after a while that a share ``kept`` of the sessions outlasts."""
        carried = {name: self._carried.get(name, 0.0) * kept for name in draining}
        wanted = max(0.0, self.offered - sum(carried.values()))
        share = wanted / len(healthy) if healthy else 0.0
        for name in healthy:
            before = self._carried.get(name, 0.0)
            carried[name] = min(share + (before - share) * kept, float(self.capacity))
        return carried

    def _watch(self, name: str, firewall: Firewall) -> None:
        """Note a firewall that carries traffic and is not ready for it, once each time."""
        wrong = firewall.load.sessions > 0 and not firewall.ready
        if wrong and name not in self._suspect:
            self.unready += 1
            self._world.timeline.add(
                "traffic",
                "traffic-to-unready",
                name,
                phase=firewall.phase,
                licensed=firewall.license.active,
                sessions=firewall.load.sessions,
            )
        if wrong:
            self._suspect.add(name)
        else:
            self._suspect.discard(name)


def install(world: World) -> Traffic:
    """Let traffic flow through the firewalls."""
    traffic = Traffic(world, registry.find(world, Fleet))
    world.engines.append(traffic)
    return traffic
