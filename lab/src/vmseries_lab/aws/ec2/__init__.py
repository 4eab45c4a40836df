"""EC2 on the lab's clock, with EC2's validation."""

from __future__ import annotations

from typing import Any

from vmseries_lab.aws.ec2 import (
    delete_guards,
    endpoint_services,
    instance_type_offerings,
    launch_templates,
    subnets,
    tags,
    transit_gateways,
)
from vmseries_lab.aws.ec2.addresses import Addresses
from vmseries_lab.aws.ec2.instances import Instances
from vmseries_lab.aws.ec2.interfaces import Interfaces
from vmseries_lab.aws.ec2.launch_checks import LaunchChecks
from vmseries_lab.aws.moto_patching import backend, require_moto
from vmseries_lab.core.world import World


class Ec2:
    """The engine of EC2.

    Attributes:
        addresses: Elastic IP addresses and their quota.
        checks: what limits launches.
        interfaces: network interfaces.
        instances: instances.
    """

    def __init__(self, world: World) -> None:
        self.interfaces = Interfaces(world)
        self.checks = LaunchChecks()
        self.instances = Instances(world, self.interfaces, self.checks)
        self.addresses = Addresses(world)

    def tick(self, now: float) -> None:
        """Change the states of instances and interfaces that are due."""
        self.instances.tick(now)
        self.interfaces.tick(now)

    def busy(self) -> bool:
        """Return False: EC2 has no work in real time."""
        return False


def install(world: World) -> Ec2:
    """Add EC2's validation to moto's EC2, and run it on the world's clock."""
    require_moto()
    ec2 = Ec2(world)
    launch_templates.patch()
    endpoint_services.patch()
    instance_type_offerings.patch()
    delete_guards.patch()
    subnets.patch()
    tags.patch()
    transit_gateways.patch()
    world.engines.append(ec2)
    return ec2


def store() -> Any:
    """Return moto's EC2 store of the lab's account and Region."""
    return backend("ec2")
