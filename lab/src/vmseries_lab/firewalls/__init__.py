"""The VM-Series firewalls of the lab."""

from __future__ import annotations

from vmseries_lab.core import registry
from vmseries_lab.core.world import World
from vmseries_lab.firewalls.fleet import Fleet
from vmseries_lab.panorama import Outside


def install(world: World) -> Fleet:
    """Let a firewall live on every instance of a VM-Series image.

    Answers ``world.probe`` and ``world.reach``, and tells Panorama what was terminated.
    """
    outside = registry.find(world, Outside)
    fleet = Fleet(world, outside)
    world.engines.append(fleet)
    world.probe = fleet.probe
    world.reach = fleet.apis.reach
    outside.delicensing.terminated = lambda: fleet.terminated
    return fleet
