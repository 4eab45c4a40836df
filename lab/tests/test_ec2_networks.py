"""IPv6 blocks of subnets, and routes of transit gateways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vmseries_lab.aws.in_process import ZONES, InProcessAws, in_process_aws


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as aws:
        yield aws


def test_an_ipv6_block_of_a_subnet(aws: InProcessAws) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html."""
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    (of_vpc,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    block = of_vpc["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = ec2.create_subnet(
        VpcId=vpc, CidrBlock="10.8.0.0/24", Ipv6CidrBlock=block, AvailabilityZone=ZONES[0]
    )["Subnet"]
    (association,) = subnet["Ipv6CidrBlockAssociationSet"]
    assert association["Ipv6CidrBlock"] == block
    assert association["Ipv6CidrBlockState"] == {"State": "associated"}
    name = "ipv6-cidr-block-association"
    for key, value in (
        ("association-id", association["AssociationId"]),
        ("ipv6-cidr-block", block),
        ("state", "associated"),
    ):
        for values, found in (([value], [subnet["SubnetId"]]), (["other"], [])):
            described = ec2.describe_subnets(Filters=[{"Name": f"{name}.{key}", "Values": values}])
            assert [s["SubnetId"] for s in described["Subnets"]] == found, key


def test_a_subnet_gets_and_loses_an_ipv6_block(aws: InProcessAws) -> None:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    (of_vpc,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    added = ec2.associate_subnet_cidr_block(
        SubnetId=subnet, Ipv6CidrBlock=of_vpc["Ipv6CidrBlock"].replace("/56", "/64")
    )["Ipv6CidrBlockAssociation"]["AssociationId"]
    described = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
    assert len(described["Ipv6CidrBlockAssociationSet"]) == 1
    ec2.disassociate_subnet_cidr_block(AssociationId=added)
    described = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
    assert described["Ipv6CidrBlockAssociationSet"] == []


@dataclass
class Transit:
    """A transit gateway with a VPC attached, and an empty route table."""

    ec2: Any
    attachment: str
    table: str

    def routes(self, *filters: tuple[str, str]) -> dict[str, tuple[str, str, list[str]]]:
        """Return state, type and attachments of the routes by their CIDR block."""
        found = self.ec2.search_transit_gateway_routes(
            TransitGatewayRouteTableId=self.table,
            Filters=[{"Name": name, "Values": [value]} for name, value in filters],
        )["Routes"]
        return {
            route["DestinationCidrBlock"]: (
                route["State"],
                route["Type"],
                [a["TransitGatewayAttachmentId"] for a in route["TransitGatewayAttachments"]],
            )
            for route in found
        }

    def add(self, block: str, **target: Any) -> None:
        self.ec2.create_transit_gateway_route(
            DestinationCidrBlock=block, TransitGatewayRouteTableId=self.table, **target
        )


@pytest.fixture
def transit(aws: InProcessAws) -> Transit:
    ec2 = aws.client("ec2")
    gateway = ec2.create_transit_gateway(
        Options={
            "DefaultRouteTableAssociation": "disable",
            "DefaultRouteTablePropagation": "disable",
        }
    )["TransitGateway"]["TransitGatewayId"]
    attachment = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=gateway, VpcId=aws.vpc, SubnetIds=aws.subnets
    )["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    table = ec2.create_transit_gateway_route_table(TransitGatewayId=gateway)
    return Transit(ec2, attachment, table["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"])


def test_a_transit_gateway_route_keeps_its_attachment(transit: Transit) -> None:
    """Terraform replaced the route at every apply, because it read none."""
    transit.add("0.0.0.0/0", TransitGatewayAttachmentId=transit.attachment)
    transit.add("192.168.0.0/16", Blackhole=True)
    assert transit.routes(("type", "static")) == {
        "0.0.0.0/0": ("active", "static", [transit.attachment]),
        "192.168.0.0/16": ("blackhole", "static", []),
    }


def test_the_blocks_of_a_vpc_are_propagated(transit: Transit) -> None:
    """https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html."""
    transit.ec2.enable_transit_gateway_route_table_propagation(
        TransitGatewayRouteTableId=transit.table, TransitGatewayAttachmentId=transit.attachment
    )
    propagated = {"10.0.0.0/16": ("active", "propagated", [transit.attachment])}
    assert transit.routes(("type", "propagated")) == propagated
    transit.add("10.0.0.0/16", Blackhole=True)
    static = {"10.0.0.0/16": ("blackhole", "static", [])}
    assert transit.routes(("state", "active"), ("type", "propagated")) == {}
    assert transit.routes(("route-search.exact-match", "10.0.0.0/16")) == static
    transit.ec2.delete_transit_gateway_route(
        TransitGatewayRouteTableId=transit.table, DestinationCidrBlock="10.0.0.0/16"
    )
    assert transit.routes(("state", "active")) == propagated
    transit.ec2.disable_transit_gateway_route_table_propagation(
        TransitGatewayRouteTableId=transit.table, TransitGatewayAttachmentId=transit.attachment
    )
    assert transit.routes(("type", "propagated")) == {}


def test_a_route_whose_attachment_is_gone_is_a_blackhole(transit: Transit) -> None:
    transit.add("0.0.0.0/0", TransitGatewayAttachmentId=transit.attachment)
    transit.ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=transit.attachment)
    assert transit.routes(("type", "static"))["0.0.0.0/0"][0] == "blackhole"


def test_a_route_to_no_attachment_is_refused(transit: Transit) -> None:
    with pytest.raises(ClientError, match="was deleted or does not exist"):
        transit.add("0.0.0.0/0", TransitGatewayAttachmentId="tgw-attach-00000000000000000")


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("route-search.longest-prefix-match", "10.1.2.3", ["10.1.0.0/16"]),
        ("route-search.longest-prefix-match", "8.8.8.8", ["0.0.0.0/0"]),
        ("route-search.subnet-of-match", "10.0.0.0/8", ["10.1.0.0/16"]),
        ("route-search.supernet-of-match", "10.1.2.0/24", ["0.0.0.0/0", "10.1.0.0/16"]),
        ("attachment.resource-type", "vpc", ["0.0.0.0/0", "10.1.0.0/16"]),
        ("attachment.resource-type", "vpn", []),
    ],
)
def test_searching_routes(transit: Transit, name: str, value: str, found: list[str]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SearchTransitGatewayRoutes.html."""
    transit.add("0.0.0.0/0", TransitGatewayAttachmentId=transit.attachment)
    transit.add("10.1.0.0/16", TransitGatewayAttachmentId=transit.attachment)
    assert sorted(transit.routes((name, value))) == found


def test_an_unknown_filter_of_routes_is_not_ignored(transit: Transit) -> None:
    with pytest.raises(NotImplementedError):
        transit.routes(("prefix-list-id", "pl-0"))


def test_the_tags_of_a_deleted_alarm_do_not_come_back(aws: InProcessAws) -> None:
    cloudwatch = aws.client("cloudwatch")
    alarm = {
        "AlarmName": "a",
        "MetricName": "m",
        "Namespace": "n",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    cloudwatch.put_metric_alarm(**alarm, Tags=[{"Key": "old", "Value": "1"}])
    cloudwatch.delete_alarms(AlarmNames=["a", "absent"])
    cloudwatch.put_metric_alarm(**alarm, Tags=[{"Key": "new", "Value": "1"}])
    arn = cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmArn"]
    tags = cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert tags == [{"Key": "new", "Value": "1"}]
