"""A group whose licenses Panorama's plugin has: all come back, and nothing is left in Panorama."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.fleet import MINUTE, QUICK_BOOT, Fleet

from vmseries_lab.client import Lab, Leftovers
from vmseries_lab.panorama.license_plugin import LICENSE_MANAGER
from vmseries_scenarios import deployment
from vmseries_scenarios.least_privilege.scenarios import license_by_plugin

pytestmark = pytest.mark.apply(seconds=90)

FLEET = 4
AGE_FLOOR = 25 * MINUTE
INTERVAL = 15 * MINUTE


def listed(lab: Lab) -> set[str | None]:
    """The serial numbers that the license manager lists as licensed."""
    asked = f"<devices><license-manager>{LICENSE_MANAGER}</license-manager></devices>"
    show = f"<show><plugins><sw_fw_license>{asked}</sw_fw_license></plugins></show>"
    return {one.text for one in lab.panorama.request(type="op", cmd=show).iter("serial")}


def uncommitted(lab: Lab) -> str | None:
    """Whether Panorama has changes that nobody has committed, the plugin among them."""
    check = "<check><pending-changes></pending-changes></check>"
    return lab.panorama.request(type="op", cmd=check).findtext("result")


def left_by(firewalls: int) -> Leftovers:
    """What there is of so many firewalls; no license manager names a log collector group."""
    return Leftovers(
        interfaces=2 * firewalls, addresses=0, licenses=firewalls, panorama_entries=3 * firewalls
    )


def test_every_license_comes_back_by_the_plugin(tmp_path: Path) -> None:
    with Lab() as lab:
        license_by_plugin(lab)
        lab.firewalls.set_boot_times(**QUICK_BOOT)
        lab.panorama.configure(push_seconds=5)
        workspace = deployment.copy(
            lab, "tests/fixtures/minimal", tmp_path / "copy", license_manager=LICENSE_MANAGER
        )
        lab.pace(60)
        workspace.apply()
        lab.pace(0)
        fleet = Fleet(lab, workspace, workspace.output())
        since = lab.now()
        fleet.desire(FLEET)
        fleet.until_in_service(FLEET)
        serials = {one: fleet.serial(one) for one in fleet.states()}
        assert listed(lab) == set(serials.values())
        assert lab.leftovers() == left_by(FLEET)

        # Of one that is killed no hook is told; two leave as they should.
        killed = next(iter(serials))
        lab.aws.client("autoscaling").detach_instances(
            AutoScalingGroupName=fleet.name,
            InstanceIds=[killed],
            ShouldDecrementDesiredCapacity=True,
        )
        lab.aws.client("ec2").terminate_instances(InstanceIds=[killed])
        leaving = [fleet.terminate_one() for _ in range(2)]
        lab.advance(20 * MINUTE)
        (stays,) = fleet.states()
        assert {*leaving, killed, stays} == serials.keys()
        assert listed(lab) == {serials[stays], serials[killed]}
        assert uncommitted(lab) == "no"
        assert fleet.metric("LicenseReturned", since) == len(leaving)

        lab.advance(AGE_FLOOR + 2 * INTERVAL)
        reports = [line["report"] for line in fleet.log(since, "reconcile") if "report" in line]
        assert {killed: serials[killed]} in [report["leftovers"] for report in reports]
        assert listed(lab) == {serials[stays]}
        assert uncommitted(lab) == "no"
        assert lab.leftovers() == left_by(1)
        for function in ("terminate", "reconcile"):
            assert fleet.metric("LicenseNotReturned", since, function) == 0
        assert lab.errors() == []
