"""Authorization requests of calls, and their evaluation.

Expected: Service Authorization Reference.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vmseries_lab.aws.iam import Request, allows
from vmseries_lab.aws.iam.action_reference import (
    PREFIXES,
    NoSuchResourceError,
    UnknownActionError,
    action_name,
    requests,
)
from vmseries_lab.aws.iam.policy_evaluation import covers
from vmseries_lab.aws.in_process import InProcessAws, in_process_aws

OWNER = "vmseries-autoscale:deployment"
ACCOUNT = "123456789012"


def arn(kind: str, identity: str) -> str:
    return f"arn:aws:ec2:us-east-1:{ACCOUNT}:{kind}/{identity}"


def tagged(kind: str, **tags: str) -> dict[str, Any]:
    wanted = [{"Key": OWNER if key == "owner" else key, "Value": v} for key, v in tags.items()]
    return {"ResourceType": kind, "Tags": wanted}


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as aws:
        yield aws


@pytest.fixture
def instance(aws: InProcessAws) -> str:
    """A running instance with an owner tag."""
    template = aws.build_template("tagged")
    (instance_id,) = aws.in_service(1, LaunchTemplate={"LaunchTemplateId": template})
    aws.client("ec2").create_tags(
        Resources=[instance_id], Tags=[{"Key": OWNER, "Value": "instance"}]
    )
    return instance_id


@pytest.fixture
def interface(aws: InProcessAws, instance: str) -> str:
    """An interface in the instance's zone with an owner tag."""
    subnet = aws.instance(instance)["SubnetId"]
    made = aws.client("ec2").create_network_interface(
        SubnetId=subnet, TagSpecifications=[tagged("network-interface", owner="interface")]
    )
    return str(made["NetworkInterface"]["NetworkInterfaceId"])


@pytest.fixture
def attachment(aws: InProcessAws, instance: str, interface: str) -> Iterator[str]:
    ec2 = aws.client("ec2")
    attached = ec2.attach_network_interface(
        NetworkInterfaceId=interface, InstanceId=instance, DeviceIndex=1
    )
    yield str(attached["AttachmentId"])
    ec2.detach_network_interface(AttachmentId=attached["AttachmentId"])
    aws.world.advance(30)


@pytest.fixture
def address(aws: InProcessAws) -> Iterator[str]:
    ec2 = aws.client("ec2")
    made = ec2.allocate_address(
        Domain="vpc", TagSpecifications=[tagged("elastic-ip", owner="address")]
    )
    yield str(made["AllocationId"])
    ec2.release_address(AllocationId=made["AllocationId"])


def owners_by_resource(service: str, action: str, **parameters: Any) -> dict[str, str | None]:
    """Return the resources of a call, each with the owner tag in its context."""
    found = requests(service, action, parameters)
    assert {request.action for request in found} == {action_name(service, action)}
    return {request.resource: request.context.get(f"aws:ResourceTag/{OWNER}") for request in found}  # type: ignore[misc]


# Authorization requests ------------------------------------------------------------------------


def test_attachment_is_about_interface_and_instance(
    aws: InProcessAws, instance: str, interface: str
) -> None:
    assert owners_by_resource(
        "ec2", "AttachNetworkInterface", NetworkInterfaceId=interface, InstanceId=instance
    ) == {arn("network-interface", interface): "interface", arn("instance", instance): "instance"}


def test_detachment_is_about_interface_and_instance(
    aws: InProcessAws, instance: str, interface: str, attachment: str
) -> None:
    assert owners_by_resource("ec2", "DetachNetworkInterface", AttachmentId=attachment) == {
        arn("network-interface", interface): "interface",
        arn("instance", instance): "instance",
    }


def test_change_of_an_attachment_is_about_the_instance_too(
    aws: InProcessAws, instance: str, interface: str, attachment: str
) -> None:
    alone = {arn("network-interface", interface): "interface"}
    change = {"AttachmentId": attachment, "DeleteOnTermination": True}
    modify: Callable[..., dict[str, str | None]] = lambda **changes: owners_by_resource(  # noqa: E731
        "ec2", "ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface, **changes
    )
    assert modify(SourceDestCheck={"Value": False}) == alone
    assert modify(Attachment=change) == {**alone, arn("instance", instance): "instance"}


