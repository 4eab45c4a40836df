"""What a firewall does with a packet: routes, zones, policy and NAT, by the examples' files."""

from __future__ import annotations

import copy
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from itertools import pairwise
from xml.etree.ElementTree import SubElement

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st
from walk_models import EXAMPLES, NETWORK, configuration, firewall, running

from vmseries_lab.network.packets import TCP, UDP, Packet
from vmseries_scenarios.packet_walk.pan_os import (
    Configuration,
    DroppedError,
    Firewall,
    InterfaceConfig,
    Port,
    StaticRoute,
)
from vmseries_scenarios.packet_walk.pan_os_reader import (
    UnreadableConfigurationError,
    exported_configuration,
    read,
)

PRIVATE = tuple(
    IPv4Network(block)
    for block in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
)
RESERVED = IPv4Network("224.0.0.0/3")
ZONES = range(3)
TWO_ARM = [firewall("two-arm", zone) for zone in ZONES]
NAMES = st.ip_addresses(v=4).filter(lambda address: address not in RESERVED)
SPOKE, SERVER = IPv4Address("10.104.0.7"), IPv4Address("198.51.100.7")


def packet(source: IPv4Address, to: IPv4Address, port: int = 443, protocol: str = TCP) -> Packet:
    return Packet(protocol, source, to, 50_000, port)


class TestRoutesOfTwoArm:
    """One template stack routes in every zone."""

    @given(address=NAMES, zone=st.sampled_from(ZONES))
    def test_private_addresses_leave_by_data_and_public_ones_by_untrust(self, address, zone):
        private = any(address in block for block in PRIVATE)
        expected = "ethernet1/1" if private else "ethernet1/2"
        assert TWO_ARM[zone].route("vr-data", address).interface == expected
        if address not in TWO_ARM[zone].ports["ethernet1/2"].subnet:
            assert TWO_ARM[zone].route("vr-untrust", address).interface == expected

    def test_the_public_and_private_routes_are_all_addresses_without_overlap(self):
        routes = configuration("two-arm").routes
        public = [route.destination for route in routes["vr-data"]]
        private = [route.destination for route in routes["vr-untrust"]]
        every = sorted([*public, *private, RESERVED])
        assert all(one.broadcast_address < two.network_address for one, two in pairwise(every))
        assert sum(network.num_addresses for network in every) == 2**32

    @pytest.mark.parametrize("example", ["one-arm", "two-arm"])
    def test_no_route_has_a_value_that_differs_by_zone(self, example):
        for routes in configuration(example).routes.values():
            assert [route.name for route in routes if route.next_hop] == []

    def test_each_route_has_a_name_that_pan_os_accepts(self):
        """PAN-OS Web Interface Help, "Static Routes": letters, numbers, spaces, hyphens and _."""
        for routes in configuration("two-arm").routes.values():
            for route in routes:
                assert len(route.name) <= 31
                assert route.name.replace("-", "").isalnum()


