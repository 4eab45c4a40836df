"""The flows of a deployment: which there are, and what each of them must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from vmseries_lab.network import routes
from vmseries_lab.network.connections import EPHEMERAL_PORTS, connect, connect_to_service
from vmseries_lab.network.model import Address, Interface, InternetGateway, LoadBalancer, Subnet
from vmseries_lab.network.packets import TCP, Packet
from vmseries_lab.network.verdicts import Verdict
from vmseries_scenarios.packet_walk.site import MANAGEMENT_INDEX, Function, Instance, Site
from vmseries_scenarios.packet_walk.walker import (
    INTERNET,
    Path,
    StoppedError,
    Walk,
    usable_targets,
)

_PUBLIC = IPv4Address("203.0.113.100")
"""Public addresses of hosts: RFC 5737."""
_HTTPS = 443
_SERVICE = "ec2"
"""The AWS API to which functions connect, by the internet or an interface endpoint."""
PANORAMA = IPv4Address("203.0.113.10")
"""A Panorama with a public address."""

SPOKE_TO_INTERNET = "spoke to internet"
INTERNET_TO_SPOKE = "internet to spoke"
SPOKE_TO_SPOKE = "spoke to spoke"
HEALTH_CHECK = "health check"
TO_PANORAMA = "firewall to Panorama"
TO_LICENSES = "firewall to license servers"
FUNCTIONS_TO_PANORAMA = "functions to Panorama"
FUNCTIONS_TO_AWS = "functions to AWS"

PANORAMA_PORTS = (3978, 28443)
"""https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/firewall-administration/reference-port-number-usage"""


@dataclass(frozen=True, slots=True)
class Result:
    """One flow, walked.

    Attributes:
        kind: one of the constants above.
        way: from where to where, and through which firewall.
        forward: hops of the first packet.
        back: hops of the reply.
        problem: why it fails; empty if it passes.
    """

    kind: str
    way: str
    forward: tuple[str, ...]
    back: tuple[str, ...]
    problem: str = ""

    @property
    def passes(self) -> bool:
        """Whether the flow passes as it must."""
        return not self.problem

    @property
    def name(self) -> str:
        """Name of the flow."""
        return f"{self.kind}: {self.way}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What to walk.

    Attributes:
        spoke_vpc: ID of the VPC with the applications.
        applications: application subnet by zone.
        panorama: address of Panorama, of which only the network matters: private or public.
    """

    spoke_vpc: str
    applications: dict[str, str]
    panorama: Address = PANORAMA


def walk_all(site: Site, scope: Scope) -> list[Result]:
    """Walk every flow of a deployment, with each firewall that its load balancer may choose."""
    return [
        *_spoke_to_internet(site, scope),
        *_internet_to_spoke(site, scope),
        *_spoke_to_spoke(site, scope),
        *_health_checks(site),
        *_management(site, scope),
        *_functions(site, scope),
    ]


# -- flows that a firewall inspects ----------------------------------------------------------------


def _spoke_to_internet(site: Site, scope: Scope) -> Iterator[Result]:
    for subnet in _subnets(site, scope):
        host = _host(site, scope, subnet)
        packet = Packet(TCP, _address(host), INTERNET, EPHEMERAL_PORTS[1], _HTTPS)
        yield from _inspected(
            site.with_host(host),
            (SPOKE_TO_INTERNET, f"{subnet.zone} to internet"),
            {subnet.zone},
            partial(Walk.from_host, host=host, packet=packet),
        )


def _internet_to_spoke(site: Site, scope: Scope) -> Iterator[Result]:
    """Yield the flows to published services: where the spoke has an internet gateway."""
    gateway = _gateway(site, scope)
    if gateway is None:
        return
    for subnet in _subnets(site, scope):
        host = _host(site, scope, subnet)
        packet = Packet(TCP, INTERNET, _address(host), EPHEMERAL_PORTS[1], _HTTPS)
        yield from _inspected(
            site.with_host(host),
            (INTERNET_TO_SPOKE, f"internet to {subnet.zone}"),
            {subnet.zone},
            partial(Walk.from_internet, host=host, gateway=gateway, packet=packet),
        )


