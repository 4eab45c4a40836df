"""The networks of the account as :mod:`vmseries_lab.network` sees them, read from moto's stores.

A view is lazy: a part is converted when it is looked up, once. It shows the stores at that time, so
it must not outlive the lock under which it was made.

What AWS creates and moto does not: the interfaces of load balancer nodes and of Gateway Load
Balancer endpoints (in each of their subnets, with a private address of it), and the local routes
of further networks of a VPC.
https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/gateway-load-balancers.html
https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from ipaddress import IPv4Address, ip_address, ip_network
from itertools import islice
from typing import Any, Generic, TypeVar

from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.network.model import (
    AclRule,
    Address,
    Cidr,
    Endpoint,
    GroupReference,
    GroupRule,
    Interface,
    InternetGateway,
    LoadBalancer,
    NatGateway,
    Network,
    NetworkAcl,
    Peering,
    PrefixListReference,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Target,
    TargetKind,
)

T = TypeVar("T")

_LOCAL = Target(TargetKind.LOCAL, "local")
_KINDS = {
    "nat_gateway": TargetKind.NAT_GATEWAY,
    "egress_only_igw": TargetKind.EGRESS_ONLY_GATEWAY,
    "transit_gateway": TargetKind.TRANSIT_GATEWAY,
    "interface": TargetKind.INTERFACE,
    "vpc_pcx": TargetKind.PEERING,
    "carrier_gateway": TargetKind.OTHER,
}
"""Kind of target by the attribute of moto's route that has it."""
_PREFIXES = {
    "igw-": TargetKind.INTERNET_GATEWAY,
    "vgw-": TargetKind.VPN_GATEWAY,
    "vpce-": TargetKind.ENDPOINT,
}

_cidr = cache(ip_network)
_address = cache(ip_address)


def cross_zone(balancer: Any, target_group: Any = None) -> bool:
    """Whether a load balancer's nodes use the targets of all zones.

    The setting of the target group overrides that of the load balancer.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-cross-zone.html
    """
    name = "load_balancing.cross_zone.enabled"
    if target_group is not None and target_group.attributes.get(name) in ("true", "false"):
        return bool(target_group.attributes[name] == "true")
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html
    return bool(balancer.type == "application" or balancer.attrs.get(name) == "true")


def network_view() -> Network:
    """Return the networks of the account; the caller must hold the world's lock."""
    return _View(backend("ec2"), backend("elbv2")).network()


class _Lazy(Mapping[str, T], Generic[T]):
    """Converts a part when it is looked up."""

    def __init__(
        self, keys: Callable[[], Iterator[str]], convert: Callable[[str], T | None]
    ) -> None:
        self._keys = keys
        self._convert = convert
        self._known: dict[str, T] = {}

    def __getitem__(self, key: str) -> T:
        known = self._known.get(key)
        if known is None:
            known = self._convert(key)
            if known is None:
                raise KeyError(key)
            self._known[key] = known
        return known

    def __iter__(self) -> Iterator[str]:
        return self._keys()

    def __len__(self) -> int:
        return sum(1 for _ in self._keys())


