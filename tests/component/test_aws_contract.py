"""The account in memory and the lab behave alike.

Each test runs on both, with the same functions, calls and expectations, so that the fast stand-in
cannot drift from the faithful one. What the lab does is compared with the documentation of AWS in
lab/tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from component.fakes import settings
from component.fakes.base import ZONE, client_error
from component.fakes.contract import Stage, stand_in
from component.fakes.ec2 import INSTANCE_ID
from component.fakes.functions import configure
from component.fakes.load_balancing import TARGET_PORT
from component.fakes.runtime import simulate
from vmseries_autoscale.handlers import launch, terminate

CALLS_OF_A_LAUNCH = {
    "ChangeMessageVisibilityBatch": 1,
    "RecordLifecycleActionHeartbeat": 1,
    "DescribeInstances": 1,
    "DescribeNetworkInterfaces": 2,
    "DescribeAddresses": 2,
    "CreateNetworkInterface": 2,
    "AttachNetworkInterface": 2,
    "ModifyNetworkInterfaceAttribute": 4,
    "AllocateAddress": 2,
    "AssociateAddress": 2,
    "RegisterTargets": 1,
    "CompleteLifecycleAction": 1,
}


@pytest.fixture(params=["account", "lab"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stand-in for AWS, which the clients and the clock of the functions use."""
    with stand_in(request.param) as aws:
        stage = Stage(aws)
        simulate(monkeypatch, stage.call, aws.now, aws.pass_time)
        yield stage


