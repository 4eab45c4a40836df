"""Run a reconciliation: describe, decide, act and report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from vmseries_autoscale import firewall_records, panorama
from vmseries_autoscale.aws import autoscaling_group, clients
from vmseries_autoscale.aws.autoscaling_group import NewestActivities
from vmseries_autoscale.firewall_records import FirewallRecord, FirewallRecords
from vmseries_autoscale.outcome import Done, Outcome, Unfinished, run_if_time
from vmseries_autoscale.reconcile.abandoned_launches import report_abandoned_launches
from vmseries_autoscale.reconcile.cleanup import Cleanup
from vmseries_autoscale.reconcile.decisions import (
    Limits,
    gone_instances,
    licenses_not_returned,
    plan_cleanup,
    records_to_end,
    stalled_hooks,
)
from vmseries_autoscale.reconcile.inventory import full_inventory, hook_inventory
from vmseries_autoscale.reconcile.left_registered import report_left_registered
from vmseries_autoscale.reconcile.license_headroom import report_license_headroom
from vmseries_autoscale.reconcile.licenses import LicenseReturns
from vmseries_autoscale.reconcile.outdated import report_outdated_firewalls
from vmseries_autoscale.reconcile.refused_launches import report_refused_launches
from vmseries_autoscale.reconcile.report import Observations, Report, collect_unfinished, publish
from vmseries_autoscale.reconcile.resend import resend_events
from vmseries_autoscale.reconcile.retag import update_tags
from vmseries_autoscale.reconcile.seed_records import seeds
from vmseries_autoscale.reconcile.vm_auth_keys import report_vm_auth_keys
from vmseries_autoscale.settings import ReconcileSettings
from vmseries_autoscale.time_budget import TimeBudget


def reconcile(
    settings: ReconcileSettings, now: datetime, time_budget: TimeBudget, *, dry_run: bool
) -> dict[str, Any]:
    """Resend lost lifecycle events and remove orphans, or only report them.

    Events are resent, and refused and abandoned launches are reported first, because this removes
    nothing and does not need Panorama: without it, launches are abandoned. After that, an
    incomplete inventory ends the run before anything is removed.

    Args:
        settings: Settings of the function.
        now: Current time, timezone-aware.
        time_budget: Time that is left of the invocation.
        dry_run: Whether to change nothing.

    Returns:
        The report as a JSON object.

    Raises:
        PanOsError: If Panorama cannot be reached, or refuses a request.
        ClientError: If an AWS call fails.
    """
    age_floor = timedelta(seconds=settings.age_floor_seconds)
    group = autoscaling_group.describe(clients.autoscaling(), settings.auto_scaling_group_name)
    stalled = stalled_hooks(hook_inventory(settings, group), age_floor, now)
    resent = (
        {hook.instance_id: Done() for hook in stalled}
        if dry_run
        else resend_events(stalled, settings)
    )
    # Before Panorama is needed: it may be unreachable because there is no firewall in its path.
    observations = Observations()
    activities = NewestActivities(clients.autoscaling(), settings.auto_scaling_group_name)
    report_refused_launches(observations, activities, group, now)
    table = firewall_records.connect(settings.records_table)
    read = table.read_all(time_budget.has_time)
    records = report_abandoned_launches(
        observations, activities, settings, group, read, table, now, dry_run=dry_run
    )
    connection = None if settings.panorama is None else panorama.connect(settings.panorama)
    inventory = full_inventory(settings, connection, records)
    limits = Limits(age_floor, settings.maximum_firewalls, settings.maximum_share)
    plan = plan_cleanup(inventory, limits, now)
    unfinished: dict[str, Unfinished] = {}
    if not dry_run:
        licenses = LicenseReturns(connection, settings, now, time_budget, table, dict(records))
        unfinished = Cleanup(connection, settings, now, time_budget, licenses).execute(plan)
        listed = [orphan.instance_id for orphan in plan.orphans if orphan.serial is not None]
        left = [*listed, *plan.postponed, *plan.too_recent, *plan.ambiguous]
        licenses.report_gone(gone_instances(inventory, age_floor, now), left)
        inventory = replace(inventory, records=licenses.records)
    inventory = report_left_registered(
        observations, settings, inventory, table, now, time_budget, dry_run=dry_run
    )
    ended = records_to_end(inventory, age_floor, settings.licensing_mode, now)
    if not dry_run:
        seeded = seeds(inventory, settings.management_device_index)
        unfinished |= _save_records([*ended, *seeded], table, time_budget)
    current = {**inventory.records, **{record.instance_id: record for record in ended}}
    not_returned = licenses_not_returned(current.values())
    # After all duties: S3, Secrets Manager or the vendor may be slow, or have no route.
    report_outdated_firewalls(observations, settings, inventory, time_budget)
    update_tags(observations, settings, inventory, time_budget, dry_run=dry_run)
    report_vm_auth_keys(observations, settings, connection, now, time_budget)
    report_license_headroom(observations, settings, inventory, group.maximum, now, time_budget)
    report = Report.of(resent, plan, not_returned, unfinished, observations, dry_run=dry_run)
    publish(report, len(plan.doubted))
    return asdict(report)


def _save_records(
    changed: Sequence[FirewallRecord], table: FirewallRecords, time_budget: TimeBudget
) -> dict[str, Unfinished]:
    """Write the records.

    Returns:
        The outcomes of the records that were not written, by instance id. The next run retries.
    """

    def save(record: FirewallRecord) -> Outcome:
        table.save(record)
        return Done()

    return collect_unfinished(
        (record.instance_id, run_if_time(partial(save, record), time_budget)) for record in changed
    )
