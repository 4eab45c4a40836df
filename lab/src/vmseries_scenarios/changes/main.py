"""Runs the rows of docs/changes.md, and shows how each ended."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from vmseries_scenarios.changes.engine import Result, run_lane
from vmseries_scenarios.changes.lanes import LANES, Lane
from vmseries_scenarios.changes.live import Live
from vmseries_scenarios.changes.page import PAGE, render
from vmseries_scenarios.changes.rows import Row
from vmseries_scenarios.changes.topics import ROWS, TOPICS
from vmseries_scenarios.deployment import REPOSITORY
from vmseries_scenarios.program import RUN_ERRORS, open_console

AT_ONCE = 2
"""Deployments at a time: a change keeps one core busy for half of its time."""


def run(
    words: str = "",
    *,
    lane: str = "",
    console: Console | None = None,
    module: Path | None = None,
) -> int:
    """Try the rows whose name or topic contains one of the words; return the exit status.

    Args:
        words: Words, separated by spaces or commas; all rows without any.
        lane: Name of the only deployment to try; all without any.
        console: Where to print.
        module: Another checkout of the module; None for this one.
    """
    out = open_console(console)
    lanes = {name: rows for name, rows in by_lane(selected(words)).items() if lane in ("", name)}
    if not lanes:
        out.print(f"no row contains {words!r}")
        return 2
    began = time.monotonic()
    results = []
    for result in _results(lanes, module):
        results.append(result)
        mark = "[green]well[/]" if result.well else "[bold red]NOT WELL[/]"
        out.print(
            f"{time.monotonic() - began:6.0f} s  {result.lane:13}{result.id:26}{mark}",
            highlight=False,
        )
        for problem in result.problems:
            out.print(f"          {problem}", markup=False, highlight=False)
    out.print(table(results))
    well = sum(result.well for result in results)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    out.print(f"{minutes} min {seconds} s", highlight=False)
    out.print(f"changes: {well} of {len(results)} end well", highlight=False)
    return 0 if well == len(results) else 1


def selected(words: str) -> list[Row]:
    """Return the rows whose name or topic contains one of the words."""
    wanted = words.replace(",", " ").lower().split()
    return [
        row
        for topic, rows in TOPICS.items()
        for row in rows
        if not wanted or any(word in row.id or word in topic.lower() for word in wanted)
    ]


def by_lane(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each lane; those that replace firewalls are tried with a refresh, too."""
    in_order = sorted(rows, key=lambda row: row.lasting)
    lanes = {name: [row for row in in_order if row.lane == name] for name in LANES}
    lanes["refresh"] += [row for row in lanes["panorama"] if row.refreshes]
    return {name: tried for name, tried in lanes.items() if tried}


def _results(lanes: dict[str, list[Row]], module: Path | None) -> Iterator[Result]:
    """Try the rows of several lanes at a time, and yield the results as they come."""
    results: SimpleQueue[Result | None] = SimpleQueue()
    lives: list[Live] = []

    def try_lane(lane: Lane, rows: Sequence[Row], folder: Path) -> None:
        try:
            for result in run_lane(lane, rows, folder, module=module, built=lives.append):
                results.put(result)
        except RUN_ERRORS as error:
            results.put(Result("the deployment", lane.name, [str(error)]))
        finally:
            results.put(None)

    with (
        tempfile.TemporaryDirectory(prefix="vmseries-changes-") as scratch,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        tried = [
            pool.submit(try_lane, LANES[name], rows, Path(scratch) / name)
            for name, rows in sorted(lanes.items(), key=lambda lane: -len(lane[1]))
        ]
        try:
            for _ in lanes:
                while (result := results.get()) is not None:
                    yield result
        except BaseException:
            # The pool waits for its threads, which would try all other rows first.
            pool.shutdown(wait=False, cancel_futures=True)
            for live in lives:
                live.workspace.interrupt()
            raise
        for lane in tried:
            lane.result()


def table(results: Sequence[Result]) -> Table:
    """Return the results as a table, in the order of the page."""
    shown = Table(box=SIMPLE_HEAD)
    for name in ("row", "deployment", "the plan", "healthy", "s", ""):
        shown.add_column(name, overflow="fold")
    order = {row.id: number for number, row in enumerate(ROWS)}
    for result in sorted(results, key=lambda one: order.get(one.id, len(order))):
        shown.add_row(
            result.id,
            result.lane,
            result.plans[0] if result.plans else "",
            str(result.fewest),
            f"{result.seconds:.0f}",
            "[green]well[/]" if result.well else "[bold red]NOT WELL[/]",
        )
    return shown


def write_page() -> None:
    """Write docs/changes.md."""
    (REPOSITORY / PAGE).write_text(render(TOPICS), encoding="utf-8")
