"""Subnets with IPv6 blocks, and ARNs of the partition.

https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.security_groups import SecurityGroup
from moto.ec2.models.subnets import Subnet

from vmseries_lab.aws.moto_patching import add, replace, wrap
from vmseries_lab.core.location import LOCATION

_FILTERS = {
    "ipv6-cidr-block-association.ipv6-cidr-block": "ipv6CidrBlock",
    "ipv6-cidr-block-association.association-id": "associationId",
}
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html"""


def patch() -> None:
    """Describe the IPv6 blocks of subnets, filter by them, and return ARNs of the partition."""
    replace(Subnet, "ipv6_cidr_block_association_set", lambda _: property(_associations))
    replace(Subnet, "arn", lambda _: property(_arn))
    wrap(Subnet, "get_filter_value", _filter_value)
    # Moto sets the ARN in the partition aws.
    add(SecurityGroup, "arn", property(_arn_of_group, lambda _group, _value: None))


def _arn(subnet: Any) -> str:
    return LOCATION.arn("ec2", f"subnet/{subnet.id}")


def _arn_of_group(group: Any) -> str:
    return LOCATION.arn("ec2", f"security-group/{group.id}")


def _associations(subnet: Any) -> list[dict[str, Any]]:
    """Return the blocks that are associated; moto returns their state as text of Python."""
    return [
        {
            "ipv6CidrBlock": association["ipv6CidrBlock"],
            "associationId": association["associationId"],
            "ipv6CidrBlockState": {"state": association["ipv6CidrBlockState"]["State"]},
        }
        for association in subnet.ipv6_cidr_block_associations.values()
        if association["ipv6CidrBlockState"]["State"] == "associated"
    ]


def _filter_value(original: Any, subnet: Any, name: str, method: str | None = None) -> Any:
    if name == "ipv6-cidr-block-association.state":
        return [association["ipv6CidrBlockState"]["state"] for association in _associations(subnet)]
    if name in _FILTERS:
        return [association[_FILTERS[name]] for association in _associations(subnet)]
    return original(subnet, name, method)
