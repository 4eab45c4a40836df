"""Zones of a group: rebalancing. Instances in standby."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vmseries_lab.aws.autoscaling.instance_lifecycle import FIRST_BACKOFF_SECONDS
from vmseries_lab.aws.in_process import ZONES, InProcessAws, in_process_aws


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as aws:
        yield aws


@pytest.fixture
def asg(aws: InProcessAws) -> Any:
    return aws.client("autoscaling")


def zones(aws: InProcessAws) -> Counter[str]:
    """Return how many instances in service are in each zone."""
    return Counter(
        member["AvailabilityZone"]
        for member in aws.group()["Instances"]
        if member["LifecycleState"] == "InService"
    )


def leave(aws: InProcessAws, *kept: int) -> None:
    """Keep only some of the group's zones, by their number."""
    aws.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="fw",
        VPCZoneIdentifier=",".join(aws.subnets[number] for number in kept),
    )


def test_an_instance_in_a_removed_zone_is_replaced_first(aws: InProcessAws) -> None:
    """New instances are launched before the previous ones are terminated.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html
    """
    aws.in_service(3, MaxSize=3)
    before = aws.states()
    (leaving,) = [
        m["InstanceId"] for m in aws.group()["Instances"] if m["AvailabilityZone"] == ZONES[2]
    ]
    leave(aws, 0, 1)
    aws.world.advance(15)
    states = aws.states()
    assert states[leaving] == "InService", "it serves until its replacement does"
    assert Counter(states.values()) == {"InService": 3, "Pending:Wait": 1}
    assert len(states) == 4, "one more than the maximum size"
    aws.complete_all("launch")
    aws.world.advance(5)
    assert aws.states()[leaving].startswith("Terminating")
    aws.complete_all("terminate")
    aws.world.advance(60)
    assert sum(zones(aws).values()) == 3
    assert ZONES[2] not in zones(aws)
    assert len(aws.states().keys() & before.keys()) == 2
    causes = [
        activity["Cause"]
        for activity in aws.client("autoscaling").describe_scaling_activities()["Activities"]
    ]
    assert any("instances were launched to balance instances in zones" in c for c in causes)


def test_a_large_group_is_rebalanced_within_a_tenth_of_its_maximum(aws: InProcessAws) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html."""
    aws.in_service(30, MaxSize=30)
    leave(aws, 0, 1)
    aws.world.advance(15)
    assert len(aws.states()) == 33
    for _ in range(12):
        aws.complete_all("launch")
        aws.world.advance(15)
        aws.complete_all("terminate")
        aws.world.advance(60)
        assert len(aws.states()) <= 33
        assert sum(zones(aws).values()) >= 30
    assert zones(aws) == {ZONES[0]: 15, ZONES[1]: 15}


def test_a_zone_that_comes_back_keeps_its_instance(aws: InProcessAws) -> None:
    members = aws.in_service(3)
    leave(aws, 0, 1)
    aws.world.advance(5)
    leave(aws, 0, 1, 2)
    aws.world.advance(5)
    aws.complete_all("launch")
    aws.world.advance(60)
    aws.complete_all("terminate")
    aws.world.advance(60)
    assert sum(zones(aws).values()) == 3
    assert len(set(zones(aws).values())) == 1, "one in each zone"
    assert set(aws.states()) & set(members)


@pytest.mark.parametrize("process", ["AZRebalance", "Launch"])
def test_a_suspended_process_stops_rebalancing(aws: InProcessAws, asg: Any, process: str) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html."""
    members = aws.in_service(3)
    asg.suspend_processes(AutoScalingGroupName="fw", ScalingProcesses=[process])
    leave(aws, 0, 1)
    aws.world.advance(120)
    assert aws.states() == dict.fromkeys(members, "InService")


def test_an_instance_that_is_protected_stays(aws: InProcessAws, asg: Any) -> None:
    members = aws.in_service(3)
    asg.set_instance_protection(
        AutoScalingGroupName="fw", InstanceIds=members, ProtectedFromScaleIn=True
    )
    leave(aws, 0, 1)
    aws.world.advance(60)
    assert aws.states() == dict.fromkeys(members, "InService")


