"""A sample of the crash matrix, and the proof that it notices a handler that does not look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.apply(seconds=130)

REPOSITORY = Path(__file__).resolve().parents[2]
OPTIONS = ("--sample", "2022", "--mutants")
MUTANT = "allocates without looking"
FAULTS = {"killed before", "killed after", "throttled", "HTTP 500", "reset after", "time-out"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program has seen; on its own, since a lab changes moto for its whole process."""
    file = tmp_path_factory.mktemp("crash-matrix") / "results.json"
    path = os.pathsep.join(
        str(REPOSITORY / folder) for folder in ("lab/src", "lambda/src", "tools")
    )
    done = subprocess.run(
        [sys.executable, "-m", "vmseries_scenarios", "crash-matrix", *OPTIONS, "--results", file],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert file.exists(), f"{done.stdout}\n{done.stderr}"
    return dict(json.loads(file.read_text()))


def test_clean_runs_are_clean(results: dict[str, Any]) -> None:
    clean = results["clean"]
    assert len(clean) == 6
    assert [one for one in clean if one["defects"] or not one["calls"]] == []


def test_a_sample_of_the_points_converges(results: dict[str, Any]) -> None:
    judged = [one for one in results["verdicts"] if one["point"]["scenario"] != MUTANT]
    assert len(judged) == 15
    assert {one["point"]["fault"] for one in judged} == FAULTS
    assert [one for one in judged if one["defects"]] == []


def test_a_handler_that_does_not_look_before_it_creates_is_noticed(results: dict[str, Any]) -> None:
    """The negative control: the run that dies has allocated an address, which nobody finds."""
    judged = [one for one in results["verdicts"] if one["point"]["scenario"] == MUTANT]
    assert len(judged) == 2
    for one in judged:
        assert {defect.partition(" {")[0] for defect in one["defects"]} == {"/addresses: left over"}
