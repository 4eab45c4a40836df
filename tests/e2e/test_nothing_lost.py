"""Lost events and firewalls that end without a hook leave nothing behind.

One group of firewalls, each with a public address and in a target group of type ip. Each test
causes another failure, and checks that the functions repair it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from vmseries_lab.client import Lab, Leftovers
from vmseries_scenarios.deployment import MINUTE, Deployment, completed_hooks

pytestmark = pytest.mark.apply(seconds=150)

FLEET = 21
AGE_FLOOR = 25 * MINUTE
INTERVAL = 15 * MINUTE
PORT = 8443


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One firewall in service, and a load balancer for the target group of type ip."""
    with Lab() as lab:
        deployment = Deployment.copy(
            lab,
            "tests/fixtures/minimal",
            tmp_path_factory.mktemp("lost") / "copy",
            capacity={"min": 1, "max": FLEET},
            two_arm=True,
            # A launch takes the same time with fewer visits.
            deadlines={"visit_interval_seconds": 300},
        )
        deployment.apply()
        expose(deployment)
        deployment.wait_until_in_service(1)
        yield deployment
        assert lab.errors() == []


def expose(deployment: Deployment) -> None:
    """Create a Network Load Balancer, which would take a minute with Terraform."""
    elbv2 = deployment.lab.aws.client("elbv2")
    (balancer,) = elbv2.create_load_balancer(
        Name="service", Type="network", Subnets=deployment.outputs["service"]["subnet_ids"]
    )["LoadBalancers"]
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TCP",
        Port=443,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": service(deployment)}],
    )


def service(deployment: Deployment) -> str:
    (arn,) = deployment.outputs["service"]["target_group_arns"]
    return str(arn)


def targets(deployment: Deployment) -> dict[tuple[str, int], str]:
    """Return the state of each target, by address and port."""
    answer = deployment.lab.aws.client("elbv2").describe_target_health(
        TargetGroupArn=service(deployment)
    )
    return {
        (target["Target"]["Id"], target["Target"]["Port"]): target["TargetHealth"]["State"]
        for target in answer["TargetHealthDescriptions"]
    }


def untrust(deployment: Deployment, instance_id: str) -> str:
    """Return the address of the untrust interface of an instance."""
    (address,) = [
        nic["PrivateIpAddress"]
        for nic in deployment.instance(instance_id)["NetworkInterfaces"]
        if nic["Attachment"]["DeviceIndex"] == 2
    ]
    return str(address)


def lose_all_events(deployment: Deployment) -> None:
    deployment.lab.faults.add("events", "Deliver", kind="drop", count=None)


def left_by(firewalls: int, licenses_lost: int = 0) -> Leftovers:
    """Return the resources of a number of firewalls in service."""
    return Leftovers(
        interfaces=3 * firewalls,
        addresses=firewalls,
        licenses=firewalls + licenses_lost,
        panorama_entries=4 * firewalls,
    )


def completions(deployment: Deployment, hook: str, since: int) -> Counter[str]:
    """Return how often a hook was completed, by result."""
    return Counter(
        e.detail["result"] for e in completed_hooks(deployment.lab.timeline(since), hook)
    )


def test_a_firewall_gets_traffic_at_its_address_and_port_when_it_is_ready(
    deployment: Deployment,
) -> None:
    (instance_id,) = deployment.group.states()
    deployment.lab.advance(3 * MINUTE)
    address = untrust(deployment, instance_id)
    assert targets(deployment) == {(address, PORT): "healthy"}
    (registered,) = deployment.happened("target-registered", address)
    (completed,) = deployment.happened("hook-completed", instance_id)
    assert registered.number < completed.number
    assert deployment.invoke("reconcile", "report") == {
        "dry_run": True,
        "events_resent": [],
        "events_not_resent": {},
        "orphans": {},
        "targets": [],
        "removed": [],
        "unfinished": {},
        "postponed": [],
        "too_recent": [],
        "ambiguous": {},
        "licenses_not_returned": [],
        "launches_refused": [],
        "launches_abandoned": [],
        "outdated": {},
        "tagged": [],
        "left_registered": {},
        "license_headroom": None,
        "not_checked": {},
    }


def test_one_reconciliation_repairs_a_scale_out_whose_events_are_lost(
    deployment: Deployment,
) -> None:
    since, entries = deployment.lab.now(), len(deployment.lab.timeline())
    lose_all_events(deployment)
    deployment.group.scale(FLEET)
    deployment.lab.advance(MINUTE)
    deployment.lab.faults.clear()
    waiting = {i for i, state in deployment.group.states().items() if state == "Pending:Wait"}
    assert len(waiting) == FLEET - 1

    deployment.lab.advance(AGE_FLOOR + INTERVAL)
    reports = deployment.reconcile_reports(since)
    resent = [set(report["events_resent"]) for report in reports if report["events_resent"]]
    assert resent == [waiting], "each event once"
    assert deployment.metric("LifecycleEventResent", since, "reconcile") == FLEET - 1

    # They have booted without their interfaces, so each of them is replaced.
    deployment.wait_until_in_service(FLEET)
    assert not waiting & deployment.group.states().keys()
    assert completions(deployment, "launch", entries) == {
        "ABANDON": FLEET - 1,
        "CONTINUE": FLEET - 1,
    }
    assert [e for e in deployment.lab.timeline(entries) if e.kind == "hook-expired"] == []
    assert deployment.lab.leftovers() == left_by(FLEET)
    assert len(targets(deployment)) == FLEET