class TestRoutes:
    @staticmethod
    def router(*routes: StaticRoute, default: bool = False) -> Firewall:
        interface = InterfaceConfig("ethernet1/1", "data", "vr", default_route=default)
        port = Port(IPv4Address("10.0.0.5"), IPv4Network("10.0.0.0/24"))
        own = Configuration({"ethernet1/1": interface}, {"vr": routes})
        return Firewall("fw", own, {"ethernet1/1": port}, overlay_routing=True)

    @given(
        data=st.data(),
        prefixes=st.lists(
            st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 32)), min_size=1, max_size=8
        ),
    )
    def test_the_most_specific_route_is_taken(self, data, prefixes):
        networks = sorted(
            {ip_network((number, length), strict=False) for number, length in prefixes}
        )
        routes = [
            StaticRoute(str(network), network, interface="ethernet1/1") for network in networks
        ]
        chosen = data.draw(st.sampled_from(networks))
        offset = data.draw(st.integers(0, chosen.num_addresses - 1))
        address = chosen.network_address + offset
        if address in IPv4Network("10.0.0.0/24"):
            return
        best = max((n for n in networks if address in n), key=lambda network: network.prefixlen)
        assert self.router(*routes).route("vr", address).routes == (f"vr: {best}",)

    def test_of_two_default_routes_the_lower_metric_is_taken(self):
        anywhere = IPv4Network("0.0.0.0/0")
        other = StaticRoute("other", anywhere, interface="ethernet1/1", metric=5)
        assert self.router(other, default=True).route("vr", SERVER).routes == ("vr: other",)
        later = replace(other, metric=20)
        assert "DHCP" in self.router(later, default=True).route("vr", SERVER).routes[0]

    def test_a_next_hop_of_another_zone_is_not_used(self):
        route = StaticRoute(
            "zone-b", PRIVATE[0], next_hop=IPv4Address("10.0.1.1"), interface="ethernet1/1"
        )
        with pytest.raises(DroppedError, match=r"next hop 10\.0\.1\.1 is not in 10\.0\.0\.0/24"):
            self.router(route).route("vr", IPv4Address("10.9.0.1"))

    def test_routes_in_a_circle_end(self):
        route = StaticRoute("back", IPv4Network("0.0.0.0/0"), next_router="vr")
        with pytest.raises(DroppedError, match="in a circle"):
            self.router(route).route("vr", SERVER)

    def test_without_a_route_the_packet_is_dropped(self):
        with pytest.raises(DroppedError, match=r"has no route to 198\.51\.100\.7"):
            self.router().route("vr", SERVER)


class TestSessions:
    @pytest.mark.parametrize("zone", ZONES)
    def test_to_the_internet_with_source_nat_and_back_into_the_tunnel(self, zone):
        own = TWO_ARM[zone]
        session = own.open(packet(SPOKE, SERVER), "ssl")
        assert session.zones == ("data", "untrust")
        assert session.rule == "spoke-to-internet"
        assert session.sent.source == own.ports["ethernet1/2"].address
        reply, egress = own.answer(session, "ethernet1/2")
        assert reply == session.packet.reply()
        assert egress.interface == "ethernet1/1"

    @pytest.mark.parametrize(
        ("example", "source", "destination", "application", "port", "rule"),
        [
            ("two-arm", SPOKE, SERVER, "ssl", 443, "spoke-to-internet"),
            ("two-arm", SPOKE, IPv4Address("10.104.1.7"), "ssl", 443, "spoke-to-spoke"),
            ("one-arm", IPv4Address("10.114.0.7"), SERVER, "ssl", 443, "spoke-to-internet"),
            ("one-arm", SERVER, IPv4Address("10.114.0.7"), "ssl", 443, "internet-to-spoke"),
            (
                "one-arm",
                IPv4Address("10.114.0.7"),
                IPv4Address("10.114.1.7"),
                "ssl",
                443,
                "spoke-to-spoke",
            ),
        ],
    )
    def test_the_rule_of_a_flow(self, example, source, destination, application, port, rule):
        session = firewall(example, 0).open(packet(source, destination, port), application)
        assert session.rule == rule

    @pytest.mark.parametrize(("example", "spoke"), [("one-arm", "10.114"), ("two-arm", "10.104")])
    @pytest.mark.parametrize(
        ("source", "destination", "application", "port"),
        [
            ("{}.0.7", "198.51.100.7", "ssl", 8443),
            ("{}.0.7", "198.51.100.7", "ssh", 22),
            ("10.99.0.7", "198.51.100.7", "ssl", 443),
            ("{}.0.7", "10.99.0.7", "ssl", 443),
            ("10.99.0.7", "{}.0.7", "ssl", 443),
        ],
        ids=["port", "application", "source", "private destination", "private source"],
    )
    def test_everything_else_is_denied(
        self, example, spoke, source, destination, application, port
    ):
        ends = [IPv4Address(end.format(spoke)) for end in (source, destination)]
        with pytest.raises(DroppedError, match="deny-everything-else denies"):
            firewall(example, 0).open(packet(*ends, port), application)

    def test_udp_is_not_tcp(self):
        with pytest.raises(DroppedError, match="denies"):
            firewall("two-arm", 0).open(packet(SPOKE, SERVER, 443, UDP), "ssl")

    def test_without_overlay_routing_the_packet_returns_in_its_tunnel(self):
        own = firewall("one-arm", 0)
        session = own.open(packet(IPv4Address("10.114.0.7"), SERVER), "ssl")
        assert session.egress == "ethernet1/1"
        assert own.answer(session, "ethernet1/1")[1].routes == ("tunnel",)

    def test_a_reply_at_another_interface_is_dropped(self):
        session = TWO_ARM[0].open(packet(SPOKE, SERVER), "ssl")
        with pytest.raises(DroppedError, match="the reply came to ethernet1/1"):
            TWO_ARM[0].answer(session, "ethernet1/1")


