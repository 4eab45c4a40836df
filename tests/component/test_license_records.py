"""Records that say little, or too much, of a firewall that is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from component.fakes.cloud import Cloud
from component.fakes.functions import become_reconcile
from component.fakes.logs import Logs, metrics
from component.fakes.panorama import LICENSE_MANAGER, FakePanorama
from component.fakes.steps import end_without_visits, run
from vmseries_autoscale.firewall_records import LicenseState

GONE = "i-0dead"
LOST = "007951000999999"


@pytest.fixture
def mode(
    request: pytest.FixtureRequest, reconciling: Cloud, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The licensing mode of the reconcile function."""
    value: str = request.param
    manager = LICENSE_MANAGER if value == "plugin" else None
    become_reconcile(reconciling, monkeypatch, licensing_mode=value, license_manager=manager)
    return value


def run_hourly(cloud: Cloud, times: int = 3) -> list[dict[str, Any]]:
    """Run a few times."""
    reports = []
    for _ in range(times):
        reports.append(run(cloud))
        cloud.account.now += timedelta(hours=1)
    return reports


@pytest.mark.parametrize("mode", ["plugin"], indirect=True)
@pytest.mark.parametrize(
    "known",
    [
        {},
        {"serial": LOST, "ambiguous": "another firewall's host name"},
        {"management_ip": "10.9.9.9"},
        {"management_ip": "10.9.9.9", "serial": LOST, "ambiguous": "a reason"},
    ],
    ids=[
        "neither serial number nor address",
        "a serial number in doubt",
        "an address, which behind NAT is not the one that the list shows",
        "an address, and a serial number in doubt",
    ],
)
@pytest.mark.parametrize("state", [LicenseState.UNKNOWN, LicenseState.NOT_RETURNED])
def test_a_license_that_nothing_names_is_not_ticked_off_by_a_list(
    reconciling: Cloud,
    fake_panorama: FakePanorama,
    mode: str,
    logs: Logs,
    known: dict[str, Any],
    state: LicenseState,
) -> None:
    """Whichever firewall it was, the license manager may list it under any serial number."""
    fake_panorama.listed[LICENSE_MANAGER].add("007951000888888")
    reconciling.account.put_record(
        GONE, license=state, macs=frozenset({"02:00:00:00:00:01"}), **known
    )
    reports = run_hourly(reconciling)
    assert reconciling.account.record(GONE).license is LicenseState.NOT_RETURNED, mode
    assert all(len(report["licenses_not_returned"]) == 1 for report in reports)
    told = metrics(logs()).get("LicenseNotReturned", 0)
    assert told == (0 if state is LicenseState.NOT_RETURNED else 1), "it is counted once"


@pytest.mark.parametrize("mode", ["firewall"], indirect=True)
@pytest.mark.parametrize(
    "known",
    [{"ambiguous": "two firewalls match"}, {"license": LicenseState.HELD}],
    ids=["in doubt", "held"],
)
def test_a_record_with_little_more_than_a_doubt_is_no_returned_license(
    reconciling: Cloud, mode: str, logs: Logs, known: dict[str, Any]
) -> None:
    reconciling.account.put_record(GONE, **known)
    run_hourly(reconciling)
    assert reconciling.account.record(GONE).license is LicenseState.NOT_RETURNED, mode
    assert metrics(logs())["LicenseNotReturned"] == 1


@pytest.mark.parametrize("mode", ["plugin", "firewall"], indirect=True)
def test_an_item_that_cannot_be_read_keeps_no_other_record_from_its_end(
    reconciling: Cloud, mode: str, logs: Logs
) -> None:
    reconciling.account.put_record("i-0aaaa", serial="007951000777777")
    reconciling.account.items["i-0aaaa"]["license"] = {"S": "0' or '1"}
    reconciling.account.put_record(GONE, serial=LOST)
    run_hourly(reconciling)
    ended = reconciling.account.record(GONE)
    expected = LicenseState.RETURNED if mode == "plugin" else LicenseState.NOT_RETURNED
    assert ended.license is expected
    assert metrics(logs()).get("LicenseNotReturned", 0) == (0 if mode == "plugin" else 1)


@pytest.mark.parametrize("mode", ["plugin", "firewall"], indirect=True)
def test_a_firewall_that_ended_without_a_record_is_reported(
    reconciling: Cloud, fake_panorama: FakePanorama, mode: str, logs: Logs
) -> None:
    """It was in service before there were records, and no visit has seen its termination."""
    gone = end_without_visits(reconciling, fake_panorama)
    reconciling.account.items.clear()
    fake_panorama.firewalls.clear()
    reports = run_hourly(reconciling)
    assert [report["licenses_not_returned"] for report in reports] == [[gone]] * 3, mode
    assert metrics(logs())["LicenseNotReturned"] == 1
    assert reconciling.account.record(gone).license is LicenseState.NOT_RETURNED


@pytest.mark.parametrize("mode", ["firewall"], indirect=True)
def test_a_license_that_a_version_without_records_returned_is_not_reported(
    reconciling: Cloud, fake_panorama: FakePanorama, mode: str, logs: Logs
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    reconciling.account.items.clear()
    fake_panorama.firewalls.clear()
    tag = {"Key": "vmseries-autoscale:license", "Value": "returned"}
    reconciling.ec2.create_tags(Resources=[gone], Tags=[tag])
    assert [report["licenses_not_returned"] for report in run_hourly(reconciling)] == [[]] * 3, mode
    assert "LicenseNotReturned" not in metrics(logs())
