"""A VPC as the examples have one: a private subnet behind a NAT gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4


@dataclass(frozen=True)
class Vpc:
    """IDs of a VPC's parts.

    Attributes:
        private: subnet that reaches the internet through the NAT gateway.
        public: subnet of the NAT gateway.
        group: security group that lets nothing in and everything out, which is EC2's default.
        private_table: route table of the private subnet.
    """

    vpc_id: str
    private: str
    public: str
    group: str
    private_table: str


def create_vpc(ec2: Any) -> Vpc:
    """Create a VPC with network 10.7.0.0/16."""
    vpc_id = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    private, public = (
        ec2.create_subnet(VpcId=vpc_id, CidrBlock=block, AvailabilityZone="us-east-1a")["Subnet"][
            "SubnetId"
        ]
        for block in ("10.7.0.0/20", "10.7.16.0/20")
    )
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]
    tables = []
    for subnet, target in (
        (public, {"GatewayId": gateway}),
        (private, {"NatGatewayId": nat["NatGatewayId"]}),
    ):
        table = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        tables.append(table)
    group = ec2.create_security_group(
        GroupName=f"firewalls-{uuid4().hex[:8]}", Description="-", VpcId=vpc_id
    )
    return Vpc(vpc_id, private, public, group["GroupId"], tables[1])
