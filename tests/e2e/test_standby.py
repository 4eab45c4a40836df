"""A firewall in standby: it keeps its license and its place in Panorama, and returns."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.support import QUICK_BOOT

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import MINUTE, Deployment


@pytest.mark.apply(seconds=70)
def test_a_firewall_in_standby_returns_whether_hooks_run_or_not(tmp_path: Path) -> None:
    with Lab() as lab:
        lab.firewalls.set_boot_times(**QUICK_BOOT)
        deployment = Deployment.copy(lab, "tests/fixtures/minimal", tmp_path / "copy")
        deployment.apply()
        deployment.group.scale(2)
        deployment.wait_until_in_service(2)
        group = {"AutoScalingGroupName": deployment.name}
        autoscaling = lab.aws.client("autoscaling")
        leaving = min(deployment.group.states())
        serial = deployment.serial(leaving)
        for answer, hooks in (("run", 1), ("none", 0)):
            lab.assume(standby_exit_hooks=answer)
            since = len(deployment.happened("hook-waiting", leaving))
            autoscaling.enter_standby(
                **group, InstanceIds=[leaving], ShouldDecrementDesiredCapacity=True
            )
            # Longer than the deadline of a launch, which counts from the launch otherwise.
            lab.advance(120 * MINUTE)
            assert deployment.group.states()[leaving] == "Standby"
            autoscaling.exit_standby(**group, InstanceIds=[leaving])
            deployment.wait_until_in_service(2, minutes=10)
            assert leaving in deployment.group.states()
            assert len(deployment.happened("hook-waiting", leaving)) == since + hooks
            assert deployment.serial(leaving) == serial
        assert not [e for e in lab.timeline() if e.kind == "license-returned"]
        assert lab.errors() == []
