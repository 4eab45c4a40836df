"""A group with licenses of Panorama's plugin: all are returned, and Panorama has no orphans."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.support import QUICK_BOOT

from vmseries_lab.client import Lab, Leftovers
from vmseries_lab.panorama.license_managers import LICENSE_MANAGER
from vmseries_scenarios.deployment import MINUTE, Deployment
from vmseries_scenarios.license_plugin import license_by_plugin

pytestmark = pytest.mark.apply(seconds=90)

FLEET = 4
AGE_FLOOR = 25 * MINUTE
INTERVAL = 15 * MINUTE


def listed(lab: Lab) -> set[str | None]:
    """Return the serial numbers that the license manager lists as licensed."""
    devices = f"<devices><license-manager>{LICENSE_MANAGER}</license-manager></devices>"
    show = f"<show><plugins><sw_fw_license>{devices}</sw_fw_license></plugins></show>"
    return {element.text for element in lab.panorama.request(type="op", cmd=show).iter("serial")}


def uncommitted(lab: Lab) -> str | None:
    """Return "yes" if Panorama or its plugin has uncommitted changes, otherwise "no"."""
    check = "<check><pending-changes></pending-changes></check>"
    return lab.panorama.request(type="op", cmd=check).findtext("result")


def left_by(firewalls: int) -> Leftovers:
    """Return the resources of a number of firewalls, which have no log collector group."""
    return Leftovers(
        interfaces=2 * firewalls, addresses=0, licenses=firewalls, panorama_entries=3 * firewalls
    )


@pytest.mark.documents(id="licensing/plugin/died-without-hook")
@pytest.mark.documents(id="licensing/plugin/normal")
def test_every_license_is_returned_by_the_plugin(tmp_path: Path) -> None:
    with Lab() as lab:
        license_by_plugin(lab)
        lab.firewalls.set_boot_times(**QUICK_BOOT)
        lab.panorama.configure(push_seconds=5)
        deployment = Deployment.copy(
            lab, "tests/fixtures/minimal", tmp_path / "copy", license_manager=LICENSE_MANAGER
        )
        deployment.apply()
        since = lab.now()
        deployment.group.scale(FLEET)
        deployment.wait_until_in_service(FLEET)
        serials = {i: deployment.serial(i) for i in deployment.group.states()}
        assert listed(lab) == set(serials.values())
        assert lab.leftovers() == left_by(FLEET)

        # One is terminated without a hook; two are terminated normally.
        killed = next(iter(serials))
        lab.aws.client("autoscaling").detach_instances(
            AutoScalingGroupName=deployment.name,
            InstanceIds=[killed],
            ShouldDecrementDesiredCapacity=True,
        )
        lab.aws.client("ec2").terminate_instances(InstanceIds=[killed])
        leaving = [deployment.group.terminate_one() for _ in range(2)]
        lab.advance(20 * MINUTE)
        (stays,) = deployment.group.states()
        assert {*leaving, killed, stays} == serials.keys()
        assert listed(lab) == {serials[stays], serials[killed]}
        assert uncommitted(lab) == "no"
        assert deployment.metric("LicenseReturned", since) == len(leaving)

        # One run requests the return; the absence from the list counts once two later runs agree.
        lab.advance(AGE_FLOOR + 3 * INTERVAL)
        orphans = [report["orphans"] for report in deployment.reconcile_reports(since)]
        assert {killed: serials[killed]} in orphans
        assert listed(lab) == {serials[stays]}
        assert uncommitted(lab) == "no"
        assert lab.leftovers() == left_by(1)
        for function in ("terminate", "reconcile"):
            assert deployment.metric("LicenseNotReturned", since, function) == 0
        assert lab.errors() == []
