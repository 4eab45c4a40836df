"""What the programs share: their console, how a signal ends them, and the errors that end a run."""

from __future__ import annotations

import signal
import sys

from rich.console import Console

from tf_setup import SetupError
from vmseries_lab.client import LabError
from vmseries_scenarios.deployment import DeploymentError
from vmseries_scenarios.terraform import TerraformError

WIDTH = 140
"""Characters of a line where no terminal limits it, as in a pipe."""

RUN_ERRORS = (SetupError, LabError, TerraformError, DeploymentError)
"""Errors after which a run cannot continue. Their text says what happened."""


def open_console(console: Console | None = None) -> Console:
    """Return the given console, or one for standard output."""
    return console or Console(width=None if sys.stdout.isatty() else WIDTH)


def stop_on_sigterm() -> None:
    """Let SIGTERM end the program as Ctrl-C does.

    Without it, a supervisor that stops the program would leave Terraform and the lab running.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
