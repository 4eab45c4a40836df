"""Rejects the deletion of subnets and security groups that network interfaces use.

This is how a leaked interface makes ``terraform destroy`` fail.
https://docs.aws.amazon.com/vpc/latest/userguide/subnet-deleting.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend

from vmseries_lab.aws.ec2 import errors
from vmseries_lab.aws.moto_patching import wrap


def patch() -> None:
    """Let DeleteSubnet and DeleteSecurityGroup check for interfaces."""
    wrap(EC2Backend, "delete_subnet", _delete_subnet)
    wrap(EC2Backend, "delete_security_group", _delete_security_group)


def _delete_subnet(original: Any, store: Any, subnet_id: str) -> Any:
    if any(interface.subnet.id == subnet_id for interface in store.enis.values()):
        raise errors.subnet_has_dependencies(subnet_id)
    return original(store, subnet_id)


def _delete_security_group(
    original: Any, store: Any, name: str | None = None, group_id: str | None = None
) -> Any:
    for interface in store.enis.values():
        if group_id in [group.id for group in interface.group_set]:
            raise errors.group_has_dependencies(str(group_id))
    return original(store, name, group_id)
