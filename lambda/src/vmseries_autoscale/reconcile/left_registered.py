"""Report the firewalls of gone instances that Strata Cloud Manager still lists."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from vmseries_autoscale import firewall_identity, telemetry
from vmseries_autoscale.aws.instances import is_terminated
from vmseries_autoscale.firewall_records import FirewallRecord, FirewallRecords
from vmseries_autoscale.lifecycle.strata_cloud_manager_session import (
    StrataCloudManagerSession,
    open_session,
)
from vmseries_autoscale.reconcile.inventory import Inventory
from vmseries_autoscale.reconcile.report import Observations
from vmseries_autoscale.settings import ReconcileSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.time_budget import TimeBudget

logger = logging.getLogger(__name__)

SUBJECT = "firewalls in Strata Cloud Manager"


def report_left_registered(
    observations: Observations,
    settings: ReconcileSettings,
    inventory: Inventory,
    store: FirewallRecords,
    now: datetime,
    time_budget: TimeBudget,
    *,
    dry_run: bool,
) -> Inventory:
    """Note the firewalls that an operator has to remove from Strata Cloud Manager.

    What cannot be read or written ends nothing: the next run looks again. Each run writes the
    metrics, so that their alarms end with their cause.

    Args:
        observations: Gets serial numbers and the instances that they were.
        settings: Settings of the function.
        inventory: What AWS shows, and the records as this run has read and written them.
        store: Writes records.
        now: Current time, timezone-aware.
        time_budget: Time that is left of the invocation.
        dry_run: Whether to write nothing.

    Returns:
        The inventory with the records that were written.
    """
    if settings.strata_cloud_manager is None:
        return inventory
    look = partial(open_session, settings.strata_cloud_manager)
    session = observations.find_out(SUBJECT, look, None, time_budget)
    telemetry.count(Metric.STRATA_CLOUD_MANAGER_UNAVAILABLE, 1 if session is None else 0)
    if session is None:
        return inventory
    observations.left_registered = left_registered(inventory, session)
    telemetry.gauge(Metric.LEFT_REGISTERED, len(observations.left_registered))
    if dry_run:
        return inventory
    records = dict(inventory.records)
    write = partial(_write, observations.left_registered, session, records, store, now)
    observations.find_out(f"{SUBJECT}: records", write, None, time_budget)
    return replace(inventory, records=records)


def left_registered(inventory: Inventory, session: StrataCloudManagerSession) -> dict[str, str]:
    """Return the instance ids of gone firewalls by serial number. A pure function.

    A firewall is ours by the serial number in a record, or by the host name or the MAC address of a
    gone instance of ours if it is disconnected and in our folder. It is only reported, so that one
    of these is enough.
    """
    records = inventory.records
    gone = {
        key
        for key in {*records, *inventory.instances, *inventory.networks}
        if key not in inventory.members and is_terminated(inventory.instances.get(key))
    }
    living = {
        mac
        for key, instance in inventory.instances.items()
        if key not in gone
        for mac in firewall_identity.mac_addresses(instance)
    }
    by_serial = {
        record.serial: key
        for key, record in records.items()
        if key in gone and record.serial is not None
    }
    by_mac = {
        mac: key for key, record in records.items() if key in gone for mac in record.macs - living
    }
    owned = {record.serial for key, record in records.items() if key not in gone}
    left: dict[str, str] = {}
    for serial, firewall in sorted(session.firewalls.items()):
        if (key := by_serial.get(serial)) is not None:
            left[serial] = key
            continue
        if firewall.connected or firewall.folder != session.folder or serial in owned:
            continue
        named = firewall_identity.instance_id(session.devices[serial])
        key = named if named in gone else by_mac.get(firewall.mac)
        if key is not None:
            left[serial] = key
    return left


def _write(
    left: Mapping[str, str],
    session: StrataCloudManagerSession,
    records: dict[str, FirewallRecord],
    store: FirewallRecords,
    now: datetime,
) -> None:
    """Record which firewalls were reported, and which are no longer listed."""
    for serial, key in left.items():
        record = records.get(key) or FirewallRecord(key, ended=now)
        if record.left_registered is not None or not record.readable:
            continue
        serial_known = record.serial or serial
        records[key] = store.save(replace(record, serial=serial_known, left_registered=now))
        logger.warning(
            "Strata Cloud Manager lists a firewall whose instance is gone",
            extra={"serial": serial, "instance_id": key},
        )
    for key, record in list(records.items()):
        reported = record.left_registered is not None and record.readable
        if reported and record.serial not in session.firewalls:
            records[key] = store.save(replace(record, left_registered=None))
