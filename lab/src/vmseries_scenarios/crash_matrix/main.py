"""Runs all points, and shows a table of calls and faults."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab
from vmseries_scenarios.crash_matrix.matrix import Clean, Verdict, all_of, verdicts
from vmseries_scenarios.crash_matrix.mutants import ALLOCATES_WITHOUT_LOOKING
from vmseries_scenarios.crash_matrix.points import FAULTS
from vmseries_scenarios.crash_matrix.sample import sample
from vmseries_scenarios.crash_matrix.scenarios import SCENARIOS

LANES_PER_CORE = 8
"""A point waits much of the time, for the functions that it polls."""
PROGRESS_SECONDS = 30.0
DETAILS = 8
"""Maximum number of differences to show for a point that has not converged."""


@dataclass
class Report:
    """The results so far.

    Attributes:
        console: Where to print progress and results.
        began: Time of the start, by the monotonic clock.
        clean: The clean run of each scenario.
        verdicts: The verdict on each point.
    """

    console: Console
    began: float = field(default_factory=time.monotonic)
    clean: list[Clean] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    _printed_at: float = 0.0

    def add(self, result: Clean | Verdict) -> None:
        """Add a result, and print progress."""
        if isinstance(result, Clean):
            self.clean.append(result)
            self.print(f"{result.scenario}: {len(result.calls)} calls, {result.points} points")
            return
        self.verdicts.append(result)
        if not result.converged:
            self.print(f"NOT CONVERGED {result.point}")
        if time.monotonic() - self._printed_at > PROGRESS_SECONDS:
            self._printed_at = time.monotonic()
            self.print(f"{len(self.verdicts)} of {self.expected} points")

    def print(self, text: str) -> None:
        """Print a line of progress with the time since the start."""
        self.console.print(f"{time.monotonic() - self.began:6.0f} s  {text}", highlight=False)

    @property
    def expected(self) -> int:
        """Number of points to run."""
        return sum(clean.points for clean in self.clean)

    @property
    def failed(self) -> list[Verdict]:
        """Verdicts on the points that have not converged."""
        return [verdict for verdict in self.verdicts if not verdict.converged]

    @property
    def passed(self) -> bool:
        """Whether the clean runs have no defects, and all points were run and have converged."""
        clean = not any(clean.defects for clean in self.clean)
        return clean and not self.failed and len(self.verdicts) == self.expected > 0

    def show(self) -> None:
        """Print the tables, the points that have not converged, and how many have."""
        for clean in self.clean:
            self.console.print(self._table(clean), "")
        for clean in self.clean:
            for defect in clean.defects:
                self.console.print(f"{clean.scenario}, without a fault: {defect}", markup=False)
        for verdict in self.failed:
            self.console.print(str(verdict.point), markup=False, highlight=False)
            for line in verdict.defects[:DETAILS]:
                self.console.print(f"  {line}", markup=False, highlight=False)
        minutes, seconds = divmod(round(time.monotonic() - self.began), 60)
        self.console.print(f"{minutes} min {seconds} s on {os.cpu_count()} cores", highlight=False)
        converged = len(self.verdicts) - len(self.failed)
        self.console.print(f"converged: {converged} of {self.expected}", highlight=False)

    def _table(self, clean: Clean) -> Table:
        """Return a table of the calls of a scenario, with the outcome of each fault."""
        outcome = {
            (verdict.point.call, verdict.point.fault): verdict.converged
            for verdict in self.verdicts
            if verdict.point.scenario == clean.scenario
        }
        shown = Table(title=clean.scenario, title_justify="left", box=SIMPLE_HEAD)
        shown.add_column("call", overflow="fold")
        for name in FAULTS:
            shown.add_column(name, justify="center")
        marks = {True: "[green]·[/]", False: "[bold red]✗[/]", None: " "}
        for call in clean.calls:
            shown.add_row(str(call), *(marks[outcome.get((call, name))] for name in FAULTS))
        return shown

    def save(self, file: Path) -> None:
        """Write all results as JSON."""
        content = {
            "clean": [asdict(clean) for clean in self.clean],
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
        }
        file.write_text(json.dumps(content))


@dataclass(frozen=True)
class Choices:
    """What to run, and how.

    Attributes:
        scenario: Run only the scenarios whose name contains this text.
        sample: Seed for a random sample of the points; without it, all points run.
        mutants: Also run the scenarios that must not converge.
        results: File for all results, as JSON.
        lanes: How many points to run at a time; by default eight for each core.
    """

    scenario: str = ""
    sample: str | None = None
    mutants: bool = False
    results: Path | None = None
    lanes: int | None = None


def run(choices: Choices) -> int:
    """Run the matrix and return the exit status: 0 only if every point has converged."""
    known = [*SCENARIOS, *([ALLOCATES_WITHOUT_LOOKING] if choices.mutants else [])]
    chosen = [scenario for scenario in known if choices.scenario in scenario.name]
    choose = sample(choices.sample) if choices.sample else all_of
    lanes = choices.lanes or LANES_PER_CORE * (os.cpu_count() or 1)
    report = Report(Console(width=None if sys.stdout.isatty() else 130))
    with tempfile.TemporaryDirectory(prefix="crash-matrix-") as folder:
        lab = ForkableLab()
        try:
            lab.set_up(Path(folder))
            report.print("Terraform has applied the layouts to the lab")
            for result in verdicts(lab, chosen, lanes, choose):
                report.add(result)
        finally:
            lab.close()
    report.show()
    if choices.results:
        report.save(choices.results)
    return 0 if report.passed else 1
