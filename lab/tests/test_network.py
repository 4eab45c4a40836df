"""The model of VPC networks. Expected verdicts: AWS's documentation, named per test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_models import (
    IGW,
    INTERNET,
    LOCAL,
    NAT,
    OPEN_ACL,
    VPC,
    acl_rule,
    cidr,
    interface,
    rule,
    site,
    subnet,
    table,
)

from vmseries_lab.network import (
    Check,
    Network,
    Packet,
    connect,
    may_arrive,
    may_leave,
    network_acls,
    reply_may_arrive,
    reply_may_leave,
    routes,
    security_groups,
)
from vmseries_lab.network.model import (
    Endpoint,
    GroupReference,
    Interface,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    Peering,
    PrefixListReference,
    Route,
    RouteTable,
    SecurityGroup,
    Target,
    TargetKind,
)

addresses = st.ip_addresses()
ports = st.integers(0, 65535)


def packet(source: str, destination: str, port: int | None = 443, protocol: str = "tcp") -> Packet:
    return Packet(protocol, ip_address(source), ip_address(destination), 40000, port)


def networks_of(version: int) -> st.SearchStrategy[Any]:
    bits = 32 if version == 4 else 128
    return st.builds(
        lambda address, length: ip_network((address, length), strict=False),
        st.ip_addresses(v=version),
        st.integers(0, bits),
    )


class TestRoutes:
    """https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html"""

    def chosen(self, destination: str, *found: Route) -> str:
        network = Network(prefix_lists={"pl-1": (cidr("10.9.0.0/16"), cidr("203.0.113.0/24"))})
        verdict = routes.find(network, RouteTable("rtb-1", VPC, found), ip_address(destination))
        return verdict.route.target.target_id if verdict and verdict.route else str(verdict)

    def test_the_longest_prefix_decides(self) -> None:
        found = [Route(cidr("10.0.0.0/16"), LOCAL), Route(cidr("0.0.0.0/0"), IGW)]
        assert self.chosen("10.0.3.4", *found) == "local"
        assert self.chosen("203.0.113.10", *found) == "igw-1"
        specific = Route(cidr("10.0.3.0/24"), NAT)
        assert self.chosen("10.0.3.4", *found, specific) == "nat-1"

    def test_static_before_prefix_list_before_propagated(self) -> None:
        propagated = Route(cidr("10.9.0.0/16"), Target(TargetKind.VPN_GATEWAY, "vgw-1"), True)
        listed = Route(PrefixListReference("pl-1"), Target(TargetKind.TRANSIT_GATEWAY, "tgw-1"))
        static = Route(cidr("10.9.0.0/16"), NAT)
        assert self.chosen("10.9.1.1", propagated) == "vgw-1"
        assert self.chosen("10.9.1.1", propagated, listed) == "tgw-1"
        assert self.chosen("10.9.1.1", propagated, listed, static) == "nat-1"

    def test_local_before_a_more_specific_propagated_route(self) -> None:
        """https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-route-priority.html"""
        vgw = Route(cidr("10.0.3.0/24"), Target(TargetKind.VPN_GATEWAY, "vgw-1"), propagated=True)
        assert self.chosen("10.0.3.4", Route(cidr("10.0.0.0/16"), LOCAL), vgw) == "local"

    def test_a_table_without_a_route_is_named(self) -> None:
        assert self.chosen("2001:db8::1", Route(cidr("0.0.0.0/0"), IGW)) == (
            "route table rtb-1: has no route to 2001:db8::1"
        )

    def test_a_blackhole_refuses(self) -> None:
        gone = Route(cidr("0.0.0.0/0"), NAT, blackhole=True)
        assert "blackhole" in self.chosen("203.0.113.10", gone)

    @given(st.sampled_from([4, 6]), st.data())
    def test_no_matching_route_is_longer_than_the_chosen_one(
        self, version: int, data: st.DataObject
    ) -> None:
        blocks = data.draw(st.lists(networks_of(version), max_size=8))
        destination = data.draw(st.ip_addresses(v=version))
        found = tuple(
            Route(block, Target(TargetKind.NAT_GATEWAY, f"nat-{n}"))
            for n, block in enumerate(blocks)
        )
        verdict = routes.find(Network(), RouteTable("rtb-1", VPC, found), destination)
        matching = [block.prefixlen for block in blocks if destination in block]
        assert bool(verdict) == bool(matching)
        if verdict.route is not None:
            assert isinstance(verdict.route.destination, type(blocks[0]))
            assert destination in verdict.route.destination
            assert verdict.route.destination.prefixlen == max(matching)


class TestSecurityGroups:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"""

    def network(self, *inbound: Any) -> Network:
        other = interface("eni-other", "data-b", "10.0.1.7", "sg-other", public="192.0.2.7")
        network = site()
        return replace(
            network,
            groups={"sg-data": SecurityGroup("sg-data", VPC, inbound)},
            interfaces={**network.interfaces, "eni-other": other},
            prefix_lists={"pl-1": (cidr("192.168.0.0/16"),)},
        )

    def allows(self, network: Network, *what: Any) -> bool:
        at = network.interfaces["eni-data"]
        return bool(security_groups.allow_in(network, at, packet(what[0], "10.0.0.5", *what[1:])))

    def test_no_rule_allows_nothing(self) -> None:
        verdict = security_groups.allow_in(
            self.network(), site().interfaces["eni-data"], packet("10.0.1.7", "10.0.0.5", 80)
        )
        assert not verdict
        assert (verdict.check, verdict.where) == (Check.GROUP_IN, "sg-data")
        assert "no rule allows tcp 10.0.1.7:40000 > 10.0.0.5:80" in verdict.reason

    @pytest.mark.parametrize(
        ("protocol", "port", "allowed"),
        [("tcp", 80, True), ("tcp", 81, False), ("udp", 80, False), ("47", None, False)],
    )
    def test_protocol_and_port(self, protocol: str, port: int | None, allowed: bool) -> None:
        network = self.network(rule("10.0.0.0/16", first=80))
        assert self.allows(network, "10.0.1.7", port, protocol) is allowed

    def test_any_protocol(self) -> None:
        network = self.network(rule("10.0.0.0/16", "-1"))
        assert self.allows(network, "10.0.1.7", None, "47")
        assert not self.allows(network, "10.1.1.7", None, "47")

    def test_a_prefix_list_stands_for_its_networks(self) -> None:
        network = self.network(rule(PrefixListReference("pl-1"), first=80))
        assert self.allows(network, "192.168.3.4", 80)
        assert not self.allows(network, "10.0.1.7", 80)

    def test_a_group_stands_for_the_private_addresses_of_its_interfaces(self) -> None:
        network = self.network(rule(GroupReference("sg-other"), first=80))
        assert self.allows(network, "10.0.1.7", 80)
        assert not self.allows(network, "192.0.2.7", 80)
        assert not self.allows(network, "10.0.1.8", 80), "no interface has this address"
        assert not self.allows(network, "10.0.10.5", 80), "this interface has another group"

    def test_a_group_has_no_members_in_a_vpc_that_is_not_peered(self) -> None:
        network = self.network(rule(GroupReference("sg-other"), first=80))
        elsewhere = subnet("data-b", "10.0.1.0/24", "rtb-data", vpc_id="vpc-2")
        network = replace(network, subnets={**network.subnets, "data-b": elsewhere})
        assert not self.allows(network, "10.0.1.7", 80)
        peered = replace(network, peerings={"pcx-1": Peering("pcx-1", (VPC, "vpc-2"))})
        assert self.allows(peered, "10.0.1.7", 80)

    def test_icmp_rules_have_types(self) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html"""
        network = self.network(rule("10.0.0.0/16", "icmp", 8, -1))
        at = network.interfaces["eni-data"]
        ping = Packet("icmp", IPv4Address("10.0.1.7"), IPv4Address("10.0.0.5"), icmp=(8, 0))
        assert security_groups.allow_in(network, at, ping)
        assert not security_groups.allow_in(network, at, replace(ping, icmp=(0, 0)))
        assert ping.reply().icmp == (0, 0)

    def test_an_interface_without_groups_filters_nothing(self) -> None:
        node = site().load_balancers["gwlb"].nodes["a"]
        assert security_groups.allow_in(site(), node, packet("10.9.9.9", "10.0.0.250"))

    @given(addresses, ports, st.lists(st.tuples(networks_of(4), ports, ports), max_size=5))
    def test_a_packet_passes_if_and_only_if_one_rule_allows_it(
        self, source: Any, port: int, wanted: list[tuple[Any, int, int]]
    ) -> None:
        rules = [rule(str(block), "tcp", min(a, b), max(a, b)) for block, a, b in wanted]
        at = site().interfaces["eni-data"]
        verdict = security_groups.allow_in(
            self.network(*rules), at, Packet("tcp", source, at.addresses[0], 1, port)
        )
        assert bool(verdict) == any(
            source in block and min(a, b) <= port <= max(a, b) for block, a, b in wanted
        )


class TestNetworkAcls:
    """https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html"""

    def verdict(self, *inbound: Any, source: str = "10.9.0.1") -> Any:
        network = replace(site(), acls={"acl-open": NetworkAcl("acl-open", inbound)})
        there = network.subnets["data-a"]
        return network_acls.allow_in(network, there, packet(source, "10.0.0.5", 80))

    def test_the_lowest_number_decides(self) -> None:
        deny, allow = acl_rule(10, allow=False), acl_rule(20, allow=True)
        assert "rule 10 denies" in self.verdict(allow, deny).reason
        assert self.verdict(allow, acl_rule(30, allow=False))

    def test_what_no_rule_matches_is_denied(self) -> None:
        verdict = self.verdict(acl_rule(10, allow=True, protocol="6", first=443))
        assert not verdict
        assert (verdict.check, verdict.where) == (Check.ACL_IN, "acl-open")
        assert "rule * denies" in verdict.reason

    def test_it_does_not_apply_within_a_subnet(self) -> None:
        assert self.verdict(source="10.0.0.9")

    def test_protocols_are_numbers(self) -> None:
        assert self.verdict(acl_rule(10, allow=True, protocol="6", first=80))
        assert not self.verdict(acl_rule(10, allow=True, protocol="17", first=80))

    @given(st.lists(st.tuples(st.integers(1, 99), st.booleans(), networks_of(4)), max_size=6))
    def test_the_first_matching_rule_by_number(self, wanted: list[Any]) -> None:
        numbered = {number: (allow, block) for number, allow, block in wanted}
        rules = [acl_rule(n, allow=a, to=str(block)) for n, (a, block) in numbered.items()]
        source = IPv4Address("172.31.5.6")
        expected = [allow for _, (allow, block) in sorted(numbered.items()) if source in block]
        assert bool(self.verdict(*rules, source=str(source))) == bool(expected and expected[0])


class TestPassage:
    """One packet at one interface."""

    def test_a_health_check_arrives_and_its_reply_leaves(self) -> None:
        network = site()
        check = packet("10.0.1.250", "10.0.0.5", 80)
        at = network.interfaces["eni-data"]
        assert may_leave(network, network.load_balancers["gwlb"].nodes["b"], check)
        assert "sgr-check" in may_arrive(network, at, check).reason
        # sg-data has no outbound rule: groups are stateful.
        reply = reply_may_leave(network, at, check)
        assert reply.route is not None
        assert reply.route.target == LOCAL

    def test_replies_pass_no_group_but_network_acls(self) -> None:
        only_in = NetworkAcl("acl-open", OPEN_ACL.inbound, ())
        network = replace(site(), acls={"acl-open": only_in})
        check = packet("10.0.1.250", "10.0.0.5", 80)
        verdict = reply_may_leave(network, network.interfaces["eni-data"], check)
        assert (bool(verdict), verdict.check) == (False, Check.ACL_OUT)
        request = packet("10.0.10.5", "203.0.113.10")
        assert reply_may_arrive(network, network.interfaces["eni-mgt"], request)

    def test_a_packet_with_a_foreign_address_does_not_leave(self) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html#eni-basics"""
        network = site()
        foreign = packet("10.0.99.1", "203.0.113.10")
        mine = network.interfaces["eni-mgt"]
        assert may_leave(network, mine, foreign).check is Check.ADDRESS
        assert may_leave(network, replace(mine, checks_addresses=False), foreign)

    @given(addresses, addresses, ports, ports)
    def test_a_reply_of_a_reply_is_the_packet(self, a: Any, b: Any, p: int, q: int) -> None:
        sent = Packet("udp", a, b, p, q)
        assert sent.reply().reply() == sent


