"""Firewalls with four interfaces, behind a Network Load Balancer and no Gateway Load Balancer."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.support import QUICK_BOOT

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import MINUTE, Deployment, completed_hooks
from vmseries_scenarios.network_interfaces import AttachedInterface, attached_interfaces

pytestmark = pytest.mark.apply(seconds=60)

INTERFACES = (
    AttachedInterface(0, source_dest_check=False, delete_on_termination=True, public=False),
    AttachedInterface(1, source_dest_check=True, delete_on_termination=True, public=False),
    AttachedInterface(2, source_dest_check=False, delete_on_termination=True, public=True),
    AttachedInterface(3, source_dest_check=False, delete_on_termination=True, public=False),
)


def test_firewalls_with_an_extra_interface_serve_a_network_load_balancer(tmp_path: Path) -> None:
    with Lab() as lab:
        lab.firewalls.set_boot_times(**QUICK_BOOT)
        deployment = Deployment.copy(
            lab,
            "tests/fixtures/minimal",
            tmp_path / "copy",
            two_arm=True,
            dmz=True,
            geneve=False,
            capacity={"min": 0, "max": 1},
        )
        deployment.apply()
        elbv2 = lab.aws.client("elbv2")
        service = deployment.outputs["service"]
        (target_group,) = service["target_group_arns"]
        (balancer,) = elbv2.create_load_balancer(
            Name="service", Type="network", Subnets=service["subnet_ids"]
        )["LoadBalancers"]
        elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="TCP",
            Port=443,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )
        deployment.group.scale(1)
        deployment.wait_until_in_service(1)
        (instance_id,) = deployment.group.states()
        serial, instance = deployment.serial(instance_id), deployment.instance(instance_id)
        assert attached_interfaces(instance) == INTERFACES
        (group,) = lab.aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        assert group.get("TargetGroupARNs", []) == []

        # The untrust interface is a target, and no other one.
        lab.advance(2 * MINUTE)
        (address,) = [
            nic["PrivateIpAddress"]
            for nic in instance["NetworkInterfaces"]
            if nic["Attachment"]["DeviceIndex"] == 2
        ]
        health = elbv2.describe_target_health(TargetGroupArn=target_group)
        (target,) = health["TargetHealthDescriptions"]
        assert target["Target"] == {"Id": address, "Port": 8443}
        assert target["TargetHealth"]["State"] == "healthy"

        # It drains before its license is returned, and leaves nothing behind.
        deployment.group.terminate_one()
        lab.advance(10 * MINUTE)
        (drained,) = deployment.happened("target-drained", address)
        (returned,) = deployment.happened("license-returned", serial)
        (completed,) = completed_hooks(
            deployment.happened("hook-completed", instance_id), "terminate"
        )
        assert drained.number < returned.number < completed.number

        assert deployment.group.states() == {}
        assert not lab.leftovers()
        assert lab.errors() == []
