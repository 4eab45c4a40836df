"""Launches that fail: each becomes a failed activity with EC2's words, and is tried again.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vmseries_lab.aws.autoscaling.instance_lifecycle import FIRST_BACKOFF_SECONDS
from vmseries_lab.aws.ec2.marketplace_images import PRODUCT_CODES, marketplace_images
from vmseries_lab.aws.in_process import IMAGE, ZONES, InProcessAws, in_process_aws

TYPE = "m5.xlarge"
ARM = next(image.image_id for image in marketplace_images() if image.architecture == "arm64")


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as aws:
        yield aws
        assert aws.world.errors.all() == []


def activities(aws: InProcessAws, status: str = "Failed") -> list[dict[str, Any]]:
    """Return the group's activities of a status, newest first."""
    found = aws.client("autoscaling").describe_scaling_activities(AutoScalingGroupName="fw")
    return [activity for activity in found["Activities"] if activity["StatusCode"] == status]


def failure(aws: InProcessAws) -> str:
    """Return the message of the newest failed activity."""
    return str(activities(aws)[0]["StatusMessage"])


def scale(aws: InProcessAws, number: int) -> None:
    aws.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName="fw", DesiredCapacity=number
    )


def test_a_subnet_without_free_addresses(aws: InProcessAws) -> None:
    """Found in an activity: https://github.com/PrairieLearn/PrairieLearn/issues/3271."""
    ec2 = aws.client("ec2")
    subnet = ec2.create_subnet(VpcId=aws.vpc, CidrBlock="10.0.90.0/28", AvailabilityZone=ZONES[0])[
        "Subnet"
    ]
    aws.build_group(DesiredCapacity=0, MaxSize=20, VPCZoneIdentifier=subnet["SubnetId"])
    scale(aws, 12)
    aws.world.advance(20)
    described = ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]])["Subnets"][0]
    assert len(aws.states()) == 11, "a /28 has 11 addresses for interfaces"
    assert described["AvailableIpAddressCount"] == 0
    (failed,) = activities(aws)
    assert failed["StatusMessage"] == (
        f"There are not enough free addresses in subnet '{subnet['SubnetId']}' to satisfy the "
        "requested number of instances. Launching EC2 instance failed."
    )
    assert f'"Subnet ID": "{subnet["SubnetId"]}"' in failed["Details"]


def test_subnets_that_were_deleted(aws: InProcessAws) -> None:
    ec2 = aws.client("ec2")
    aws.build_group(DesiredCapacity=0, VPCZoneIdentifier=",".join(aws.subnets[:2]))
    ec2.delete_subnet(SubnetId=aws.subnets[0])
    scale(aws, 1)
    aws.world.advance(10)
    assert activities(aws) == []
    (instance_id,) = aws.states()
    assert aws.instance(instance_id)["SubnetId"] == aws.subnets[1], "the other one is used"
    scale(aws, 0)
    aws.world.advance(10)
    aws.complete_all("launch")
    aws.complete_all("terminate")
    aws.world.advance(120)
    ec2.delete_subnet(SubnetId=aws.subnets[1])
    scale(aws, 1)
    aws.world.advance(10)
    assert failure(aws) == (
        f"The subnet ID '{aws.subnets[0]}' does not exist. Launching EC2 instance failed."
    )


