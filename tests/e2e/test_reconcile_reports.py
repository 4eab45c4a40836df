"""The reconcile function reports refused launches and outdated firewalls, and writes tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from vmseries_lab.aws.ec2.marketplace_images import PRODUCT_CODES
from vmseries_lab.client import SECRETS, Lab
from vmseries_scenarios.deployment import MINUTE, Deployment

pytestmark = pytest.mark.apply(seconds=80)

INTERVAL = 15
"""Default of reconcile.interval_minutes."""

WINDOW = 55
"""Minutes of a period of the alarm on missing firewalls, with the default deadline."""

TAGS = {"cost": "77", "owner": "network"}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One firewall in service, and the reconcile function has run."""
    with Lab() as lab:
        folder = tmp_path_factory.mktemp("told") / "copy"
        deployment = Deployment.copy(lab, "tests/fixtures/minimal", folder, two_arm=True)
        deployment.apply()
        deployment.wait_until_in_service(1)
        lab.advance(2 * INTERVAL * MINUTE)
        yield deployment
        assert lab.errors() == []


def newest_report(deployment: Deployment, since: float) -> dict[str, Any]:
    """The report of the first scheduled run since a time of the lab."""

    def reports() -> list[dict[str, Any]]:
        """Without those of pre-flight checks."""
        return [report for report in deployment.reconcile_reports(since) if "orphans" in report]

    found = deployment.wait_until(reports, "a run", minutes=2 * INTERVAL)
    return dict(found[0])


def tags_of_resources(deployment: Deployment, instance_id: str) -> dict[str, dict[str, str]]:
    """The tags of an instance, its volumes, interfaces and addresses, by resource id."""
    ec2 = deployment.lab.aws.client("ec2")
    instance = deployment.instance(instance_id)
    owned = [{"Name": "tag:vmseries-autoscale:instance-id", "Values": [instance_id]}]
    ids = [
        instance_id,
        *(device["Ebs"]["VolumeId"] for device in instance["BlockDeviceMappings"]),
        *(interface["NetworkInterfaceId"] for interface in instance["NetworkInterfaces"]),
        *(item["AllocationId"] for item in ec2.describe_addresses(Filters=owned)["Addresses"]),
    ]
    found: dict[str, dict[str, str]] = {resource_id: {} for resource_id in ids}
    pages = ec2.get_paginator("describe_tags").paginate(
        Filters=[{"Name": "resource-id", "Values": ids}]
    )
    for page in pages:
        for tag in page["Tags"]:
            found[tag["ResourceId"]][tag["Key"]] = tag["Value"]
    return found


@pytest.mark.documents(id="failure-modes/L17")
def test_launches_that_ec2_refuses_are_told_until_it_accepts_one(deployment: Deployment) -> None:
    lab = deployment.lab
    assert deployment.alarm("launch-refused") == "OK"
    lab.aws.limit_launches(unsubscribed=[PRODUCT_CODES["byol"]])
    deployment.group.scale(3)
    since = lab.now()
    deployment.wait_for_alarm("launch-refused", "ALARM", minutes=2 * INTERVAL)
    told = newest_report(deployment, since)["launches_refused"]
    assert {item["zone"] for item in told} <= {"us-east-1a", "us-east-1b"}
    assert all(item["number"] >= 1 for item in told)
    for item in told:
        assert item["message"].startswith("In order to use this AWS Marketplace product you need")
    (problem,) = deployment.invoke("reconcile", "validate")["problems"]
    assert told[0]["message"].rstrip(".") in problem
    assert deployment.metric("LaunchAbandoned", since, "launch") == 0, "no visit saw anything"

    # The other alarm needs no run of a function, and no reason.
    deployment.wait_for_alarm("below-capacity", "ALARM", minutes=3 * WINDOW)

    lab.aws.limit_launches(unsubscribed=[])
    deployment.wait_until_in_service(3, minutes=3 * 60)
    deployment.wait_for_alarm("launch-refused", "OK", minutes=4 * INTERVAL)
    deployment.wait_for_alarm("below-capacity", "OK", minutes=2 * WINDOW)
    since = lab.now()
    assert newest_report(deployment, since)["launches_refused"] == []
    assert deployment.invoke("reconcile", "validate")["problems"] == []


@pytest.mark.documents(id="failure-modes/G13")
def test_a_change_replaces_nobody_and_is_told_and_its_tags_arrive(deployment: Deployment) -> None:
    lab, running = deployment.lab, deployment.group.states()
    secrets = lab.aws.client("secretsmanager")
    value = secrets.get_secret_value(SecretId=f"{SECRETS}/bootstrap")["SecretString"]
    assert newest_report(deployment, lab.now())["outdated"] == {}

    secrets.put_secret_value(SecretId=f"{SECRETS}/bootstrap", SecretString=value)
    deployment.workspace.variables |= {"instance_type": "m5.2xlarge", "tags": TAGS}
    deployment.apply()
    lab.advance(MINUTE)  # A run may have begun before the end of the apply.
    since = lab.now()
    report = newest_report(deployment, since)
    assert report["not_checked"] == {}
    assert report["outdated"] == {
        instance_id: [
            "launched with other settings",
            "launched before the bootstrap secret was changed",
        ]
        for instance_id in running
    }
    assert deployment.metric("FirewallsOutdated", since, "reconcile") == len(running)
    assert deployment.group.states() == running, "no firewall was replaced"

    for instance_id in running:
        for resource_id, tags in tags_of_resources(deployment, instance_id).items():
            assert tags.items() >= TAGS.items(), resource_id
            assert tags["vmseries-autoscale:deployment"] == deployment.name, resource_id
    assert newest_report(deployment, lab.now())["tagged"] == [], "they are written once"
