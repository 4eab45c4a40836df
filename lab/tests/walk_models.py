"""Small deployments for the tests of walks: the examples' layout, without Terraform.

The configuration of the firewalls is that of the examples' files of commands.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from network_models import IGW, LOCAL, NAT, OPEN_ACL, rule

from vmseries_lab.network.model import (
    Endpoint,
    Interface,
    InternetGateway,
    LoadBalancer,
    NatGateway,
    Network,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Target,
    TargetKind,
)
from vmseries_lab.panorama import configure_mode, initial_config
from vmseries_lab.panorama.config_store import ConfigStore
from vmseries_scenarios.packet_walk import pan_os_reader
from vmseries_scenarios.packet_walk.flows import Scope
from vmseries_scenarios.packet_walk.pan_os import Configuration, Firewall, Port
from vmseries_scenarios.packet_walk.site import Function, Instance, Site, TargetGroup

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ZONES = ("a", "b", "c")
SECURITY, SPOKE = "vpc-security", "vpc-spoke"
SPOKE_IGW = "igw-spoke"
GWLB = "arn:gwlb"
PREFIX = {"one-arm": "10.11", "two-arm": "10.10"}
SCOPE = Scope(SPOKE, {zone: f"application-{zone}" for zone in ZONES})
NETWORK = "template autoscale-network config network"


def running(example: str, *more: str) -> Element:
    """Return Panorama's configuration after the files of an example and further commands."""
    store = ConfigStore(initial_config.configuration())
    files = sorted((EXAMPLES / example / "panorama").glob("*.set"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    store.apply(configure_mode.changes([*lines, *more], "operator"))
    store.commit(store.pending())
    return store.running


def configuration(example: str, *more: str) -> Configuration:
    """Return what the files of an example configure, after further commands."""
    return pan_os_reader.read(
        running(example, *more), template_stack="autoscale-stack", device_group="autoscale"
    )


def firewall(example: str, zone: int, *more: str, overlay: bool | None = None) -> Firewall:
    """Return a firewall of an example in a zone, by the number of the zone."""
    block = PREFIX[example] + "0"
    ports = {"ethernet1/1": _port(f"{block}.{zone}")}
    if example == "two-arm":
        ports["ethernet1/2"] = _port(f"{block}.{20 + zone}")
    overlay_routing = example == "two-arm" if overlay is None else overlay
    return Firewall(f"i-{zone}", configuration(example, *more), ports, overlay_routing)


def _port(block: str) -> Port:
    return Port(IPv4Address(f"{block}.100"), ip_network(f"{block}.0/24"))


def _table(table_id: str, vpc: str, block: str, *routes: tuple[str, Target]) -> RouteTable:
    local = Route(ip_network(f"{block}.0.0/16"), LOCAL)
    return RouteTable(table_id, vpc, (local, *(Route(ip_network(to), via) for to, via in routes)))


def _interface(name: str, subnet: str, address: str, *groups: str, **more: Any) -> Interface:
    return Interface(name, subnet, (ip_address(address),), groups or None, **more)


def endpoint_target(zone: str) -> Target:
    return Target(TargetKind.ENDPOINT, f"vpce-{zone}")


def site(example: str, *more: str, published: bool | None = None) -> Site:
    """Return a deployment of an example with one firewall in each of three zones.

    Args:
        example: ``one-arm`` or ``two-arm``.
        more: commands that Panorama gets after those of the example.
        published: whether the spoke has an internet gateway; as the example by default.
    """
    two_arm = example == "two-arm"
    published = not two_arm if published is None else published
    own, spoke = PREFIX[example] + "0", PREFIX[example] + "4"
    subnets, interfaces, instances, nodes, endpoints = {}, {}, {}, {}, {}
    tables = {
        "rtb-data": _table("rtb-data", SECURITY, own),
        "rtb-public": _table("rtb-public", SECURITY, own, ("0.0.0.0/0", IGW)),
        "rtb-management": _table("rtb-management", SECURITY, own, ("0.0.0.0/0", NAT)),
    }
    out = Target(TargetKind.INTERNET_GATEWAY, SPOKE_IGW)
    tables["rtb-endpoint"] = _table(
        "rtb-endpoint", SPOKE, spoke, *([("0.0.0.0/0", out)] if published else [])
    )
    if published:
        tables["rtb-edge"] = _table(
            "rtb-edge",
            SPOKE,
            spoke,
            *((f"{spoke}.{n}.0/24", endpoint_target(zone)) for n, zone in enumerate(ZONES)),
        )
    for number, zone in enumerate(ZONES):
        between = (
            (f"{spoke}.{other}.0/24", endpoint_target(min(zone, peer)))
            for other, peer in enumerate(ZONES)
            if peer != zone
        )
        tables[f"rtb-{zone}"] = _table(
            f"rtb-{zone}", SPOKE, spoke, ("0.0.0.0/0", endpoint_target(zone)), *between
        )
        for name, vpc, block, table in (
            (f"data-{zone}", SECURITY, f"{own}.{number}", "rtb-data"),
            (f"management-{zone}", SECURITY, f"{own}.{10 + number}", "rtb-management"),
            (f"public-{zone}", SECURITY, f"{own}.{20 + number}", "rtb-public"),
            (f"application-{zone}", SPOKE, f"{spoke}.{number}", f"rtb-{zone}"),
            (f"endpoint-{zone}", SPOKE, f"{spoke}.{10 + number}", "rtb-endpoint"),
        ):
            cidr = ip_network(f"{block}.0/24")
            subnets[name] = Subnet(name, vpc, zone, (cidr,), OPEN_ACL.acl_id, table)
        own_id = f"i-{zone}"
        ports = {
            0: _interface(
                f"data-{zone}-eni",
                f"data-{zone}",
                f"{own}.{number}.100",
                "sg-data",
                instance_id=own_id,
                checks_addresses=False,
            ),
            1: _interface(
                f"management-{zone}-eni",
                f"management-{zone}",
                f"{own}.{10 + number}.100",
                "sg-management",
                instance_id=own_id,
            ),
        }
        if two_arm:
            ports[2] = _interface(
                f"untrust-{zone}-eni",
                f"public-{zone}",
                f"{own}.{20 + number}.100",
                "sg-untrust",
                instance_id=own_id,
                checks_addresses=False,
                public_address=IPv4Address(f"192.0.2.{10 + number}"),
            )
        interfaces.update({each.interface_id: each for each in ports.values()})
        instances[own_id] = Instance(own_id, zone, ports)
        nodes[zone] = _interface(
            f"node-{zone}", f"data-{zone}", f"{own}.{number}.200", checks_addresses=False
        )
        entry = _interface(
            f"vpce-{zone}-eni",
            f"endpoint-{zone}",
            f"{spoke}.{10 + number}.9",
            checks_addresses=False,
        )
        endpoints[f"vpce-{zone}"] = Endpoint(
            f"vpce-{zone}",
            SPOKE,
            "GatewayLoadBalancer",
            "service",
            (entry,),
            load_balancer=GWLB,
        )
    nat = _interface("nat-eni", "public-a", f"{own}.20.9", public_address=IPv4Address("192.0.2.9"))
    data = f"{own}.0.0/16"
    gateways = {"igw-1": InternetGateway("igw-1", SECURITY)}
    if published:
        gateways[SPOKE_IGW] = InternetGateway(SPOKE_IGW, SPOKE, "rtb-edge")
    network = Network(
        vpcs={SECURITY: (ip_network(data),), SPOKE: (ip_network(f"{spoke}.0.0/16"),)},
        subnets=subnets,
        tables=tables,
        acls={OPEN_ACL.acl_id: OPEN_ACL},
        groups={
            "sg-data": SecurityGroup(
                "sg-data",
                SECURITY,
                (rule(data, "udp", 6081), rule(data, "tcp", 80, rule_id="sgr-check")),
                (rule(data, "udp", 6081),),
            ),
            "sg-management": SecurityGroup(
                "sg-management",
                SECURITY,
                (),
                tuple(rule(first=port) for port in (443, 3978, 28443)),
            ),
            "sg-untrust": SecurityGroup("sg-untrust", SECURITY, (), (rule(protocol="-1"),)),
            "sg-functions": SecurityGroup("sg-functions", SECURITY, (), (rule(first=443),)),
        },
        interfaces=interfaces,
        internet_gateways=gateways,
        nat_gateways={"nat-1": NatGateway("nat-1", nat)},
        load_balancers={GWLB: LoadBalancer(GWLB, "gateway", nodes, cross_zone=True)},
        endpoints=endpoints,
    )
    return Site(
        network=network,
        configuration=configuration(example, *more),
        targets={GWLB: TargetGroup(80, tuple(instances))},
        instances=instances,
        functions=(Function("launch", ("management-a", "management-b"), ("sg-functions",)),),
        overlay_routing=two_arm,
    )


def changed(site: Site, **parts: Any) -> Site:
    """Return a site whose network has other parts."""
    return replace(site, network=replace(site.network, **parts))


def without_route(site: Site, table_id: str, destination: str) -> Site:
    """Return a site whose route table lacks a route."""
    table = site.network.tables[table_id]
    kept = tuple(r for r in table.routes if r.destination != ip_network(destination))
    assert len(kept) < len(table.routes)
    return changed(site, tables={**site.network.tables, table_id: replace(table, routes=kept)})
