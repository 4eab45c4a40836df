"""Remove orphans: targets, interfaces and addresses, licenses, and firewalls in Panorama."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from vmseries_autoscale.aws import clients, target_groups
from vmseries_autoscale.aws.network import plan
from vmseries_autoscale.aws.network.converge import converge
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.errors import PanOsError
from vmseries_autoscale.licensing.by_plugin import request_plugin_deactivation
from vmseries_autoscale.outcome import (
    OUT_OF_TIME,
    Done,
    Failed,
    Outcome,
    Retry,
    Unfinished,
    run_step,
)
from vmseries_autoscale.panorama import Panorama, removal
from vmseries_autoscale.reconcile.decisions import CleanupPlan, Orphan
from vmseries_autoscale.reconcile.report import collect_unfinished
from vmseries_autoscale.settings import ReconcileSettings
from vmseries_autoscale.time_budget import TimeBudget

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cleanup:
    """The cleanup of one run.

    Attributes:
        panorama: Connection to Panorama; ``None`` without one.
        settings: Settings of the function.
        now: Current time, timezone-aware.
        time_budget: Time that is left of the invocation.
    """

    panorama: Panorama | None
    settings: ReconcileSettings
    now: datetime
    time_budget: TimeBudget

    def execute(self, cleanup: CleanupPlan) -> dict[str, Unfinished]:
        """Remove what is planned.

        Returns:
            The outcomes of what is not complete, by instance id or address.
        """
        if cleanup.orphans:
            reasons = {orphan.instance_id: orphan.reason for orphan in cleanup.orphans}
            logger.info("Removing orphans", extra={"orphans": reasons})
        targets = [(target.address, partial(_deregister, target)) for target in cleanup.targets]
        networks = [
            (orphan.instance_id, partial(_remove_network, orphan.network))
            for orphan in cleanup.orphans
        ]
        unfinished = collect_unfinished(self._run_each([*targets, *networks]))
        licensed = self._return_licenses(cleanup.orphans)
        unfinished |= licensed
        removable = [orphan for orphan in cleanup.orphans if orphan.instance_id not in licensed]
        return unfinished | self._remove_from_panorama(removable)

    def _run_each(
        self, steps: Iterable[tuple[str, Callable[[], Outcome]]]
    ) -> Iterator[tuple[str, Outcome]]:
        """Run steps one after the other, as long as there is time."""
        for key, step in steps:
            yield key, run_step(step) if self.time_budget.has_time() else OUT_OF_TIME

    def _return_licenses(self, orphans: Sequence[Orphan]) -> dict[str, Unfinished]:
        """Have the license plugin return the licenses that it still lists.

        The plugin needs no firewall for that. A firewall whose license is still listed stays in
        Panorama, and every run requests the license again, until it is returned or an operator has
        removed the firewall.

        Returns:
            The outcomes of the firewalls that stay in Panorama, by instance id.
        """
        manager = self.settings.license_manager
        instance_ids = {o.serial: o.instance_id for o in orphans if o.serial is not None}
        if self.panorama is None or manager is None or not instance_ids:
            return {}
        request = partial(self._request_licenses, self.panorama, manager, instance_ids.keys())
        requested = run_step(request) if self.time_budget.has_time() else OUT_OF_TIME
        if isinstance(requested, Unfinished):
            return collect_unfinished((key, requested) for key in instance_ids.values())
        listed, error = requested
        return collect_unfinished(
            (
                instance_ids[serial],
                Failed(error)
                if error
                else Retry(
                    f"license manager {manager} lists {serial} as licensed; requested its license"
                ),
            )
            for serial in listed
        )

    def _request_licenses(
        self, panorama: Panorama, manager: str, serials: Set[str]
    ) -> tuple[frozenset[str], PanOsError | None]:
        """Request the licenses that are still listed. Returns their serials and any error."""
        listed = panorama.plugin_licensed(manager) & serials
        return listed, request_plugin_deactivation(panorama, manager, listed, self.settings.name)

    def _remove_from_panorama(self, orphans: Sequence[Orphan]) -> dict[str, Unfinished]:
        instance_ids = {o.serial: o.instance_id for o in orphans if o.serial is not None}
        if self.panorama is None or not instance_ids:
            return {}
        outcomes: dict[str, Outcome] | Unfinished = OUT_OF_TIME
        if self.time_budget.has_time():
            outcomes = run_step(
                partial(
                    removal.remove_firewalls,
                    self.panorama,
                    frozenset(instance_ids),
                    self.settings.name,
                    self.now,
                    self.time_budget.has_time,
                )
            )
        return collect_unfinished(
            (instance_id, outcomes[serial] if isinstance(outcomes, dict) else outcomes)
            for serial, instance_id in instance_ids.items()
        )


def _deregister(target: Target) -> Outcome:
    target_groups.deregister(clients.elbv2(), target)
    return Done()


def _remove_network(network: NetworkState) -> Outcome:
    # Nothing is attached: attached interfaces are ambiguous and not part of the plan.
    converge(clients.ec2(), partial(plan.plan_removal, detach=False), network)
    return Done()