def test_zones_that_differ_by_two_are_rebalanced(aws: InProcessAws, asg: Any) -> None:
    aws.in_service(6)
    one_zone = [
        m["InstanceId"] for m in aws.group()["Instances"] if m["AvailabilityZone"] == ZONES[0]
    ]
    for instance_id in one_zone:
        asg.terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=True
        )
    for _ in range(4):
        aws.world.advance(15)
        aws.complete_all("launch")
        aws.complete_all("terminate")
    aws.world.advance(60)
    assert sorted(zones(aws).values()) == [1, 1, 2]


def test_a_zone_that_has_capacity_again_gets_its_instances(aws: InProcessAws) -> None:
    aws.ec2_engine.checks.change(without_capacity=[("*", ZONES[0])])
    aws.in_service(4)
    assert zones(aws) == {ZONES[1]: 2, ZONES[2]: 2}
    aws.ec2_engine.checks.change(without_capacity=[])
    aws.world.advance(FIRST_BACKOFF_SECONDS + 15)
    aws.complete_all("launch")
    aws.world.advance(30)
    aws.complete_all("terminate")
    aws.world.advance(60)
    assert sorted(zones(aws).values()) == [1, 1, 2]


def test_a_balanced_group_is_left_alone(aws: InProcessAws) -> None:
    members = aws.in_service(4)
    aws.world.advance(600)
    assert aws.states() == dict.fromkeys(members, "InService")


def test_an_instance_in_standby_is_replaced(aws: InProcessAws, asg: Any) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_EnterStandby.html."""
    first, _ = aws.in_service(2)
    (activity,) = asg.enter_standby(
        AutoScalingGroupName="fw", InstanceIds=[first], ShouldDecrementDesiredCapacity=False
    )["Activities"]
    aws.world.advance(15)
    assert activity["Description"] == f"Moving EC2 instance to Standby: {first}"
    assert aws.states()[first] == "Standby"
    assert Counter(aws.states().values()) == {"Standby": 1, "InService": 1, "Pending:Wait": 1}
    assert aws.group()["DesiredCapacity"] == 2


def test_standby_decreases_the_capacity_down_to_the_minimum(aws: InProcessAws, asg: Any) -> None:
    first, second = aws.in_service(2, MinSize=1)
    asg.enter_standby(
        AutoScalingGroupName="fw", InstanceIds=[first], ShouldDecrementDesiredCapacity=True
    )
    assert aws.group()["DesiredCapacity"] == 1
    with pytest.raises(ClientError, match=r"min-size=1, .* and desired-size=1\. To place into"):
        asg.enter_standby(
            AutoScalingGroupName="fw", InstanceIds=[second], ShouldDecrementDesiredCapacity=True
        )
    assert aws.states() == {first: "Standby", second: "InService"}


@pytest.mark.parametrize(("answer", "hooks"), [("run", 1), ("none", 0)])
def test_an_instance_returns_from_standby(
    aws: InProcessAws, asg: Any, answer: str, hooks: int
) -> None:
    aws.world.assumptions.set(standby_exit_hooks=answer)
    first, second = aws.in_service(2)
    asg.enter_standby(
        AutoScalingGroupName="fw", InstanceIds=[first], ShouldDecrementDesiredCapacity=True
    )
    before = len(aws.lifecycle_events())
    (activity,) = asg.exit_standby(AutoScalingGroupName="fw", InstanceIds=[first])["Activities"]
    assert "increasing the capacity from 1 to 2" in activity["Cause"]
    aws.world.advance(5)
    assert len(aws.lifecycle_events()) == before + hooks
    aws.complete_all("launch")
    assert aws.states() == {first: "InService", second: "InService"}
    assert aws.group()["DesiredCapacity"] == 2


def test_standby_does_not_end_above_the_maximum(aws: InProcessAws, asg: Any) -> None:
    first, _ = aws.in_service(2, MaxSize=2)
    asg.enter_standby(
        AutoScalingGroupName="fw", InstanceIds=[first], ShouldDecrementDesiredCapacity=False
    )
    with pytest.raises(ClientError, match=r"max-size=2, and desired-size=2"):
        asg.exit_standby(AutoScalingGroupName="fw", InstanceIds=[first])


def test_standby_needs_an_instance_in_service(aws: InProcessAws, asg: Any) -> None:
    (first,) = aws.in_service(1)
    with pytest.raises(ClientError, match="is not in Standby"):
        asg.exit_standby(AutoScalingGroupName="fw", InstanceIds=[first])
    asg.set_desired_capacity(AutoScalingGroupName="fw", DesiredCapacity=2)
    aws.world.advance(15)
    (pending,) = [i for i, state in aws.states().items() if state == "Pending:Wait"]
    with pytest.raises(ClientError, match="is not in InService"):
        asg.enter_standby(
            AutoScalingGroupName="fw", InstanceIds=[pending], ShouldDecrementDesiredCapacity=False
        )


def test_an_instance_in_standby_receives_no_traffic(aws: InProcessAws, asg: Any) -> None:
    target_group = aws.build_gateway()
    (first,) = aws.in_service(1, TargetGroupARNs=[target_group])
    aws.world.advance(30)
    assert aws.health(target_group) == {first: "healthy"}
    asg.enter_standby(
        AutoScalingGroupName="fw", InstanceIds=[first], ShouldDecrementDesiredCapacity=True
    )
    assert aws.health(target_group) == {first: "draining"}
    aws.world.advance(400)
    asg.exit_standby(AutoScalingGroupName="fw", InstanceIds=[first])
    aws.complete_all("launch")
    aws.world.advance(5)
    aws.complete_all("launch")
    aws.world.advance(30)
    assert aws.health(target_group) == {first: "healthy"}


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("put_warm_pool", {}),
        ("put_scheduled_update_group_action", {"ScheduledActionName": "s", "DesiredCapacity": 1}),
        (
            "batch_put_scheduled_update_group_action",
            {"ScheduledUpdateGroupActions": [{"ScheduledActionName": "s"}]},
        ),
    ],
)
def test_what_has_no_effect_is_not_simulated(
    aws: InProcessAws, asg: Any, method: str, arguments: dict[str, Any]
) -> None:
    """PutWarmPool used to succeed, and the pool stayed empty."""
    aws.build_group()
    with pytest.raises(NotImplementedError):
        getattr(asg, method)(AutoScalingGroupName="fw", **arguments)


def test_a_group_from_a_launch_configuration_is_not_simulated(aws: InProcessAws, asg: Any) -> None:
    with pytest.raises(NotImplementedError):
        asg.create_auto_scaling_group(
            AutoScalingGroupName="fw",
            MinSize=1,
            MaxSize=1,
            LaunchConfigurationName="old",
            VPCZoneIdentifier=aws.subnets[0],
        )


def test_a_template_version_takes_the_rest_from_its_source(aws: InProcessAws) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html."""
    ec2 = aws.client("ec2")
    reservation = {"CapacityReservationPreference": "none"}
    template = aws.build_template(CapacityReservationSpecification=reservation)
    for source in ({"SourceVersion": "1"}, {}):
        ec2.create_launch_template_version(
            LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "m5.2xlarge"}, **source
        )
    first, second, third = (
        ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])[
            "LaunchTemplateVersions"
        ][0]["LaunchTemplateData"]
        for version in ("1", "2", "3")
    )
    assert first["CapacityReservationSpecification"] == reservation
    assert second == {**first, "InstanceType": "m5.2xlarge"}
    assert third == {"InstanceType": "m5.2xlarge"}


