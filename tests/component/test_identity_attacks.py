"""Forged host names and serial tags (finding F5): nothing is touched, and an alarm follows.

The attacks are those of docs/security.md. An administrator of one firewall can give it any host
name, and a principal with ``ec2:CreateTags`` can write any serial tag.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from component.fakes import settings
from component.fakes.cloud import OTHER_SERIAL, SERIAL, Cloud, add_firewall, add_two_firewalls
from component.fakes.firewall import FakeFirewall
from component.fakes.functions import become_reconcile, become_terminate, configure
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import LICENSE_MANAGER, FakePanorama
from component.fakes.steps import (
    LONG,
    assert_terminated,
    change_device,
    end_without_visits,
    finish_removal,
    record_activity,
    run,
    termination_event,
)
from vmseries_autoscale import firewall
from vmseries_autoscale.aws import tags
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama import Device, Part, Removal
from vmseries_autoscale.terminate.panorama_lookup import AMBIGUOUS

DATA_CENTER = "007951000000777"


@dataclass
class Unchanged:
    """Checks that nothing in Panorama has changed since it was created."""

    panorama: FakePanorama

    def __post_init__(self) -> None:
        self.entries = self.panorama.entries()
        self.licensed = {key: list(value) for key, value in self.panorama.licensed.items()}
        self.listed = {key: set(value) for key, value in self.panorama.listed.items()}

    def check(self) -> None:
        assert self.panorama.entries() == self.entries
        assert self.panorama.named == self.panorama.committed
        assert self.panorama.licensed == self.licensed
        assert self.panorama.listed == self.listed
        assert self.panorama.deactivation_requests == []
        assert self.panorama.jobs == []


def write_tag(cloud: Cloud, serial: str, instance_id: str = "") -> None:
    """Write a serial tag, as anyone with ec2:CreateTags can."""
    cloud.ec2.create_tags(
        Resources=[instance_id or cloud.instance_id],
        Tags=tags.to_aws({tags.SERIAL: serial}),
    )


def write_record(cloud: Cloud, serial: str, instance_id: str = "") -> None:
    """Write a serial number into a record, as only the functions' roles may."""
    cloud.account.put_record(instance_id or cloud.instance_id, serial=serial)


def add_data_center_firewall(panorama: FakePanorama, *, connected: bool = True) -> None:
    """Add a firewall that another team manages with the same Panorama, in groups of its own."""
    panorama.register(Device(DATA_CENTER, "dc-core-fw1", "192.168.0.1", connected))


@pytest.mark.documents(id="security/identity/host-name")
@pytest.mark.documents(id="readiness/identity/contradiction")
def test_a_firewall_in_service_with_the_name_of_a_launching_instance_is_not_its_firewall(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """The firewall of the launching instance never registers."""
    add_firewall(launching, fake_panorama, launching.instance_id, SERIAL)
    launching.completed.clear()
    new = launching.add_instance()
    event = launching.event(Transition.LAUNCHING, new)
    launching.deliver(event)
    change_device(fake_panorama, hostname=new)
    unchanged = Unchanged(fake_panorama)
    logs()
    assert launching.deliver(event) == ["message-0"]
    assert "has the management address" in reasons(logs())[-1]
    assert launching.completed == []
    late = launching.event(Transition.LAUNCHING, new, age=2600)
    assert launching.deliver(late) == ["message-0"]
    assert launching.deliver(launching.event(Transition.LAUNCHING, new, age=2700)) == []
    assert launching.results == ["ABANDON"]
    assert f"{SERIAL} matches the instance, but" in launching.tags(new)[tags.ABANDONED]
    assert tags.SERIAL not in launching.tags(new)

    become_terminate(launching, monkeypatch)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "terminate")
    event = termination_event(launching, new)
    logs()
    assert launching.deliver(event) == []
    records = logs()
    assert metrics(records)["FirewallIdentityAmbiguous"] == 1
    assert metrics(records)["LicenseNotReturned"] == 1
    unchanged.check()

    # The firewall that was renamed is still that of its own instance, but not without doubt.
    launching.completed.clear()
    event = termination_event(launching)
    launching.deliver(event)
    assert launching.deliver(event) == []
    unchanged.check()


