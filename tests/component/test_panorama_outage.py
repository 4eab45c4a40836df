"""Panorama is away, for hours and beyond the deadline: what is held, and what is done later."""

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


def go_on(fleet: Fleet, duration: timedelta, step: timedelta) -> None:
    end = fleet.aws.now + duration
    while fleet.aws.now < end:
        fleet.visit_all("terminate")
        fleet.pass_time(step)


@pytest.mark.documents(id="panorama/pair/outage")
def test_two_hours_without_panorama_lose_nothing(leaving: Fleet) -> None:
    go_on(leaving, timedelta(hours=2), 5 * MINUTE)
    assert leaving.aws.in_state("Terminating:Wait") == list(leaving.serials)
    assert leaving.aws.expired == [], "hooks are held"
    assert len(leaving.aws.queues["terminate"]) == FIREWALLS, "messages survive"
    assert leaving.aws.queues["dead"] == []

    leaving.away = False
    go_on(leaving, timedelta(minutes=30), MINUTE)
    assert leaving.open_ends() == ""
    assert [left for key in leaving.serials for left in leaving.left(key)] == []
    assert not any(leaving.panorama.licensed.values())
    assert leaving.reported == set()
    assert leaving.aws.harm == []
    assert len(leaving.panorama.jobs) <= 2


@pytest.mark.documents(id="panorama/pair/long-outage")
def test_removals_left_at_the_deadline_are_made_later_or_reported(leaving: Fleet) -> None:
    go_on(leaving, timedelta(hours=25), 30 * MINUTE)
    assert leaving.aws.members == {}, "no firewall is held for ever"
    serials = set(leaving.serials.values())
    assert leaving.reported == serials, "nothing can return these licenses any more"
    assert leaving.panorama.committed[Part.MANAGED_DEVICES] == serials

    leaving.calm_down()
    assert [left for key in leaving.serials for left in leaving.left(key)] == []
