"""Whether a packet may leave or arrive at an interface, and whether its reply may.

A packet that starts a flow passes the security groups; its reply does not
(https://docs.aws.amazon.com/vpc/latest/userguide/security-group-connection-tracking.html). Network
ACLs see both. Security groups are checked at the interface, network ACLs at the border of its
subnet, and the route table of the subnet decides where a packet goes
(https://docs.aws.amazon.com/vpc/latest/userguide/infrastructure-security.html).
"""

from __future__ import annotations

from vmseries_lab.network import network_acls, routes, security_groups
from vmseries_lab.network.model import Address, Interface, Network
from vmseries_lab.network.packets import Packet
from vmseries_lab.network.verdicts import Check, Verdict


def may_leave(network: Network, interface: Interface, packet: Packet) -> Verdict:
    """Whether the first packet of a flow leaves an interface; the verdict has its route."""
    return first_refusal(
        _own(interface, packet.source, "from"),
        security_groups.allow_out(network, interface, packet),
        send(network, interface, packet),
    )


def may_arrive(network: Network, interface: Interface, packet: Packet) -> Verdict:
    """Whether the first packet of a flow arrives at an interface."""
    return first_refusal(
        _own(interface, packet.destination, "to"),
        receive(network, interface, packet),
        security_groups.allow_in(network, interface, packet),
    )


def reply_may_leave(network: Network, interface: Interface, request: Packet) -> Verdict:
    """Whether the reply to a packet that arrived leaves the interface; has the reply's route.

    ``request`` is the packet that arrived, not its reply.
    """
    return send(network, interface, request.reply())


def reply_may_arrive(network: Network, interface: Interface, request: Packet) -> Verdict:
    """Whether the reply to a packet that left arrives at the interface.

    ``request`` is the packet that left, not its reply.
    """
    return receive(network, interface, request.reply())


def send(network: Network, interface: Interface, packet: Packet) -> Verdict:
    """Whether route and network ACL let a packet of an existing flow out; has its route."""
    subnet = network.subnets[interface.subnet_id]
    route = routes.find(network, network.tables[subnet.table_id], packet.destination)
    if not route:
        return route
    acl = network_acls.allow_out(network, subnet, packet)
    return route if acl else acl


def receive(network: Network, interface: Interface, packet: Packet) -> Verdict:
    """Whether the network ACL lets a packet of an existing flow in."""
    return network_acls.allow_in(network, network.subnets[interface.subnet_id], packet)


def _own(interface: Interface, address: Address, direction: str) -> Verdict:
    """Check that a packet is from or to the interface itself, unless it may forward packets.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html#eni-basics
    """
    own = not interface.checks_addresses or address in interface.addresses
    reason = f"a packet {direction} {address}, which is {'' if own else 'not '}its own"
    return Verdict(own, Check.ADDRESS, interface.interface_id, reason)


def first_refusal(*verdicts: Verdict) -> Verdict:
    """Return the first verdict that refuses, the last one if none does."""
    return next((verdict for verdict in verdicts if not verdict), verdicts[-1])
