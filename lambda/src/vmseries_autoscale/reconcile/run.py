"""Run a reconciliation: describe, decide, act and report."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from vmseries_autoscale import panorama
from vmseries_autoscale.aws import autoscaling_group, clients
from vmseries_autoscale.licensing import by_firewall as firewall_license
from vmseries_autoscale.outcome import Done, Unfinished
from vmseries_autoscale.reconcile.cleanup import Cleanup
from vmseries_autoscale.reconcile.decisions import (
    CleanupPlan,
    Limits,
    licenses_not_returned,
    plan_cleanup,
    stalled_hooks,
)
from vmseries_autoscale.reconcile.inventory import Inventory, full_inventory, hook_inventory
from vmseries_autoscale.reconcile.license_headroom import report_license_headroom
from vmseries_autoscale.reconcile.outdated import report_outdated_firewalls
from vmseries_autoscale.reconcile.refused_launches import report_refused_launches
from vmseries_autoscale.reconcile.report import Observations, Report, publish
from vmseries_autoscale.reconcile.resend import resend_events
from vmseries_autoscale.reconcile.retag import update_tags
from vmseries_autoscale.settings import LicensingMode, ReconcileSettings
from vmseries_autoscale.time_budget import TimeBudget


def reconcile(
    settings: ReconcileSettings, now: datetime, time_budget: TimeBudget, *, dry_run: bool
) -> dict[str, Any]:
    """Resend lost lifecycle events and remove orphans, or only report them.

    Events are resent and refused launches are reported first, because this removes nothing and does
    not need Panorama. After that, an incomplete inventory ends the run before anything is removed.

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
    report_refused_launches(observations, settings, group, now)
    connection = None if settings.panorama is None else panorama.connect(settings.panorama)
    inventory = full_inventory(settings, connection)
    limits = Limits(age_floor, settings.maximum_firewalls, settings.maximum_share)
    plan = plan_cleanup(inventory, limits, now)
    not_returned = _licenses_not_returned(plan, inventory, settings)
    unfinished: dict[str, Unfinished] = {}
    if not dry_run:
        # Before the removal, because a later run no longer knows what this run removed.
        for serial in not_returned:
            firewall_license.report_license_not_returned(serial)
        unfinished = Cleanup(connection, settings, now, time_budget).execute(plan)
    # After all duties: S3, Secrets Manager or the vendor may be slow, or have no route.
    report_outdated_firewalls(observations, settings, inventory, time_budget)
    update_tags(observations, settings, inventory, time_budget, dry_run=dry_run)
    report_license_headroom(observations, settings, inventory, group.maximum, now, time_budget)
    report = Report.of(resent, plan, not_returned, unfinished, observations, dry_run=dry_run)
    publish(report, len(plan.doubted))
    return asdict(report)


def _licenses_not_returned(
    plan: CleanupPlan, inventory: Inventory, settings: ReconcileSettings
) -> list[str]:
    if settings.licensing_mode is not LicensingMode.FIREWALL:
        return []
    with_panorama = settings.panorama is not None
    return licenses_not_returned(plan.orphans, inventory, with_panorama=with_panorama)
