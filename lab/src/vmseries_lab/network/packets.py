"""Packets, with the fields that security groups, network ACLs and routes use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from vmseries_lab.network.model import ANY_PROTOCOL, Address

TCP, UDP, ICMP, ICMPV6 = "tcp", "udp", "icmp", "icmpv6"
_NAMES = {"6": TCP, "17": UDP, "1": ICMP, "58": ICMPV6, "all": ANY_PROTOCOL}

_ECHO = {(ICMP, 8): 0, (ICMP, 0): 8, (ICMPV6, 128): 129, (ICMPV6, 129): 128}
"""ICMP types of requests and their replies. RFC 792, RFC 4443."""


def protocol_name(protocol: str) -> str:
    """Return ``tcp``, ``udp``, ``icmp`` or ``icmpv6`` for these, ``-1`` for all, else a number.

    EC2 shows network ACLs' protocols as numbers and security groups' as names:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    lower = protocol.lower()
    return _NAMES.get(lower, lower)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet.

    Attributes:
        protocol: ``tcp``, ``udp``, ``icmp``, ``icmpv6`` or a protocol number.
        source_port: ``None`` for a protocol without ports.
        destination_port: ``None`` for a protocol without ports.
        icmp: type and code of an ICMP message.
    """

    protocol: str
    source: Address
    destination: Address
    source_port: int | None = None
    destination_port: int | None = None
    icmp: tuple[int, int] | None = None

    def reply(self) -> Self:
        """Return the packet that answers this one."""
        icmp = self.icmp and (_ECHO.get((self.protocol, self.icmp[0]), self.icmp[0]), self.icmp[1])
        return replace(
            self,
            source=self.destination,
            destination=self.source,
            source_port=self.destination_port,
            destination_port=self.source_port,
            icmp=icmp,
        )

    def translated(
        self, *, source: Address | None = None, destination: Address | None = None
    ) -> Self:
        """Return the packet after a network address translation."""
        return replace(
            self, source=source or self.source, destination=destination or self.destination
        )

    def matches(self, protocol: str, first: int | None, last: int | None) -> bool:
        """Whether a rule's protocol and ports, or ICMP type and code, match this packet."""
        wanted = protocol_name(protocol)
        if wanted == ANY_PROTOCOL:
            return True
        if wanted != self.protocol:
            return False
        if self.protocol in (ICMP, ICMPV6):
            kind, code = self.icmp or (None, None)
            return first in (None, -1, kind) and (first in (None, -1) or last in (None, -1, code))
        if self.protocol in (TCP, UDP):
            # A network ACL shows all ports as no range.
            if first is None or last is None:
                return True
            return self.destination_port is not None and first <= self.destination_port <= last
        return True

    def __str__(self) -> str:
        """Return the packet as text: ``tcp 10.0.0.4:1024 > 203.0.113.9:443``."""
        return (
            f"{self.protocol} {_end(self.source, self.source_port)} > "
            f"{_end(self.destination, self.destination_port)}"
        )


def _end(address: Address, port: int | None) -> str:
    if port is None:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
