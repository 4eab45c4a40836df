"""Panorama is unavailable for hours, and until after the deadline: nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from component.fakes.driver import MINUTE, Fleet, simulated
from vmseries_autoscale.panorama import Part

__all__ = ["simulated"]

FIREWALLS = 12


@pytest.fixture
def leaving(simulated: None) -> Fleet:
    """Firewalls that are all terminated when Panorama becomes unreachable."""
    fleet = Fleet()
    fleet.in_service(FIREWALLS)
    fleet.away = True
    for instance_id in list(fleet.aws.members):
        fleet.scale_in(instance_id)
    return fleet


def visit_for(fleet: Fleet, duration: timedelta, step: timedelta) -> None:
    """Run terminate visits for a time."""
    end = fleet.aws.now + duration
    while fleet.aws.now < end:
        fleet.visit_all("terminate")
        fleet.pass_time(step)


@pytest.mark.documents(id="panorama/pair/outage")
def test_nothing_is_lost_in_two_hours_without_panorama(leaving: Fleet) -> None:
    visit_for(leaving, timedelta(hours=2), 5 * MINUTE)
    assert leaving.aws.in_state("Terminating:Wait") == list(leaving.serials)
    assert leaving.aws.expired == [], "every hook is kept open"
    assert len(leaving.aws.queues["terminate"]) == FIREWALLS, "messages survive"
    assert leaving.aws.queues["dead"] == []

    leaving.away = False
    visit_for(leaving, timedelta(minutes=30), MINUTE)
    assert leaving.unfinished() == ""
    assert leaving.all_remaining() == []
    assert not any(leaving.panorama.licensed.values())
    assert leaving.reported == set()
    assert leaving.aws.harm == []
    assert len(leaving.panorama.jobs) <= 2


@pytest.mark.documents(id="panorama/pair/long-outage")
def test_removals_left_at_the_deadline_are_made_later_or_reported(leaving: Fleet) -> None:
    visit_for(leaving, timedelta(hours=25), 30 * MINUTE)
    assert leaving.aws.members == {}, "no firewall is kept forever"
    serials = set(leaving.serials.values())
    assert leaving.reported == set(), "the reconcile function returns these licenses"
    assert leaving.panorama.committed[Part.MANAGED_DEVICES] == serials

    leaving.calm_down()
    assert leaving.all_remaining() == []
