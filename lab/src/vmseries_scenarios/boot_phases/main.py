"""Runs the points and shows licenses before and after."""

from __future__ import annotations

import sys
import time
from functools import partial

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_scenarios.boot_phases.points import points
from vmseries_scenarios.boot_phases.site import results
from vmseries_scenarios.boot_phases.trials import Verdict, trials

LANES_PER_CORE = 3
"""A point waits much of the time, for the functions that it polls."""


def run(only: str = "", lanes: int | None = None) -> int:
    """Run the points, and print licenses before and after.

    Args:
        only: Only points whose name contains this text.
        lanes: How many points to run at a time.

    Returns:
        The exit status: 0 only if every license was returned, or reported as not returned.
    """
    console = Console(width=None if sys.stdout.isatty() else 130)
    chosen = {
        name: runner
        for name, runner in trials(list(points())).items()
        if all(word in name for word in only.split())
    }
    if not chosen:
        console.print(f"no point contains {only!r}")
        return 1
    began = time.monotonic()

    def note(text: str) -> None:
        console.print(f"{time.monotonic() - began:4.0f} s  {text}", highlight=False)

    verdicts = []
    applied = partial(note, "Terraform has applied the root")
    for name, result in results(chosen, LANES_PER_CORE, lanes, applied):
        failed = isinstance(result, RuntimeError)
        verdict = Verdict(name, 0, 0, 0, [str(result)], 0.0) if failed else Verdict(**result)
        verdicts.append(verdict)
        note(f"{'FAILED' if verdict.defects else 'ok'} {name}")
    order = list(chosen)
    verdicts.sort(key=lambda verdict: order.index(verdict.name))
    console.print(table(verdicts))
    for verdict in verdicts:
        for defect in verdict.defects:
            console.print(Text(f"FAILED {verdict.name}: {defect}", "red"), soft_wrap=True)
    good = sum(not verdict.defects for verdict in verdicts)
    console.print(f"boot phases: {good} of {len(chosen)}", highlight=False)
    return 0 if good == len(chosen) else 1


def table(verdicts: list[Verdict]) -> Table:
    """Return licenses before and after, and how many were reported."""
    shown = Table(
        "firewall",
        "licenses before",
        "after",
        "reported",
        "",
        box=SIMPLE_HEAD,
        title_justify="left",
    )
    for verdict in verdicts:
        numbers = (str(n) for n in (verdict.before, verdict.after, verdict.reported))
        mark = Text("FAILED", "red") if verdict.defects else Text("ok", "green")
        shown.add_row(verdict.name, *numbers, mark)
    return shown
