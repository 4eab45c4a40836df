"""Auto Scaling groups on the lab's clock: lifecycle hooks, health, zones, instance refresh."""

from __future__ import annotations

from typing import Any

from vmseries_lab.aws.autoscaling import capacity, health, rebalancing
from vmseries_lab.aws.autoscaling.activities import Activities
from vmseries_lab.aws.autoscaling.groups import Groups
from vmseries_lab.aws.autoscaling.instance_lifecycle import Lifecycle
from vmseries_lab.aws.autoscaling.instance_refresh import Refreshes
from vmseries_lab.aws.autoscaling.instance_refresh_api import RefreshApi
from vmseries_lab.aws.autoscaling.instances import GroupInstances
from vmseries_lab.aws.autoscaling.lifecycle_hooks import Hooks
from vmseries_lab.aws.ec2 import Ec2
from vmseries_lab.aws.ec2.launch_checks import LaunchChecks
from vmseries_lab.aws.moto_patching import backend, require_moto
from vmseries_lab.core.world import World


class AutoScaling:
    """The engine of Auto Scaling.

    Attributes:
        activities: scaling activities, newest first.
        lifecycle: moves instances through their states.
        refreshes: instance refreshes, newest first.
    """

    def __init__(self, world: World, checks: LaunchChecks) -> None:
        self._world = world
        self.activities = Activities(world)
        self.lifecycle = Lifecycle(world, self.activities)
        self.refreshes = Refreshes(world, self.lifecycle)
        self._refresh_api = RefreshApi(self.refreshes)
        self._groups = Groups(world, self.lifecycle, checks)
        self._hooks = Hooks(world, self.lifecycle)
        self._instances = GroupInstances(world, self.lifecycle, self.activities)

    def tick(self, _now: float) -> None:
        """Check the health, refresh, scale and advance the instances of every group.

        An error in one group, such as a launch template that was deleted, stops no other group.
        """
        store = backend("autoscaling")
        for group in list(store.autoscaling_groups.values()):
            with self._world.errors.guard(f"group {group.name}"):
                self._tick(store, group)

    def _tick(self, store: Any, group: Any) -> None:
        if group.status == "Delete in progress":
            self.lifecycle.advance(group)
            self._groups.forget_if_empty(store, group)
            return
        health.check(self._world, self.lifecycle, group)
        self.refreshes.tick(group)
        with self._world.errors.guard(f"capacity of group {group.name}"):
            refreshing = self.refreshes.active(group) is not None
            rebalancing.rebalance(self._world, self.lifecycle, group, refreshing=refreshing)
            capacity.follow(self._world, self.lifecycle, group)
        self.lifecycle.advance(group)

    def busy(self) -> bool:
        """Return False: Auto Scaling has no work in real time."""
        return False


def install(world: World, ec2: Ec2) -> AutoScaling:
    """Run moto's Auto Scaling on the world's clock.

    Args:
        world: the lab.
        ec2: launches the instances.
    """
    require_moto()
    auto_scaling = AutoScaling(world, ec2.checks)
    world.engines.append(auto_scaling)
    return auto_scaling
