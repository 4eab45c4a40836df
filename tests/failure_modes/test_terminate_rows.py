"""Rows T1 to T11 of docs/proofs/failure-modes.md that no other test covers."""

from __future__ import annotations

from typing import Any

import pytest
from component.fakes.aws import TARGET_PORT
from component.fakes.driver import MINUTE, Fleet
from failure_modes.rows import FLOOR, finish_termination, launch_into_service, reconcile_all, refuse

from vmseries_autoscale.panorama import Part


@pytest.mark.documents(id="failure-modes/T2")
@pytest.mark.parametrize("operation", ["DisassociateAddress", "ReleaseAddress"])
def test_t2_an_address_that_was_not_released_is_released_later(
    fleet: Fleet, operation: str
) -> None:
    instance_id = launch_into_service(fleet)
    fleet.scale_in(instance_id)
    refuse(fleet, operation, "InternalError", times=2)
    finish_termination(fleet, instance_id)
    assert fleet.aws.errors[operation] == []
    assert fleet.aws.allocated == {}


@pytest.mark.documents(id="failure-modes/T3")
def test_t3_a_public_address_that_the_subnet_assigned_is_left_alone(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance_id = launch_into_service(fleet)
    describe = fleet.aws.describe_instances

    def describe_with_amazon_address(parameters: dict[str, Any]) -> Any:
        answer = describe(parameters)
        for reservation in answer["Reservations"]:
            for item in reservation["Instances"][0]["NetworkInterfaces"]:
                if item["Attachment"]["DeviceIndex"] == 0:
                    item["Association"] = {"IpOwnerId": "amazon", "PublicIp": "198.51.100.7"}
        return answer

    monkeypatch.setattr(fleet.aws, "describe_instances", describe_with_amazon_address)
    fleet.scale_in(instance_id)
    finish_termination(fleet, instance_id)
    assert fleet.remaining(instance_id) == []


@pytest.mark.documents(id="failure-modes/T5")
@pytest.mark.parametrize("hook", [True, False], ids=["with its hook", "without its hook"])
def test_t5_resources_of_a_firewall_that_died_are_removed(fleet: Fleet, hook: bool) -> None:
    instance_id, other = launch_into_service(fleet), launch_into_service(fleet)
    fleet.aws.kill(instance_id)
    fleet.notice(instance_id, 1, hook=hook)
    if hook:
        finish_termination(fleet, instance_id)
    reconcile_all(fleet)
    assert fleet.remaining(instance_id) == []
    assert len(fleet.remaining(other)) == 4 + 2 * len(Part)
    assert len(fleet.aws.targets) == 1
    assert fleet.panorama.licensed[fleet.serials[instance_id]] == []
    assert fleet.reported == set(), "Panorama returns the license without the firewall"


@pytest.mark.documents(id="failure-modes/T6")
def test_t6_a_firewall_passes_traffic_until_load_balancers_have_drained_it(fleet: Fleet) -> None:
    instance_id = launch_into_service(fleet)
    before = fleet.remaining(instance_id)
    fleet.scale_in(instance_id)
    for _ in range(3):  # While the target drains.
        fleet.visit("terminate")
        assert list(fleet.aws.targets.values()) == ["draining"], "it gets no new flows"
        assert fleet.panorama.licensed[fleet.serials[instance_id]]
        assert fleet.remaining(instance_id) == before
        assert len(fleet.aws.attached(instance_id)) == 3
        fleet.pass_time(MINUTE)
    finish_termination(fleet, instance_id)
    assert not fleet.panorama.licensed[fleet.serials[instance_id]]
    assert fleet.remaining(instance_id) == []


@pytest.mark.documents(id="failure-modes/T7")
def test_t7_a_target_is_deregistered_with_its_port(fleet: Fleet) -> None:
    instance_id = launch_into_service(fleet)
    ((address, port),) = fleet.aws.targets
    assert port == TARGET_PORT
    # A target that only shares the address.
    fleet.aws.targets[address, TARGET_PORT + 1] = "healthy"
    fleet.scale_in(instance_id)
    finish_termination(fleet, instance_id)
    assert list(fleet.aws.targets) == [(address, TARGET_PORT + 1)]


@pytest.mark.documents(id="failure-modes/T9")
def test_t9_a_duplicate_event_changes_nothing(fleet: Fleet) -> None:
    instance_id = launch_into_service(fleet)
    fleet.scale_in(instance_id)
    (message,) = fleet.aws.queues["terminate"]
    finish_termination(fleet, instance_id)
    fleet.aws.put("terminate", message.body)
    fleet.aws.calls.clear()
    fleet.visit("terminate")
    assert fleet.aws.queues["terminate"] == []
    reading = ("Describe", "BatchGet")
    changing = [name for name in fleet.aws.operations() if not name.startswith(reading)]
    assert changing == ["ChangeMessageVisibilityBatch", "RecordLifecycleActionHeartbeat"]
    assert fleet.panorama.calls.count("batch_deactivate") == 1
    assert len(fleet.panorama.jobs) == 2, "the license, and the commit"


@pytest.mark.documents(id="failure-modes/T11")
def test_t11_a_lost_terminate_event_is_resent(fleet: Fleet) -> None:
    instance_id = launch_into_service(fleet)
    fleet.scale_in(instance_id, mail=0)
    fleet.pass_time(FLOOR)
    fleet.reconcile()
    finish_termination(fleet, instance_id)
    assert fleet.remaining(instance_id) == []
    assert fleet.reported == set()


@pytest.mark.documents(id="failure-modes/T11")
def test_t11_after_a_lost_launch_event_the_instance_is_replaced(fleet: Fleet) -> None:
    # The firewall has booted without its interfaces, and looks for them only once.
    instance_id = fleet.launch(mail=0)
    fleet.pass_time(FLOOR)
    fleet.reconcile()
    fleet.visit("launch")
    assert fleet.aws.members[instance_id].state == "Terminating:Wait"
    finish_termination(fleet, instance_id)
    assert fleet.remaining(instance_id) == []
