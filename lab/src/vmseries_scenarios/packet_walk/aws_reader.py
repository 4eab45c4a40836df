"""Reads the networks of an account and Region through the public Describe calls.

It needs ``ec2:Describe*``, ``elasticloadbalancing:Describe*``, ``autoscaling:Describe*`` and
``lambda:GetFunctionConfiguration``, and changes nothing. An interface that AWS does not show, such
as a load balancer's node that is not up yet, is assumed at a free address of its subnet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Any, Protocol

from vmseries_lab.network.model import (
    AclRule,
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
    PrefixListReference,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Target,
    TargetKind,
)
from vmseries_scenarios.packet_walk.pan_os import Configuration
from vmseries_scenarios.packet_walk.site import Function, Instance, Site, TargetGroup

_TARGETS = {
    "NatGatewayId": TargetKind.NAT_GATEWAY,
    "TransitGatewayId": TargetKind.TRANSIT_GATEWAY,
    "VpcPeeringConnectionId": TargetKind.PEERING,
    "EgressOnlyInternetGatewayId": TargetKind.EGRESS_ONLY_GATEWAY,
    "NetworkInterfaceId": TargetKind.INTERFACE,
}
_GATEWAYS = {
    "local": TargetKind.LOCAL,
    "igw-": TargetKind.INTERNET_GATEWAY,
    "vpce-": TargetKind.ENDPOINT,
    "vgw-": TargetKind.VPN_GATEWAY,
    "nat-": TargetKind.NAT_GATEWAY,
}
_UNFILTERED = frozenset({"nat_gateway", "gateway_load_balancer", "gateway_load_balancer_endpoint"})
"""Types of interfaces without security groups.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html
"""


class Clients(Protocol):
    """Makes boto3 clients."""

    def client(self, service: str) -> Any:
        """Return the client of a service, named as boto3 names it."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What to read: the outputs of an example."""

    group: str
    functions: tuple[str, ...]


def read(
    aws: Clients, deployment: Deployment, configuration: Configuration, *, overlay_routing: bool
) -> Site:
    """Read the networks of an account, and the firewalls of a deployment."""
    network, names = _Reader(aws.client("ec2"), aws.client("elbv2")).network()
    instances = _instances(aws, deployment.group, network)
    return Site(
        network=network,
        configuration=configuration,
        names=names,
        targets=_target_groups(aws.client("elbv2")),
        instances=instances,
        functions=tuple(_function(aws.client("lambda"), name) for name in deployment.functions),
        overlay_routing=overlay_routing,
    )


