"""Gateway Load Balancers whose targets become healthy and drain on the lab's clock."""

from __future__ import annotations

from vmseries_lab.aws.elbv2 import attributes
from vmseries_lab.aws.elbv2.targets import Targets
from vmseries_lab.aws.moto_patching import require_moto
from vmseries_lab.core.world import World


class LoadBalancing:
    """The engine behind target health.

    Attributes:
        targets: the targets of all target groups.
    """

    def __init__(self, world: World) -> None:
        self.targets = Targets(world)

    def tick(self, now: float) -> None:
        """Check the health that is due."""
        self.targets.tick(now)

    def busy(self) -> bool:
        """Load balancing has nothing in flight in real time."""
        return False


def install(world: World) -> LoadBalancing:
    """Make moto's load balancing live by the world's clock."""
    require_moto()
    load_balancing = LoadBalancing(world)
    attributes.patch()
    world.engines.append(load_balancing)
    return load_balancing
