"""Which figures of a large estate make its measurement fail."""

from __future__ import annotations

from collections import Counter

import pytest

from vmseries_scenarios.estate import Bounds, Phase

MEMORY = 512


def phase(
    requests: int = 20, memory: int | None = 100, at_once: int = 5, bounds: Bounds | None = None
) -> Phase:
    counted = Counter({"commit": 1, "op show jobs id": requests - 1}) if requests else Counter()
    return Phase("a phase", counted, 2**20, 3, 18.0, memory, at_once, bounds or Bounds(20, 5))


def test_figures_at_their_bounds_are_accepted() -> None:
    assert phase(memory=MEMORY).problems(MEMORY) == []
    assert phase(memory=None).problems(MEMORY) == []
    assert phase(requests=1000, at_once=50, bounds=Bounds(None, None)).problems(MEMORY) == []


@pytest.mark.parametrize(
    ("exceeding", "sentence"),
    [
        (phase(requests=21), "a phase: 21 requests to Panorama, at most 20"),
        (phase(at_once=6), "a phase: 6 requests at once, at most 5"),
        (phase(memory=513), "a phase: 513 MiB of memory, at most 512"),
        (phase(requests=0), "a phase: no request to Panorama, so that nothing was measured"),
    ],
)
def test_a_figure_above_its_bound_is_a_problem(exceeding: Phase, sentence: str) -> None:
    assert exceeding.problems(MEMORY) == [sentence]
