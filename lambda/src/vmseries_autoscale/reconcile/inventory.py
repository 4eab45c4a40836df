"""Take inventory: group members, resources in EC2, firewalls in Panorama, and stale targets.

An inventory is complete, or an error is raised: gaps would make resources look orphaned.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vmseries_autoscale import firewall_identity
from vmseries_autoscale.aws import autoscaling_group, clients, instances, target_groups
from vmseries_autoscale.aws.autoscaling_group import Activity, Group
from vmseries_autoscale.aws.instances import Instance, is_terminated
from vmseries_autoscale.aws.network import describe
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.firewall_identity import OtherInstance
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.panorama import Device, Panorama
from vmseries_autoscale.settings import ReconcileSettings, ReconcileTargetGroupSettings

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


_SERVING = frozenset({"InService", "Standby"})


@dataclass(frozen=True, slots=True)
class Inventory:
    """All resources that can belong to a firewall of this deployment.

    Attributes:
        deployment: Name of the deployment, which its instances have as a tag.
        members: Lifecycle states of the group's members by instance id.
        instances: All instances that the inventory names and EC2 knows, by instance id.
        activities: Newest scaling activities by instance id.
        networks: Our interfaces and addresses, by id of the instance that they were created for.
        devices: All firewalls in Panorama, including firewalls of other deployments.
        targets: Unhealthy targets in our subnets whose address no interface has, and unhealthy
            targets that are our terminated instances.
        others: Instances of other deployments, whose firewalls can be in our device group.
        records: Records of the deployment's firewalls by instance id.
    """

    deployment: str
    members: Mapping[str, str]
    instances: Mapping[str, Instance]
    activities: Mapping[str, Activity]
    networks: Mapping[str, NetworkState]
    devices: tuple[Device, ...]
    targets: tuple[Target, ...]
    others: tuple[Instance, ...] = ()
    records: Mapping[str, FirewallRecord] = field(default_factory=dict)

    def record(self, instance_id: str) -> FirewallRecord:
        """Return the record of an instance; one that is not stored if there is none."""
        return self.records.get(instance_id) or FirewallRecord(instance_id)

    def rivals(self) -> list[OtherInstance]:
        """Return which firewalls the known instances can claim."""
        known = (*self.instances.values(), *self.others)
        return firewall_identity.other_instances(known, self.records, self.deployment)

    def in_service(self) -> list[Instance]:
        """Return the running instances of the group whose hooks are complete, by instance id."""
        serving = (key for key, state in self.members.items() if state in _SERVING)
        return [
            instance
            for key in sorted(serving)
            if (instance := self.instances.get(key)) is not None and instance.state == "running"
        ]


def hook_inventory(settings: ReconcileSettings, group: Group) -> Inventory:
    """Take the inventory for stalled hooks, which needs only Auto Scaling and EC2."""
    waiting = {key for key, state in group.members.items() if state.endswith(":Wait")}
    return Inventory(
        deployment=settings.name,
        members=group.members,
        instances=instances.describe(clients.ec2(), waiting) if waiting else {},
        activities=autoscaling_group.activities(
            clients.autoscaling(), settings.auto_scaling_group_name, waiting
        ),
        networks={},
        devices=(),
        targets=(),
    )


def full_inventory(
    settings: ReconcileSettings,
    connection: Panorama | None,
    records: Mapping[str, FirewallRecord],
) -> Inventory:
    """Take the full inventory.

    The records were read before the instances are described, so that EC2 knows each instance with a
    record unless it is gone. The members of the group are listed last, so that an instance that
    launches in the meantime is a member without interfaces, and not the owner of interfaces that
    look orphaned.

    Raises:
        PanOsError: If Panorama cannot be reached, or refuses a request.
        ClientError: If an AWS call fails.
    """
    ec2 = clients.ec2()
    devices = () if connection is None else tuple(connection.devices())
    networks = _networks(ec2, settings.name)
    targets = _stale_targets(ec2, settings.target_groups)
    instance_targets = _instance_targets(settings.target_group_arns)
    members = autoscaling_group.members(clients.autoscaling(), settings.auto_scaling_group_name)
    described = instances.describe_deployments(ec2)
    known = {key: item for key, item in described.items() if item.deployment == settings.name}
    named = {
        *networks,
        *_instance_ids(devices),
        *(key for key, record in records.items() if record.ended is None),
        *(target.target_id for target in instance_targets),
    }
    if others := named - known.keys():
        known |= instances.describe(ec2, others)
    gone = {key for key in {*named, *known} - members.keys() if is_terminated(known.get(key))}
    activities = autoscaling_group.activities(
        clients.autoscaling(), settings.auto_scaling_group_name, gone
    )
    left = tuple(
        target
        for target in instance_targets
        if target.target_id in gone
        and (
            target.target_id in activities
            or ((item := known.get(target.target_id)) and item.deployment == settings.name)
        )
    )
    return Inventory(
        deployment=settings.name,
        members=members,
        instances=known,
        activities=activities,
        networks=networks,
        devices=devices,
        targets=(*targets, *left),
        others=tuple(item for key, item in described.items() if key not in known),
        records=records,
    )


def _instance_ids(devices: Iterable[Device]) -> set[str]:
    """Return the instance ids in host names, except of connected firewalls of other groups."""
    return {
        name
        for device in devices
        if (name := firewall_identity.instance_id(device)) is not None
        and (device.policy_status is not None or not device.connected)
    }


def _networks(ec2: EC2Client, deployment: str) -> dict[str, NetworkState]:
    own = describe.describe_interfaces(ec2, deployment)
    allocated = describe.describe_addresses(ec2, deployment)
    return {
        key: NetworkState.of(own.get(key, ()), allocated.get(key, ())) for key in {*own, *allocated}
    }


def _stale_targets(
    ec2: EC2Client, groups: Iterable[ReconcileTargetGroupSettings]
) -> tuple[Target, ...]:
    """Return unhealthy targets in our subnets whose address no interface has.

    Targets have no tags. A target in our subnets was ours, because they contain only our firewalls.
    Targets in other subnets belong to the user and are ignored.
    """
    stale: list[Target] = []
    for group in groups:
        networks = [ipaddress.ip_network(block) for block in group.cidr_blocks]
        own = [
            target
            for target in target_groups.unhealthy(clients.elbv2(), group.arn)
            if any(ipaddress.ip_address(target.target_id) in network for network in networks)
        ]
        if own:
            in_use = describe.address_owners(
                ec2, group.vpc_id, {target.target_id for target in own}
            )
            stale += [target for target in own if target.target_id not in in_use]
    return tuple(stale)


def _instance_targets(group_arns: Iterable[str]) -> list[Target]:
    """Return the unhealthy targets of groups of type instance, which others may use, too."""
    return [
        replace(target, port=None)
        for arn in group_arns
        for target in target_groups.unhealthy(clients.elbv2(), arn)
    ]
