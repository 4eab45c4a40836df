"""The live view: stages, firewalls and the event log in a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol, Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vmseries_scenarios.demo.model import Board, Firewall, Job, Moment, Progress, Stage

MARKS = {
    Progress.WAITING: ("·", "dim"),
    Progress.RUNNING: ("▸", "bold cyan"),
    Progress.DONE: ("✓", "green"),
    Progress.FAILED: ("✗", "bold red"),
}
STATUS_SECONDS = 15.0
"""How often plain output says where things stand when nothing else is said."""

FIGURES = 6
"""Lines that the figures beside the stages take."""

RESULTS = {"PEND": "cyan", "OK": "green", "FAIL": "bold red"}
"""Results of Panorama's jobs, and their colours."""

COMMITS = 3
"""Commits that the screen shows, the newest."""

LOG = 4
"""Lines of the event log that every screen has."""

FULL = 100.0
WARM, HOT = 60.0, 85.0
"""Utilisations at which a firewall is shown in yellow and in red."""


class View(AbstractContextManager["View"], Protocol):
    """Shows the board. Both kinds are context managers that leave the terminal as they found it."""

    def show(self, board: Board) -> None:
        """Bring what is shown up to date."""


def view_for(console: Console) -> View:
    """Return the live view for a terminal, plain lines for a file, a pipe or CI."""
    return LiveView(console) if console.is_terminal else PlainView(console)


# In a terminal ------------------------------------------------------------------------------------


class LiveView:
    """A full-screen view that is redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._board: Board | None = None
        self._live = Live(console=console, screen=True, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._live.stop()
        # The live view leaves nothing on the terminal.
        if self._board is not None:
            self._console.print(stages(self._board))

    def show(self, board: Board) -> None:
        """Redraw."""
        self._board = board
        self._live.update(screen(board, self._console.height), refresh=True)


def screen(board: Board, height: int) -> RenderableType:
    """Compose the whole screen for a terminal of `height` lines."""
    top = Table.grid(expand=True, padding=(0, 2))
    top.add_column(ratio=5)
    top.add_column(ratio=4)
    top.add_row(stages(board), figures(board))
    table = firewalls(board.moment)
    rows = len(board.moment.firewalls) if board.moment else 0
    # Borders and headings: 2 lines of the upper panel, the table and the log each, and 1 to spare.
    room = height - max(len(board.stages), FIGURES) - rows - 7
    parts: list[RenderableType] = [
        Panel(top, title="[bold]VM-Series autoscaling demo[/]", border_style="cyan"),
        table,
    ]
    # On a low terminal the log alone tells of commits.
    if room >= LOG + COMMITS + 2:
        room -= COMMITS + 2
        parts.append(framed(commits(board.commits), "commits on Panorama", COMMITS + 2))
    return Group(*parts, framed(log(board, max(LOG, room)), "what happens"))


def framed(content: RenderableType, title: str, height: int | None = None) -> Panel:
    """Frame a part of the screen; `height` lines, or as many as it takes."""
    return Panel(content, title=title, title_align="left", border_style="dim", height=height)


def stages(board: Board) -> RenderableType:
    """List the stages with their progress."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right")
    grid.add_column(style="dim", no_wrap=True, overflow="ellipsis")
    for stage in board.stages:
        mark, style = MARKS[stage.progress]
        took = f"{stage.seconds:.0f} s" if stage.progress is not Progress.WAITING else ""
        grid.add_row(Text(mark, style), Text(stage.name, style), took, stage.note)
    return grid


def figures(board: Board) -> RenderableType:
    """Show the clocks, the load and the mean utilisation."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_row("elapsed", f"{board.elapsed:.0f} s")
    moment = board.moment
    if moment is None:
        return grid
    grid.add_row("lab clock", clock(moment.at))
    grid.add_row("lab time", duration(moment.at - board.start))
    grid.add_row("load offered", f"{moment.offered:,} sessions")
    grid.add_row("in service", f"{moment.count()} of {len(moment.firewalls)} firewalls")
    grid.add_row("utilisation", bar(mean_utilization(moment)))
    return grid


def bar(percent: float) -> RenderableType:
    """Draw a utilisation as a bar with its figure."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        ProgressBar(
            total=FULL,
            completed=min(percent, FULL),
            width=24,
            complete_style=heat(percent),
            finished_style=heat(percent),
        ),
        Text(f"{percent:.0f} %", heat(percent)),
    )
    return grid


