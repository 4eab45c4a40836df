"""All points, and a table of calls and faults; the exit status is 1 unless all converge."""

from __future__ import annotations

import argparse
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

from crash_matrix.matrix import Clean, Verdict, all_of, verdicts
from crash_matrix.mutants import ALLOCATES_WITHOUT_LOOKING
from crash_matrix.points import FAULTS
from crash_matrix.sample import sample
from crash_matrix.scenarios import SCENARIOS
from crash_matrix.stage import Stage

LANES_PER_CORE = 8
"""A point waits most of the time: for the SDK's pauses, and for calls that time out."""
PROGRESS_SECONDS = 30.0
DETAILS = 8
"""Differences that are shown of a point that has not converged."""


@dataclass
class Report:
    """What has come in so far.

    Attributes:
        console: where progress and the result are shown.
    """

    console: Console
    began: float = field(default_factory=time.monotonic)
    clean: list[Clean] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    _told: float = 0.0

    def add(self, one: Clean | Verdict) -> None:
        """Take in the next result."""
        if isinstance(one, Clean):
            self.clean.append(one)
            self.tell(f"{one.scenario}: {len(one.calls)} calls, {one.points} points")
            return
        self.verdicts.append(one)
        if not one.converged:
            self.tell(f"NOT CONVERGED {one.point}")
        if time.monotonic() - self._told > PROGRESS_SECONDS:
            self._told = time.monotonic()
            self.tell(f"{len(self.verdicts)} of {self.expected} points")

    def tell(self, text: str) -> None:
        """Show a line of progress."""
        self.console.print(f"{time.monotonic() - self.began:6.0f} s  {text}", highlight=False)

    @property
    def expected(self) -> int:
        """How many points there are."""
        return sum(clean.points for clean in self.clean)

    @property
    def failed(self) -> list[Verdict]:
        """The points that have not converged."""
        return [verdict for verdict in self.verdicts if not verdict.converged]

    @property
    def whole(self) -> bool:
        """Whether all is as it has to be."""
        clean = not any(clean.defects for clean in self.clean)
        return clean and not self.failed and len(self.verdicts) == self.expected > 0

    def show(self) -> None:
        """Show the tables, what has not converged, and how many have."""
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
        """The calls of a scenario, with the outcome of each fault."""
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
        """Write everything down as JSON."""
        content = {
            "clean": [asdict(one) for one in self.clean],
            "verdicts": [asdict(one) for one in self.verdicts],
        }
        file.write_text(json.dumps(content))


def main() -> int:
    """Run the matrix; the exit status."""
    arguments = _arguments()
    known = [*SCENARIOS, *([ALLOCATES_WITHOUT_LOOKING] if arguments.mutants else [])]
    chosen = [one for one in known if arguments.scenario in one.name]
    choose = sample(arguments.sample) if arguments.sample else all_of
    report = Report(Console(width=None if sys.stdout.isatty() else 130))
    with tempfile.TemporaryDirectory(prefix="crash-matrix-") as folder:
        stage = Stage()
        try:
            stage.set_up(Path(folder))
            report.tell("Terraform has applied both layouts to the lab")
            for one in verdicts(stage, chosen, arguments.lanes, choose):
                report.add(one)
        finally:
            stage.close()
    report.show()
    if arguments.results:
        report.save(arguments.results)
    return 0 if report.whole else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crash_matrix", description=__doc__)
    parser.add_argument("--scenario", default="", help="only those whose name contains this")
    parser.add_argument("--sample", metavar="SEED", help="only a few points, chosen by lot")
    parser.add_argument("--mutants", action="store_true", help="also what must not converge")
    parser.add_argument("--results", type=Path, metavar="FILE", help="write all results down")
    lanes = LANES_PER_CORE * (os.cpu_count() or 1)
    parser.add_argument("--lanes", type=int, default=lanes, help="how many points at a time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
