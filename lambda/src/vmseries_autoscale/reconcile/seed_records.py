"""Write the records of firewalls in service that have none, or whose serial number is not known.

The launch function writes a record before a firewall has a license. A firewall that is older than
the records would have none until it leaves, and could then be known only by what is left of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from vmseries_autoscale import firewall_identity
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.firewall_identity import Identity, OtherInstance, Signal, Subject
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.reconcile.inventory import Inventory


def seeds(inventory: Inventory, management_device_index: int) -> list[FirewallRecord]:
    """Return the records to write, with what EC2 and Panorama show. A pure function.

    The serial number is found as a visit finds it, without asking a firewall. A firewall that is
    not identified gets a record without one, and is looked for in each run. That it is ambiguous
    now is not recorded, because nothing is removed yet.
    """
    due = [
        instance
        for instance in inventory.in_service()
        if (record := inventory.record(instance.instance_id)).readable
        and record.serial is None
        and record.ambiguous is None
    ]
    if not due:
        return []
    rivals = inventory.rivals()
    return [
        new
        for instance in due
        if (new := _seed(instance, inventory, rivals, management_device_index))
        != inventory.record(instance.instance_id)
    ]


def _seed(
    instance: Instance,
    inventory: Inventory,
    rivals: Collection[OtherInstance],
    management_device_index: int,
) -> FirewallRecord:
    record = inventory.record(instance.instance_id)
    address = instance.private_ip(management_device_index)
    if not record.stored:
        macs = firewall_identity.mac_addresses(instance)
        record = replace(record, launched=instance.launched, management_ip=address, macs=macs)
    subject = Subject.of(record, instance, address)
    found = firewall_identity.identify(subject, inventory.devices, lambda: rivals)
    if not isinstance(found, Identity):
        return record
    return replace(
        record,
        serial=found.serial,
        evidence=found.evidence - {Signal.MEMBERSHIP.value},
        strangers=frozenset(),
        management_ip=address or record.management_ip,
    )