class _View:
    """Converts moto's objects to those of the model."""

    def __init__(self, ec2: Any, elbv2: Any) -> None:
        self._ec2 = ec2
        self._elbv2 = elbv2

    def network(self) -> Network:
        """Return all networks."""
        ec2, elbv2 = self._ec2, self._elbv2
        return Network(
            vpcs=_of(ec2.vpcs, _vpc),
            subnets=_Lazy(self._subnet_ids, self._subnet),
            tables=_of(ec2.route_tables, self._table),
            acls=_of(ec2.network_acls, self._acl),
            groups=_Lazy(self._group_ids, self._group),
            prefix_lists=_of(ec2.managed_prefix_lists, _prefix_list),
            interfaces=_Lazy(self._interface_ids, self._interface_with),
            internet_gateways=_of(ec2.internet_gateways, self._internet_gateway),
            nat_gateways=_of(_existing(ec2.nat_gateways), _nat_gateway),
            peerings={
                found.id: Peering(found.id, (found.vpc.id, found.peer_vpc.id))
                for found in ec2.vpc_pcxs.values()
                if found._status.code == "active"  # noqa: SLF001
            },
            load_balancers=_of(elbv2.load_balancers, self._load_balancer),
            endpoints=_of(_existing(ec2.vpc_end_points), self._endpoint),
        )

    # Subnets, tables and rules.

    def _subnet_ids(self) -> Iterator[str]:
        return iter([subnet_id for zone in self._ec2.subnets.values() for subnet_id in zone])

    def _found(self, subnet_id: str) -> Any:
        zones = self._ec2.subnets.values()
        return next((zone[subnet_id] for zone in zones if subnet_id in zone), None)

    def _subnet(self, subnet_id: str) -> Subnet | None:
        found = self._found(subnet_id)
        if found is None:
            return None
        blocks = [found.cidr_block] if found.cidr_block else []
        blocks += [
            each["ipv6CidrBlock"]
            for each in found.ipv6_cidr_block_association_set
            if each["ipv6CidrBlock"]
        ]
        return Subnet(
            subnet_id,
            found.vpc_id,
            str(found.availability_zone),
            tuple(_cidr(block) for block in blocks),
            self._acl_of(found),
            self._table_of(found),
        )

    def _acl_of(self, subnet: Any) -> str:
        acls = [acl for acl in self._ec2.network_acls.values() if acl.vpc_id == subnet.vpc_id]
        for acl in acls:
            if any(each.subnet_id == subnet.id for each in acl.associations):
                return str(acl.id)
        return next((str(acl.id) for acl in acls if acl.default), "")

    def _table_of(self, subnet: Any) -> str:
        """Return the table that is associated explicitly, or the main one.

        https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
        """
        main = ""
        for table in self._ec2.route_tables.values():
            if subnet.id in table._associations.values():  # noqa: SLF001
                return str(table.id)
            if table.vpc_id == subnet.vpc_id and table.main_association_id is not None:
                main = str(table.id)
        return main

    def _table(self, table: Any) -> RouteTable:
        routes = [found for route in table.routes for found in self._route(route)]
        known = {route.destination for route in routes}
        vpc = self._ec2.vpcs.get(table.vpc_id)
        own = () if vpc is None else _vpc(vpc)
        routes += [Route(block, _LOCAL) for block in own if block not in known]
        return RouteTable(str(table.id), table.vpc_id, tuple(routes))

    def _route(self, route: Any) -> Iterator[Route]:
        destination: Cidr | PrefixListReference
        if route.destination_prefix_list is not None:
            destination = PrefixListReference(route.destination_prefix_list.id)
        elif text := route.destination_cidr_block or route.destination_ipv6_cidr_block:
            destination = _cidr(text)
        else:
            return
        target = self._target(route)
        yield Route(destination, target, blackhole=self._gone(target))

    def _target(self, route: Any) -> Target:
        if route.local:
            return _LOCAL
        for attribute, kind in _KINDS.items():
            if (found := getattr(route, attribute)) is not None:
                return Target(kind, str(found.id))
        if route.instance is not None:
            return Target(TargetKind.INTERFACE, str(route.instance.id))
        target_id = str(route.gateway.id if route.gateway else route.vpc_endpoint_id)
        for prefix, kind in _PREFIXES.items():
            if target_id.startswith(prefix):
                return Target(kind, target_id)
        return Target(TargetKind.OTHER, target_id)

    def _gone(self, target: Target) -> bool:
        """Whether the target of a route was deleted.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
        """
        stores: dict[TargetKind, Mapping[str, Any]] = {
            TargetKind.NAT_GATEWAY: _existing(self._ec2.nat_gateways),
            TargetKind.INTERNET_GATEWAY: self._ec2.internet_gateways,
            TargetKind.TRANSIT_GATEWAY: self._ec2.transit_gateways,
            TargetKind.ENDPOINT: _existing(self._ec2.vpc_end_points),
            TargetKind.PEERING: self._ec2.vpc_pcxs,
        }
        store = stores.get(target.kind)
        return store is not None and target.target_id not in store

    def _acl(self, acl: Any) -> NetworkAcl:
        inbound = tuple(_acl_rule(entry) for entry in acl.entries if not entry.egress)
        outbound = tuple(_acl_rule(entry) for entry in acl.entries if entry.egress)
        return NetworkAcl(str(acl.id), inbound, outbound)

    def _group_ids(self) -> Iterator[str]:
        return iter([group_id for groups in self._ec2.groups.values() for group_id in groups])

    def _group(self, group_id: str) -> SecurityGroup | None:
        for groups in self._ec2.groups.values():
            if (group := groups.get(group_id)) is not None:
                return SecurityGroup(
                    group_id,
                    str(group.vpc_id),
                    tuple(_group_rule(rule) for rule in group.ingress_rules),
                    tuple(_group_rule(rule) for rule in group.egress_rules),
                )
        return None

    def _internet_gateway(self, gateway: Any) -> InternetGateway:
        table_id = next(
            (
                str(table.id)
                for table in self._ec2.route_tables.values()
                if gateway.id in table._associations.values()  # noqa: SLF001
            ),
            None,
        )
        return InternetGateway(gateway.id, gateway.vpc.id if gateway.vpc else None, table_id)

    # Interfaces.

    def _interface_ids(self) -> Iterator[str]:
        others = {
            interface_id
            for endpoint in _existing(self._ec2.vpc_end_points).values()
            for interface_id in endpoint.network_interface_ids
        } | {gateway._eni.id for gateway in _existing(self._ec2.nat_gateways).values()}  # noqa: SLF001
        return iter([each for each in self._ec2.enis if each not in others])

    def _interface_with(self, interface_id: str) -> Interface | None:
        found = self._ec2.enis.get(interface_id)
        return None if found is None else _interface(found)

    def _managed(self, name: str, subnet_id: str, group_ids: tuple[str, ...] | None) -> Interface:
        """Return an interface that AWS creates in a subnet, with an address that is free."""
        subnet = self._found(subnet_id)
        network = _cidr(subnet.cidr_block)
        taken = subnet._subnet_ips  # noqa: SLF001
        # AWS reserves the last address. Moto assigns from the first one upwards.
        last = int(network.broadcast_address) - 1
        free = (
            address
            for number in range(last, int(network.network_address), -1)
            if str(address := IPv4Address(number)) not in taken
        )
        address = next(islice(free, self._managed_in(subnet_id).index(name), None))
        return Interface(f"{name}/{subnet_id}", subnet_id, (address,), group_ids)

    def _managed_in(self, subnet_id: str) -> list[str]:
        """Return the names of the load balancers and endpoints with an interface in a subnet."""
        balancers = [
            f"ELB {balancer.name}"
            for balancer in self._elbv2.load_balancers.values()
            if any(subnet.id == subnet_id for subnet in balancer.subnets)
        ]
        endpoints = [
            str(endpoint.id)
            for endpoint in _existing(self._ec2.vpc_end_points).values()
            if subnet_id in (endpoint.subnet_ids or ())
        ]
        return balancers + endpoints

    def _load_balancer(self, balancer: Any) -> LoadBalancer:
        groups = tuple(balancer.security_groups or ()) or None
        nodes = {
            str(subnet.availability_zone): self._managed(
                f"ELB {balancer.name}", subnet.id, None if balancer.type == "gateway" else groups
            )
            for subnet in balancer.subnets
        }
        return LoadBalancer(balancer.arn, balancer.type, nodes, cross_zone(balancer))

    def _endpoint(self, endpoint: Any) -> Endpoint:
        kind = endpoint.vpc_endpoint_type or "Gateway"
        groups = tuple(endpoint.security_group_ids) or None
        subnet_ids = () if kind == "Gateway" else tuple(endpoint.subnet_ids or ())
        return Endpoint(
            endpoint.id,
            endpoint.vpc_id,
            kind,
            endpoint.service_name,
            tuple(
                self._managed(endpoint.id, each, groups if kind == "Interface" else None)
                for each in subnet_ids
            ),
            tuple(endpoint.route_table_ids or ()),
            bool(endpoint.private_dns_enabled),
            self._balancer_behind(endpoint.service_name),
        )

    def _balancer_behind(self, service: str) -> str | None:
        for configuration in self._ec2.configurations.values():
            if configuration.service_name == service:
                arns = configuration.gateway_load_balancer_arns
                return str(arns[0]) if arns else None
        return None


