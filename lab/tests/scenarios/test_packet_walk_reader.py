"""The walker reads networks through the public Describe calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from vmseries_lab.aws.in_process import ZONES, InProcessAws, in_process_aws
from vmseries_lab.network.model import GroupReference, PrefixListReference, Route, TargetKind
from vmseries_scenarios.packet_walk import aws_reader
from vmseries_scenarios.packet_walk.aws_reader import Deployment
from vmseries_scenarios.packet_walk.pan_os import Configuration
from vmseries_scenarios.packet_walk.site import Site


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as lab:
        yield lab


def read(aws: InProcessAws, group: str = "none") -> Site:
    deployment = Deployment(group, ())
    return aws_reader.read(aws, deployment, Configuration(), overlay_routing=False)


@dataclass
class Built:
    """What a test built."""

    ec2: Any
    vpc: str
    table: str

    def group(self, name: str) -> str:
        answer = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)
        return str(answer["GroupId"])

    def route(self, destination: str, **target: str) -> None:
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock=destination, **target)


@pytest.fixture
def built(aws: InProcessAws) -> Built:
    ec2 = aws.client("ec2")
    table = ec2.create_route_table(VpcId=aws.vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=aws.subnets[0])
    return Built(ec2, aws.vpc, table)


def routes(site: Site, table: str) -> dict[str, Route]:
    return {str(route.destination): route for route in site.network.tables[table].routes}


def test_subnets_have_their_route_table_or_the_main_one(aws: InProcessAws, built: Built) -> None:
    network = read(aws).network
    first, second = (network.subnets[key] for key in aws.subnets[:2])
    assert first.table_id == built.table
    assert second.table_id != built.table
    assert network.tables[second.table_id].vpc_id == aws.vpc
    assert first.zone == ZONES[0]
    assert first.cidrs == (IPv4Network("10.0.0.0/24"),)
    assert first.acl_id in network.acls


def test_each_kind_of_route_target(aws: InProcessAws, built: Built) -> None:
    gateway = built.ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    address = built.ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = built.ec2.create_nat_gateway(SubnetId=aws.subnets[1], AllocationId=address)
    endpoint = built.ec2.create_vpc_endpoint(
        VpcId=aws.vpc,
        ServiceName="com.amazonaws.vpce.us-east-1.vpce-svc-1",
        VpcEndpointType="GatewayLoadBalancer",
        SubnetIds=[aws.subnets[2]],
    )["VpcEndpoint"]["VpcEndpointId"]
    built.route("0.0.0.0/0", GatewayId=gateway)
    built.route("198.51.100.0/24", NatGatewayId=nat["NatGateway"]["NatGatewayId"])
    built.route("203.0.113.0/24", VpcEndpointId=endpoint)

    site = read(aws)

    found = {to: route.target.kind for to, route in routes(site, built.table).items()}
    assert found == {
        "10.0.0.0/16": TargetKind.LOCAL,
        "0.0.0.0/0": TargetKind.INTERNET_GATEWAY,
        "198.51.100.0/24": TargetKind.NAT_GATEWAY,
        "203.0.113.0/24": TargetKind.ENDPOINT,
    }
    assert site.network.internet_gateways[gateway].vpc_id == aws.vpc
    (interface,) = site.network.endpoints[endpoint].interfaces
    assert interface.subnet_id == aws.subnets[2]
    (gateway_of_nat,) = site.network.nat_gateways.values()
    assert gateway_of_nat.interface.subnet_id == aws.subnets[1]
    assert gateway_of_nat.interface.group_ids is None
    assert gateway_of_nat.interface.public_address is not None


def test_an_edge_route_table_belongs_to_its_gateway(aws: InProcessAws, built: Built) -> None:
    gateway = built.ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    edge = built.ec2.create_route_table(VpcId=aws.vpc)["RouteTable"]["RouteTableId"]
    built.ec2.associate_route_table(RouteTableId=edge, GatewayId=gateway)
    assert read(aws).network.internet_gateways[gateway].table_id == edge


def test_rules_of_security_groups(aws: InProcessAws, built: Built) -> None:
    ec2 = built.ec2
    own, other = built.group("own"), built.group("other")
    ec2.authorize_security_group_ingress(
        GroupId=own,
        IpPermissions=[
            {
                "IpProtocol": "udp",
                "FromPort": 6081,
                "ToPort": 6082,
                "IpRanges": [{"CidrIp": "10.0.0.0/24"}],
            },
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "UserIdGroupPairs": [{"GroupId": other}],
            },
        ],
    )
    group = read(aws).network.groups[own]
    found = {(r.protocol, r.first, r.last, r.peer) for r in group.inbound}
    assert found == {
        ("udp", 6081, 6082, IPv4Network("10.0.0.0/24")),
        ("tcp", 443, 443, GroupReference(other)),
    }
    assert [(rule.protocol, rule.peer) for rule in group.outbound] == [
        ("-1", IPv4Network("0.0.0.0/0"))
    ]


def test_networks_of_a_prefix_list(aws: InProcessAws, built: Built) -> None:
    listed = built.ec2.create_managed_prefix_list(
        PrefixListName="panorama",
        Entries=[{"Cidr": "192.0.2.0/24"}],
        MaxEntries=5,
        AddressFamily="IPv4",
    )["PrefixList"]["PrefixListId"]
    own = built.group("own")
    built.ec2.authorize_security_group_ingress(
        GroupId=own,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "PrefixListIds": [{"PrefixListId": listed}],
            }
        ],
    )
    network = read(aws).network
    (rule,) = network.groups[own].inbound
    assert rule.peer == PrefixListReference(listed)
    assert network.prefix_lists == {listed: (IPv4Network("192.0.2.0/24"),)}


def test_rules_of_network_acls(aws: InProcessAws, built: Built) -> None:
    acl = built.ec2.create_network_acl(VpcId=aws.vpc)["NetworkAcl"]["NetworkAclId"]
    for egress, first in ((True, 1024), (False, 443)):
        built.ec2.create_network_acl_entry(
            NetworkAclId=acl,
            RuleNumber=110,
            Egress=egress,
            Protocol="6",
            RuleAction="deny",
            CidrBlock="10.0.1.0/24",
            PortRange={"From": first, "To": 65535},
        )
    found = read(aws).network.acls[acl]
    for rules, first in ((found.outbound, 1024), (found.inbound, 443)):
        (rule,) = [rule for rule in rules if rule.number == 110]
        assert (rule.allow, rule.protocol, rule.first, rule.last) == (False, "6", first, 65535)


def test_nodes_targets_and_firewalls(aws: InProcessAws) -> None:
    target_group = aws.build_gateway()
    aws.build_group(hooks=False)
    aws.world.advance(15)
    (instance_id,) = aws.states()
    aws.client("elbv2").register_targets(TargetGroupArn=target_group, Targets=[{"Id": instance_id}])
    aws.world.advance(60)

    site = read(aws, "fw")

    (balancer,) = site.network.load_balancers.values()
    assert {zone: node.subnet_id for zone, node in balancer.nodes.items()} == dict(
        zip(ZONES, aws.subnets, strict=True)
    )
    assert not balancer.cross_zone
    assert site.targets[balancer.arn].health_port == 80
    assert site.targets[balancer.arn].healthy == (instance_id,)
    instance = site.instances[instance_id]
    assert instance.interfaces[0].instance_id == instance_id
    taken = {address for each in site.network.all_interfaces() for address in each.addresses}
    assert len(taken) == len(list(site.network.all_interfaces()))


def test_an_assumed_interface_gets_a_free_address(aws: InProcessAws) -> None:
    site = read(aws)
    assert site.free_address(aws.subnets[0]) == IPv4Address("10.0.0.254")
    node = aws_reader.assumed(site.network, "node", aws.subnets[0])
    assert site.with_host(node).free_address(aws.subnets[0]) == IPv4Address("10.0.0.253")
