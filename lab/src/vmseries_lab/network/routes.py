"""Routes: the most specific one that matches decides.

https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html: the longest prefix;
then static routes before prefix lists before propagated routes. The local route is preferred to a
propagated route even if that is more specific
(https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-route-priority.html).
"""

from __future__ import annotations

from collections.abc import Iterator

from vmseries_lab.network.model import (
    Address,
    Cidr,
    Network,
    PrefixListReference,
    Route,
    RouteTable,
    TargetKind,
)
from vmseries_lab.network.verdicts import Check, Verdict


def find(network: Network, table: RouteTable, destination: Address) -> Verdict:
    """Return the route of a table for a destination, or which table has none."""
    matching = list(_matching(network, table, destination))
    if any(route.target.kind is TargetKind.LOCAL for route, _ in matching):
        matching = [(route, cidr) for route, cidr in matching if not route.propagated]
    if not matching:
        return Verdict(False, Check.ROUTE, table.table_id, f"has no route to {destination}")
    route, cidr = max(matching, key=_priority)
    name = f"{cidr} → {route.target.target_id}"
    if route.blackhole:
        reason = f"{name} is a blackhole: its target no longer exists"
        return Verdict(False, Check.ROUTE, table.table_id, reason, route)
    return Verdict(True, Check.ROUTE, table.table_id, name, route)


def _matching(
    network: Network, table: RouteTable, destination: Address
) -> Iterator[tuple[Route, Cidr]]:
    for route in table.routes:
        cidrs: tuple[Cidr, ...]
        if isinstance(route.destination, PrefixListReference):
            cidrs = network.prefix_lists.get(route.destination.prefix_list_id, ())
        else:
            cidrs = (route.destination,)
        for cidr in cidrs:
            if destination in cidr:
                yield route, cidr


def _priority(match: tuple[Route, Cidr]) -> tuple[int, int]:
    route, cidr = match
    if route.propagated:
        rank = 0
    elif isinstance(route.destination, PrefixListReference):
        rank = 1
    else:
        rank = 2
    return cidr.prefixlen, rank