def refusal(network: Network, **options: Any) -> str:
    verdict = connect(network, network.interfaces["eni-mgt"], INTERNET, 443, **options)
    return "" if verdict else str(verdict)


def change(kind: str, key: str, value: Any) -> Network:
    """Return the site with one part replaced."""
    network = site()
    return replace(network, **{kind: {**getattr(network, kind), key: value}})


def without_rules() -> Network:
    return change("groups", "sg-mgt", SecurityGroup("sg-mgt", VPC))


def acl_of_public(**changed: Any) -> Network:
    network = site()
    return replace(
        network,
        acls={**network.acls, "acl-public": replace(OPEN_ACL, acl_id="acl-public", **changed)},
        subnets={
            **network.subnets,
            "public": subnet("public", "10.0.20.0/24", "rtb-public", acl_id="acl-public"),
        },
    )


ONLY_EPHEMERAL = (acl_rule(100, allow=True, protocol="6", first=1024, last=65535),)
NO_EPHEMERAL = (acl_rule(100, allow=True, protocol="6", first=443),)


class TestConnections:
    """From the management interface through a NAT gateway to the internet."""

    def test_it_passes(self) -> None:
        assert refusal(site()) == ""

    @pytest.mark.parametrize(
        ("make", "named"),
        [
            (without_rules, "security group, outbound sg-mgt: no rule allows tcp"),
            (
                lambda: change("tables", "rtb-mgt", table("rtb-mgt")),
                "route table rtb-mgt: has no route to 203.0.113.10",
            ),
            (
                lambda: change("tables", "rtb-public", table("rtb-public")),
                "route table rtb-public: has no route to 203.0.113.10",
            ),
            (
                lambda: change("tables", "rtb-mgt", table("rtb-mgt", ("0.0.0.0/0", IGW))),
                "gateway igw-1: needs a public address, and eni-mgt has none",
            ),
            (lambda: replace(site(), nat_gateways={}), "gateway nat-1: does not exist"),
            (
                lambda: change("internet_gateways", "igw-1", InternetGateway("igw-1", None)),
                "gateway igw-1: is not attached",
            ),
            (
                lambda: change(
                    "nat_gateways", "nat-1", NatGateway("nat-1", site().interfaces["eni-mgt"])
                ),
                "gateway nat-1: is a NAT gateway behind a NAT gateway",
            ),
            (
                lambda: acl_of_public(inbound=NO_EPHEMERAL),
                "network ACL, inbound acl-public: rule * denies tcp 203.0.113.10:443",
            ),
            (
                lambda: acl_of_public(inbound=ONLY_EPHEMERAL),
                "network ACL, inbound acl-public: rule * denies tcp 10.0.10.5:1024 > 203.0.113.10",
            ),
            (
                lambda: acl_of_public(outbound=NO_EPHEMERAL),
                "network ACL, outbound acl-public: rule * denies tcp 203.0.113.10:443 > 10.0.10.5",
            ),
        ],
    )
    def test_what_refuses_is_named(self, make: Callable[[], Network], named: str) -> None:
        assert named in refusal(make())

    def test_a_changed_group_does_not_interrupt_an_established_connection(self) -> None:
        """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-connection-tracking.html"""
        assert refusal(without_rules())
        assert refusal(without_rules(), established=True) == ""
        no_route = change("tables", "rtb-mgt", table("rtb-mgt"))
        assert "rtb-mgt" in refusal(no_route, established=True)

    def test_a_public_address_needs_an_internet_gateway(self) -> None:
        network = change("tables", "rtb-mgt", table("rtb-mgt", ("0.0.0.0/0", IGW)))
        public = replace(network.interfaces["eni-mgt"], public_address=IPv4Address("192.0.2.5"))
        assert connect(network, public, INTERNET, 443)
        assert not connect(network, public, ip_address("192.168.1.1"), 443)

    def test_all_ephemeral_ports_must_pass(self) -> None:
        """https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports"""
        some = (acl_rule(100, allow=True, protocol="6", first=32768, last=61000),)
        network = acl_of_public()
        only_some = NetworkAcl("acl-open", some, OPEN_ACL.outbound)
        network = replace(network, acls={**network.acls, "acl-open": only_some})
        assert "denies tcp 203.0.113.10:443 > 10.0.10.5:1024" in refusal(network)

    def test_a_transit_gateway_leads_out(self) -> None:
        tgw = Target(TargetKind.TRANSIT_GATEWAY, "tgw-1")
        network = change("tables", "rtb-mgt", table("rtb-mgt", ("192.168.0.0/16", tgw)))
        start = network.interfaces["eni-mgt"]
        assert connect(network, start, ip_address("192.168.7.7"), 443)
        assert "no route" in connect(network, start, INTERNET, 443).reason

    def test_health_checks_of_each_node(self) -> None:
        network = site()
        nodes = network.load_balancers["gwlb"].nodes
        target = network.interfaces["eni-data"]
        assert all(connect(network, node, target, 80) for node in nodes.values())
        assert not any(connect(network, node, target, 443) for node in nodes.values())
        one_zone = change(
            "groups", "sg-data", SecurityGroup("sg-data", VPC, (rule("10.0.0.0/24", first=80),))
        )
        assert connect(one_zone, nodes["a"], target, 80)
        verdict = connect(one_zone, nodes["b"], target, 80)
        assert (verdict.check, verdict.where) == (Check.GROUP_IN, "sg-data")

    def test_an_address_without_an_interface(self) -> None:
        network = site()
        verdict = connect(network, network.interfaces["eni-mgt"], ip_address("10.0.0.77"), 443)
        assert (bool(verdict), verdict.check) == (False, Check.DELIVERY)

    def test_ipv6_is_routed_by_its_own_routes(self) -> None:
        network = site()
        mine = replace(network.interfaces["eni-mgt"], addresses=(ip_address("2001:db8::5"),))
        there = ip_address("2001:db8:1::1")
        assert "no IPv6 address" in str(connect(network, network.interfaces["eni-mgt"], there, 443))
        group = SecurityGroup("sg-mgt", VPC, (), (rule("::/0", first=443),))
        acl = NetworkAcl(
            "acl-open",
            (acl_rule(101, allow=True, to="::/0"),),
            (acl_rule(101, allow=True, to="::/0"),),
        )
        network = replace(
            network, groups={**network.groups, "sg-mgt": group}, acls={"acl-open": acl}
        )
        assert "rtb-mgt: has no route" in str(connect(network, mine, there, 443))
        eigw = Target(TargetKind.EGRESS_ONLY_GATEWAY, "eigw-1")
        routed = replace(
            network, tables={**network.tables, "rtb-mgt": table("rtb-mgt", ("::/0", eigw))}
        )
        assert connect(routed, mine, there, 443)

    def test_a_load_balancer_endpoint_passes_traffic_on(self) -> None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/introduction.html"""
        vpce = Target(TargetKind.ENDPOINT, "vpce-1")
        network = change("tables", "rtb-public", table("rtb-public", ("0.0.0.0/0", vpce)))
        assert "vpce-1: does not exist" in refusal(network)
        entry = interface("eni-entry", "mgt", "10.0.10.250", public="192.0.2.77")
        there = Endpoint("vpce-1", VPC, "GatewayLoadBalancer", "svc", (entry,))
        looped = replace(network, endpoints={"vpce-1": there})
        assert "nat-1: is part of a loop" in refusal(looped)
        out = replace(entry, subnet_id="data-a", addresses=(ip_address("10.0.0.250"),))
        network = replace(
            network,
            endpoints={"vpce-1": replace(there, interfaces=(out,))},
            tables={**network.tables, "rtb-data": table("rtb-data", ("0.0.0.0/0", IGW))},
        )
        assert refusal(network) == ""


class TestPeering:
    """https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html"""

    PCX = Target(TargetKind.PEERING, "pcx-1")

    def network(self, *back: tuple[str, Target]) -> Network:
        network = change("tables", "rtb-mgt", table("rtb-mgt", ("10.1.0.0/16", self.PCX)))
        there = interface("eni-there", "there", "10.1.0.4", "sg-there")
        own = Route(cidr("10.1.0.0/16"), LOCAL)
        routed = tuple(Route(cidr(to), via) for to, via in back)
        return replace(
            network,
            vpcs={**network.vpcs, "vpc-2": (cidr("10.1.0.0/16"),)},
            subnets={
                **network.subnets,
                "there": subnet("there", "10.1.0.0/24", "rtb-there", vpc_id="vpc-2"),
            },
            tables={
                **network.tables,
                "rtb-there": RouteTable("rtb-there", "vpc-2", (own, *routed)),
            },
            groups={
                **network.groups,
                "sg-there": SecurityGroup(
                    "sg-there", "vpc-2", (rule(GroupReference("sg-mgt"), first=443),)
                ),
            },
            interfaces={**network.interfaces, "eni-there": there},
            peerings={"pcx-1": Peering("pcx-1", (VPC, "vpc-2"))},
        )

    def test_both_sides_need_a_route(self) -> None:
        there = ip_address("10.1.0.4")
        network = self.network(("10.0.0.0/16", self.PCX))
        start = network.interfaces["eni-mgt"]
        assert connect(network, start, there, 443)
        one_way = connect(self.network(), start, there, 443)
        assert (bool(one_way), one_way.where) == (False, "rtb-there")
        elsewhere = connect(self.network(("10.0.0.0/16", IGW)), start, there, 443)
        assert "does not take the reply" in elsewhere.reason

    def test_it_ends_in_the_other_vpc(self) -> None:
        network = change("tables", "rtb-mgt", table("rtb-mgt", ("0.0.0.0/0", self.PCX)))
        network = replace(
            network,
            vpcs={**network.vpcs, "vpc-2": (cidr("10.1.0.0/16"),)},
            peerings={"pcx-1": Peering("pcx-1", (VPC, "vpc-2"))},
        )
        assert "does not contain" in refusal(network)


@given(networks_of(4), ports, st.booleans())
def test_no_connection_without_rule_and_route(block: Any, port: int, routed: bool) -> None:
    """Whatever the rule and the route: both are needed, and each is enough to refuse."""
    assert isinstance(block, IPv4Network)
    network = site()
    network = replace(
        network,
        groups={"sg-mgt": SecurityGroup("sg-mgt", VPC, (), (rule(str(block), first=port),))},
        tables={
            **network.tables,
            "rtb-mgt": table("rtb-mgt", *[("0.0.0.0/0", NAT)] * routed),
        },
    )
    start: Interface = network.interfaces["eni-mgt"]
    verdict = connect(network, start, INTERNET, 443)
    assert bool(verdict) == (INTERNET in block and port == 443 and routed)
