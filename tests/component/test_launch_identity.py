"""A launch whose firewall is not identified with certainty changes no firewall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from component.fakes.base import NAME, client_error
from component.fakes.cloud import Cloud, in_service_at
from component.fakes.functions import configure
from component.fakes.logs import Logs, reasons
from component.fakes.panorama import FakePanorama
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama import Device

UNNAMED = "PA-VM"
OTHER = "i-0fedcba9876543210"


@pytest.fixture
def event(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The event of an instance with its interfaces; a push would be requested."""
    settings = launching.launch_settings()
    settings["panorama"]["push_when_out_of_sync"] = True
    configure(monkeypatch, settings)
    event = launching.event(Transition.LAUNCHING)
    launching.deliver(event)
    return event


def shown_as(cloud: Cloud, serial: str, **changes: Any) -> Device:
    """The instance's firewall as Panorama shows it: out of sync, with another host name."""
    address = cloud.attached()[1]["PrivateIpAddress"]
    device = in_service_at(UNNAMED, serial)
    return replace(device, ip_address=address, policy_status="Out of Sync", **changes)


UNIDENTIFIED: dict[str, Callable[[Cloud], list[Device]]] = {
    "a reused address": lambda cloud: [shown_as(cloud, "S1", hostname=OTHER)],
    "an old entry": lambda cloud: [shown_as(cloud, "S1", connected=False)],
    "another deployment's, overlapping VPCs": lambda cloud: [
        shown_as(cloud, "S1", template_status=None)
    ],
    "ours and another's, overlapping VPCs": lambda cloud: [
        shown_as(cloud, "S1"),
        shown_as(cloud, "S2"),
    ],
    "behind NAT": lambda cloud: [replace(shown_as(cloud, "S1"), ip_address="203.0.113.9")],
    "two of one name": lambda cloud: [
        in_service_at(cloud.instance_id, "S1"),
        in_service_at(cloud.instance_id, "S2"),
    ],
    "never registered": lambda cloud: [],
}


@pytest.mark.documents(id="readiness/identity/never-registered")
@pytest.mark.documents(id="readiness/identity/overlapping")
@pytest.mark.documents(id="readiness/identity/reused-address")
@pytest.mark.documents(id="readiness/identity/same-name")
@pytest.mark.parametrize("situation", UNIDENTIFIED)
def test_an_unidentified_firewall_is_not_changed_and_the_launch_waits(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any], situation: str
) -> None:
    for device in UNIDENTIFIED[situation](launching):
        fake_panorama.register(device)
    assert launching.deliver(event) == ["message-0"]
    assert set(fake_panorama.calls) <= {"members", "system_info"}
    assert not [key for key in launching.tags() if "serial" in key]
    assert launching.account.record(launching.instance_id).serial is None
    assert launching.completed == []


@pytest.mark.documents(id="readiness/identity/reused-address")
def test_a_firewall_that_another_record_names_is_not_matched(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any], logs: Logs
) -> None:
    """Its instance is gone, this instance has its address, and Panorama has not noticed."""
    old = launching.add_instance()
    tag = {"Key": "vmseries-autoscale:deployment", "Value": NAME}
    launching.ec2.create_tags(Resources=[old], Tags=[tag])
    launching.account.put_record(old, serial="S1")
    launching.ec2.terminate_instances(InstanceIds=[old])
    fake_panorama.register(shown_as(launching, "S1"))
    logs()
    assert launching.deliver(event) == ["message-0"]
    assert fake_panorama.calls == ["members"]
    assert "lists no firewall with this host name or management address" in reasons(logs())[-1]
    assert not [key for key in launching.tags() if "serial" in key]


def test_a_unique_management_address_identifies_the_firewall(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any]
) -> None:
    fake_panorama.register(replace(shown_as(launching, "S1"), policy_status="In Sync"))
    assert launching.deliver(event) == []
    assert launching.account.record(launching.instance_id).evidence == {"management-ip"}


