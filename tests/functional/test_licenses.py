"""Licenses: whatever happens, one is back when a list says so, and otherwise somebody is told.

docs/licensing.md has a row for each situation; its tests are here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from functional.conftest import (
    LICENSING_KEY,
    SERIAL,
    Cloud,
    FakeContext,
    add_firewall,
    become_reconcile,
    become_terminate,
    metrics,
    reasons,
)
from functional.panorama import LICENSE_MANAGER, FakePanorama
from functional.test_reconcile import DAY, FLOOR, did, end, run, unreachable
from functional.test_terminate import Logs, assert_nothing_left, change, departure
from vmseries_autoscale import firewall
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceAccessError,
    DeviceBusyError,
    DeviceRefusedError,
    DeviceUnavailableError,
)
from vmseries_autoscale.licensing import by_firewall as firewall_license
from vmseries_autoscale.licensing.by_plugin import LICENSE_LEFT_TO_PLUGIN
from vmseries_autoscale.panorama import Part

PLUGIN = {"mode": "plugin", "api_key_secret_arn": None, "license_manager": LICENSE_MANAGER}
API = {
    "secret_arn": "arn:firewalls",
    "port": 443,
    "server_name": "firewall.example.com",
    "timeout_seconds": 5,
}
OTHERS = [f"00795100000000{number}" for number in range(4)]
NO_SERVER = "Failed to get license info. Please try again later."
NO_KEY = "API Key is not set"
WRONG_KEY = "Invalid or missing deactivation token"


@pytest.fixture
def by_plugin(running: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """One firewall in service, licensed by Panorama's plugin, and the terminate function."""
    become_terminate(running, monkeypatch, licensing=PLUGIN)
    return running


def refuse(panorama: FakePanorama, method: str, error: Exception) -> None:
    """Have one method of Panorama's refuse."""

    def fail(name: str) -> None:
        if name == method:
            raise error

    panorama.fail = fail


def told(records: list[dict[str, Any]], text: str) -> list[str]:
    """The serial numbers that this was said about."""
    return [record["serial"] for record in records if record.get("message") == text]


def errors(records: list[dict[str, Any]]) -> set[str]:
    """The names of the errors that visits ended with."""
    return {record["error"] for record in records if "error" in record}


def finish(cloud: Cloud, panorama: FakePanorama, event: dict[str, Any]) -> None:
    """Visit until the message is gone."""
    for _ in range(8):
        if not cloud.deliver(event):
            return
        panorama.finish_plugin()
        if panorama.jobs and not panorama.jobs[-1].finished:
            panorama.finish_job()
    pytest.fail("the message is still there")


# By Panorama's plugin.


