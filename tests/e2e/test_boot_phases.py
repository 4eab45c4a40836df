"""A sample of the boot phases: firewalls that leave while only they know their license."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.apply(seconds=150)

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = "panorama: licensed, not registered"


@pytest.mark.documents(id="licensing/unregistered/held")
@pytest.mark.documents(id="licensing/unregistered/gone")
def test_no_license_is_lost_without_being_reported() -> None:
    """The program runs in its own process, since a lab changes moto globally."""
    path = os.pathsep.join(
        str(REPOSITORY / folder) for folder in ("lab/src", "lambda/src", "tools")
    )
    command = [sys.executable, "-m", "vmseries_scenarios", "boot-phases", "--only", SAMPLE]
    result = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    assert "boot phases: 4 of 4" in result.stdout
