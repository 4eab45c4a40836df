"""Security groups."""

from __future__ import annotations

from vmseries_scenarios.changes.inputs import At
from vmseries_scenarios.changes.rows import REPLACE, Ends, Row

TOPIC = "Security groups"

OWN = {
    "interfaces.data.security_group_ids": [At("own_groups.data")],
    "interfaces.management.security_group_ids": [At("own_groups.management")],
    "interfaces.untrust.security_group_ids": [At("own_groups.untrust")],
}

ROWS = (
    Row(
        id="own-groups",
        inputs=("interfaces[*].security_group_ids",),
        change="Set your own groups for interfaces; remove them again",
        to=OWN,
        plan="changes launch template, group, functions, roles",
        ends=Ends.LATER,
        firewalls="They keep the module's groups, with all rules",
        do=REPLACE,
        matters=True,
    ),
    Row(
        id="groups-not-created",
        inputs=("security_groups", "security_groups.create"),
        change="Let the module create no groups (`create = false`) while firewalls use them",
        to={**OWN, "security_groups.create": False},
        plan="no changes",
        ends=Ends.REFUSED,
        refusal="security_groups.create",
        do="Set your own groups first, replace the firewalls, then set `create = false`",
    ),
    Row(
        id="management-access",
        inputs=(
            "management_access.cidr_blocks",
            "management_access.ports",
            "management_access.egress*",
        ),
        change="Add networks, ports or services; remove them",
        to={
            "management_access": {
                "cidr_blocks": {"office": "10.200.0.0/24"},
                "ports": [443],
                "egress": {
                    "syslog": {"port": 6514, "cidr_blocks": {"collectors": "10.200.9.0/24"}}
                },
            }
        },
        plan="adds security group rules",
        do="Nothing. A network that keeps its block and gets another name is a new rule, which EC2 "
        "can refuse until the former one is deleted: apply again",
    ),
)
