"""The rows of docs/changes.md that matter most, one after the other on one deployment in service.

`make changes` tries all rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vmseries_lab.client import Lab, Leftovers
from vmseries_scenarios.changes.engine import Engine, Result
from vmseries_scenarios.changes.lanes import LANES
from vmseries_scenarios.changes.live import Live
from vmseries_scenarios.changes.topics import ROWS

pytestmark = pytest.mark.apply(seconds=200)

REFRESHED = "instance-type"
CHOSEN = sorted((row for row in ROWS if row.matters), key=lambda row: row.id != REFRESHED)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Lab() as lab:
        live = Live.build(lab, tmp_path_factory.mktemp("changes") / "copy")
        engine = Engine(live, LANES["panorama"])
        engine.begin()
        yield engine
        assert lab.errors() == []


@pytest.fixture(scope="module")
def results(engine: Engine) -> dict[str, Result]:
    """The results by row, after all changes and the way back."""
    return {result.id: result for result in engine.chain(CHOSEN, refreshed=REFRESHED)}


@pytest.mark.parametrize("row", [row.id for row in CHOSEN] + ["the way back"])
def test_a_change_ends_as_the_table_says(results: dict[str, Result], row: str) -> None:
    assert results[row].problems == []


def test_a_destroy_leaves_nothing(engine: Engine, results: dict[str, Result]) -> None:
    assert results
    assert engine.end().problems == []
    assert engine.live.lab.leftovers() == Leftovers(0, 0, 0, 0)
