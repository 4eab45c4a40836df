"""Who reaches a firewall's management interface, as far as VPCs and security groups say.

Amazon VPC User Guide: "Security group rules", "VPC route tables" (addresses of a VPC are local to
it). Peering, transit gateways, prefix lists, network ACLs and what leaves are not simulated: a
function reaches what is in its own VPC.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Any

from vmseries_lab.aws.moto_patching import backend

_ANY_PROTOCOL = "-1"


@dataclass(frozen=True, slots=True)
class Caller:
    """Where calls come from.

    Attributes:
        vpc_id: their VPC.
        groups: security groups of the interfaces that they leave through.
        networks: of the subnets that they come from.
    """

    vpc_id: str
    groups: frozenset[str]
    networks: tuple[IPv4Network, ...]


def function(vpc_config: dict[str, Any] | None) -> Caller | None:
    """The caller that a function with these VPC settings is; ``None`` outside of any VPC."""
    store = backend("ec2")
    ids = (vpc_config or {}).get("SubnetIds") or []
    subnets = [zone[one] for zone in store.subnets.values() for one in ids if one in zone]
    if not subnets:
        return None
    return Caller(
        vpc_id=subnets[0].vpc_id,
        groups=frozenset((vpc_config or {}).get("SecurityGroupIds") or ()),
        networks=tuple(IPv4Network(subnet.cidr_block) for subnet in subnets),
    )


def admits(interface_id: str, caller: Caller, port: int) -> bool:
    """Whether a network interface takes TCP connections from a caller at a port."""
    interface = backend("ec2").enis.get(interface_id)
    if interface is None or interface.subnet.vpc_id != caller.vpc_id:
        return False
    rules = [rule for group in interface.group_set for rule in group.ingress_rules]
    return any(_covers(rule, port) and _names(rule, caller) for rule in rules)


def _covers(rule: Any, port: int) -> bool:
    if rule.ip_protocol == _ANY_PROTOCOL:
        return True
    return bool(rule.ip_protocol == "tcp" and rule.from_port <= port <= rule.to_port)


def _names(rule: Any, caller: Caller) -> bool:
    """Whether a rule's source is the caller: one of its groups, or all of its addresses."""
    if rule.source_group.get("GroupId") in caller.groups:
        return True
    if rule.cidr_ipv4 is None:
        return False
    source = ip_network(rule.cidr_ipv4)
    return isinstance(source, IPv4Network) and all(
        network.subnet_of(source) for network in caller.networks
    )
