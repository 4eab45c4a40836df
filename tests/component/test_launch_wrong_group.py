"""A firewall that registers in groups that are not ours (B4): its launch, and its termination."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from component.fakes.cloud import Cloud, in_service_at
from component.fakes.functions import become_reconcile, become_terminate
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import FakePanorama
from component.fakes.steps import FLOOR, record_activity, run, termination_event
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama import Part

SERIAL = "007951000055555"
GROUPS = {Part.DEVICE_GROUP: "second", Part.TEMPLATE_STACK: "second-stack"}


@pytest.fixture
def event(launching: Cloud, fake_panorama: FakePanorama) -> dict[str, Any]:
    """The event of an instance with its interfaces."""
    fake_panorama.no_key = False
    event = launching.event(Transition.LAUNCHING)
    launching.deliver(event)
    return event


def register_elsewhere(
    cloud: Cloud,
    panorama: FakePanorama,
    *,
    says_it_is_ours: bool = True,
    groups: dict[Part, str] = GROUPS,
    **changes: Any,
) -> None:
    """Register the instance's firewall in groups of others."""
    management = cloud.account.attached(cloud.instance_id)[1]
    device = in_service_at("PA-VM", SERIAL)
    address = str(cloud.attached()[1]["PrivateIpAddress"])
    shown = replace(device, ip_address=address, policy_status=None, template_status=None)
    panorama.register(replace(shown, **changes))
    panorama.elsewhere |= {(part, SERIAL): name for part, name in groups.items()}
    for part in Part:
        if part is not Part.MANAGED_DEVICES and part not in groups:
            panorama.named[part].discard(SERIAL)
            panorama.committed[part].discard(SERIAL)
    mac = management.mac if says_it_is_ours else ""
    panorama.infos[SERIAL] = SystemInfo(SERIAL, mac=mac)


def wait(cloud: Cloud, minutes: float) -> None:
    cloud.account.now += timedelta(minutes=minutes)


@pytest.mark.documents(id="readiness/identity/wrong-group")
def test_b4_a_launch_in_neither_group_fails_with_all_names_once_it_had_time_to_register(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any]
) -> None:
    register_elsewhere(launching, fake_panorama)
    wait(launching, 9)
    fake_panorama.calls.clear()
    assert launching.deliver(event) == ["message-0"]
    assert fake_panorama.calls == ["members"]
    wait(launching, 1)
    fake_panorama.calls.clear()
    assert launching.deliver(event) == []
    assert fake_panorama.calls == ["members", "devices", "system_info", "groups_of"]
    assert launching.results == ["ABANDON"]
    reason = launching.tags()["vmseries-autoscale:abandoned"]
    assert "WrongGroupError" in reason
    assert "device group second instead of DG" in reason
    assert "template stack second-stack instead of TS" in reason
    assert "see dgname and tplname in its bootstrap configuration" in reason


@pytest.mark.documents(id="readiness/identity/wrong-group")
@pytest.mark.parametrize(
    "changes",
    [
        {"says_it_is_ours": False},
        {"says_it_is_ours": False, "hostname": "i-00000001"},
        {"connected": False},
        {"connected": False, "hostname": "i-00000001"},
        {"groups": {}},
    ],
)
def test_b4_a_weak_signal_ends_no_launch(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Others choose host names, and other VPCs have the same addresses."""
    assert launching.instance_id == "i-00000001"
    register_elsewhere(launching, fake_panorama, **changes)
    wait(launching, 10)
    fake_panorama.calls.clear()
    assert launching.deliver(event) == ["message-0"]
    assert "devices" in fake_panorama.calls
    assert launching.completed == []
    assert launching.account.record(launching.instance_id).serial is None


@pytest.mark.documents(id="readiness/identity/wrong-group")
def test_b4_the_firewalls_of_all_groups_are_listed_three_times_for_a_launch(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any]
) -> None:
    listed = []
    for minute in range(1, 45):
        wait(launching, 1)
        fake_panorama.calls.clear()
        assert launching.deliver(event) == ["message-0"]
        if "devices" in fake_panorama.calls:
            listed.append(minute)
    assert listed == [10, 20, 40]


@pytest.mark.documents(id="readiness/identity/wrong-group")
@pytest.mark.parametrize("drops_off", [False, True])
def test_b4_the_termination_returns_the_license_and_removes_the_firewall_from_its_groups(
    launching: Cloud,
    fake_panorama: FakePanorama,
    event: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    *,
    drops_off: bool,
) -> None:
    """What a firewall does once its license is deactivated is not documented."""
    register_elsewhere(launching, fake_panorama)
    wait(launching, 10)
    assert launching.deliver(event) == []
    assert launching.account.record(launching.instance_id).serial == SERIAL
    become_terminate(launching, monkeypatch)
    termination = termination_event(launching)
    logs()
    for _ in range(8):
        if not launching.deliver(termination):
            break
        wait(launching, 1)
        fake_panorama.finish_job()
        if drops_off and SERIAL in fake_panorama.firewalls:
            shown = fake_panorama.firewalls[SERIAL]
            fake_panorama.firewalls[SERIAL] = replace(shown, connected=False)
    assert launching.results == ["CONTINUE"]
    assert launching.account.record(launching.instance_id).license is LicenseState.RETURNED
    assert fake_panorama.entries() == 0
    written = logs()
    assert "LicenseNotReturned" not in metrics(written)
    assert "FirewallIdentityAmbiguous" not in metrics(written)
    assert reasons(written)


def test_b4_the_reconcile_function_removes_one_that_died_without_a_visit(
    launching: Cloud,
    fake_panorama: FakePanorama,
    event: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    register_elsewhere(launching, fake_panorama)
    wait(launching, 10)
    assert launching.deliver(event) == []
    gone = launching.instance_id
    launching.ec2.terminate_instances(InstanceIds=[gone])
    launching.account.members.pop(gone, None)
    record_activity(launching, ActivityType.TERMINATING, gone, 0, 0)
    shown = fake_panorama.firewalls[SERIAL]
    fake_panorama.firewalls[SERIAL] = replace(shown, connected=False)
    become_reconcile(launching, monkeypatch)
    for _ in range(5):
        launching.account.now += timedelta(seconds=FLOOR)
        report = run(launching)
        fake_panorama.finish_job()
    assert fake_panorama.entries() == 0
    assert report["licenses_not_returned"] == []
    assert launching.account.record(gone).license is LicenseState.RETURNED