class _Reader:
    """Reads everything once, and joins it."""

    def __init__(self, ec2: Any, elbv2: Any) -> None:
        self._ec2 = ec2
        self._elbv2 = elbv2
        self._names: dict[str, str] = {}

    def _all(self, operation: str, key: str, own: str = "") -> list[dict[str, Any]]:
        """Return all pages of a call, and note the ``Name`` tag of each item by its ID ``own``."""
        pages = self._ec2.get_paginator(operation).paginate()
        found = [item for page in pages for item in page[key]]
        for item in found if own else ():
            tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", item.get("TagSet", ()))}
            if "Name" in tags:
                self._names[item[own]] = tags["Name"]
        return found

    def network(self) -> tuple[Network, dict[str, str]]:
        """Return the network, and the ``Name`` tags by ID."""
        vpcs = {
            vpc["VpcId"]: tuple(
                IPv4Network(block["CidrBlock"]) for block in vpc.get("CidrBlockAssociationSet", ())
            )
            or (IPv4Network(vpc["CidrBlock"]),)
            for vpc in self._all("describe_vpcs", "Vpcs", "VpcId")
        }
        described = self._all("describe_route_tables", "RouteTables", "RouteTableId")
        tables = {table["RouteTableId"]: _table(table) for table in described}
        acls = self._all("describe_network_acls", "NetworkAcls", "NetworkAclId")
        subnets = {
            subnet["SubnetId"]: _subnet(subnet, described, acls)
            for subnet in self._all("describe_subnets", "Subnets", "SubnetId")
        }
        shown = {
            item["NetworkInterfaceId"]: item
            for item in self._all(
                "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"
            )
        }
        interfaces = {key: _interface(item) for key, item in shown.items()}
        groups = self._groups()
        network = Network(
            vpcs=vpcs,
            subnets=subnets,
            tables=tables,
            acls={acl["NetworkAclId"]: _acl(acl) for acl in acls},
            groups=groups,
            prefix_lists=self._prefix_lists(groups.values(), tables.values()),
            interfaces=interfaces,
            internet_gateways=self._gateways(described),
        )
        network = self._nat_gateways(network)
        network = self._load_balancers(network, shown)
        return self._endpoints(network), self._names

    def _groups(self) -> dict[str, SecurityGroup]:
        groups = self._all("describe_security_groups", "SecurityGroups", "GroupId")
        rules = self._all("describe_security_group_rules", "SecurityGroupRules")
        return {
            group["GroupId"]: SecurityGroup(
                group["GroupId"],
                group.get("VpcId", ""),
                inbound=_group_rules(rules, group["GroupId"], egress=False),
                outbound=_group_rules(rules, group["GroupId"], egress=True),
            )
            for group in groups
        }

    def _prefix_lists(
        self, groups: Iterable[SecurityGroup], tables: Iterable[RouteTable]
    ) -> dict[str, tuple[Cidr, ...]]:
        """Return the networks of the prefix lists that rules and routes name."""
        peers = [rule.peer for group in groups for rule in (*group.inbound, *group.outbound)]
        destinations = [route.destination for table in tables for route in table.routes]
        named = {
            each.prefix_list_id
            for each in (*peers, *destinations)
            if isinstance(each, PrefixListReference)
        }
        entries = self._ec2.get_paginator("get_managed_prefix_list_entries")
        return {
            name: tuple(
                _cidr(entry["Cidr"])
                for page in entries.paginate(PrefixListId=name)
                for entry in page["Entries"]
            )
            for name in named
        }

    def _gateways(self, tables: Iterable[Mapping[str, Any]]) -> dict[str, InternetGateway]:
        edges = {
            association["GatewayId"]: table["RouteTableId"]
            for table in tables
            for association in table["Associations"]
            if association.get("GatewayId")
        }
        return {
            gateway["InternetGatewayId"]: InternetGateway(
                gateway["InternetGatewayId"],
                next((each["VpcId"] for each in gateway["Attachments"]), None),
                edges.get(gateway["InternetGatewayId"]),
            )
            for gateway in self._all(
                "describe_internet_gateways", "InternetGateways", "InternetGatewayId"
            )
        }

    def _nat_gateways(self, network: Network) -> Network:
        gateways: dict[str, NatGateway] = {}
        for gateway in self._all("describe_nat_gateways", "NatGateways", "NatGatewayId"):
            key = gateway["NatGatewayId"]
            address: Mapping[str, Any] = next(iter(gateway.get("NatGatewayAddresses", ())), {})
            known = network.interfaces.get(address.get("NetworkInterfaceId", ""))
            at = known or assumed(network, f"{key}-interface", gateway["SubnetId"])
            public = address.get("PublicIp")
            at = replace(
                at,
                group_ids=None,
                checks_addresses=False,
                public_address=IPv4Address(public) if public else None,
            )
            gateways[key] = NatGateway(key, at, gateway["State"] == "available")
            network = replace(network, nat_gateways=dict(gateways))
        return network

    def _load_balancers(self, network: Network, shown: Mapping[str, Mapping[str, Any]]) -> Network:
        balancers: dict[str, LoadBalancer] = {}
        pages = self._elbv2.get_paginator("describe_load_balancers").paginate()
        for balancer in (each for page in pages for each in page["LoadBalancers"]):
            arn = balancer["LoadBalancerArn"]
            self._names[arn] = balancer["LoadBalancerName"]
            attributes = self._elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)
            cross_zone = any(
                each["Key"] == "load_balancing.cross_zone.enabled" and each["Value"] == "true"
                for each in attributes["Attributes"]
            )
            # The description of a node's interface ends like the ARN of its load balancer.
            described = f"ELB {arn.split(':loadbalancer/')[-1]}"
            nodes: dict[str, Interface] = {}
            for place in balancer["AvailabilityZones"]:
                subnet_id, zone = place["SubnetId"], place["ZoneName"]
                known = next(
                    (
                        network.interfaces[key]
                        for key, item in shown.items()
                        if item.get("Description") == described and item["SubnetId"] == subnet_id
                    ),
                    None,
                )
                nodes[zone] = known or assumed(network, f"node-{zone}", subnet_id)
                one = LoadBalancer(arn, balancer["Type"], dict(nodes), cross_zone)
                balancers[arn] = one
                network = replace(network, load_balancers=dict(balancers))
        return network

    def _endpoints(self, network: Network) -> Network:
        services: dict[str, str] = {}
        for service in self._all(
            "describe_vpc_endpoint_service_configurations", "ServiceConfigurations"
        ):
            for arn in service.get("GatewayLoadBalancerArns", ()):
                services[service["ServiceName"]] = arn
        endpoints: dict[str, Endpoint] = {}
        for endpoint in self._all("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"):
            key = endpoint["VpcEndpointId"]
            known = [
                network.interfaces[each]
                for each in endpoint.get("NetworkInterfaceIds", ())
                if each in network.interfaces
            ]
            assumed_ones = [
                assumed(network, f"{key}-interface", subnet)
                for subnet in endpoint.get("SubnetIds", ())
                if subnet not in {each.subnet_id for each in known}
            ]
            endpoints[key] = Endpoint(
                endpoint_id=key,
                vpc_id=endpoint["VpcId"],
                kind=endpoint["VpcEndpointType"],
                service=endpoint["ServiceName"],
                interfaces=tuple(known + assumed_ones),
                table_ids=tuple(endpoint.get("RouteTableIds", ())),
                private_dns=bool(endpoint.get("PrivateDnsEnabled")),
                load_balancer=services.get(endpoint["ServiceName"]),
            )
            network = replace(network, endpoints=dict(endpoints))
        return network


