"""Launch, terminate and reconcile with Strata Cloud Manager as the manager."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from component.fakes import settings
from component.fakes.cloud import OTHER_SERIAL, SERIAL, Cloud
from component.fakes.firewall import FakeFirewall, raising
from component.fakes.functions import become_reconcile, become_terminate, configure
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import FakePanorama
from component.fakes.steps import end_without_visits, run
from component.fakes.strata_cloud_manager import FOLDER, FakeStrata
from vmseries_autoscale import firewall, strata_cloud_manager
from vmseries_autoscale.errors import (
    STRATA_CLOUD_MANAGER,
    DeviceAccessError,
    DeviceBusyError,
    DeviceUnavailableError,
)
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.strata_cloud_manager import ConfigurationJob, ManagedFirewall

REPORTED = "vmseries-autoscale:abandoned"


def managed(**changes: Any) -> dict[str, Any]:
    """The settings of a deployment that Strata Cloud Manager manages."""
    return {
        "panorama": None,
        "strata_cloud_manager": settings.strata_cloud_manager(),
        "firewall_api": settings.firewall_api(),
        **changes,
    }


@pytest.fixture
def strata(monkeypatch: pytest.MonkeyPatch) -> FakeStrata:
    fake = FakeStrata(versions={SERIAL: 72})
    monkeypatch.setattr(strata_cloud_manager, "connect", fake.connect)
    return fake


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeFirewall:
    fake = FakeFirewall()
    monkeypatch.setattr(firewall, "connect", fake.connect)
    return fake


def management(cloud: Cloud) -> dict[str, Any]:
    return cloud.attached()[1]


def registered(cloud: Cloud, **changes: Any) -> ManagedFirewall:
    """The firewall of the instance as Strata Cloud Manager lists it, with a host name by DHCP."""
    interface = management(cloud)
    known = ManagedFirewall(
        SERIAL,
        hostname="ip-10-0-1-7",
        folder=FOLDER,
        connected=True,
        ip_address=interface["PrivateIpAddress"],
        mac=interface["MacAddress"].lower(),
        names=frozenset({SERIAL, "ip-10-0-1-7", "PA-VM"}),
    )
    return replace(known, **changes)


@pytest.fixture
def launched(
    launching: Cloud, strata: FakeStrata, device: FakeFirewall, monkeypatch: pytest.MonkeyPatch
) -> Cloud:
    """A launch whose interfaces are attached, and whose firewall is registered."""
    configure(monkeypatch, launching.launch_settings(**managed()))
    assert launching.deliver(launching.event(Transition.LAUNCHING)) == ["message-0"]
    strata.add(registered(launching))
    return launching


def deliver(cloud: Cloud, **options: Any) -> list[str]:
    return list(cloud.deliver(cloud.event(Transition.LAUNCHING, **options)))


def test_a_firewall_in_its_folder_and_in_sync_enters_service(
    launched: Cloud, strata: FakeStrata, device: FakeFirewall
) -> None:
    strata.calls.clear()
    assert deliver(launched) == []
    assert launched.results == ["CONTINUE"]
    assert launched.tags()["vmseries-autoscale:serial"] == SERIAL
    assert launched.account.record(launched.instance_id).serial == SERIAL
    assert strata.calls == ["firewalls", "running_versions"]
    assert device.addresses == [management(launched)["PrivateIpAddress"]]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"connected": False}, "not connected"),
        ({"ip_address": "", "mac": "", "hostname": ""}, "lists no firewall with this host name"),
    ],
)
def test_a_firewall_that_is_not_connected_or_not_listed_is_waited_for(
    launched: Cloud, strata: FakeStrata, logs: Logs, changes: dict[str, Any], reason: str
) -> None:
    strata.add(registered(launched, **changes))
    assert deliver(launched) == ["message-0"]
    (text,) = reasons(logs())[-1:]
    assert reason in text
    assert "Panorama" not in text


@pytest.mark.parametrize(
    ("versions", "ready"),
    [
        ({}, False),
        ({OTHER_SERIAL: 72}, False),
        ({SERIAL: 72}, True),
        ({SERIAL: 71, FOLDER: 72}, False),
        ({SERIAL: 72, FOLDER: 72}, True),
        ({SERIAL: 73, FOLDER: 72}, True),
    ],
)
def test_in_sync_is_the_version_of_the_folder_if_it_is_listed(
    launched: Cloud, strata: FakeStrata, versions: dict[str, int], ready: bool
) -> None:
    strata.versions = versions
    assert deliver(launched) == ([] if ready else ["message-0"])


def test_a_failed_push_explains_why_a_firewall_is_not_in_sync(
    launched: Cloud, strata: FakeStrata, logs: Logs
) -> None:
    strata.versions = {}
    strata.jobs_listed = [
        ConfigurationJob(117, "another", finished=True, failed=True, text="FAIL"),
        ConfigurationJob(116, SERIAL, finished=True, failed=True, text="FAIL: config error"),
    ]
    assert deliver(launched) == ["message-0"]
    assert "job 116 failed: FAIL: config error" in reasons(logs())[-1]


def test_with_connected_no_version_is_read(
    launched: Cloud, strata: FakeStrata, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, launched.launch_settings(**managed(readiness="connected")))
    strata.versions = {}
    strata.calls.clear()
    assert deliver(launched) == []
    assert strata.calls == ["firewalls"]


def test_a_firewall_without_a_license_is_waited_for(
    launched: Cloud, device: FakeFirewall, logs: Logs
) -> None:
    device.licensed = []
    assert deliver(launched) == ["message-0"]
    assert "no license" in reasons(logs())[-1]
    device.fail = raising(DeviceUnavailableError("firewall 10.0.1.7", "does not answer"))
    assert deliver(launched) == ["message-0"]
    records = logs()
    assert "does not answer" in reasons(records)[-1]
    assert "VisitFailed" not in metrics(records)


@pytest.mark.parametrize("hostname", ["ip-10-0-1-7", "of the instance"])
def test_a_firewall_in_another_folder_is_abandoned_with_both_names(
    launched: Cloud, strata: FakeStrata, hostname: str
) -> None:
    name = launched.instance_id if hostname == "of the instance" else hostname
    strata.add(registered(launched, folder="branches", hostname=name))
    assert deliver(launched) == ["message-0"], "an onboarding rule may still move it"
    assert deliver(launched, age=2600) == ["message-0"]
    assert deliver(launched, age=2700) == []
    assert launched.results == ["ABANDON"]
    reason = launched.tags()[REPORTED]
    assert "branches" in reason
    assert "dgname" in reason
    assert "Panorama" not in reason
    assert "device group" not in reason


def test_of_two_firewalls_with_one_address_that_with_the_mac_address_is_taken(
    launched: Cloud, strata: FakeStrata
) -> None:
    strata.add(registered(launched, serial=OTHER_SERIAL, mac="02:00:00:00:00:99"))
    assert deliver(launched) == []
    assert launched.account.record(launched.instance_id).serial == SERIAL


def test_the_entry_of_an_earlier_firewall_with_the_address_is_not_taken(
    launched: Cloud, strata: FakeStrata
) -> None:
    strata.listed.clear()
    gone = registered(launched, serial=OTHER_SERIAL, mac="02:00:00:00:00:99", connected=False)
    strata.add(gone)
    assert deliver(launched) == ["message-0"]
    assert launched.account.record(launched.instance_id).serial is None


@pytest.mark.parametrize(
    ("error", "metric"),
    [
        (DeviceUnavailableError(STRATA_CLOUD_MANAGER, "no answer"), True),
        (DeviceAccessError(STRATA_CLOUD_MANAGER, "HTTP 403"), True),
        (DeviceBusyError(STRATA_CLOUD_MANAGER, "HTTP 429"), False),
    ],
)
def test_an_outage_is_waited_for_and_counted(
    launched: Cloud, strata: FakeStrata, logs: Logs, error: Exception, metric: bool
) -> None:
    strata.fail = raising(error)
    logs()
    assert deliver(launched) == ["message-0"]
    counted = metrics(logs())
    assert ("StrataCloudManagerUnavailable" in counted) is metric
    assert "PanoramaUnavailable" not in counted


@pytest.fixture
def leaving(
    launched: Cloud, strata: FakeStrata, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> Cloud:
    """A firewall in service, and the terminate function."""
    assert deliver(launched) == []
    become_terminate(launched, monkeypatch, **managed())
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "terminate")
    strata.calls.clear()
    logs()
    return launched


def terminate(cloud: Cloud, **options: Any) -> list[str]:
    return list(cloud.deliver(cloud.event(Transition.TERMINATING, **options)))


def left(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in records if "still lists the firewall" in str(item.get("message"))]


def test_the_firewall_returns_its_license_and_stays_listed(
    leaving: Cloud, strata: FakeStrata, device: FakeFirewall, logs: Logs
) -> None:
    for _ in range(8):
        if not (waiting := terminate(leaving)):
            break
        leaving.account.sleep(61)
    assert waiting == []
    assert leaving.results == ["CONTINUE"]
    assert device.licensed == []
    record = leaving.account.record(leaving.instance_id)
    assert record.license is LicenseState.RETURNED
    assert record.left_registered is not None
    records = logs()
    (message,) = left(records)
    assert (message["serial"], message["folder"]) == (SERIAL, FOLDER)
    assert metrics(records)["LeftRegistered"] == 1
    assert "LicenseNotReturned" not in metrics(records)


def test_a_firewall_that_never_registered_is_not_reported(
    leaving: Cloud, strata: FakeStrata, logs: Logs
) -> None:
    strata.listed.clear()
    for _ in range(8):
        if not terminate(leaving):
            break
        leaving.account.sleep(61)
    assert leaving.results == ["CONTINUE"]
    assert left(logs()) == []
    assert leaving.account.record(leaving.instance_id).left_registered is None


@pytest.mark.parametrize(
    "error",
    [
        DeviceUnavailableError(STRATA_CLOUD_MANAGER, "no answer"),
        DeviceBusyError(STRATA_CLOUD_MANAGER, "HTTP 429"),
    ],
)
def test_an_outage_does_not_hold_a_termination(
    leaving: Cloud, strata: FakeStrata, device: FakeFirewall, logs: Logs, error: Exception
) -> None:
    strata.fail = raising(error)
    for _ in range(8):
        if not terminate(leaving):
            break
        leaving.account.sleep(61)
    assert leaving.results == ["CONTINUE"]
    assert device.licensed == []
    assert left(logs()) == []


@pytest.fixture
def gone(leaving: Cloud, strata: FakeStrata, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> Cloud:
    """An instance that was terminated without visits; the reconcile function is under test."""
    end_without_visits(leaving, FakePanorama())
    strata.add(replace(strata.listed[SERIAL], connected=False))
    changes = {"panorama": None, "strata_cloud_manager": settings.strata_cloud_manager()}
    become_reconcile(leaving, monkeypatch, **changes)
    logs()
    return leaving


def test_a_run_reports_a_listed_firewall_until_it_is_removed(
    gone: Cloud, strata: FakeStrata, logs: Logs
) -> None:
    report = run(gone)
    assert report["left_registered"] == {SERIAL: gone.instance_id}
    assert metrics(logs())["LeftRegistered"] == 1
    assert gone.account.record(gone.instance_id).left_registered is not None

    report = run(gone)
    assert report["left_registered"] == {SERIAL: gone.instance_id}
    assert metrics(logs())["LeftRegistered"] == 1, "the alarm lasts"

    strata.listed.clear()
    report = run(gone)
    assert report["left_registered"] == {}
    assert metrics(logs())["LeftRegistered"] == 0, "the alarm ends"
    assert gone.account.record(gone.instance_id).left_registered is None


def test_a_dry_run_reports_and_writes_nothing(gone: Cloud, logs: Logs) -> None:
    before = gone.account.record(gone.instance_id)
    report = run(gone, {"action": "report"})
    assert report["left_registered"] == {SERIAL: gone.instance_id}
    assert gone.account.record(gone.instance_id) == before


def test_the_firewalls_of_others_and_of_members_are_not_reported(
    leaving: Cloud, strata: FakeStrata, monkeypatch: pytest.MonkeyPatch
) -> None:
    strata.add(ManagedFirewall(OTHER_SERIAL, hostname="branch-1", folder=FOLDER))
    changes = {"panorama": None, "strata_cloud_manager": settings.strata_cloud_manager()}
    become_reconcile(leaving, monkeypatch, **changes)
    assert run(leaving)["left_registered"] == {}


def test_an_outage_does_not_end_a_run_and_its_alarm_ends_with_it(
    gone: Cloud, strata: FakeStrata, logs: Logs
) -> None:
    strata.fail = raising(DeviceUnavailableError(STRATA_CLOUD_MANAGER, "no answer"))
    report = run(gone)
    assert report["left_registered"] == {}
    assert "no answer" in report["not_checked"]["firewalls in Strata Cloud Manager"]
    counted = metrics(logs())
    assert counted["StrataCloudManagerUnavailable"] == 1
    assert "LeftRegistered" not in counted, "nobody knows"

    strata.fail = lambda _name: None
    run(gone)
    assert metrics(logs())["StrataCloudManagerUnavailable"] == 0
