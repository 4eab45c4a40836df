"""Check whether the role of each function allows its AWS calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from vmseries_autoscale.aws import instances, tags
from vmseries_autoscale.aws.instances import TERMINATED, Instance
from vmseries_autoscale.aws.network import describe
from vmseries_autoscale.aws.network.ec2_actions import (
    Action,
    AllocateAddress,
    AssociateAddress,
    AttachInterface,
    CreateInterface,
    DeleteInterface,
    DeleteWithInstance,
    DisassociateAddress,
    ReleaseAddress,
)
from vmseries_autoscale.aws.network.state import Address, Interface
from vmseries_autoscale.aws.tags import ResourceTags
from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.preflight.findings import Findings, problem, unchecked
from vmseries_autoscale.preflight.permission_checks import (
    PermissionCheck,
    check_permissions,
    dry_run_client,
)
from vmseries_autoscale.settings import (
    HookSettings,
    LaunchSettings,
    ReconcileSettings,
    Settings,
    TerminateSettings,
)

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_sqs import SQSClient

NONEXISTENT_INSTANCE_ID = "i-00000000000000000"
"""An id that no instance has, so that calls with it have no effect."""


@dataclass(slots=True)
class ExistingResources:
    """The resources of the deployment's firewalls."""

    instances: list[Instance] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)


def check_ec2_permissions(ec2: EC2Client, settings: Settings) -> Findings:
    """Check EC2: describe resources, create them for a new firewall, and change existing ones."""
    existing = ExistingResources()
    yield from check_permissions("EC2", ec2, _ec2_checks(ec2, settings, existing))
    if not existing.interfaces:
        yield unchecked(
            "Permissions for instances, interfaces and addresses of firewalls: there are none yet. "
            "Invoke the function again when the first firewall is in service."
        )


def check_autoscaling_permissions(autoscaling: AutoScalingClient, settings: Settings) -> Findings:
    """Check Auto Scaling: send heartbeats to the lifecycle hook, or describe the group."""
    if isinstance(settings, HookSettings):
        checks = [_heartbeat_check(autoscaling, settings)]
        if isinstance(settings, TerminateSettings):
            checks.append(_activities_check(autoscaling, settings.auto_scaling_group_name))
        yield from check_permissions("Auto Scaling", autoscaling, checks)
    else:
        yield from _check_group(autoscaling, settings.auto_scaling_group_name)