def _existing(store: Mapping[str, Any]) -> dict[str, Any]:
    """Return the endpoints or NAT gateways of a store that are not deleted. Moto keeps those."""
    return {key: found for key, found in store.items() if found.state != "deleted"}


def _of(store: Mapping[str, Any], convert: Callable[[Any], T]) -> _Lazy[T]:
    """Return a mapping that converts the objects of one of moto's stores."""

    def found(key: str) -> T | None:
        return convert(store[key]) if key in store else None

    return _Lazy(lambda: iter(list(store)), found)


def _vpc(vpc: Any) -> tuple[Cidr, ...]:
    blocks = [
        *vpc.get_cidr_block_association_set(),
        *vpc.get_cidr_block_association_set(ipv6=True),
    ]
    return tuple(_cidr(block["cidr_block"]) for block in blocks)


def _prefix_list(found: Any) -> tuple[Cidr, ...]:
    # AWS's own lists have no version.
    version = found.version or max(found.entries, default=0)
    entries = found.entries.get(version) or []
    return tuple(_cidr(entry["Cidr"]) for entry in entries)


def _acl_rule(entry: Any) -> AclRule:
    icmp = entry.icmp_type_code or {}
    return AclRule(
        int(entry.rule_number),
        entry.rule_action == "allow",
        str(entry.protocol),
        _number(icmp.get("Type", entry.port_range_from)),
        _number(icmp.get("Code", entry.port_range_to)),
        _cidr(entry.cidr_block or entry.ipv6_cidr_block),
    )


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _group_rule(rule: Any) -> GroupRule:
    peer: Cidr | GroupReference | PrefixListReference
    if rule.source_group:
        peer = GroupReference(str(rule.source_group.get("GroupId")))
    elif rule.prefix_list_id:
        peer = PrefixListReference(rule.prefix_list_id)
    else:
        peer = _cidr(rule.cidr_ipv4 or rule.cidr_ipv6)
    return GroupRule(rule.id, str(rule.ip_protocol), rule.from_port, rule.to_port, peer)


def _interface(found: Any) -> Interface:
    addresses: list[Address] = [
        _address(each["PrivateIpAddress"]) for each in found.private_ip_addresses
    ]
    primary = found.private_ip_address and _address(found.private_ip_address)
    addresses.sort(key=lambda address: address != primary)
    ipv6 = [
        each["Ipv6Address"] if isinstance(each, dict) else each for each in found.ipv6_addresses
    ]
    return Interface(
        found.id,
        found.subnet.id,
        (*addresses, *(_address(each) for each in ipv6)),
        tuple(group.id for group in found.group_set),
        IPv4Address(found.public_ip) if found.public_ip else None,
        found.instance.id if found.instance else None,
        bool(found.source_dest_check),
    )


def _nat_gateway(gateway: Any) -> NatGateway:
    interface = gateway._eni  # noqa: SLF001
    shown = Interface(
        interface.id,
        gateway.subnet_id,
        (_address(interface.private_ip_address),),
        None,
        IPv4Address(interface.public_ip) if interface.public_ip else None,
    )
    return NatGateway(gateway.id, shown, gateway.state == "available")
