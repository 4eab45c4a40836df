"""The verdict about an instance refresh, and its chart, with invented observations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vmseries_scenarios.refresh import chart
from vmseries_scenarios.refresh.main import is_control
from vmseries_scenarios.refresh.modes import FIREWALLS, MODES
from vmseries_scenarios.refresh.observation import Observation, Sample

KEPT = Observation(
    mode="healthy",
    warmup=120,
    desired=2,
    replaced=2,
    status="Successful",
    seconds=3600.0,
    samples=(Sample(0.0, 2, 2), Sample(10.0, 3, 3), Sample(20.0, 2, 2)),
)
SHORT = replace(KEPT, mode="off, warm-up of 120 s", samples=(*KEPT.samples, Sample(30.0, 0, 2)))


def test_a_refresh_that_keeps_all_healthy_targets_has_no_problems() -> None:
    assert KEPT.problems == []
    assert (KEPT.fewest, KEPT.seconds_short) == (2, 0.0)


@pytest.mark.parametrize(
    ("observation", "problem"),
    [
        (SHORT, "0 healthy targets instead of 2, 10 s with fewer than desired"),
        (replace(KEPT, status="Failed"), "the refresh is Failed"),
        (replace(KEPT, replaced=1), "1 of 2 firewalls replaced"),
    ],
)
def test_a_refresh_has_problems(observation: Observation, problem: str) -> None:
    (found,) = observation.problems
    assert problem in found


def test_the_negative_control_is_no_mode() -> None:
    assert is_control(SHORT)
    assert not is_control(KEPT)


def test_the_modes_have_the_defaults_of_the_module() -> None:
    names = [mode.name.split(" ")[0] for mode in MODES]
    assert sorted(set(names)) == ["connected", "healthy", "in-sync", "off"]
    for mode in MODES:
        assert mode.inputs["capacity"] == {
            "min": FIREWALLS,
            "max": FIREWALLS + 2,
            "instance_refresh": {},
        }


def test_the_chart_has_a_panel_for_each_refresh_and_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    for path in (first, second):
        chart.draw([KEPT, SHORT, KEPT], path)
    drawn = first.read_text(encoding="utf-8")
    assert drawn == second.read_text(encoding="utf-8")
    assert drawn.count("healthy (warm-up 120 s)") >= 2
    assert "off, warm-up of 120 s (warm-up 120 s)" in drawn


def test_a_chart_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no chart to draw"):
        chart.draw([], tmp_path / "none.svg")
