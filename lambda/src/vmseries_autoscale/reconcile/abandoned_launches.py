"""Report launches that are abandoned one after the other, and may each have taken a license."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import abandoned_launches, clients
from vmseries_autoscale.aws.abandoned_launches import AbandonedLaunch
from vmseries_autoscale.aws.autoscaling_group import Group, NewestActivities
from vmseries_autoscale.firewall_records import FirewallRecord, FirewallRecords, LicenseState
from vmseries_autoscale.reconcile.report import Observations
from vmseries_autoscale.settings import LicensingMode, ReconcileSettings
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)

UNKNOWN = object()
"""What stands for the result of a call that failed."""

ALONE = 1
"""Number of abandoned launches that are not in a row. Each one is counted as such."""

FRESH = timedelta(minutes=30)
"""How long after the newest abandoned launch the launches are stopped. Later, the operator may have
ticked off its record, and with it the time at which the launches were stopped. A run is due within
half of an hour (``reconcile.interval_minutes``)."""


def report_abandoned_launches(
    observations: Observations,
    activities: NewestActivities,
    settings: ReconcileSettings,
    group: Group,
    records: Mapping[str, FirewallRecord],
    store: FirewallRecords,
    now: datetime,
    *,
    dry_run: bool,
) -> Mapping[str, FirewallRecord]:
    """Log and count launches that were abandoned in a row, and stop them if that is wanted.

    The metric is written in each run, so that its alarm lasts until a launch succeeds. Launches are
    stopped only for those that began since they were stopped last: an operator who resumes them has
    dealt with the others. Auto Scaling does not show when a process was resumed, so the time of the
    stop is kept in a record, and nothing begins between the two.

    Args:
        observations: What the run found out, to which the launches are added.
        activities: Newest activities of the group.
        settings: Settings of the function.
        group: The group. While its launches are stopped, the metric stays.
        records: Records of firewalls by instance id.
        store: Writes records.
        now: Current time, timezone-aware.
        dry_run: Whether to change nothing.

    Returns:
        The records, with the one that was written.
    """
    if settings.licensing_mode is LicensingMode.NONE:
        return records
    read = partial(abandoned_launches.read, activities, now, stopped=group.launches_stopped)
    abandoned = observations.find_out("abandoned launches", read, None)
    if abandoned is None:
        return records
    found = [item for item in abandoned if _may_have_license(records.get(item.instance_id))]
    if len(found) <= ALONE:
        telemetry.count(Metric.LAUNCHES_ABANDONED_IN_A_ROW, 0)
        return records
    telemetry.count(Metric.LAUNCHES_ABANDONED_IN_A_ROW, len(found))
    observations.launches_abandoned = [item.instance_id for item in found]
    logger.error(
        "Launches are abandoned one after the other, and each may have taken a license: see the "
        "tag vmseries-autoscale:abandoned of the instances for the reason",
        extra={"instance_ids": observations.launches_abandoned},
    )
    limit = settings.stop_launches_after
    if limit is None or dry_run:
        return records
    times = (record.launches_stopped for record in records.values())
    stopped = max((time for time in times if time is not None), default=None)
    new = [item for item in found if stopped is None or item.began > stopped]
    if group.launches_stopped:
        return _note_stop(observations, new, records, store, now) if new else records
    if len(new) < limit or now - new[0].ended > FRESH:
        return records
    name = settings.auto_scaling_group_name
    stop = partial(abandoned_launches.stop_launches, clients.autoscaling(), name)
    if observations.find_out("stopping launches", stop, UNKNOWN) is UNKNOWN:
        return records
    logger.error(
        "Stopped the launches of the group: remove the cause, then resume its process Launch",
        extra={"auto_scaling_group": name},
    )
    return _note_stop(observations, new, records, store, now)


def _note_stop(
    observations: Observations,
    abandoned: Sequence[AbandonedLaunch],
    records: Mapping[str, FirewallRecord],
    store: FirewallRecords,
    now: datetime,
) -> Mapping[str, FirewallRecord]:
    """Keep the time at which launches were stopped, in the record of the newest abandoned one.

    If it cannot be written, the next run that finds the launches stopped writes it.
    """
    for item in abandoned:
        record = records.get(item.instance_id)
        if record is not None and record.readable:
            save = partial(store.save, replace(record, launches_stopped=now))
            saved = observations.find_out("the time at which launches were stopped", save, record)
            return {**records, item.instance_id: saved}
    return records


def _may_have_license(record: FirewallRecord | None) -> bool:
    """Return whether a firewall may have taken a license that nobody returned.

    One without a management interface takes none. Without a record, nothing is known.
    """
    if record is None:
        return True
    return record.license is not LicenseState.RETURNED and (
        record.management_ip is not None or record.license is not LicenseState.UNKNOWN
    )
