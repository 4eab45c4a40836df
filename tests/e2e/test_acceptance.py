"""``make acceptance`` against the lab: with each answer to each unsettled fact, and interrupted.

Against AWS, only the account differs (``acceptance/account.py``).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from acceptance import recorders
from acceptance.report import LAB_LINE

from vmseries_lab.core.assumptions import ASSUMPTIONS
from vmseries_lab.panorama import initial_config
from vmseries_scenarios.secret_search.search import Needle, Place, search
from vmseries_scenarios.terraform import HANG_SECONDS

pytestmark = pytest.mark.apply(seconds=170)

REPOSITORY = Path(__file__).resolve().parents[2]
ASSUMED = {fact.name: fact.assumed for fact in recorders.FACTS}
MOST_ANSWERS = max(len(fact.answers) for fact in ASSUMPTIONS.values())


def start(folder: Path, **environ: str) -> subprocess.Popen[str]:
    """Start the program with one firewall, as ``make acceptance`` does."""
    variables = folder / "small.tfvars"
    variables.write_text("capacity = {\n  min = 1\n  max = 2\n}\n")
    paths = [str(REPOSITORY / part) for part in ("tests", "tools", "lab/src", "lambda/src")]
    return subprocess.Popen(
        [sys.executable, "-m", "acceptance"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "VARS": str(variables),
            "OUTPUT": str(folder / "out"),
            "EXAMPLE": "one-arm",
            **environ,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def record_of(folder: Path) -> tuple[dict[str, Any], str]:
    """Return the record of a run, as JSON and as Markdown."""
    (file,) = (folder / "out").glob("acceptance-lab-*.json")
    content: dict[str, Any] = json.loads(file.read_text())
    return content, file.with_suffix(".md").read_text()


def answers(number: int) -> dict[str, str]:
    """Return the answer with this number to each fact, or its last one."""
    return {
        name: fact.answers[min(number, len(fact.answers) - 1)] for name, fact in ASSUMPTIONS.items()
    }


def state_of(answer: str, assumed: str) -> str:
    if not assumed:
        return "observed"
    return "as assumed" if answer in assumed.split(" or ") else "was wrong"


def text_of(answers: Mapping[str, str]) -> str:
    return ",".join(f"{name}={answer}" for name, answer in answers.items())


@pytest.mark.parametrize("number", range(MOST_ANSWERS))
def test_the_acceptance_run_reports_the_answers_of_the_lab(tmp_path: Path, number: int) -> None:
    """The last of these runs also leaves an address behind, which its sweep must find."""
    planted = number == MOST_ANSWERS - 1
    played = answers(number)
    process = start(tmp_path, ASSUME=text_of(played), PLANT="leftover" if planted else "")
    output, _ = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == (1 if planted else 0), output
    record, page = record_of(tmp_path)

    assert page.splitlines()[0] == LAB_LINE
    assert record["settles"] is False
    assert [phase["problem"] for phase in record["phases"]] == [""] * 8
    assert record["leftovers"] == ({"Elastic IP addresses": 1} if planted else {})
    assert ("Left behind: Elastic IP addresses: eipalloc-" in output) is planted
    assert list((tmp_path / "out").glob("run-*")) == [], "no state is left without resources"

    facts = {fact["name"]: fact for fact in record["facts"]}
    for name, answer in played.items():
        assert facts[name]["played"] == answer
        if name in ASSUMED and facts[name]["answer"] is not None:
            assert facts[name]["answer"] == answer, name
            assert facts[name]["state"] == state_of(answer, ASSUMED[name]), name
    wrong = page.split("### Were wrong")[1].split("###")[0]
    assert all((f"`{n}`" in wrong) == (f["state"] == "was wrong") for n, f in facts.items())

    needles = [Needle("key", initial_config.AUTOSCALE.key), Needle("account", "123456789012")]
    (found,) = search([Place("record", (json.dumps(record), page))], needles)
    assert not found.hits
    assert initial_config.AUTOSCALE.key not in output


def test_an_interrupted_acceptance_run_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while Terraform is at work: the state is written, and everything is destroyed."""
    process = start(tmp_path)
    try:
        deadline = time.monotonic() + HANG_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            states = list((tmp_path / "out").glob("run-*/repository/examples/*/terraform.tfstate"))
            if states and "aws_subnet" in states[0].read_text():
                break
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=HANG_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130, output
    record, _ = record_of(tmp_path)
    assert record["phases"][0]["problem"] == "interrupted"
    assert [phase["name"] for phase in record["phases"]] == ["apply", "clean up 1"]
    assert record["leftovers"] == {}
    assert record["accepted"] is False
    assert list((tmp_path / "out").glob("run-*")) == []