def _spoke_to_spoke(site: Site, scope: Scope) -> Iterator[Result]:
    for one in _subnets(site, scope):
        for other in _subnets(site, scope):
            if one == other:
                continue
            client, server = _host(site, scope, one), _host(site, scope, other)
            packet = Packet(TCP, _address(client), _address(server), EPHEMERAL_PORTS[1], _HTTPS)
            yield from _inspected(
                site.with_host(client).with_host(server),
                (SPOKE_TO_SPOKE, f"{one.zone} to {other.zone}"),
                {one.zone, other.zone},
                partial(Walk.from_host, host=client, packet=packet),
            )


def _inspected(
    site: Site, name: tuple[str, str], zones: set[str], start: Callable[[Walk], None]
) -> Iterator[Result]:
    """Walk a flow with each firewall in turn."""
    for instance in list(site.instances) or [""]:
        walk = Walk(site, "ssl", choice=instance or None)
        kind, way = name
        problem = ""
        try:
            start(walk)
            problem = _uninspected(site, walk, zones)
        except StoppedError as error:
            if _not_chosen(site, walk, instance):
                continue
            problem = str(error)
        yield _result(kind, f"{way}, {site.name(instance)}" if instance else way, walk, problem)


def _not_chosen(site: Site, walk: Walk, instance: str) -> bool:
    """Whether the load balancer uses other firewalls instead of one, as without cross-zone."""
    for endpoint in walk.forward.endpoints[:1]:
        balancer = site.network.load_balancers.get(endpoint.load_balancer or "")
        if balancer is not None:
            usable = usable_targets(site, balancer, site.zone(endpoint.interfaces[0]))
            return bool(usable) and instance not in {each.instance_id for each in usable}
    return False


def _uninspected(site: Site, walk: Walk, zones: set[str]) -> str:
    """Return why a flow that arrived was not inspected as it must be, empty if it was."""
    for path, packet in ((walk.forward, "the first packet"), (walk.back, "the reply")):
        if len(path.firewalls) != 1:
            return f"{packet} passes {len(path.firewalls)} firewalls: {' → '.join(path.hops)}"
        if len(path.endpoints) != 1:
            return f"{packet} passes {len(path.endpoints)} endpoints"
        zone = site.zone(path.endpoints[0].interfaces[0])
        if zone not in zones:
            return f"{packet} passes an endpoint in another zone: {zone}"
    if walk.forward.firewalls != walk.back.firewalls:
        return "the reply passes another firewall than the first packet"
    return ""


# -- flows of the firewalls and functions themselves -----------------------------------------------


def _health_checks(site: Site) -> Iterator[Result]:
    for balancer in site.network.load_balancers.values():
        group = site.targets.get(balancer.arn)
        if group is None:
            continue
        for node, instance in _checks(site, balancer):
            walk, problem = Walk(site, HEALTH_CHECK), ""
            try:
                walk.health_check(node, instance, group.health_port)
            except StoppedError as error:
                problem = str(error)
            way = f"node {site.zone(node)} to {site.name(instance.instance_id)} in {instance.zone}"
            yield _result(HEALTH_CHECK, way, walk, problem)


def _checks(site: Site, balancer: LoadBalancer) -> list[tuple[Interface, Instance]]:
    """Return the node and firewall of each health check, those of two zones first.

    A node checks the targets that it uses.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html
    """
    found = [
        (node, instance)
        for zone, node in sorted(balancer.nodes.items())
        for instance in site.instances.values()
        if balancer.cross_zone or instance.zone == zone
    ]
    return sorted(found, key=lambda each: site.zone(each[0]) == each[1].zone)


