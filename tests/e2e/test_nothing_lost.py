"""Whatever goes wrong on the way of an event or of a firewall, nothing is left of it in the end.

One group of firewalls, each with a public address and in a target group of type ip; each test has
something else go wrong, and sees that it is put right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from e2e.fleet import MINUTE, Fleet

from vmseries_lab.client import Lab, Leftovers
from vmseries_scenarios import deployment

pytestmark = pytest.mark.apply(seconds=150)

FLEET = 21
AGE_FLOOR = 25 * MINUTE
INTERVAL = 15 * MINUTE
PORT = 8443


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One firewall in service, and a load balancer for the target group of type ip."""
    with Lab() as lab:
        workspace = deployment.copy(
            lab,
            "tests/fixtures/minimal",
            tmp_path_factory.mktemp("lost") / "copy",
            capacity={"min": 1, "max": FLEET},
            two_arm=True,
            # A launch takes as long as ever, but is looked at less often.
            deadlines={"visit_interval_seconds": 300},
        )
        lab.pace(60)
        workspace.apply()
        lab.pace(0)
        fleet = Fleet(lab, workspace, workspace.output())
        expose(fleet)
        fleet.until_in_service(1)
        yield fleet
        assert lab.errors() == []


def expose(fleet: Fleet) -> None:
    """Put a Network Load Balancer in front; from Terraform it would take a minute."""
    elbv2 = fleet.lab.aws.client("elbv2")
    (balancer,) = elbv2.create_load_balancer(
        Name="service", Type="network", Subnets=fleet.outputs["service"]["subnet_ids"]
    )["LoadBalancers"]
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TCP",
        Port=443,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": service(fleet)}],
    )


def service(fleet: Fleet) -> str:
    (arn,) = fleet.outputs["service"]["target_group_arns"]
    return str(arn)


def targets(fleet: Fleet) -> dict[tuple[str, int], str]:
    """State by address and port."""
    answer = fleet.lab.aws.client("elbv2").describe_target_health(TargetGroupArn=service(fleet))
    return {
        (one["Target"]["Id"], one["Target"]["Port"]): one["TargetHealth"]["State"]
        for one in answer["TargetHealthDescriptions"]
    }


def untrust(fleet: Fleet, instance_id: str) -> str:
    """The address of its untrust interface."""
    (address,) = [
        nic["PrivateIpAddress"]
        for nic in fleet.instance(instance_id)["NetworkInterfaces"]
        if nic["Attachment"]["DeviceIndex"] == 2
    ]
    return str(address)


def lose_all_events(fleet: Fleet) -> None:
    fleet.lab.faults.add("events", "Deliver", kind="drop", count=None)


def left_by(firewalls: int, licenses_lost: int = 0) -> Leftovers:
    """What there is of so many firewalls in service."""
    return Leftovers(
        interfaces=3 * firewalls,
        addresses=firewalls,
        licenses=firewalls + licenses_lost,
        panorama_entries=4 * firewalls,
    )


def completions(fleet: Fleet, hook: str, since: int) -> Counter[str]:
    """How hooks were completed."""
    return Counter(
        entry.detail["result"]
        for entry in fleet.lab.timeline(since)
        if entry.kind == "hook-completed" and entry.detail["hook"] == hook
    )


def test_a_firewall_gets_traffic_at_its_address_and_port_when_it_is_ready(fleet: Fleet) -> None:
    (instance_id,) = fleet.states()
    fleet.lab.advance(3 * MINUTE)
    address = untrust(fleet, instance_id)
    assert targets(fleet) == {(address, PORT): "healthy"}
    (registered,) = fleet.happened("target-registered", address)
    (completed,) = fleet.happened("hook-completed", instance_id)
    assert registered.number < completed.number
    assert fleet.reconcile("report") == {
        "dry_run": True,
        "written_anew": [],
        "leftovers": {},
        "targets": [],
        "removed": [],
        "unfinished": {},
        "postponed": [],
        "young": [],
        "doubtful": {},
        "licenses_lost": [],
    }


def test_a_scale_out_whose_events_are_all_lost_is_put_right_by_one_pass(fleet: Fleet) -> None:
    since, entries = fleet.lab.now(), len(fleet.lab.timeline())
    lose_all_events(fleet)
    fleet.desire(FLEET)
    fleet.lab.advance(MINUTE)
    fleet.lab.faults.clear()
    waiting = {i for i, state in fleet.states().items() if state == "Pending:Wait"}
    assert len(waiting) == FLEET - 1

    fleet.lab.advance(AGE_FLOOR + INTERVAL)
    reports = [line["report"] for line in fleet.log(since, "reconcile") if "report" in line]
    written = [set(report["written_anew"]) for report in reports if report["written_anew"]]
    assert written == [waiting], "each once"
    assert fleet.metric("LifecycleEventResent", since, "reconcile") == FLEET - 1

    # They have booted without their interfaces, so that each is replaced.
    fleet.until_in_service(FLEET)
    assert not waiting & fleet.states().keys()
    assert completions(fleet, "launch", entries) == {"ABANDON": FLEET - 1, "CONTINUE": FLEET - 1}
    assert [e for e in fleet.lab.timeline(entries) if e.kind == "hook-expired"] == []
    assert fleet.lab.leftovers() == left_by(FLEET)
    assert len(targets(fleet)) == FLEET


