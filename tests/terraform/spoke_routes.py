"""Whether a VPC's route tables leave a way around the firewalls.

What the README of each example asks a person to check after an apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Network:
    """The part of a VPC that decides where packets go, by EC2's describe calls."""

    gateways: frozenset[str]
    endpoint_zones: dict[str, str]
    endpoint_subnets: frozenset[str]
    subnets: dict[str, tuple[str, str]]
    """Id to zone and address range."""
    routes: dict[str, dict[str, str]]
    """By what a table is associated with (subnet or internet gateway): destination to target."""

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
            leading = {
                route["DestinationCidrBlock"]: target(route)
                for route in table["Routes"]
                if target(route) != "local"
            }
            for association in table["Associations"]:
                user = association.get("SubnetId") or association.get("GatewayId")
                if user:
                    routes[user] = leading
        gateways = ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
        return cls(
            gateways=frozenset(gateway["InternetGatewayId"] for gateway in gateways),
            endpoint_zones={e["VpcEndpointId"]: subnets[e["SubnetIds"][0]][0] for e in endpoints},
            endpoint_subnets=frozenset(e["SubnetIds"][0] for e in endpoints),
            subnets=subnets,
            routes=routes,
        )


def target(route: dict[str, Any]) -> str:
    """Where a route leads; EC2 shows an endpoint as a gateway."""
    kinds = ("GatewayId", "NatGatewayId", "NetworkInterfaceId", "TransitGatewayId")
    return next((route[kind] for kind in kinds if route.get(kind)), "unknown")


def ways_around(ec2: Any, vpc_id: str) -> list[str]:
    """Return, in sentences, how packets may cross a spoke VPC's border uninspected."""
    network = Network.read(ec2, vpc_id)
    found = [] if network.gateways else ["the VPC has no internet gateway"]
    for subnet, (zone, cidr_block) in network.subnets.items():
        if subnet in network.endpoint_subnets:
            continue
        for destination, leads_to in network.routes.get(subnet, {}).items():
            if network.endpoint_zones.get(leads_to) != zone:
                found.append(f"{subnet}, {destination}: {leads_to} is no endpoint in {zone}")
        if "0.0.0.0/0" not in network.routes.get(subnet, {}):
            found.append(f"{subnet} has no default route")
        for gateway in network.gateways:
            leads_to = network.routes.get(gateway, {}).get(cidr_block, "local")
            if network.endpoint_zones.get(leads_to) != zone:
                found.append(f"{gateway}, {cidr_block}: {leads_to} is no endpoint in {zone}")
    return found
