"""The parts of a VPC's network, as immutable values.

IDs are EC2's. Addresses and networks are those of :mod:`ipaddress`, of either version.

Amazon VPC User Guide: https://docs.aws.amazon.com/vpc/latest/userguide/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Cidr = IPv4Network | IPv6Network

ANY_PROTOCOL = "-1"


@dataclass(frozen=True, slots=True)
class GroupReference:
    """A security group as source or destination of a rule: the addresses of its interfaces."""

    group_id: str


@dataclass(frozen=True, slots=True)
class PrefixListReference:
    """A prefix list as source or destination of a rule or route: its networks."""

    prefix_list_id: str


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A rule of a security group. Rules only allow.

    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html

    Attributes:
        protocol: ``tcp``, ``udp``, ``icmp``, ``icmpv6``, a protocol number, or ``-1`` for any.
        first: first port, or ICMP type; ``None`` or -1 for any.
        last: last port, or ICMP code; ``None`` or -1 for any.
        peer: source of an inbound rule, destination of an outbound rule.
    """

    rule_id: str
    protocol: str
    first: int | None
    last: int | None
    peer: Cidr | GroupReference | PrefixListReference


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group: no rule means no traffic."""

    group_id: str
    vpc_id: str
    inbound: tuple[GroupRule, ...] = ()
    outbound: tuple[GroupRule, ...] = ()


@dataclass(frozen=True, slots=True)
class AclRule:
    """A rule of a network ACL, for one direction.

    https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html

    Attributes:
        number: rules are evaluated from the lowest number; the first one that matches decides.
        protocol: as in :class:`GroupRule`.
        first: first destination port, or ICMP type.
        last: last destination port, or ICMP code.
        cidr: source of an inbound rule, destination of an outbound rule.
    """

    number: int
    allow: bool
    protocol: str
    first: int | None
    last: int | None
    cidr: Cidr


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A network ACL. What no rule matches is denied."""

    acl_id: str
    inbound: tuple[AclRule, ...] = ()
    outbound: tuple[AclRule, ...] = ()


class TargetKind(StrEnum):
    """Kinds of route targets."""

    LOCAL = "local"
    INTERNET_GATEWAY = "internet-gateway"
    EGRESS_ONLY_GATEWAY = "egress-only-internet-gateway"
    NAT_GATEWAY = "nat-gateway"
    TRANSIT_GATEWAY = "transit-gateway"
    VPN_GATEWAY = "virtual-private-gateway"
    PEERING = "peering-connection"
    INTERFACE = "network-interface"
    ENDPOINT = "vpc-endpoint"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a route. ``target_id`` is ``local`` for the local route."""

    kind: TargetKind
    target_id: str


@dataclass(frozen=True, slots=True)
class Route:
    """A route.

    Attributes:
        destination: a network, or a prefix list.
        propagated: whether a virtual private gateway propagated it.
        blackhole: whether its target no longer exists.
    """

    destination: Cidr | PrefixListReference
    target: Target
    propagated: bool = False
    blackhole: bool = False


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table of subnets, or of a gateway (edge association)."""

    table_id: str
    vpc_id: str
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet with its network ACL and its effective route table."""

    subnet_id: str
    vpc_id: str
    zone: str
    cidrs: tuple[Cidr, ...]
    acl_id: str
    table_id: str


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface, also of a load balancer node, an endpoint or a NAT gateway.

    Attributes:
        addresses: its private addresses, and its IPv6 addresses.
        group_ids: its security groups; ``None`` if it has none, as those of NAT gateways and
            Gateway Load Balancers, and nothing is filtered.
        public_address: public IPv4 address or Elastic IP address.
        checks_addresses: whether it drops packets that are neither from nor to its addresses.
    """

    interface_id: str
    subnet_id: str
    addresses: tuple[Address, ...]
    group_ids: tuple[str, ...] | None = None
    public_address: IPv4Address | None = None
    instance_id: str | None = None
    checks_addresses: bool = True


@dataclass(frozen=True, slots=True)
class InternetGateway:
    """An internet gateway.

    Attributes:
        vpc_id: VPC to which it is attached; ``None`` if it is detached.
        table_id: route table of inbound traffic (edge association), if there is one.
    """

    gateway_id: str
    vpc_id: str | None
    table_id: str | None = None


@dataclass(frozen=True, slots=True)
class NatGateway:
    """A zonal NAT gateway. A public one has an Elastic IP address.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
    """

    gateway_id: str
    interface: Interface
    available: bool = True


@dataclass(frozen=True, slots=True)
class Peering:
    """An active peering connection between two VPCs."""

    peering_id: str
    vpc_ids: tuple[str, str]


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """A load balancer: one node per enabled zone.

    Attributes:
        arn: its ARN.
        kind: ``gateway``, ``network`` or ``application``.
        nodes: interface of the node by zone.
        cross_zone: whether each node uses the targets of all zones.
    """

    arn: str
    kind: str
    nodes: Mapping[str, Interface]
    cross_zone: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A VPC endpoint.

    Attributes:
        kind: ``Gateway``, ``Interface`` or ``GatewayLoadBalancer``.
        service: name of its service.
        interfaces: its interfaces, one per subnet; none for a gateway endpoint.
        table_ids: route tables of a gateway endpoint.
        private_dns: whether the public name of its service leads to it.
        load_balancer: ARN of the Gateway Load Balancer behind it, if it is in the same account.
    """

    endpoint_id: str
    vpc_id: str
    kind: str
    service: str
    interfaces: tuple[Interface, ...] = ()
    table_ids: tuple[str, ...] = ()
    private_dns: bool = False
    load_balancer: str | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """All networks of an account in one Region, by the IDs of their parts.

    The mappings can be lazy; nothing here changes them.

    Attributes:
        vpcs: the networks of each VPC by its ID.
        prefix_lists: the networks of each prefix list by its ID.
        load_balancers: load balancers by ARN.
    """

    vpcs: Mapping[str, tuple[Cidr, ...]] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    tables: Mapping[str, RouteTable] = field(default_factory=dict)
    acls: Mapping[str, NetworkAcl] = field(default_factory=dict)
    groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    prefix_lists: Mapping[str, tuple[Cidr, ...]] = field(default_factory=dict)
    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    internet_gateways: Mapping[str, InternetGateway] = field(default_factory=dict)
    nat_gateways: Mapping[str, NatGateway] = field(default_factory=dict)
    peerings: Mapping[str, Peering] = field(default_factory=dict)
    load_balancers: Mapping[str, LoadBalancer] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)

    def vpc_of(self, interface: Interface) -> str:
        """Return the ID of an interface's VPC."""
        return self.subnets[interface.subnet_id].vpc_id

    def all_interfaces(self) -> Iterator[Interface]:
        """Yield all interfaces, those of gateways, load balancers and endpoints included."""
        yield from self.interfaces.values()
        yield from (gateway.interface for gateway in self.nat_gateways.values())
        for balancer in self.load_balancers.values():
            yield from balancer.nodes.values()
        for endpoint in self.endpoints.values():
            yield from endpoint.interfaces

    def interface_at(self, vpc_id: str, address: Address) -> Interface | None:
        """Return the interface with an address in a VPC, ``None`` if no interface has it."""
        return next(
            (
                interface
                for interface in self.all_interfaces()
                if address in interface.addresses and self.vpc_of(interface) == vpc_id
            ),
            None,
        )