def test_one_reconciliation_repairs_a_scale_in_whose_events_are_lost(
    deployment: Deployment,
) -> None:
    since, entries = deployment.lab.now(), len(deployment.lab.timeline())
    lose_all_events(deployment)
    deployment.group.scale(1)
    deployment.lab.advance(MINUTE)
    deployment.lab.faults.clear()
    waiting = {i for i, state in deployment.group.states().items() if state == "Terminating:Wait"}
    assert len(waiting) == FLEET - 1
    assert deployment.lab.leftovers() == left_by(FLEET)

    deployment.lab.advance(AGE_FLOOR + INTERVAL)
    reports = deployment.reconcile_reports(since)
    resent = [set(report["events_resent"]) for report in reports if report["events_resent"]]
    assert resent == [waiting], "each event once"

    deployment.wait_until_in_service(1)
    assert completions(deployment, "terminate", entries) == {"CONTINUE": FLEET - 1}
    assert [e for e in deployment.lab.timeline(entries) if e.kind == "hook-expired"] == []
    assert deployment.metric("LicenseReturned", since) == FLEET - 1
    assert deployment.lab.leftovers() == left_by(1)
    assert list(targets(deployment)) == [
        (untrust(deployment, next(iter(deployment.group.states()))), PORT)
    ]


def test_events_moved_back_from_the_dead_letter_queues_are_processed(
    deployment: Deployment,
) -> None:
    """The procedure of docs/operations.md."""
    (stays,) = deployment.group.states()
    deployment.lab.faults.add("events", "DeliverToTarget", code="NO_PERMISSIONS", count=1)
    deployment.group.scale(2)
    deployment.lab.advance(MINUTE)
    (message,) = deployment.dead_letters("launch")
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    deployment.redrive("launch")
    deployment.wait_until_in_service(2)
    assert deployment.dead_letters("launch") == []

    joined = next(iter(deployment.group.states().keys() - {stays}))
    number = deployment.serial(joined)
    deployment.lab.faults.add("events", "DeliverToTarget", code="NO_PERMISSIONS", count=1)
    deployment.group.terminate(joined)
    deployment.lab.advance(MINUTE)
    assert len(deployment.dead_letters("terminate")) == 1
    deployment.redrive("terminate")
    deployment.wait_until_in_service(1)
    assert deployment.dead_letters("terminate") == []
    assert deployment.happened("license-returned", number) != []
    # Once each: the reconcile function has resent no event.
    assert [e.detail["hook"] for e in deployment.happened("hook-completed", joined)] == [
        "launch",
        "terminate",
    ]
    assert deployment.lab.leftovers() == left_by(1)


def test_resources_of_firewalls_that_ended_without_a_hook_are_removed(
    deployment: Deployment,
) -> None:
    """One is terminated in EC2, one is detached and terminated, the others go with their group."""
    deployment.group.scale(3)
    deployment.wait_until_in_service(3)
    # The one that is detached is in the zone with two, so that the group is not rebalanced.
    zones = {i: m["Placement"]["AvailabilityZone"] for i, m in deployment.instances().items()}
    alone = min(zones, key=lambda i: list(zones.values()).count(zones[i]))
    detached, other = sorted(zones.keys() - {alone})
    by_hand, last = alone, other
    serials = {i: deployment.serial(i) for i in (by_hand, detached, last)}
    addresses = {i: untrust(deployment, i) for i in serials}
    ec2, autoscaling = deployment.lab.aws.client("ec2"), deployment.lab.aws.client("autoscaling")
    since = deployment.lab.now()

    autoscaling.detach_instances(
        AutoScalingGroupName=deployment.name,
        InstanceIds=[detached],
        ShouldDecrementDesiredCapacity=True,
    )
    deployment.lab.advance(AGE_FLOOR + INTERVAL)
    assert deployment.lab.leftovers() == left_by(3), (
        "a detached firewall that still runs is not touched"
    )
    ec2.terminate_instances(InstanceIds=[detached])
    ec2.terminate_instances(InstanceIds=[by_hand])
    # Auto Scaling starts the hook for every terminated member; here, its event is lost.
    lose_all_events(deployment)
    deployment.lab.advance(5 * MINUTE)
    deployment.lab.faults.clear()
    report = deployment.invoke("reconcile", "report")
    assert (report["too_recent"], report["orphans"], report["ambiguous"]) == ([detached], {}, {})
    deployment.lab.advance(AGE_FLOOR + 2 * INTERVAL)
    assert {by_hand, detached}.isdisjoint(deployment.group.states())

    # Auto Scaling has replaced the firewall that was terminated in EC2.
    deployment.wait_until_in_service(2)
    (replacement,) = deployment.group.states().keys() - {last}
    serials[replacement] = deployment.serial(replacement)
    addresses[replacement] = untrust(deployment, replacement)
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName=deployment.name, ForceDelete=True)
    deployment.lab.advance(AGE_FLOOR + 2 * INTERVAL)
    assert not autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]

    leftovers = deployment.lab.leftovers()
    assert (leftovers.interfaces, leftovers.addresses, leftovers.panorama_entries) == (0, 0, 0)
    deployment.lab.advance(5 * MINUTE)
    assert targets(deployment) == {}
    swept = {
        address for address in addresses.values() if deployment.happened("target-drained", address)
    }
    assert swept == set(addresses.values())
    # These licenses could not be returned, and a function has reported each of them.
    lines = [*deployment.log(since, "reconcile"), *deployment.log(since)]
    portal = "Customer Support Portal"
    lost = {line["serial"] for line in lines if portal in line.get("message", "")}
    assert lost == set(serials.values())
    assert leftovers.licenses == len(lost)
