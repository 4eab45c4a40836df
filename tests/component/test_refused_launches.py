"""Launches that EC2 refuses: what the reconcile function and the pre-flight check tell of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from component.fakes.base import NAME, ZONE, client_error
from component.fakes.cloud import Cloud, ago
from component.fakes.functions import become_reconcile
from component.fakes.logs import Logs, metrics
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from component.fakes.steps import DAY, run, unreachable
from vmseries_autoscale.errors import DeviceUnavailableError
from vmseries_autoscale.preflight import panorama_access

TERMS = "In order to use this AWS Marketplace product you need to accept terms and subscribe."


@pytest.fixture
def refused(reconciling: Cloud, fake_panorama: FakePanorama, logs: Logs) -> Cloud:
    """A group that is short of two firewalls, since EC2 refuses to launch them."""
    reconciling.account.desired = 3
    reconciling.account.refuse_launch("an older reason", began=ago(600))
    reconciling.account.refuse_launch(TERMS, began=ago(60))
    logs()
    return reconciling


def preflight(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the pre-flight check without that of Panorama."""
    monkeypatch.setattr(panorama_access, "check", lambda *_: iter(()))
    with cloud.warm():
        answer = cloud.handler({"action": "validate"}, FakeContext())
    report: dict[str, Any] = json.loads(json.dumps(answer))
    return report


@pytest.mark.documents(id="failure-modes/L17")
@pytest.mark.parametrize("event", [{"action": "reconcile"}, {"action": "report"}])
def test_refused_launches_are_reported_counted_and_logged(
    refused: Cloud, logs: Logs, event: dict[str, str]
) -> None:
    expected = {
        "zone": ZONE,
        "number": 2,
        "first": ago(600).isoformat(),
        "last": ago(60).isoformat(),
        "message": TERMS,
    }
    assert run(refused, event)["launches_refused"] == [expected]
    records = logs()
    assert metrics(records)["LaunchRefused"] == 2
    assert [record["refused"] for record in records if "refused" in record] == [expected]


@pytest.mark.documents(id="failure-modes/L17")
def test_the_next_launch_that_ec2_accepts_ends_the_report(refused: Cloud, logs: Logs) -> None:
    activity = refused.account.begin_activity("Launching a new EC2 instance", "i-00000009", ago(30))
    activity["Details"] = json.dumps({"Availability Zone": ZONE})
    assert run(refused)["launches_refused"] == []
    assert metrics(logs())["LaunchRefused"] == 0


def test_refused_launches_are_counted_while_panorama_is_away(
    refused: Cloud, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Perhaps it is away because there are no firewalls."""
    monkeypatch.setattr("vmseries_autoscale.panorama.connect", unreachable)
    with pytest.raises(DeviceUnavailableError):
        run(refused)
    assert metrics(logs())["LaunchRefused"] == 2


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDenied", message="you may not"),
        client_error("Throttling"),
        ConnectTimeoutError(endpoint_url="https://autoscaling"),
    ],
)
def test_activities_that_cannot_be_read_are_named_and_end_no_run(
    refused: Cloud, logs: Logs, error: Exception
) -> None:
    refused.errors["DescribeScalingActivities"] = [error]
    report = run(refused)
    assert report["launches_refused"] == []
    assert str(error) in report["not_checked"]["launches"]
    counted = metrics(logs())
    assert counted["ReconcileCompleted"] == 1
    assert "LaunchRefused" not in counted, "an alarm does not end because nobody could look"


def test_no_more_than_three_pages_of_activities_are_read(refused: Cloud) -> None:
    for number in range(20):
        refused.account.refuse_launch(TERMS, began=ago(100 + number))
    refused.calls.clear()
    run(refused)
    assert refused.operations()["DescribeScalingActivities"] == 3


def test_pages_of_old_activities_are_not_read(refused: Cloud) -> None:
    for number in range(20):
        activity = refused.account.refuse_launch(TERMS, began=ago(2 * DAY + number))
        refused.account.activities.remove(activity)
        refused.account.activities.append(activity)
    refused.calls.clear()
    run(refused)
    assert refused.operations()["DescribeScalingActivities"] == 2


# The pre-flight check.


@pytest.mark.documents(id="preflight/aws/launch-refused")
def test_the_preflight_names_the_newest_refused_launch(
    refused: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = preflight(refused, monkeypatch)["problems"]
    assert problem == (
        f"EC2 refuses launches of the group {NAME}: 2 since 2026-11-22 11:50 UTC, the newest in "
        f"{ZONE} at 2026-11-22 11:59 UTC: {TERMS} Remove the cause that EC2 names; Auto Scaling "
        "then launches again."
    )


def test_the_preflight_confirms_that_ec2_refuses_nothing(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_reconcile(cloud, monkeypatch)
    checked = preflight(cloud, monkeypatch)["checked"]
    assert f"EC2 refuses no launch of the group {NAME}." in checked


def test_the_preflight_names_activities_that_it_cannot_read(
    refused: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(_parameters: dict[str, Any]) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeScalingActivities")

    monkeypatch.setattr(refused.account, "describe_scaling_activities", deny)
    report = preflight(refused, monkeypatch)
    assert (
        f"Whether EC2 refuses launches of the group {NAME}: it cannot be read."
        in (report["unchecked"])
    )
    assert not report["ok"], "the check of the permission reports it"
