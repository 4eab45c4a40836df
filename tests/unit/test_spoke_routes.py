"""The check of spoke routes finds every way around the firewalls that is planted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from container import set_environment
from moto import mock_aws
from terraform.spoke_routes import ways_around

from vmseries_autoscale.aws import clients

ZONES = ("us-east-1a", "us-east-1b")


class Spoke:
    """A VPC in which everything passes an endpoint, in each zone."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.tables: dict[str, str] = {}
        self.endpoints: dict[str, str] = {}
        self.edge = self.table(GatewayId=self.gateway)
        for index, zone in enumerate(ZONES):
            outside = self.subnet(f"10.0.{10 + index}.0/24", zone)
            self.route(self.table(SubnetId=outside), "0.0.0.0/0", self.gateway)
            self.endpoints[zone] = self.ec2.create_vpc_endpoint(
                VpcId=self.vpc,
                ServiceName="com.amazonaws.vpce.us-east-1.vpce-svc-1",
                VpcEndpointType="GatewayLoadBalancer",
                SubnetIds=[outside],
            )["VpcEndpoint"]["VpcEndpointId"]
            inside = self.subnet(f"10.0.{index}.0/24", zone)
            self.tables[zone] = self.table(SubnetId=inside)
            self.route(self.tables[zone], "0.0.0.0/0", self.endpoints[zone])
            self.route(self.edge, f"10.0.{index}.0/24", self.endpoints[zone])

    def subnet(self, cidr_block: str, zone: str) -> str:
        answer = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr_block, AvailabilityZone=zone)
        return str(answer["Subnet"]["SubnetId"])

    def table(self, **user: str) -> str:
        table = str(self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"])
        self.ec2.associate_route_table(RouteTableId=table, **user)
        return table

    def route(self, table: str, destination: str, leads_to: str) -> None:
        kind = "VpcEndpointId" if leads_to.startswith("vpce-") else "GatewayId"
        self.ec2.create_route(
            RouteTableId=table, DestinationCidrBlock=destination, **{kind: leads_to}
        )

    def unroute(self, table: str, destination: str) -> None:
        self.ec2.delete_route(RouteTableId=table, DestinationCidrBlock=destination)


@pytest.fixture(scope="module")
def ec2() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch)
        with mock_aws():
            # The functions' client: to make another is to read EC2's large model once more.
            yield clients.ec2()


@pytest.fixture
def spoke(ec2: Any) -> Spoke:
    return Spoke(ec2)


def test_spoke_behind_its_endpoints_has_no_way_around(spoke: Spoke) -> None:
    assert ways_around(spoke.ec2, spoke.vpc) == []


def test_default_route_to_the_gateway_is_found(spoke: Spoke) -> None:
    spoke.unroute(spoke.tables[ZONES[0]], "0.0.0.0/0")
    spoke.route(spoke.tables[ZONES[0]], "0.0.0.0/0", spoke.gateway)
    (found,) = ways_around(spoke.ec2, spoke.vpc)
    assert found.endswith(f"0.0.0.0/0: {spoke.gateway} is not an endpoint in {ZONES[0]}")


def test_second_route_past_the_endpoint_is_found(spoke: Spoke) -> None:
    spoke.route(spoke.tables[ZONES[0]], "198.51.100.0/24", spoke.gateway)
    (found,) = ways_around(spoke.ec2, spoke.vpc)
    assert "198.51.100.0/24" in found


def test_endpoint_of_another_zone_is_found(spoke: Spoke) -> None:
    spoke.unroute(spoke.tables[ZONES[0]], "0.0.0.0/0")
    spoke.route(spoke.tables[ZONES[0]], "0.0.0.0/0", spoke.endpoints[ZONES[1]])
    (found,) = ways_around(spoke.ec2, spoke.vpc)
    assert found.endswith(f"{spoke.endpoints[ZONES[1]]} is not an endpoint in {ZONES[0]}")


def test_missing_default_route_is_found(spoke: Spoke) -> None:
    spoke.unroute(spoke.tables[ZONES[0]], "0.0.0.0/0")
    (found,) = ways_around(spoke.ec2, spoke.vpc)
    assert found.endswith("has no default route")


def test_missing_edge_route_is_found(spoke: Spoke) -> None:
    spoke.unroute(spoke.edge, "10.0.1.0/24")
    (found,) = ways_around(spoke.ec2, spoke.vpc)
    assert found == f"{spoke.gateway}, 10.0.1.0/24: local is not an endpoint in {ZONES[1]}"


def test_vpc_without_a_gateway_is_no_spoke(spoke: Spoke) -> None:
    empty = spoke.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    assert ways_around(spoke.ec2, empty) == ["the VPC has no internet gateway"]
