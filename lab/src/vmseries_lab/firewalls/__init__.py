"""The simulated VM-Series firewalls."""

from __future__ import annotations

from vmseries_lab.core import registry
from vmseries_lab.core.world import World
from vmseries_lab.firewalls.fleet import Fleet
from vmseries_lab.vendor_services import VendorServices


def install(world: World) -> Fleet:
    """Run a firewall on every instance of a VM-Series image.

    Sets the ports ``probe``, ``reach`` and ``reaches_service`` of the world, and reports terminated
    firewalls to Panorama.
    """
    services = registry.find(world, VendorServices)
    fleet = Fleet(world, services)
    world.engines.append(fleet)
    world.probe = fleet.probe
    world.reach = fleet.apis.reach
    world.reaches_service = fleet.paths.reaches_service
    services.delicensing.terminated = lambda: fleet.terminated
    return fleet