class TestHealthChecks:
    @pytest.mark.parametrize("example", ["one-arm", "two-arm"])
    @pytest.mark.parametrize("node", ZONES)
    @pytest.mark.parametrize("zone", ZONES)
    def test_a_firewall_answers_the_nodes_of_all_zones(self, example, node, zone):
        block = "10.110" if example == "one-arm" else "10.100"
        own = firewall(example, zone)
        check = packet(IPv4Address(f"{block}.{node}.200"), own.ports["ethernet1/1"].address, 80)
        assert own.respond(check, "health check").interface == "ethernet1/1"

    @pytest.mark.parametrize(
        ("source", "port", "reason"),
        [
            ("10.100.1.200", 22, "does not answer on port 22"),
            ("10.104.0.7", 80, "does not permit"),
        ],
    )
    def test_nothing_else_is_answered(self, source, port, reason):
        own = firewall("two-arm", 0)
        check = packet(IPv4Address(source), own.ports["ethernet1/1"].address, port)
        with pytest.raises(DroppedError, match=reason):
            own.respond(check, "health check")

    def test_an_answer_that_would_leave_by_another_interface_is_dropped(self):
        """One virtual router with the default route of ethernet1/2, and no route for the nodes."""
        own = firewall(
            "two-arm",
            0,
            f"set {NETWORK} interface ethernet ethernet1/1 layer3 dhcp-client"
            " create-default-route no",
            f"delete {NETWORK} virtual-router vr-untrust",
            f"delete {NETWORK} virtual-router vr-data routing-table",
            f"set {NETWORK} virtual-router vr-data interface ethernet1/2",
        )
        check = packet(IPv4Address("10.100.1.200"), own.ports["ethernet1/1"].address, 80)
        with pytest.raises(DroppedError, match="would leave through ethernet1/2"):
            own.respond(check, "health check")

    def test_the_security_policy_has_to_allow_them(self):
        rules = "device-group autoscale pre-rulebase security rules health-checks"
        own = firewall("two-arm", 0, f"delete {rules}")
        check = packet(IPv4Address("10.100.1.200"), own.ports["ethernet1/1"].address, 80)
        with pytest.raises(DroppedError, match="deny-everything-else"):
            own.respond(check, "health check")


class TestPolicyOfTheExamples:
    @pytest.mark.parametrize("example", ["one-arm", "two-arm"])
    def test_the_last_rule_denies_and_logs_everything(self, example):
        last = configuration(example).security[-1]
        assert (last.allow, last.logged) == (False, True)
        assert last.sources is None
        assert last.destinations is None

    @pytest.mark.parametrize("example", ["one-arm", "two-arm"])
    def test_every_rule_but_that_of_health_checks_is_logged(self, example):
        rules = configuration(example).security
        assert [rule.name for rule in rules if not rule.logged] == ["health-checks"]

    def test_one_arm_has_no_nat(self):
        assert configuration("one-arm").nat == ()


_LOCAL = "localhost.localdomain"
_HOST = f"devices/entry[@name='{_LOCAL}']"


