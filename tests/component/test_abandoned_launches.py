"""Launches that are abandoned one after the other, and may each have taken a license."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from component.fakes.base import client_error
from component.fakes.cloud import Cloud, ago
from component.fakes.firewall import raising
from component.fakes.functions import become_reconcile
from component.fakes.logs import Logs, metrics
from component.fakes.panorama import FakePanorama
from component.fakes.steps import run
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.errors import PANORAMA, DeviceUnavailableError
from vmseries_autoscale.firewall_records import LicenseState

ABANDONED = (
    "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token "
    "01234567-89ab-cdef-0123-456789abcdef was abandoned: Lifecycle Action Completed with ABANDON "
    "Result"
)
HOUR = 3600.0


@pytest.fixture
def abandoning(cloud: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The reconcile function, with launches that it stops after three."""
    become_reconcile(cloud, monkeypatch, stop_launches_after=3)
    assert fake_panorama.firewalls == {}
    return cloud


def abandon(cloud: Cloud, number: int, age: float, *, address: str | None = "10.0.1.7") -> str:
    """Record a launch that was abandoned, and what the launch function recorded of it."""
    instance_id = f"i-0abad0eed{number:04x}"
    activity = cloud.account.begin_activity(ActivityType.LAUNCHING, instance_id, ago(age + 2700))
    activity |= {"EndTime": ago(age), "StatusCode": "Cancelled", "StatusMessage": ABANDONED}
    cloud.account.put_record(instance_id, management_ip=address, launched=ago(age + 2700))
    return instance_id


def launched(cloud: Cloud, age: float) -> None:
    """Record a launch that succeeded."""
    activity = cloud.account.begin_activity(ActivityType.LAUNCHING, "i-0abc", ago(age + 1200))
    activity |= {"EndTime": ago(age), "StatusCode": "Successful"}


def stops(cloud: Cloud) -> list[dict[str, Any]]:
    """What the function asked Auto Scaling to suspend."""
    return [
        parameters for _, operation, parameters in cloud.calls if operation == "SuspendProcesses"
    ]


@pytest.mark.documents(id="licensing/unregistered/abandoned-in-a-row")
def test_abandoned_launches_in_a_row_are_counted_in_each_run_until_one_succeeds(
    abandoning: Cloud, logs: Logs
) -> None:
    launched(abandoning, 5 * HOUR)
    known = [abandon(abandoning, number, (4 - number) * HOUR) for number in range(2)]
    for _ in range(3):
        assert run(abandoning)["launches_abandoned"] == known[::-1]
        assert metrics(logs())["LaunchesAbandonedInARow"] == 2
    assert stops(abandoning) == [], "two are fewer than three"
    launched(abandoning, 60)
    assert run(abandoning)["launches_abandoned"] == []
    assert metrics(logs())["LaunchesAbandonedInARow"] == 0


@pytest.mark.documents(id="licensing/unregistered/abandoned-in-a-row")
def test_one_abandoned_launch_is_none_in_a_row(abandoning: Cloud, logs: Logs) -> None:
    abandon(abandoning, 1, HOUR)
    assert run(abandoning)["launches_abandoned"] == []
    assert metrics(logs())["LaunchesAbandonedInARow"] == 0


def test_a_launch_that_took_no_license_is_not_counted(abandoning: Cloud, logs: Logs) -> None:
    abandon(abandoning, 1, 3 * HOUR)
    abandon(abandoning, 2, 2 * HOUR, address=None)
    returned = abandon(abandoning, 3, HOUR)
    abandoning.account.put_record(returned, license=LicenseState.RETURNED)
    assert run(abandoning)["launches_abandoned"] == []
    assert metrics(logs())["LaunchesAbandonedInARow"] == 0


@pytest.mark.documents(id="licensing/unregistered/stopped")
def test_launches_are_stopped_after_the_configured_number(abandoning: Cloud) -> None:
    for number in range(3):
        abandon(abandoning, number, (2 - number) * HOUR + 60)
    assert run(abandoning)["not_checked"] == {}
    assert [stop["ScalingProcesses"] for stop in stops(abandoning)] == [["Launch"]]
    assert abandoning.account.suspended == {"Launch"}


