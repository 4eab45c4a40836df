"""The VM-Series firewalls of the lab."""

from __future__ import annotations

from vmseries_lab.core import registry
from vmseries_lab.core.world import World
from vmseries_lab.firewalls.fleet import Fleet
from vmseries_lab.vendor_services import VendorServices


def install(world: World) -> Fleet:
    """Let a firewall live on every instance of a VM-Series image.

    Sets ``world.probe`` and ``world.reach``, and reports terminated firewalls to Panorama.
    """
    vendor = registry.find(world, VendorServices)
    fleet = Fleet(world, vendor)
    world.engines.append(fleet)
    world.probe = fleet.probe
    world.reach = fleet.apis.reach
    vendor.delicensing.terminated = lambda: fleet.terminated
    return fleet