def test_association_is_about_address_interface_and_its_instance(
    aws: InProcessAws, instance: str, interface: str, address: str
) -> None:
    parameters = {"AllocationId": address, "NetworkInterfaceId": interface}
    two = {
        arn("elastic-ip", address): "address",
        arn("network-interface", interface): "interface",
    }
    assert owners_by_resource("ec2", "AssociateAddress", **parameters) == two
    ec2 = aws.client("ec2")
    attached = ec2.attach_network_interface(
        NetworkInterfaceId=interface, InstanceId=instance, DeviceIndex=1
    )
    assert owners_by_resource("ec2", "AssociateAddress", **parameters) == {
        **two,
        arn("instance", instance): "instance",
    }
    association = ec2.associate_address(**parameters)["AssociationId"]
    assert owners_by_resource("ec2", "DisassociateAddress", AssociationId=association) == two
    assert owners_by_resource("ec2", "ReleaseAddress", AllocationId=address) == {
        arn("elastic-ip", address): "address"
    }
    ec2.disassociate_address(AssociationId=association)
    ec2.detach_network_interface(AttachmentId=attached["AttachmentId"])
    aws.world.advance(30)


def test_new_interface_has_the_tags_of_the_request(aws: InProcessAws) -> None:
    (subnet, *_), group = aws.subnets, aws.security_group
    aws.client("ec2").create_tags(Resources=[subnet], Tags=[{"Key": OWNER, "Value": "subnet"}])
    tags = {f"aws:RequestTag/{OWNER}": "us", "aws:RequestTag/a": "1", "aws:TagKeys": [OWNER, "a"]}
    region = {"ec2:Region": "us-east-1"}
    found = requests(
        "ec2",
        "CreateNetworkInterface",
        {
            "SubnetId": subnet,
            "Groups": [group],
            "TagSpecifications": [tagged("network-interface", owner="us", a="1")],
        },
    )
    resource_tags = {f"{scope}:ResourceTag/{OWNER}": "subnet" for scope in ("aws", "ec2")}
    create, new = "ec2:CreateNetworkInterface", arn("network-interface", "*")
    assert found == [
        Request(create, new, {**region, **tags}),
        Request(create, arn("subnet", subnet), {**region, **resource_tags}),
        Request(create, arn("security-group", group), region),
        Request(
            "ec2:CreateTags",
            new,
            {**region, **tags, "ec2:CreateAction": "CreateNetworkInterface"},
        ),
    ]


def test_creation_without_tags_tags_nothing(aws: InProcessAws) -> None:
    assert [
        request.action for request in requests("ec2", "AllocateAddress", {"Domain": "vpc"})
    ] == ["ec2:AllocateAddress"]


def test_address_of_a_pool_is_about_the_pool(aws: InProcessAws) -> None:
    parameters = {
        "PublicIpv4Pool": "ipv4pool-ec2-1",
        "TagSpecifications": [tagged("elastic-ip", owner="us")],
    }
    found = [
        (request.action, request.resource)
        for request in requests("ec2", "AllocateAddress", parameters)
    ]
    assert found == [
        ("ec2:AllocateAddress", arn("elastic-ip", "*")),
        ("ec2:AllocateAddress", arn("ipv4pool-ec2", "ipv4pool-ec2-1")),
        ("ec2:CreateTags", arn("elastic-ip", "*")),
    ]


def test_tagging_has_the_tags_that_are_there_and_those_that_come(
    aws: InProcessAws, instance: str
) -> None:
    (request,) = requests(
        "ec2", "CreateTags", {"Resources": [instance], "Tags": [{"Key": "new", "Value": "1"}]}
    )
    assert request.resource == arn("instance", instance)
    assert request.context[f"aws:ResourceTag/{OWNER}"] == "instance"
    assert request.context["aws:RequestTag/new"] == "1"
    assert request.context["aws:TagKeys"] == ["new"]
    assert f"aws:RequestTag/{OWNER}" not in request.context
    assert "ec2:CreateAction" not in request.context


def test_lifecycle_action_is_about_the_group_with_its_tags(
    aws: InProcessAws, instance: str
) -> None:
    aws.client("autoscaling").create_or_update_tags(
        Tags=[
            {
                "ResourceId": "fw",
                "ResourceType": "auto-scaling-group",
                "Key": "team",
                "Value": "net",
                "PropagateAtLaunch": False,
            }
        ]
    )
    (request,) = requests("autoscaling", "CompleteLifecycleAction", {"AutoScalingGroupName": "fw"})
    assert request.resource == aws.group()["AutoScalingGroupARN"]
    assert request.context["autoscaling:ResourceTag/team"] == "net"
    assert request.context["aws:ResourceTag/team"] == "net"


def test_targets_and_their_health(aws: InProcessAws) -> None:
    group = aws.build_gateway()
    (request,) = requests("elbv2", "RegisterTargets", {"TargetGroupArn": group})
    assert (request.action, request.resource) == ("elasticloadbalancing:RegisterTargets", group)
    (request,) = requests("elbv2", "DescribeTargetHealth", {"TargetGroupArn": group})
    assert request == Request("elasticloadbalancing:DescribeTargetHealth", "*")


