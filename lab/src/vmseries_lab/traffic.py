"""Traffic: sessions, distributed over the firewalls as a Gateway Load Balancer distributes flows.

New flows go only to healthy targets, and possibly to targets whose first health checks run: AWS
says both that a target gets traffic "as soon as the registration process completes", and that it
must have "passed the initial health checks" (assumption ``initial-target-flows``).
https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-group-register-targets.html

The attribute ``target_failover`` decides about existing flows
of a target that is deregistered or unhealthy:

- ``no_rebalance``: they stay on it, also after it is drained or its health checks fail. They are
  dropped once it cannot be reached.
- ``rebalance``: they move to healthy targets, those of a deregistered target after the
  deregistration delay, those of an unhealthy one when its health checks have failed.

https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/edit-target-group-attributes.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core import registry
from vmseries_lab.core.control_api import Route
from vmseries_lab.core.world import World
from vmseries_lab.firewalls.firewall import Firewall
from vmseries_lab.firewalls.fleet import Fleet
from vmseries_lab.firewalls.load_model import SESSION_CAPACITY, SESSION_SECONDS, Load

HEALTHY = "healthy"
INITIAL = "initial"
DRAINING = "draining"
TO_UNREADY = "traffic-to-unready"
NOT_INSPECTED = "traffic-not-inspected"
REBALANCE = "rebalance"
NO_REBALANCE = "no_rebalance"


@dataclass(frozen=True, slots=True)
class Target:
    """A registered target.

    Attributes:
        health: its state, as DescribeTargetHealth returns it.
        failover: ``rebalance`` or ``no_rebalance``, from the attributes of its target group.
    """

    health: str
    failover: str = NO_REBALANCE


def registered_targets() -> dict[str, Target]:
    """Return every registered target by instance ID.

    An instance in several target groups is healthy if it is healthy in one of them.
    """
    store = backend("elbv2")
    targets: dict[str, Target] = {}
    for arn, group in list(store.target_groups.items()):
        failover = group.attributes.get("target_failover.on_deregistration", NO_REBALANCE)
        for health in store.describe_target_health(arn, []):
            known = targets.get(health.instance_id)
            if known is None or known.health != HEALTHY:
                targets[health.instance_id] = Target(health.status, failover)
    return targets


class Traffic:
    """Offers sessions to the fleet, and detects traffic to firewalls that are not ready.

    Attributes:
        offered: number of offered sessions.
        capacity: maximum number of sessions of one firewall.
        session_seconds: average duration of a session.
        unready: how often a firewall that is healthy or draining got traffic while it was not in
            sync or not licensed. The module guarantees that this never happens.
        uninspected: how often a firewall got traffic that it does not inspect, because its
            bootstrap data does not enable the inspection of GENEVE tunnels.
        refused: number of new flows that went to a target whose first health checks ran, and that
            was not ready for them.
        dropped: number of sessions that ended because their firewall could not be reached.
        moved: number of sessions that went on to another firewall, which has no session for them.
    """

    def __init__(
        self,
        world: World,
        fleet: Fleet,
        targets: Callable[[], dict[str, Target]] = registered_targets,
    ) -> None:
        self._world = world
        self._fleet = fleet
        self._targets = targets
        self._last: float | None = None
        self._carried: dict[str, float] = {}
        self._failover: dict[str, str] = {}
        self._noted: dict[str, set[str]] = {
            "traffic-to-unready": set(),
            "traffic-not-inspected": set(),
        }
        self.offered = 0
        self.capacity = SESSION_CAPACITY
        self.session_seconds = SESSION_SECONDS
        self.unready = 0
        self.uninspected = 0
        self.refused = 0.0
        self.dropped = 0.0
        self.moved = 0.0

    def configure(self, **settings: float) -> dict[str, Any]:
        """Change ``sessions``, ``capacity`` or ``session_seconds``; return the status.

        Raises:
            ValueError: for an unknown setting, or sessions without a duration.
        """
        if unknown := set(settings) - {"sessions", "capacity", "session_seconds"}:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        seconds = float(settings.get("session_seconds", self.session_seconds))
        if seconds <= 0:
            raise ValueError(f"sessions take longer than {seconds} seconds")
        with self._world.lock:
            self.offered = int(settings.get("sessions", self.offered))
            self.capacity = int(settings.get("capacity", self.capacity))
            self.session_seconds = seconds
        return self.status()

    def status(self) -> dict[str, Any]:
        """Return ``unready``, ``uninspected``, and the numbers of sessions.

        These are ``offered``, ``carried``, ``refused``, ``dropped`` and ``moved``.
        """
        return {
            "offered": self.offered,
            "carried": sum(firewall.load.sessions for firewall in self._fleet.all()),
            "refused": round(self.refused),
            "dropped": round(self.dropped),
            "moved": round(self.moved),
            "unready": self.unready,
            "uninspected": self.uninspected,
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
        kept = math.exp(-elapsed / self.session_seconds)
        targets = self._targets()
        self._failover |= {name: target.failover for name, target in targets.items()}
        firewalls = {firewall.machine.instance_id: firewall for firewall in self._fleet.all()}
        powered = {name for name, firewall in firewalls.items() if firewall.machine.powered}
        healthy = [
            name for name in firewalls if name in powered and _health(targets, name) == HEALTHY
        ]
        self._fail_over(targets, powered, kept)
        self._spread(healthy, kept)
        self._refuse(targets, firewalls, len(healthy), elapsed)
        for name, firewall in firewalls.items():
            if name in powered:
                firewall.load = Load(int(self._carried.get(name, 0.0)), self.capacity)
                self._watch(name, firewall, targets)

    def _fail_over(self, targets: dict[str, Target], powered: set[str], kept: float) -> None:
        """Decide about existing sessions of targets that are not healthy, or without power."""
        for name, sessions in list(self._carried.items()):
            health = _health(targets, name)
            if name in powered and health == HEALTHY:
                continue
            self._carried[name] = sessions * kept
            rebalances = self._failover.get(name) == REBALANCE
            if rebalances and health not in (HEALTHY, DRAINING):
                self.moved += self._carried.pop(name)
            elif not rebalances and name not in powered:
                self.dropped += self._carried.pop(name)

    def _spread(self, healthy: list[str], kept: float) -> None:
        """Give new sessions to healthy firewalls, in a time in which a share ``kept`` continues."""
        elsewhere = sum(n for name, n in self._carried.items() if name not in healthy)
        wanted = max(0.0, self.offered - elsewhere)
        share = wanted / len(healthy) if healthy else 0.0
        for name in healthy:
            before = self._carried.get(name, 0.0)
            self._carried[name] = min(share + (before - share) * kept, float(self.capacity))

    def _refuse(
        self,
        targets: dict[str, Target],
        firewalls: dict[str, Firewall],
        healthy: int,
        elapsed: float,
    ) -> None:
        """Count the new flows of a time that go to targets whose first health checks run."""
        if self._world.assumptions["initial-target-flows"] == "none":
            return
        initial = [name for name in firewalls if _health(targets, name) == INITIAL]
        unready = sum(not firewalls[name].ready for name in initial)
        if unready:
            share = unready / (healthy + len(initial))
            self.refused += self.offered / self.session_seconds * elapsed * share

    def _watch(self, name: str, firewall: Firewall, targets: dict[str, Target]) -> None:
        """Record a firewall that gets traffic in a state in which it must not, once each time."""
        in_use = firewall.load.sessions > 0 and _health(targets, name) in (HEALTHY, DRAINING)
        if self._begins(TO_UNREADY, name, firewall, now=in_use and not firewall.ready):
            self.unready += 1
        blind = in_use and not firewall.bootstrap.inspects_geneve
        if self._begins(NOT_INSPECTED, name, firewall, now=blind):
            self.uninspected += 1

    def _begins(self, kind: str, name: str, firewall: Firewall, *, now: bool) -> bool:
        """Note the beginning of an occurrence in the timeline; return whether this is one."""
        noted = self._noted[kind]
        if not now:
            noted.discard(name)
            return False
        if name in noted:
            return False
        noted.add(name)
        self._world.timeline.add(
            "traffic",
            kind,
            name,
            phase=firewall.phase,
            licensed=firewall.license.active,
            sessions=firewall.load.sessions,
        )
        return True


def _health(targets: dict[str, Target], name: str) -> str:
    """Return the state of a target, empty if it is not registered."""
    return targets[name].health if name in targets else ""


def install(world: World) -> Traffic:
    """Let traffic flow through the firewalls."""
    traffic = Traffic(world, registry.find(world, Fleet))
    world.engines.append(traffic)
    return traffic