def test_an_image_that_was_deregistered(aws: InProcessAws) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-ami.html."""
    aws.build_group(DesiredCapacity=0)
    aws.client("ec2").deregister_image(ImageId=IMAGE)
    scale(aws, 1)
    aws.world.advance(10)
    assert failure(aws) == (
        f"The image id '[{IMAGE}]' does not exist. Launching EC2 instance failed."
    )


def test_a_type_that_the_zone_does_not_offer(aws: InProcessAws) -> None:
    """Auto Scaling goes on in another zone."""
    ec2 = aws.client("ec2")
    zone = "us-east-1e"
    odd = ec2.create_subnet(VpcId=aws.vpc, CidrBlock="10.0.91.0/24", AvailabilityZone=zone)
    subnets = [odd["Subnet"]["SubnetId"], aws.subnets[0]]
    template = aws.build_template(InstanceType="m6i.xlarge")
    aws.build_group(
        DesiredCapacity=1,
        VPCZoneIdentifier=",".join(subnets),
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
    )
    aws.world.advance(10)
    assert failure(aws).startswith(
        "Your requested instance type (m6i.xlarge) is not supported in your requested "
        f"Availability Zone ({zone}). Please retry your request by not specifying an "
    )
    (instance_id,) = aws.states()
    assert aws.instance(instance_id)["SubnetId"] == aws.subnets[0]


def test_a_zone_without_capacity_is_left_out_until_it_has_some(aws: InProcessAws) -> None:
    aws.ec2_engine.checks.change(without_capacity=[(TYPE, ZONES[0])])
    aws.build_group(DesiredCapacity=3)
    aws.world.advance(10)
    zones = [aws.instance(i)["Placement"]["AvailabilityZone"] for i in aws.states()]
    assert sorted(zones) == [ZONES[1], ZONES[1], ZONES[2]] or sorted(zones) == [
        ZONES[1],
        ZONES[2],
        ZONES[2],
    ]
    assert failure(aws).startswith(
        f"We currently do not have sufficient {TYPE} capacity in the Availability Zone you "
        f"requested ({ZONES[0]}). Our system will be working on provisioning additional capacity."
    )
    aws.ec2_engine.checks.change(without_capacity=[])
    aws.world.advance(2 * FIRST_BACKOFF_SECONDS)
    scale(aws, 4)
    aws.world.advance(10)
    newest = activities(aws, "InProgress")[0]
    assert ZONES[0] in newest["Details"]


def test_no_capacity_anywhere_is_tried_again_with_growing_pauses(aws: InProcessAws) -> None:
    aws.ec2_engine.checks.change(without_capacity=[("*", "*")])
    aws.build_group(DesiredCapacity=1)
    aws.world.advance(5)
    assert len(activities(aws)) == len(ZONES), "one attempt in each zone"
    aws.world.advance(FIRST_BACKOFF_SECONDS)
    assert len(activities(aws)) == 2 * len(ZONES)
    aws.world.advance(FIRST_BACKOFF_SECONDS)
    assert len(activities(aws)) == 2 * len(ZONES), "the second pause is longer"
    aws.world.advance(3600)
    assert len(activities(aws)) <= 10 * len(ZONES)
    assert aws.states() == {}


def test_balanced_only_waits_for_its_zone(aws: InProcessAws) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-availability-zone-balanced.html."""
    aws.ec2_engine.checks.change(without_capacity=[(TYPE, ZONES[0])])
    aws.build_group(
        DesiredCapacity=3,
        AvailabilityZoneDistribution={"CapacityDistributionStrategy": "balanced-only"},
    )
    aws.world.advance(20)
    assert len(aws.states()) < 3


def test_the_vcpu_limit(aws: InProcessAws) -> None:
    aws.ec2_engine.checks.change(vcpus=8)
    aws.build_group(DesiredCapacity=3)
    aws.world.advance(10)
    assert len(aws.states()) == 2, "two of four vCPUs each"
    assert failure(aws).startswith(
        "You have requested more vCPU capacity than your current vCPU limit of 8 allows"
    )
    before = len(activities(aws))
    aws.world.advance(3600)
    assert before < len(activities(aws)) < before + 20


def test_marketplace_terms_that_are_not_accepted(aws: InProcessAws) -> None:
    aws.build_group(DesiredCapacity=0)
    aws.ec2_engine.checks.change(unsubscribed=[PRODUCT_CODES["byol"]])
    scale(aws, 1)
    aws.world.advance(10)
    assert failure(aws) == (
        "In order to use this AWS Marketplace product you need to accept terms and subscribe. To "
        f"do so please visit https://aws.amazon.com/marketplace/pp?sku={PRODUCT_CODES['byol']}. "
        "Launching EC2 instance failed."
    )


@pytest.mark.parametrize("state", ["disabled", "pending-deletion", "absent"])
def test_a_key_that_cannot_be_used(aws: InProcessAws, state: str) -> None:
    """The instance starts and ends: Client.InternalError.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html
    """
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    if state == "disabled":
        kms.disable_key(KeyId=key.rsplit("/", 1)[1])
    elif state == "pending-deletion":
        kms.schedule_key_deletion(KeyId=key.rsplit("/", 1)[1], PendingWindowInDays=7)
    else:
        key = key.rsplit("/", 1)[0] + "/00000000-0000-0000-0000-000000000000"
    device = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": key}}
    template = aws.build_template(BlockDeviceMappings=[device])
    aws.build_group(
        hooks=False, LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"}
    )
    aws.world.advance(15)
    cancelled = activities(aws, "Cancelled")
    assert cancelled[0]["StatusMessage"] == (
        "Instance became unhealthy while waiting for instance to be in InService state. "
        "Termination Reason: Client.InternalError: Client error on launch"
    )
    assert "InService" not in aws.states().values()


def test_a_key_that_can_be_used(aws: InProcessAws) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    device = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": key}}
    template = aws.build_template(BlockDeviceMappings=[device])
    aws.build_group(
        hooks=False, LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"}
    )
    aws.world.advance(15)
    assert list(aws.states().values()) == ["InService"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            {"InstanceType": "m5.gigantic"},
            "Invalid value 'm5.gigantic' for InstanceType",
            marks=pytest.mark.refused("ec2:CreateLaunchTemplate"),
        ),
        ({"ImageId": ARM}, "The architecture 'x86_64' of the specified instance type does not"),
        ({"ImageId": "ami-00000000000000000"}, "image id '\\[ami-00000000000000000\\]' does not"),
    ],
)
def test_a_new_group_needs_a_template_that_can_be_launched(
    aws: InProcessAws, data: dict[str, str], message: str
) -> None:
    """Recorded: https://github.com/CheckPointSW/CloudGuardIaaS/issues/369.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html
    """
    template = aws.build_template(**data)
    with pytest.raises(
        ClientError, match=f"You must use a valid fully-formed launch template. .*{message}"
    ):
        aws.build_group(LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            {"InstanceType": "m5.gigantic"},
            "Invalid value 'm5.gigantic' for InstanceType",
            marks=pytest.mark.refused("ec2:CreateLaunchTemplateVersion"),
        ),
        ({"ImageId": ARM}, "The architecture 'x86_64' of the specified instance type does not"),
    ],
)
def test_a_later_version_of_the_template_is_not_checked_until_a_launch(
    aws: InProcessAws, data: dict[str, str], message: str
) -> None:
    template = aws.build_template()
    aws.build_group(
        DesiredCapacity=0,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
    )
    aws.client("ec2").create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData=data
    )
    scale(aws, 1)
    aws.world.advance(10)
    assert message in failure(aws)