Write = Callable[..., None]


def data_center(cloud: Cloud, panorama: FakePanorama, write: Write) -> None:
    add_data_center_firewall(panorama)
    write(cloud, DATA_CENTER)


def another_live_firewall(cloud: Cloud, panorama: FakePanorama, write: Write) -> None:
    add_as_in_service(cloud, panorama, cloud.add_instance())
    write(cloud, OTHER_SERIAL)


def another_live_firewall_without_its_own(
    cloud: Cloud, panorama: FakePanorama, write: Write
) -> None:
    another_live_firewall(cloud, panorama, write)
    write(cloud, "X", max(cloud.account.instances))


def anything(cloud: Cloud, panorama: FakePanorama, write: Write) -> None:
    write(cloud, "X")


def add_as_in_service(cloud: Cloud, panorama: FakePanorama, instance_id: str) -> None:
    """Add another instance with its interfaces and its firewall, as a launch leaves them."""
    management = cloud.account.add_interface("management", {})
    cloud.account.attach_network_interface(
        {
            "NetworkInterfaceId": management.interface_id,
            "InstanceId": instance_id,
            "DeviceIndex": 1,
        }
    )
    panorama.register(cloud.firewall(OTHER_SERIAL, instance_id))
    write_tag(cloud, OTHER_SERIAL, instance_id)
    write_record(cloud, OTHER_SERIAL, instance_id)
    cloud.account.instances[instance_id].tags[tags.DEPLOYMENT] = "fw"


FORGED = [data_center, another_live_firewall, another_live_firewall_without_its_own, anything]


@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.parametrize(
    "licensing", [settings.licensing(), settings.PLUGIN_LICENSING], ids=["firewall", "plugin"]
)
@pytest.mark.parametrize("forge", FORGED)
def test_a_forged_serial_tag_has_no_effect(
    running: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    forge: Callable[[Cloud, FakePanorama, Write], None],
    licensing: dict[str, Any],
) -> None:
    become_terminate(running, monkeypatch, licensing=licensing)
    forge(running, fake_panorama, write_tag)
    event = termination_event(running)
    logs()
    for _ in range(10):
        if not running.deliver(event):
            break
        running.account.now += timedelta(seconds=60)
        fake_panorama.finish_plugin()
        fake_panorama.finish_job()
    assert running.results == ["CONTINUE"]
    assert fake_panorama.licensed.pop(SERIAL) == []
    assert all(fake_panorama.licensed.values()), "the other firewalls keep their licenses"
    assert SERIAL not in fake_panorama.firewalls
    assert {DATA_CENTER, OTHER_SERIAL} & fake_panorama.firewalls.keys() or forge is anything
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "FirewallIdentityAmbiguous" not in counted


@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.documents(id="licensing/plugin/ambiguous")
@pytest.mark.documents(id="licensing/panorama/ambiguous")
@pytest.mark.parametrize(
    "licensing", [settings.licensing(), settings.PLUGIN_LICENSING], ids=["firewall", "plugin"]
)
@pytest.mark.parametrize("died", [False, True], ids=["running", "died"])
@pytest.mark.parametrize("forge", FORGED)
def test_a_forged_record_takes_no_firewalls_license(
    running: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    forge: Callable[[Cloud, FakePanorama, Write], None],
    died: bool,
    licensing: dict[str, Any],
) -> None:
    become_terminate(running, monkeypatch, licensing=licensing)
    forge(running, fake_panorama, write_record)
    event = termination_event(running)
    if died:
        running.ec2.terminate_instances(InstanceIds=[running.instance_id])
    unchanged = Unchanged(fake_panorama)
    logs()
    for _ in range(3):
        if not running.deliver(event):
            break
    assert running.results == ["CONTINUE"]
    unchanged.check()
    records = logs()
    counted = metrics(records)
    assert counted["FirewallIdentityAmbiguous"] == 1, "once, and not in each visit"
    assert counted["LicenseNotReturned"] == 1
    assert "LicenseReturned" not in counted
    (doubt,) = [record for record in records if record.get("message") == AMBIGUOUS]
    assert doubt["level"] == "ERROR"
    assert doubt["instance_id"] == running.instance_id
    record = running.account.record(running.instance_id)
    assert doubt["serial"] == record.serial
    assert record.ambiguous == doubt["reason"]
    assert record.license is LicenseState.NOT_RETURNED


