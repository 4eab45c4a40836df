"""What a firewall does with a packet: route, zones, NAT and security policy of PAN-OS.

Sources:

- Routes: the most specific one; static routes have administrative distance 10, and the one with the
  lowest metric is used. "Next VR" continues in another virtual router.
  https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-networking-admin/static-routes/static-route-overview
  https://docs.paloaltonetworks.com/pan-os/8-0/pan-os-web-interface-help/network/network-virtual-routers/static-routes
- A DHCP client adds a default route to the gateway of its own subnet unless that is disabled.
  https://live.paloaltonetworks.com/t5/Management-Articles/Default-Route-Behavior-When-Using-an-Interface-Acting-as-DHCP/ta-p/59558
- The zones of a session are those of its ingress and egress interface. Security rules match the
  addresses before NAT and the zones after it. The first rule that matches decides; rules of the
  device group come before and after those of the firewall; within a zone the default is to allow.
  https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/policy/security-policy
- Overlay routing: the firewall removes GENEVE and routes the inner packet. Packets of a session
  that came in GENEVE return in GENEVE to the same endpoint. Without overlay routing every packet
  returns in its tunnel.
  https://github.com/PaloAltoNetworks/lab-aws-gwlb-vmseries (README, "Overlay Routing")
- A packet that would leave through another zone than its session's is dropped (packet flow, zone
  change). The vendor's design therefore has routes for replies to health checks.
  https://github.com/PaloAltoNetworks/terraform-aws-swfw-modules (combined_design_autoscale)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from vmseries_lab.network.packets import TCP, UDP, Packet

ANY = "any"
EVERYWHERE = IPv4Network("0.0.0.0/0")
DATA = "ethernet1/1"
"""The interface that the load balancer reaches: device index 0, as interfaces are swapped."""
_MOST_ROUTERS = 4

APPLICATIONS: Mapping[str, frozenset[tuple[str, int]]] = {
    "dns": frozenset({(TCP, 53), (UDP, 53)}),
    "ntp": frozenset({(UDP, 123)}),
    "ssh": frozenset({(TCP, 22)}),
    "ssl": frozenset({(TCP, 443)}),
    "web-browsing": frozenset({(TCP, 80)}),
}
"""Standard ports of the applications that walks use. https://applipedia.paloaltonetworks.com"""

SERVICES: Mapping[str, tuple[str, int]] = {
    "service-http": (TCP, 80),
    "service-https": (TCP, 443),
}
"""Predefined services, by their first port."""

MANAGEMENT_SERVICES: Mapping[int, str] = {22: "ssh", 80: "http", 443: "https"}
"""Services of an interface management profile by TCP port."""


class DroppedError(Exception):
    """A firewall drops a packet."""


@dataclass(frozen=True, slots=True)
class ManagementProfile:
    """What an interface answers itself, and from which networks; none means from everywhere."""

    services: frozenset[str]
    permitted: tuple[IPv4Network, ...] = ()


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """A layer 3 interface.

    Attributes:
        zone: its security zone.
        router: its virtual router.
        profile: its interface management profile.
        dhcp: whether it is a DHCP client.
        default_route: whether DHCP gives it a default route.
        metric: metric of that route.
    """

    name: str
    zone: str | None
    router: str | None
    profile: ManagementProfile | None = None
    dhcp: bool = True
    default_route: bool = True
    metric: int = 10


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """A static route: to a virtual router, to an address, or to nowhere (discard)."""

    name: str
    destination: IPv4Network
    next_router: str | None = None
    next_hop: IPv4Address | None = None
    interface: str | None = None
    metric: int = 10


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """A security rule. Addresses are networks; ``None`` stands for any."""

    name: str
    sources: tuple[IPv4Network, ...] | None
    destinations: tuple[IPv4Network, ...] | None
    from_zones: frozenset[str]
    to_zones: frozenset[str]
    applications: frozenset[str]
    services: frozenset[tuple[str, int]] | None
    """Protocol and port; ``None`` for any, empty for the applications' standard ports."""
    allow: bool
    logged: bool
    negate_source: bool = False
    negate_destination: bool = False

    def matches(self, packet: Packet, application: str, ingress: str, egress: str) -> bool:
        """Whether the rule is about the first packet of a session."""
        return (
            _in_zone(ingress, self.from_zones)
            and _in_zone(egress, self.to_zones)
            and _listed(packet.source, self.sources) is not self.negate_source
            and _listed(packet.destination, self.destinations) is not self.negate_destination
            and (ANY in self.applications or application in self.applications)
            and self._serves(packet, application)
        )

    def _serves(self, packet: Packet, application: str) -> bool:
        if self.services is None:
            return True
        ports = self.services or APPLICATIONS.get(application, frozenset())
        return (packet.protocol, packet.destination_port) in ports


