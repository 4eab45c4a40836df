"""EC2 as strict as the real one, on the lab's clock."""

from __future__ import annotations

from typing import Any

from vmseries_lab.aws.ec2 import delete_guards, launch_templates, tags
from vmseries_lab.aws.ec2.addresses import Addresses
from vmseries_lab.aws.ec2.instances import Instances
from vmseries_lab.aws.ec2.interfaces import Interfaces
from vmseries_lab.aws.moto_patching import backend, require_moto
from vmseries_lab.core.world import World


class Ec2:
    """The engine behind instances, interfaces and addresses.

    Attributes:
        addresses: Elastic IP addresses; their quota can be set.
        interfaces: network interfaces.
        instances: instances.
    """

    def __init__(self, world: World) -> None:
        self.interfaces = Interfaces(world)
        self.instances = Instances(world, self.interfaces)
        self.addresses = Addresses(world)

    def tick(self, now: float) -> None:
        """Finish what is due."""
        self.instances.tick(now)
        self.interfaces.tick(now)

    def busy(self) -> bool:
        """EC2 has nothing in flight in real time."""
        return False


def install(world: World) -> Ec2:
    """Make moto's EC2 strict and let it live by the world's clock."""
    require_moto()
    ec2 = Ec2(world)
    launch_templates.patch()
    delete_guards.patch()
    tags.patch()
    world.engines.append(ec2)
    return ec2


def store() -> Any:
    """Give moto's EC2 store of the lab's account and Region."""
    return backend("ec2")
