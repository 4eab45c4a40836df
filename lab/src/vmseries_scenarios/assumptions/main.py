"""Tells the story for each answer, and shows with which answers the module holds."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_scenarios.assumptions.answers import Answers, chosen_answers
from vmseries_scenarios.assumptions.story import Verdict, tell
from vmseries_scenarios.boot_phases.site import results

STORIES_PER_CORE = 2
"""A story waits some of the time, for the functions that it polls."""


def run(only: str = "", lanes: int | None = None) -> int:
    """Tell the stories, and print which hold.

    Args:
        only: Only facts or answers whose name contains one of these words.
        lanes: How many stories to tell at a time.

    Returns:
        The exit status: 0 only if the module holds with every answer.
    """
    console = Console(width=None if sys.stdout.isatty() else 130)
    chosen = {answers.name: answers for answers in chosen_answers(only)}
    if not chosen:
        console.print(f"no fact and no answer contains one of: {only}")
        return 1
    began = time.monotonic()

    def note(text: str) -> None:
        console.print(f"{time.monotonic() - began:4.0f} s  {text}", highlight=False)

    verdicts: list[Verdict] = []
    works = {name: partial(tell, answers=answers) for name, answers in chosen.items()}
    applied = partial(note, "Terraform has applied the root")
    for name, result in results(works, STORIES_PER_CORE, lanes, applied):
        verdicts.append(_verdict(chosen[name], result))
        note(f"{_state(verdicts[-1])}  {name}")
        for defect in verdicts[-1].defects:
            console.print(Text(f"        {defect}", "red"), soft_wrap=True)
    order = list(chosen)
    verdicts.sort(key=lambda verdict: order.index(verdict.name))
    return _show(console, verdicts)


def _verdict(answers: Answers, result: Any) -> Verdict:
    if isinstance(result, RuntimeError):
        return Verdict(answers.name, answers.fact, [answers.fact], 0, 0, [str(result)], 0.0)
    return Verdict(**result)


def _state(verdict: Verdict) -> str:
    if verdict.defects:
        return "FAILED"
    return "holds" if verdict.was_played else "not asked"


def _show(console: Console, verdicts: list[Verdict]) -> int:
    """Print all verdicts, and return the exit status."""
    shown = Table("answer", "licenses returned", "reported", "", "", box=SIMPLE_HEAD)
    for verdict in verdicts:
        state = _state(verdict)
        color = {"FAILED": "red", "holds": "green"}.get(state, "yellow")
        numbers = str(verdict.returned), str(verdict.reported), f"{verdict.seconds:.0f} s"
        shown.add_row(verdict.name, *numbers, Text(state, color))
    console.print(shown)
    for verdict in verdicts:
        for defect in verdict.defects:
            console.print(Text(f"FAILED {verdict.name}: {defect}", "red"), soft_wrap=True)
    missed = [verdict.name for verdict in verdicts if _state(verdict) == "not asked"]
    if missed:
        console.print(
            f"{len(missed)} answers are to questions that this story does not ask; "
            "docs/assumptions.md names their tests",
            highlight=False,
        )
    asked = [verdict for verdict in verdicts if _state(verdict) != "not asked"]
    good = sum(not verdict.defects for verdict in asked)
    console.print(f"assumptions: {good} of {len(asked)} hold", highlight=False)
    return 0 if asked and good == len(asked) else 1
