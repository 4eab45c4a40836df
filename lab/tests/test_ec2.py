"""EC2: validation, and states that change over time.

The expected responses are those of the EC2 API reference and user guide; the tests name the pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from vmseries_lab.aws.ec2.interfaces import ATTACHING_SECONDS
from vmseries_lab.aws.in_process import IMAGE, InProcessAws, in_process_aws


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as lab:
        yield lab


@pytest.fixture
def ec2(aws: InProcessAws) -> Any:
    return aws.client("ec2")


def error_of(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def launch(aws: InProcessAws, zone: int = 0, instance_type: str = "m5.xlarge") -> str:
    answer = aws.client("ec2").run_instances(
        ImageId=IMAGE,
        InstanceType=instance_type,
        MinCount=1,
        MaxCount=1,
        SubnetId=aws.subnets[zone],
        SecurityGroupIds=[aws.security_group],
    )
    return str(answer["Instances"][0]["InstanceId"])


def running(aws: InProcessAws, zone: int = 0, instance_type: str = "m5.xlarge") -> str:
    instance_id = launch(aws, zone, instance_type)
    aws.world.advance(15)
    return instance_id


def interface(aws: InProcessAws, zone: int = 0, **more: Any) -> str:
    answer = aws.client("ec2").create_network_interface(
        SubnetId=aws.subnets[zone], Groups=[aws.security_group], **more
    )
    return str(answer["NetworkInterface"]["NetworkInterfaceId"])


def attach(aws: InProcessAws, interface_id: str, instance_id: str, index: int = 1) -> str:
    answer = aws.client("ec2").attach_network_interface(
        NetworkInterfaceId=interface_id, InstanceId=instance_id, DeviceIndex=index
    )
    return str(answer["AttachmentId"])


def described(ec2: Any, interface_id: str) -> dict[str, Any]:
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface_id])
    return dict(found["NetworkInterfaces"][0])


class TestInstances:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html"""

    def test_start_and_end_take_time(self, aws: InProcessAws, ec2: Any) -> None:
        instance_id = launch(aws)
        assert aws.instance(instance_id)["State"]["Name"] == "pending"
        aws.world.advance(15)
        assert aws.instance(instance_id)["State"]["Name"] == "running"
        ec2.terminate_instances(InstanceIds=[instance_id])
        assert aws.instance(instance_id)["State"]["Name"] == "shutting-down"
        aws.world.advance(35)
        assert aws.instance(instance_id)["State"]["Name"] == "terminated"
        states = [d["state"] for kind, d in aws.events if kind.startswith("EC2 Instance State")]
        assert states == ["pending", "running", "shutting-down", "terminated"]

    def test_a_terminated_instance_shows_the_time(self, aws: InProcessAws, ec2: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html"""
        instance_id = running(aws)
        assert aws.instance(instance_id)["StateTransitionReason"] == ""
        began = aws.world.clock.utc()
        ec2.terminate_instances(InstanceIds=[instance_id])
        aws.world.advance(35)
        reason = aws.instance(instance_id)["StateTransitionReason"]
        assert reason == f"User initiated ({began:%Y-%m-%d %H:%M:%S} GMT)"

    def test_termination_deletes_or_keeps_interfaces_as_they_say(
        self, aws: InProcessAws, ec2: Any
    ) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html"""
        instance_id = running(aws)
        kept, doomed = interface(aws), interface(aws)
        attach(aws, kept, instance_id, 1)
        attachment = attach(aws, doomed, instance_id, 2)
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=doomed,
            Attachment={"AttachmentId": attachment, "DeleteOnTermination": True},
        )
        ec2.terminate_instances(InstanceIds=[instance_id])
        aws.world.advance(35)
        left = ec2.describe_network_interfaces()["NetworkInterfaces"]
        assert [(i["NetworkInterfaceId"], i["Status"]) for i in left] == [(kept, "available")]

    def test_host_name_type(self, aws: InProcessAws) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html"""
        aws.build_group(hooks=False)
        aws.world.advance(15)
        (instance_id,) = aws.states()
        assert aws.instance(instance_id)["PrivateDnsName"] == f"{instance_id}.ec2.internal"
        other = aws.instance(running(aws))
        address = other["PrivateIpAddress"].replace(".", "-")
        assert other["PrivateDnsName"] == f"ip-{address}.ec2.internal"


class TestCreateAndDelete:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterface.html"""

    def test_one_interface_per_client_token(self, aws: InProcessAws, ec2: Any) -> None:
        """https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html"""
        first = interface(aws, ClientToken="t-1")
        assert interface(aws, ClientToken="t-1") == first
        assert interface(aws, ClientToken="t-2") != first
        code, _ = error_of(ec2.create_network_interface, SubnetId=aws.subnets[1], ClientToken="t-1")
        assert code == "IdempotentParameterMismatch"

    def test_tags_groups_and_addresses_of_the_subnet(self, aws: InProcessAws, ec2: Any) -> None:
        tags = [{"ResourceType": "network-interface", "Tags": [{"Key": "a", "Value": "b"}]}]
        made = [interface(aws, Description="mgmt", TagSpecifications=tags) for _ in range(20)]
        found = [described(ec2, interface_id) for interface_id in made]
        addresses = {one["PrivateIpAddress"] for one in found}
        assert len(addresses) == 20
        assert all(address.startswith("10.0.0.") for address in addresses)
        # The first four addresses and the last one of a subnet are reserved.
        # https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
        assert not addresses & {f"10.0.0.{n}" for n in (0, 1, 2, 3, 255)}
        assert found[0]["TagSet"] == [{"Key": "a", "Value": "b"}]
        assert found[0]["Groups"] == [{"GroupId": aws.security_group, "GroupName": "data"}]
        assert found[0]["Description"] == "mgmt"

    def test_full_subnet(self, aws: InProcessAws, ec2: Any) -> None:
        """A /28 has 16 addresses, 5 of them reserved."""
        subnet = ec2.create_subnet(
            VpcId=aws.vpc, CidrBlock="10.0.100.0/28", AvailabilityZone="us-east-1a"
        )["Subnet"]["SubnetId"]
        for _ in range(11):
            ec2.create_network_interface(SubnetId=subnet)
        code, _ = error_of(ec2.create_network_interface, SubnetId=subnet)
        assert code == "InsufficientFreeAddressesInSubnet"
        first = ec2.describe_network_interfaces(
            Filters=[{"Name": "subnet-id", "Values": [subnet]}]
        )["NetworkInterfaces"][0]["NetworkInterfaceId"]
        ec2.delete_network_interface(NetworkInterfaceId=first)
        ec2.create_network_interface(SubnetId=subnet)

    def test_unknown_group(self, aws: InProcessAws, ec2: Any) -> None:
        code, _ = error_of(
            ec2.create_network_interface, SubnetId=aws.subnets[0], Groups=["sg-0123456789abcdef0"]
        )
        assert code == "InvalidGroup.NotFound"

    def test_delete_in_use_and_unknown(self, aws: InProcessAws, ec2: Any) -> None:
        """Text: https://github.com/gruntwork-io/cloud-nuke/issues/431"""
        instance_id, interface_id = running(aws), interface(aws)
        attach(aws, interface_id, instance_id)
        assert error_of(ec2.delete_network_interface, NetworkInterfaceId=interface_id) == (
            "InvalidParameterValue",
            f"Network interface '{interface_id}' is currently in use.",
        )
        code, _ = error_of(ec2.delete_network_interface, NetworkInterfaceId="eni-0123456789abcdef0")
        assert code == "InvalidNetworkInterfaceID.NotFound"

    def test_deleting_a_nat_gateway_deletes_its_interface(
        self, aws: InProcessAws, ec2: Any
    ) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html"""
        allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
        gateway = ec2.create_nat_gateway(SubnetId=aws.subnets[0], AllocationId=allocation)
        assert error_of(ec2.delete_subnet, SubnetId=aws.subnets[0])[0] == "DependencyViolation"
        ec2.delete_nat_gateway(NatGatewayId=gateway["NatGateway"]["NatGatewayId"])
        ec2.release_address(AllocationId=allocation)
        ec2.delete_subnet(SubnetId=aws.subnets[0])

    def test_resources_in_use_by_interfaces_cannot_be_deleted(
        self, aws: InProcessAws, ec2: Any
    ) -> None:
        """DependencyViolation in https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""
        interface_id = interface(aws)
        for call, parameters in (
            (ec2.delete_subnet, {"SubnetId": aws.subnets[0]}),
            (ec2.delete_security_group, {"GroupId": aws.security_group}),
        ):
            assert error_of(call, **parameters)[0] == "DependencyViolation"
        ec2.delete_network_interface(NetworkInterfaceId=interface_id)
        ec2.delete_subnet(SubnetId=aws.subnets[0])
        ec2.delete_security_group(GroupId=aws.security_group)


