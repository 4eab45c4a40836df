"""Rows L1 to L17 of docs/proofs/failure-modes.md that no other test covers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from component.fakes.aws import TARGET_PORT, VISIBILITY_TIMEOUT
from component.fakes.driver import MINUTE, SETTINGS, Fleet, configure
from failure_modes.rows import (
    crash_first_visit,
    finish_termination,
    launch_into_service,
    reconcile_all,
    refuse,
    visit_until,
)

from vmseries_autoscale.errors import SettingsError
from vmseries_autoscale.settings import LaunchSettings, parse


def assert_attached_once(fleet: Fleet, instance_id: str) -> None:
    """Assert that exactly three interfaces and two addresses exist, with their settings."""
    data, management, untrust = fleet.aws.attached(instance_id)
    assert [item.subnet for item in (data, management, untrust)] == [
        "data",
        "management",
        "untrust",
    ]
    own = {management.interface_id, untrust.interface_id}
    assert {address.interface_id for address in fleet.aws.allocated.values()} == own
    assert len(fleet.aws.made_for(instance_id)) == 4
    checks = [item.source_dest_check for item in (data, management, untrust)]
    assert checks == [False, True, False]
    for interface in (management, untrust):
        assert interface.attachment is not None
        assert interface.attachment.delete_on_termination


def assert_abandoned_without_trace(fleet: Fleet, instance_id: str) -> None:
    visit_until(fleet, "launch", lambda: not fleet.aws.in_state("Pending:Wait"))
    assert fleet.aws.members[instance_id].state == "Terminating:Wait"
    finish_termination(fleet, instance_id)
    assert fleet.remaining(instance_id) == []


@pytest.mark.documents(id="failure-modes/L1")
def test_l1_a_launch_in_a_full_subnet_is_abandoned(fleet: Fleet) -> None:
    refuse(fleet, "CreateNetworkInterface", "InsufficientFreeAddressesInSubnet", times=1000)
    instance_id = fleet.launch()
    fleet.visit("launch")
    assert fleet.aws.in_state("Pending:Wait") == [instance_id], "an address may become free"
    assert_abandoned_without_trace(fleet, instance_id)


@pytest.mark.documents(id="failure-modes/L2")
@pytest.mark.parametrize("code", ["AttachmentLimitExceeded", "UnsupportedOperation"])
def test_l2_a_permanently_refused_attachment_is_undone(fleet: Fleet, code: str) -> None:
    refuse(fleet, "AttachNetworkInterface", code, times=1000)
    assert_abandoned_without_trace(fleet, fleet.launch())


@pytest.mark.documents(id="failure-modes/L2")
def test_l2_an_attachment_that_fails_once_is_retried(fleet: Fleet) -> None:
    refuse(fleet, "AttachNetworkInterface", "InternalError")
    assert_attached_once(fleet, launch_into_service(fleet))


@pytest.mark.documents(id="failure-modes/L3")
@pytest.mark.parametrize("operation", ["AttachNetworkInterface", "ModifyNetworkInterfaceAttribute"])
def test_l3_a_visit_reuses_what_an_interrupted_visit_created(
    simulated: None, operation: str
) -> None:
    fleet, instance_id = crash_first_visit(operation)
    visit_until(fleet, "launch", lambda: len(fleet.aws.made_for(instance_id)) == 4)
    fleet.pass_time(VISIBILITY_TIMEOUT)
    fleet.visit("launch")
    assert_attached_once(fleet, instance_id)
    assert fleet.aws.operations()["CreateNetworkInterface"] == 2


@pytest.mark.documents(id="failure-modes/L4")
@pytest.mark.parametrize("groups", [None, "sg-0"])
def test_l4_settings_without_security_groups_are_rejected(groups: Any) -> None:
    settings = json.loads(json.dumps(SETTINGS[LaunchSettings]))
    settings["interfaces"]["untrust"]["security_group_ids"] = groups
    with pytest.raises(SettingsError, match=r"interfaces\.untrust\.security_group_ids"):
        parse(LaunchSettings, json.dumps(settings))


@pytest.mark.documents(id="failure-modes/L6")
def test_l6_a_launch_succeeds_after_the_address_quota_is_raised(fleet: Fleet) -> None:
    refuse(fleet, "AllocateAddress", "AddressLimitExceeded", times=2)
    assert_attached_once(fleet, launch_into_service(fleet))


@pytest.mark.documents(id="failure-modes/L7")
def test_l7_an_address_that_cannot_be_associated_is_found_by_its_tags(fleet: Fleet) -> None:
    refuse(fleet, "AssociateAddress", "InternalError", times=2)
    instance_id = fleet.launch()
    fleet.visit("launch")
    assert len(fleet.aws.allocated) == 2
    assert not any(address.association_id for address in fleet.aws.allocated.values())
    refuse(fleet, "AssociateAddress", "UnsupportedOperation", times=1000)
    visit_until(fleet, "launch", lambda: not fleet.aws.in_state("Pending:Wait"))
    assert fleet.aws.allocated == {}
    finish_termination(fleet, instance_id)


@pytest.mark.documents(id="failure-modes/L8")
@pytest.mark.documents(id="failure-modes/L9")
@pytest.mark.parametrize(
    "operation", ["CreateNetworkInterface", "AllocateAddress", "AttachNetworkInterface"]
)
def test_l8_l9_resources_left_by_a_crash_are_found_and_removed(
    simulated: None, operation: str
) -> None:
    fleet, instance_id = crash_first_visit(operation)
    assert fleet.remaining(instance_id), "resources were created"
    fleet.aws.kill(instance_id)
    fleet.aws.lose_from_group(instance_id)
    fleet.aws.queues["launch"].clear()
    assert fleet.remaining(instance_id), "EC2 keeps interfaces without DeleteOnTermination"
    reconcile_all(fleet)
    assert fleet.remaining(instance_id) == []


@pytest.mark.documents(id="failure-modes/L10")
def test_l10_a_second_event_changes_nothing(fleet: Fleet) -> None:
    instance_id = fleet.launch(mail=2)
    fleet.visit("launch")
    assert_attached_once(fleet, instance_id)
    fleet.aws.calls.clear()
    fleet.pass_time(MINUTE)
    fleet.visit("launch")
    operations = [call.operation for call in fleet.aws.calls]
    reading = ("Describe", "BatchGet", "Record")
    changing = [name for name in operations if not name.startswith(reading)]
    # The record of a new firewall is written once, whatever the number of events.
    assert changing == [
        "ChangeMessageVisibilityBatch",
        "PutItem",
        *["ChangeMessageVisibility"] * 2,
    ]
    # Interfaces are identified by device index: this account lists the primary one last.
    assert_attached_once(fleet, instance_id)


@pytest.mark.documents(id="failure-modes/L11")
def test_l11_a_failed_registration_keeps_the_firewall_out_of_service(fleet: Fleet) -> None:
    refuse(fleet, "RegisterTargets", "TooManyTargets", times=3)
    instance_id = launch_into_service(fleet)
    assert fleet.aws.errors["RegisterTargets"] == []
    assert [port for _, port in fleet.aws.targets] == [TARGET_PORT]
    assert_attached_once(fleet, instance_id)


@pytest.mark.documents(id="failure-modes/L12")
def test_l12_the_untrust_interface_may_be_at_any_index(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = json.loads(json.dumps(SETTINGS[LaunchSettings]))
    settings["interfaces"]["management"]["device_index"] = 2
    settings["interfaces"]["untrust"]["device_index"] = 1
    configure(monkeypatch, {LaunchSettings: settings})
    instance_id = launch_into_service(fleet)
    _, untrust, _ = fleet.aws.attached(instance_id)
    assert untrust.subnet == "untrust"
    assert list(fleet.aws.targets) == [(untrust.private_ip, TARGET_PORT)]
