"""The figures at the end, from recorded timelines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.demo import summary
from vmseries_scenarios.demo.resource_owners import ResourceOwners
from vmseries_scenarios.demo.summary import (
    Spread,
    Summary,
    failures,
    format_duration,
    lines,
    summarize,
)


def timeline(*rows: tuple[float, str, str, dict[str, Any]]) -> list[Entry]:
    return [
        Entry(number, at, "lab", kind, subject, detail)
        for number, (at, kind, subject, detail) in enumerate(rows)
    ]


LAUNCH, TERMINATE = {"hook": "launch"}, {"hook": "terminate"}


def whole_life(instance: str, start: float, serial: str) -> list[tuple[float, str, str, Any]]:
    """As in the lab: only some entries name the instance."""
    management, untrust = f"eni-{serial}-1", f"eni-{serial}-2"
    return [
        (start, "instance-launching", instance, {}),
        (start + 1, "hook-waiting", instance, LAUNCH),
        (start + 2, "interface-attached", instance, {"interface": management}),
        (start + 3, "interface-attached", instance, {"interface": untrust}),
        (start + 900, "license-activated", serial, {}),
        (start + 900, "licensed", instance, {"serial": serial}),
        (start + 1200, "device-connected", serial, {"hostname": "ip-10-0-1-5"}),
        (start + 1500, "hook-completed", instance, {**LAUNCH, "result": "CONTINUE"}),
        (start + 1501, "instance-in-service", instance, {}),
        (start + 5000, "target-draining", instance, {}),
        (start + 5300, "hook-waiting", instance, TERMINATE),
        (start + 5320, "license-returned", serial, {}),
        (start + 5350, "commit-finished", "7", {"user": "autoscale", "result": "OK"}),
        (start + 5400, "hook-completed", instance, {**TERMINATE, "result": "CONTINUE"}),
        (start + 5430, "interface-detached", management, {}),
        (start + 5431, "interface-detached", untrust, {}),
        (start + 5440, "instance-terminated", instance, {}),
    ]


def test_two_instances_from_launch_to_termination() -> None:
    rows = whole_life("i-1", 0, "0071") + whole_life("i-2", 100, "0072")
    rows += [(9.0, "commit-finished", "1", {"user": "operator", "result": "OK"})]
    result = summarize(timeline(*sorted(rows, key=lambda row: row[0])), administrator="autoscale")
    assert result == Summary(
        launches=2,
        to_interfaces=Spread(2, 2, 2),
        to_service=Spread(2, 1500, 1500),
        peak=2,
        commits=2,
        terminations=2,
        licenses_activated=2,
        licenses_returned=2,
    )
    assert failures(result, NOTHING, smallest=2, largest=2) == []


def test_median_and_maximum_differ() -> None:
    assert Spread.of([1, 2, 60]) == Spread(3, 2, 60)
    assert Spread.of([]) is None


def test_an_empty_timeline_fails() -> None:
    result = summarize([], administrator="autoscale")
    assert result == Summary()
    assert len(failures(result, None, smallest=3, largest=6)) == 3
    assert "launch event to InService: not observed" in lines(result)


def test_an_interface_that_is_detached_before_the_license_return_is_out_of_order() -> None:
    rows = whole_life("i-1", 0, "0071")
    for number, row in enumerate(rows):
        if row[1] == "interface-detached":
            rows[number] = (row[0] - 130, *row[1:])
    result = summarize(timeline(*rows), administrator="autoscale")
    assert result.out_of_order == ("i-1",)


def test_a_hook_before_draining_is_out_of_order() -> None:
    rows = whole_life("i-1", 0, "0071")
    rows = [(9999.0, *row[1:]) if row[1] == "target-draining" else row for row in rows]
    assert summarize(timeline(*rows), administrator="autoscale").out_of_order == ("i-1",)


GOOD = Summary(launches=6, peak=6, terminations=6, licenses_activated=6, licenses_returned=6)
NOTHING = {"interfaces": 0, "addresses": 0, "licenses": 0, "panorama_entries": 0}


@pytest.mark.parametrize("name", list(NOTHING))
def test_anything_left_behind_fails(name: str) -> None:
    assert failures(GOOD, NOTHING, smallest=3, largest=6) == []
    assert failures(GOOD, {**NOTHING, name: 1}, smallest=3, largest=6) == [
        "something was left behind (see the last line)"
    ]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"early": ("i-1",)}, "before they were ready"),
        ({"out_of_order": ("i-1",)}, "out of order"),
        ({"peak": 5}, "grew to 5 firewalls, not to 6"),
        ({"terminations": 5}, "6 firewalls were launched and 5 terminated"),
    ],
)
def test_each_violation_fails_a_run(change: dict[str, Any], word: str) -> None:
    (reason,) = failures(replace(GOOD, **change), NOTHING, smallest=3, largest=6)
    assert word in reason


def test_resources_are_assigned_to_their_instance() -> None:
    owners = ResourceOwners()
    rows = [
        (1.0, "interface-created", "eni-1", {"interface": "eni-1"}),
        (2.0, "address-associated", "eipalloc-1", {"interface": "eni-1"}),
        (3.0, "interface-attached", "i-1", {"interface": "eni-1"}),
        (4.0, "address-released", "eipalloc-1", {}),
        (5.0, "address-released", "eipalloc-2", {}),
        (6.0, "licensed", "i-1", {"serial": "0071"}),
        (7.0, "device-in-sync", "0071", {}),
    ]
    assert [owners.of(entry) for entry in timeline(*rows)] == [
        None,
        None,
        "i-1",
        "i-1",
        None,
        "i-1",
        "i-1",
    ]


def test_early_traffic_is_named_once() -> None:
    rows: list[tuple[float, str, str, dict[str, Any]]] = [
        (1.0, "traffic-to-unready", "i-1", {}),
        (2.0, "traffic-to-unready", "i-1", {}),
    ]
    result = summarize(timeline(*rows), administrator="autoscale")
    assert result.early == ("i-1",)
    assert "traffic before a firewall was ready: i-1" in lines(result)


def test_the_last_line() -> None:
    assert summary.leftovers_line(NOTHING) == (
        "leftovers: 0 interfaces, 0 addresses, 0 licenses, 0 Panorama entries"
    )
    one = dict.fromkeys(NOTHING, 1)
    assert summary.leftovers_line(one).endswith(
        "1 interface, 1 address, 1 license, 1 Panorama entry"
    )


def test_durations_are_in_seconds_or_minutes() -> None:
    assert format_duration(2.04) == "2.0 s"
    assert format_duration(119.9) == "119.9 s"
    assert format_duration(1561) == "26 min 01 s"
