"""What each function does in AWS, as trials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from vmseries_autoscale.aws import instances, tags
from vmseries_autoscale.aws.instances import TERMINATED, Instance
from vmseries_autoscale.aws.network import describe
from vmseries_autoscale.aws.network.actions import (
    Action,
    AllocateAddress,
    AssociateAddress,
    AttachInterface,
    CreateInterface,
    DeleteInterface,
    DeleteWithInstance,
    DetachInterface,
    DisassociateAddress,
    ReleaseAddress,
)
from vmseries_autoscale.aws.network.state import Address, Interface
from vmseries_autoscale.aws.tags import Owner
from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.preflight.dry_run import Trial, dry, tried
from vmseries_autoscale.preflight.findings import Findings, problem, unchecked
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

NOBODY = "i-00000000000000000"
"""No instance: what is asked about it can have no effect."""


@dataclass(slots=True)
class Seen:
    """What there is of the deployment's firewalls."""

    instances: list[Instance] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)


def in_ec2(ec2: EC2Client, settings: Settings) -> Findings:
    """Look at firewalls, make what a new one needs, and change what there is."""
    seen = Seen()
    yield from tried("EC2", ec2, _trials(ec2, settings, seen))
    if not seen.interfaces:
        yield unchecked(
            "What the function may do with the instances, interfaces and addresses of firewalls: "
            "there are none yet. Invoke the function again when the first one is in service."
        )


def with_group(autoscaling: AutoScalingClient, settings: Settings) -> Findings:
    """Answer a hook, or look at the group."""
    if isinstance(settings, HookSettings):
        yield from tried("Auto Scaling", autoscaling, [_heartbeat(autoscaling, settings)])
    else:
        yield from _look_at_group(autoscaling, settings.auto_scaling_group_name)


