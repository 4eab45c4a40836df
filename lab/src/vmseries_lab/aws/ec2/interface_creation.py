"""Checks for new network interfaces: security groups, private address, limit of the instance type.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterface.html
"""

from __future__ import annotations

from typing import Any

from vmseries_lab.aws.ec2 import errors

DEFAULT_INTERFACE_LIMIT = 15
"""Limit for instance types that moto does not know."""


def check_groups(store: Any, parameters: dict[str, Any]) -> None:
    """Check that the security groups exist in the VPC of the subnet.

    Raises:
        EC2ClientError: if one does not exist there; moto would create it.
    """
    vpc_id = store.get_subnet(parameters["SubnetId"]).vpc_id
    for group_id in parameters.get("Groups", []):
        group = store.get_security_group_from_id(group_id)
        if group is None:
            raise errors.no_such_group(group_id)
        if group.vpc_id != vpc_id:
            raise errors.different_networks()


def reserve_address(store: Any, parameters: dict[str, Any]) -> None:
    """Reserve the private address that a request specifies, if any.

    Raises:
        EC2ClientError: if the address is in use.
    """
    address = parameters.get("PrivateIpAddress")
    if address:
        subnet = store.get_subnet(parameters["SubnetId"])
        if address in subnet._subnet_ips:  # noqa: SLF001
            raise errors.private_address_in_use(address)
        subnet.request_ip(address, None)


def with_address(
    original: Any,
    store: Any,
    subnet: Any,
    private_ip_address: Any = None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Assign an address of its subnet to a new interface.

    Raises:
        EC2ClientError: if the subnet has no free address.
    """
    subnet = store.get_subnet(subnet) if isinstance(subnet, str) else subnet
    if not private_ip_address and not (args and args[0]):
        try:
            private_ip_address = subnet.get_available_subnet_ip(instance=None)
        except StopIteration:
            raise errors.subnet_full(subnet.id) from None
    return original(store, subnet, private_ip_address, *args, **kwargs)


def interface_limit(store: Any, instance_type: str) -> int:
    """Return the maximum number of interfaces of an instance type.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AvailableIpPerENI.html
    """
    known = store.describe_instance_types([instance_type])
    if not known:
        return DEFAULT_INTERFACE_LIMIT
    return int(known[0]["NetworkInfo"]["MaximumNetworkInterfaces"])
