"""A group that Strata Cloud Manager manages: launch, license, and what stays listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import Deployment, completed_hooks

pytestmark = pytest.mark.apply(seconds=150)


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Deployment]:
    with Lab() as lab:
        lab.assume(strata_first_push="pushes")
        lab.firewalls.serve_xml_api()
        lab.firewalls.set_boot_times(license=160.0, register=300.0, content=320.0)
        deployment = Deployment.copy(
            lab,
            "tests/fixtures/minimal",
            tmp_path / "copy",
            own_api=True,
            strata=True,
            capacity={"min": 0, "max": 2},
        )
        deployment.apply()
        deployment.group.scale(1)
        deployment.wait_until_in_service(1)
        yield deployment
        assert lab.errors() == []


def test_a_firewall_lives_in_its_folder_and_leaves_a_report(managed: Deployment) -> None:
    lab, since = managed.lab, managed.lab.now()
    (instance_id,) = managed.group.states()
    (firewall,) = lab.firewalls.describe()
    serial = firewall["serial"]
    assert managed.tags(instance_id)["vmseries-autoscale:serial"] == serial
    (listed,) = lab.strata.firewalls().values()
    assert (listed["folder"], listed["connected"]) == ("autoscale", True)
    assert listed["version"] is not None, "it was in sync before it entered service"

    # Strata Cloud Manager fails while the firewall leaves, which nothing waits for.
    lab.strata.configure(mode="refusing")
    managed.group.terminate(instance_id)
    managed.wait_until_terminated(instance_id, minutes=30)
    (completed,) = completed_hooks(managed.happened("hook-completed", instance_id), "terminate")
    assert completed.detail["result"] == "CONTINUE"
    assert managed.record(instance_id)["license"] == {"S": "returned"}
    assert managed.metric("LicenseNotReturned", since) == 0
    assert managed.metric("LeftRegistered", since) == 0

    # The reconcile function cannot read it in two runs either.
    managed.wait_for_alarm("strata-cloud-manager-unavailable", "ALARM", minutes=45)

    # The reconcile function finds what was not reported.
    assert managed.alarm("left-registered") == "OK"
    lab.strata.configure(mode="answering")
    managed.wait_for_alarm("left-registered", "ALARM", minutes=45)
    managed.wait_for_alarm("strata-cloud-manager-unavailable", "OK", minutes=45)
    reported = [line["report"]["left_registered"] for line in reports(managed, since)]
    assert reported[-1] == {serial: instance_id}
    assert "left_registered" in managed.record(instance_id)

    # The operator removes it.
    lab.strata.remove(serial)
    managed.wait_for_alarm("left-registered", "OK", minutes=60)
    assert reports(managed, since)[-1]["report"]["left_registered"] == {}
    assert "left_registered" not in managed.record(instance_id)


def reports(deployment: Deployment, since: float) -> list[dict[str, dict[str, dict[str, str]]]]:
    return [line for line in deployment.log(since, "reconcile") if "report" in line]
