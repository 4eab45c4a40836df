"""The fuzzer: it finds nothing in the functions, and everything that is planted.

The fuzzer forks, so it runs in a process of its own, without the threads of pytest.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{REPOSITORY}/lambda/src:{REPOSITORY}/tests"}
TARGETS = ("events", "settings", "secrets", "responses", "credits", "strata-cloud-manager")


def fuzz(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fuzz", "--seed", "test", "--folder", str(folder), *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def test_a_few_hundred_damaged_inputs_of_each_kind_raise_only_named_errors(tmp_path: Path) -> None:
    run = fuzz(tmp_path, "--number", "300")
    assert run.stdout.splitlines()[-1] == "fuzz: 1800 inputs, 0 unnamed errors", run.stdout
    assert (run.returncode, run.stderr) == (0, "")


def test_the_negative_control_is_found_in_each_target_and_repeated_by_its_number(
    tmp_path: Path,
) -> None:
    run = fuzz(tmp_path, "--number", "60", "--plant")
    assert run.returncode == 1
    found = set(re.findall(r"^([\w-]+): unnamed PlantedError", run.stdout, re.MULTILINE))
    assert found == set(TARGETS)
    assert not run.stdout.endswith(" 0 unnamed errors\n")
    saved = {path.name: len(path.read_bytes()) for path in tmp_path.iterdir()}
    assert max(saved.values()) < 100, "they are shortened"
    number = re.search(r"--target responses --input (\d+)", run.stdout)
    assert number is not None, run.stdout
    again = fuzz(tmp_path, "--plant", "--target", "responses", "--input", number[1])
    assert again.stdout.splitlines()[-1] == "fuzz: 1 inputs, 1 unnamed errors"