def check_queue_permissions(sqs: SQSClient, settings: HookSettings) -> Findings:
    """Check SQS: use the queue of the function."""
    call = partial(
        sqs.get_queue_attributes,
        QueueUrl=settings.queue_url,
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    checks = [PermissionCheck(f"use the queue {settings.queue_url}", call)]
    yield from check_permissions("SQS", sqs, checks)


def check_target_group_permissions(
    elbv2: ElasticLoadBalancingv2Client, settings: Settings
) -> Findings:
    """Check Elastic Load Balancing: describe the targets of the interfaces' target groups."""
    checks = [
        PermissionCheck(
            f"read the targets of {arn}",
            partial(elbv2.describe_target_health, TargetGroupArn=arn),
        )
        for arn in _target_group_arns(settings)
    ]
    yield from check_permissions("Elastic Load Balancing", elbv2, checks)


def _ec2_checks(
    ec2: EC2Client, settings: Settings, existing: ExistingResources
) -> Iterator[PermissionCheck]:
    """Yield the checks of EC2. A check may depend on the result of the checks before it."""

    def describe_instances() -> None:
        known = instances.describe_deployment(ec2, settings.name).values()
        existing.instances = [instance for instance in known if instance.state != TERMINATED]

    def describe_interfaces() -> None:
        existing.interfaces = [
            interface
            for own in describe.describe_interfaces(ec2, settings.name).values()
            for interface in own
            if interface.attachment_id is not None
        ]

    def describe_addresses() -> None:
        known = describe.describe_addresses(ec2, settings.name).values()
        existing.addresses = [address for own in known for address in own]

    yield PermissionCheck("describe instances", describe_instances)
    yield PermissionCheck("describe network interfaces", describe_interfaces)
    yield PermissionCheck("describe Elastic IP addresses", describe_addresses)
    dry_run = dry_run_client(ec2)
    if isinstance(settings, LaunchSettings):
        yield from _creation_checks(dry_run, settings)
    if isinstance(settings, HookSettings):
        yield from _tagging_checks(dry_run, existing.instances[:1])
    # One resource of each type is enough, because the role's permissions depend on common tags.
    yield from _interface_checks(dry_run, settings, existing.interfaces[:1])
    yield from _address_checks(dry_run, settings, existing.addresses[:1])


def _creation_checks(ec2: EC2Client, settings: LaunchSettings) -> Iterator[PermissionCheck]:
    """Yield checks that create the resources of a launch, in each subnet."""
    resource_tags = ResourceTags(
        settings.name, settings.auto_scaling_group_name, NONEXISTENT_INSTANCE_ID, settings.tags
    )
    for name, interface in settings.interfaces.items():
        # Auto Scaling creates the primary interface.
        for zone, subnet_id in interface.subnet_ids.items() if interface.device_index > 0 else ():
            create = CreateInterface(
                resource_tags, name, interface.device_index, subnet_id, interface.security_group_ids
            )
            action = f"create the interface {name} in {subnet_id} ({zone})"
            yield PermissionCheck(action, partial(create.execute, ec2))
        if interface.public_ip:
            allocate = AllocateAddress(
                resource_tags, name, interface.device_index, interface.public_ipv4_pool
            )
            pool = f" from {interface.public_ipv4_pool}" if interface.public_ipv4_pool else ""
            action = f"allocate the public address of {name}{pool}"
            yield PermissionCheck(action, partial(allocate.execute, ec2))


def _tagging_checks(ec2: EC2Client, sample: list[Instance]) -> Iterator[PermissionCheck]:
    for instance in sample:
        last_visit = {tags.LAST_VISIT: datetime.now(UTC).isoformat(timespec="seconds")}
        tag = partial(instances.add_tags, ec2, instance.instance_id, last_visit)
        yield PermissionCheck(f"tag the instance {instance.instance_id}", tag, on_existing=True)


def _interface_checks(
    ec2: EC2Client, settings: Settings, sample: list[Interface]
) -> Iterator[PermissionCheck]:
    for interface in sample:
        interface_id, attachment_id = interface.interface_id, interface.attachment_id or ""
        actions: dict[str, Action] = {}
        if isinstance(settings, LaunchSettings):
            instance_id, device_index = interface.instance_id or "", interface.device_index or 0
            actions["attach"] = AttachInterface(interface_id, instance_id, device_index)
        if isinstance(settings, HookSettings):
            actions["change"] = DeleteWithInstance(interface_id, attachment_id)
        actions["delete"] = DeleteInterface(interface_id)
        for verb, action in actions.items():
            call = partial(action.execute, ec2)
            yield PermissionCheck(f"{verb} the interface {interface_id}", call, on_existing=True)


def _address_checks(
    ec2: EC2Client, settings: Settings, sample: list[Address]
) -> Iterator[PermissionCheck]:
    public = isinstance(settings, LaunchSettings) and any(
        interface.public_ip for interface in settings.interfaces.values()
    )
    disassociates = public or isinstance(settings, TerminateSettings)
    for address in sample:
        allocation_id = address.allocation_id
        actions: dict[str, Action] = {}
        if public and address.interface_id is not None:
            actions["associate"] = AssociateAddress(allocation_id, address.interface_id)
        if disassociates and address.association_id is not None:
            actions["disassociate"] = DisassociateAddress(allocation_id, address.association_id)
        actions["release"] = ReleaseAddress(allocation_id)
        for verb, action in actions.items():
            call = partial(action.execute, ec2)
            yield PermissionCheck(f"{verb} the address {allocation_id}", call, on_existing=True)


def _heartbeat_check(autoscaling: AutoScalingClient, settings: HookSettings) -> PermissionCheck:
    """Return a check that sends a heartbeat for a nonexistent instance.

    Auto Scaling returns different errors for a missing permission and for a missing lifecycle
    action.
    """
    hook, group = settings.lifecycle_hook_name, settings.auto_scaling_group_name
    event = LifecycleEvent(NONEXISTENT_INSTANCE_ID, group, hook, datetime.now(UTC), None)
    call = partial(hooks.send_heartbeat, autoscaling, event)
    return PermissionCheck(f"send heartbeats for the hook {hook}", call)


def _check_group(autoscaling: AutoScalingClient, name: str) -> Findings:
    groups: list[object] = []

    def describe_group() -> None:
        response = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        groups.append(response["AutoScalingGroups"])

    checks = [
        PermissionCheck(f"describe the group {name}", describe_group),
        _activities_check(autoscaling, name),
    ]
    yield from check_permissions("Auto Scaling", autoscaling, checks)
    if groups == [[]]:
        yield problem(f"There is no Auto Scaling group {name}: apply the module again.")


def _activities_check(autoscaling: AutoScalingClient, name: str) -> PermissionCheck:
    call = partial(
        autoscaling.describe_scaling_activities,
        AutoScalingGroupName=name,
        IncludeDeletedGroups=True,
        MaxRecords=1,
    )
    return PermissionCheck(f"describe the activities of the group {name}", call)


def _target_group_arns(settings: Settings) -> list[str]:
    match settings:
        case LaunchSettings():
            group_lists = [interface.target_groups for interface in settings.interfaces.values()]
        case TerminateSettings():
            group_lists = list(settings.target_groups.values())
        case ReconcileSettings():
            return [*settings.target_group_arns, *(group.arn for group in settings.target_groups)]
        case _:
            return []
    arns = [group.arn for groups in group_lists for group in groups]
    return list(dict.fromkeys([*settings.target_group_arns, *arns]))