def become_launch(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure the launch function: no Panorama, and a target group at the untrust interface."""
    interfaces = {role: settings.interface(role) for role in stage.aws.subnets}
    for role, interface in interfaces.items():
        interface["subnet_ids"] = {ZONE: stage.aws.subnets[role]}
        interface["security_group_ids"] = [stage.aws.security_group]
    group = {"arn": stage.aws.target_group, "port": TARGET_PORT}
    interfaces["untrust"]["target_groups"] = [group]
    document = settings.launch(
        interfaces=interfaces, readiness="off", panorama=None, queue_url=stage.aws.queue_url
    )
    configure(monkeypatch, document)


def become_terminate(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure the terminate function: no Panorama, and no licenses."""
    document = settings.terminate(
        panorama=None,
        licensing=settings.NO_LICENSING,
        queue_url=stage.aws.queue_url,
        target_groups={"2": [{"arn": stage.aws.target_group, "port": TARGET_PORT}]},
    )
    configure(monkeypatch, document)


def in_service(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    """Bring an instance into service, and return its id."""
    become_launch(stage, monkeypatch)
    instance_id = stage.aws.launch()
    assert stage.deliver(launch.handler, stage.aws.event()) == []
    stage.aws.pass_time(5)
    assert stage.state(instance_id) == "InService"
    stage.calls.clear()
    return instance_id


def layout(stage: Stage, instance_id: str) -> list[tuple[str, int, bool, bool]]:
    """Role, device index, source/dest check and DeleteOnTermination of each interface."""
    roles = {subnet: role for role, subnet in stage.aws.subnets.items()}
    return [
        (
            roles[item["SubnetId"]],
            item["Attachment"]["DeviceIndex"],
            item["SourceDestCheck"],
            item["Attachment"]["DeleteOnTermination"],
        )
        for item in stage.attached(instance_id)
    ]


def health(stage: Stage) -> dict[tuple[str, int], str]:
    """The state of each target, without the difference between states before "draining"."""
    answer = stage.elbv2.describe_target_health(TargetGroupArn=stage.aws.target_group)
    return {
        (item["Target"]["Id"], item["Target"]["Port"]): "draining"
        if item["TargetHealth"]["State"] == "draining"
        else "registered"
        for item in answer["TargetHealthDescriptions"]
    }


def code_of(call: Callable[..., object], **parameters: Any) -> str:
    """The code of the error that a call raises; empty without an error."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


# The functions.


def test_a_launch_brings_a_firewall_into_service(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_launch(stage, monkeypatch)
    instance_id = stage.aws.launch()
    assert stage.state(instance_id) == "Pending:Wait"
    assert stage.deliver(launch.handler, stage.aws.event()) == []
    assert {name: stage.calls.count(name) for name in stage.calls} == CALLS_OF_A_LAUNCH
    assert layout(stage, instance_id) == [
        ("data", 0, False, True),
        ("management", 1, True, True),
        ("untrust", 2, False, True),
    ]
    associated = {item["NetworkInterfaceId"] for item in stage.addresses()}
    _, management, untrust = stage.attached(instance_id)
    assert associated == {item["NetworkInterfaceId"] for item in (management, untrust)}
    assert health(stage) == {(untrust["PrivateIpAddress"], TARGET_PORT): "registered"}
    stage.aws.pass_time(5)
    assert stage.state(instance_id) == "InService"


def test_a_duplicate_event_changes_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    become_launch(stage, monkeypatch)
    instance_id = stage.aws.launch()
    event = stage.aws.event()
    assert stage.deliver(launch.handler, event, event) == []
    assert len(stage.addresses()) == 2
    stage.aws.pass_time(5)
    stage.calls.clear()
    assert stage.deliver(launch.handler, event) == []
    changing = [name for name in stage.calls if not name.startswith("Describe")]
    assert changing == ["ChangeMessageVisibilityBatch", "RecordLifecycleActionHeartbeat"]
    assert len(stage.attached(instance_id)) == 3
    assert len(stage.addresses()) == 2


@pytest.mark.parametrize("operation", ["CreateNetworkInterface", "AssociateAddress"])
def test_a_throttled_launch_is_completed_by_the_next_visit(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    become_launch(stage, monkeypatch)
    instance_id = stage.aws.launch()
    event = stage.aws.event()
    stage.errors[operation] = [client_error("RequestLimitExceeded", operation)]
    assert stage.deliver(launch.handler, event) == ["message-0"]
    assert stage.deliver(launch.handler, event) == []
    assert len(layout(stage, instance_id)) == 3
    assert len(stage.addresses()) == 2


def test_a_launch_with_an_occupied_device_index_is_abandoned(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_launch(stage, monkeypatch)
    instance_id = stage.aws.launch()
    event = stage.aws.event()
    foreign = stage.add_interface()
    stage.attach(foreign, instance_id)
    assert stage.deliver(launch.handler, event) == ["message-0"]
    stage.aws.pass_time(300)
    assert stage.deliver(launch.handler, event) == []
    stage.aws.pass_time(5)
    assert stage.state(instance_id) == "Terminating:Wait"
    own = [{"Name": "tag-key", "Values": [INSTANCE_ID]}]
    assert stage.interfaces(*own) == []
    assert stage.addresses() == []


def test_a_termination_runs_all_stages_and_completes_the_hook(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance_id = in_service(stage, monkeypatch)
    become_terminate(stage, monkeypatch)
    stage.aws.scale_in(instance_id)
    event = stage.aws.event()
    assert stage.deliver(terminate.handler, event) == ["message-0"]
    assert list(health(stage).values()) == ["draining"]
    assert len(stage.attached(instance_id)) == 3, "the target is still draining"
    stage.aws.pass_time(400)
    assert health(stage) == {}
    for _ in range(4):
        if stage.deliver(terminate.handler, event) == []:
            break
        stage.aws.pass_time(30)
    stage.aws.pass_time(60)
    assert stage.state(instance_id) == "gone"
    assert stage.instance(instance_id)["State"]["Name"] == "terminated"
    assert stage.addresses() == []
    assert stage.interfaces({"Name": "tag-key", "Values": [INSTANCE_ID]}) == []


# EC2.


def test_ec2_refuses_the_same_calls(stage: Stage) -> None:
    instance_id, other_id = stage.aws.launch(), stage.aws.launch()
    ec2 = stage.ec2
    attached, free = stage.add_interface(), stage.add_interface()
    attachment = stage.attach(attached, instance_id)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    second = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=attached)
    in_use = {"NetworkInterfaceId": attached, "InstanceId": other_id, "DeviceIndex": 1}
    same_index = {"NetworkInterfaceId": free, "InstanceId": instance_id, "DeviceIndex": 1}
    unknown = "eni-0123456789abcdef0"
    change = {"AttachmentId": "eni-attach-0123456789abcdef0", "DeleteOnTermination": True}
    assert attachment
    assert {
        "attach an attached interface": code_of(ec2.attach_network_interface, **in_use),
        "attach at a device index in use": code_of(ec2.attach_network_interface, **same_index),
        "attach an unknown interface": code_of(
            ec2.attach_network_interface, **{**in_use, "NetworkInterfaceId": unknown}
        ),
        "delete an attached interface": code_of(
            ec2.delete_network_interface, NetworkInterfaceId=attached
        ),
        "delete an unknown interface": code_of(
            ec2.delete_network_interface, NetworkInterfaceId=unknown
        ),
        "change another attachment": code_of(
            ec2.modify_network_interface_attribute, NetworkInterfaceId=attached, Attachment=change
        ),
        "detach an unknown attachment": code_of(
            ec2.detach_network_interface, AttachmentId=change["AttachmentId"]
        ),
        "create in an unknown subnet": code_of(
            ec2.create_network_interface, SubnetId="subnet-0123456789abcdef0"
        ),
        "release an associated address": code_of(ec2.release_address, AllocationId=address),
        "release an unknown address": code_of(
            ec2.release_address, AllocationId="eipalloc-0123456789abcdef0"
        ),
        "associate a second address": code_of(
            ec2.associate_address,
            AllocationId=second,
            NetworkInterfaceId=attached,
            AllowReassociation=False,
        ),
        "move an address": code_of(
            ec2.associate_address,
            AllocationId=address,
            NetworkInterfaceId=free,
            AllowReassociation=False,
        ),
        "disassociate an unknown association": code_of(
            ec2.disassociate_address, AssociationId="eipassoc-0123456789abcdef0"
        ),
        "a dry run": code_of(ec2.allocate_address, Domain="vpc", DryRun=True),
    } == {
        "attach an attached interface": "InvalidNetworkInterface.InUse",
        "attach at a device index in use": "InvalidParameterValue",
        "attach an unknown interface": "InvalidNetworkInterfaceID.NotFound",
        "delete an attached interface": "InvalidParameterValue",
        "delete an unknown interface": "InvalidNetworkInterfaceID.NotFound",
        "change another attachment": "InvalidAttachmentID.NotFound",
        "detach an unknown attachment": "InvalidAttachmentID.NotFound",
        "create in an unknown subnet": "InvalidSubnetID.NotFound",
        "release an associated address": "InvalidIPAddress.InUse",
        "release an unknown address": "InvalidAllocationID.NotFound",
        "associate a second address": "Resource.AlreadyAssociated",
        "move an address": "Resource.AlreadyAssociated",
        "disassociate an unknown association": "InvalidAssociationID.NotFound",
        "a dry run": "DryRunOperation",
    }


def test_an_instance_takes_no_more_interfaces_than_its_type_allows(stage: Stage) -> None:
    instance_id = stage.aws.launch()
    for index in (1, 2, 3):
        stage.attach(stage.add_interface(), instance_id, index)
    attachment = {"InstanceId": instance_id, "DeviceIndex": 4}
    code = code_of(
        stage.ec2.attach_network_interface, NetworkInterfaceId=stage.add_interface(), **attachment
    )
    assert code == "AttachmentLimitExceeded"


def test_the_same_client_token_creates_one_interface(stage: Stage) -> None:
    first = stage.add_interface(ClientToken="token")
    assert stage.add_interface(ClientToken="token") == first
    assert stage.add_interface(ClientToken="another") != first


def test_a_detachment_takes_time(stage: Stage) -> None:
    instance_id = stage.aws.launch()
    interface_id = stage.add_interface()
    attachment = stage.attach(interface_id, instance_id)
    stage.ec2.detach_network_interface(AttachmentId=attachment)
    named = {"Name": "network-interface-id", "Values": [interface_id]}
    (described,) = stage.interfaces(named)
    assert described["Attachment"]["Status"] == "detaching"
    stage.aws.pass_time(30)
    (described,) = stage.interfaces(named)
    assert "Attachment" not in described
    stage.ec2.delete_network_interface(NetworkInterfaceId=interface_id)
    assert stage.interfaces(named) == []


def test_interfaces_without_delete_on_termination_outlive_their_instance(stage: Stage) -> None:
    instance_id = stage.aws.launch()
    kept, deleted = stage.add_interface(), stage.add_interface("untrust")
    stage.attach(kept, instance_id, 1)
    attachment = stage.attach(deleted, instance_id, 2)
    change = {"AttachmentId": attachment, "DeleteOnTermination": True}
    stage.ec2.modify_network_interface_attribute(NetworkInterfaceId=deleted, Attachment=change)
    address = stage.ec2.allocate_address(Domain="vpc")["AllocationId"]
    stage.ec2.associate_address(AllocationId=address, NetworkInterfaceId=deleted)
    stage.ec2.terminate_instances(InstanceIds=[instance_id])
    stage.aws.pass_time(60)
    assert stage.instance(instance_id)["State"]["Name"] == "terminated"
    assert stage.instance(instance_id)["StateTransitionReason"].startswith("User initiated (")
    by_id = {item["NetworkInterfaceId"]: item for item in stage.interfaces()}
    assert deleted not in by_id
    assert "Attachment" not in by_id[kept]
    (released,) = stage.addresses()
    assert "AssociationId" not in released
    code = code_of(
        stage.ec2.attach_network_interface,
        NetworkInterfaceId=kept,
        InstanceId=instance_id,
        DeviceIndex=1,
    )
    assert code == "IncorrectState"


def test_tags_are_written_removed_and_found(stage: Stage) -> None:
    instance_id = stage.aws.launch()
    tag = {"Key": "team", "Value": "network"}
    interface_id = stage.add_interface(
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": [tag]}]
    )
    address = stage.ec2.allocate_address(Domain="vpc")["AllocationId"]
    stage.ec2.create_tags(Resources=[instance_id, address], Tags=[tag])
    assert tag in stage.instance(instance_id)["Tags"]
    assert tag in stage.addresses()[0]["Tags"]
    by_key, by_value = (
        {"Name": "tag-key", "Values": ["team"]},
        {"Name": "tag:team", "Values": ["network"]},
    )
    for filters in (by_key, by_value):
        (interface,) = stage.interfaces(filters)
        assert interface["NetworkInterfaceId"] == interface_id
    assert stage.interfaces({"Name": "tag:team", "Values": ["another"]}) == []
    stage.ec2.create_tags(Resources=[instance_id], Tags=[{"Key": "team", "Value": "another"}])
    stage.ec2.delete_tags(Resources=[interface_id], Tags=[{"Key": "team"}])
    assert {"Key": "team", "Value": "another"} in stage.instance(instance_id)["Tags"]
    assert stage.interfaces({"Name": "tag-key", "Values": ["team"]}) == []


# Auto Scaling.


def heartbeat(stage: Stage, hook: str, instance_id: str, **parameters: Any) -> str:
    """The error code of a heartbeat, without its token unless it is given."""
    return code_of(
        stage.autoscaling.record_lifecycle_action_heartbeat,
        AutoScalingGroupName="fw",
        LifecycleHookName=hook,
        InstanceId=instance_id,
        **parameters,
    )


def test_a_hook_that_is_not_completed_times_out(stage: Stage) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html"""
    instance_id = stage.aws.launch()
    stage.aws.pass_time(3000)
    assert heartbeat(stage, "launch", instance_id) == ""
    stage.aws.pass_time(3000)
    assert stage.state(instance_id) == "Pending:Wait", "a heartbeat starts the time-out again"
    stage.aws.pass_time(700)
    assert stage.state(instance_id) == "Terminating:Wait", "the launch hook abandons"
    assert heartbeat(stage, "launch", instance_id) == "ValidationError"
    stage.aws.pass_time(3700)
    assert stage.state(instance_id) == "gone"
    assert stage.instance(instance_id)["State"]["Name"] == "terminated"


def test_a_lifecycle_action_is_identified_by_its_token_or_its_instance(stage: Stage) -> None:
    instance_id = stage.aws.launch()
    token = stage.aws.event()["detail"]["LifecycleActionToken"]
    another = "00000000-0000-4000-8000-000000000000"
    assert heartbeat(stage, "launch", instance_id, LifecycleActionToken=token) == ""
    assert (
        heartbeat(stage, "launch", instance_id, LifecycleActionToken=another) == "ValidationError"
    )
    assert heartbeat(stage, "terminate", instance_id) == "ValidationError"
    assert heartbeat(stage, "launch", "i-0123456789abcdef0") == "ValidationError"


# Elastic Load Balancing.


def test_targets_are_registered_and_drained(stage: Stage) -> None:
    instance_id = stage.aws.launch()
    ip = stage.attached(instance_id)[0]["PrivateIpAddress"]
    named = {
        "TargetGroupArn": stage.aws.target_group,
        "Targets": [{"Id": ip, "Port": TARGET_PORT}],
    }

    def target_state() -> tuple[str, str]:
        (described,) = stage.elbv2.describe_target_health(**named)["TargetHealthDescriptions"]
        health = described["TargetHealth"]
        return health["State"], health.get("Reason", "")

    assert target_state() == ("unused", "Target.NotRegistered")
    stage.elbv2.deregister_targets(**named)
    assert health(stage) == {}
    stage.elbv2.register_targets(**named)
    stage.elbv2.register_targets(**named)
    assert health(stage) == {(ip, TARGET_PORT): "registered"}
    stage.elbv2.deregister_targets(**named)
    assert target_state()[0] == "draining"
    assert code_of(stage.elbv2.register_targets, **named) == "InvalidTarget"
    stage.aws.pass_time(400)
    assert health(stage) == {}
    unknown = stage.aws.target_group.replace("targetgroup/fw", "targetgroup/another")
    code = code_of(stage.elbv2.describe_target_health, TargetGroupArn=unknown)
    assert code == "TargetGroupNotFound"
