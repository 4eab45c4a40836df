"""A group scales out while leaving firewalls are held, whatever those publish.

One group of six firewalls. The licensing service is unavailable, so that three firewalls that leave
are held in the terminate hook, where they carry no traffic. The three others are then at 95 %.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.support import QUICK_BOOT

from vmseries_lab.client import Lab, Leftovers
from vmseries_scenarios.deployment import MINUTE, Deployment

pytestmark = [
    pytest.mark.apply(seconds=150),
    pytest.mark.documents(id="failure-modes/G12"),
]

LIVE, HELD = 3, 3
TARGET = 60
CALM, BUSY = 0.57, 0.95
"""Load of each firewall in service: between the policy's two alarms, and far above its target."""
NEEDED = 5
"""Firewalls that carry 3 x 95 % at 60 % each: 4.75."""
LIMIT_MINUTES = 10


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Three firewalls in service and three held. Nothing launches when the group grows."""
    with Lab() as lab:
        lab.firewalls.set_boot_times(**QUICK_BOOT)
        deployment = Deployment.copy(
            lab,
            "tests/fixtures/minimal",
            tmp_path_factory.mktemp("held") / "copy",
            load_balancer=True,
            capacity={"min": LIVE, "max": 2 * (LIVE + HELD)},
            scaling={
                "target_tracking": {
                    "sessions": {"metric": "session_utilization", "target": {"percent": TARGET}}
                }
            },
        )
        deployment.apply()
        deployment.configure_panorama()
        autoscaling = lab.aws.client("autoscaling")
        autoscaling.suspend_processes(
            AutoScalingGroupName=deployment.name, ScalingProcesses=["AlarmNotification"]
        )
        deployment.group.scale(LIVE + HELD)
        deployment.wait_until_in_service(LIVE + HELD)
        lab.licensing.configure(available=False)
        autoscaling.suspend_processes(
            AutoScalingGroupName=deployment.name, ScalingProcesses=["Launch"]
        )
        deployment.group.scale(LIVE)
        deployment.wait_until(
            lambda: deployment.group.count_states()["Terminating:Wait"] == HELD,
            "three firewalls are held",
            minutes=30,
        )
        offer(deployment, CALM)
        lab.advance(20 * MINUTE)
        autoscaling.resume_processes(
            AutoScalingGroupName=deployment.name, ScalingProcesses=["AlarmNotification"]
        )
        yield deployment
        assert lab.errors() == []


def offer(deployment: Deployment, load: float) -> None:
    """Offer sessions that put each of three firewalls at a load."""
    sessions: int = deployment.lab.firewalls.describe()[0]["max_sessions"]
    deployment.lab.offer_sessions(round(LIVE * load * sessions))


def desired(deployment: Deployment) -> int:
    group = deployment.group.describe()
    assert group is not None
    return int(group["DesiredCapacity"])


def minutes_until_it_grows(deployment: Deployment) -> int:
    """Let the firewalls be busy until the desired capacity changes, and calm them again.

    Returns:
        Lab minutes until the change, more than the limit if there is none.
    """
    offer(deployment, BUSY)
    passed = 0
    while desired(deployment) == LIVE and passed <= LIMIT_MINUTES:
        deployment.lab.advance(MINUTE)
        passed += 1
    capacity = desired(deployment)
    offer(deployment, CALM)
    deployment.lab.advance(10 * MINUTE)
    deployment.group.scale(LIVE)
    assert passed > LIMIT_MINUTES or capacity == NEEDED
    return passed


@pytest.mark.parametrize("arrival", ["after-evaluation", "before-evaluation"])
@pytest.mark.parametrize("publishing", ["twice-a-minute", "once-a-minute"])
@pytest.mark.parametrize("metrics", ["zeros", "nothing"])
def test_three_busy_firewalls_scale_out_while_three_are_held(
    deployment: Deployment, metrics: str, publishing: str, arrival: str
) -> None:
    """On the average of all that publish, desired capacity stayed at three for 70 minutes."""
    deployment.lab.assume(
        leaving_firewall_metrics=metrics,
        metric_publishing=publishing,
        group_metric_arrival=arrival,
    )
    deployment.lab.advance(20 * MINUTE)
    assert desired(deployment) == LIVE, "a load near the target changes nothing"
    states = deployment.group.count_states()
    assert states == {"InService": LIVE, "Terminating:Wait": HELD}
    assert minutes_until_it_grows(deployment) <= LIMIT_MINUTES


def test_the_same_load_scales_out_when_the_licenses_have_returned(deployment: Deployment) -> None:
    """The control: no firewall is held."""
    deployment.lab.licensing.configure(available=True)
    deployment.wait_until_in_service(LIVE)
    deployment.lab.advance(20 * MINUTE)
    assert desired(deployment) == LIVE
    assert minutes_until_it_grows(deployment) <= LIMIT_MINUTES


def test_nothing_remains_after_the_destroy(deployment: Deployment) -> None:
    deployment.lab.aws.client("autoscaling").resume_processes(AutoScalingGroupName=deployment.name)
    deployment.destroy()
    assert deployment.lab.leftovers() == Leftovers(
        interfaces=0, addresses=0, licenses=0, panorama_entries=0
    )
