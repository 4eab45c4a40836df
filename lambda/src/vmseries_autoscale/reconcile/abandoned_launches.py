"""Report launches that are abandoned one after the other, and may each have taken a license."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import abandoned_launches, clients
from vmseries_autoscale.aws.autoscaling_group import Group, NewestActivities
from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.reconcile.report import Observations
from vmseries_autoscale.settings import LicensingMode, ReconcileSettings
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)

UNKNOWN = object()
"""What stands for the result of a call that failed."""

ALONE = 1
"""Number of abandoned launches that are not in a row. Each one is counted as such."""

FRESH = timedelta(minutes=30)
"""How long after the newest abandoned launch the launches are stopped. An operator who resumes them
later waits for the next launch, and not for the next run."""


def report_abandoned_launches(
    observations: Observations,
    activities: NewestActivities,
    settings: ReconcileSettings,
    group: Group,
    records: Mapping[str, FirewallRecord],
    now: datetime,
    *,
    dry_run: bool,
) -> None:
    """Log and count launches that were abandoned in a row, and stop them if that is wanted.

    The metric is written in each run, so that its alarm lasts until a launch succeeds.

    Args:
        observations: What the run found out, to which the launches are added.
        activities: Newest activities of the group.
        settings: Settings of the function.
        group: The group. While its launches are stopped, the metric stays.
        records: Records of firewalls by instance id.
        now: Current time, timezone-aware.
        dry_run: Whether to change nothing.
    """
    if settings.licensing_mode is LicensingMode.NONE:
        return
    read = partial(abandoned_launches.read, activities, now, stopped=group.launches_stopped)
    abandoned = observations.find_out("abandoned launches", read, None)
    if abandoned is None:
        return
    found = [item for item in abandoned if _may_have_license(records.get(item.instance_id))]
    if len(found) <= ALONE:
        telemetry.count(Metric.LAUNCHES_ABANDONED_IN_A_ROW, 0)
        return
    telemetry.count(Metric.LAUNCHES_ABANDONED_IN_A_ROW, len(found))
    observations.launches_abandoned = [item.instance_id for item in found]
    logger.error(
        "Launches are abandoned one after the other, and each may have taken a license: see the "
        "tag vmseries-autoscale:abandoned of the instances for the reason",
        extra={"instance_ids": observations.launches_abandoned},
    )
    limit = settings.stop_launches_after
    if limit is None or len(found) < limit or now - found[0].ended > FRESH or dry_run:
        return
    if group.launches_stopped:
        return
    name = settings.auto_scaling_group_name
    stop = partial(abandoned_launches.stop_launches, clients.autoscaling(), name)
    if observations.find_out("stopping launches", stop, UNKNOWN) is UNKNOWN:
        return
    logger.error(
        "Stopped the launches of the group: remove the cause, then resume its process Launch",
        extra={"auto_scaling_group": name},
    )


def _may_have_license(record: FirewallRecord | None) -> bool:
    """Return whether a firewall may have taken a license that nobody returned.

    One without a management interface takes none. Without a record, nothing is known.
    """
    if record is None:
        return True
    return record.license is not LicenseState.RETURNED and (
        record.management_ip is not None or record.license is not LicenseState.UNKNOWN
    )