class TestAttach:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network-interface-attachments.html"""

    def test_attaching_takes_a_moment(self, aws: InProcessAws, ec2: Any) -> None:
        instance_id, interface_id = running(aws), interface(aws)
        attach(aws, interface_id, instance_id)
        found = described(ec2, interface_id)
        assert (found["Status"], found["Attachment"]["Status"]) == ("in-use", "attaching")
        aws.world.advance(3)
        assert described(ec2, interface_id)["Attachment"]["Status"] == "attached"
        assert described(ec2, interface_id)["Attachment"]["DeleteOnTermination"] is False

    def test_an_attachment_is_complete_at_its_time_without_a_tick(
        self, aws: InProcessAws, ec2: Any
    ) -> None:
        """A function that slept looked before the engines had ticked, and slept again."""
        interface_id = interface(aws)
        attach(aws, interface_id, running(aws))
        aws.world.clock.jump(ATTACHING_SECONDS)
        assert described(ec2, interface_id)["Attachment"]["Status"] == "attached"

    def test_a_detachment_may_never_end(self, aws: InProcessAws, ec2: Any) -> None:
        instance_id, interface_id = running(aws), interface(aws)
        attachment = attach(aws, interface_id, instance_id)
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=interface_id,
            Attachment={"AttachmentId": attachment, "DeleteOnTermination": True},
        )
        ec2.detach_network_interface(AttachmentId=attachment)
        aws.world.advance(24 * 3600)
        assert described(ec2, interface_id)["Attachment"]["Status"] == "detaching"
        ec2.terminate_instances(InstanceIds=[instance_id])
        aws.world.advance(60)
        code, _ = error_of(ec2.describe_network_interfaces, NetworkInterfaceIds=[interface_id])
        assert code == "InvalidNetworkInterfaceID.NotFound"

    def test_detaching_takes_some_seconds(self, aws: InProcessAws, ec2: Any) -> None:
        aws.world.assumptions.set(detach="seconds")
        instance_id, interface_id = running(aws), interface(aws)
        attachment = attach(aws, interface_id, instance_id)
        aws.world.advance(3)
        ec2.detach_network_interface(AttachmentId=attachment)
        assert described(ec2, interface_id)["Attachment"]["Status"] == "detaching"
        code, _ = error_of(ec2.delete_network_interface, NetworkInterfaceId=interface_id)
        assert code == "InvalidParameterValue"
        aws.world.advance(6)
        assert described(ec2, interface_id)["Status"] == "available"
        ec2.delete_network_interface(NetworkInterfaceId=interface_id)

    @pytest.mark.parametrize(
        ("case", "code"),
        [
            ("in use", "InvalidNetworkInterface.InUse"),
            ("index used", "InvalidParameterValue"),
            ("other zone", "InvalidParameterCombination"),
            ("type's limit", "AttachmentLimitExceeded"),
            ("still pending", "IncorrectState"),
        ],
    )
    def test_rejected_attachments(self, aws: InProcessAws, ec2: Any, case: str, code: str) -> None:
        """The limit of m5.xlarge is 4 interfaces:
        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AvailableIpPerENI.html
        """
        instance_id = launch(aws) if case == "still pending" else running(aws)
        interface_id, index = interface(aws, zone=1 if case == "other zone" else 0), 3
        if case == "in use":
            attach(aws, interface_id, instance_id, 1)
        if case == "index used":
            attach(aws, interface(aws), instance_id, 3)
        if case == "type's limit":
            for used in (1, 2, 3):
                attach(aws, interface(aws), instance_id, used)
            index = 4
        answer, _ = error_of(
            ec2.attach_network_interface,
            NetworkInterfaceId=interface_id,
            InstanceId=instance_id,
            DeviceIndex=index,
        )
        assert answer == code

    def test_primary_stays(self, aws: InProcessAws, ec2: Any) -> None:
        primary = aws.instance(running(aws))["NetworkInterfaces"][0]
        code, _ = error_of(
            ec2.detach_network_interface, AttachmentId=primary["Attachment"]["AttachmentId"]
        )
        assert code == "OperationNotPermitted"

    def test_modified_attributes_are_kept(self, aws: InProcessAws, ec2: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html"""
        instance_id, interface_id = running(aws), interface(aws)
        attachment = attach(aws, interface_id, instance_id)
        modify = ec2.modify_network_interface_attribute
        modify(NetworkInterfaceId=interface_id, SourceDestCheck={"Value": False})
        wanted = {"AttachmentId": attachment, "DeleteOnTermination": True}
        modify(NetworkInterfaceId=interface_id, Attachment=wanted)
        found = described(ec2, interface_id)
        assert found["SourceDestCheck"] is False
        assert found["Attachment"]["DeleteOnTermination"] is True
        both = {"SourceDestCheck": {"Value": True}, "Attachment": wanted}
        assert error_of(modify, NetworkInterfaceId=interface_id, **both)[0] == (
            "InvalidParameterCombination"
        )
        other = {"AttachmentId": "eni-attach-0123456789abcdef0", "DeleteOnTermination": False}
        assert error_of(modify, NetworkInterfaceId=interface_id, Attachment=other)[0] == (
            "InvalidAttachmentID.NotFound"
        )

    def test_check_of_the_instance_is_that_of_its_primary(
        self, aws: InProcessAws, ec2: Any
    ) -> None:
        instance_id = running(aws)
        primary = aws.instance(instance_id)["NetworkInterfaces"][0]["NetworkInterfaceId"]
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=primary, SourceDestCheck={"Value": False}
        )
        assert aws.instance(instance_id)["SourceDestCheck"] is False


