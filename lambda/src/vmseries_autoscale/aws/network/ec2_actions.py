"""Actions on interfaces and addresses. Each action is one EC2 call and its effect on the state.

``idempotent`` tells whether the SDK may repeat the call if it gets no response: a second call then
changes nothing, or EC2 refuses it.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from vmseries_autoscale.aws.network.state import Address, Change, Interface, Status
from vmseries_autoscale.aws.tags import ResourceTags

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import AllocateAddressRequestTypeDef

logger = logging.getLogger(__name__)

ATTACHING_SECONDS = 2
"""Pause before EC2 is asked whether an attachment is complete. It usually takes a second or two, so
that one question is enough."""


@dataclass(frozen=True, slots=True)
class CreateInterface:
    """Create the interface named ``name``."""

    idempotent: ClassVar[bool] = True

    resource_tags: ResourceTags
    name: str
    device_index: int
    subnet_id: str
    security_group_ids: tuple[str, ...]

    def execute(self, ec2: EC2Client) -> Change:
        """Create the interface.

        The client token makes a repeated request return the interface of the first request, even
        while a search by tag does not show that interface yet. The token depends on all parameters,
        because EC2 refuses one that was used with others.
        """
        created = ec2.create_network_interface(
            ClientToken=hashlib.sha256(repr(self).encode()).hexdigest(),
            Description=f"{self.name} of {self.resource_tags.instance_id}",
            SubnetId=self.subnet_id,
            Groups=list(self.security_group_ids),
            TagSpecifications=[
                {
                    "ResourceType": "network-interface",
                    "Tags": self.resource_tags.for_interface(self.name, self.device_index),
                }
            ],
        )["NetworkInterface"]
        interface = Interface(
            created["NetworkInterfaceId"], self.name, created.get("PrivateIpAddress")
        )
        _log_interface("Created an interface", interface.interface_id, interface=self.name)
        return lambda state: state.with_interface(interface)


@dataclass(frozen=True, slots=True)
class AttachInterface:
    """Attach an interface to an instance."""

    idempotent: ClassVar[bool] = True

    interface_id: str
    instance_id: str
    device_index: int

    def execute(self, ec2: EC2Client) -> Change:
        """Start the attachment. EC2 refuses to attach an interface that is in use."""
        response = ec2.attach_network_interface(
            NetworkInterfaceId=self.interface_id,
            InstanceId=self.instance_id,
            DeviceIndex=self.device_index,
        )
        _log_interface("Attached an interface", self.interface_id, device_index=self.device_index)
        return lambda state: state.changed_interface(
            self.interface_id,
            status=Status.ATTACHING,
            instance_id=self.instance_id,
            attachment_id=response["AttachmentId"],
            device_index=self.device_index,
            delete_on_termination=False,
        )


@dataclass(frozen=True, slots=True)
class WaitUntilAttached:
    """Wait until EC2 shows the attachment of an interface as complete."""

    idempotent: ClassVar[bool] = True

    interface_id: str

    def execute(self, ec2: EC2Client) -> Change:
        """Pause, then ask once. While the attachment is incomplete, the state stays the same."""
        pause(ATTACHING_SECONDS)
        # A filter, because an unknown id in NetworkInterfaceIds makes the whole call fail.
        response = ec2.describe_network_interfaces(
            Filters=[{"Name": "network-interface-id", "Values": [self.interface_id]}]
        )
        attached = any(
            description.get("Attachment", {}).get("Status") == Status.ATTACHED.value
            for description in response["NetworkInterfaces"]
        )
        status = Status.ATTACHED if attached else Status.ATTACHING
        return lambda state: state.changed_interface(self.interface_id, status=status)


@dataclass(frozen=True, slots=True)
class DeleteWithInstance:
    """Set DeleteOnTermination, so that EC2 deletes the interface with its instance."""

    idempotent: ClassVar[bool] = True

    interface_id: str
    attachment_id: str

    def execute(self, ec2: EC2Client) -> Change:
        """Set the attribute. It is false for every interface attached to a running instance."""
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=self.interface_id,
            Attachment={"AttachmentId": self.attachment_id, "DeleteOnTermination": True},
        )
        _log_interface("Set DeleteOnTermination", self.interface_id)
        return lambda state: state.changed_interface(self.interface_id, delete_on_termination=True)


@dataclass(frozen=True, slots=True)
class SetSourceDestCheck:
    """Enable or disable the source/destination check."""

    idempotent: ClassVar[bool] = True

    interface_id: str
    enabled: bool

    def execute(self, ec2: EC2Client) -> Change:
        """Set the attribute. Each EC2 call changes only one attribute."""
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=self.interface_id, SourceDestCheck={"Value": self.enabled}
        )
        _log_interface("Set the source/destination check", self.interface_id, enabled=self.enabled)
        return lambda state: state.changed_interface(
            self.interface_id, source_dest_check=self.enabled
        )


@dataclass(frozen=True, slots=True)
class DeleteInterface:
    """Delete a detached interface, which also disassociates its address."""

    idempotent: ClassVar[bool] = True

    interface_id: str

    def execute(self, ec2: EC2Client) -> Change:
        """Delete the interface."""
        ec2.delete_network_interface(NetworkInterfaceId=self.interface_id)
        _log_interface("Deleted an interface", self.interface_id)
        return lambda state: state.without_interface(self.interface_id)


@dataclass(frozen=True, slots=True)
class AllocateAddress:
    """Allocate the Elastic IP address of the interface named ``name``."""

    idempotent: ClassVar[bool] = False

    resource_tags: ResourceTags
    name: str
    device_index: int
    pool: str | None

    def execute(self, ec2: EC2Client) -> Change:
        """Allocate the address.

        The call has no client token, so that a repeated request allocates a second address. Only
        tags identify the address of a request whose response was lost.
        """
        request: AllocateAddressRequestTypeDef = {
            "Domain": "vpc",
            "TagSpecifications": [
                {
                    "ResourceType": "elastic-ip",
                    "Tags": self.resource_tags.for_interface(self.name, self.device_index),
                }
            ],
        }
        if self.pool is not None:
            request["PublicIpv4Pool"] = self.pool
        response = ec2.allocate_address(**request)
        address = Address(response["AllocationId"], self.name)
        _log_address("Allocated an address", address.allocation_id, interface=self.name)
        return lambda state: state.with_address(address)


@dataclass(frozen=True, slots=True)
class AssociateAddress:
    """Associate an address with an interface."""

    idempotent: ClassVar[bool] = True

    allocation_id: str
    interface_id: str

    def execute(self, ec2: EC2Client) -> Change:
        """Associate the address. The call fails if another interface has it."""
        response = ec2.associate_address(
            AllocationId=self.allocation_id,
            NetworkInterfaceId=self.interface_id,
            AllowReassociation=False,
        )
        _log_address("Associated an address", self.allocation_id, interface_id=self.interface_id)
        return lambda state: state.changed_address(
            self.allocation_id,
            association_id=response["AssociationId"],
            interface_id=self.interface_id,
        )


@dataclass(frozen=True, slots=True)
class DisassociateAddress:
    """Disassociate an address from its interface."""

    idempotent: ClassVar[bool] = True

    allocation_id: str
    association_id: str

    def execute(self, ec2: EC2Client) -> Change:
        """Disassociate the address."""
        ec2.disassociate_address(AssociationId=self.association_id)
        _log_address("Disassociated an address", self.allocation_id)
        return lambda state: state.changed_address(
            self.allocation_id, association_id=None, interface_id=None
        )


@dataclass(frozen=True, slots=True)
class ReleaseAddress:
    """Release an address to its pool."""

    idempotent: ClassVar[bool] = True

    allocation_id: str

    def execute(self, ec2: EC2Client) -> Change:
        """Release the address."""
        ec2.release_address(AllocationId=self.allocation_id)
        _log_address("Released an address", self.allocation_id)
        return lambda state: state.without_address(self.allocation_id)


Modification: TypeAlias = DeleteWithInstance | SetSourceDestCheck
Removal: TypeAlias = DeleteInterface | DisassociateAddress | ReleaseAddress
Action: TypeAlias = (
    CreateInterface
    | AttachInterface
    | WaitUntilAttached
    | Modification
    | AllocateAddress
    | AssociateAddress
    | Removal
)


def pause(seconds: float) -> None:
    """Let the calling thread sleep. Nothing else in a function does."""
    time.sleep(seconds)


def _log_interface(message: str, interface_id: str, **fields: str | int) -> None:
    logger.info(message, extra={"step": "interfaces", "interface_id": interface_id, **fields})


def _log_address(message: str, allocation_id: str, **fields: str) -> None:
    logger.info(message, extra={"step": "addresses", "allocation_id": allocation_id, **fields})