def assumed(network: Network, name: str, subnet_id: str) -> Interface:
    """Return an interface without security groups at a free address of a subnet."""
    address = Site(network, Configuration()).free_address(subnet_id)
    return Interface(name, subnet_id, (address,), checks_addresses=False)


def _cidr(text: str) -> Cidr:
    return IPv6Network(text) if ":" in text else IPv4Network(text)


def _table(table: Mapping[str, Any]) -> RouteTable:
    return RouteTable(
        table["RouteTableId"],
        table["VpcId"],
        tuple(
            Route(
                destination=_destination(route),
                target=_target(route),
                propagated=route.get("Origin") == "EnableVgwRoutePropagation",
                blackhole=route.get("State") == "blackhole",
            )
            for route in table["Routes"]
        ),
    )


def _destination(route: Mapping[str, Any]) -> Cidr | PrefixListReference:
    if listed := route.get("DestinationPrefixListId"):
        return PrefixListReference(listed)
    return _cidr(route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"])


def _target(route: Mapping[str, Any]) -> Target:
    """Return the target of a route. EC2 shows endpoints and the local route as gateways."""
    gateway = route.get("GatewayId") or ""
    for prefix, kind in _GATEWAYS.items():
        if gateway.startswith(prefix):
            return Target(kind, gateway)
    for member, kind in _TARGETS.items():
        if route.get(member):
            return Target(kind, route[member])
    return Target(TargetKind.OTHER, gateway or "unknown")


def _subnet(
    subnet: Mapping[str, Any],
    tables: Iterable[Mapping[str, Any]],
    acls: Iterable[Mapping[str, Any]],
) -> Subnet:
    key, vpc = subnet["SubnetId"], subnet["VpcId"]
    own = [table for table in tables if table["VpcId"] == vpc]
    table = next(
        (t for t in own if any(a.get("SubnetId") == key for a in t["Associations"])),
        None,
    ) or next(t for t in own if any(a.get("Main") for a in t["Associations"]))
    acl = next(a for a in acls if any(b["SubnetId"] == key for b in a["Associations"]))
    ipv6 = (block["Ipv6CidrBlock"] for block in subnet.get("Ipv6CidrBlockAssociationSet", ()))
    return Subnet(
        key,
        vpc,
        subnet["AvailabilityZone"],
        (IPv4Network(subnet["CidrBlock"]), *(_cidr(block) for block in ipv6)),
        acl["NetworkAclId"],
        table["RouteTableId"],
    )


def _acl(acl: Mapping[str, Any]) -> NetworkAcl:
    def rules(*, egress: bool) -> tuple[AclRule, ...]:
        return tuple(
            AclRule(
                number=entry["RuleNumber"],
                allow=entry["RuleAction"] == "allow",
                protocol=str(entry["Protocol"]),
                first=_first(entry),
                last=_last(entry),
                cidr=_cidr(entry.get("CidrBlock") or entry["Ipv6CidrBlock"]),
            )
            for entry in acl["Entries"]
            if entry["Egress"] is egress
        )

    return NetworkAcl(acl["NetworkAclId"], rules(egress=False), rules(egress=True))


def _first(entry: Mapping[str, Any]) -> int | None:
    found = entry.get("PortRange", {}).get("From", entry.get("IcmpTypeCode", {}).get("Type"))
    return None if found is None else int(found)


def _last(entry: Mapping[str, Any]) -> int | None:
    found = entry.get("PortRange", {}).get("To", entry.get("IcmpTypeCode", {}).get("Code"))
    return None if found is None else int(found)


def _group_rules(
    rules: Iterable[Mapping[str, Any]], group_id: str, *, egress: bool
) -> tuple[GroupRule, ...]:
    return tuple(
        GroupRule(
            rule["SecurityGroupRuleId"],
            str(rule["IpProtocol"]),
            _port(rule.get("FromPort")),
            _port(rule.get("ToPort")),
            _peer(rule),
        )
        for rule in rules
        if rule["GroupId"] == group_id and rule["IsEgress"] is egress
    )


def _port(port: int | None) -> int | None:
    return None if port is None else int(port)


def _peer(rule: Mapping[str, Any]) -> Cidr | GroupReference | PrefixListReference:
    if rule.get("PrefixListId"):
        return PrefixListReference(rule["PrefixListId"])
    if rule.get("ReferencedGroupInfo"):
        return GroupReference(rule["ReferencedGroupInfo"]["GroupId"])
    return _cidr(rule.get("CidrIpv4") or rule["CidrIpv6"])


def _interface(item: Mapping[str, Any]) -> Interface:
    addresses = [each["PrivateIpAddress"] for each in item.get("PrivateIpAddresses", ())]
    addresses = addresses or [item["PrivateIpAddress"]]
    addresses += [each["Ipv6Address"] for each in item.get("Ipv6Addresses", ())]
    public = item.get("Association", {}).get("PublicIp")
    unfiltered = item.get("InterfaceType") in _UNFILTERED
    return Interface(
        item["NetworkInterfaceId"],
        item["SubnetId"],
        tuple(ip_address(address) for address in addresses),
        None if unfiltered else tuple(group["GroupId"] for group in item.get("Groups", ())),
        IPv4Address(public) if public else None,
        item.get("Attachment", {}).get("InstanceId"),
        bool(item.get("SourceDestCheck", True)) and not unfiltered,
    )


def _instances(aws: Clients, group: str, network: Network) -> dict[str, Instance]:
    """Return the members of an Auto Scaling group that are in service, in the order of zones."""
    groups = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    members = [
        member["InstanceId"]
        for each in groups["AutoScalingGroups"]
        for member in each["Instances"]
        if member["LifecycleState"] == "InService"
    ]
    if not members:
        return {}
    pages = aws.client("ec2").get_paginator("describe_instances").paginate(InstanceIds=members)
    found = [
        Instance(
            instance["InstanceId"],
            instance["Placement"]["AvailabilityZone"],
            {
                each["Attachment"]["DeviceIndex"]: network.interfaces[each["NetworkInterfaceId"]]
                for each in instance["NetworkInterfaces"]
            },
        )
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]
    ordered = sorted(found, key=lambda each: (each.zone, each.instance_id))
    return {each.instance_id: each for each in ordered}


def _target_groups(elbv2: Any) -> dict[str, TargetGroup]:
    """Return the GENEVE target group of each Gateway Load Balancer."""
    found: dict[str, TargetGroup] = {}
    pages = elbv2.get_paginator("describe_target_groups").paginate()
    for group in (each for page in pages for each in page["TargetGroups"]):
        if group.get("Protocol") != "GENEVE":
            continue
        health = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        healthy = tuple(
            each["Target"]["Id"]
            for each in health["TargetHealthDescriptions"]
            if each["TargetHealth"]["State"] == "healthy"
        )
        for arn in group["LoadBalancerArns"]:
            found[arn] = TargetGroup(int(group["HealthCheckPort"]), healthy)
    return found


def _function(client: Any, name: str) -> Function:
    config = client.get_function_configuration(FunctionName=name).get("VpcConfig") or {}
    return Function(
        name, tuple(config.get("SubnetIds", ())), tuple(config.get("SecurityGroupIds", ()))
    )
