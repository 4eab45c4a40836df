"""Licenses: each one is verified as returned, or reported as not returned.

docs/licensing.md has a row for each situation; these are its tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from component.fakes import settings
from component.fakes.cloud import SERIAL, Cloud, add_firewall
from component.fakes.firewall import FakeFirewall
from component.fakes.functions import become_reconcile, become_terminate
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import LICENSE_MANAGER, FakePanorama
from component.fakes.runtime import FakeContext
from component.fakes.secrets_manager import LICENSING_KEY
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
    unreachable,
    visit_until_done,
)
from vmseries_autoscale import firewall
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceAccessError,
    DeviceBusyError,
    DeviceRefusedError,
    DeviceUnavailableError,
)
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.licensing import reporting as firewall_license
from vmseries_autoscale.licensing.evidence import WITNESS_SECONDS
from vmseries_autoscale.licensing.reporting import LICENSE_LEFT_TO_RECONCILE
from vmseries_autoscale.panorama import Part

OTHERS = [f"00795100000000{number}" for number in range(4)]
NO_SERVER = "Failed to get license info. Please try again later."
NO_KEY = "API Key is not set"
WRONG_KEY = "Invalid or missing deactivation token"


@pytest.fixture
def by_plugin(running: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """One firewall in service, licensed by Panorama's plugin, and the terminate function."""
    become_terminate(running, monkeypatch, licensing=settings.PLUGIN_LICENSING)
    return running


def refuse(panorama: FakePanorama, method: str, error: Exception) -> None:
    """Let a method of Panorama raise an error."""

    def fail(name: str) -> None:
        if name == method:
            raise error

    panorama.fail = fail


def serials_logged(records: list[dict[str, Any]], text: str) -> list[str]:
    """The serial numbers in the log records with this message."""
    return [record["serial"] for record in records if record.get("message") == text]


def instances_logged(records: list[dict[str, Any]], text: str) -> list[str]:
    """The instance IDs in the log records with this message."""
    return [record["instance_id"] for record in records if record.get("message") == text]


def errors(records: list[dict[str, Any]]) -> set[str]:
    """The names of the errors that visits ended with."""
    return {record["error"] for record in records if "error" in record}


# Licenses that Panorama's plugin manages.