def test_a_scale_in_whose_events_are_all_lost_is_put_right_by_one_pass(fleet: Fleet) -> None:
    since, entries = fleet.lab.now(), len(fleet.lab.timeline())
    lose_all_events(fleet)
    fleet.desire(1)
    fleet.lab.advance(MINUTE)
    fleet.lab.faults.clear()
    waiting = {i for i, state in fleet.states().items() if state == "Terminating:Wait"}
    assert len(waiting) == FLEET - 1
    assert fleet.lab.leftovers() == left_by(FLEET)

    fleet.lab.advance(AGE_FLOOR + INTERVAL)
    reports = [line["report"] for line in fleet.log(since, "reconcile") if "report" in line]
    written = [set(report["written_anew"]) for report in reports if report["written_anew"]]
    assert written == [waiting], "each once"

    fleet.until_in_service(1)
    assert completions(fleet, "terminate", entries) == {"CONTINUE": FLEET - 1}
    assert [e for e in fleet.lab.timeline(entries) if e.kind == "hook-expired"] == []
    assert fleet.metric("LicenseReturned", since) == FLEET - 1
    assert fleet.lab.leftovers() == left_by(1)
    assert list(targets(fleet)) == [(untrust(fleet, next(iter(fleet.states()))), PORT)]


def test_undelivered_events_are_moved_from_the_dead_letter_queues_to_success(fleet: Fleet) -> None:
    """What docs/operations.md says to do."""
    (stays,) = fleet.states()
    fleet.lab.faults.add("events", "DeliverToTarget", code="NO_PERMISSIONS", count=1)
    fleet.desire(2)
    fleet.lab.advance(MINUTE)
    (letter,) = fleet.dead_letters("launch")
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    fleet.redrive("launch")
    fleet.until_in_service(2)
    assert fleet.dead_letters("launch") == []

    joined = next(iter(fleet.states().keys() - {stays}))
    number = fleet.serial(joined)
    fleet.lab.faults.add("events", "DeliverToTarget", code="NO_PERMISSIONS", count=1)
    fleet.lab.aws.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=joined, ShouldDecrementDesiredCapacity=True
    )
    fleet.lab.advance(MINUTE)
    assert len(fleet.dead_letters("terminate")) == 1
    fleet.redrive("terminate")
    fleet.until_in_service(1)
    assert fleet.dead_letters("terminate") == []
    assert fleet.happened("license-returned", number) != []
    # Once each, so that neither came through the reconcile function.
    assert [e.detail["hook"] for e in fleet.happened("hook-completed", joined)] == [
        "launch",
        "terminate",
    ]
    assert fleet.lab.leftovers() == left_by(1)


def test_firewalls_that_end_without_their_hook_are_swept(fleet: Fleet) -> None:
    """One by hand, one detached and then terminated, the others with their group."""
    fleet.desire(3)
    fleet.until_in_service(3)
    by_hand, detached, last = fleet.states()
    serials = {one: fleet.serial(one) for one in (by_hand, detached, last)}
    addresses = {one: untrust(fleet, one) for one in serials}
    ec2, autoscaling = fleet.lab.aws.client("ec2"), fleet.lab.aws.client("autoscaling")
    since = fleet.lab.now()

    autoscaling.detach_instances(
        AutoScalingGroupName=fleet.name, InstanceIds=[detached], ShouldDecrementDesiredCapacity=True
    )
    fleet.lab.advance(AGE_FLOOR + INTERVAL)
    assert fleet.lab.leftovers() == left_by(3), "a detached firewall that lives is left alone"
    ec2.terminate_instances(InstanceIds=[detached])
    ec2.terminate_instances(InstanceIds=[by_hand])
    # Auto Scaling does with the hook what it does for every member that ends; here that is lost.
    lose_all_events(fleet)
    fleet.lab.advance(5 * MINUTE)
    fleet.lab.faults.clear()
    report = fleet.reconcile("report")
    assert (report["young"], report["leftovers"], report["doubtful"]) == ([detached], {}, {})
    fleet.lab.advance(AGE_FLOOR + 2 * INTERVAL)
    assert {by_hand, detached}.isdisjoint(fleet.states())

    # Auto Scaling has replaced the one that was terminated by hand.
    fleet.until_in_service(2)
    (replacement,) = fleet.states().keys() - {last}
    serials[replacement] = fleet.serial(replacement)
    addresses[replacement] = untrust(fleet, replacement)
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName=fleet.name, ForceDelete=True)
    fleet.lab.advance(AGE_FLOOR + 2 * INTERVAL)
    assert not autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]

    left = fleet.lab.leftovers()
    assert (left.interfaces, left.addresses, left.panorama_entries) == (0, 0, 0)
    fleet.lab.advance(5 * MINUTE)
    assert targets(fleet) == {}
    swept = {address for address in addresses.values() if fleet.happened("target-drained", address)}
    assert swept == set(addresses.values())
    # Nobody could return these licenses: each is told, by whom it was noticed.
    lines = [*fleet.log(since, "reconcile"), *fleet.log(since)]
    portal = "Customer Support Portal"
    lost = {line["serial"] for line in lines if portal in line.get("message", "")}
    assert lost == set(serials.values())
    assert left.licenses == len(lost)
