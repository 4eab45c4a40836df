"""Availability Zones and subnets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vmseries_scenarios.changes.inputs import At
from vmseries_scenarios.changes.rows import Ends, Row

TOPIC = "Zones and subnets"
ROLES = ("data", "management", "untrust")


def _first_zone(role: str) -> Any:
    def choose(site: Mapping[str, Any]) -> dict[str, str]:
        zone = site["zones"][0]
        return {zone: site["subnet_ids"][role][zone]}

    return choose


def _other_subnet(site: Mapping[str, Any]) -> dict[str, str]:
    first, second = site["zones"][:2]
    return {first: site["other_subnet_id"], second: site["subnet_ids"]["data"][second]}


# A Gateway Load Balancer keeps the added zone, so that this row is the last one.
ROWS = (
    Row(
        id="zone-removed",
        inputs=("interfaces[*].subnet_ids",),
        change="Remove a zone from all interfaces, and nothing else",
        to={f"interfaces.{role}.subnet_ids": _first_zone(role) for role in ROLES},
        plan="no changes",
        ends=Ends.REFUSED,
        refusal="load_balancer = { subnet_ids",
        do="Leave the zone as in `zone-left`",
    ),
    Row(
        id="zone-left",
        inputs=("interfaces[*].subnet_ids", "load_balancer.subnet_ids"),
        change="Remove a zone from all interfaces, and set `load_balancer.subnet_ids` to the "
        "subnets that the load balancer has; come back",
        to={
            "load_balancer.subnet_ids": At("two_zones.data"),
            **{f"interfaces.{role}.subnet_ids": _first_zone(role) for role in ROLES},
        },
        plan="changes group, functions, roles",
        ends=Ends.MOVED,
        firewalls="Auto Scaling does not wait for the health checks of a new one: for up to a "
        "minute, one firewall fewer serves",
        minutes=40,
        matters=True,
    ),
    Row(
        id="other-subnet",
        inputs=("interfaces[*].subnet_ids", "load_balancer.subnet_ids"),
        change="Set another data subnet in the same zone, and `load_balancer.subnet_ids` to those "
        "that the load balancer has; come back",
        to={
            "load_balancer.subnet_ids": At("two_zones.data"),
            "interfaces.data.subnet_ids": _other_subnet,
        },
        plan="changes group, functions",
        firewalls="They stay in the former subnet until they are replaced",
    ),
    Row(
        id="vpc",
        inputs=("network.vpc_id",),
        change="Set another VPC",
        to={"network.vpc_id": "vpc-0123456789abcdef0"},
        plan="no changes",
        ends=Ends.REFUSED,
        refusal="network.vpc_id",
        do="Create a deployment with another name there, move the endpoints, then destroy this one",
    ),
    Row(
        id="zone-added",
        inputs=("interfaces[*].subnet_ids",),
        change="Add a zone to all interfaces",
        to={f"interfaces.{role}.subnet_ids": At(f"subnet_ids.{role}") for role in ROLES},
        plan="changes group, functions, roles, load balancer; adds security group rules",
        do="Nothing. A Gateway Load Balancer keeps the zone for good: to leave it again, see "
        "`zone-left`",
        stays={"load_balancer.subnet_ids": At("subnet_ids.data")},
        back="changes group, functions, roles",
        ends=Ends.MOVED,
        firewalls="This happens only if a zone then has two more firewalls than another",
    ),
)