@pytest.mark.documents(id="licensing/unregistered/resumed")
@pytest.mark.parametrize("minutes", [1, 15, 29, 31])
def test_launches_that_an_operator_resumed_are_not_stopped_again(
    abandoning: Cloud, minutes: int
) -> None:
    """One that was in progress when they were stopped is abandoned later. It counts neither."""
    for number in range(3):
        abandon(abandoning, number, (2 - number) * HOUR + 60)
    run(abandoning)
    assert abandoning.account.suspended == {"Launch"}
    abandoning.account.suspended.clear()
    abandoning.account.now += timedelta(minutes=minutes)
    abandon(abandoning, 3, -60 * minutes)
    for _ in range(3):
        assert len(run(abandoning)["launches_abandoned"]) == 4, "the alarm lasts"
        assert len(stops(abandoning)) == 1
        abandoning.account.now += timedelta(minutes=15)


@pytest.mark.documents(id="licensing/unregistered/resumed")
def test_launches_that_are_abandoned_after_an_operator_resumed_them_are_stopped(
    abandoning: Cloud,
) -> None:
    for number in range(3):
        abandon(abandoning, number, (2 - number) * HOUR + 60)
    run(abandoning)
    abandoning.account.suspended.clear()
    for number in range(1, 4):
        assert len(stops(abandoning)) == 1
        abandoning.account.now += timedelta(minutes=50)
        abandon(abandoning, number + 3, 60 - number * 3000)
        run(abandoning)
    assert len(stops(abandoning)) == 2
    assert abandoning.account.suspended == {"Launch"}


@pytest.mark.documents(id="licensing/unregistered/resumed")
def test_a_stop_whose_time_could_not_be_written_is_noted_by_the_next_run(
    abandoning: Cloud, logs: Logs
) -> None:
    known = [abandon(abandoning, number, (2 - number) * HOUR + 60) for number in range(3)]
    abandoning.account.errors["PutItem"] = [client_error("AccessDenied", "PutItem")]
    assert list(run(abandoning)["not_checked"]) == ["the time at which launches were stopped"]
    assert abandoning.account.suspended == {"Launch"}
    run(abandoning)
    assert abandoning.account.record(known[-1]).launches_stopped is not None
    abandoning.account.suspended.clear()
    run(abandoning)
    assert len(stops(abandoning)) == 1
    assert not any("changed the record" in str(record) for record in logs())


def test_a_launch_abandoned_half_an_hour_ago_stops_none(abandoning: Cloud) -> None:
    for number in range(3):
        abandon(abandoning, number, (2 - number) * HOUR + 60)
    abandoning.account.now += timedelta(minutes=31)
    assert len(run(abandoning)["launches_abandoned"]) == 3
    assert stops(abandoning) == []


def test_a_report_stops_no_launches(abandoning: Cloud) -> None:
    for number in range(3):
        abandon(abandoning, number, (2 - number) * HOUR + 60)
    assert len(run(abandoning, {"action": "report"})["launches_abandoned"]) == 3
    assert stops(abandoning) == []


def test_launches_are_stopped_while_panorama_is_unreachable(
    abandoning: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """It may be the reason why they are abandoned, and each one may take a license."""
    fake_panorama.fail = raising(DeviceUnavailableError(PANORAMA, "no answer"))
    for number in range(3):
        abandon(abandoning, number, (2 - number) * HOUR + 60)
    with pytest.raises(DeviceUnavailableError):
        run(abandoning)
    assert metrics(logs())["LaunchesAbandonedInARow"] == 3
    assert abandoning.account.suspended == {"Launch"}


def test_launches_that_could_not_be_stopped_are_not_called_stopped(
    abandoning: Cloud, logs: Logs
) -> None:
    for number in range(3):
        abandon(abandoning, number, (2 - number) * HOUR + 60)
    abandoning.account.errors["SuspendProcesses"] = [
        client_error("AccessDenied", "SuspendProcesses")
    ]
    assert list(run(abandoning)["not_checked"]) == ["stopping launches"]
    assert not any("Stopped the launches" in record.get("message", "") for record in logs())


def test_stopped_launches_are_reported_until_an_operator_resumes_them(
    abandoning: Cloud, logs: Logs
) -> None:
    """Nobody launches in the meantime, so that nothing else would tell after a day."""
    for number in range(3):
        abandon(abandoning, number, (2 - number) * HOUR + 60)
    run(abandoning)
    logs()
    abandoning.account.now += timedelta(days=3)
    assert len(run(abandoning)["launches_abandoned"]) == 3
    assert metrics(logs())["LaunchesAbandonedInARow"] == 3
    assert len(stops(abandoning)) == 1
    abandoning.account.suspended.clear()
    assert run(abandoning)["launches_abandoned"] == []
    assert stops(abandoning) == stops(abandoning)[:1]
