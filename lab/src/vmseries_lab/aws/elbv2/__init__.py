"""Elastic Load Balancing: target health and draining on the lab's clock, GENEVE target groups."""

from __future__ import annotations

from vmseries_lab.aws.elbv2 import attributes
from vmseries_lab.aws.elbv2.targets import Targets
from vmseries_lab.aws.moto_patching import require_moto
from vmseries_lab.core.world import World


class LoadBalancing:
    """The engine of Elastic Load Balancing.

    Attributes:
        targets: targets of all target groups.
    """

    def __init__(self, world: World) -> None:
        self.targets = Targets(world)

    def tick(self, now: float) -> None:
        """Run the health checks and deregistrations that are due."""
        self.targets.tick(now)

    def busy(self) -> bool:
        """Return False: load balancing has no work in real time."""
        return False


def install(world: World) -> LoadBalancing:
    """Run moto's load balancing on the world's clock."""
    require_moto()
    load_balancing = LoadBalancing(world)
    attributes.patch()
    world.engines.append(load_balancing)
    return load_balancing