def with_queue(sqs: SQSClient, settings: HookSettings) -> Findings:
    """Work off the function's own queue."""
    call = partial(
        sqs.get_queue_attributes,
        QueueUrl=settings.queue_url,
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    yield from tried("SQS", sqs, [Trial(f"use the queue {settings.queue_url}", call)])


def with_target_groups(elbv2: ElasticLoadBalancingv2Client, settings: Settings) -> Findings:
    """Look at the target groups that interfaces name."""
    trials = [
        Trial(
            f"look at the targets of {arn}",
            partial(elbv2.describe_target_health, TargetGroupArn=arn),
        )
        for arn in _target_groups(settings)
    ]
    yield from tried("Elastic Load Balancing", elbv2, trials)


def _trials(ec2: EC2Client, settings: Settings, seen: Seen) -> Iterator[Trial]:
    """Trials in EC2. Each is made before the next is asked for, which may go by what it found."""

    def look_at_instances() -> None:
        found = instances.of_deployment(ec2, settings.name).values()
        seen.instances = [instance for instance in found if instance.state != TERMINATED]

    def look_at_interfaces() -> None:
        seen.interfaces = [
            interface
            for own in describe.describe_interfaces(ec2, settings.name).values()
            for interface in own
            if interface.attachment_id is not None
        ]

    def look_at_addresses() -> None:
        found = describe.describe_addresses(ec2, settings.name).values()
        seen.addresses = [address for own in found for address in own]

    yield Trial("look at instances", look_at_instances)
    yield Trial("look at network interfaces", look_at_interfaces)
    yield Trial("look at Elastic IP addresses", look_at_addresses)
    if isinstance(settings, LaunchSettings):
        yield from _making(dry(ec2), settings)
    if isinstance(settings, HookSettings):
        yield from _noting(dry(ec2), seen.instances[:1])
    # One of each stands for all: a role is granted things by their tags.
    yield from _changing_interface(dry(ec2), settings, seen.interfaces[:1])
    yield from _changing_address(dry(ec2), settings, seen.addresses[:1])


def _making(ec2: EC2Client, settings: LaunchSettings) -> Iterator[Trial]:
    """What a launch makes, in each of the subnets."""
    owner = Owner(settings.name, settings.auto_scaling_group_name, NOBODY, settings.tags)
    for name, wanted in settings.interfaces.items():
        # The primary interface is made by Auto Scaling.
        for zone, subnet_id in wanted.subnet_ids.items() if wanted.device_index > 0 else ():
            create = CreateInterface(
                owner, name, wanted.device_index, subnet_id, wanted.security_group_ids
            )
            what = f"make the interface {name} in {subnet_id} ({zone})"
            yield Trial(what, partial(create.execute, ec2))
        if wanted.public_ip:
            allocate = AllocateAddress(owner, name, wanted.device_index, wanted.public_ipv4_pool)
            pool = f" from {wanted.public_ipv4_pool}" if wanted.public_ipv4_pool else ""
            what = f"allocate the public address of {name}{pool}"
            yield Trial(what, partial(allocate.execute, ec2))


def _noting(ec2: EC2Client, some: list[Instance]) -> Iterator[Trial]:
    for instance in some:
        note = {tags.LAST_VISIT: datetime.now(UTC).isoformat(timespec="seconds")}
        tag = partial(instances.add_tags, ec2, instance.instance_id, note)
        yield Trial(f"tag the instance {instance.instance_id}", tag, existing=True)


def _changing_interface(
    ec2: EC2Client, settings: Settings, some: list[Interface]
) -> Iterator[Trial]:
    for one in some:
        key, attachment_id = one.interface_id, one.attachment_id or ""
        actions: dict[str, Action] = {}
        if isinstance(settings, LaunchSettings):
            actions["attach"] = AttachInterface(key, one.instance_id or "", one.device_index or 0)
            actions["change"] = DeleteWithInstance(key, attachment_id)
        if isinstance(settings, TerminateSettings):
            actions["detach"] = DetachInterface(key, attachment_id)
        actions["delete"] = DeleteInterface(key)
        for verb, action in actions.items():
            call = partial(action.execute, ec2)
            yield Trial(f"{verb} the interface {key}", call, existing=True)


def _changing_address(ec2: EC2Client, settings: Settings, some: list[Address]) -> Iterator[Trial]:
    public = isinstance(settings, LaunchSettings) and any(
        wanted.public_ip for wanted in settings.interfaces.values()
    )
    moves = public or isinstance(settings, TerminateSettings)
    for one in some:
        key = one.allocation_id
        actions: dict[str, Action] = {}
        if public and one.interface_id is not None:
            actions["associate"] = AssociateAddress(key, one.interface_id)
        if moves and one.association_id is not None:
            actions["disassociate"] = DisassociateAddress(key, one.association_id)
        actions["release"] = ReleaseAddress(key)
        for verb, action in actions.items():
            call = partial(action.execute, ec2)
            yield Trial(f"{verb} the address {key}", call, existing=True)


def _heartbeat(autoscaling: AutoScalingClient, settings: HookSettings) -> Trial:
    """A heartbeat for no instance: Auto Scaling tells who may not from who has no such wait."""
    hook = settings.lifecycle_hook_name
    nobody = LifecycleEvent(NOBODY, settings.auto_scaling_group_name, hook, datetime.now(UTC), None)
    return Trial(f"keep the hook {hook} open", partial(hooks.keep_open, autoscaling, nobody))


def _look_at_group(autoscaling: AutoScalingClient, name: str) -> Findings:
    groups: list[object] = []

    def look() -> None:
        answer = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        groups.append(answer["AutoScalingGroups"])

    remember = partial(
        autoscaling.describe_scaling_activities,
        AutoScalingGroupName=name,
        IncludeDeletedGroups=True,
        MaxRecords=1,
    )
    trials = [
        Trial(f"look at the group {name}", look),
        Trial(f"look at the activities of the group {name}", remember),
    ]
    yield from tried("Auto Scaling", autoscaling, trials)
    if groups == [[]]:
        yield problem(f"There is no Auto Scaling group {name}: apply the module again.")


def _target_groups(settings: Settings) -> list[str]:
    match settings:
        case LaunchSettings():
            named = [one for wanted in settings.interfaces.values() for one in wanted.target_groups]
        case TerminateSettings():
            named = [one for groups in settings.target_groups.values() for one in groups]
        case ReconcileSettings():
            return [swept.arn for swept in settings.target_groups]
        case _:
            return []
    return list(dict.fromkeys(one.arn for one in named))