def test_a_groups_capacity_reservations_are_described_as_given(aws: InProcessAws, asg: Any) -> None:
    wanted = {"CapacityReservationPreference": "capacity-reservations-first"}
    aws.build_group(CapacityReservationSpecification=wanted)
    assert aws.group()["CapacityReservationSpecification"] == wanted


def test_the_interfaces_of_a_template_are_described_and_launched(aws: InProcessAws) -> None:
    """Both interfaces are in the subnet that the group chose."""
    interfaces = [
        {"DeviceIndex": 0, "Groups": [aws.security_group], "DeleteOnTermination": True},
        {"DeviceIndex": 1, "Groups": [aws.security_group], "DeleteOnTermination": False},
    ]
    template = aws.build_template(NetworkInterfaces=interfaces)
    described = aws.client("ec2").describe_launch_template_versions(LaunchTemplateId=template)
    data = described["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert data["NetworkInterfaces"] == interfaces
    aws.build_group(
        hooks=False, LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"}
    )
    aws.world.advance(15)
    (instance_id,) = aws.states()
    attached = aws.instance(instance_id)["NetworkInterfaces"]
    indexes = {i["Attachment"]["DeviceIndex"]: i for i in attached}
    assert sorted(indexes) == [0, 1]
    assert len({i["SubnetId"] for i in attached}) == 1
    assert indexes[0]["Attachment"]["DeleteOnTermination"] is True
    assert indexes[1]["Attachment"]["DeleteOnTermination"] is False
