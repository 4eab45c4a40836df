"""A few points of each scenario, chosen by lot but always the same for one seed."""

from __future__ import annotations

import random
from functools import partial

from vmseries_scenarios.crash_matrix.matrix import Choice, Point
from vmseries_scenarios.crash_matrix.mutants import ALLOCATES_WITHOUT_LOOKING
from vmseries_scenarios.crash_matrix.points import FAULTS
from vmseries_scenarios.crash_matrix.scenarios import SCENARIOS


def sample(seed: str) -> Choice:
    """Three points of each scenario; of a mutant, those that must not converge."""
    return partial(_sample, seed)


def _sample(seed: str, points: list[Point]) -> list[Point]:
    scenario = points[0].scenario
    if scenario == ALLOCATES_WITHOUT_LOOKING.name:
        return [point for point in points if ALLOCATES_WITHOUT_LOOKING.cannot_survive(point)]
    chance = random.Random(f"{seed} {scenario}")  # noqa: S311 - no secret
    # All faults in every two scenarios, each at a call of another third of the scenario's calls.
    number = [one.name for one in SCENARIOS].index(scenario)
    faults = list(FAULTS)[number % 2 :: 2]
    chance.shuffle(faults)
    calls = list(dict.fromkeys(point.call for point in points))
    third = len(calls) // 3
    return [
        Point(scenario, chance.choice(calls[place * third :][:third]), fault)
        for place, fault in enumerate(faults)
    ]