@pytest.mark.documents(id="readiness/identity/nat")
@pytest.mark.documents(id="readiness/identity/overlapping")
def test_the_mac_address_identifies_a_firewall_at_another_address(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any]
) -> None:
    shown = replace(
        shown_as(launching, "S1"),
        policy_status="In Sync",
        ip_address="203.0.113.9",
        hostname="PA-VM",
    )
    fake_panorama.register(shown)
    fake_panorama.register(replace(shown, serial="S2"))
    management = launching.account.attached(launching.instance_id)[1]
    fake_panorama.infos["S1"] = SystemInfo("S1", mac=management.mac)
    assert launching.deliver(event) == []
    record = launching.account.record(launching.instance_id)
    assert (record.serial, record.evidence) == ("S1", {"mac"})
    assert management.mac in record.macs


@pytest.mark.parametrize("missing", ["policy_status", "template_status"])
def test_a_launch_in_the_wrong_group_fails_at_once_with_both_names(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any], missing: str
) -> None:
    group = {"device_group": "autoscale", "template_stack": "autoscale-stack"}
    shown = replace(shown_as(launching, "S1"), hostname=launching.instance_id, **group)
    wrong = {"policy_status": "In Sync", "template_status": "In Sync", missing: None}
    fake_panorama.register(replace(shown, **wrong))
    assert launching.deliver(event) == []
    assert launching.results == ["ABANDON"]
    reason = launching.tags()["vmseries-autoscale:abandoned"]
    assert "WrongGroupError" in reason
    group, stack = (
        ("device group autoscale instead of DG; see dgname" in reason),
        ("template stack autoscale-stack instead of TS; see tplname" in reason),
    )
    assert (group, stack) == (missing == "policy_status", missing == "template_status")


@pytest.mark.parametrize("operation", ["BatchGetItem", "PutItem"])
def test_a_launch_waits_while_the_table_is_unreachable(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any], logs: Logs, operation: str
) -> None:
    fake_panorama.register(replace(shown_as(launching, "S1"), policy_status="In Sync"))
    failures = [client_error("InternalServerError", operation)] * 2
    launching.account.errors[operation] = failures
    assert launching.deliver(event) == ["message-0"]
    assert launching.completed == []
    assert "could not" in reasons(logs())[-1]
    failures.clear()
    assert launching.deliver(event) == []
    assert launching.results == ["CONTINUE"]


@pytest.mark.documents(id="readiness/identity/shared-group")
def test_b4_firewalls_of_other_deployments_in_the_group_are_asked_once(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any]
) -> None:
    """Behind NAT, only a firewall itself can say which instance it runs on."""
    shown = replace(shown_as(launching, "X"), policy_status="In Sync", ip_address="203.0.113.9")
    for number in range(25):
        serial = f"{number:03}"
        fake_panorama.register(replace(shown, serial=serial))
        fake_panorama.infos[serial] = SystemInfo(serial, mac=f"0a:00:00:00:00:{number:02x}")
    asked = []
    for _ in range(5):
        fake_panorama.calls.clear()
        assert launching.deliver(event) == ["message-0"]
        asked.append(fake_panorama.calls.count("system_info"))
    assert asked == [10, 10, 5, 0, 0]
    assert len(launching.account.record(launching.instance_id).strangers) == 25

    management = launching.account.attached(launching.instance_id)[1]
    fake_panorama.register(replace(shown, serial="999"))
    fake_panorama.infos["999"] = SystemInfo("999", mac=management.mac)
    fake_panorama.calls.clear()
    assert launching.deliver(event) == []
    assert fake_panorama.calls.count("system_info") == 1
    record = launching.account.record(launching.instance_id)
    assert (record.serial, record.strangers) == ("999", frozenset())


def test_b4_a_firewall_that_does_not_answer_is_asked_again(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any]
) -> None:
    shown = replace(shown_as(launching, "S1"), ip_address="203.0.113.9")
    fake_panorama.register(shown)
    fake_panorama.infos["S1"] = SystemInfo("S1")
    for _ in range(2):
        fake_panorama.calls.clear()
        launching.deliver(event)
        assert "system_info" in fake_panorama.calls
