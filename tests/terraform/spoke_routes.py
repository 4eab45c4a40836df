"""Finds routes of a VPC that bypass the firewalls.

The README of each example recommends this check after an apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Network:
    """The part of a VPC that determines where packets go, from EC2's describe calls."""

    gateways: frozenset[str]
    endpoint_zones: dict[str, str]
    endpoint_subnets: frozenset[str]
    subnets: dict[str, tuple[str, str]]
    """Zone and CIDR block, by subnet ID."""
    routes: dict[str, dict[str, str]]
    """Targets by destination, by the ID of the associated subnet or internet gateway."""

    @classmethod
    def read(cls, ec2: Any, vpc_id: str) -> Network:
        """Read a VPC; `ec2` is a boto3 client."""
        within = [{"Name": "vpc-id", "Values": [vpc_id]}]
        attached = [{"Name": "attachment.vpc-id", "Values": [vpc_id]}]
        subnets = {
            subnet["SubnetId"]: (subnet["AvailabilityZone"], subnet["CidrBlock"])
            for subnet in ec2.describe_subnets(Filters=within)["Subnets"]
        }
        endpoints = ec2.describe_vpc_endpoints(Filters=within)["VpcEndpoints"]
        routes: dict[str, dict[str, str]] = {}
        for table in ec2.describe_route_tables(Filters=within)["RouteTables"]:
            targets = {
                route["DestinationCidrBlock"]: target(route)
                for route in table["Routes"]
                if target(route) != "local"
            }
            for association in table["Associations"]:
                associated = association.get("SubnetId") or association.get("GatewayId")
                if associated:
                    routes[associated] = targets
        gateways = ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
        return cls(
            gateways=frozenset(gateway["InternetGatewayId"] for gateway in gateways),
            endpoint_zones={e["VpcEndpointId"]: subnets[e["SubnetIds"][0]][0] for e in endpoints},
            endpoint_subnets=frozenset(e["SubnetIds"][0] for e in endpoints),
            subnets=subnets,
            routes=routes,
        )


def target(route: dict[str, Any]) -> str:
    """Return the ID of a route's target. EC2 shows an endpoint as a gateway."""
    kinds = ("GatewayId", "NatGatewayId", "NetworkInterfaceId", "TransitGatewayId")
    return next((route[kind] for kind in kinds if route.get(kind)), "unknown")


def routes_around(ec2: Any, vpc_id: str) -> list[str]:
    """Describe the routes by which packets enter or leave a spoke VPC uninspected."""
    network = Network.read(ec2, vpc_id)
    zone_of = {cidr_block: zone for zone, cidr_block in network.subnets.values()}
    problems: list[str] = []
    for subnet, (zone, cidr_block) in network.subnets.items():
        if subnet in network.endpoint_subnets:
            continue
        for destination, leads_to in network.routes.get(subnet, {}).items():
            # Between two subnets, both directions use the endpoint of one of their zones.
            zones = {zone, zone_of.get(destination, zone)}
            if network.endpoint_zones.get(leads_to) not in zones:
                names = " or ".join(sorted(zones))
                problems.append(
                    f"{subnet}, {destination}: {leads_to} is not an endpoint in {names}"
                )
        if "0.0.0.0/0" not in network.routes.get(subnet, {}):
            problems.append(f"{subnet} has no default route")
        for gateway in network.gateways:
            leads_to = network.routes.get(gateway, {}).get(cidr_block, "local")
            if network.endpoint_zones.get(leads_to) != zone:
                problems.append(f"{gateway}, {cidr_block}: {leads_to} is not an endpoint in {zone}")
    return problems