class TestDescribe:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html"""

    def test_filters(self, aws: InProcessAws, ec2: Any) -> None:
        instance_id, interface_id, other = running(aws), interface(aws), interface(aws)
        ec2.create_tags(
            Resources=[interface_id],
            Tags=[{"Key": "group", "Value": "fw"}, {"Key": "n", "Value": "1"}],
        )
        attachment = attach(aws, interface_id, instance_id, 2)
        aws.world.advance(3)
        address = ec2.allocate_address(Domain="vpc")
        ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface_id)
        for name, value in (
            ("attachment.device-index", "2"),
            ("attachment.attachment-id", attachment),
            ("tag:group", "fw"),
            ("tag:group", "f?"),
            ("tag-key", "group"),
            ("association.public-ip", address["PublicIp"]),
            ("association.allocation-id", address["AllocationId"]),
        ):
            found = ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": [value]}])
            ids = [one["NetworkInterfaceId"] for one in found["NetworkInterfaces"]]
            assert ids == [interface_id], name
        for name, value in (
            ("attachment.status", "attached"),
            ("attachment.delete-on-termination", "true"),
            ("status", "available"),
        ):
            found = ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": [value]}])
            ids = {one["NetworkInterfaceId"] for one in found["NetworkInterfaces"]}
            assert (interface_id in ids) is (name == "attachment.status"), name
            assert (other in ids) is (name == "status"), name

    @pytest.mark.refused("ec2:DescribeNetworkInterfaces")
    def test_pages(self, aws: InProcessAws, ec2: Any) -> None:
        made = {interface(aws) for _ in range(12)}
        pages = list(
            ec2.get_paginator("describe_network_interfaces").paginate(
                PaginationConfig={"PageSize": 5}
            )
        )
        assert [len(page["NetworkInterfaces"]) for page in pages] == [5, 5, 2]
        seen = {one["NetworkInterfaceId"] for page in pages for one in page["NetworkInterfaces"]}
        assert seen == made
        describe = ec2.describe_network_interfaces
        assert error_of(describe, MaxResults=1001)[0] == "InvalidParameterValue"
        both = {"NetworkInterfaceIds": sorted(made), "MaxResults": 5}
        assert error_of(describe, **both)[0] == "InvalidParameterCombination"
        assert error_of(describe, NextToken="no", MaxResults=5)[0] == "InvalidPaginationToken"


class TestAddresses:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html"""

    def test_quota(self, aws: InProcessAws, ec2: Any) -> None:
        aws.ec2_engine.addresses.quota = 2
        first = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.allocate_address(Domain="vpc")
        assert error_of(ec2.allocate_address, Domain="vpc")[0] == "AddressLimitExceeded"
        ec2.release_address(AllocationId=first)
        ec2.allocate_address(Domain="vpc")

    def test_association_shows_on_the_interface(self, aws: InProcessAws, ec2: Any) -> None:
        interface_id, address = interface(aws), ec2.allocate_address(Domain="vpc")
        allocation = address["AllocationId"]
        associate = {"AllocationId": allocation, "NetworkInterfaceId": interface_id}
        first = ec2.associate_address(**associate)["AssociationId"]
        assert ec2.associate_address(**associate)["AssociationId"] == first
        association = described(ec2, interface_id)["Association"]
        assert association["PublicIp"] == address["PublicIp"]
        assert association["AllocationId"] == allocation
        assert association["AssociationId"] == first

    def test_release_needs_no_association(self, aws: InProcessAws, ec2: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html"""
        interface_id = interface(aws)
        allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
        association = ec2.associate_address(
            AllocationId=allocation, NetworkInterfaceId=interface_id
        )["AssociationId"]
        assert error_of(ec2.release_address, AllocationId=allocation)[0] == (
            "InvalidIPAddress.InUse"
        )
        ec2.disassociate_address(AssociationId=association)
        assert "Association" not in described(ec2, interface_id)
        ec2.release_address(AllocationId=allocation)

    def test_deleting_the_interface_frees_the_address(self, aws: InProcessAws, ec2: Any) -> None:
        interface_id = interface(aws)
        allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=interface_id)
        ec2.delete_network_interface(NetworkInterfaceId=interface_id)
        (address,) = ec2.describe_addresses()["Addresses"]
        assert "AssociationId" not in address
        ec2.release_address(AllocationId=allocation)

    def test_reassociation(self, aws: InProcessAws, ec2: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateAddress.html"""
        one, two = interface(aws), interface(aws)
        allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=one)
        forbidden = {"AllowReassociation": False, "NetworkInterfaceId": two}
        code, _ = error_of(ec2.associate_address, AllocationId=allocation, **forbidden)
        assert code == "Resource.AlreadyAssociated"
        ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=two)
        assert "Association" not in described(ec2, one)
        assert "Association" in described(ec2, two)

    def test_internet_gateway_is_needed(self, aws: InProcessAws, ec2: Any) -> None:
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
        lonely = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
        code, _ = error_of(
            ec2.associate_address,
            AllocationId=allocation,
            NetworkInterfaceId=lonely["NetworkInterfaceId"],
        )
        assert code == "Gateway.NotAttached"