def test_queue_is_named_by_its_url(aws: InProcessAws) -> None:
    url = aws.client("sqs").create_queue(QueueName="queue", tags={"team": "net"})["QueueUrl"]
    assert requests("sqs", "SendMessage", {"QueueUrl": url}) == [
        Request(
            "sqs:SendMessage",
            f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue",
            {"aws:ResourceTag/team": "net"},
        )
    ]


def test_an_invocation_needs_the_permission_to_invoke_that_function(aws: InProcessAws) -> None:
    with pytest.raises(NoSuchResourceError):
        requests("lambda", "Invoke", {"FunctionName": "fw-launch"})


def test_secret_with_a_key_of_its_own_is_decrypted_with_its_arn_as_context(
    aws: InProcessAws,
) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    manager = aws.client("secretsmanager")
    plain = manager.create_secret(Name="plain", SecretString="x")["ARN"]
    own = manager.create_secret(Name="own", SecretString="x", KmsKeyId=key)["ARN"]
    assert [
        request.action
        for request in requests("secretsmanager", "GetSecretValue", {"SecretId": plain})
    ] == ["secretsmanager:GetSecretValue"]
    get, decrypt = requests("secretsmanager", "GetSecretValue", {"SecretId": "own"})
    assert (get.resource, decrypt.action, decrypt.resource) == (own, "kms:Decrypt", key)
    assert decrypt.context["kms:EncryptionContext:SecretARN"] == own
    assert decrypt.context["kms:ViaService"] == "secretsmanager.us-east-1.amazonaws.com"


def test_items_of_a_table_are_decrypted_with_the_name_of_the_table_as_context(
    aws: InProcessAws,
) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    plain, own = create_table(aws, "plain"), create_table(aws, "own", key)
    item = {"instance_id": {"S": "i-1"}}
    (put,) = requests("dynamodb", "PutItem", {"TableName": "plain", "Item": item})
    assert put == Request("dynamodb:PutItem", plain, {"dynamodb:LeadingKeys": ["i-1"]})
    (scan,) = requests("dynamodb", "Scan", {"TableName": "plain"})
    assert scan == Request("dynamodb:Scan", plain, {})
    keys = {"Keys": [item, {"instance_id": {"S": "i-2"}}]}
    get, decrypt = requests("dynamodb", "BatchGetItem", {"RequestItems": {"own": keys}})
    assert get == Request("dynamodb:BatchGetItem", own, {"dynamodb:LeadingKeys": ["i-1", "i-2"]})
    assert (decrypt.action, decrypt.resource) == ("kms:Decrypt", key)
    assert decrypt.context["kms:EncryptionContext:aws:dynamodb:tableName"] == "own"
    assert decrypt.context["kms:ViaService"] == "dynamodb.us-east-1.amazonaws.com"


def test_there_is_nothing_to_decide_about_a_table_that_does_not_exist(aws: InProcessAws) -> None:
    with pytest.raises(NoSuchResourceError):
        requests("dynamodb", "Scan", {"TableName": "nowhere"})


def create_table(aws: InProcessAws, name: str, key: str = "") -> str:
    encryption: Any = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    table = aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "instance_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "instance_id", "KeyType": "HASH"}],
        **({"SSESpecification": encryption} if key else {}),
    )
    return str(table["TableDescription"]["TableArn"])


def test_listing_the_versions_of_a_secret_decrypts_nothing(aws: InProcessAws) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    manager = aws.client("secretsmanager")
    arn = manager.create_secret(Name="listed", SecretString="x", KmsKeyId=key)["ARN"]
    (request,) = requests("secretsmanager", "ListSecretVersionIds", {"SecretId": arn})
    assert (request.action, request.resource) == ("secretsmanager:ListSecretVersionIds", arn)


@pytest.mark.parametrize(
    ("parameters", "context"), [({}, {}), ({"Prefix": "edge/"}, {"s3:prefix": "edge/"})]
)
def test_listing_objects_is_about_the_bucket_and_the_prefix(
    parameters: dict[str, str], context: dict[str, str]
) -> None:
    """API_ListObjectsV2: the permission is s3:ListBucket."""
    assert requests("s3", "ListObjectsV2", {"Bucket": "firewalls", **parameters}) == [
        Request("s3:ListBucket", "arn:aws:s3:::firewalls", context)
    ]