class TestReader:
    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            (f"set {NETWORK} virtual-router third interface ethernet1/1", "belongs to vr-data"),
            (
                (
                    f"set {NETWORK} virtual-router vr-data routing-table ip static-route x"
                    " destination 10.9.0.0/16\n"
                    f"set {NETWORK} virtual-router vr-data routing-table ip static-route x"
                    " nexthop next-vr nowhere"
                ),
                "no virtual router nowhere",
            ),
            (f"delete {NETWORK} profiles", "there is no profile health-check"),
            ("delete template autoscale-network config vsys vsys1 import", "not imported"),
            ("delete device-group autoscale address spoke-1", "there is no address spoke-1"),
            ("delete device-group autoscale service", "service health-check is not one port"),
            ("delete device-group autoscale", "there is no device-group autoscale"),
            ("delete template-stack autoscale-stack", "there is no template-stack"),
            (
                (
                    "delete device-group autoscale pre-rulebase nat rules spoke-to-internet"
                    " source-translation"
                ),
                "of a kind that walks do not support",
            ),
            (
                "set device-group autoscale address-group spokes static spokes",
                "address group spokes contains itself",
            ),
        ],
    )
    def test_what_it_does_not_know_is_an_error(self, command, reason):
        with pytest.raises(UnreadableConfigurationError, match=reason):
            configuration("two-arm", *command.splitlines())

    @pytest.mark.parametrize(
        ("place", "element", "reason"),
        [
            (
                f"{_HOST}/device-group/entry/pre-rulebase/security/rules/entry",
                "<source-user><member>admin</member></source-user>",
                "matches by source-user",
            ),
            (
                f"{_HOST}/device-group/entry/pre-rulebase/security/rules/entry",
                "<schedule>night</schedule>",
                "has a schedule",
            ),
            (
                f"{_HOST}/device-group/entry/pre-rulebase",
                "<pbf><rules><entry name='p'/></rules></pbf>",
                "policy-based forwarding",
            ),
            (
                (
                    f"{_HOST}/template/entry/config/{_HOST}/network/virtual-router/entry"
                    "/routing-table/ip/static-route/entry"
                ),
                "<path-monitor><enable>yes</enable></path-monitor>",
                "do not support path monitoring",
            ),
            (
                ".",
                (
                    f"<readonly><devices><entry name='{_LOCAL}'><device-group>"
                    "<entry name='autoscale'><parent-dg>all</parent-dg></entry>"
                    "</device-group></entry></devices></readonly>"
                ),
                "has a parent device group",
            ),
        ],
        ids=["user", "schedule", "forwarding", "path monitor", "parent"],
    )
    def test_what_decides_by_more_than_a_walk_has_is_an_error(self, place, element, reason):
        config = running("two-arm")
        config.find(place).append(fromstring(element))
        with pytest.raises(UnreadableConfigurationError, match=reason):
            read(config, template_stack="autoscale-stack", device_group="autoscale")

    def test_shared_rules_come_first_and_last(self):
        config = running("two-arm")
        group = config.find(f"{_HOST}/device-group/entry")
        shared = config.find("shared")
        for base in ("pre-rulebase", "post-rulebase"):
            rule = copy.deepcopy(group.find(f"{base}/security/rules/entry"))
            rule.set("name", f"shared {base}")
            rules = SubElement(SubElement(SubElement(shared, base), "security"), "rules")
            rules.append(rule)
        found = read(config, template_stack="autoscale-stack", device_group="autoscale").security
        assert found[0].name == "shared pre-rulebase"
        assert found[-1].name == "shared post-rulebase"

    def test_an_exported_file_is_a_configuration(self):
        assert exported_configuration(b"<config/>").tag == "config"
        with pytest.raises(UnreadableConfigurationError, match="contains response"):
            exported_configuration(b"<response/>")
        with pytest.raises(UnreadableConfigurationError, match="is not XML"):
            exported_configuration(b"set template autoscale-network")

    def test_the_examples_have_files(self):
        assert (EXAMPLES / "two-arm" / "panorama" / "1-network.set").is_file()
