"""Follows the first packet of a flow and its reply, hop by hop.

Security groups are asked about first packets only, network ACLs and route tables about every packet
(:mod:`vmseries_lab.network.passage`). What this adds:

- A packet that is routed to a Gateway Load Balancer endpoint reaches the load balancer's node in
  the endpoint's zone, which sends it in GENEVE to a healthy target: in any zone with cross-zone
  load balancing, else in its own.
  https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/introduction.html
- The firewall returns it with the same ports and swapped addresses, which is a new flow for its
  security group. The packet then continues from the subnet of the endpoint.
- Both directions must pass the same endpoint, or the load balancer does not know the flow: "return
  traffic must be routed through the same appliance".
  https://docs.aws.amazon.com/vpc/latest/userguide/gateway-route-tables.html
- An internet gateway with an edge route table routes inbound packets by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from vmseries_lab.network import passage, routes
from vmseries_lab.network.connections import EPHEMERAL_PORTS, PRIVATE
from vmseries_lab.network.model import (
    Endpoint,
    Interface,
    InternetGateway,
    LoadBalancer,
    Route,
    TargetKind,
)
from vmseries_lab.network.packets import TCP, UDP, Packet
from vmseries_lab.network.verdicts import Verdict
from vmseries_scenarios.packet_walk.pan_os import DATA, DroppedError, Session
from vmseries_scenarios.packet_walk.site import (
    GENEVE_PORT,
    PORTS,
    Instance,
    Site,
    first_v4,
)

INTERNET = IPv4Address("198.51.100.7")
"""A host on the internet: an address of RFC 5737."""

_TUNNEL_PORT = 60_001
_MOST_HOPS = 12


class StoppedError(Exception):
    """A packet is not forwarded.

    Attributes:
        path: the hops so far.
    """

    def __init__(self, path: Path, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.path = path


@dataclass(slots=True)
class Path:
    """The path of one packet.

    Attributes:
        hops: names of the hops, in order.
        endpoints: endpoints that it passed.
        firewalls: instance IDs of the firewalls that it passed.
    """

    hops: list[str] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    firewalls: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Walk:
    """One flow: the session in its firewall, and the paths of its first packet and of its reply."""

    site: Site
    application: str
    choice: str | None = None
    """Instance ID of the firewall that the load balancer chooses."""
    forward: Path = field(default_factory=Path)
    back: Path = field(default_factory=Path)
    session: Session | None = None
    _path: Path = field(default_factory=Path)
    _source: Interface | None = None

    @property
    def replying(self) -> bool:
        """Whether the walk follows the reply."""
        return self._path is self.back

    # -- where a flow begins -----------------------------------------------------------------------

    def from_host(self, host: Interface, packet: Packet) -> None:
        """Walk a flow that a host opens.

        Raises:
            StoppedError: a packet, or its reply, does not arrive.
        """
        self._path, self._source = self.forward, host
        self._leave(host, packet)

    def from_internet(self, host: Interface, gateway: InternetGateway, packet: Packet) -> None:
        """Walk a flow from the internet to the public address of a host; ``packet`` is inside.

        Raises:
            StoppedError: a packet, or its reply, does not arrive.
        """
        self._path, self._source = self.forward, None
        self._hop("internet")
        self._enter(gateway, host, packet)

    def health_check(self, node: Interface, instance: Instance, port: int) -> None:
        """Walk a health check from a node of a load balancer to a firewall, and the answer.

        Raises:
            StoppedError: the check, or the answer, does not arrive.
        """
        network, data = self.site.network, instance.interfaces[0]
        packet = Packet(TCP, first_v4(node), first_v4(data), EPHEMERAL_PORTS[0], port)
        self._path = self.forward
        self._hop(f"node {self.site.zone(node)}")
        self._check(passage.may_leave(network, node, packet))
        self._check(passage.may_arrive(network, data, packet))
        self.forward.firewalls.append(instance.instance_id)
        self._hop(f"firewall {self.site.name(instance.instance_id)}")
        try:
            egress = self.site.firewall(instance).respond(packet, self.application)
        except DroppedError as error:
            raise self._dropped(instance, error) from error
        self._path = self.back
        self._hop(f"firewall {self.site.name(instance.instance_id)} ({', '.join(egress.routes)})")
        self.back.firewalls.append(instance.instance_id)
        sent = self._check(passage.reply_may_leave(network, data, packet))
        if sent.route is not None and sent.route.target.kind is not TargetKind.LOCAL:
            raise StoppedError(self._path, self.site.name(data.subnet_id), f"{sent.reason}")
        self._check(passage.reply_may_arrive(network, node, packet))
        self._hop(f"node {self.site.zone(node)}")

    # -- steps -------------------------------------------------------------------------------------

    def _hop(self, text: str) -> None:
        self._path.hops.append(text)
        if len(self._path.hops) > _MOST_HOPS:
            raise StoppedError(self._path, text, "the packet is routed in a loop")

    def _check(self, verdict: Verdict) -> Verdict:
        if not verdict:
            raise StoppedError(
                self._path, f"{verdict.check} {self.site.name(verdict.where)}", verdict.reason
            )
        return verdict

    def _leave(self, at: Interface, packet: Packet) -> None:
        """Let a packet leave an interface, and follow its route."""
        first = not self.replying and (at is self._source or self._is_firewall(at))
        passes = passage.may_leave if first else passage.send
        verdict = self._check(passes(self.site.network, at, packet))
        if verdict.route is None:
            raise StoppedError(self._path, at.interface_id, "has no route")
        self._hop(f"{self.site.name(at.subnet_id)}")
        self._follow(at, packet, verdict.route)

    def _is_firewall(self, at: Interface) -> bool:
        return at.instance_id in self.site.instances

    def _follow(self, at: Interface, packet: Packet, route: Route) -> None:
        target = route.target
        if target.kind is TargetKind.LOCAL:
            self._deliver(self.site.network.vpc_of(at), packet)
        elif target.kind is TargetKind.ENDPOINT:
            self._inspect(self._endpoint(target.target_id), packet)
        elif target.kind is TargetKind.INTERNET_GATEWAY:
            self._exit(at, packet, target.target_id)
        else:
            raise StoppedError(self._path, target.target_id, f"walks do not follow {target.kind}")

    def _endpoint(self, endpoint_id: str) -> Endpoint:
        endpoint = self.site.network.endpoints.get(endpoint_id)
        if endpoint is None or not endpoint.interfaces:
            raise StoppedError(self._path, endpoint_id, "the endpoint does not exist")
        return endpoint

    def _deliver(self, vpc_id: str, packet: Packet) -> None:
        """Deliver a packet to its address in a VPC."""
        at = self.site.network.interface_at(vpc_id, packet.destination)
        if at is None:
            reason = f"no interface has the address {packet.destination}"
            raise StoppedError(self._path, self.site.name(vpc_id), reason)
        passes = passage.receive if self.replying else passage.may_arrive
        self._check(passes(self.site.network, at, packet))
        self._hop(self.site.name(at.interface_id))
        if not self.replying:
            self._reply_from(at, packet)

    def _reply_from(self, at: Interface, packet: Packet) -> None:
        self._path = self.back
        self._hop(self.site.name(at.interface_id))
        self._leave(at, packet.reply())

    # -- internet gateways -------------------------------------------------------------------------

    def _exit(self, at: Interface, packet: Packet, gateway_id: str) -> None:
        """Let a packet out to the internet, and its reply in again."""
        gateway = self.site.network.internet_gateways.get(gateway_id)
        if gateway is None or gateway.vpc_id != self.site.network.vpc_of(at):
            raise StoppedError(self._path, gateway_id, "is not attached to the VPC")
        if any(packet.destination in block for block in PRIVATE):
            reason = f"the internet does not route {packet.destination}"
            raise StoppedError(self._path, self.site.name(gateway_id), reason)
        sender = self.site.network.interface_at(gateway.vpc_id, packet.source)
        if sender is None or sender.public_address is None:
            reason = f"{packet.source} has no public address"
            raise StoppedError(self._path, self.site.name(gateway_id), reason)
        self._hop("internet gateway")
        self._hop("internet")
        if not self.replying:
            self._path = self.back
            self._hop("internet")
            self._enter(gateway, sender, packet.reply())

    def _enter(self, gateway: InternetGateway, host: Interface, packet: Packet) -> None:
        """Let a packet in for a host; the edge route table decides where it goes."""
        network = self.site.network
        self._hop("internet gateway")
        if gateway.table_id is not None:
            table = network.tables[gateway.table_id]
            route = self._check(routes.find(network, table, packet.destination)).route
            if route is not None and route.target.kind is TargetKind.ENDPOINT:
                self._inspect(self._endpoint(route.target.target_id), packet)
                return
        if self._is_firewall(host) and host.instance_id is not None:
            self._to_untrust(host, packet)
            return
        self._deliver(network.vpc_of(host), packet)

    def _to_untrust(self, at: Interface, packet: Packet) -> None:
        """Let a packet from the internet reach the untrust interface of a firewall."""
        if not self.replying or self.session is None:
            reason = "a firewall accepts no connections from the internet"
            raise StoppedError(self._path, self.site.name(at.interface_id), reason)
        self._check(passage.receive(self.site.network, at, packet))
        instance = self.site.instances[at.instance_id or ""]
        self._return(instance, at)

    # -- the load balancer and the firewalls -------------------------------------------------------

    def _inspect(self, endpoint: Endpoint, packet: Packet) -> None:
        """Let a packet pass an endpoint, a node of the load balancer, and a firewall."""
        entry = endpoint.interfaces[0]
        zone = self.site.zone(entry)
        self._check(passage.receive(self.site.network, entry, packet))
        self._hop(f"endpoint {zone}")
        if self.replying and self.forward.endpoints and endpoint not in self.forward.endpoints:
            reason = "the reply passes another endpoint than the first packet"
            raise StoppedError(self._path, self.site.name(endpoint.endpoint_id), reason)
        self._path.endpoints.append(endpoint)
        balancer = self.site.network.load_balancers.get(endpoint.load_balancer or "")
        node = balancer.nodes.get(zone) if balancer else None
        if balancer is None or node is None:
            reason = f"its load balancer has no node in {zone}"
            raise StoppedError(self._path, self.site.name(endpoint.endpoint_id), reason)
        instance = self._target(balancer, zone)
        data = instance.interfaces[0]
        self._tunnel(node, data)
        self._path.firewalls.append(instance.instance_id)
        if self.replying:
            self._return(instance, data)
            return
        firewall = self.site.firewall(instance)
        try:
            self.session = firewall.open(packet, self.application)
        except DroppedError as error:
            raise self._dropped(instance, error) from error
        self._hop(
            f"firewall {self.site.name(instance.instance_id)} ({self.session.rule}; "
            f"{', '.join(self.session.routes)})"
        )
        self._out(instance, node, endpoint, self.session.egress, self.session.sent)

    def _target(self, balancer: LoadBalancer, zone: str) -> Instance:
        """Return the firewall that the flow uses.

        Raises:
            StoppedError: it is not a target that the node in ``zone`` may use.
        """
        if self.session is not None and self.forward.firewalls:
            return self.site.instances[self.forward.firewalls[-1]]
        for instance in usable_targets(self.site, balancer, zone):
            if self.choice in (None, instance.instance_id):
                return instance
        raise StoppedError(
            self._path, self.site.name(balancer.arn), f"{zone} has no healthy target"
        )

    def _tunnel(self, sender: Interface, receiver: Interface) -> None:
        """Let a GENEVE packet pass from one interface to another in the security VPC."""
        outer = Packet(UDP, first_v4(sender), first_v4(receiver), _TUNNEL_PORT, GENEVE_PORT)
        network = self.site.network
        sent = self._check(passage.may_leave(network, sender, outer))
        if sent.route is not None and sent.route.target.kind is not TargetKind.LOCAL:
            raise StoppedError(
                self._path, self.site.name(sender.subnet_id), f"{sent.reason} leaves the VPC"
            )
        self._check(passage.may_arrive(network, receiver, outer))

    def _return(self, instance: Instance, at: Interface) -> None:
        """Let a firewall return the reply of its session; it came to ``at``."""
        session = self.session
        if session is None:
            raise StoppedError(self._path, instance.instance_id, "the firewall has no session")
        came_to = next(
            PORTS[index]
            for index, interface in instance.interfaces.items()
            if interface.interface_id == at.interface_id and index in PORTS
        )
        try:
            reply, egress = self.site.firewall(instance).answer(session, came_to)
        except DroppedError as error:
            raise self._dropped(instance, error) from error
        if instance.instance_id not in self._path.firewalls:
            self._path.firewalls.append(instance.instance_id)
        self._hop(f"firewall {self.site.name(instance.instance_id)} ({', '.join(egress.routes)})")
        endpoint = self.forward.endpoints[-1]
        if endpoint not in self._path.endpoints:
            self._path.endpoints.append(endpoint)
        balancer = self.site.network.load_balancers[endpoint.load_balancer or ""]
        node = balancer.nodes[self.site.zone(endpoint.interfaces[0])]
        self._out(instance, node, endpoint, egress.interface, reply)

    def _out(
        self,
        instance: Instance,
        node: Interface,
        endpoint: Endpoint,
        interface: str,
        packet: Packet,
    ) -> None:
        """Let a packet leave a firewall: in the tunnel, or by another interface."""
        if interface != DATA:
            index = next(index for index, name in PORTS.items() if name == interface)
            self._leave(instance.interfaces[index], packet)
            return
        self._tunnel(instance.interfaces[0], node)
        entry = endpoint.interfaces[0]
        self._hop(f"endpoint {self.site.zone(entry)}")
        verdict = self._check(passage.send(self.site.network, entry, packet))
        if verdict.route is not None:
            self._follow(entry, packet, verdict.route)

    def _dropped(self, instance: Instance, error: DroppedError) -> StoppedError:
        return StoppedError(
            self._path, f"firewall {self.site.name(instance.instance_id)}", str(error)
        )


def usable_targets(site: Site, balancer: LoadBalancer, zone: str) -> list[Instance]:
    """Return the healthy firewalls to which the node of a zone sends flows."""
    group = site.targets.get(balancer.arn)
    healthy = [site.instances[i] for i in group.healthy if i in site.instances] if group else []
    return [each for each in healthy if balancer.cross_zone or each.zone == zone]
