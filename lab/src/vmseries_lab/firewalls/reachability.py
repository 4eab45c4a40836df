"""Whether a function can reach a firewall's management interface: VPCs and security groups.

Amazon VPC User Guide: "Security group rules", "VPC route tables" (addresses of a VPC are local to
it). Peering, transit gateways, prefix lists, network ACLs and outbound rules are not simulated: a
function reaches only interfaces in its own VPC.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Any

from vmseries_lab.aws.moto_patching import backend

_ANY_PROTOCOL = "-1"


@dataclass(frozen=True, slots=True)
class Caller:
    """The network location of a function.

    Attributes:
        vpc_id: ID of its VPC.
        groups: IDs of its security groups.
        networks: networks of its subnets.
    """

    vpc_id: str
    groups: frozenset[str]
    networks: tuple[IPv4Network, ...]


def function(vpc_config: dict[str, Any] | None) -> Caller | None:
    """Return the network location for a function's VPC settings, ``None`` outside a VPC."""
    store = backend("ec2")
    ids = (vpc_config or {}).get("SubnetIds") or []
    subnets = [
        zone[subnet_id] for zone in store.subnets.values() for subnet_id in ids if subnet_id in zone
    ]
    if not subnets:
        return None
    return Caller(
        vpc_id=subnets[0].vpc_id,
        groups=frozenset((vpc_config or {}).get("SecurityGroupIds") or ()),
        networks=tuple(IPv4Network(subnet.cidr_block) for subnet in subnets),
    )


def admits(interface_id: str, caller: Caller, port: int) -> bool:
    """Whether the security groups of an interface allow TCP connections from a caller to a port."""
    interface = backend("ec2").enis.get(interface_id)
    if interface is None or interface.subnet.vpc_id != caller.vpc_id:
        return False
    rules = [rule for group in interface.group_set for rule in group.ingress_rules]
    return any(_allows_port(rule, port) and _allows_source(rule, caller) for rule in rules)


def _allows_port(rule: Any, port: int) -> bool:
    if rule.ip_protocol == _ANY_PROTOCOL:
        return True
    return bool(rule.ip_protocol == "tcp" and rule.from_port <= port <= rule.to_port)


def _allows_source(rule: Any, caller: Caller) -> bool:
    """Whether a rule's source is one of the caller's groups or contains all its networks."""
    if rule.source_group.get("GroupId") in caller.groups:
        return True
    if rule.cidr_ipv4 is None:
        return False
    source = ip_network(rule.cidr_ipv4)
    return isinstance(source, IPv4Network) and all(
        network.subnet_of(source) for network in caller.networks
    )
