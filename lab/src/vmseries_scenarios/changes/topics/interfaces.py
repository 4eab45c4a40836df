"""Network interfaces."""

from __future__ import annotations

from vmseries_scenarios.changes.inputs import REMOVED, At
from vmseries_scenarios.changes.rows import REPLACE, Ends, Row

TOPIC = "Network interfaces"

ROWS = (
    Row(
        id="untrust-removed",
        inputs=("interfaces[*].role", "interfaces[*].device_index"),
        change="Remove the untrust interface or an extra one; add it again",
        to={"interfaces.untrust": REMOVED},
        plan="changes launch template, group, functions, roles",
        ends=Ends.LATER,
        firewalls="Their interfaces and addresses are removed when they terminate",
        do=f"{REPLACE}. The template stack must fit both kinds until then",
        matters=True,
    ),
    Row(
        id="interface-name",
        inputs=("interfaces",),
        change="Give an interface another name",
        to={
            "interfaces.untrust": REMOVED,
            "interfaces.outside": {
                "role": "untrust",
                "device_index": 2,
                "subnet_ids": At("two_zones.untrust"),
                "public_ip": True,
            },
        },
        plan="changes functions",
        firewalls="The tags of their interfaces keep the former name",
    ),
    Row(
        id="public-ip",
        inputs=("interfaces[*].public_ip", "interfaces[*].public_ipv4_pool"),
        change="Take the Elastic IP address from an interface; add it again",
        to={"interfaces.untrust.public_ip": False},
        plan="changes launch template, group, functions, roles",
        ends=Ends.LATER,
        firewalls="They keep their addresses until they terminate",
        do=REPLACE,
    ),
    Row(
        id="source-dest-check",
        inputs=("interfaces[*].source_dest_check",),
        change="Enable the source/destination check of an interface; disable it",
        to={"interfaces.untrust.source_dest_check": True},
        plan="changes launch template, group, functions",
        ends=Ends.LATER,
        do=REPLACE,
    ),
    Row(
        id="target-groups",
        inputs=(
            "interfaces[*].target_groups",
            "interfaces[*].target_groups[*].arn",
            "interfaces[*].target_groups[*].port",
        ),
        change="Add a target group to an interface; remove it",
        to={
            "interfaces.untrust.target_groups": [
                {"arn": At("service_target_groups.0"), "port": 8443},
            ]
        },
        plan="changes launch template, group, functions, roles",
        ends=Ends.LATER,
        firewalls="They stay registered where they are, until they terminate",
        do="To register running firewalls, replace them: `capacity.instance_refresh`",
    ),
)
