"""Count the verdicts, and print them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from fuzz.judge import CPU_BOUND_SECONDS
from fuzz.processes import Result
from fuzz.targets import ACCEPTED, MEMORY_BOUND, TEXT_BOUND


@dataclass
class Tally:
    """The verdicts about the inputs of one target."""

    labels: Counter[str] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    unnamed: int = 0
    slowest: float = 0.0
    memory: int = 0
    examples: dict[tuple[str, str], Result] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Count a verdict."""
        verdict = result.verdict
        self.slowest = max(self.slowest, verdict.cpu_seconds)
        self.memory = max(self.memory, verdict.memory)
        if verdict.failed:
            self.failures[verdict.signature] += 1
            self.unnamed += verdict.unnamed
            example = self.examples.setdefault(verdict.signature, result)
            if result.number < example.number:
                self.examples[verdict.signature] = result
        else:
            self.labels[verdict.label] += 1

    @property
    def inputs(self) -> int:
        """How many inputs there were."""
        return self.labels.total() + self.failures.total()


def print_table(console: Console, tallies: dict[str, Tally]) -> None:
    """Print a row for each target, and the bounds that hold for each input."""
    table = Table("target", "inputs", "accepted", "named errors", "unnamed", "other failures")
    table.add_column("slowest (CPU)", justify="right")
    table.add_column("memory", justify="right")
    for name, tally in tallies.items():
        counts = [(number, label) for label, number in tally.labels.most_common()]
        named = "\n".join(f"{number:6} {label}" for number, label in counts if label != ACCEPTED)
        table.add_row(
            *(name, str(tally.inputs), str(tally.labels[ACCEPTED]), named, str(tally.unnamed)),
            str(tally.failures.total() - tally.unnamed),
            f"{tally.slowest:.2f} s",
            f"+{tally.memory / (1 << 20):.0f} MB",
        )
    console.print(table)
    console.print(
        f"bounds of each input: {CPU_BOUND_SECONDS:.0f} s of CPU time, "
        f"+{MEMORY_BOUND / (1 << 20):.0f} MB, {TEXT_BOUND} characters of an error or a log record"
    )


def last_line(tallies: dict[str, Tally]) -> str:
    """Return the result in one line."""
    inputs = sum(tally.inputs for tally in tallies.values())
    unnamed = sum(tally.unnamed for tally in tallies.values())
    others = sum(tally.failures.total() for tally in tallies.values()) - unnamed
    line = f"fuzz: {inputs} inputs, {unnamed} unnamed errors"
    return f"{line}, {others} other failures" if others else line
