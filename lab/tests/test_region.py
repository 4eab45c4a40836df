"""A lab in any Region and partition, and its refusal of calls for another Region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from account import policy
from botocore.config import Config
from botocore.exceptions import ClientError

from vmseries_lab.aws.requests.signed_region import signed_region
from vmseries_lab.client import Lab, LabError
from vmseries_lab.core.location import Location

TRUST = policy({"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})


@pytest.fixture(scope="module", params=["eu-west-1", "us-gov-west-1", "cn-north-1"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab in another Region than the tests of the other files."""
    with Lab(request.param) as lab:
        yield lab
        assert lab.errors() == []


@pytest.mark.parametrize(
    ("environment", "region", "partition"),
    [
        ({}, "us-east-1", "aws"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1", "aws"),
        ({"AWS_REGION": "us-gov-east-1", "AWS_DEFAULT_REGION": "x"}, "us-gov-east-1", "aws-us-gov"),
        ({"AWS_REGION": "cn-north-1"}, "cn-north-1", "aws-cn"),
    ],
)
def test_the_environment_chooses_the_region(
    environment: dict[str, str], region: str, partition: str
) -> None:
    assert Location.from_environment(environment) == Location(region, partition)


@pytest.mark.parametrize(
    ("region", "principal"),
    [
        ("eu-west-1", "ec2.amazonaws.com"),
        ("us-gov-west-1", "ec2.amazonaws.com"),
        ("cn-north-1", "ec2.amazonaws.com.cn"),
    ],
)
def test_the_service_principal_of_ec2(region: str, principal: str) -> None:
    """https://docs.amazonaws.cn/en_us/aws/latest/userguide/iam.html."""
    assert Location.of(region).ec2_principal == principal


@pytest.mark.parametrize("region", ["eu-west", "nowhere", "us-iso-east-1"])
def test_a_region_that_is_not_simulated_is_refused(region: str) -> None:
    with pytest.raises(ValueError, match=f"AWS_REGION is '{region}', which is no Region"):
        Location.of(region)


def test_a_lab_for_no_region_does_not_start_and_says_why() -> None:
    with pytest.raises(LabError, match="AWS_REGION is 'nowhere', which is no Region"):
        Lab("nowhere").start()


@pytest.mark.lab
def test_arns_and_zones_are_those_of_the_region(elsewhere: Lab) -> None:
    region, partition = elsewhere.region, elsewhere.partition
    prefix = f"arn:{partition}"
    client = elsewhere.aws.client
    zones = client("ec2").describe_availability_zones()["AvailabilityZones"]
    role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]
    queue = client("sqs").create_queue(QueueName="q")["QueueUrl"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    secrets = client("secretsmanager").list_secrets()["SecretList"]
    assert {zone["RegionName"] for zone in zones} == {region}
    assert client("sts").get_caller_identity()["Arn"].startswith(f"{prefix}:")
    assert role["Arn"] == f"{prefix}:iam::123456789012:role/r"
    assert attributes["Attributes"]["QueueArn"] == f"{prefix}:sqs:{region}:123456789012:q"
    assert len(secrets) == 7
    assert all(s["ARN"].startswith(f"{prefix}:secretsmanager:{region}:") for s in secrets)


@pytest.mark.lab
def test_marketplace_images_exist_in_the_region(elsewhere: Lab) -> None:
    images = elsewhere.aws.client("ec2").describe_images(
        Owners=["aws-marketplace"],
        Filters=[{"Name": "product-code", "Values": ["6njl1pau431dv1qxipg63mvah"]}],
    )["Images"]
    assert images
    assert {image["ImageOwnerAlias"] for image in images} == {"aws-marketplace"}


@pytest.mark.lab
def test_private_dns_names_are_those_of_the_region(elsewhere: Lab) -> None:
    ec2 = elsewhere.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]
    image = ec2.describe_images(Owners=["aws-marketplace"])["Images"][0]["ImageId"]
    instance = ec2.run_instances(
        ImageId=image,
        InstanceType="m5.xlarge",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet["SubnetId"],
        PrivateIpAddress="10.9.0.10",
    )["Instances"][0]
    described = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)
    prefix = f"arn:{elsewhere.partition}:ec2:{elsewhere.region}:123456789012"
    assert group["SecurityGroupArn"] == f"{prefix}:security-group/{group['GroupId']}"
    assert subnet["SubnetArn"] == f"{prefix}:subnet/{subnet['SubnetId']}"
    name = described["Reservations"][0]["Instances"][0]["PrivateDnsName"]
    assert subnet["AvailabilityZone"].startswith(elsewhere.region)
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html
    assert name.split(".", 1)[1] == f"{elsewhere.region}.compute.internal"


def _client(lab: Lab, service: str, region: str) -> Any:
    make: Any = boto3.client
    return make(
        service,
        region_name=region,
        endpoint_url=lab.endpoint,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
        config=Config(retries={"total_max_attempts": 5, "mode": "standard"}),
    )


CALLS = [
    # At least one of each protocol. The first call of the Terraform provider is to STS.
    ("sts", "get_caller_identity", {}),
    ("ec2", "describe_vpcs", {}),
    ("autoscaling", "describe_auto_scaling_groups", {}),
    ("lambda", "list_functions", {}),
    ("sqs", "create_queue", {"QueueName": "elsewhere"}),
    ("secretsmanager", "list_secrets", {}),
    ("logs", "describe_log_groups", {}),
    ("cloudwatch", "describe_alarms", {}),
]


@pytest.mark.lab
@pytest.mark.parametrize(("service", "method", "arguments"), CALLS)
def test_a_call_for_another_region_is_refused_at_once(
    lab: Lab, service: str, method: str, arguments: dict[str, Any]
) -> None:
    since = len(lab.calls())
    with pytest.raises(ClientError) as raised:
        getattr(_client(lab, service, "eu-west-1"), method)(**arguments)
    error = raised.value.response["Error"]
    assert error["Code"] == "WrongRegion"
    assert "simulates the Region us-east-1" in error["Message"]
    assert "signed for eu-west-1" in error["Message"]
    assert "AWS_REGION=eu-west-1" in error["Message"]
    assert len(lab.calls(since)) == 1, "the SDK repeats no such call"


@pytest.mark.lab
def test_a_call_to_a_global_service_is_signed_for_the_partition(elsewhere: Lab) -> None:
    """https://docs.aws.amazon.com/general/latest/gr/rande.html#global-endpoints."""
    region = Location.of(elsewhere.region).global_services_region
    assert "Roles" in _client(elsewhere, "iam", region).list_roles()


@pytest.mark.parametrize(
    ("header", "region"),
    [
        (
            "AWS4-HMAC-SHA256 Credential=lab/20260101/eu-west-1/ec2/aws4_request, Signature=0",
            "eu-west-1",
        ),
        ("Bearer token", None),
        ("", None),
    ],
)
def test_the_region_of_a_call_is_in_its_signature(header: str, region: str | None) -> None:
    assert signed_region({"authorization": header}) == region