class TestTemplatesAndImages:
    def test_template_reads_back_as_written(self, aws: InProcessAws, ec2: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html"""
        data = {"InstanceType": "m5.xlarge", "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "fw"}]}
        ]}  # fmt: skip
        template = ec2.create_launch_template(
            LaunchTemplateName="template",
            LaunchTemplateData=data,
            TagSpecifications=[
                {"ResourceType": "launch-template", "Tags": [{"Key": "own", "Value": "1"}]}
            ],
        )["LaunchTemplate"]["LaunchTemplateId"]
        (version,) = ec2.describe_launch_template_versions(LaunchTemplateId=template)[
            "LaunchTemplateVersions"
        ]
        assert version["LaunchTemplateData"] == data
        ec2.create_tags(Resources=[template], Tags=[{"Key": "later", "Value": "2"}])
        (found,) = ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"]
        assert {tag["Key"] for tag in found["Tags"]} == {"own", "later"}

    def test_marketplace_images(self, aws: InProcessAws, ec2: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html"""
        found = ec2.describe_images(
            Owners=["aws-marketplace"],
            Filters=[
                {"Name": "name", "Values": ["PA-VM-AWS-11.2.15*"]},
                {"Name": "product-code", "Values": ["6njl1pau431dv1qxipg63mvah"]},
            ],
        )["Images"]
        assert len(found) == 1
        assert found[0]["OwnerId"] == "679593333241"
        assert found[0]["Architecture"] == "x86_64"
        assert found[0]["ProductCodes"] == [
            {"ProductCodeId": "6njl1pau431dv1qxipg63mvah", "ProductCodeType": "marketplace"}
        ]


PANOS = "11.2.15"
QUERY = {
    "Owners": ["aws-marketplace"],
    "Filters": [
        {"Name": "name", "Values": [f"PA-VM-AWS-{PANOS}*"]},
        {"Name": "product-code", "Values": ["6njl1pau431dv1qxipg63mvah"]},
    ],
}


class TestImages:
    """Images of the Marketplace that their publisher deprecates, removes or publishes again."""

    def test_a_deprecated_image_is_hidden_unless_it_is_requested(
        self, aws: InProcessAws, ec2: Any
    ) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html"""
        (image,) = ec2.describe_images(**QUERY)["Images"]
        aws.marketplace.change(version=PANOS, state="deprecated")
        assert ec2.describe_images(**QUERY)["Images"] == []
        (shown,) = ec2.describe_images(**QUERY, IncludeDeprecated=True)["Images"]
        assert shown["ImageId"] == image["ImageId"]
        assert shown["DeprecationTime"] < image["DeprecationTime"]
        (by_id,) = ec2.describe_images(ImageIds=[image["ImageId"]])["Images"]
        assert by_id["ImageId"] == image["ImageId"]

    def test_an_image_is_deprecated_after_two_years(self, aws: InProcessAws, ec2: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageDeprecation.html"""
        aws.world.clock.jump(2 * 366 * 86_400)
        assert ec2.describe_images(**QUERY)["Images"] == []

    def test_instances_can_be_launched_from_a_deprecated_image(
        self, aws: InProcessAws, ec2: Any
    ) -> None:
        (image,) = ec2.describe_images(**QUERY)["Images"]
        aws.marketplace.change(version=PANOS, state="deprecated")
        template = aws.build_template(ImageId=image["ImageId"])
        aws.build_group(
            hooks=False,
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        )
        aws.world.advance(30)
        assert list(aws.states().values()) == ["InService"]

    def test_a_deregistered_image_is_gone(self, aws: InProcessAws, ec2: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/deregister-ami.html"""
        assert len(ec2.describe_images(**QUERY)["Images"]) == 1
        aws.marketplace.change(version=PANOS, state="deregistered")
        assert ec2.describe_images(**QUERY, IncludeDeprecated=True)["Images"] == []

    def test_a_version_can_be_published_again(self, aws: InProcessAws, ec2: Any) -> None:
        (first,) = ec2.describe_images(**QUERY)["Images"]
        again = aws.marketplace.change(version=PANOS, state="republished")
        found = ec2.describe_images(**QUERY)["Images"]
        assert len(found) == 2
        newest = max(found, key=lambda image: image["CreationDate"])
        assert newest["ImageId"] in again
        assert newest["Name"] == first["Name"]

    def test_an_unknown_version_or_state_is_refused(self, aws: InProcessAws) -> None:
        with pytest.raises(ValueError, match="no image of PAN-OS 9"):
            aws.marketplace.change(version="9.1.0", state="deprecated")
        with pytest.raises(ValueError, match="sold"):
            aws.marketplace.change(version=PANOS, state="sold")


def test_ip_address_types_of_an_endpoint_service(aws: InProcessAws, ec2: Any) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ServiceConfiguration.html"""
    elb = aws.client("elbv2")

    def balancer(kind: str) -> str:
        made = elb.create_load_balancer(
            Name=kind, Type="gateway", Subnets=aws.subnets, IpAddressType=kind
        )
        return str(made["LoadBalancers"][0]["LoadBalancerArn"])

    def types_of(service: str) -> list[str]:
        (found,) = ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[service])[
            "ServiceConfigurations"
        ]
        return list(found["SupportedIpAddressTypes"])

    single, dual = (
        ec2.create_vpc_endpoint_service_configuration(
            GatewayLoadBalancerArns=[balancer(kind)], AcceptanceRequired=False
        )["ServiceConfiguration"]["ServiceId"]
        for kind in ("ipv4", "dualstack")
    )
    assert types_of(single) == ["ipv4"]
    ec2.modify_vpc_endpoint_service_configuration(
        ServiceId=dual, AddSupportedIpAddressTypes=["ipv6"]
    )
    assert types_of(dual) == ["ipv4", "ipv6"]
    assert (
        error_of(
            ec2.modify_vpc_endpoint_service_configuration,
            ServiceId=single,
            AddSupportedIpAddressTypes=["ipv6"],
        )[0]
        == "InvalidParameterValue"
    )


def test_instance_types_are_offered_in_every_region(aws: InProcessAws) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html"""
    for region, zones in (("us-east-1", 5), ("us-gov-west-1", 2)):
        client = boto3.client("ec2", region_name=region)
        found = client.describe_instance_type_offerings(
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": ["m5.xlarge"]}],
        )["InstanceTypeOfferings"]
        assert len(found) >= zones
        assert all(offering["Location"].startswith(region) for offering in found)


def test_address_that_is_not_associated_shows_no_interface(aws: InProcessAws) -> None:
    """API_Address: NetworkInterfaceId is the interface that the address is associated with."""
    ec2 = aws.client("ec2")
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    (address,) = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
    assert "NetworkInterfaceId" not in address
