"""Whether GENEVE packets pass between a node of a Gateway Load Balancer and a firewall.

A firewall returns a packet with swapped addresses and unchanged ports. For a security group, which
tracks flows, that is a flow of its own.
https://aws.amazon.com/blogs/networking-and-content-delivery/integrate-your-custom-logic-or-appliance-with-aws-gateway-load-balancer/
https://docs.aws.amazon.com/vpc/latest/userguide/security-group-connection-tracking.html
"""

from __future__ import annotations

from vmseries_lab.network import passage
from vmseries_lab.network.model import Address, Interface, Network
from vmseries_lab.network.packets import UDP, Packet
from vmseries_lab.network.passage import first_refusal
from vmseries_lab.network.verdicts import Verdict

GENEVE_PORT = 6081

_SOURCE_PORT = 60000
"""The load balancer chooses it for each flow."""


def tunnel(network: Network, node: Interface, firewall: Interface) -> Verdict:
    """Whether packets pass from a node to a firewall's data interface, and back."""
    return first_refusal(
        *_one_way(network, node, firewall),
        *_one_way(network, firewall, node),
    )


def _one_way(network: Network, sender: Interface, receiver: Interface) -> list[Verdict]:
    packet = Packet(UDP, _own(sender), _own(receiver), _SOURCE_PORT, GENEVE_PORT)
    return [
        passage.may_leave(network, sender, packet),
        passage.may_arrive(network, receiver, packet),
    ]


def _own(interface: Interface) -> Address:
    return next(address for address in interface.addresses if address.version == 4)
