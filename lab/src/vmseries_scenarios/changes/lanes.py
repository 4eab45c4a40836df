"""The deployments on which the rows are tried, each in a lab of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vmseries_scenarios.changes.inputs import REMOVED, At, Inputs, changed


@dataclass(frozen=True)
class Lane:
    """A deployment.

    Attributes:
        name: Its name in the rows.
        to: How its inputs differ from those of the first lane.
        variables: Variables of the site.
        refreshes: Whether changes of firewalls start an instance refresh.
        xml_apis: Whether the lab serves the firewalls' own XML API.
    """

    name: str
    to: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    refreshes: bool = False
    xml_apis: bool = False


PANORAMA = Lane("panorama")
REFRESH = Lane("refresh", {"capacity.instance_refresh": {}}, refreshes=True)
OWN_TARGETS = Lane(
    "own-targets",
    {
        "load_balancer": None,
        "target_group_arns": [At("target_group_arn")],
        "interfaces.data.security_group_ids": [At("own_groups.data")],
    },
    variables={"own_load_balancer": True},
)
FIREWALL_API = Lane(
    "firewall-api",
    {
        "panorama": REMOVED,
        "firewall_api": {
            "secret_arn": At("secret_arns.firewall"),
            "server_name": "firewall.example.com",
            "timeout_seconds": 2,
        },
        "functions": {
            "vpc": {
                "subnet_ids": [At("management_subnet_id")],
                "security_group_ids": [At("functions_group")],
            }
        },
        "management_access": {"cidr_blocks": {"functions": At("vpc_cidr")}},
    },
    xml_apis=True,
)
LANES = {lane.name: lane for lane in (PANORAMA, REFRESH, OWN_TARGETS, FIREWALL_API)}


def first_inputs(site: Mapping[str, Any], lane: Lane) -> Inputs:
    """Return the inputs with which a lane begins: two zones, three interfaces, two firewalls."""
    zones = site["zones"][:2]

    def subnets(role: str) -> dict[str, str]:
        return {zone: site["subnet_ids"][role][zone] for zone in zones}

    inputs: Inputs = {
        "name": "live",
        "network": {"vpc_id": site["vpc_id"]},
        "interfaces": {
            "data": {"role": "data", "device_index": 0, "subnet_ids": subnets("data")},
            "management": {
                "role": "management",
                "device_index": 1,
                "subnet_ids": subnets("management"),
            },
            "untrust": {
                "role": "untrust",
                "device_index": 2,
                "subnet_ids": subnets("untrust"),
                "public_ip": True,
            },
        },
        "firewall": {"panos_version": "11.2.15"},
        "bootstrap": site["bootstrap"],
        "panorama": site["panorama"],
        "licensing": {
            "mode": "firewall",
            "api_key_secret_arn": site["secret_arns"]["licensing-api-key"],
        },
        "capacity": {"min": 2, "max": 4},
        "load_balancer": {},
        "scaling": {"step": {"remove_below_percent": 20}},
    }
    return changed(inputs, lane.to, site)
