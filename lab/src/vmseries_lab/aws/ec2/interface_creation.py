"""What a new network interface needs: security groups of its VPC, a free address, a free place.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterface.html
"""

from __future__ import annotations

from typing import Any

from vmseries_lab.aws.ec2 import errors

DEFAULT_INTERFACE_LIMIT = 15
"""For instance types that moto does not know."""


def check_groups(store: Any, parameters: dict[str, Any]) -> None:
    """Make sure that the security groups exist, in the VPC of the subnet.

    Raises:
        EC2ClientError: if one does not; moto would make it up.
    """
    vpc_id = store.get_subnet(parameters["SubnetId"]).vpc_id
    for group_id in parameters.get("Groups", []):
        group = store.get_security_group_from_id(group_id)
        if group is None:
            raise errors.no_such_group(group_id)
        if group.vpc_id != vpc_id:
            raise errors.different_networks()


def take_address(store: Any, parameters: dict[str, Any]) -> None:
    """Take the private address that a request names, if it names one.

    Raises:
        EC2ClientError: if it is taken.
    """
    address = parameters.get("PrivateIpAddress")
    if address:
        subnet = store.get_subnet(parameters["SubnetId"])
        if address in subnet._subnet_ips:  # noqa: SLF001
            raise errors.address_taken(address)
        subnet.request_ip(address, None)


def with_address(
    original: Any,
    store: Any,
    subnet: Any,
    private_ip_address: Any = None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Give every new interface an address of its subnet.

    Raises:
        EC2ClientError: if none is left.
    """
    subnet = store.get_subnet(subnet) if isinstance(subnet, str) else subnet
    if not private_ip_address and not (args and args[0]):
        try:
            private_ip_address = subnet.get_available_subnet_ip(instance=None)
        except StopIteration:
            raise errors.subnet_full(subnet.id) from None
    return original(store, subnet, private_ip_address, *args, **kwargs)


def interface_limit(store: Any, instance_type: str) -> int:
    """How many interfaces the instance type can have.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AvailableIpPerENI.html
    """
    known = store.describe_instance_types([instance_type])
    if not known:
        return DEFAULT_INTERFACE_LIMIT
    return int(known[0]["NetworkInfo"]["MaximumNetworkInterfaces"])
