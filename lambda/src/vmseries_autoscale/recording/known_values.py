"""Placeholders of the deployment's own values, so that a recording shows where they occur."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmseries_autoscale.aws import tags

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

    from vmseries_autoscale.settings import PanoramaSettings, ReconcileSettings


def of_settings(settings: ReconcileSettings, panorama: PanoramaSettings) -> dict[str, str]:
    """Return the placeholders of the names in the settings, by name."""
    named = {
        settings.name: "our-deployment",
        settings.auto_scaling_group_name: "our-auto-scaling-group",
        panorama.log_collector_group or "": "our-log-collector-group",
        settings.license_manager or "": "our-license-manager",
        panorama.template_stack: "our-template-stack",
        panorama.device_group: "our-device-group",
    }
    hosts = {host: f"our-panorama-{n}" for n, host in enumerate(panorama.hostnames, start=1)}
    labels = {host.partition(".")[0]: name for host, name in hosts.items()}
    return {name: found for name, found in {**labels, **hosts, **named}.items() if name}


def of_instances(ec2: EC2Client, deployment: str) -> dict[str, str]:
    """Return the placeholders of instances, and of addresses and MAC addresses of their interfaces.

    They tell whether Panorama shows the same values as EC2: an address of ``instance-1``, or the
    MAC address of its interface at device index 1.
    """
    known: dict[str, str] = {}
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": f"tag:{tags.DEPLOYMENT}", "Values": [deployment]}]
    )
    instances = [
        instance
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]
    for number, instance in enumerate(instances, start=1):
        name = f"ec2-instance-{number}"
        known[instance["InstanceId"]] = name
        for interface in instance.get("NetworkInterfaces", ()):
            index = interface.get("Attachment", {}).get("DeviceIndex", "x")
            known[interface.get("PrivateIpAddress", "")] = f"address-of-{name}-interface-{index}"
            known[interface.get("MacAddress", "")] = f"mac-of-{name}-interface-{index}"
    return {value: name for value, name in known.items() if value}
