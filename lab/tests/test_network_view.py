"""The view of moto's stores as a network: each kind of part, as the APIs of AWS create it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from vmseries_lab.aws.in_process import ZONES, InProcessAws, in_process_aws
from vmseries_lab.aws.network_view import network_view
from vmseries_lab.network import Network, routes
from vmseries_lab.network.model import (
    GroupReference,
    PrefixListReference,
    Route,
    RouteTable,
    TargetKind,
)

ANYWHERE = "0.0.0.0/0"


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as lab:
        yield lab


@pytest.fixture
def ec2(aws: InProcessAws) -> Any:
    return aws.client("ec2")


def table(aws: InProcessAws, *created: dict[str, Any]) -> RouteTable:
    """Create a route table with routes, associate it with the first subnet and view it."""
    ec2 = aws.client("ec2")
    table_id = ec2.create_route_table(VpcId=aws.vpc)["RouteTable"]["RouteTableId"]
    for each in created:
        ec2.create_route(RouteTableId=table_id, **each)
    ec2.associate_route_table(RouteTableId=table_id, SubnetId=aws.subnets[0])
    network = network_view()
    assert network.subnets[aws.subnets[0]].table_id == table_id
    assert network.subnets[aws.subnets[1]].table_id != table_id, "the main table"
    return network.tables[table_id]


def targets(found: RouteTable) -> dict[str, tuple[TargetKind, str]]:
    return {
        str(getattr(route.destination, "prefix_list_id", route.destination)): (
            route.target.kind,
            route.target.target_id,
        )
        for route in found.routes
    }


def test_subnets_have_zones_and_the_default_network_acl(aws: InProcessAws) -> None:
    network = network_view()
    for subnet_id, zone in zip(aws.subnets, ZONES, strict=True):
        subnet = network.subnets[subnet_id]
        assert (subnet.vpc_id, subnet.zone) == (aws.vpc, zone)
        assert [rule.allow for rule in network.acls[subnet.acl_id].inbound] == [True, False]
    assert network.vpcs[aws.vpc] == (ip_network("10.0.0.0/16"),)


def test_routes_to_each_kind_of_target(aws: InProcessAws, ec2: Any) -> None:
    (igw,) = ec2.describe_internet_gateways()["InternetGateways"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=aws.subnets[1], AllocationId=address)["NatGateway"]
    tgw = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    pcx = ec2.create_vpc_peering_connection(VpcId=aws.vpc, PeerVpcId=other)["VpcPeeringConnection"][
        "VpcPeeringConnectionId"
    ]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
    eigw = ec2.create_egress_only_internet_gateway(VpcId=aws.vpc)["EgressOnlyInternetGateway"]
    eni = ec2.create_network_interface(SubnetId=aws.subnets[0])["NetworkInterface"]
    lists = ec2.create_managed_prefix_list(
        PrefixListName="p", MaxEntries=2, AddressFamily="IPv4", Entries=[{"Cidr": "172.16.0.0/16"}]
    )["PrefixList"]["PrefixListId"]
    found = table(
        aws,
        {"DestinationCidrBlock": ANYWHERE, "GatewayId": igw["InternetGatewayId"]},
        {"DestinationCidrBlock": "192.0.2.0/24", "NatGatewayId": nat["NatGatewayId"]},
        {"DestinationPrefixListId": lists, "TransitGatewayId": tgw},
        {"DestinationCidrBlock": "10.1.0.0/16", "VpcPeeringConnectionId": pcx},
        {
            "DestinationIpv6CidrBlock": "::/0",
            "EgressOnlyInternetGatewayId": eigw["EgressOnlyInternetGatewayId"],
        },
        {"DestinationCidrBlock": "10.9.0.0/16", "NetworkInterfaceId": eni["NetworkInterfaceId"]},
    )
    assert targets(found) == {
        "10.0.0.0/16": (TargetKind.LOCAL, "local"),
        ANYWHERE: (TargetKind.INTERNET_GATEWAY, igw["InternetGatewayId"]),
        "192.0.2.0/24": (TargetKind.NAT_GATEWAY, nat["NatGatewayId"]),
        lists: (TargetKind.TRANSIT_GATEWAY, tgw),
        "10.1.0.0/16": (TargetKind.PEERING, pcx),
        "::/0": (TargetKind.EGRESS_ONLY_GATEWAY, eigw["EgressOnlyInternetGatewayId"]),
        "10.9.0.0/16": (TargetKind.INTERFACE, eni["NetworkInterfaceId"]),
    }
    network = network_view()
    assert network.peerings[pcx].vpc_ids == (aws.vpc, other)
    assert (
        str(network.nat_gateways[nat["NatGatewayId"]].interface.public_address)
        == (ec2.describe_addresses()["Addresses"][0]["PublicIp"])
    )
    through_list = routes.find(network, found, ip_address("172.16.3.4"))
    assert isinstance(through_list.route, Route)
    assert through_list.route.destination == PrefixListReference(lists)
    ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    later = network_view()
    gone = routes.find(later, later.tables[found.table_id], ip_address("192.0.2.9"))
    assert "is a blackhole" in gone.reason


def test_rules_of_security_groups(aws: InProcessAws, ec2: Any) -> None:
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=aws.vpc)["GroupId"]
    permissions = [
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "IpRanges": [{"CidrIp": ANYWHERE}]},
        {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": aws.security_group}]},
    ]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)
    found = network_view().groups[group]
    assert [(r.protocol, r.first, r.last, r.peer) for r in found.inbound] == [
        ("tcp", 80, 81, ip_network(ANYWHERE)),
        ("udp", 53, 53, ip_network("::/0")),
        ("-1", None, None, GroupReference(aws.security_group)),
    ]
    assert [r.peer for r in found.outbound] == [ip_network(ANYWHERE)]


def test_an_interface_has_its_own_groups_and_addresses(aws: InProcessAws, ec2: Any) -> None:
    aws.build_group(hooks=False)
    aws.world.advance(15)
    (instance_id,) = aws.states()
    created = ec2.create_network_interface(SubnetId=aws.instance(instance_id)["SubnetId"])
    own = created["NetworkInterface"]
    ec2.attach_network_interface(
        InstanceId=instance_id, NetworkInterfaceId=own["NetworkInterfaceId"], DeviceIndex=1
    )
    found = network_view().interfaces[own["NetworkInterfaceId"]]
    assert found.instance_id == instance_id
    assert [str(each) for each in found.addresses] == [own["PrivateIpAddress"]]
    assert found.group_ids == tuple(group["GroupId"] for group in own["Groups"])
    assert aws.security_group not in (found.group_ids or ())


def test_load_balancer_nodes_and_endpoints(aws: InProcessAws, ec2: Any) -> None:
    """They have addresses of their subnets that no interface has."""
    aws.build_gateway()
    balancer = aws.client("elbv2").describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    service = ec2.create_vpc_endpoint_service_configuration(
        GatewayLoadBalancerArns=[balancer], AcceptanceRequired=False
    )["ServiceConfiguration"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=aws.vpc,
        VpcEndpointType="GatewayLoadBalancer",
        ServiceName=service["ServiceName"],
        SubnetIds=aws.subnets[:1],
    )["VpcEndpoint"]["VpcEndpointId"]
    network = network_view()
    found = network.load_balancers[balancer]
    assert (found.kind, found.cross_zone, sorted(found.nodes)) == ("gateway", False, list(ZONES))
    taken = {address for each in network.interfaces.values() for address in each.addresses}
    for node in found.nodes.values():
        assert node.group_ids is None
        assert node.addresses[0] in network.subnets[node.subnet_id].cidrs[0]
        assert node.addresses[0] not in taken
    assert network.endpoints[endpoint].load_balancer == balancer
    (interface,) = network.endpoints[endpoint].interfaces
    assert interface.subnet_id == aws.subnets[0]
    assert interface.addresses[0] not in taken
    assert interface.addresses != found.nodes[ZONES[0]].addresses
    found_table = table(aws, {"DestinationCidrBlock": ANYWHERE, "VpcEndpointId": endpoint})
    assert targets(found_table)[ANYWHERE] == (TargetKind.ENDPOINT, endpoint)


def test_deleted_endpoints_and_nat_gateways_are_gone(aws: InProcessAws, ec2: Any) -> None:
    """Their subnet may be gone, too, as in the middle of a destroy."""
    subnet = ec2.create_subnet(VpcId=aws.vpc, CidrBlock="10.0.200.0/24")["Subnet"]["SubnetId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=aws.vpc,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.sqs",
        SubnetIds=[subnet],
    )["VpcEndpoint"]["VpcEndpointId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]
    assert list(network_view().endpoints) == [endpoint]
    assert list(network_view().nat_gateways) == [nat["NatGatewayId"]]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    ec2.delete_subnet(SubnetId=subnet)
    network = network_view()
    assert list(network.endpoints.values()) == []
    assert list(network.nat_gateways.values()) == []


def test_an_edge_route_table_is_that_of_the_internet_gateway(aws: InProcessAws, ec2: Any) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/gateway-route-tables.html"""
    (igw,) = ec2.describe_internet_gateways()["InternetGateways"]
    edge = ec2.create_route_table(VpcId=aws.vpc)["RouteTable"]["RouteTableId"]
    assert network_view().internet_gateways[igw["InternetGatewayId"]].table_id is None
    ec2.associate_route_table(RouteTableId=edge, GatewayId=igw["InternetGatewayId"])
    found = network_view().internet_gateways[igw["InternetGatewayId"]]
    assert (found.vpc_id, found.table_id) == (aws.vpc, edge)


def test_a_pending_peering_connection_is_none(aws: InProcessAws, ec2: Any) -> None:
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    ec2.create_vpc_peering_connection(VpcId=aws.vpc, PeerVpcId=other)
    assert dict(network_view().peerings) == {}


def test_what_does_not_exist_is_no_key(aws: InProcessAws) -> None:
    network: Network = network_view()
    for parts in (network.subnets, network.groups, network.interfaces, network.tables):
        assert parts.get("x-0") is None
        assert len(parts) == len(list(parts))
