"""The check of spoke routes finds every route that bypasses the firewalls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from container import set_environment
from terraform.spoke_routes import routes_around

from vmseries_autoscale.aws import clients
from vmseries_lab.aws.in_process import in_process_aws

ZONES = ("us-east-1a", "us-east-1b")


class Spoke:
    """A VPC whose traffic passes an endpoint in each zone."""

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

    def table(self, **associated: str) -> str:
        table = str(self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"])
        self.ec2.associate_route_table(RouteTableId=table, **associated)
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
        with in_process_aws():
            # The functions' client is shared, because another would read EC2's large model again.
            yield clients.ec2()


@pytest.fixture
def spoke(ec2: Any) -> Spoke:
    return Spoke(ec2)


def test_no_route_of_a_spoke_behind_endpoints_bypasses_them(spoke: Spoke) -> None:
    assert routes_around(spoke.ec2, spoke.vpc) == []


def test_a_default_route_to_the_gateway_is_reported(spoke: Spoke) -> None:
    spoke.unroute(spoke.tables[ZONES[0]], "0.0.0.0/0")
    spoke.route(spoke.tables[ZONES[0]], "0.0.0.0/0", spoke.gateway)
    (problem,) = routes_around(spoke.ec2, spoke.vpc)
    assert problem.endswith(f"0.0.0.0/0: {spoke.gateway} is not an endpoint in {ZONES[0]}")


def test_a_second_route_that_bypasses_the_endpoint_is_reported(spoke: Spoke) -> None:
    spoke.route(spoke.tables[ZONES[0]], "198.51.100.0/24", spoke.gateway)
    (problem,) = routes_around(spoke.ec2, spoke.vpc)
    assert "198.51.100.0/24" in problem


def test_a_route_to_an_endpoint_in_another_zone_is_reported(spoke: Spoke) -> None:
    spoke.unroute(spoke.tables[ZONES[0]], "0.0.0.0/0")
    spoke.route(spoke.tables[ZONES[0]], "0.0.0.0/0", spoke.endpoints[ZONES[1]])
    (problem,) = routes_around(spoke.ec2, spoke.vpc)
    assert problem.endswith(f"{spoke.endpoints[ZONES[1]]} is not an endpoint in {ZONES[0]}")


def test_a_missing_default_route_is_reported(spoke: Spoke) -> None:
    spoke.unroute(spoke.tables[ZONES[0]], "0.0.0.0/0")
    (problem,) = routes_around(spoke.ec2, spoke.vpc)
    assert problem.endswith("has no default route")


def test_a_missing_edge_route_is_reported(spoke: Spoke) -> None:
    spoke.unroute(spoke.edge, "10.0.1.0/24")
    (problem,) = routes_around(spoke.ec2, spoke.vpc)
    assert problem == f"{spoke.gateway}, 10.0.1.0/24: local is not an endpoint in {ZONES[1]}"


def test_a_vpc_without_an_internet_gateway_needs_no_edge_routes(spoke: Spoke) -> None:
    spoke.ec2.detach_internet_gateway(InternetGatewayId=spoke.gateway, VpcId=spoke.vpc)
    spoke.unroute(spoke.edge, "10.0.1.0/24")
    assert routes_around(spoke.ec2, spoke.vpc) == []


def test_a_route_between_subnets_uses_the_endpoint_of_one_of_their_zones(spoke: Spoke) -> None:
    spoke.route(spoke.tables[ZONES[0]], "10.0.1.0/24", spoke.endpoints[ZONES[1]])
    assert routes_around(spoke.ec2, spoke.vpc) == []


def test_a_route_between_subnets_that_bypasses_the_endpoints_is_reported(spoke: Spoke) -> None:
    spoke.route(spoke.tables[ZONES[0]], "10.0.1.0/24", spoke.gateway)
    (problem,) = routes_around(spoke.ec2, spoke.vpc)
    assert problem.endswith(f"{spoke.gateway} is not an endpoint in {' or '.join(ZONES)}")