@pytest.mark.documents(id="licensing/plugin/normal")
def test_the_plugin_is_asked_and_read_back_before_anything_is_removed(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = departure(by_plugin)
    fake_panorama.calls.clear()
    assert by_plugin.deliver(event) == ["message-0"]
    assert fake_panorama.calls == [
        *("devices", "plugin_licensed", "commits", "plugin_deactivate"),
        "commit of the plugin's changes",
    ]
    assert any(f"lists {SERIAL} as licensed" in reason for reason in reasons(logs()))
    assert fake_panorama.entries() == 4
    assert by_plugin.tags()["vmseries-autoscale:license"] == "listed"

    fake_panorama.finish_plugin()
    assert by_plugin.deliver(event) == ["message-0"]
    assert len(fake_panorama.jobs) == 1, "the plugin had nothing to commit before"
    fake_panorama.finish_job()
    assert fake_panorama.entries() == 4

    fake_panorama.calls.clear()
    assert by_plugin.deliver(event) == ["message-0"]
    assert fake_panorama.calls[:3] == [
        *("devices", "plugin_licensed", "commit of the plugin's changes")
    ]
    assert "remove_all" in fake_panorama.calls
    assert by_plugin.tags()["vmseries-autoscale:license"] == "returned"
    assert metrics(logs())["LicenseReturned"] == 1

    finish(by_plugin, fake_panorama, event)
    assert_nothing_left(by_plugin)
    assert fake_panorama.entries() == 0
    assert fake_panorama.keys == {}, "the plugin has Panorama's key"
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/plugin/normal")
def test_the_plugin_is_asked_for_a_batch_with_one_request(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [launching.instance_id, *(launching.add_instance() for _ in OTHERS[1:])]
    for instance_id, serial in zip(ids, OTHERS, strict=True):
        add_firewall(launching, fake_panorama, instance_id, serial)
    become_terminate(launching, monkeypatch, licensing=PLUGIN)
    bodies = [departure(launching, instance_id) for instance_id in ids]
    fake_panorama.delicense(OTHERS[0])
    launching.deliver(*bodies)
    assert fake_panorama.asked == [frozenset(OTHERS[1:])]
    assert fake_panorama.named[Part.MANAGED_DEVICES] == set(OTHERS[1:]), "the first may go"
    fake_panorama.finish_plugin()
    fake_panorama.finish_job()
    launching.deliver(*bodies)
    fake_panorama.finish_job()
    launching.deliver(*bodies)
    fake_panorama.finish_job()
    launching.deliver(*bodies)
    assert launching.deliver(*bodies) == []
    assert launching.own_interfaces() == []
    assert fake_panorama.entries() == 0


@pytest.mark.documents(id="licensing/plugin/normal")
def test_the_plugin_is_asked_again_for_what_it_still_lists(
    by_plugin: Cloud, fake_panorama: FakePanorama
) -> None:
    """It has forgotten the request, or its changes came after our commit."""
    event = departure(by_plugin)
    by_plugin.deliver(event)
    by_plugin.deliver(event)
    assert fake_panorama.asked == [frozenset({SERIAL})] * 2
    assert fake_panorama.calls.count("commit of the plugin's changes") == 2
    assert by_plugin.operations()["CreateTags"] == 2, "listed, and the visit"


def test_a_visit_that_is_short_of_time_asks_the_plugin_for_nothing(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    fake_panorama.calls.clear()
    assert by_plugin.deliver(departure(by_plugin), context=FakeContext(10_000)) == ["message-0"]
    assert reasons(logs()) == ["no time left in this invocation"]
    assert fake_panorama.calls == ["devices"]


@pytest.mark.documents(id="licensing/plugin/late-firewall")
def test_a_firewall_that_notices_late_is_not_waited_for(
    by_plugin: Cloud, fake_panorama: FakePanorama
) -> None:
    event = departure(by_plugin)
    by_plugin.deliver(event)
    fake_panorama.listed[LICENSE_MANAGER].clear()
    by_plugin.deliver(event)
    assert fake_panorama.licensed[SERIAL] != []
    assert by_plugin.tags()["vmseries-autoscale:license"] == "returned"


def by_our_own_function(panorama: FakePanorama) -> None:
    """An earlier visit that could not write it down."""
    panorama.delicense(SERIAL)
    change(panorama, connected=False)


def by_auto_deactivation(panorama: FakePanorama) -> None:
    """The plugin's own, hours after it lost the connection; it also deletes the device."""
    panorama.delicense(SERIAL)
    del panorama.firewalls[SERIAL]
    for part in Part:
        panorama.named[part].discard(SERIAL)
        panorama.committed[part].discard(SERIAL)


def by_fast_delicensing(panorama: FakePanorama) -> None:
    """The delicensing manager of Panorama's AWS plugin, of a firewall that is disconnected."""
    panorama.delicense(SERIAL)
    change(panorama, connected=False)


FIRST = [by_our_own_function, by_auto_deactivation, by_fast_delicensing]


@pytest.mark.documents(id="licensing/plugin/already-returned")
@pytest.mark.parametrize("first", FIRST)
def test_whoever_was_first_with_the_plugin_the_end_is_the_same(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs, first: Callable[[FakePanorama], None]
) -> None:
    first(fake_panorama)
    finish(by_plugin, fake_panorama, departure(by_plugin))
    assert_nothing_left(by_plugin)
    assert fake_panorama.entries() == 0
    assert "plugin_deactivate" not in fake_panorama.calls
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "VisitFailed" not in counted


@pytest.mark.documents(id="licensing/plugin/returned-meanwhile")
@pytest.mark.parametrize("first", FIRST)
def test_whoever_is_first_while_the_plugin_is_asked_the_end_is_the_same(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs, first: Callable[[FakePanorama], None]
) -> None:
    event = departure(by_plugin)
    by_plugin.deliver(event)
    first(fake_panorama)
    fake_panorama.asked.clear()
    finish(by_plugin, fake_panorama, event)
    assert_nothing_left(by_plugin)
    assert fake_panorama.entries() == 0
    assert "VisitFailed" not in metrics(logs())


@pytest.mark.documents(id="licensing/plugin/firewall-died")
def test_the_plugin_gives_back_the_license_of_a_firewall_that_died(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    change(fake_panorama, connected=False)
    event = departure(by_plugin)
    by_plugin.ec2.stop_instances(InstanceIds=[by_plugin.instance_id])
    finish(by_plugin, fake_panorama, event)
    assert fake_panorama.listed == {LICENSE_MANAGER: set()}
    assert fake_panorama.entries() == 0
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.documents(id="licensing/plugin/wrong-license-manager")
def test_the_wrong_license_manager_is_no_success(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_terminate(by_plugin, monkeypatch, licensing={**PLUGIN, "license_manager": "another"})
    assert by_plugin.deliver(departure(by_plugin)) == ["message-0"]
    records = logs()
    assert errors(records) == {"LicenseManagerError"}
    assert any(
        SERIAL in reason and "another" in reason and "licensing.license_manager" in reason
        for reason in reasons(records)
    )
    assert fake_panorama.entries() == 4
    assert "vmseries-autoscale:license" not in by_plugin.tags()


@pytest.mark.documents(id="licensing/plugin/license-server-unreachable")
@pytest.mark.documents(id="licensing/plugin/licensing-key")
@pytest.mark.parametrize(
    ("text", "error", "advice"),
    [
        (NO_KEY, "LicensingKeyError", "on Panorama"),
        (WRONG_KEY, "LicensingKeyError", "on Panorama"),
        (NO_SERVER, "LicenseServerUnreachableError", "Panorama cannot reach"),
        ("Something new", "DeviceRefusedError", "Something new"),
    ],
)
def test_what_the_plugin_refuses_is_told_by_name_and_repeated(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs, text: str, error: str, advice: str
) -> None:
    event = departure(by_plugin)
    refuse(fake_panorama, "plugin_deactivate", DeviceRefusedError(PANORAMA, None, text))
    assert by_plugin.deliver(event) == ["message-0"]
    records = logs()
    assert errors(records) == {error}
    assert any(advice in reason for reason in reasons(records))
    assert fake_panorama.entries() == 4
    fake_panorama.fail = lambda _name: None
    finish(by_plugin, fake_panorama, event)
    assert fake_panorama.listed == {LICENSE_MANAGER: set()}
    assert_nothing_left(by_plugin)


@pytest.mark.documents(id="licensing/plugin/commit-not-permitted")
def test_the_plugin_s_changes_that_we_may_not_commit_are_told(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = departure(by_plugin)
    refuse(fake_panorama, "commit of the plugin's changes", DeviceAccessError(PANORAMA, "the role"))
    assert by_plugin.deliver(event) == ["message-0"]
    assert errors(logs()) == {"DeviceAccessError"}
    assert fake_panorama.entries() == 4


@pytest.mark.documents(id="licensing/plugin/commit-failed")
def test_a_commit_of_the_plugin_s_changes_that_fails_is_told_and_repeated(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = departure(by_plugin)
    by_plugin.deliver(event)
    fake_panorama.finish_plugin()
    by_plugin.deliver(event)
    fake_panorama.commit_fails = ("zone untrust is invalid",)
    fake_panorama.finish_job()
    assert by_plugin.deliver(event) == ["message-0"]
    records = logs()
    assert errors(records) == {"CommitFailedError"}
    assert any("zone untrust is invalid" in reason for reason in reasons(records))
    assert fake_panorama.entries() == 4
    fake_panorama.commit_fails = ()
    finish(by_plugin, fake_panorama, event)
    assert fake_panorama.listed == {LICENSE_MANAGER: set()}
    assert_nothing_left(by_plugin)


class UntilItsOwnList(FakeContext):
    """The run's time is over when a firewall's own list has been read."""

    def __init__(self, panorama: FakePanorama) -> None:
        super().__init__()
        self.panorama = panorama

    def get_remaining_time_in_millis(self) -> int:
        return 10_000 if self.panorama.calls[-1] == "licenses" else self.milliseconds


@pytest.mark.documents(id="licensing/plugin/commit-postponed")
@pytest.mark.parametrize("obstacle", ["Panorama is busy", "no time left in this invocation"])
def test_the_plugin_s_changes_are_committed_also_if_that_cannot_be_asked_for_at_once(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs, obstacle: str
) -> None:
    """Auto-deactivation was first, and nobody has committed yet what it has changed."""
    fake_panorama.delicense(SERIAL)
    fake_panorama.given_back[""] = {SERIAL}
    event = departure(by_plugin)
    fake_panorama.calls.clear()
    context = FakeContext()
    if obstacle == "Panorama is busy":
        refuse(fake_panorama, "commit of the plugin's changes", DeviceBusyError(PANORAMA, obstacle))
    else:
        context = UntilItsOwnList(fake_panorama)
    logs()
    assert by_plugin.deliver(event, context=context) == ["message-0"]
    assert reasons(logs()) == [obstacle]
    assert "vmseries-autoscale:license" not in by_plugin.tags()

    fake_panorama.fail = lambda _name: None
    finish(by_plugin, fake_panorama, event)
    assert fake_panorama.given_back[""] == set()
    assert metrics(logs())["LicenseReturned"] == 1
    assert_nothing_left(by_plugin)
    assert fake_panorama.entries() == 0


@pytest.mark.documents(id="licensing/plugin/silent-failure")
def test_at_the_deadline_the_firewall_is_left_to_the_reconcile_function(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin does nothing for a day, and goes to work when the instance is gone."""
    fake_panorama.plugin_works = False
    late = departure(by_plugin, age=DAY)
    by_plugin.deliver(late)
    assert by_plugin.deliver(late) == []
    assert_nothing_left(by_plugin)
    records = logs()
    assert told(records, LICENSE_LEFT_TO_PLUGIN) == [SERIAL]
    assert metrics(records)["TerminationDeadlinePassed"] == 1
    assert "LicenseNotReturned" not in metrics(records), "it may still come back"
    assert fake_panorama.entries() == 4, "the plugin could not find it any more"

    gone = gone_for_good(by_plugin, fake_panorama)
    fake_panorama.plugin_works = True
    reconcile_licenses(by_plugin, fake_panorama, monkeypatch, gone)


@pytest.mark.documents(id="licensing/plugin/panorama-away")
@pytest.mark.documents(id="panorama/pair/long-outage-plugin")
@pytest.mark.parametrize("age", [DAY - 60, DAY + 600])
def test_panorama_away_loses_no_license_of_the_plugin_s(
    by_plugin: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    age: int,
) -> None:
    fake_panorama.fail = unreachable
    event = departure(by_plugin, age=age)
    by_plugin.deliver(event)
    if age < DAY:
        fake_panorama.fail = lambda _name: None
        finish(by_plugin, fake_panorama, event)
        assert fake_panorama.entries() == 0
        return
    assert by_plugin.deliver(event) == []
    assert told(logs(), LICENSE_LEFT_TO_PLUGIN) == [SERIAL]
    fake_panorama.fail = lambda _name: None
    reconcile_licenses(
        by_plugin, fake_panorama, monkeypatch, gone_for_good(by_plugin, fake_panorama)
    )


def gone_for_good(cloud: Cloud, panorama: FakePanorama) -> str:
    gone = end(cloud, panorama)
    did(cloud, ActivityType.TERMINATING, gone, FLOOR + 60, FLOOR + 60)
    return gone


def reconcile_by_plugin(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reconcile function of a deployment whose licenses Panorama's plugin has."""
    become_reconcile(cloud, monkeypatch, licensing_mode="plugin", license_manager=LICENSE_MANAGER)


def reconcile_licenses(
    cloud: Cloud, panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    """The reconcile function gets the license back first, and then the firewall out."""
    reconcile_by_plugin(cloud, monkeypatch)
    panorama.asked.clear()
    first = run(cloud)
    assert first["orphans"] == {gone: SERIAL}
    assert first["licenses_not_returned"] == []
    assert f"lists {SERIAL} as licensed" in first["unfinished"][gone]
    assert panorama.asked == [frozenset({SERIAL})]
    assert panorama.entries() == 4
    assert panorama.named == panorama.committed

    panorama.finish_plugin()
    assert f"lists {SERIAL} as licensed" in run(cloud)["unfinished"][gone]
    panorama.finish_job()
    assert run(cloud)["unfinished"] == {gone: "commit job 2"}
    panorama.finish_job()
    assert not any(run(cloud).values())
    assert panorama.entries() == 0
    assert panorama.listed == {LICENSE_MANAGER: set()}


@pytest.mark.documents(id="licensing/plugin/died-without-hook")
def test_the_license_of_a_firewall_that_nobody_visited_is_got_back_by_the_plugin(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    gone = gone_for_good(reconciling, fake_panorama)
    reconcile_licenses(reconciling, fake_panorama, monkeypatch, gone)
    assert "LicenseNotReturned" not in metrics(logs())


def test_a_report_asks_the_plugin_for_nothing(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile_by_plugin(reconciling, monkeypatch)
    gone_for_good(reconciling, fake_panorama)
    run(reconciling, {"action": "report"})
    assert fake_panorama.asked == []
    assert fake_panorama.jobs == []


@pytest.mark.documents(id="licensing/plugin/commit-failed")
def test_a_run_tells_that_a_commit_of_the_plugin_s_changes_has_failed(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile_by_plugin(reconciling, monkeypatch)
    gone = gone_for_good(reconciling, fake_panorama)
    run(reconciling)
    fake_panorama.finish_plugin()
    run(reconciling)
    fake_panorama.commit_fails = ("zone untrust is invalid",)
    fake_panorama.finish_job()
    assert "zone untrust is invalid" in run(reconciling)["unfinished"][gone]


@pytest.mark.parametrize("method", ["plugin_licensed", "plugin_deactivate"])
def test_a_plugin_that_refuses_holds_up_nothing_else_of_a_run(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    reconcile_by_plugin(reconciling, monkeypatch)
    gone = gone_for_good(reconciling, fake_panorama)
    refuse(fake_panorama, method, DeviceRefusedError(PANORAMA, None, NO_KEY))
    report = run(reconciling)
    assert NO_KEY in report["unfinished"][gone]
    assert reconciling.own_interfaces() == []
    assert fake_panorama.named == fake_panorama.committed
    assert fake_panorama.entries() == 4


def test_a_run_that_is_short_of_time_asks_the_plugin_for_nothing(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile_by_plugin(reconciling, monkeypatch)
    gone = gone_for_good(reconciling, fake_panorama)
    report = run(reconciling, context=FakeContext(10_000))
    assert report["unfinished"] == {gone: "no time left in this invocation"}
    assert fake_panorama.asked == []


# By the firewall, asked through Panorama.


@pytest.mark.documents(id="licensing/panorama/license-server-unreachable")
@pytest.mark.documents(id="licensing/panorama/licensing-key")
@pytest.mark.parametrize(
    ("text", "error", "advice"),
    [
        (NO_KEY, "LicensingKeyError", "licensing.api_key_secret_arn"),
        (WRONG_KEY, "LicensingKeyError", "licensing.api_key_secret_arn"),
        (NO_SERVER, "LicenseServerUnreachableError", "check the route, DNS and outbound HTTPS"),
        ("Something new", "DeviceRefusedError", "Something new"),
    ],
)
def test_what_a_firewall_cannot_do_is_told_by_name_and_repeated(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, text: str, error: str, advice: str
) -> None:
    event = departure(running)
    refuse(fake_panorama, "deactivate_license", DeviceRefusedError(PANORAMA, None, text))
    assert running.deliver(event) == ["message-0"]
    records = logs()
    assert errors(records) == {error}
    (reason,) = reasons(records)
    assert advice in reason
    if error != "DeviceRefusedError":
        assert f"firewall {SERIAL} ({running.instance_id})" in reason
    assert fake_panorama.entries() == 4
    fake_panorama.fail = lambda _name: None
    finish(running, fake_panorama, event)
    assert fake_panorama.licensed[SERIAL] == []
    assert_nothing_left(running)


@pytest.mark.documents(id="licensing/panorama/license-server-unreachable")
def test_a_license_server_that_stays_away_is_given_up_at_the_deadline(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    refuse(fake_panorama, "deactivate_license", DeviceRefusedError(PANORAMA, None, NO_SERVER))
    assert running.deliver(departure(running, age=DAY - 60)) == ["message-0"]
    assert errors(logs()) == {"LicenseServerUnreachableError"}
    finish(running, fake_panorama, departure(running, age=DAY))
    records = logs()
    assert told(records, firewall_license.LICENSE_NOT_RETURNED) == [SERIAL]
    assert metrics(records)["LicenseNotReturned"] == 1
    assert fake_panorama.entries() == 0


@pytest.mark.documents(id="licensing/panorama/away-beyond-deadline")
@pytest.mark.documents(id="panorama/pair/long-outage")
def test_the_reconcile_function_can_only_report_what_a_firewall_took_along(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """Panorama was away beyond the deadline: in this mode nobody else could give it back."""
    fake_panorama.fail = unreachable
    event = departure(running, age=DAY + 600)
    running.deliver(event)
    assert running.deliver(event) == []
    fake_panorama.fail = lambda _name: None
    gone_for_good(running, fake_panorama)
    become_reconcile(running, monkeypatch)
    logs()
    assert run(running)["licenses_not_returned"] == [SERIAL]
    assert told(logs(), firewall_license.LICENSE_NOT_RETURNED) == [SERIAL]
    fake_panorama.finish_job()
    assert fake_panorama.entries() == 0


# By the firewall, asked directly: without Panorama.


@dataclass
class FakeFirewall:
    """The firewall behind every address.

    Attributes:
        addresses: where it was asked.
        fail: called with each method's name first; raises what that call is to raise.
        works: whether it gives its license back at once.
    """

    number: str | None = SERIAL
    licensed: list[str] = field(default_factory=lambda: ["VM-Capacity"])
    key: str = ""
    addresses: list[str] = field(default_factory=list)
    fail: Callable[[str], None] = lambda _name: None
    works: bool = True

    def connect(self, _settings: object, address: str) -> FakeFirewall:
        self.addresses.append(address)
        return self

    def serial(self) -> str | None:
        self.fail("serial")
        return self.number

    def licenses(self) -> list[str]:
        self.fail("licenses")
        return list(self.licensed)

    def set_licensing_api_key(self, api_key: str) -> None:
        self.fail("set_licensing_api_key")
        self.key = api_key

    def deactivate_license(self) -> bool:
        self.fail("deactivate_license")
        if self.works:
            self.licensed.clear()
        return self.works


@pytest.fixture
def its_own_api(running: Cloud, monkeypatch: pytest.MonkeyPatch) -> FakeFirewall:
    """A deployment without Panorama, whose firewalls let us in; and the terminate function."""
    fake = FakeFirewall()
    monkeypatch.setattr(firewall, "connect", fake.connect)
    become_terminate(running, monkeypatch, panorama=None, firewall_api=API)
    own = {"Key": "vmseries-autoscale:serial"}
    running.ec2.delete_tags(Resources=[running.instance_id], Tags=[own])
    return fake


def finish_directly(cloud: Cloud, event: dict[str, Any]) -> None:
    for _ in range(4):
        if not cloud.deliver(event):
            return
    pytest.fail("the message is still there")


def unreachable_firewall(_name: str) -> None:
    raise DeviceUnavailableError("firewall 10.0.1.7", "the firewall does not answer")


@pytest.mark.documents(id="failure-modes/D9")
@pytest.mark.documents(id="licensing/direct/normal")
def test_without_panorama_a_firewall_is_asked_at_its_management_address(
    running: Cloud, its_own_api: FakeFirewall, fake_panorama: FakePanorama, logs: Logs
) -> None:
    address = running.attached()[1]["PrivateIpAddress"]
    finish_directly(running, departure(running))
    assert its_own_api.addresses == [address]
    assert its_own_api.licensed == []
    assert its_own_api.key == LICENSING_KEY
    assert fake_panorama.calls == []
    written = running.tags()
    assert written["vmseries-autoscale:serial"] == SERIAL
    assert written["vmseries-autoscale:serial-evidence"] == "firewall"
    assert written["vmseries-autoscale:license"] == "returned"
    assert_nothing_left(running)
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.documents(id="licensing/direct/already-returned")
def test_without_panorama_a_license_that_is_back_already_is_success(
    running: Cloud, its_own_api: FakeFirewall, logs: Logs
) -> None:
    """A firewall without a license has no serial number."""
    its_own_api.licensed.clear()
    its_own_api.number = None
    finish_directly(running, departure(running))
    assert its_own_api.key == ""
    assert_nothing_left(running)
    assert metrics(logs())["LicenseReturned"] == 1


@pytest.mark.documents(id="licensing/direct/slow")
def test_without_panorama_a_slow_license_server_is_read_back_later(
    running: Cloud, its_own_api: FakeFirewall, logs: Logs
) -> None:
    its_own_api.works = False
    event = departure(running)
    assert running.deliver(event) == ["message-0"]
    assert reasons(logs()) == ["the firewall is returning its license"]
    assert len(running.attached()) == 3
    its_own_api.licensed.clear()
    finish_directly(running, event)
    assert_nothing_left(running)


@pytest.mark.documents(id="licensing/direct/cannot-deactivate")
@pytest.mark.parametrize(
    ("text", "error"),
    [(NO_KEY, "LicensingKeyError"), (NO_SERVER, "LicenseServerUnreachableError")],
)
def test_without_panorama_what_a_firewall_cannot_do_is_told_by_name(
    running: Cloud, its_own_api: FakeFirewall, logs: Logs, text: str, error: str
) -> None:
    def fail(name: str) -> None:
        if name == "deactivate_license":
            raise DeviceRefusedError("firewall 10.0.1.7", None, text)

    its_own_api.fail = fail
    assert running.deliver(departure(running)) == ["message-0"]
    records = logs()
    assert errors(records) == {error}
    assert any(f"firewall {SERIAL} ({running.instance_id})" in one for one in reasons(records))
    assert len(running.attached()) == 3


@pytest.mark.documents(id="licensing/direct/no-response")
def test_without_panorama_a_firewall_that_does_not_answer_is_given_up_at_the_deadline(
    running: Cloud, its_own_api: FakeFirewall, logs: Logs
) -> None:
    its_own_api.fail = unreachable_firewall
    assert running.deliver(departure(running, age=DAY - 60)) == ["message-0"]
    records = logs()
    assert errors(records) == {"DeviceUnavailableError"}
    assert "PanoramaUnavailable" not in metrics(records), "which counts Panorama's errors only"
    finish_directly(running, departure(running, age=DAY))
    assert_nothing_left(running)
    records = logs()
    (lost,) = [
        one
        for one in records
        if one.get("message") == firewall_license.UNKNOWN_LICENSE_NOT_RETURNED
    ]
    assert lost["instance_id"] == running.instance_id
    assert metrics(records)["LicenseNotReturned"] == 1


@pytest.mark.documents(id="licensing/direct/firewall-died")
def test_without_panorama_a_firewall_that_died_is_reported_by_its_serial_number(
    running: Cloud, its_own_api: FakeFirewall, logs: Logs
) -> None:
    own = {"Key": "vmseries-autoscale:serial", "Value": SERIAL}
    running.ec2.create_tags(Resources=[running.instance_id], Tags=[own])
    running.ec2.stop_instances(InstanceIds=[running.instance_id])
    finish_directly(running, departure(running))
    assert its_own_api.addresses == []
    assert told(logs(), firewall_license.LICENSE_NOT_RETURNED) == [SERIAL]


@pytest.mark.documents(id="licensing/direct/abandoned")
def test_without_panorama_an_abandoned_firewall_that_never_answered_is_not_waited_for(
    running: Cloud, its_own_api: FakeFirewall, logs: Logs
) -> None:
    abandoned = {"Key": "vmseries-autoscale:abandoned", "Value": "the deadline passed"}
    running.ec2.create_tags(Resources=[running.instance_id], Tags=[abandoned])
    its_own_api.fail = unreachable_firewall
    finish_directly(running, departure(running))
    assert_nothing_left(running)
    records = logs()
    (lost,) = [
        one
        for one in records
        if one.get("message") == firewall_license.UNKNOWN_LICENSE_NOT_RETURNED
    ]
    assert lost["instance_id"] == running.instance_id


@pytest.mark.documents(id="licensing/direct/no-management-interface")
def test_without_panorama_a_launch_that_came_to_nothing_has_no_license(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """Without a management interface a firewall gets none."""
    become_terminate(launching, monkeypatch, panorama=None, firewall_api=API)
    assert launching.deliver(departure(launching)) == []
    assert_nothing_left(launching)
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/direct/firewall-died")
def test_without_panorama_the_reconcile_function_names_what_a_dead_firewall_took_along(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    become_reconcile(reconciling, monkeypatch, panorama=None)
    gone_for_good(reconciling, fake_panorama)
    assert run(reconciling)["licenses_not_returned"] == [SERIAL]
    assert told(logs(), firewall_license.LICENSE_NOT_RETURNED) == [SERIAL]
