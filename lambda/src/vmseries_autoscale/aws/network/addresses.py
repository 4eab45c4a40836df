"""Elastic IP addresses of our own interfaces: found by tag, never by what they are bound to."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmseries_autoscale.aws import tags
from vmseries_autoscale.aws.tags import Owner

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import AllocateAddressRequestTypeDef

    from vmseries_autoscale.aws.network.wiring import Change

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """One Elastic IP address that this module allocated.

    Attributes:
        name: of the interface that it is for, by tag.
        interface_id: the interface it is associated with; ``None`` together with association_id.
    """

    allocation_id: str
    name: str
    association_id: str | None = None
    interface_id: str | None = None


def look(
    ec2: EC2Client, deployment: str, instance_ids: Iterable[str] | None = None
) -> dict[str, list[Address]]:
    """The addresses that ``deployment`` allocated for these instances, or for any."""
    found: dict[str, list[Address]] = {}
    answer = ec2.describe_addresses(Filters=tags.belonging_to(deployment, instance_ids))
    for description in answer["Addresses"]:
        own = tags.from_aws(description.get("Tags"))
        address = Address(
            allocation_id=description["AllocationId"],
            name=own[tags.INTERFACE],
            association_id=description.get("AssociationId"),
            interface_id=description.get("NetworkInterfaceId"),
        )
        found.setdefault(own[tags.INSTANCE_ID], []).append(address)
    return found


@dataclass(frozen=True, slots=True)
class AllocateAddress:
    """Allocate the address of the interface called ``name``."""

    owner: Owner
    name: str
    device_index: int
    pool: str | None

    def carry_out(self, ec2: EC2Client) -> Change:
        """Allocate it; there is no client token here: its tags are all that leads back to it."""
        request: AllocateAddressRequestTypeDef = {
            "Domain": "vpc",
            "TagSpecifications": [
                {
                    "ResourceType": "elastic-ip",
                    "Tags": self.owner.tags(self.name, self.device_index),
                }
            ],
        }
        if self.pool is not None:
            request["PublicIpv4Pool"] = self.pool
        answer = ec2.allocate_address(**request)
        address = Address(answer["AllocationId"], self.name)
        _log("Allocated an address", address.allocation_id, interface=self.name)
        return lambda wiring: wiring.with_address(address)


@dataclass(frozen=True, slots=True)
class AssociateAddress:
    """Give an address to an interface."""

    allocation_id: str
    interface_id: str

    def carry_out(self, ec2: EC2Client) -> Change:
        """Associate it, but never take it from where somebody else has put it."""
        answer = ec2.associate_address(
            AllocationId=self.allocation_id,
            NetworkInterfaceId=self.interface_id,
            AllowReassociation=False,
        )
        _log("Associated an address", self.allocation_id, interface_id=self.interface_id)
        return lambda wiring: wiring.changed_address(
            self.allocation_id,
            association_id=answer["AssociationId"],
            interface_id=self.interface_id,
        )


@dataclass(frozen=True, slots=True)
class DisassociateAddress:
    """Take an address from its interface."""

    allocation_id: str
    association_id: str

    def carry_out(self, ec2: EC2Client) -> Change:
        """Disassociate it."""
        ec2.disassociate_address(AssociationId=self.association_id)
        _log("Disassociated an address", self.allocation_id)
        return lambda wiring: wiring.changed_address(
            self.allocation_id, association_id=None, interface_id=None
        )


@dataclass(frozen=True, slots=True)
class ReleaseAddress:
    """Give an address back to its pool."""

    allocation_id: str

    def carry_out(self, ec2: EC2Client) -> Change:
        """Release it."""
        ec2.release_address(AllocationId=self.allocation_id)
        _log("Released an address", self.allocation_id)
        return lambda wiring: wiring.without_address(self.allocation_id)


def _log(message: str, allocation_id: str, **others: str) -> None:
    logger.info(message, extra={"step": "addresses", "allocation_id": allocation_id, **others})
