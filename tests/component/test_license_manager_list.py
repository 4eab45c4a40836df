"""What the list of the plugin's license manager shows of a firewall, and what it does not.

An address occurs in several VPCs, and behind NAT Panorama shows another one. The list of another
license manager shows none of our firewalls.
"""

from __future__ import annotations

import pytest

from component.fakes import settings
from component.fakes.cloud import SERIAL, Cloud
from component.fakes.functions import become_reconcile, become_terminate
from component.fakes.logs import Logs, metrics
from component.fakes.panorama import LICENSE_MANAGER, FakePanorama
from component.fakes.steps import (
    DAY,
    FLOOR,
    assert_terminated,
    change_device,
    end_without_visits,
    license_of,
    pass_time,
    record_activity,
    run,
    termination_event,
    visit_until_done,
)
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.licensing.evidence import EMPTY_SECONDS
from vmseries_autoscale.lifecycle.events import Transition

GONE = "i-0dead"
OTHER_MANAGER = "LM-of-others"


@pytest.fixture
def unregistered(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> Cloud:
    """A firewall that died before Panorama knew it, and the terminate function."""
    launch = launching.event(Transition.LAUNCHING)
    launching.deliver(launch)
    launching.deliver(launch)
    become_terminate(launching, monkeypatch, licensing=settings.PLUGIN_LICENSING)
    fake_panorama.calls.clear()
    logs()
    return launching


def address_of(cloud: Cloud) -> str:
    """The management address of the firewall."""
    address: str = cloud.attached()[1]["PrivateIpAddress"]
    return address


def list_license(panorama: FakePanorama, address: str, name: str = "") -> None:
    """Let the license manager list a firewall that Panorama does not manage."""
    panorama.listed[LICENSE_MANAGER].add(SERIAL)
    panorama.licensed[SERIAL] = ["VM-Capacity"]
    panorama.addresses[SERIAL] = address
    if name:
        panorama.plugin_names[SERIAL] = name


def die(cloud: Cloud) -> None:
    """End the firewall of a leaving instance."""
    cloud.ec2.stop_instances(InstanceIds=[cloud.instance_id])


# A firewall that Panorama does not know.


@pytest.mark.documents(id="licensing/unregistered/by-address")
def test_an_address_in_the_list_alone_takes_no_license(
    unregistered: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """It may be the address of a firewall of another account, in a VPC with the same addresses."""
    list_license(fake_panorama, address_of(unregistered))
    event = termination_event(unregistered)
    die(unregistered)
    assert unregistered.deliver(event) == []
    assert fake_panorama.deactivation_requests == []
    assert fake_panorama.listed[LICENSE_MANAGER] == {SERIAL}
    records = logs()
    assert metrics(records)["LicenseNotReturned"] == 1
    (lost,) = (record for record in records if record.get("license") == "not-returned")
    assert lost["instance_id"] == unregistered.instance_id
    assert SERIAL in lost["reason"]
    assert license_of(unregistered) is LicenseState.NOT_RETURNED


@pytest.mark.documents(id="licensing/unregistered/by-address")
@pytest.mark.parametrize("domain", ["", ".ec2.internal"])
def test_the_plugin_returns_a_license_whose_entry_names_the_instance(
    unregistered: Cloud, fake_panorama: FakePanorama, logs: Logs, domain: str
) -> None:
    name = f"{unregistered.instance_id}{domain}"
    list_license(fake_panorama, address_of(unregistered), name)
    event = termination_event(unregistered)
    die(unregistered)
    visit_until_done(unregistered, fake_panorama, event)
    assert fake_panorama.listed[LICENSE_MANAGER] == set()
    assert_terminated(unregistered)
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


def test_a_host_name_in_the_list_alone_takes_no_license(
    unregistered: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Whoever administers a firewall can give it any name."""
    list_license(fake_panorama, "10.77.0.1", unregistered.instance_id)
    event = termination_event(unregistered)
    die(unregistered)
    assert unregistered.deliver(event) == []
    assert fake_panorama.deactivation_requests == []
    assert metrics(logs())["LicenseNotReturned"] == 1


@pytest.mark.documents(id="licensing/unregistered/by-address")
@pytest.mark.parametrize("listed", ["nothing", "another address, as behind NAT"])
def test_an_address_that_is_not_listed_is_no_proof_that_there_is_no_license(
    unregistered: Cloud, fake_panorama: FakePanorama, logs: Logs, listed: str
) -> None:
    if listed != "nothing":
        list_license(fake_panorama, "192.0.2.10")
    event = termination_event(unregistered)
    die(unregistered)
    assert unregistered.deliver(event) == []
    assert license_of(unregistered) is LicenseState.NOT_RETURNED
    records = logs()
    assert metrics(records)["LicenseNotReturned"] == 1
    (lost,) = (record for record in records if record.get("license") == "not-returned")
    assert "whether the firewall had a license is not known" in lost["reason"]


@pytest.mark.documents(id="licensing/unregistered/by-address")
def test_the_reconcile_function_reports_a_license_that_only_an_address_names(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    become_reconcile(
        reconciling, monkeypatch, licensing_mode="plugin", license_manager=LICENSE_MANAGER
    )
    reconciling.account.put_record(GONE, management_ip="10.9.9.9")
    for _ in range(3):
        assert run(reconciling)["licenses_not_returned"] == [GONE]
        pass_time(reconciling, 900)
    assert metrics(logs())["LicenseNotReturned"] == 1
    assert fake_panorama.deactivation_requests == []


def test_an_address_takes_no_license_of_the_firewall_that_has_it_now(
    unregistered: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """EC2 reuses addresses at once. The other firewall boots, and has not registered yet."""
    address = unregistered.attached()[1]["PrivateIpAddress"]
    event = termination_event(unregistered)
    die(unregistered)
    booting = unregistered.add_instance()
    for interface in unregistered.account.interfaces.values():
        if interface.attachment is not None and interface.attachment.instance_id == booting:
            interface.private_ip = address
    list_license(fake_panorama, address, unregistered.instance_id)
    assert unregistered.deliver(event) == []
    assert fake_panorama.deactivation_requests == []
    assert fake_panorama.listed[LICENSE_MANAGER] == {SERIAL}
    assert metrics(logs())["LicenseNotReturned"] == 1


def test_an_address_takes_no_license_of_a_firewall_that_panorama_manages(
    unregistered: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Two VPCs may have the same addresses: the other firewall runs."""
    foreign = unregistered.firewall(SERIAL)
    fake_panorama.register(type(foreign)(SERIAL, "another", foreign.ip_address, connected=True))
    fake_panorama.plugin_names[SERIAL] = unregistered.instance_id
    event = termination_event(unregistered)
    die(unregistered)
    assert unregistered.deliver(event) == []
    assert fake_panorama.deactivation_requests == []
    assert fake_panorama.listed[LICENSE_MANAGER] == {SERIAL}
    assert metrics(logs())["LicenseNotReturned"] == 1


# A license manager that is not ours.


def wrong_manager(panorama: FakePanorama, answer: str) -> None:
    """Let a license manager of other firewalls answer."""
    panorama.listed[OTHER_MANAGER] = set()
    panorama.plugin_answers = answer != "no container"
    if answer == "other firewalls":
        panorama.listed[OTHER_MANAGER] = {"007951000888888"}


ANSWERS = pytest.mark.parametrize("answer", ["no container", "an empty list", "other firewalls"])


@pytest.mark.documents(id="licensing/plugin/wrong-license-manager")
@ANSWERS
def test_a_wrong_license_manager_returns_no_license_of_a_dead_firewall(
    running: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    answer: str,
) -> None:
    licensing = {**settings.PLUGIN_LICENSING, "license_manager": OTHER_MANAGER}
    become_terminate(running, monkeypatch, licensing=licensing)
    wrong_manager(fake_panorama, answer)
    change_device(fake_panorama, connected=False)
    event = termination_event(running)
    die(running)
    for _ in range(EMPTY_SECONDS // 60 + 2):
        assert running.deliver(event) == ["message-0"]
        pass_time(running)
    assert license_of(running) is LicenseState.UNKNOWN
    assert fake_panorama.deactivation_requests == []
    assert fake_panorama.entries() == 4, "the only trace of the license is kept"
    records = logs()
    assert {record["error"] for record in records if "error" in record} == {"LicenseManagerError"}
    assert "LicenseReturned" not in metrics(records)


@pytest.mark.documents(id="licensing/plugin/wrong-license-manager")
@ANSWERS
def test_the_reconcile_function_reports_a_wrong_license_manager(
    reconciling: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    answer: str,
) -> None:
    become_reconcile(
        reconciling, monkeypatch, licensing_mode="plugin", license_manager=OTHER_MANAGER
    )
    gone = end_without_visits(reconciling, fake_panorama)
    record_activity(reconciling, ActivityType.TERMINATING, gone, FLOOR + 60, FLOOR + 60)
    wrong_manager(fake_panorama, answer)
    for _ in range(4):
        assert OTHER_MANAGER in run(reconciling)["unfinished"][gone]
        pass_time(reconciling, 900)
    assert fake_panorama.entries() == 4
    counted = metrics(logs())
    assert counted["OrphanRemovalFailed"] == 4
    assert "LicenseReturned" not in counted


@pytest.mark.documents(id="licensing/plugin/wrong-license-manager")
def test_a_firewall_that_panorama_forgot_is_not_ticked_off_by_a_wrong_license_manager(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    become_reconcile(
        reconciling, monkeypatch, licensing_mode="plugin", license_manager=OTHER_MANAGER
    )
    wrong_manager(fake_panorama, "other firewalls")
    reconciling.account.put_record(GONE, serial="007951000999999")
    for _ in range(3):
        assert run(reconciling)["licenses_not_returned"] == ["007951000999999"]
        pass_time(reconciling, 900)
    assert metrics(logs())["LicenseNotReturned"] == 1


@pytest.mark.documents(id="licensing/plugin/wrong-license-manager")
def test_a_license_from_an_auth_code_is_not_returned_by_the_death_of_its_firewall(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """The license manager is ours, and has never listed the firewall, which showed its license."""
    become_terminate(running, monkeypatch, licensing=settings.PLUGIN_LICENSING)
    fake_panorama.listed[LICENSE_MANAGER].clear()
    event = termination_event(running)
    assert running.deliver(event) == ["message-0"]
    assert license_of(running) is LicenseState.HELD
    change_device(fake_panorama, connected=False)
    for _ in range(4):
        pass_time(running)
        assert running.deliver(event) == ["message-0"]
    assert license_of(running) is LicenseState.HELD
    assert "LicenseReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/plugin/wrong-license-manager")
@pytest.mark.parametrize("listed", [True, False], ids=["in Panorama", "forgotten"])
def test_a_license_from_an_auth_code_that_was_reported_is_not_ticked_off_by_the_list(
    reconciling: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    *,
    listed: bool,
) -> None:
    """The list has never shown it, so that its absence shows nothing, also after the report."""
    become_reconcile(
        reconciling, monkeypatch, licensing_mode="plugin", license_manager=LICENSE_MANAGER
    )
    fake_panorama.listed[LICENSE_MANAGER].clear()
    serial = SERIAL if listed else "007951000999999"
    gone = end_without_visits(reconciling, fake_panorama) if listed else GONE
    reconciling.account.put_record(gone, serial=serial, license=LicenseState.HELD)
    pass_time(reconciling, DAY + FLOOR)
    for _ in range(4):
        assert run(reconciling)["licenses_not_returned"] == [serial]
        pass_time(reconciling, 900)
    counted = metrics(logs())
    assert counted["LicenseNotReturned"] == 1
    assert "LicenseReturned" not in counted


# A list that is missing for longer than a plugin is known to need for its start.


@pytest.mark.documents(id="licensing/plugin/no-list")
@pytest.mark.parametrize("held", [True, False])
def test_a_license_that_a_late_list_shows_again_is_reported(
    reconciling: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    *,
    held: bool,
) -> None:
    become_reconcile(
        reconciling, monkeypatch, licensing_mode="plugin", license_manager=LICENSE_MANAGER
    )
    serial = "007951000999999"
    now = reconciling.account.now
    reconciling.account.put_record(
        GONE, serial=serial, license=LicenseState.RETURNED, license_requested=now, empty_since=now
    )
    fake_panorama.plugin_answers = False
    assert run(reconciling)["licenses_not_returned"] == []
    fake_panorama.plugin_answers = True
    if held:
        fake_panorama.listed[LICENSE_MANAGER].add(serial)
    expected = [serial] if held else []
    for _ in range(2):
        assert run(reconciling)["licenses_not_returned"] == expected
    assert metrics(logs()).get("LicenseNotReturned", 0) == len(expected)
    record = reconciling.account.record(GONE)
    assert record.empty_since is None, "it is not looked for any more"
    assert (record.license is LicenseState.RETURNED) is not held
