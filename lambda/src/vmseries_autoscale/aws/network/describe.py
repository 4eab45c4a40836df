"""Read network interfaces and Elastic IP addresses from EC2.

This module's own objects are found by their tags, never by their attachments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vmseries_autoscale.aws import limits, tags
from vmseries_autoscale.aws.network.state import Address, Interface, Status

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import (
        InstanceNetworkInterfaceTypeDef,
        NetworkInterfaceTypeDef,
    )


def describe_interfaces(
    ec2: EC2Client, deployment: str, instance_ids: Iterable[str] | None = None
) -> dict[str, list[Interface]]:
    """Return the interfaces that a deployment created, by instance id, attached or not.

    Args:
        ec2: Client of Amazon EC2.
        deployment: Name of the deployment.
        instance_ids: Instances that the interfaces were created for; ``None`` for all.
    """
    interfaces: dict[str, list[Interface]] = {}
    pages = ec2.get_paginator("describe_network_interfaces").paginate(
        Filters=tags.filters_for(deployment, instance_ids)
    )
    for page in pages:
        for description in page["NetworkInterfaces"]:
            tag_values = tags.from_aws(description["TagSet"])
            interface = _tagged_interface(description, tag_values)
            interfaces.setdefault(tag_values[tags.INSTANCE_ID], []).append(interface)
    return interfaces


def describe_addresses(
    ec2: EC2Client, deployment: str, instance_ids: Iterable[str] | None = None
) -> dict[str, list[Address]]:
    """Return the Elastic IP addresses that a deployment allocated, by instance id.

    Args:
        ec2: Client of Amazon EC2.
        deployment: Name of the deployment.
        instance_ids: Instances that the addresses were allocated for; ``None`` for all.
    """
    addresses: dict[str, list[Address]] = {}
    response = ec2.describe_addresses(Filters=tags.filters_for(deployment, instance_ids))
    for description in response["Addresses"]:
        tag_values = tags.from_aws(description.get("Tags"))
        address = Address(
            allocation_id=description["AllocationId"],
            name=tag_values[tags.INTERFACE],
            association_id=description.get("AssociationId"),
            interface_id=description.get("NetworkInterfaceId"),
        )
        addresses.setdefault(tag_values[tags.INSTANCE_ID], []).append(address)
    return addresses


def address_owners(ec2: EC2Client, vpc_id: str, addresses: Iterable[str]) -> dict[str, str | None]:
    """Return which private ``addresses`` interfaces in the VPC have.

    Returns:
        For each address of an interface, the instance to which the interface is attached; ``None``
        if it is not attached.
    """
    paginator = ec2.get_paginator("describe_network_interfaces")
    # One value is that of the VPC.
    return {
        address["PrivateIpAddress"]: interface.get("Attachment", {}).get("InstanceId")
        for values in limits.batches(sorted(addresses), limits.MAXIMUM_FILTER_VALUES - 1)
        for page in paginator.paginate(
            Filters=[
                {"Name": "vpc-id", "Values": [vpc_id]},
                {"Name": "addresses.private-ip-address", "Values": values},
            ]
        )
        for interface in page["NetworkInterfaces"]
        for address in interface["PrivateIpAddresses"]
    }


def attached_interface(instance_id: str, description: InstanceNetworkInterfaceTypeDef) -> Interface:
    """Convert an interface from DescribeInstances, which shows interfaces without their tags."""
    attachment = description["Attachment"]
    return Interface(
        interface_id=description["NetworkInterfaceId"],
        private_ip=description.get("PrivateIpAddress"),
        mac=description.get("MacAddress", "").lower() or None,
        source_dest_check=description["SourceDestCheck"],
        status=Status(attachment["Status"]),
        instance_id=instance_id,
        attachment_id=attachment["AttachmentId"],
        device_index=attachment["DeviceIndex"],
        delete_on_termination=attachment["DeleteOnTermination"],
    )


def _tagged_interface(
    description: NetworkInterfaceTypeDef, tag_values: Mapping[str, str]
) -> Interface:
    attachment = description.get("Attachment", {})
    return Interface(
        interface_id=description["NetworkInterfaceId"],
        name=tag_values[tags.INTERFACE],
        private_ip=description.get("PrivateIpAddress"),
        mac=description.get("MacAddress", "").lower() or None,
        source_dest_check=description["SourceDestCheck"],
        status=Status(attachment.get("Status", Status.DETACHED)),
        instance_id=attachment.get("InstanceId"),
        attachment_id=attachment.get("AttachmentId"),
        device_index=attachment.get("DeviceIndex"),
        delete_on_termination=attachment.get("DeleteOnTermination", False),
    )
