"""A group without Panorama: the functions use the API of the firewalls."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import MINUTE, Deployment, completed_hooks

pytestmark = pytest.mark.apply(seconds=120)


@pytest.mark.documents(id="licensing/direct/normal")
@pytest.mark.documents(id="readiness/gate/firewall-api")
def test_the_firewall_api_shows_readiness_and_returns_the_license(tmp_path: Path) -> None:
    with Lab() as lab:
        lab.firewalls.serve_xml_api()
        # During the boot, each visit waits for a response in real time.
        lab.firewalls.set_boot_times(license=160.0, content=170.0)
        deployment = Deployment.copy(lab, "tests/fixtures/minimal", tmp_path / "copy", own_api=True)
        deployment.apply()
        since = lab.now()
        deployment.wait_until_in_service(1)
        (instance_id,) = deployment.group.states()
        (firewall,) = lab.firewalls.describe()
        tags = deployment.tags(instance_id)
        assert tags["vmseries-autoscale:serial"] == firewall["serial"]
        assert tags["vmseries-autoscale:serial-evidence"] == "firewall"
        waited = {str(line.get("reason")) for line in deployment.log(since, "launch")}
        assert any("does not respond" in reason for reason in waited), (
            "a visit found the firewall still booting"
        )
        assert deployment.metric("VisitFailed", since, "launch") == 0

        # A firewall with an invalid configuration is abandoned, with the reason. Meanwhile, the
        # first one is terminated, after its license was returned.
        lab.firewalls.set_quirks(auto_commit_failure="zone untrust is invalid")
        deployment.group.scale(2)
        lab.advance(MINUTE)
        (broken,) = deployment.group.states().keys() - {instance_id}
        assert deployment.group.terminate_one() == instance_id
        lab.advance(46 * MINUTE)
        (completed,) = completed_hooks(deployment.happened("hook-completed", broken), "launch")
        assert completed.detail["result"] == "ABANDON"
        assert "auto-commit has failed" in deployment.tags(broken)["vmseries-autoscale:abandoned"]

        assert instance_id not in deployment.group.states()
        assert deployment.tags(instance_id)["vmseries-autoscale:license"] == "returned"
        assert len(deployment.happened("license-returned", firewall["serial"])) == 1
        assert deployment.metric("LicenseNotReturned", since) == 0
        assert lab.errors() == []
