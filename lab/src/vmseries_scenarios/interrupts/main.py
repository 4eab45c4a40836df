"""The interruptions as a command."""

from __future__ import annotations

import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_scenarios.interrupts.interruption import InterruptionError
from vmseries_scenarios.interrupts.recovery import RecoveryError
from vmseries_scenarios.interrupts.stories import TRIALS, UnfinishedError, trial
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm

TRIALS_AT_ONCE = 5
"""The provider sleeps most of the time: more trials than cores."""
EXPECTED = (*RUN_ERRORS, InterruptionError, RecoveryError, UnfinishedError)


@dataclass
class Result:
    """What became of one trial.

    Attributes:
        name: Name of the trial.
        completed: Each interruption after which the repeated command completed, with what else was
            needed.
        problem: Why the trial failed, empty if it did not.
        seconds: Real time.
    """

    name: str
    completed: list[str] = field(default_factory=list)
    problem: str = ""
    seconds: float = 0.0


def run(only: str = "", at_once: int = TRIALS_AT_ONCE, console: Console | None = None) -> int:
    """Run the trials, and print what was interrupted and what completed.

    Args:
        only: Only trials whose name contains this text.
        at_once: How many trials to run at a time.
        console: Where to print.

    Returns:
        The exit status: 0 only if every command completed when it was repeated.
    """
    console = open_console(console)
    chosen = [name for name in TRIALS if only.lower() in name.lower()]
    if not chosen:
        console.print(f"no trial contains {only!r}; there are {', '.join(TRIALS)}")
        return 1
    started = time.monotonic()
    stop_on_sigterm()
    with (
        tempfile.TemporaryDirectory(prefix="vmseries-") as scratch,
        ThreadPoolExecutor(at_once) as pool,
    ):
        folders = [Path(scratch) / str(number) for number in range(len(chosen))]
        results = []
        for result in pool.map(perform, chosen, folders):
            state = "FAILED" if result.problem else "completed"
            console.print(f"{state} {result.name} ({result.seconds:.0f} s)", highlight=False)
            results.append(result)
    console.print(table(results))
    failed = [result for result in results if result.problem]
    for result in failed:
        console.print(Text(f"FAILED {result.name}: {result.problem}", "red"), soft_wrap=True)
    completed = sum(len(result.completed) for result in results)
    console.print(f"{time.monotonic() - started:.0f} s")
    console.print(f"interrupts: {completed} of {completed + len(failed)} completed")
    return 1 if failed else 0


def perform(name: str, folder: Path) -> Result:
    """Run one trial."""
    result, started = Result(name), time.monotonic()
    try:
        with trial(folder, result.completed.append) as running:
            TRIALS[name](running)
    except EXPECTED as error:
        result.problem = str(error)
    except Exception:  # noqa: BLE001 - one trial must not hide the results of the others
        result.problem = traceback.format_exc()
    result.seconds = time.monotonic() - started
    return result


def table(results: list[Result]) -> Table:
    """Return all interruptions that completed."""
    shown = Table("trial", "interrupted, and what the repeated command needed")
    for result in results:
        for line in result.completed or ["-"]:
            shown.add_row(result.name, Text(line))
    return shown