def test_a_template_that_was_deleted(aws: InProcessAws) -> None:
    template = aws.build_template()
    aws.build_group(
        DesiredCapacity=0,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
    )
    aws.client("ec2").delete_launch_template(LaunchTemplateId=template)
    scale(aws, 1)
    aws.world.advance(10)
    assert "does not exist. Launching EC2 instance failed." in failure(aws)


def test_run_instances_has_the_same_checks(aws: InProcessAws) -> None:
    aws.ec2_engine.checks.change(without_capacity=[(TYPE, ZONES[1])])
    request = {"InstanceType": TYPE, "MinCount": 1, "MaxCount": 1}
    with pytest.raises(ClientError) as raised:
        aws.client("ec2").run_instances(ImageId=IMAGE, SubnetId=aws.subnets[1], **request)
    assert raised.value.response["Error"]["Code"] == "InsufficientInstanceCapacity"
    with pytest.raises(ClientError) as raised:
        aws.client("ec2").run_instances(ImageId="ami-0", SubnetId=aws.subnets[0], **request)
    assert raised.value.response["Error"]["Code"] == "InvalidAMIID.NotFound"
    aws.client("ec2").run_instances(ImageId=IMAGE, SubnetId=aws.subnets[0], **request)


MIXED = {
    "LaunchTemplate": {
        "Overrides": [{"InstanceType": "m5.xlarge"}, {"InstanceType": "m5.2xlarge"}],
    },
    "InstancesDistribution": {"OnDemandAllocationStrategy": "prioritized"},
}


def mixed(aws: InProcessAws) -> dict[str, Any]:
    template = {"LaunchTemplateId": aws.build_template(), "Version": "$Latest"}
    launch = {**MIXED["LaunchTemplate"], "LaunchTemplateSpecification": template}
    return {**MIXED, "LaunchTemplate": launch}


def create_mixed(aws: InProcessAws, policy: dict[str, Any]) -> None:
    aws.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="fw",
        MinSize=1,
        MaxSize=2,
        VPCZoneIdentifier=aws.subnets[0],
        MixedInstancesPolicy=policy,
    )


def test_a_mixed_group_takes_the_next_type_when_one_has_no_capacity(aws: InProcessAws) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/allocation-strategies.html."""
    aws.ec2_engine.checks.change(without_capacity=[("m5.xlarge", ZONES[0])])
    create_mixed(aws, mixed(aws))
    aws.world.advance(15)
    (instance_id,) = aws.states()
    assert aws.instance(instance_id)["InstanceType"] == "m5.2xlarge"
    assert activities(aws) == []


def test_a_mixed_group_takes_the_first_type_that_has_capacity(aws: InProcessAws) -> None:
    create_mixed(aws, mixed(aws))
    aws.world.advance(15)
    (instance_id,) = aws.states()
    assert aws.instance(instance_id)["InstanceType"] == "m5.xlarge"


def test_a_mixed_group_fails_when_no_type_has_capacity(aws: InProcessAws) -> None:
    aws.ec2_engine.checks.change(without_capacity=[("*", ZONES[0])])
    create_mixed(aws, mixed(aws))
    aws.world.advance(5)
    assert failure(aws).startswith(
        "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not "
    )


@pytest.mark.parametrize(
    "change",
    [
        {"InstancesDistribution": {"OnDemandAllocationStrategy": "lowest-price"}},
        {"InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 50}},
    ],
)
def test_what_a_mixed_group_cannot_do_here_is_refused(
    aws: InProcessAws, change: dict[str, Any]
) -> None:
    with pytest.raises(NotImplementedError):
        create_mixed(aws, {**mixed(aws), **change})


@pytest.mark.lab
def test_launches_are_limited_through_the_control_api(lab: Any) -> None:
    lab.aws.limit_launches(without_capacity=[("x1.32xlarge", "us-east-1a")], vcpus=10_000)
    try:
        answer = lab._control.request("POST", "ec2", {})
        assert answer["vcpus"] == 10_000
        assert answer["without_capacity"] == [["x1.32xlarge", "us-east-1a"]]
    finally:
        lab.aws.limit_launches(without_capacity=[], vcpus=-1)
