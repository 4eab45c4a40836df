"""A cold start needs no environment and loads no unnecessary package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "lambda" / "src"


@pytest.mark.parametrize("handler", ["launch", "terminate"])
def test_a_handler_can_be_imported_without_any_environment(handler: str) -> None:
    """No settings, Region or client is needed, and pan-os-python is not loaded."""
    code = (
        f"import sys; import vmseries_autoscale.handlers.{handler}; "
        "print(*sorted({'panos', 'pan'} & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
