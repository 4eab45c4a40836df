"""Security groups: stateful, and only for the first packet of a flow.

- "Security groups are stateful": replies pass regardless of the rules of the other direction.
  https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
- All groups of an interface apply together: a packet passes if any rule allows it.
  https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
- A group as source or destination stands for the private addresses of the interfaces that have it,
  in the same VPC or a peered one. A public address never matches it.
  https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html#security-group-referencing
"""

from __future__ import annotations

from vmseries_lab.network.model import (
    Address,
    GroupReference,
    GroupRule,
    Interface,
    Network,
    PrefixListReference,
)
from vmseries_lab.network.packets import Packet
from vmseries_lab.network.verdicts import Check, Verdict


def allow_out(network: Network, interface: Interface, packet: Packet) -> Verdict:
    """Whether an interface's groups let it start a flow with a packet."""
    return _decide(network, interface, packet, packet.destination, Check.GROUP_OUT)


def allow_in(network: Network, interface: Interface, packet: Packet) -> Verdict:
    """Whether an interface's groups let others start a flow with a packet."""
    return _decide(network, interface, packet, packet.source, Check.GROUP_IN)


def _decide(
    network: Network, interface: Interface, packet: Packet, peer: Address, check: Check
) -> Verdict:
    if interface.group_ids is None:
        return Verdict(True, check, interface.interface_id, "has no security groups")
    for group_id in interface.group_ids:
        if (group := network.groups.get(group_id)) is None:
            continue
        rules = group.outbound if check is Check.GROUP_OUT else group.inbound
        for rule in rules:
            if packet.matches(rule.protocol, rule.first, rule.last) and _covers(
                network, rule, peer, interface
            ):
                return Verdict(True, check, group_id, f"{rule.rule_id} allows {packet}")
    groups = ", ".join(interface.group_ids) or interface.interface_id
    return Verdict(False, check, groups, f"no rule allows {packet}")


def _covers(network: Network, rule: GroupRule, peer: Address, interface: Interface) -> bool:
    """Whether an address is a source or destination of a rule."""
    if isinstance(rule.peer, GroupReference):
        return _member_at(network, rule.peer.group_id, peer, network.vpc_of(interface))
    if isinstance(rule.peer, PrefixListReference):
        return any(peer in cidr for cidr in network.prefix_lists.get(rule.peer.prefix_list_id, ()))
    return peer in rule.peer


def _member_at(network: Network, group_id: str, address: Address, vpc_id: str) -> bool:
    vpcs = {vpc_id}
    for peering in network.peerings.values():
        if vpc_id in peering.vpc_ids:
            vpcs.update(peering.vpc_ids)
    return any(
        address in member.addresses
        and group_id in (member.group_ids or ())
        and network.vpc_of(member) in vpcs
        for member in network.all_interfaces()
    )
