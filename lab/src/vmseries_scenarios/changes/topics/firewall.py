"""Image, type and storage of the firewalls."""

from __future__ import annotations

from vmseries_scenarios.changes.inputs import At
from vmseries_scenarios.changes.rows import REPLACE, Ends, Row

TOPIC = "Firewalls"
TEMPLATE = "changes launch template, group, functions"

ROWS = (
    Row(
        id="version",
        inputs=("firewall.panos_version", "firewall.include_deprecated"),
        change="Set another PAN-OS version",
        to={"firewall.panos_version": "11.1.10-h25"},
        plan=TEMPLATE,
        ends=Ends.LATER,
        do=REPLACE,
    ),
    Row(
        id="image",
        inputs=("firewall.ami_id",),
        change="Set an image by ID instead of a version; set a version again",
        to={"firewall.panos_version": None, "firewall.ami_id": At("other_image")},
        plan=TEMPLATE,
        ends=Ends.LATER,
        do=REPLACE,
    ),
    Row(
        id="instance-type",
        inputs=("firewall.instance_type",),
        change="Set another instance type",
        to={"firewall.instance_type": "m5.2xlarge"},
        plan=TEMPLATE,
        ends=Ends.LATER,
        do=REPLACE,
        matters=True,
    ),
    Row(
        id="license-type",
        inputs=("firewall.license_type",),
        change="Set another license type of the image, with the licensing mode that belongs to it",
        to={"firewall.license_type": "bundle1", "licensing": {"mode": "none"}},
        plan="changes launch template, group, functions, roles",
        ends=Ends.PLANNED,
        firewalls="They cannot return their licenses any more",
        do="Create a deployment with another name instead: the licensing mode is that of all its "
        "firewalls",
    ),
    Row(
        id="volume",
        inputs=(
            "firewall.root_volume",
            "firewall.root_volume.size_gib",
            "firewall.root_volume.type",
            "firewall.root_volume.kms_key_arn",
        ),
        change="Change size, type or key of the root volume",
        to={
            "firewall.root_volume": {
                "size_gib": 80,
                "type": "gp2",
                "kms_key_arn": At("kms_key_arn"),
            }
        },
        plan=TEMPLATE,
        ends=Ends.LATER,
        do=REPLACE,
    ),
    Row(
        id="key-pair",
        inputs=("firewall.key_name",),
        change="Set another key pair",
        to={"firewall.key_name": At("key_name")},
        plan=TEMPLATE,
        ends=Ends.LATER,
        do=REPLACE,
    ),
    Row(
        id="instance-profile",
        inputs=("firewall.instance_profile", "firewall.instance_profile.name"),
        change="Set your own instance profile; use the module's again",
        to={"firewall.instance_profile": {"name": At("instance_profile")}},
        plan=TEMPLATE,
        ends=Ends.LATER,
        firewalls="The module keeps its role for them",
        do=REPLACE,
    ),
    Row(
        id="monitoring",
        inputs=("firewall.detailed_monitoring",),
        change="Enable or disable detailed monitoring",
        to={"firewall.detailed_monitoring": True},
        plan=TEMPLATE,
        ends=Ends.LATER,
        do=REPLACE,
    ),
)