@pytest.mark.documents(id="security/identity/serial-tag")
def test_a_forged_tag_on_another_instance_does_not_keep_a_license_from_being_returned(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = add_two_firewalls(launching, fake_panorama)
    become_terminate(launching, monkeypatch)
    write_tag(launching, SERIAL, other)
    event = termination_event(launching)
    launching.deliver(event)
    assert fake_panorama.licensed == {SERIAL: [], OTHER_SERIAL: ["VM-Capacity"]}
    fake_panorama.finish_job()
    launching.deliver(event)
    assert launching.deliver(event) == []


@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.documents(id="panorama/shared/foreign-firewalls")
@pytest.mark.parametrize("forge", FORGED[:3])
@pytest.mark.parametrize("connected", [True, False])
def test_reconcile_does_not_take_a_firewall_by_a_forged_record(
    reconciling: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    forge: Callable[[Cloud, FakePanorama, Write], None],
    connected: bool,
) -> None:
    become_reconcile(
        reconciling, monkeypatch, licensing_mode="plugin", license_manager=LICENSE_MANAGER
    )
    reconciling.account.instances[reconciling.instance_id].tags[tags.DEPLOYMENT] = "fw"
    forge(reconciling, fake_panorama, write_record)
    gone = end_without_visits(reconciling, fake_panorama)
    for serial, device in fake_panorama.firewalls.items():
        fake_panorama.firewalls[serial] = replace(device, connected=connected)
    unchanged = Unchanged(fake_panorama)
    logs()
    report = run(reconciling)
    assert report["orphans"] == {}
    assert gone in report["ambiguous"]
    assert metrics(logs())["FirewallIdentityAmbiguous"] == 1
    unchanged.check()


@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.documents(id="panorama/shared/one-group")
def test_reconcile_does_not_take_a_firewall_of_another_deployment_in_the_same_groups(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    """Panorama shows it like one of ours that is disconnected; its own instance's tag tells."""
    reconciling.account.instances[reconciling.instance_id].tags[tags.DEPLOYMENT] = "fw"
    theirs = reconciling.add_instance()
    write_tag(reconciling, DATA_CENTER, theirs)
    reconciling.account.instances[theirs].tags[tags.DEPLOYMENT] = "another"
    address = reconciling.account.record(reconciling.instance_id).management_ip or ""
    foreign = Device(DATA_CENTER, "PA-VM", address, False, "In Sync", "In Sync")
    fake_panorama.register(foreign)
    del fake_panorama.firewalls[SERIAL]
    gone = end_without_visits(reconciling, fake_panorama)
    write_record(reconciling, DATA_CENTER)
    unchanged = Unchanged(fake_panorama)
    report = run(reconciling)
    assert f"belongs to {theirs} by its serial tag" in report["ambiguous"][gone]
    unchanged.check()


@pytest.mark.documents(id="security/identity/host-name")
@pytest.mark.parametrize("grouped", ["", "device group", "both"])
def test_reconcile_does_not_take_a_firewall_by_its_host_name_alone(
    reconciling: Cloud, fake_panorama: FakePanorama, logs: Logs, grouped: str
) -> None:
    """It calls itself like a terminated instance, whose own firewall is no longer in Panorama."""
    gone = end_without_visits(reconciling, fake_panorama)
    reconciling.account.instances[gone].forgotten = True
    record_activity(reconciling, ActivityType.TERMINATING, gone, LONG + 60, LONG)
    for part in Part:
        fake_panorama.named[part].clear()
        fake_panorama.committed[part].clear()
    fake_panorama.firewalls.clear()
    live = reconciling.add_instance()
    add_as_in_service(reconciling, fake_panorama, live)
    renamed = replace(fake_panorama.firewalls[OTHER_SERIAL], hostname=gone, connected=False)
    if grouped != "both":
        renamed = replace(renamed, template_status=None)
    if not grouped:
        renamed = replace(renamed, policy_status=None)
    fake_panorama.firewalls[OTHER_SERIAL] = renamed
    unchanged = Unchanged(fake_panorama)
    logs()
    report = run(reconciling)
    assert OTHER_SERIAL not in report["orphans"].values()
    assert OTHER_SERIAL in report["ambiguous"][gone]
    assert metrics(logs())["FirewallIdentityAmbiguous"] == 1
    unchanged.check()


@pytest.mark.documents(id="security/identity/serial-tag")
def test_reconcile_remembers_what_the_terminate_function_doubted(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EC2 no longer shows the address that contradicted the tag."""
    foreign = Device(DATA_CENTER, "PA-VM", "192.168.0.1", False, "In Sync", "In Sync")
    fake_panorama.register(foreign)
    del fake_panorama.firewalls[SERIAL]
    write_record(running, DATA_CENTER)
    event = termination_event(running)
    running.deliver(event)
    assert running.deliver(event) == []
    unchanged = Unchanged(fake_panorama)
    gone = end_without_visits(running, fake_panorama)
    running.account.instances[gone].tags[tags.DEPLOYMENT] = "fw"
    become_reconcile(running, monkeypatch)
    assert "an earlier visit" in run(running)["ambiguous"][gone]
    unchanged.check()


@pytest.mark.documents(id="licensing/plugin/unlisted")
def test_the_plugin_returns_no_license_that_only_a_record_names(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """Panorama does not list the firewall, but the license manager does."""
    become_terminate(running, monkeypatch, licensing=settings.PLUGIN_LICENSING)
    for part in Part:
        fake_panorama.named[part].clear()
        fake_panorama.committed[part].clear()
    del fake_panorama.firewalls[SERIAL]
    unchanged = Unchanged(fake_panorama)
    event = termination_event(running)
    assert running.deliver(event) == []
    unchanged.check()
    counted = metrics(logs())
    assert counted["FirewallIdentityAmbiguous"] == 1
    assert counted["LicenseNotReturned"] == 1
    assert "LicenseReturned" not in counted


def test_licensing_mode_none_expects_no_license_of_an_ambiguous_firewall(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    become_terminate(running, monkeypatch, licensing=settings.NO_LICENSING)
    data_center(running, fake_panorama, write_record)
    event = termination_event(running)
    running.deliver(event)
    assert running.deliver(event) == []
    counted = metrics(logs())
    assert counted["FirewallIdentityAmbiguous"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.parametrize("write", [write_tag, write_record])
def test_a_firewall_that_lies_about_its_mac_address_is_not_anothers(
    launching: Cloud, fake_panorama: FakePanorama, write: Write
) -> None:
    """It is in service, and says that it runs on an instance that launches."""
    add_firewall(launching, fake_panorama, launching.instance_id, SERIAL)
    new = launching.add_instance()
    event = launching.event(Transition.LAUNCHING, new)
    launching.deliver(event)
    mac = launching.account.attached(new)[1].mac
    change_device(fake_panorama, hostname="PA-VM", ip_address="203.0.113.9")
    fake_panorama.infos[SERIAL] = SystemInfo(SERIAL, mac=mac)
    write(launching, SERIAL)
    assert launching.deliver(event) == ["message-0"]
    assert launching.account.record(new).serial is None
    assert launching.tags(new).get(tags.SERIAL) is None


@pytest.mark.parametrize("doubt", [False, True])
def test_a_terminated_instance_whose_tags_ec2_has_removed_is_not_tagged(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, doubt: bool
) -> None:
    """The function may tag only instances with the deployment's tag, so each try would fail."""
    if doubt:
        add_data_center_firewall(fake_panorama)
        twin = replace(fake_panorama.firewalls[SERIAL], serial=DATA_CENTER, connected=False)
        fake_panorama.firewalls[DATA_CENTER] = twin
    event = termination_event(running)
    running.ec2.terminate_instances(InstanceIds=[running.instance_id])
    running.account.instances[running.instance_id].tags.clear()
    change_device(fake_panorama, connected=False)
    while running.deliver(event):
        fake_panorama.finish_job()
    assert running.operations()["CreateTags"] == 0
    assert metrics(logs()).get("FirewallIdentityAmbiguous", 0) == int(doubt)
    assert fake_panorama.entries() == (8 if doubt else 0)
    assert_terminated(running)


def hide_candidate_removals(
    panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, *, devices: bool
) -> None:
    """Let Panorama show the candidate configuration's groups, and its devices if ``devices``."""

    def remove_all(removals: Collection[Removal], has_time: Any) -> dict[Any, Any]:
        refused = FakePanorama.remove_all(panorama, list(removals), has_time)
        for serial in {removal.serial for removal in removals}:
            if devices:
                panorama.firewalls.pop(serial, None)
            else:
                shown = panorama.firewalls[serial]
                hidden = replace(shown, policy_status=None, template_status=None)
                panorama.firewalls[serial] = hidden
        return refused

    monkeypatch.setattr(panorama, "remove_all", remove_all)


@pytest.mark.parametrize("shown", ["committed", "candidate groups", "candidate devices"])
def test_a_removal_is_finished_whichever_configuration_panorama_shows(
    running: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    shown: str,
) -> None:
    """It is not documented whether the device list shows a removal before its commit."""
    if shown != "committed":
        hide_candidate_removals(fake_panorama, monkeypatch, devices=shown == "candidate devices")
    event = termination_event(running)
    assert running.deliver(event) == ["message-0"]
    assert running.deliver(event) == ["message-0"]
    assert "commit job 1 is not finished" in reasons(logs())
    assert len(running.attached()) == 3, "interfaces stay until Panorama has committed"
    finish_removal(running, fake_panorama, event)
    assert fake_panorama.entries() == 0
    assert "FirewallIdentityAmbiguous" not in metrics(logs())
    assert_terminated(running)


def test_a_removal_that_ends_while_panorama_is_read_is_no_ambiguity(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """The device list is older than the lists of the configuration: the commit ended in between."""
    hide_candidate_removals(fake_panorama, monkeypatch, devices=False)
    event = termination_event(running)
    assert running.deliver(event) == ["message-0"]
    assert running.deliver(event) == ["message-0"]
    listed = fake_panorama.devices()
    fake_panorama.finish_job()
    monkeypatch.setattr(fake_panorama, "members", lambda: listed)
    monkeypatch.setattr(fake_panorama, "devices", lambda _members=None: listed)
    for _ in range(3):
        running.deliver(event)
    records = logs()
    assert not running.deliver(event), reasons(records)
    assert "FirewallIdentityAmbiguous" not in metrics(records)
    assert_terminated(running)


def test_a_record_does_not_commit_a_removal_that_is_not_pending(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    """Panorama does not list the firewall that the record names, but its configuration does."""
    add_data_center_firewall(fake_panorama)
    del fake_panorama.firewalls[DATA_CENTER]
    change_device(fake_panorama, hostname="PA-VM", connected=False)
    running.account.put_record(
        running.instance_id, serial=DATA_CENTER, license=LicenseState.RETURNED
    )
    unchanged = Unchanged(fake_panorama)
    event = termination_event(running)
    running.deliver(event)
    assert running.deliver(event) == []
    unchanged.check()


@pytest.mark.documents(id="security/identity/firewall-api")
def test_a_compromised_firewall_gives_up_its_own_license_whatever_serial_number_it_reports(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Panorama, the serial number is used in reports only."""
    add_data_center_firewall(fake_panorama)
    unchanged = Unchanged(fake_panorama)
    fake = FakeFirewall(number=DATA_CENTER)
    monkeypatch.setattr(firewall, "connect", fake.connect)
    direct = {"panorama": None, "firewall_api": settings.firewall_api()}
    configure(monkeypatch, launching.launch_settings(readiness="connected", **direct))
    event = launching.event(Transition.LAUNCHING)
    launching.deliver(event)
    assert launching.deliver(event) == []
    address = launching.attached()[1]["PrivateIpAddress"]
    become_terminate(launching, monkeypatch, **direct)
    event = termination_event(launching)
    launching.deliver(event)
    assert launching.deliver(event) == []
    assert set(fake.addresses) == {address}
    assert fake.licensed == []
    unchanged.check()
