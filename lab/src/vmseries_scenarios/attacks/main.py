"""The attacks as a command."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from vmseries_scenarios.attacks import (
    borrowed_identities,
    forged_messages,
    forged_times,
    guards,
    hostile_responses,
    poison_messages,
)
from vmseries_scenarios.attacks.result import Result, table, verdict
from vmseries_scenarios.attacks.site import Site, prepared
from vmseries_scenarios.deployment import REPOSITORY
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm

FAMILIES: dict[str, Callable[[Site], Iterator[Result]]] = {
    "messages": forged_messages.play,
    "poison": poison_messages.play,
    "times": forged_times.play,
    "responses": hostile_responses.play,
    "identities": borrowed_identities.play,
}
"""Families by their names on the command line, in the order in which they are played."""


def run(
    *,
    only: Collection[str] = (),
    negative_control: bool = False,
    repository: Path = REPOSITORY,
    console: Console | None = None,
) -> int:
    """Apply two deployments, attack one of them, and compare.

    Args:
        only: Play only these families; empty for all.
        negative_control: Remove one guard, and play only the family that it holds; the run must
            fail.
        repository: The checkout whose module is applied.
        console: Where to print.

    Returns:
        The exit status: 0 only if all attacks are held.
    """
    console = open_console(console)
    start = time.monotonic()
    stop_on_sigterm()
    results: list[Result] = []
    problems: list[str] = []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vmseries-") as scratch,
            prepared(repository, Path(scratch) / "attacks") as site,
        ):
            console.print(f"in service after {time.monotonic() - start:.0f} s")
            if negative_control:
                guards.remove(site)
                only = (guards.FAMILY,)
            for name, play in FAMILIES.items():
                if not only or name in only:
                    begun = time.monotonic()
                    results += play(site)
                    console.print(f"{name}: {time.monotonic() - begun:.0f} s")
            problems += site.lab.errors()
    except RUN_ERRORS as error:
        problems.append(str(error))
    console.print(table(results))
    for problem in problems:
        console.print(Text(problem, "red"), soft_wrap=True)
    console.print(f"{time.monotonic() - start:.0f} s")
    console.print(verdict(results))
    return 0 if results and not problems and all(result.held for result in results) else 1
