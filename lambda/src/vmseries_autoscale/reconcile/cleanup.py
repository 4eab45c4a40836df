"""Remove orphans: targets, interfaces and addresses, licenses, and firewalls in Panorama."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from vmseries_autoscale.aws import clients, target_groups
from vmseries_autoscale.aws.network import describe, plan
from vmseries_autoscale.aws.network.converge import converge
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.errors import TargetReusedError
from vmseries_autoscale.outcome import Done, Outcome, Retry, Unfinished, run_if_time, run_step
from vmseries_autoscale.panorama import Panorama, removal
from vmseries_autoscale.reconcile.decisions import CleanupPlan, Orphan
from vmseries_autoscale.reconcile.licenses import LicenseReturns
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
        licenses: Returns the licenses of the firewalls that Panorama lists.
    """

    panorama: Panorama | None
    settings: ReconcileSettings
    now: datetime
    time_budget: TimeBudget
    licenses: LicenseReturns

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
        still_licensed = self.licenses.return_listed(cleanup_plan.orphans)
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
            jobs=self._recorded_jobs(instance_ids),
        )
        progress = run_if_time(remove, self.time_budget)
        if isinstance(progress, Unfinished):
            return collect_unfinished((key, progress) for key in instance_ids.values())
        return collect_unfinished(
            (
                instance_id,
                self._save_job(instance_id, progress.jobs.get(serial)) or progress.outcomes[serial],
            )
            for serial, instance_id in instance_ids.items()
        )

    def _recorded_jobs(self, instance_ids: Mapping[str, str]) -> dict[str, str]:
        """Return the commit jobs that visits and earlier runs have requested, by serial number."""
        records = {
            serial: record
            for serial, instance_id in instance_ids.items()
            if (record := self.licenses.records.get(instance_id)) is not None
        }
        return {
            serial: record.removal_job
            for serial, record in records.items()
            if record.serial == serial and record.removal_job is not None
        }

    def _save_job(self, instance_id: str, job: str | None) -> Unfinished | None:
        """Record the commit job that removes a firewall, if the firewall has a record."""
        record = self.licenses.records.get(instance_id)
        new = None if job == removal.UNCOMMITTED else job
        if record is None or not record.readable or record.removal_job == new:
            return None
        saved = run_step(partial(self.licenses.save, record, replace(record, removal_job=new)))
        return saved if isinstance(saved, Unfinished) else None


def _instance_ids(orphans: Iterable[Orphan]) -> dict[str, str]:
    """Return the instance ids by serial number of the firewalls in Panorama."""
    return {orphan.serial: orphan.instance_id for orphan in orphans if orphan.serial is not None}


def _remove_network(network: NetworkState) -> Outcome:
    # The plan has no attached interfaces, because they are ambiguous.
    converge(clients.ec2(), plan.plan_removal, network)
    return Done()
