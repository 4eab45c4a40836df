"""Network interfaces: as EC2 describes them, and each action that changes one."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from vmseries_autoscale.aws import tags
from vmseries_autoscale.aws.tags import Owner

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import (
        InstanceNetworkInterfaceTypeDef,
        NetworkInterfaceTypeDef,
    )

    from vmseries_autoscale.aws.network.wiring import Change

logger = logging.getLogger(__name__)


class Status(StrEnum):
    """How an interface stands to an instance, in EC2's words for an attachment."""

    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHING = "detaching"
    DETACHED = "detached"


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface.

    Attributes:
        name: the name that this module gave it by tag; ``None`` for what it did not make.
        status: of the attachment; the fields below it mean nothing when it is ``DETACHED``.
    """

    interface_id: str
    name: str | None = None
    private_ip: str | None = None
    source_dest_check: bool = True
    status: Status = Status.DETACHED
    instance_id: str | None = None
    attachment_id: str | None = None
    device_index: int | None = None
    delete_on_termination: bool = False


def look(
    ec2: EC2Client, deployment: str, instance_ids: Iterable[str] | None = None
) -> dict[str, list[Interface]]:
    """The interfaces that ``deployment`` made for these instances or for any, attached or not."""
    found: dict[str, list[Interface]] = {}
    pages = ec2.get_paginator("describe_network_interfaces").paginate(
        Filters=tags.belonging_to(deployment, instance_ids)
    )
    for page in pages:
        for description in page["NetworkInterfaces"]:
            own = tags.from_aws(description["TagSet"])
            found.setdefault(own[tags.INSTANCE_ID], []).append(_own(description, own))
    return found


def taken(ec2: EC2Client, vpc_id: str, addresses: Iterable[str]) -> set[str]:
    """Those of the private addresses that any interface in the VPC has."""
    pages = ec2.get_paginator("describe_network_interfaces").paginate(
        Filters=[
            {"Name": "vpc-id", "Values": [vpc_id]},
            {"Name": "addresses.private-ip-address", "Values": sorted(addresses)},
        ]
    )
    return {
        address["PrivateIpAddress"]
        for page in pages
        for interface in page["NetworkInterfaces"]
        for address in interface["PrivateIpAddresses"]
    }


def of_instance(instance_id: str, description: InstanceNetworkInterfaceTypeDef) -> Interface:
    """An interface as DescribeInstances shows it: attached, and without its tags."""
    attachment = description["Attachment"]
    return Interface(
        interface_id=description["NetworkInterfaceId"],
        private_ip=description.get("PrivateIpAddress"),
        source_dest_check=description["SourceDestCheck"],
        status=Status(attachment["Status"]),
        instance_id=instance_id,
        attachment_id=attachment["AttachmentId"],
        device_index=attachment["DeviceIndex"],
        delete_on_termination=attachment["DeleteOnTermination"],
    )


def _own(description: NetworkInterfaceTypeDef, own: Mapping[str, str]) -> Interface:
    attachment = description.get("Attachment", {})
    return Interface(
        interface_id=description["NetworkInterfaceId"],
        name=own[tags.INTERFACE],
        private_ip=description.get("PrivateIpAddress"),
        source_dest_check=description["SourceDestCheck"],
        status=Status(attachment.get("Status", Status.DETACHED)),
        instance_id=attachment.get("InstanceId"),
        attachment_id=attachment.get("AttachmentId"),
        device_index=attachment.get("DeviceIndex"),
        delete_on_termination=attachment.get("DeleteOnTermination", False),
    )


@dataclass(frozen=True, slots=True)
class CreateInterface:
    """Create the interface called ``name``."""

    owner: Owner
    name: str
    device_index: int
    subnet_id: str
    security_group_ids: tuple[str, ...]

    def carry_out(self, ec2: EC2Client) -> Change:
        """Create it.

        The token makes EC2 answer a repeated request with the interface of the first one, for as
        long as a search by tag may not show it yet.
        """
        token = hashlib.sha256(f"{self.owner.instance_id}/{self.name}".encode()).hexdigest()
        made = ec2.create_network_interface(
            ClientToken=token,
            Description=f"{self.name} of {self.owner.instance_id}",
            SubnetId=self.subnet_id,
            Groups=list(self.security_group_ids),
            TagSpecifications=[
                {
                    "ResourceType": "network-interface",
                    "Tags": self.owner.tags(self.name, self.device_index),
                }
            ],
        )["NetworkInterface"]
        interface = Interface(made["NetworkInterfaceId"], self.name, made.get("PrivateIpAddress"))
        _log("Created an interface", interface.interface_id, interface=self.name)
        return lambda wiring: wiring.with_interface(interface)


@dataclass(frozen=True, slots=True)
class AttachInterface:
    """Attach an interface to an instance."""

    interface_id: str
    instance_id: str
    device_index: int

    def carry_out(self, ec2: EC2Client) -> Change:
        """Ask for the attachment; EC2 finishes it within a second or two."""
        answer = ec2.attach_network_interface(
            NetworkInterfaceId=self.interface_id,
            InstanceId=self.instance_id,
            DeviceIndex=self.device_index,
        )
        _log("Attached an interface", self.interface_id, device_index=self.device_index)
        return lambda wiring: wiring.changed_interface(
            self.interface_id,
            status=Status.ATTACHING,
            instance_id=self.instance_id,
            attachment_id=answer["AttachmentId"],
            device_index=self.device_index,
            delete_on_termination=False,
        )


@dataclass(frozen=True, slots=True)
class DeleteWithInstance:
    """Have EC2 delete the interface when its instance terminates."""

    interface_id: str
    attachment_id: str

    def carry_out(self, ec2: EC2Client) -> Change:
        """Set DeleteOnTermination, which is false on whatever is attached to a running instance."""
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=self.interface_id,
            Attachment={"AttachmentId": self.attachment_id, "DeleteOnTermination": True},
        )
        _log("Set DeleteOnTermination", self.interface_id)
        return lambda wiring: wiring.changed_interface(
            self.interface_id, delete_on_termination=True
        )


@dataclass(frozen=True, slots=True)
class SetSourceDestCheck:
    """Switch the source/destination check."""

    interface_id: str
    enabled: bool

    def carry_out(self, ec2: EC2Client) -> Change:
        """Switch it; one call changes one attribute only, so that this cannot join another one."""
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=self.interface_id, SourceDestCheck={"Value": self.enabled}
        )
        _log("Set the source/dest check", self.interface_id, enabled=self.enabled)
        return lambda wiring: wiring.changed_interface(
            self.interface_id, source_dest_check=self.enabled
        )


@dataclass(frozen=True, slots=True)
class DetachInterface:
    """Detach an interface."""

    interface_id: str
    attachment_id: str

    def carry_out(self, ec2: EC2Client) -> Change:
        """Ask for the detachment; EC2 finishes it later, and a later visit looks."""
        ec2.detach_network_interface(AttachmentId=self.attachment_id)
        _log("Asked to detach an interface", self.interface_id)
        return lambda wiring: wiring.changed_interface(self.interface_id, status=Status.DETACHING)


@dataclass(frozen=True, slots=True)
class DeleteInterface:
    """Delete a detached interface, which also frees its address."""

    interface_id: str

    def carry_out(self, ec2: EC2Client) -> Change:
        """Delete it."""
        ec2.delete_network_interface(NetworkInterfaceId=self.interface_id)
        _log("Deleted an interface", self.interface_id)
        return lambda wiring: wiring.without_interface(self.interface_id)


def _log(message: str, interface_id: str, **others: str | int) -> None:
    logger.info(message, extra={"step": "interfaces", "interface_id": interface_id, **others})
