"""Remove orphans: targets, interfaces and addresses, licenses, and firewalls in Panorama."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from vmseries_autoscale.aws import clients, target_groups
from vmseries_autoscale.aws.network import describe, plan
from vmseries_autoscale.aws.network.converge import converge
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.errors import PanOsError, TargetReusedError
from vmseries_autoscale.licensing.by_plugin import request_plugin_deactivation
from vmseries_autoscale.outcome import Done, Failed, Outcome, Retry, Unfinished, run_if_time
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

    def execute(self, cleanup_plan: CleanupPlan) -> dict[str, Unfinished]:
        """Execute the plan.

        Returns:
            The outcomes of incomplete removals, by instance id or address.
        """
        if cleanup_plan.orphans:
            reasons = {orphan.instance_id: orphan.reason for orphan in cleanup_plan.orphans}
            logger.info("Removing orphans", extra={"orphans": reasons})
        targets = [
            (target.target_id, partial(self._deregister, target)) for target in cleanup_plan.targets
        ]
        networks = [
            (orphan.instance_id, partial(_remove_network, orphan.network))
            for orphan in cleanup_plan.orphans
        ]
        unfinished = collect_unfinished(self._run_each([*targets, *networks]))
        still_licensed = self._return_licenses(cleanup_plan.orphans)
        unfinished |= still_licensed
        removable = [
            orphan for orphan in cleanup_plan.orphans if orphan.instance_id not in still_licensed
        ]
        return unfinished | self._remove_from_panorama(removable)

    def _run_each(
        self, steps: Iterable[tuple[str, Callable[[], Outcome]]]
    ) -> Iterator[tuple[str, Outcome]]:
        """Run the steps one after the other while there is time."""
        for key, step in steps:
            yield key, run_if_time(step, self.time_budget)

    def _deregister(self, target: Target) -> Outcome:
        """Deregister a target: a terminated instance, or an address that no interface has again.

        EC2 assigns a free address at once, so a firewall can have got it since the inventory was
        taken. If it gets it during the deregistration, its own registration waits until the target
        is drained. If it had already registered it, only an operator can notice.

        Raises:
            TargetReusedError: If an interface got the address during the deregistration.
        """
        if target.port is None:
            # The id of a terminated instance is not used again.
            target_groups.deregister(clients.elbv2(), target)
            return Done()
        vpc_id = next(
            group.vpc_id for group in self.settings.target_groups if group.arn == target.group_arn
        )
        ec2 = clients.ec2()
        owners = describe.address_owners(ec2, vpc_id, [target.target_id])
        if target.target_id in owners:
            return Retry("an interface has the address again")
        target_groups.deregister(clients.elbv2(), target)
        owners = describe.address_owners(ec2, vpc_id, [target.target_id])
        if target.target_id in owners:
            raise TargetReusedError(
                f"{owners[target.target_id]} got the address {target.target_id} while it was "
                f"deregistered from {target.group_arn}; if the firewall is in service, register "
                "the address again when it is drained"
            )
        return Done()

    def _return_licenses(self, orphans: Sequence[Orphan]) -> dict[str, Unfinished]:
        """Have the license plugin return the licenses that it still lists.

        The plugin does not need the firewall to run. A firewall whose license is still listed stays
        in Panorama, and every run requests the deactivation again until the license is returned or
        an operator removes the firewall.

        Returns:
            The outcomes of the firewalls that stay in Panorama, by instance id.
        """
        manager = self.settings.license_manager
        instance_ids = _instance_ids(orphans)
        if self.panorama is None or manager is None or not instance_ids:
            return {}
        request = partial(self._request_deactivation, self.panorama, manager, instance_ids.keys())
        requested = run_if_time(request, self.time_budget)
        if isinstance(requested, Unfinished):
            return collect_unfinished((key, requested) for key in instance_ids.values())
        listed, error = requested
        return collect_unfinished(
            (
                instance_ids[serial],
                Failed(error)
                if error
                else Retry(
                    f"license manager {manager} lists {serial} as licensed; requested its "
                    "deactivation"
                ),
            )
            for serial in listed
        )

    def _request_deactivation(
        self, panorama: Panorama, manager: str, serials: Set[str]
    ) -> tuple[frozenset[str], PanOsError | None]:
        """Request the deactivation of the licenses that are still listed.

        Returns:
            The serial numbers of these licenses, and the error of the last commit, if it failed.
        """
        answer = panorama.plugin_licensed(manager)
        # A response without a list says nothing: the licenses are requested once more.
        listed = frozenset(serials) if answer is None else answer & serials
        return listed, request_plugin_deactivation(panorama, manager, listed, self.settings.name)

    def _remove_from_panorama(self, orphans: Sequence[Orphan]) -> dict[str, Unfinished]:
        instance_ids = _instance_ids(orphans)
        if self.panorama is None or not instance_ids:
            return {}
        remove = partial(
            removal.remove_firewalls,
            self.panorama,
            frozenset(instance_ids),
            self.settings.name,
            self.now,
            self.time_budget.has_time,
        )
        progress = run_if_time(remove, self.time_budget)
        return collect_unfinished(
            (
                instance_id,
                progress if isinstance(progress, Unfinished) else progress.outcomes[serial],
            )
            for serial, instance_id in instance_ids.items()
        )


def _instance_ids(orphans: Iterable[Orphan]) -> dict[str, str]:
    """Return the instance ids by serial number of the firewalls in Panorama."""
    return {orphan.serial: orphan.instance_id for orphan in orphans if orphan.serial is not None}


def _remove_network(network: NetworkState) -> Outcome:
    # The plan has no attached interfaces, because they are ambiguous.
    converge(clients.ec2(), plan.plan_removal, network)
    return Done()