def firewalls(moment: Moment | None) -> RenderableType:
    """Tabulate the group's members."""
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        expand=True,
        padding=0,
        border_style="dim",
        header_style="bold",
    )
    for heading in ("instance", "zone", "lifecycle state", "serial"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Panorama", "group", "stack", "license"):
        table.add_column(heading, no_wrap=True)
    for heading in ("sessions", "load"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    for firewall in moment.firewalls if moment else ():
        table.add_row(
            firewall.instance_id,
            firewall.zone.rpartition("-")[2],
            firewall.lifecycle,
            firewall.serial or "-",
            firewall.panorama,
            firewall.group,
            firewall.stack,
            firewall.license,
            f"{firewall.sessions:,}",
            Text(f"{firewall.utilization:.0f} %", heat(firewall.utilization)),
            firewall.target,
            style=row_style(firewall),
        )
    return table


def commits(jobs: Sequence[Job]) -> RenderableType:
    """List Panorama's newest commits."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", no_wrap=True, min_width=8)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for job in jobs[-COMMITS:]:
        result = Text(job.result, RESULTS.get(job.result, ""))
        description = job.description or "-"
        grid.add_row(clock(job.queued_at), f"job {job.number}", result, job.user, description)
    return grid


def row_style(firewall: Firewall) -> str:
    """Return the colour of a firewall's row."""
    if firewall.leaving:
        return "dim"
    return "" if firewall.serving else "yellow"


def heat(percent: float) -> str:
    """Return the colour of a utilisation."""
    return "red" if percent >= HOT else "yellow" if percent >= WARM else "green"


def log(board: Board, room: int) -> RenderableType:
    """Show the newest lines of the event log."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", no_wrap=True, min_width=8)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for at, line in board.log[-room:]:
        grid.add_row(clock(at), line)
    return grid


# Everywhere else ----------------------------------------------------------------------------------


class PlainView:
    """Lines that are only ever added: what began and ended, what happened, where things stand."""

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now = now
        self._said: dict[str, Progress] = {}
        self._logged = 0
        self._last = now()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        return None

    def show(self, board: Board) -> None:
        """Print what is new."""
        lines = [line for stage in board.stages for line in self._news(stage, board.moment)]
        lines += [f"    {clock(at)}  {line}" for at, line in board.log[self._logged :]]
        self._logged = len(board.log)
        if not lines and self._now() - self._last >= STATUS_SECONDS:
            lines = [status(board)]
        if lines:
            self._last = self._now()
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)

    def _news(self, stage: Stage, moment: Moment | None) -> Sequence[str]:
        """Say if the stage has begun or ended since the last look, and then who is there."""
        before = self._said.get(stage.name, Progress.WAITING)
        if stage.progress is before:
            return ()
        self._said[stage.name] = stage.progress
        if stage.progress is Progress.RUNNING:
            return (f"==> {stage.name}",)
        note = f": {stage.note}" if stage.note else ""
        return (
            f"<== {stage.name}: {stage.progress.value} after {stage.seconds:.0f} s{note}",
            *(f"    {describe(firewall)}" for firewall in (moment.firewalls if moment else ())),
        )


def status(board: Board) -> str:
    """Say in one line where things stand."""
    parts = [
        f"{stage.name}: {stage.note}" if stage.note else stage.name for stage in board.running()
    ]
    if board.moment is not None:
        moment = board.moment
        parts.append(
            f"{moment.count()} of {len(moment.firewalls)} firewalls in service, "
            f"{mean_utilization(moment):.0f} % utilised"
        )
    return f"    ... {'; '.join(parts)} ({board.elapsed:.0f} s)"


# Words and figures --------------------------------------------------------------------------------


def describe(firewall: Firewall) -> str:
    """Describe a firewall on one line."""
    return (
        f"{firewall.instance_id} {firewall.zone} {firewall.lifecycle}, "
        f"serial {firewall.serial or '-'}, Panorama {firewall.panorama}, "
        f"device group {firewall.group}, stack {firewall.stack}, license {firewall.license}, "
        f"target {firewall.target}, {firewall.sessions:,} sessions"
    )


def mean_utilization(moment: Moment) -> float:
    """Return the mean utilisation of the firewalls in service, in percent."""
    values = [firewall.utilization for firewall in moment.firewalls if firewall.in_service]
    return sum(values) / len(values) if values else 0.0


def clock(at: float) -> str:
    """Write a lab time as a time of day."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def duration(seconds: float) -> str:
    """Write a duration as hours and minutes."""
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