def _management(site: Site, scope: Scope) -> Iterator[Result]:
    for instance in site.instances.values():
        interface = instance.interfaces.get(MANAGEMENT_INDEX)
        way = f"{site.name(instance.instance_id)} in {instance.zone}"
        if interface is None:
            yield Result(TO_PANORAMA, way, (), (), "it has no management interface")
            continue
        for port in PANORAMA_PORTS:
            yield _connection(
                site, (TO_PANORAMA, f"{way}, port {port}"), interface, scope.panorama, port
            )
        yield _connection(site, (TO_LICENSES, way), interface, INTERNET, _HTTPS)


def _functions(site: Site, scope: Scope) -> Iterator[Result]:
    for function in site.functions:
        subnets = sorted(function.subnet_ids, key=lambda key: site.network.subnets[key].zone)
        for subnet_id in subnets:
            interface = _interface(site, function, subnet_id)
            way = f"{function.name} in {site.zone(interface)}"
            near = site.with_host(interface)
            yield _connection(near, (FUNCTIONS_TO_PANORAMA, way), interface, scope.panorama, _HTTPS)
            verdict = connect_to_service(near.network, interface, _SERVICE, INTERNET)
            yield _connected(near, (FUNCTIONS_TO_AWS, way), interface, INTERNET, verdict)


def _connection(
    site: Site, name: tuple[str, str], source: Interface, destination: Address, port: int
) -> Result:
    verdict = connect(site.network, source, destination, port)
    return _connected(site, name, source, destination, verdict)


def _connected(
    site: Site, name: tuple[str, str], source: Interface, destination: Address, verdict: Verdict
) -> Result:
    kind, way = name
    hops = (*_gateways(site, source, destination), kind.partition(" to ")[2])
    problem = "" if verdict else str(verdict)
    return Result(kind, way, hops, tuple(reversed(hops)), problem)


def _gateways(site: Site, source: Interface, destination: Address) -> Iterator[str]:
    """Yield the gateways between an interface and an address outside its VPC."""
    at: Interface | None = source
    while at is not None:
        yield site.name(at.subnet_id)
        subnet = site.network.subnets[at.subnet_id]
        route = routes.find(site.network, site.network.tables[subnet.table_id], destination).route
        target = route.target if route else None
        nat = site.network.nat_gateways.get(target.target_id) if target else None
        at = nat.interface if nat and at is source else None
        if target is not None:
            yield target.kind.replace("nat", "NAT").replace("-", " ")


# -- parts -----------------------------------------------------------------------------------------


def _subnets(site: Site, scope: Scope) -> list[Subnet]:
    return [site.network.subnets[key] for _, key in sorted(scope.applications.items())]


def _gateway(site: Site, scope: Scope) -> InternetGateway | None:
    return next(
        (
            gateway
            for gateway in site.network.internet_gateways.values()
            if gateway.vpc_id == scope.spoke_vpc
        ),
        None,
    )


def _host(site: Site, scope: Scope, subnet: Subnet) -> Interface:
    """Return a host in an application subnet; public where the spoke has an internet gateway."""
    number = 10 + sorted(scope.applications).index(subnet.zone)
    public = _PUBLIC + number if _gateway(site, scope) else None
    address = site.free_address(subnet.subnet_id)
    return Interface(f"host {subnet.zone}", subnet.subnet_id, (address,), None, public)


def _interface(site: Site, function: Function, subnet_id: str) -> Interface:
    address = site.free_address(subnet_id)
    return Interface(f"{function.name} interface", subnet_id, (address,), function.group_ids)


def _address(host: Interface) -> Address:
    return host.addresses[0]


def _result(kind: str, way: str, walk: Walk, problem: str) -> Result:
    def hops(path: Path) -> tuple[str, ...]:
        return tuple(path.hops)

    return Result(kind, way, hops(walk.forward), hops(walk.back), problem)
