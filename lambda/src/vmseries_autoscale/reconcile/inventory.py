"""The inventories: the group's members, what EC2 has of ours, Panorama's firewalls, stale targets.

Each is taken whole or not at all: what one call did not tell would look like something missing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmseries_autoscale import identity
from vmseries_autoscale.aws import autoscaling_group, clients, instances, target_groups
from vmseries_autoscale.aws.autoscaling_group import Activity
from vmseries_autoscale.aws.instances import Instance, is_gone
from vmseries_autoscale.aws.network import describe
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.panorama import Device, Panorama
from vmseries_autoscale.settings import ReconcileSettings, SweptTargetGroup

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that can belong to a firewall of this deployment.

    Attributes:
        deployment: its name, which its instances are tagged with.
        members: lifecycle state by instance id, as Auto Scaling has it.
        instances: what EC2 says of every instance that is named anywhere here.
        activities: what Auto Scaling last did with them.
        wirings: our interfaces and addresses, by the instance that they were made for.
        devices: the firewalls in Panorama, also those of others.
        targets: in our subnets, at addresses that nobody has.
    """

    deployment: str
    members: Mapping[str, str]
    instances: Mapping[str, Instance]
    activities: Mapping[str, Activity]
    wirings: Mapping[str, NetworkState]
    devices: tuple[Device, ...]
    targets: tuple[Target, ...]


def waiting(settings: ReconcileSettings) -> Inventory:
    """What it takes to find the hooks that nobody answers: Auto Scaling and EC2 only."""
    members = autoscaling_group.members(clients.autoscaling(), settings.auto_scaling_group_name)
    held = {instance_id for instance_id, state in members.items() if state.endswith(":Wait")}
    return Inventory(
        deployment=settings.name,
        members=members,
        instances=instances.look(clients.ec2(), held) if held else {},
        activities=autoscaling_group.activities(
            clients.autoscaling(), settings.auto_scaling_group_name, held
        ),
        wirings={},
        devices=(),
        targets=(),
    )


def everything(settings: ReconcileSettings, connection: Panorama | None) -> Inventory:
    """All inventories.

    What can be left behind is looked at before the members are: a firewall that is launched
    meanwhile is a member whose interfaces are not known yet, never the other way round.

    Raises:
        PanoramaError: if Panorama cannot be asked.
        ClientError: if AWS cannot.
    """
    ec2 = clients.ec2()
    devices = () if connection is None else tuple(connection.devices())
    wirings = _wirings(ec2, settings.name)
    targets = _stale_targets(ec2, settings.target_groups)
    members = autoscaling_group.members(clients.autoscaling(), settings.auto_scaling_group_name)
    known = instances.of_deployment(ec2, settings.name)
    named = {*wirings, *_named(devices)}
    if others := named - known.keys():
        known |= instances.look(ec2, others)
    gone = {key for key in {*named, *known} - members.keys() if is_gone(known.get(key))}
    return Inventory(
        deployment=settings.name,
        members=members,
        instances=known,
        activities=autoscaling_group.activities(
            clients.autoscaling(), settings.auto_scaling_group_name, gone
        ),
        wirings=wirings,
        devices=devices,
        targets=targets,
    )


def _named(devices: Iterable[Device]) -> set[str]:
    """The instances that firewalls say they run on, but for those that serve somebody else."""
    return {
        name
        for device in devices
        if (name := identity.instance_id(device)) is not None
        and (device.policy_status is not None or not device.connected)
    }


def _wirings(ec2: EC2Client, deployment: str) -> dict[str, NetworkState]:
    own = describe.describe_interfaces(ec2, deployment)
    allocated = describe.describe_addresses(ec2, deployment)
    return {
        key: NetworkState.of(own.get(key, ()), allocated.get(key, ())) for key in {*own, *allocated}
    }


def _stale_targets(ec2: EC2Client, groups: Iterable[SweptTargetGroup]) -> tuple[Target, ...]:
    """Targets that get no traffic, at addresses of our subnets that no interface has.

    A target has no tags. What proves that it was ours is that only our firewalls are in those
    subnets; what is registered from anywhere else is the user's and not looked at.
    """
    stale: list[Target] = []
    for swept in groups:
        networks = [ipaddress.ip_network(block) for block in swept.cidr_blocks]
        ours = [
            target
            for target in target_groups.unhealthy(clients.elbv2(), swept.arn)
            if any(ipaddress.ip_address(target.address) in network for network in networks)
        ]
        if ours:
            taken = describe.addresses_in_use(
                ec2, swept.vpc_id, {target.address for target in ours}
            )
            stale += [target for target in ours if target.address not in taken]
    return tuple(stale)
