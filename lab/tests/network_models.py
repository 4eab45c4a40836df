"""Networks for the tests of the network model."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

from vmseries_lab.network.model import (
    AclRule,
    Address,
    Cidr,
    GroupReference,
    GroupRule,
    Interface,
    InternetGateway,
    LoadBalancer,
    NatGateway,
    Network,
    NetworkAcl,
    PrefixListReference,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Target,
    TargetKind,
)

VPC = "vpc-1"
ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
INTERNET: Address = ip_address("203.0.113.10")
LOCAL = Target(TargetKind.LOCAL, "local")
IGW = Target(TargetKind.INTERNET_GATEWAY, "igw-1")
NAT = Target(TargetKind.NAT_GATEWAY, "nat-1")


def cidr(text: str) -> Cidr:
    return ip_network(text)


def rule(
    peer: str | GroupReference | PrefixListReference = "0.0.0.0/0",
    protocol: str = "tcp",
    first: int | None = None,
    last: int | None = None,
    rule_id: str = "sgr-1",
) -> GroupRule:
    at = cidr(peer) if isinstance(peer, str) else peer
    return GroupRule(rule_id, protocol, first, last if last is not None else first, at)


def acl_rule(number: int, *, allow: bool, to: str = "0.0.0.0/0", **ports: Any) -> AclRule:
    return AclRule(
        number,
        allow,
        ports.get("protocol", "-1"),
        ports.get("first"),
        ports.get("last", ports.get("first")),
        cidr(to),
    )


OPEN_ACL = NetworkAcl("acl-open", (acl_rule(100, allow=True),), (acl_rule(100, allow=True),))


def table(table_id: str, *routes: tuple[str, Target], vpc_id: str = VPC) -> RouteTable:
    local = Route(cidr("10.0.0.0/16"), LOCAL)
    return RouteTable(table_id, vpc_id, (local, *(Route(cidr(to), via) for to, via in routes)))


def subnet(subnet_id: str, block: str, table_id: str, zone: str = "a", **more: Any) -> Subnet:
    return Subnet(
        subnet_id,
        more.get("vpc_id", VPC),
        zone,
        (cidr(block),),
        more.get("acl_id", "acl-open"),
        table_id,
    )


def interface(
    interface_id: str, subnet_id: str, address: str, *groups: str, public: str | None = None
) -> Interface:
    return Interface(
        interface_id,
        subnet_id,
        (ip_address(address),),
        groups,
        IPv4Address(public) if public else None,
    )


def site(**changes: Any) -> Network:
    """A VPC with a management subnet behind a NAT gateway, data subnets in two zones, and a node.

    ``eni-mgt`` has ``sg-mgt``: out to 443 anywhere. ``eni-data`` has ``sg-data``: in from the data
    subnets to port 80. ``node-a`` and ``node-b`` are the nodes of the load balancer.
    """
    nat = Interface("eni-nat", "public", (ip_address("10.0.20.9"),), None, IPv4Address("192.0.2.9"))
    nodes = {
        zone: Interface(f"node-{zone}", f"data-{zone}", (ip_address(f"10.0.{n}.250"),))
        for n, zone in enumerate("ab")
    }
    network = Network(
        vpcs={VPC: (cidr("10.0.0.0/16"),)},
        subnets={
            each.subnet_id: each
            for each in (
                subnet("data-a", "10.0.0.0/24", "rtb-data"),
                subnet("data-b", "10.0.1.0/24", "rtb-data", "b"),
                subnet("mgt", "10.0.10.0/24", "rtb-mgt"),
                subnet("public", "10.0.20.0/24", "rtb-public"),
            )
        },
        tables={
            each.table_id: each
            for each in (
                table("rtb-data"),
                table("rtb-mgt", ("0.0.0.0/0", NAT)),
                table("rtb-public", ("0.0.0.0/0", IGW)),
            )
        },
        acls={"acl-open": OPEN_ACL},
        groups={
            "sg-mgt": SecurityGroup("sg-mgt", VPC, (), (rule(first=443),)),
            "sg-data": SecurityGroup(
                "sg-data", VPC, (rule("10.0.0.0/23", first=80, rule_id="sgr-check"),), ()
            ),
        },
        interfaces={
            "eni-mgt": interface("eni-mgt", "mgt", "10.0.10.5", "sg-mgt"),
            "eni-data": interface("eni-data", "data-a", "10.0.0.5", "sg-data"),
        },
        internet_gateways={"igw-1": InternetGateway("igw-1", VPC)},
        nat_gateways={"nat-1": NatGateway("nat-1", nat)},
        load_balancers={"gwlb": LoadBalancer("gwlb", "gateway", nodes, cross_zone=True)},
    )
    return replace(network, **changes)
