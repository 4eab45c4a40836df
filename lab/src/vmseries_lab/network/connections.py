"""Whether a connection can be established: each packet, its reply, and all gateways between.

- Internet gateways translate between an interface's private and public IPv4 address; an interface
  without a public address has no way through one.
  https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
- NAT gateways replace the source address and use the routes and the network ACL of their own
  subnet. https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
- Peering is not transitive, and both VPCs need a route.
  https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
- Traffic that is routed to a Gateway Load Balancer endpoint leaves it again by the routes of the
  endpoint's subnet. https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/introduction.html
- Beyond a transit gateway or a virtual private gateway nothing is known. The other side is assumed
  to deliver the packet and to route the reply back.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from vmseries_lab.network import passage
from vmseries_lab.network.model import Address, Endpoint, Interface, Network, Route, TargetKind
from vmseries_lab.network.packets import TCP, Packet
from vmseries_lab.network.passage import first_refusal
from vmseries_lab.network.verdicts import Check, Verdict

EPHEMERAL_PORTS = (1024, 65535)
"""First and last source port of clients: load balancers, NAT gateways and Lambda use this range.

https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
"""

PRIVATE = tuple(
    IPv4Network(block)
    for block in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
    )
)
"""Networks that have no route on the internet. RFC 1918, RFC 6598, RFC 3927."""

_MOST_HOPS = 8


def connect(
    network: Network,
    source: Interface,
    destination: Address | Interface,
    port: int,
    *,
    protocol: str = TCP,
    established: bool = False,
) -> Verdict:
    """Whether an interface can open a connection, whichever ephemeral port it uses.

    Args:
        network: networks of the account.
        source: interface of the client.
        destination: an address, or an interface in the client's VPC.
        port: destination port.
        protocol: ``tcp`` or ``udp``.
        established: whether the connection exists already. Security groups track it then, and a
            changed rule does not interrupt it.
            https://docs.aws.amazon.com/vpc/latest/userguide/security-group-connection-tracking.html

    Returns:
        What refuses the connection, or the last check that it passes.
    """
    at = destination.addresses[0] if isinstance(destination, Interface) else destination
    own = next((own for own in source.addresses if own.version == at.version), None)
    if own is None:
        reason = f"has no IPv{at.version} address"
        return Verdict(False, Check.ADDRESS, source.interface_id, reason)
    packets = [Packet(protocol, own, at, client, port) for client in EPHEMERAL_PORTS]
    found = destination if isinstance(destination, Interface) else None
    return first_refusal(
        *(_start(network, source, packet, found, established=established) for packet in packets)
    )


def _start(
    network: Network,
    source: Interface,
    packet: Packet,
    destination: Interface | None,
    *,
    established: bool,
) -> Verdict:
    sent = (passage.send if established else passage.may_leave)(network, source, packet)
    if not sent or sent.route is None:
        return sent
    there = _Walk(network, destination, established=established).go(source, packet, sent.route)
    return (
        first_refusal(there, passage.reply_may_arrive(network, source, packet)) if there else there
    )


class _Walk:
    """The path of one packet, and of its reply, from route to route."""

    def __init__(
        self, network: Network, destination: Interface | None, *, established: bool
    ) -> None:
        self._network = network
        self._destination = destination
        self._established = established
        self._hops = 0

    def go(self, at: Interface, packet: Packet, route: Route) -> Verdict:
        """Follow a route to its target, and onwards."""
        self._hops += 1
        if self._hops > _MOST_HOPS:
            return _refused(route, "is part of a loop")
        kind = route.target.kind
        if kind is TargetKind.LOCAL:
            return self._deliver(self._network.vpc_of(at), packet, at)
        if kind is TargetKind.INTERNET_GATEWAY:
            return self._to_internet(at, packet, route)
        if kind is TargetKind.NAT_GATEWAY:
            return self._translate(packet, route)
        if kind is TargetKind.PEERING:
            return self._to_peer(at, packet, route)
        if kind is TargetKind.ENDPOINT:
            return self._to_endpoint(packet, route)
        if kind is TargetKind.EGRESS_ONLY_GATEWAY:
            return _passed(route, "lets IPv6 connections out")
        if kind in (TargetKind.TRANSIT_GATEWAY, TargetKind.VPN_GATEWAY):
            return _passed(route, "leads out of the VPC")
        return _refused(route, "is an appliance or gateway that is not simulated")

    def _deliver(self, vpc_id: str, packet: Packet, client: Interface) -> Verdict:
        """Deliver a packet in a VPC, and check that the reply finds its way back."""
        known = self._destination
        if known is None or packet.destination not in known.addresses:
            known = self._network.interface_at(vpc_id, packet.destination)
        if known is None:
            reason = f"no interface has the address {packet.destination}"
            return Verdict(False, Check.DELIVERY, vpc_id, reason)
        arrive = passage.receive if self._established else passage.may_arrive
        arrived = arrive(self._network, known, packet)
        if not arrived:
            return arrived
        back = passage.reply_may_leave(self._network, known, packet)
        if not back or back.route is None:
            return back
        home = self._network.vpc_of(client)
        target = back.route.target
        if vpc_id == home and target.kind not in (TargetKind.LOCAL, TargetKind.ENDPOINT):
            return _refused(back.route, f"takes the reply to {packet.source} out of the VPC")
        if vpc_id != home and target.kind is not TargetKind.PEERING:
            return _refused(back.route, f"does not take the reply to {packet.source} back")
        return arrived

    def _to_internet(self, at: Interface, packet: Packet, route: Route) -> Verdict:
        gateway = self._network.internet_gateways.get(route.target.target_id)
        if gateway is None or gateway.vpc_id != self._network.vpc_of(at):
            return _refused(route, "is not attached to the VPC")
        destination = packet.destination
        if isinstance(destination, IPv4Address):
            if any(destination in block for block in PRIVATE):
                return _refused(route, f"does not route the private address {destination}")
            if at.public_address is None:
                return _refused(route, f"needs a public address, and {at.interface_id} has none")
        return _passed(route, "leads to the internet")

    def _translate(self, packet: Packet, route: Route) -> Verdict:
        network = self._network
        gateway = network.nat_gateways.get(route.target.target_id)
        if gateway is None or not gateway.available:
            return _refused(route, "does not exist or is not available")
        # The packet crosses from the client's subnet to that of the NAT gateway, and so does the
        # reply, with the addresses that the client sees.
        entered = passage.receive(network, gateway.interface, packet)
        if not entered:
            return entered
        own = gateway.interface.addresses[0]
        if own.version != packet.destination.version:
            return _refused(route, f"does not translate IPv{packet.destination.version}")
        translated = packet.translated(source=own)
        sent = passage.send(network, gateway.interface, translated)
        if not sent or sent.route is None:
            return sent
        if sent.route.target.kind is TargetKind.NAT_GATEWAY:
            return _refused(sent.route, "is a NAT gateway behind a NAT gateway")
        beyond = self.go(gateway.interface, translated, sent.route)
        if not beyond:
            return beyond
        back = passage.reply_may_arrive(network, gateway.interface, translated)
        if not back:
            return back
        returned = passage.send(network, gateway.interface, packet.reply())
        return returned if not returned else beyond

    def _to_peer(self, at: Interface, packet: Packet, route: Route) -> Verdict:
        peering = self._network.peerings.get(route.target.target_id)
        home = self._network.vpc_of(at)
        if peering is None or home not in peering.vpc_ids:
            return _refused(route, "does not exist or is not active")
        other = next((vpc_id for vpc_id in peering.vpc_ids if vpc_id != home), home)
        if not any(packet.destination in cidr for cidr in self._network.vpcs.get(other, ())):
            return _refused(route, f"leads to {other}, which does not contain {packet.destination}")
        return self._deliver(other, packet, at)

    def _to_endpoint(self, packet: Packet, route: Route) -> Verdict:
        endpoint: Endpoint | None = self._network.endpoints.get(route.target.target_id)
        if endpoint is None:
            return _refused(route, "does not exist")
        if endpoint.kind == "Gateway":
            return _passed(route, f"leads to {endpoint.service}")
        if not endpoint.interfaces:
            return _refused(route, "has no interface")
        interface = endpoint.interfaces[0]
        sent = passage.send(self._network, interface, packet)
        if not sent or sent.route is None:
            return sent
        return self.go(interface, packet, sent.route)


def _passed(route: Route, reason: str) -> Verdict:
    return Verdict(True, Check.GATEWAY, route.target.target_id, reason, route)


def _refused(route: Route, reason: str) -> Verdict:
    return Verdict(False, Check.GATEWAY, route.target.target_id, reason, route)


def connect_to_service(
    network: Network, source: Interface, service: str, address: Address, port: int = 443
) -> Verdict:
    """Whether an interface can connect to an AWS service.

    An interface endpoint with a private DNS name replaces the public address of the service in its
    VPC, and is used in the same zone if it has an interface there.
    https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html

    Args:
        network: networks of the account.
        source: interface of the client.
        service: name of the service as in endpoints' names, for example ``secretsmanager``.
        address: public address of the service.
        port: destination port.
    """
    here = network.subnets[source.subnet_id]
    for endpoint in network.endpoints.values():
        interfaces = endpoint.interfaces
        if (
            endpoint.kind != "Interface"
            or endpoint.vpc_id != here.vpc_id
            or endpoint.service.rpartition(".")[2] != service
            or not endpoint.private_dns
            or not interfaces
        ):
            continue
        near = [each for each in interfaces if network.subnets[each.subnet_id].zone == here.zone]
        return connect(network, source, (near or list(interfaces))[0], port)
    return connect(network, source, address, port)
