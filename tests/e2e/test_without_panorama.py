"""A group without Panorama: its firewalls are asked themselves, for readiness and for licenses."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.fleet import MINUTE, Fleet

from vmseries_lab.client import Lab
from vmseries_scenarios import deployment

pytestmark = pytest.mark.apply(seconds=120)


def test_a_firewall_is_asked_itself_whether_it_is_ready_and_for_its_license(tmp_path: Path) -> None:
    with Lab() as lab:
        lab.firewalls.serve_xml_api()
        # While it boots, each visit waits for an answer in real time.
        lab.firewalls.set_boot_times(license=160.0, content=170.0)
        workspace = deployment.copy(lab, "tests/fixtures/minimal", tmp_path / "copy", own_api=True)
        lab.pace(60)
        workspace.apply()
        lab.pace(0)
        fleet = Fleet(lab, workspace, workspace.output())
        since = lab.now()
        fleet.until_in_service(1)
        (instance_id,) = fleet.states()
        (firewall,) = lab.firewalls.describe()
        tags = _tags(lab, instance_id)
        assert tags["vmseries-autoscale:serial"] == firewall["serial"]
        assert tags["vmseries-autoscale:serial-evidence"] == "firewall"
        waited = {str(line.get("reason")) for line in fleet.log(since, "launch")}
        assert any("does not answer" in reason for reason in waited), "it boots"
        assert fleet.metric("VisitFailed", since, "launch") == 0

        # One whose configuration is not valid is given up, and says why. Meanwhile the first one
        # leaves, and gives its license back before.
        lab.firewalls.set_quirks(auto_commit_failure="zone untrust is invalid")
        fleet.desire(2)
        lab.advance(MINUTE)
        (broken,) = fleet.states().keys() - {instance_id}
        assert fleet.terminate_one() == instance_id
        lab.advance(46 * MINUTE)
        (completed,) = [
            entry
            for entry in fleet.happened("hook-completed", broken)
            if entry.detail["hook"] == "launch"
        ]
        assert completed.detail["result"] == "ABANDON"
        assert "auto-commit has failed" in _tags(lab, broken)["vmseries-autoscale:abandoned"]

        assert instance_id not in fleet.states()
        assert _tags(lab, instance_id)["vmseries-autoscale:license"] == "returned"
        assert len(fleet.happened("license-returned", firewall["serial"])) == 1
        assert fleet.metric("LicenseNotReturned", since) == 0
        assert lab.errors() == []


def _tags(lab: Lab, instance_id: str) -> dict[str, str]:
    found = lab.aws.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    return {tag["Key"]: tag["Value"] for tag in found[0]["Instances"][0]["Tags"]}