@pytest.mark.documents(id="licensing/plugin/normal")
def test_nothing_is_removed_while_the_plugin_lists_the_firewall(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = termination_event(by_plugin)
    fake_panorama.calls.clear()
    assert by_plugin.deliver(event) == ["message-0"]
    assert fake_panorama.calls == [
        *("members", "plugin_licensed", "commits", "plugin_deactivate"),
        "commit of the plugin's changes",
    ]
    assert any(f"lists {SERIAL} as licensed" in reason for reason in reasons(logs()))
    assert fake_panorama.entries() == 4
    assert license_of(by_plugin) is LicenseState.REQUESTED

    fake_panorama.finish_plugin()
    assert by_plugin.deliver(event) == ["message-0"]
    assert len(fake_panorama.jobs) == 1, "the plugin had no changes to commit before"
    fake_panorama.finish_job()
    assert fake_panorama.entries() == 4

    assert by_plugin.deliver(event) == ["message-0"]
    assert fake_panorama.entries() == 4, "one absence is not enough"
    pass_time(by_plugin)
    fake_panorama.calls.clear()
    assert by_plugin.deliver(event) == ["message-0"]
    assert fake_panorama.calls[:5] == [
        *("members", "plugin_licensed", "licenses", "system_info"),
        "commit of the plugin's changes",
    ]
    assert "remove_all" in fake_panorama.calls
    assert license_of(by_plugin) is LicenseState.RETURNED
    assert metrics(logs())["LicenseReturned"] == 1

    visit_until_done(by_plugin, fake_panorama, event)
    assert_terminated(by_plugin)
    assert fake_panorama.entries() == 0
    assert fake_panorama.keys == {}, "the plugin uses Panorama's own licensing API key"
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/plugin/normal")
def test_a_batch_sends_one_request_to_the_plugin(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [launching.instance_id, *(launching.add_instance() for _ in OTHERS[1:])]
    for instance_id, serial in zip(ids, OTHERS, strict=True):
        add_firewall(launching, fake_panorama, instance_id, serial)
    become_terminate(launching, monkeypatch, licensing=settings.PLUGIN_LICENSING)
    bodies = [termination_event(launching, instance_id) for instance_id in ids]
    fake_panorama.delicense(OTHERS[0])
    launching.deliver(*bodies)
    pass_time(launching)
    launching.deliver(*bodies)
    assert fake_panorama.deactivation_requests == [frozenset(OTHERS[1:])] * 2
    assert fake_panorama.named[Part.MANAGED_DEVICES] == set(OTHERS[1:]), "the first one is removed"
    fake_panorama.finish_plugin()
    for _ in range(6):
        fake_panorama.finish_job()
        pass_time(launching)
        launching.deliver(*bodies)
    assert launching.deliver(*bodies) == []
    assert launching.own_interfaces() == []
    assert fake_panorama.entries() == 0


@pytest.mark.documents(id="licensing/plugin/normal")
def test_the_request_to_the_plugin_is_repeated_while_it_lists_the_firewall(
    by_plugin: Cloud, fake_panorama: FakePanorama
) -> None:
    """The plugin has lost the request, or made its changes after our commit."""
    event = termination_event(by_plugin)
    by_plugin.deliver(event)
    by_plugin.deliver(event)
    assert fake_panorama.deactivation_requests == [frozenset({SERIAL})] * 2
    assert fake_panorama.calls.count("commit of the plugin's changes") == 2


def test_a_visit_without_time_sends_no_request_to_the_plugin(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    fake_panorama.calls.clear()
    event = termination_event(by_plugin)
    assert by_plugin.deliver(event, context=FakeContext(10_000)) == ["message-0"]
    assert reasons(logs()) == ["no time left in this invocation"]
    assert fake_panorama.calls == ["members"]


@pytest.mark.documents(id="licensing/plugin/late-firewall")
def test_the_firewalls_own_license_list_may_be_out_of_date(
    by_plugin: Cloud, fake_panorama: FakePanorama
) -> None:
    event = termination_event(by_plugin)
    by_plugin.deliver(event)
    fake_panorama.listed[LICENSE_MANAGER].clear()
    for _ in range(WITNESS_SECONDS // 60):
        by_plugin.deliver(event)
        pass_time(by_plugin)
        assert license_of(by_plugin) is LicenseState.REQUESTED, "the firewall contradicts the list"
    by_plugin.deliver(event)
    assert fake_panorama.licensed[SERIAL] != []
    assert license_of(by_plugin) is LicenseState.RETURNED


def by_our_own_function(panorama: FakePanorama) -> None:
    """An earlier visit returned it, and could not tag the instance."""
    panorama.delicense(SERIAL)
    change_device(panorama, connected=False)


def by_auto_deactivation(panorama: FakePanorama) -> None:
    """The plugin returned it hours after the firewall disconnected; it also deletes the device."""
    panorama.delicense(SERIAL)
    del panorama.firewalls[SERIAL]
    for part in Part:
        panorama.named[part].discard(SERIAL)
        panorama.committed[part].discard(SERIAL)


def by_fast_delicensing(panorama: FakePanorama) -> None:
    """The delicensing manager of Panorama's AWS plugin returned it after the disconnection."""
    panorama.delicense(SERIAL)
    change_device(panorama, connected=False)


RETURNED_BY_OTHERS = [by_our_own_function, by_auto_deactivation, by_fast_delicensing]


@pytest.mark.documents(id="licensing/plugin/already-returned")
@pytest.mark.parametrize("return_license", RETURNED_BY_OTHERS)
def test_a_license_that_was_returned_before_the_first_visit_counts_as_returned(
    by_plugin: Cloud,
    fake_panorama: FakePanorama,
    logs: Logs,
    return_license: Callable[[FakePanorama], None],
) -> None:
    return_license(fake_panorama)
    visit_until_done(by_plugin, fake_panorama, termination_event(by_plugin))
    assert_terminated(by_plugin)
    assert fake_panorama.entries() == 0
    assert "plugin_deactivate" not in fake_panorama.calls
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "VisitFailed" not in counted


@pytest.mark.documents(id="licensing/plugin/returned-meanwhile")
@pytest.mark.parametrize("return_license", RETURNED_BY_OTHERS)
def test_a_license_that_is_returned_between_two_visits_counts_as_returned(
    by_plugin: Cloud,
    fake_panorama: FakePanorama,
    logs: Logs,
    return_license: Callable[[FakePanorama], None],
) -> None:
    event = termination_event(by_plugin)
    by_plugin.deliver(event)
    return_license(fake_panorama)
    fake_panorama.deactivation_requests.clear()
    visit_until_done(by_plugin, fake_panorama, event)
    assert_terminated(by_plugin)
    assert fake_panorama.entries() == 0
    assert "VisitFailed" not in metrics(logs())


@pytest.mark.documents(id="licensing/plugin/firewall-died")
def test_the_plugin_returns_the_license_of_a_dead_firewall(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    change_device(fake_panorama, connected=False)
    event = termination_event(by_plugin)
    by_plugin.ec2.stop_instances(InstanceIds=[by_plugin.instance_id])
    visit_until_done(by_plugin, fake_panorama, event)
    assert fake_panorama.listed == {LICENSE_MANAGER: set()}
    assert fake_panorama.entries() == 0
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.documents(id="licensing/plugin/wrong-license-manager")
def test_the_wrong_license_manager_is_reported(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_terminate(
        by_plugin,
        monkeypatch,
        licensing={**settings.PLUGIN_LICENSING, "license_manager": "another"},
    )
    assert by_plugin.deliver(termination_event(by_plugin)) == ["message-0"]
    records = logs()
    assert errors(records) == {"LicenseManagerError"}
    assert any(
        SERIAL in reason and "another" in reason and "licensing.license_manager" in reason
        for reason in reasons(records)
    )
    assert fake_panorama.entries() == 4
    assert license_of(by_plugin) is LicenseState.HELD


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
def test_an_error_of_the_plugin_names_its_cause_and_is_retried(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs, text: str, error: str, advice: str
) -> None:
    event = termination_event(by_plugin)
    refuse(fake_panorama, "plugin_deactivate", DeviceRefusedError(PANORAMA, None, text))
    assert by_plugin.deliver(event) == ["message-0"]
    records = logs()
    assert errors(records) == {error}
    assert any(advice in reason for reason in reasons(records))
    assert fake_panorama.entries() == 4
    fake_panorama.fail = lambda _name: None
    visit_until_done(by_plugin, fake_panorama, event)
    assert fake_panorama.listed == {LICENSE_MANAGER: set()}
    assert_terminated(by_plugin)


@pytest.mark.documents(id="licensing/plugin/commit-not-permitted")
def test_a_refused_commit_of_the_plugins_changes_is_reported(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = termination_event(by_plugin)
    refuse(fake_panorama, "commit of the plugin's changes", DeviceAccessError(PANORAMA, "the role"))
    assert by_plugin.deliver(event) == ["message-0"]
    assert errors(logs()) == {"DeviceAccessError"}
    assert fake_panorama.entries() == 4


@pytest.mark.documents(id="licensing/plugin/commit-failed")
def test_a_failed_commit_of_the_plugins_changes_is_reported_and_retried(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = termination_event(by_plugin)
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
    visit_until_done(by_plugin, fake_panorama, event)
    assert fake_panorama.listed == {LICENSE_MANAGER: set()}
    assert_terminated(by_plugin)


@pytest.mark.documents(id="licensing/plugin/commit-postponed")
def test_a_postponed_commit_of_the_plugins_changes_is_made_later(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Auto-deactivation has returned the license, but its changes are not committed yet."""
    fake_panorama.delicense(SERIAL)
    fake_panorama.deactivated[""] = {SERIAL}
    event = termination_event(by_plugin)
    fake_panorama.calls.clear()
    busy = DeviceBusyError(PANORAMA, "Panorama is busy")
    refuse(fake_panorama, "commit of the plugin's changes", busy)
    logs()
    assert by_plugin.deliver(event) == ["message-0"]
    assert reasons(logs()) == ["Panorama is busy"]
    assert license_of(by_plugin) is not LicenseState.RETURNED

    fake_panorama.fail = lambda _name: None
    visit_until_done(by_plugin, fake_panorama, event)
    assert fake_panorama.deactivated[""] == set()
    assert metrics(logs())["LicenseReturned"] == 1
    assert_terminated(by_plugin)
    assert fake_panorama.entries() == 0


@pytest.mark.documents(id="licensing/plugin/silent-failure")
def test_at_the_deadline_the_firewall_is_left_to_the_reconcile_function(
    by_plugin: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin does nothing for a day, and works again after the instance was terminated."""
    fake_panorama.plugin_works = False
    late = termination_event(by_plugin, age=DAY)
    assert by_plugin.deliver(late) == []
    assert_terminated(by_plugin)
    records = logs()
    assert serials_logged(records, LICENSE_LEFT_TO_RECONCILE) == [SERIAL]
    assert metrics(records)["TerminationDeadlinePassed"] == 1
    assert "LicenseNotReturned" not in metrics(records), "it may still be returned"
    assert fake_panorama.entries() == 4, "the plugin could not find a removed firewall"

    gone = end_with_activity(by_plugin, fake_panorama)
    fake_panorama.plugin_works = True
    reconcile_licenses(by_plugin, fake_panorama, monkeypatch, gone)


@pytest.mark.documents(id="licensing/plugin/panorama-away")
@pytest.mark.documents(id="panorama/pair/long-outage-plugin")
@pytest.mark.parametrize("age", [DAY - 3600, DAY + 600])
def test_no_license_of_the_plugin_is_lost_while_panorama_is_unreachable(
    by_plugin: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    age: int,
) -> None:
    fake_panorama.fail = unreachable
    event = termination_event(by_plugin, age=age)
    waiting = by_plugin.deliver(event)
    if age < DAY:
        fake_panorama.fail = lambda _name: None
        visit_until_done(by_plugin, fake_panorama, event)
        assert fake_panorama.entries() == 0
        return
    assert waiting == []
    assert serials_logged(logs(), LICENSE_LEFT_TO_RECONCILE) == [SERIAL]
    fake_panorama.fail = lambda _name: None
    reconcile_licenses(
        by_plugin, fake_panorama, monkeypatch, end_with_activity(by_plugin, fake_panorama)
    )


def end_with_activity(cloud: Cloud, panorama: FakePanorama) -> str:
    """End an instance without any visit, and record its termination; return its ID."""
    gone = end_without_visits(cloud, panorama)
    record_activity(cloud, ActivityType.TERMINATING, gone, FLOOR + 60, FLOOR + 60)
    return gone


def reconcile_by_plugin(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the reconcile function of a deployment with licenses of Panorama's plugin under test."""
    become_reconcile(cloud, monkeypatch, licensing_mode="plugin", license_manager=LICENSE_MANAGER)


def reconcile_licenses(
    cloud: Cloud, panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    """Check that the reconcile function returns the license first, then removes the firewall."""
    reconcile_by_plugin(cloud, monkeypatch)
    panorama.deactivation_requests.clear()
    first = run(cloud)
    assert first["orphans"] == {gone: SERIAL}
    assert first["licenses_not_returned"] == []
    assert f"lists {SERIAL} as licensed" in first["unfinished"][gone]
    assert panorama.deactivation_requests == [frozenset({SERIAL})]
    assert panorama.entries() == 4
    assert panorama.named == panorama.committed

    panorama.finish_plugin()
    assert f"lists {SERIAL} as licensed" in run(cloud)["unfinished"][gone]
    panorama.finish_job()
    assert "a second look follows" in run(cloud)["unfinished"][gone]
    pass_time(cloud)
    assert run(cloud)["unfinished"] == {gone: "commit job 2 was requested"}
    panorama.finish_job()
    assert not any(run(cloud).values())
    assert panorama.entries() == 0
    assert panorama.listed == {LICENSE_MANAGER: set()}


@pytest.mark.documents(id="licensing/plugin/died-without-hook")
def test_the_reconcile_function_returns_a_license_through_the_plugin(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    gone = end_with_activity(reconciling, fake_panorama)
    reconcile_licenses(reconciling, fake_panorama, monkeypatch, gone)
    assert "LicenseNotReturned" not in metrics(logs())


def test_a_report_sends_no_request_to_the_plugin(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile_by_plugin(reconciling, monkeypatch)
    end_with_activity(reconciling, fake_panorama)
    run(reconciling, {"action": "report"})
    assert fake_panorama.deactivation_requests == []
    assert fake_panorama.jobs == []


@pytest.mark.documents(id="licensing/plugin/silent-failure")
def test_a_license_that_the_plugin_keeps_listing_is_counted_once_after_a_day(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """The firewall stays in Panorama, by whose entry the plugin finds it."""
    fake_panorama.plugin_works = False
    reconcile_by_plugin(reconciling, monkeypatch)
    gone = end_with_activity(reconciling, fake_panorama)
    assert run(reconciling)["licenses_not_returned"] == []
    pass_time(reconciling, DAY)
    for _ in range(2):
        report = run(reconciling)
        assert report["licenses_not_returned"] == [SERIAL]
        assert gone in report["unfinished"]
    assert metrics(logs())["LicenseNotReturned"] == 1
    assert fake_panorama.entries() == 4
    fake_panorama.plugin_works = True
    for _ in range(5):
        pass_time(reconciling)
        report = run(reconciling)
        fake_panorama.finish_plugin()
        fake_panorama.finish_job()
    assert not any(report.values())
    assert fake_panorama.entries() == 0


@pytest.mark.documents(id="licensing/plugin/panorama-away")
def test_a_license_that_the_plugin_has_returned_is_not_reported_at_the_end_of_the_day(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """What the list no longer shows waits only for a second look, as after an outage."""
    reconcile_by_plugin(reconciling, monkeypatch)
    end_with_activity(reconciling, fake_panorama)
    for _ in range(2):
        run(reconciling)
        fake_panorama.finish_plugin()
        fake_panorama.finish_job()
    pass_time(reconciling, DAY)
    for _ in range(3):
        assert run(reconciling)["licenses_not_returned"] == []
        fake_panorama.finish_job()
        pass_time(reconciling)
    assert fake_panorama.entries() == 0
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/plugin/commit-failed")
def test_a_run_reports_a_failed_commit_of_the_plugins_changes(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile_by_plugin(reconciling, monkeypatch)
    gone = end_with_activity(reconciling, fake_panorama)
    run(reconciling)
    fake_panorama.finish_plugin()
    run(reconciling)
    fake_panorama.commit_fails = ("zone untrust is invalid",)
    fake_panorama.finish_job()
    assert "zone untrust is invalid" in run(reconciling)["unfinished"][gone]


@pytest.mark.parametrize("method", ["plugin_licensed", "plugin_deactivate"])
def test_a_refusal_of_the_plugin_does_not_stop_the_run(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    reconcile_by_plugin(reconciling, monkeypatch)
    gone = end_with_activity(reconciling, fake_panorama)
    refuse(fake_panorama, method, DeviceRefusedError(PANORAMA, None, NO_KEY))
    report = run(reconciling)
    assert NO_KEY in report["unfinished"][gone]
    assert reconciling.own_interfaces() == []
    assert fake_panorama.named == fake_panorama.committed
    assert fake_panorama.entries() == 4


def test_a_run_without_time_sends_no_request_to_the_plugin(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile_by_plugin(reconciling, monkeypatch)
    gone = end_with_activity(reconciling, fake_panorama)
    report = run(reconciling, context=FakeContext(10_000))
    assert report["unfinished"][gone] == "no time left in this invocation"
    assert reconciling.account.record(gone).license is not LicenseState.RETURNED
    assert fake_panorama.deactivation_requests == []


# Licenses that firewalls return through Panorama.


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
def test_a_licensing_error_names_its_cause_and_is_retried(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, text: str, error: str, advice: str
) -> None:
    event = termination_event(running)
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
    visit_until_done(running, fake_panorama, event)
    assert fake_panorama.licensed[SERIAL] == []
    assert_terminated(running)


@pytest.mark.documents(id="licensing/panorama/license-server-unreachable")
def test_a_termination_waits_for_an_unreachable_license_server_until_the_deadline(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    refuse(fake_panorama, "deactivate_license", DeviceRefusedError(PANORAMA, None, NO_SERVER))
    assert running.deliver(termination_event(running, age=DAY - 60)) == ["message-0"]
    assert errors(logs()) == {"LicenseServerUnreachableError"}
    visit_until_done(running, fake_panorama, termination_event(running, age=DAY))
    records = logs()
    assert serials_logged(records, LICENSE_LEFT_TO_RECONCILE) == [SERIAL]
    assert "LicenseNotReturned" not in metrics(records)
    assert fake_panorama.entries() == 4, "the reconcile function continues"


@pytest.mark.documents(id="licensing/panorama/away-beyond-deadline")
@pytest.mark.documents(id="panorama/pair/long-outage")
def test_the_reconcile_function_can_only_report_the_license_of_a_dead_firewall(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """Panorama was unavailable until after the deadline; in this mode nothing else returns it."""
    fake_panorama.fail = unreachable
    event = termination_event(running, age=DAY + 600)
    running.deliver(event)
    assert running.deliver(event) == []
    fake_panorama.fail = lambda _name: None
    end_with_activity(running, fake_panorama)
    become_reconcile(running, monkeypatch)
    logs()
    assert run(running)["licenses_not_returned"] == [SERIAL]
    assert serials_logged(logs(), firewall_license.LICENSE_NOT_RETURNED) == [SERIAL]
    fake_panorama.finish_job()
    assert fake_panorama.entries() == 0


# Licenses that firewalls return directly, without Panorama.


@pytest.fixture
def firewall_api(running: Cloud, monkeypatch: pytest.MonkeyPatch) -> FakeFirewall:
    """A deployment without Panorama, with access to its firewalls, and the terminate function."""
    fake = FakeFirewall()
    monkeypatch.setattr(firewall, "connect", fake.connect)
    become_terminate(running, monkeypatch, panorama=None, firewall_api=settings.firewall_api())
    own = {"Key": "vmseries-autoscale:serial"}
    running.ec2.delete_tags(Resources=[running.instance_id], Tags=[own])
    running.account.put_record(running.instance_id, serial=None, evidence=frozenset())
    return fake


def finish_directly(cloud: Cloud, event: dict[str, Any]) -> None:
    """Deliver the event until its message is deleted, without Panorama."""
    for _ in range(6):
        if not cloud.deliver(event):
            return
        pass_time(cloud)
    pytest.fail("the message is still in the queue")


def unreachable_firewall(_name: str) -> None:
    """Fail as a request to a firewall that does not respond."""
    raise DeviceUnavailableError("firewall 10.0.1.7", "the firewall does not answer")


@pytest.mark.documents(id="failure-modes/D9")
@pytest.mark.documents(id="licensing/direct/normal")
def test_without_panorama_a_firewall_returns_its_license_at_its_management_address(
    running: Cloud, firewall_api: FakeFirewall, fake_panorama: FakePanorama, logs: Logs
) -> None:
    address = running.attached()[1]["PrivateIpAddress"]
    finish_directly(running, termination_event(running))
    assert firewall_api.addresses == [address]
    assert firewall_api.licensed == []
    assert firewall_api.key == LICENSING_KEY
    assert fake_panorama.calls == []
    assert running.tags()["vmseries-autoscale:serial"] == SERIAL
    assert license_of(running) is LicenseState.RETURNED
    assert_terminated(running)
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.documents(id="licensing/direct/already-returned")
def test_without_panorama_a_license_that_was_already_returned_counts_as_returned(
    running: Cloud, firewall_api: FakeFirewall, logs: Logs
) -> None:
    """A firewall without a license has no serial number. It has booted long ago."""
    pass_time(running, settings.JOIN_SECONDS)
    firewall_api.licensed.clear()
    firewall_api.number = None
    finish_directly(running, termination_event(running))
    assert firewall_api.key == ""
    assert_terminated(running)
    assert metrics(logs())["LicenseReturned"] == 1


@pytest.mark.documents(id="licensing/direct/slow")
def test_without_panorama_a_slow_deactivation_is_verified_later(
    running: Cloud, firewall_api: FakeFirewall, logs: Logs
) -> None:
    firewall_api.works = False
    event = termination_event(running)
    assert running.deliver(event) == ["message-0"]
    assert license_of(running) is LicenseState.REQUESTED
    assert reasons(logs()) == ["the deactivation was requested; nothing shows its result yet"]
    assert len(running.attached()) == 3
    firewall_api.licensed.clear()
    finish_directly(running, event)
    assert_terminated(running)


@pytest.mark.documents(id="licensing/direct/cannot-deactivate")
@pytest.mark.parametrize(
    ("text", "error"),
    [(NO_KEY, "LicensingKeyError"), (NO_SERVER, "LicenseServerUnreachableError")],
)
def test_without_panorama_a_licensing_error_names_its_cause(
    running: Cloud, firewall_api: FakeFirewall, logs: Logs, text: str, error: str
) -> None:
    def fail(name: str) -> None:
        if name == "deactivate_license":
            raise DeviceRefusedError("firewall 10.0.1.7", None, text)

    firewall_api.fail = fail
    assert running.deliver(termination_event(running)) == ["message-0"]
    records = logs()
    assert errors(records) == {error}
    assert any(
        f"firewall {SERIAL} ({running.instance_id})" in reason for reason in reasons(records)
    )
    assert len(running.attached()) == 3


@pytest.mark.documents(id="licensing/direct/no-response")
def test_without_panorama_an_unreachable_firewall_is_terminated_at_the_deadline(
    running: Cloud, firewall_api: FakeFirewall, logs: Logs
) -> None:
    firewall_api.fail = unreachable_firewall
    assert running.deliver(termination_event(running, age=DAY - 60)) == ["message-0"]
    records = logs()
    assert errors(records) == {"DeviceUnavailableError"}
    assert "PanoramaUnavailable" not in metrics(records), "it counts only Panorama's errors"
    finish_directly(running, termination_event(running, age=DAY))
    assert_terminated(running)
    records = logs()
    unknown = instances_logged(records, firewall_license.UNKNOWN_LICENSE_NOT_RETURNED)
    assert unknown == [running.instance_id]
    assert metrics(records)["LicenseNotReturned"] == 1


@pytest.mark.documents(id="licensing/direct/firewall-died")
def test_without_panorama_a_firewall_that_died_is_reported_by_its_serial_number(
    running: Cloud, firewall_api: FakeFirewall, logs: Logs
) -> None:
    running.account.put_record(running.instance_id, serial=SERIAL)
    running.ec2.stop_instances(InstanceIds=[running.instance_id])
    finish_directly(running, termination_event(running))
    assert firewall_api.addresses == []
    assert serials_logged(logs(), firewall_license.LICENSE_NOT_RETURNED) == [SERIAL]


@pytest.mark.documents(id="licensing/direct/abandoned")
def test_without_panorama_a_termination_does_not_wait_for_an_abandoned_firewall(
    running: Cloud, firewall_api: FakeFirewall, logs: Logs
) -> None:
    abandoned = {"Key": "vmseries-autoscale:abandoned", "Value": "the deadline passed"}
    running.ec2.create_tags(Resources=[running.instance_id], Tags=[abandoned])
    firewall_api.fail = unreachable_firewall
    finish_directly(running, termination_event(running))
    assert_terminated(running)
    records = logs()
    unknown = instances_logged(records, firewall_license.UNKNOWN_LICENSE_NOT_RETURNED)
    assert unknown == [running.instance_id]


@pytest.mark.documents(id="licensing/direct/no-management-interface")
def test_without_panorama_a_firewall_without_a_management_interface_has_no_license(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """Without a management interface, a firewall never gets a license."""
    become_terminate(launching, monkeypatch, panorama=None, firewall_api=settings.firewall_api())
    assert launching.deliver(termination_event(launching)) == []
    assert_terminated(launching)
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/direct/firewall-died")
def test_without_panorama_the_reconcile_function_reports_the_license_of_a_dead_firewall(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    become_reconcile(reconciling, monkeypatch, panorama=None)
    gone = end_with_activity(reconciling, fake_panorama)
    reconciling.account.put_record(gone, serial=SERIAL, management_ip="10.0.1.7")
    assert run(reconciling)["licenses_not_returned"] == [SERIAL]
    records = logs()
    assert serials_logged(records, firewall_license.LICENSE_NOT_RETURNED) == [SERIAL]
    assert metrics(records)["LicenseNotReturned"] == 1
    assert run(reconciling)["licenses_not_returned"] == [SERIAL], "until it is ticked off"
    assert "LicenseNotReturned" not in metrics(logs()), "it is counted once"