def test_a_volume_can_be_tagged(aws: InProcessAws) -> None:
    volume = aws.client("ec2").create_volume(
        AvailabilityZone="us-east-1a",
        Size=1,
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": OWNER, "Value": "v"}]}],
    )["VolumeId"]
    (request,) = requests(
        "ec2", "CreateTags", {"Resources": [volume], "Tags": [{"Key": "new", "Value": "1"}]}
    )
    assert request.resource == arn("volume", volume)
    assert request.context[f"aws:ResourceTag/{OWNER}"] == "v"


@pytest.mark.parametrize("action", ["DescribeInstances", "DescribeAddresses", "DescribeTags"])
def test_describing_knows_no_resources(action: str) -> None:
    assert requests("ec2", action, {}) == [Request(f"ec2:{action}", "*")]


def test_get_caller_identity_needs_no_permission() -> None:
    assert requests("sts", "GetCallerIdentity", {}) == []


def test_each_action_that_a_function_is_granted_is_known(aws: InProcessAws) -> None:
    modules = Path(__file__).parents[2] / "modules"
    files = ("lifecycle/permissions.tf", "lifecycle/records.tf", "function/iam.tf")
    text = "".join((modules / file).read_text() for file in files)
    keys = {"aws:TagKeys", "ec2:CreateAction", "lambda:SourceFunctionArn"}
    granted = {*re.findall(r'"([a-z0-9]+:[A-Z]\w+)"', text)} - keys
    assert "autoscaling:SuspendProcesses" in granted
    services = {prefix: service for service, prefix in PREFIXES.items()}
    for prefix, name in sorted(action.split(":") for action in granted):
        # Nothing exists to decide on. Only an unknown action is another error.
        with contextlib.suppress(NoSuchResourceError):
            requests(services.get(prefix, prefix), name, {})


def test_unknown_action_is_an_error_not_a_decision() -> None:
    with pytest.raises(UnknownActionError, match="s3:GetObject"):
        requests("s3", "GetObject", {"Bucket": "b"})


def test_a_missing_resource_cannot_be_authorized(aws: InProcessAws) -> None:
    with pytest.raises(NoSuchResourceError, match="eni-0"):
        requests("ec2", "DeleteNetworkInterface", {"NetworkInterfaceId": "eni-0"})


# Policy evaluation ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "wanted", "keys", "holds"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ["a"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "a"], True),
        ("ForAnyValue:StringEquals", ["a"], ["c"], False),
        ("ForAnyValue:StringEquals", ["a"], None, False),
        ("ForAnyValue:StringLike", ["a*"], ["c", "ab"], True),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], True),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "a"], False),
        ("ForAllValues:StringEqualsIfExists", ["a"], None, True),
        ("StringEquals", ["a"], "A", False),
        ("StringEqualsIgnoreCase", ["a"], "A", True),
        ("StringNotEqualsIgnoreCase", ["a"], "A", False),
        ("StringNotLike", ["a*"], "ab", False),
        ("StringLike", ["a?"], "ab", True),
        ("ArnNotEquals", ["arn:*"], "arn:x", False),
        ("StringNotEqualsIfExists", ["a"], None, True),
        ("Null", "true", None, True),
        ("Null", "true", "a", False),
        ("Null", "false", "a", True),
        ("Bool", "true", "true", True),
    ],
)
def test_condition_operator(operator: str, wanted: Any, keys: Any, holds: bool) -> None:
    statement = {"Action": "a:B", "Resource": "*", "Condition": {operator: {"aws:TagKeys": wanted}}}
    context = {} if keys is None else {"aws:TagKeys": keys}
    assert covers(statement, "a:B", "x", context) is holds


@pytest.mark.parametrize(
    ("elements", "covered"),
    [
        ({"NotAction": ["a:B"], "Resource": "*"}, False),
        ({"NotAction": ["a:C*"], "Resource": "*"}, True),
        ({"Action": "*", "NotResource": ["y"]}, True),
        ({"Action": "*", "NotResource": ["x*"]}, False),
        ({"Action": "a:?", "Resource": "x"}, True),
    ],
)
def test_negated_elements(elements: dict[str, Any], covered: bool) -> None:
    assert covers(elements, "a:B", "x", {}) is covered


def test_tag_of_the_resource_is_not_that_of_the_request() -> None:
    policy = {
        "Statement": {
            "Effect": "Allow",
            "Action": "ec2:*",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/owner": "us"}},
        }
    }
    decide: Callable[[str], bool] = lambda key: allows(  # noqa: E731
        [policy], "ec2:CreateTags", "x", context={key: "us"}
    )
    assert decide("aws:ResourceTag/owner")
    assert decide("aws:resourcetag/owner")
    assert not decide("aws:RequestTag/owner")
    assert not decide("ec2:ResourceTag/owner")