@dataclass(frozen=True, slots=True)
class SourceNat:
    """A NAT rule that replaces the source address by that of an interface, and the port."""

    name: str
    sources: tuple[IPv4Network, ...] | None
    destinations: tuple[IPv4Network, ...] | None
    from_zones: frozenset[str]
    to_zones: frozenset[str]
    interface: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration that a template stack and a device group give to their firewalls."""

    interfaces: Mapping[str, InterfaceConfig] = field(default_factory=dict)
    routes: Mapping[str, tuple[StaticRoute, ...]] = field(default_factory=dict)
    """Static routes by virtual router."""
    security: tuple[SecurityRule, ...] = ()
    nat: tuple[SourceNat, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """An interface of one firewall: its address, and its subnet, from DHCP."""

    address: IPv4Address
    subnet: IPv4Network

    @property
    def gateway(self) -> IPv4Address:
        """Router of the subnet, the first address after its network address.

        https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
        """
        return self.subnet.network_address + 1


@dataclass(frozen=True, slots=True)
class Egress:
    """Where a packet leaves: the interface, and the names of the routes that led there."""

    interface: str
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """A session, after its first packet.

    Attributes:
        packet: first packet as it came.
        sent: first packet as it leaves, after NAT.
        ingress: interface where it came.
        egress: interface where it leaves.
        zones: zones of both.
        rule: security rule that allows it.
        routes: the routes of the first packet.
    """

    packet: Packet
    sent: Packet
    ingress: str
    egress: str
    zones: tuple[str, str]
    rule: str
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Firewall:
    """One firewall: its configuration, its interfaces, and whether it routes inspected traffic.

    Attributes:
        name: name in messages, such as the instance ID.
        ports: data interfaces by PAN-OS name.
        overlay_routing: the bootstrap setting ``aws-gwlb-overlay-routing``.
        follows_routers: whether overlay routing follows a route to another virtual router, which
            no document says (``docs/assumptions.md``).
    """

    name: str
    configuration: Configuration
    ports: Mapping[str, Port]
    overlay_routing: bool
    follows_routers: bool = True

    def route(self, router: str, destination: IPv4Address) -> Egress:
        """Return where a virtual router sends packets for an address.

        Raises:
            DroppedError: there is no usable route.
        """
        names: list[str] = []
        for _ in range(_MOST_ROUTERS):
            best = self._best(router, destination)
            names.append(f"{router}: {best.name}")
            if best.next_router is None:
                return self._leave(best, router, tuple(names))
            if not self.follows_routers:
                raise DroppedError(f"overlay routing does not follow {names[-1]}")
            router = best.next_router
        raise DroppedError(f"routes go in a circle: {', '.join(names)}")

    def _best(self, router: str, destination: IPv4Address) -> StaticRoute:
        """Return the best route of a virtual router; connected ones and DHCP's look like static."""
        candidates = [
            (route.destination.prefixlen, -route.metric, route)
            for route in self.configuration.routes.get(router, ())
            if destination in route.destination
        ]
        for name, port in self.ports.items():
            config = self.configuration.interfaces.get(name)
            if config is None or config.router != router:
                continue
            if destination in port.subnet:
                own = StaticRoute(f"connected {port.subnet}", port.subnet, interface=name)
                candidates.append((port.subnet.prefixlen, 0, own))
            if config.dhcp and config.default_route:
                default = StaticRoute(
                    f"DHCP default of {name}", EVERYWHERE, next_hop=port.gateway, interface=name
                )
                candidates.append((0, -config.metric, default))
        if not candidates:
            raise DroppedError(f"virtual router {router} has no route to {destination}")
        return max(candidates, key=lambda each: each[:2])[2]

    def _leave(self, route: StaticRoute, router: str, names: tuple[str, ...]) -> Egress:
        """Return the interface of a route that ends here.

        Raises:
            DroppedError: the next hop is not in the subnet of the interface, so nothing answers to
                ARP, as with the router of another zone.
        """
        name = route.interface or next(
            (
                name
                for name, port in self.ports.items()
                if self.router_of(name) == router
                and route.next_hop is not None
                and route.next_hop in port.subnet
            ),
            None,
        )
        if name is None or name not in self.ports:
            raise DroppedError(f"route {route.name} of {router} leads nowhere")
        if route.next_hop is not None and route.next_hop not in self.ports[name].subnet:
            raise DroppedError(
                f"route {route.name} of {router}: next hop {route.next_hop} is not in "
                f"{self.ports[name].subnet}, the subnet of {name}"
            )
        return Egress(name, names)

    def router_of(self, interface: str) -> str | None:
        """Return the virtual router of an interface."""
        config = self.configuration.interfaces.get(interface)
        return config.router if config else None

    def zone_of(self, interface: str) -> str:
        """Return the zone of an interface.

        Raises:
            DroppedError: it has none.
        """
        config = self.configuration.interfaces.get(interface)
        if config is None or config.zone is None:
            raise DroppedError(f"{interface} has no zone")
        return config.zone

    def _egress(self, interface: str, destination: IPv4Address) -> Egress:
        router = self.router_of(interface)
        if router is None:
            raise DroppedError(f"{interface} has no virtual router")
        return self.route(router, destination)

    def open(self, packet: Packet, application: str, ingress: str = DATA) -> Session:
        """Start a session with a packet that came in GENEVE.

        Raises:
            DroppedError: the firewall drops the packet.
        """
        from_zone = self.zone_of(ingress)
        if self.overlay_routing:
            egress = self._egress(ingress, _v4(packet.destination))
        else:
            egress = Egress(ingress, ("tunnel",))
        to_zone = self.zone_of(egress.interface)
        rule = self._allowed(packet, application, from_zone, to_zone)
        sent = self._translated(packet, from_zone, to_zone)
        zones = (from_zone, to_zone)
        return Session(packet, sent, ingress, egress.interface, zones, rule, egress.routes)

    def answer(self, session: Session, interface: str) -> tuple[Packet, Egress]:
        """Return a reply as it leaves, and where; it came to an interface.

        Raises:
            DroppedError: the firewall drops the reply.
        """
        if interface != session.egress:
            raise DroppedError(
                f"the reply came to {interface}, and the session left through {session.egress}"
            )
        if not self.overlay_routing:
            return session.packet.reply(), Egress(session.ingress, ("tunnel",))
        reply = session.packet.reply()
        egress = self._egress(interface, _v4(reply.destination))
        zone = self.zone_of(egress.interface)
        if zone != session.zones[0]:
            raise DroppedError(
                f"the reply to {reply.destination} would leave through {egress.interface} in zone "
                f"{zone}, and the session came from zone {session.zones[0]}"
            )
        return reply, egress

    def respond(self, packet: Packet, application: str, interface: str = DATA) -> Egress:
        """Return where the firewall's own answer leaves, to a packet for its own address.

        Raises:
            DroppedError: it does not answer, or the answer leaves through another interface.
        """
        config = self.configuration.interfaces.get(interface)
        profile = config.profile if config else None
        service = MANAGEMENT_SERVICES.get(packet.destination_port or 0)
        if profile is None or service not in profile.services:
            raise DroppedError(f"{interface} does not answer on port {packet.destination_port}")
        source = _v4(packet.source)
        if profile.permitted and not _listed(source, profile.permitted):
            raise DroppedError(f"the management profile of {interface} does not permit {source}")
        zone = self.zone_of(interface)
        self._allowed(packet, application, zone, zone)
        egress = self._egress(interface, source)
        if egress.interface != interface:
            raise DroppedError(
                f"the answer to {source} would leave through {egress.interface}, and the "
                f"connection came to {interface}"
            )
        return egress

    def _allowed(self, packet: Packet, application: str, from_zone: str, to_zone: str) -> str:
        for rule in self.configuration.security:
            if rule.matches(packet, application, from_zone, to_zone):
                if not rule.allow:
                    raise DroppedError(f"security rule {rule.name} denies {application}, {packet}")
                return rule.name
        if from_zone == to_zone:
            return "intrazone-default"
        raise DroppedError(f"no security rule allows {application}, {packet}")

    def _translated(self, packet: Packet, from_zone: str, to_zone: str) -> Packet:
        for rule in self.configuration.nat:
            if (
                _in_zone(from_zone, rule.from_zones)
                and _in_zone(to_zone, rule.to_zones)
                and _listed(packet.source, rule.sources)
                and _listed(packet.destination, rule.destinations)
            ):
                if rule.interface not in self.ports:
                    raise DroppedError(f"NAT rule {rule.name}: there is no {rule.interface}")
                return packet.translated(source=self.ports[rule.interface].address)
        return packet


def _v4(address: object) -> IPv4Address:
    if not isinstance(address, IPv4Address):
        raise DroppedError(f"{address} is not an IPv4 address")
    return address


def _listed(address: object, networks: tuple[IPv4Network, ...] | None) -> bool:
    return networks is None or any(address in network for network in networks)


def _in_zone(zone: str, zones: frozenset[str]) -> bool:
    return ANY in zones or zone in zones
