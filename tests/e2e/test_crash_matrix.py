"""A sample of the crash matrix, with a negative control: a function that duplicates an address."""

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
    """Results of the program, which runs in its own process, since a lab changes moto globally."""
    file = tmp_path_factory.mktemp("crash-matrix") / "results.json"
    path = os.pathsep.join(
        str(REPOSITORY / folder) for folder in ("lab/src", "lambda/src", "tools")
    )
    result = subprocess.run(
        [sys.executable, "-m", "vmseries_scenarios", "crash-matrix", *OPTIONS, "--results", file],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert file.exists(), f"{result.stdout}\n{result.stderr}"
    return dict(json.loads(file.read_text()))


def test_clean_runs_have_no_defects(results: dict[str, Any]) -> None:
    clean = results["clean"]
    assert len(clean) == 7
    assert [item for item in clean if item["defects"] or not item["calls"]] == []


def test_a_sample_of_the_points_converges(results: dict[str, Any]) -> None:
    judged = [item for item in results["verdicts"] if item["point"]["scenario"] != MUTANT]
    assert len(judged) == 18
    assert {item["point"]["fault"] for item in judged} == FAULTS
    assert [item for item in judged if item["defects"]] == []


def test_a_function_that_creates_without_describing_first_is_detected(
    results: dict[str, Any],
) -> None:
    """The killed run has allocated an address that the next run does not find."""
    judged = [item for item in results["verdicts"] if item["point"]["scenario"] == MUTANT]
    assert len(judged) == 2
    for item in judged:
        assert {defect.partition(" {")[0] for defect in item["defects"]} == {"/addresses: orphan"}
