"""Tells the stories, and shows with which answers the module holds."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_lab.core.assumptions import ASSUMPTIONS
from vmseries_scenarios.assumptions.answers import ELSEWHERE, chosen_answers
from vmseries_scenarios.assumptions.story import Verdict, tell
from vmseries_scenarios.boot_phases.site import results

STORIES_PER_CORE = 2
"""A story waits some of the time, for the functions that it polls."""


def run(only: str = "", lanes: int | None = None) -> int:
    """Tell the stories, and print which hold.

    Args:
        only: Only stories, facts or answers whose name contains one of these words.
        lanes: How many stories to tell at a time.

    Returns:
        The exit status: 0 only if the module holds with every answer.
    """
    console = Console(width=None if sys.stdout.isatty() else 130)
    chosen = {answers.name: answers for answers in chosen_answers(only)}
    if not chosen:
        console.print(f"no story, no fact and no answer contains one of: {only}")
        return 1
    began = time.monotonic()

    def note(text: str) -> None:
        console.print(f"{time.monotonic() - began:4.0f} s  {text}", highlight=False)

    verdicts: list[Verdict] = []
    works = {name: partial(tell, answers=answers) for name, answers in chosen.items()}
    applied = partial(note, "Terraform has applied the root")
    for name, result in results(works, STORIES_PER_CORE, lanes, applied):
        verdicts.append(_verdict(name, result))
        note(f"{_state(verdicts[-1])}  {name}")
        for defect in verdicts[-1].defects:
            console.print(Text(f"        {defect}", "red"), soft_wrap=True)
    order = list(chosen)
    verdicts.sort(key=lambda verdict: order.index(verdict.name))
    console.print(_table(verdicts))
    turned = {fact for answers in chosen.values() for fact in answers.met}
    good = sum(not verdict.defects for verdict in verdicts)
    say = partial(console.print, highlight=False, soft_wrap=True)
    say(
        f"{len(turned)} of {len(ASSUMPTIONS)} facts had another answer than the first one; "
        f"no story meets {', '.join(ELSEWHERE)}"
    )
    say(
        f"assumptions: {good} of {len(verdicts)} stories: nothing lost, nothing leaked, nothing "
        f"falsely reported; {time.monotonic() - began:.0f} s"
    )
    return 0 if good == len(verdicts) else 1


def _verdict(name: str, result: Any) -> Verdict:
    if isinstance(result, RuntimeError):
        return Verdict(name, 0, 0, [str(result)], 0.0)
    return Verdict(**result)


def _state(verdict: Verdict) -> str:
    return "FAILED" if verdict.defects else "holds"


def _table(verdicts: list[Verdict]) -> Table:
    shown = Table("story", "licenses returned", "reported", "", "", box=SIMPLE_HEAD)
    for verdict in verdicts:
        color = "red" if verdict.defects else "green"
        numbers = str(verdict.returned), str(verdict.reported), f"{verdict.seconds:.0f} s"
        shown.add_row(verdict.name, *numbers, Text(_state(verdict), color))
    return shown
