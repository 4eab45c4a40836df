"""Network ACLs: stateless, for packets that cross the border of a subnet.

- Rules are evaluated by their numbers; the first that matches decides; what none matches is denied.
  Replies need a rule of their own, usually for ephemeral ports.
  https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
  https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
- They do not apply within a subnet, nor to DHCP, Amazon's DNS and time servers and the instance
  metadata. https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html
"""

from __future__ import annotations

from vmseries_lab.network.model import Address, Network, NetworkAcl, Subnet
from vmseries_lab.network.packets import Packet
from vmseries_lab.network.verdicts import Check, Verdict

NO_RULE = "*"
"""How AWS shows the last rule, which denies what no other rule matches."""


def allow_out(network: Network, subnet: Subnet, packet: Packet) -> Verdict:
    """Whether a packet may leave a subnet."""
    return _decide(network.acls[subnet.acl_id], subnet, packet, packet.destination, Check.ACL_OUT)


def allow_in(network: Network, subnet: Subnet, packet: Packet) -> Verdict:
    """Whether a packet may enter a subnet."""
    return _decide(network.acls[subnet.acl_id], subnet, packet, packet.source, Check.ACL_IN)


def _decide(
    acl: NetworkAcl, subnet: Subnet, packet: Packet, peer: Address, check: Check
) -> Verdict:
    if any(peer in cidr for cidr in subnet.cidrs):
        return Verdict(True, check, acl.acl_id, "does not apply within a subnet")
    rules = acl.outbound if check is Check.ACL_OUT else acl.inbound
    for rule in sorted(rules, key=lambda each: each.number):
        if packet.matches(rule.protocol, rule.first, rule.last) and peer in rule.cidr:
            verb = "allows" if rule.allow else "denies"
            return Verdict(rule.allow, check, acl.acl_id, f"rule {rule.number} {verb} {packet}")
    return Verdict(False, check, acl.acl_id, f"rule {NO_RULE} denies {packet}")
