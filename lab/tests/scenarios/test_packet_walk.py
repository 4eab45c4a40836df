"""Walks of whole flows: all pass, and each missing part fails by name."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from network_models import acl_rule, rule
from walk_models import GWLB, NETWORK, SCOPE, SECURITY, ZONES, changed, site, without_route

from vmseries_lab.network.model import Endpoint, Interface, NetworkAcl
from vmseries_scenarios.packet_walk import flows
from vmseries_scenarios.packet_walk.flows import Result, walk_all
from vmseries_scenarios.packet_walk.site import Site

EXAMPLES = ("one-arm", "two-arm")


def failures(found: Site) -> dict[str, str]:
    """Return the problem of each flow that fails, by its name."""
    return {result.name: result.problem for result in walk_all(found, SCOPE) if result.problem}


def kinds(found: dict[str, str]) -> set[str]:
    return {name.partition(":")[0] for name in found}


def of(found: Site, kind: str) -> list[Result]:
    return [result for result in walk_all(found, SCOPE) if result.kind == kind]


class TestEveryFlowPasses:
    @pytest.mark.parametrize("example", EXAMPLES)
    def test_no_flow_fails(self, example):
        assert failures(site(example)) == {}

    @pytest.mark.parametrize(
        ("example", "published"), [("one-arm", len(ZONES) ** 2), ("two-arm", 0)]
    )
    def test_each_zone_is_walked_with_each_firewall(self, example, published):
        found = site(example)
        pairs = len(ZONES) * (len(ZONES) - 1)
        assert len(of(found, flows.SPOKE_TO_INTERNET)) == len(ZONES) ** 2
        assert len(of(found, flows.INTERNET_TO_SPOKE)) == published
        assert len(of(found, flows.SPOKE_TO_SPOKE)) == pairs * len(ZONES)
        assert len(of(found, flows.HEALTH_CHECK)) == len(ZONES) ** 2
        assert len(of(found, flows.TO_PANORAMA)) == len(ZONES) * 2
        assert len(of(found, flows.TO_LICENSES)) == len(ZONES)

    def test_one_arm_returns_to_the_endpoint_of_the_spoke(self):
        first = of(site("one-arm"), flows.SPOKE_TO_INTERNET)[0]
        assert first.forward == (
            "application-a",
            "endpoint a",
            "firewall i-a (spoke-to-internet; tunnel)",
            "endpoint a",
            "internet gateway",
            "internet",
        )
        assert first.back == (
            "internet",
            "internet gateway",
            "endpoint a",
            "firewall i-a (tunnel)",
            "endpoint a",
            "host a",
        )

    def test_two_arm_leaves_by_the_untrust_interface_in_every_zone(self):
        found = of(site("two-arm"), flows.SPOKE_TO_INTERNET)
        for zone, result in zip(ZONES, found[:: len(ZONES) + 1], strict=True):
            assert result.forward[-4] == (
                f"firewall i-{zone} (spoke-to-internet; vr-data: public-196-0-0-0-6, "
                "vr-untrust: DHCP default of ethernet1/2)"
            )
            assert result.forward[-3:] == (f"public-{zone}", "internet gateway", "internet")
            assert result.back[2] == (
                f"firewall i-{zone} (vr-untrust: private-10-0-0-0-8, "
                "vr-data: DHCP default of ethernet1/1)"
            )

    def test_management_and_functions_leave_by_the_nat_gateway(self):
        found = site("two-arm")
        for kind in (flows.TO_PANORAMA, flows.FUNCTIONS_TO_AWS):
            hops = of(found, kind)[0].forward
            assert hops[:4] == ("management-a", "NAT gateway", "public-a", "internet gateway")


class TestNegativeControls:
    def test_a_missing_return_route_in_two_arm(self):
        route = "virtual-router vr-untrust routing-table ip static-route private-10-0-0-0-8"
        found = failures(site("two-arm", f"delete {NETWORK} {route}"))
        assert kinds(found) == {flows.SPOKE_TO_INTERNET}
        assert len(found) == len(ZONES) ** 2
        assert "would leave through ethernet1/2 in zone untrust" in next(iter(found.values()))

    def test_a_missing_return_route_at_the_internet_gateway(self):
        found = failures(without_route(site("one-arm"), "rtb-edge", "10.114.1.0/24"))
        assert kinds(found) == {flows.SPOKE_TO_INTERNET, flows.INTERNET_TO_SPOKE}
        assert all(" b" in name for name in found)
        assert "passes 0 firewalls" in next(iter(found.values()))

    @pytest.mark.parametrize("example", EXAMPLES)
    def test_a_health_check_from_another_zone_without_a_route(self, example):
        client = f"{NETWORK} interface ethernet ethernet1/1 layer3 dhcp-client"
        found = failures(site(example, f"set {client} create-default-route no"))
        health = {name: problem for name, problem in found.items() if name.startswith("health")}
        assert len(health) == len(ZONES) * (len(ZONES) - 1)
        assert "health check: node a to i-b in b" in health
        assert "health check: node b to i-b in b" not in health
        assert "vr-data has no route to 10." in health["health check: node a to i-b in b"]

    def test_a_static_route_of_one_zone_fails_in_the_others(self):
        base = f"{NETWORK} virtual-router vr-data routing-table ip static-route inside"
        found = failures(
            site(
                "two-arm",
                f"set {NETWORK} interface ethernet ethernet1/1 layer3 dhcp-client"
                " create-default-route no",
                f"set {base} destination 10.0.0.0/8",
                f"set {base} interface ethernet1/1",
                f"set {base} nexthop ip-address 10.100.0.1",
            )
        )
        internet = {name for name in found if name.startswith(flows.SPOKE_TO_INTERNET)}
        assert {name.rpartition(" ")[2] for name in internet} == {"i-b", "i-c"}
        assert (
            "next hop 10.100.0.1 is not in 10.100.1.0/24"
            in found["spoke to internet: a to internet, i-b"]
        )

    @pytest.mark.parametrize("example", EXAMPLES)
    @pytest.mark.parametrize(
        ("direction", "kept", "broken"),
        [
            ("inbound", "tcp", {"spoke to internet", "spoke to spoke", "internet to spoke"}),
            ("inbound", "udp", {"health check"}),
            ("outbound", "tcp", {"spoke to internet", "spoke to spoke", "internet to spoke"}),
        ],
    )
    def test_a_security_group_rule_that_is_removed(self, example, direction, kept, broken):
        found = site(example)
        group = found.network.groups["sg-data"]
        rules = tuple(each for each in getattr(group, direction) if each.protocol == kept)
        groups = {**found.network.groups, "sg-data": replace(group, **{direction: rules})}
        problems = failures(changed(found, groups=groups))
        expected = broken - ({"internet to spoke"} if example == "two-arm" else set())
        assert kinds(problems) == expected
        assert all("security group" in problem for problem in problems.values())

    def test_a_route_around_the_firewalls_is_not_a_pass(self):
        found = site("one-arm")
        for zone in ZONES:
            table = f"rtb-{zone}"
            for other in range(len(ZONES)):
                if ZONES[other] != zone:
                    found = without_route(found, table, f"10.114.{other}.0/24")
        problems = failures(found)
        assert kinds(problems) == {flows.SPOKE_TO_SPOKE}
        assert all("passes 0 firewalls" in problem for problem in problems.values())

    def test_two_endpoints_for_the_directions_of_a_connection(self):
        found = site("one-arm")
        table = found.network.tables["rtb-b"]
        own = tuple(
            replace(route, target=replace(route.target, target_id="vpce-b"))
            if str(route.destination) == "10.114.0.0/24"
            else route
            for route in table.routes
        )
        tables = {**found.network.tables, "rtb-b": replace(table, routes=own)}
        problems = failures(changed(found, tables=tables))
        assert {name.partition(",")[0] for name in problems} == {
            "spoke to spoke: a to b",
            "spoke to spoke: b to a",
        }
        assert "another endpoint" in next(iter(problems.values()))

    def test_an_acl_without_ephemeral_ports_stops_answers_to_health_checks(self):
        found = site("two-arm")
        closed = NetworkAcl(
            "acl-data",
            (acl_rule(100, allow=True),),
            (
                acl_rule(90, allow=False, protocol="6", first=1024, last=65535),
                acl_rule(100, allow=True),
            ),
        )
        subnets = {
            name: replace(each, acl_id="acl-data") if name.startswith("data-") else each
            for name, each in found.network.subnets.items()
        }
        acls = {**found.network.acls, "acl-data": closed}
        problems = failures(changed(found, subnets=subnets, acls=acls))
        assert kinds(problems) == {flows.HEALTH_CHECK}
        assert len(problems) == len(ZONES) * (len(ZONES) - 1)

    def test_management_without_panoramas_port(self):
        found = site("two-arm")
        group = replace(found.network.groups["sg-management"], outbound=(rule(first=443),))
        problems = failures(changed(found, groups={**found.network.groups, "sg-management": group}))
        assert kinds(problems) == {flows.TO_PANORAMA}

    def test_functions_need_no_internet_with_an_interface_endpoint(self):
        found = site("two-arm")
        nat = found.network.nat_gateways["nat-1"]
        found = changed(found, nat_gateways={"nat-1": replace(nat, available=False)})
        assert flows.FUNCTIONS_TO_AWS in kinds(failures(found))
        entry = Interface("ec2-eni", "management-c", (IPv4Address("10.100.12.9"),))
        own = Endpoint("vpce-ec2", SECURITY, "Interface", "aws.ec2", (entry,), (), private_dns=True)
        found = changed(found, endpoints={**found.network.endpoints, "vpce-ec2": own})
        assert flows.FUNCTIONS_TO_AWS not in kinds(failures(found))

    def test_a_spoke_with_an_internet_gateway_and_overlay_routing(self):
        """Why the two-arm example has none: replies would leave by the untrust interface."""
        configured = "set device-group autoscale pre-rulebase security rules in"
        rule_in = (
            f"{configured} from data",
            f"{configured} to data",
            f"{configured} source any",
            f"{configured} destination spokes",
            f"{configured} application ssl",
            f"{configured} service application-default",
            f"{configured} action allow",
        )
        problems = failures(site("two-arm", *rule_in, published=True))
        assert kinds(problems) == {flows.INTERNET_TO_SPOKE}
        assert "would leave through ethernet1/2 in zone untrust" in next(iter(problems.values()))

    @pytest.mark.parametrize("example", EXAMPLES)
    def test_without_a_healthy_target_nothing_is_inspected(self, example):
        found = site(example)
        target = replace(found.targets[GWLB], healthy=())
        problems = failures(replace(found, targets={GWLB: target}))
        assert {flows.SPOKE_TO_INTERNET, flows.SPOKE_TO_SPOKE} <= kinds(problems)
        assert all("no healthy target" in problem for problem in problems.values())

    def test_without_a_firewall_the_walk_does_not_pass(self):
        problems = failures(replace(site("two-arm"), instances={}))
        assert flows.SPOKE_TO_INTERNET in kinds(problems)


class TestUnsettledFacts:
    def test_overlay_routing_that_follows_next_virtual_routers_passes_every_flow(self):
        assert failures(replace(site("two-arm"), follows_routers=True)) == {}

    def test_overlay_routing_that_ignores_next_virtual_routers_fails_only_internet_flows(self):
        problems = failures(replace(site("two-arm"), follows_routers=False))
        assert kinds(problems) == {flows.SPOKE_TO_INTERNET}
        assert all("overlay routing does not follow" in each for each in problems.values())

    def test_one_arm_does_not_depend_on_it(self):
        assert failures(replace(site("one-arm"), follows_routers=False)) == {}


class TestCrossZone:
    @pytest.mark.parametrize("example", EXAMPLES)
    def test_without_it_each_zone_uses_its_own_firewalls(self, example):
        found = site(example)
        balancer = replace(found.network.load_balancers[GWLB], cross_zone=False)
        found = changed(found, load_balancers={GWLB: balancer})
        assert failures(found) == {}
        assert {result.way for result in of(found, flows.SPOKE_TO_INTERNET)} == {
            f"{zone} to internet, i-{zone}" for zone in ZONES
        }
        assert len(of(found, flows.HEALTH_CHECK)) == len(ZONES)
