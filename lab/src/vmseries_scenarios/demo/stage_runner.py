"""Runs stages one after the other: shows them, limits each in real time, never hangs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from vmseries_scenarios.demo.model import Board, Moment, Progress, Stage
from vmseries_scenarios.demo.terminal_view import View, clock, describe

T = TypeVar("T")

LOOK_SECONDS = 0.4
"""Real time between two looks at the lab; a look costs it five requests."""

WAIT_SECONDS = 0.05
"""Real time between two redraws of the view, and between two looks at what is waited for."""

SILENCE_SECONDS = 10.0
"""A look that takes longer is worth mentioning."""

QUOTED_LINES = 12
"""Lines of the event log that an error quotes."""


class StageError(RuntimeError):
    """A stage did not come to its end: the text says what was waited for and what was seen."""


class Conductor:
    """Carries the stages' common business: the board, the clock on the wall, waiting.

    Attributes:
        board: what the view shows.
        look: reads the lab; set once there is a lab.
    """

    def __init__(self, view: View, names: Sequence[str]) -> None:
        """Show all stages as waiting.

        Args:
            view: where the board is shown.
            names: the stages to come, in order.
        """
        self.board = Board(stages=[Stage(name) for name in names])
        self.look: Callable[[], Moment] | None = None
        self._view = view
        self._start = time.monotonic()
        # Looks run aside, one at a time: a lab that does not answer must not stop the clock here.
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="look")
        self._looking: Future[Moment] | None = None
        self._looked = 0.0
        self._stage: Stage | None = None
        self._stage_start = 0.0
        self._limit = 0.0

    @contextlib.contextmanager
    def stage(self, name: str, limit: float) -> Iterator[None]:
        """Run one stage.

        Args:
            name: one of the names given at the start.
            limit: seconds of real time within which every wait in it must end.
        """
        stage = self._stage = next(stage for stage in self.board.stages if stage.name == name)
        self._stage_start, self._limit = time.monotonic(), limit
        stage.progress = Progress.RUNNING
        self._show()
        try:
            yield
        except BaseException:
            stage.progress = Progress.FAILED
            raise
        else:
            stage.progress = Progress.DONE
        finally:
            stage.seconds = time.monotonic() - self._stage_start
            self._show()
            self._stage = None

    def note(self, text: str) -> None:
        """Say how far the running stage is."""
        if self._stage is not None:
            self._stage.note = text

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait, looking at the lab and redrawing, until `done`.

        Args:
            done: asked again and again; reads the board.
            what: what is waited for, for the error.

        Raises:
            StageError: the stage's limit passed.
        """
        while not done():
            self._pause(what)

    def refresh(self) -> None:
        """Look at the lab now, so that the board misses nothing.

        Raises:
            StageError: the stage's limit passed.
        """
        what = "an answer of the lab"
        self._finish_look(what)
        self._start_look()
        self._finish_look(what)

    def call(self, function: Callable[[], T], what: str, cancel: Callable[[], None]) -> T:
        """Run a slow function in a thread while the view goes on.

        Args:
            function: what to run.
            what: what it is, for the error.
            cancel: makes the function end early; called when the wait is over before it.

        Raises:
            StageError: the stage's limit passed; whatever the function raises.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="stage") as executor:
            future = executor.submit(function)
            try:
                self.until(future.done, what)
            except BaseException:
                cancel()
                raise
            return future.result()

    def _pause(self, what: str, *, look: bool = True) -> None:
        """Wait a moment; take up what was looked at, and look again if it is time to."""
        if self._looking is not None and self._looking.done():
            looking, self._looking = self._looking, None
            looking.result()
        if look and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._start_look()
        self._show()
        if time.monotonic() - self._stage_start > self._limit:
            raise StageError(self._too_late(what))
        time.sleep(WAIT_SECONDS)

    def _start_look(self) -> None:
        if self.look is not None and self._looking is None:
            self._looked = time.monotonic()
            self._looking = self._looker.submit(self.look)

    def _finish_look(self, what: str) -> None:
        while self._looking is not None:
            self._pause(what, look=False)

    def _show(self) -> None:
        self.board.elapsed = time.monotonic() - self._start
        if self._stage is not None:
            self._stage.seconds = time.monotonic() - self._stage_start
        self._view.show(self.board)

    def _too_late(self, what: str) -> str:
        name = self._stage.name if self._stage else "?"
        silence = time.monotonic() - self._looked
        silent = self._looking is not None and silence > SILENCE_SECONDS
        return "\n".join(
            [
                f"{name}: waited {self._limit:.0f} s for {what}, in vain.",
                *([f"The lab has not answered for {silence:.0f} s."] if silent else []),
                "Seen last:",
                *seen(self.board),
                "The newest events:",
                *(f"  {clock(at)}  {line}" for at, line in self.board.log[-QUOTED_LINES:]),
            ]
        )


def seen(board: Board) -> list[str]:
    """Describe the newest moment, for an error."""
    if board.moment is None:
        return ["  nothing of the lab"]
    moment = board.moment
    return [
        f"  {clock(moment.at)}, {moment.offered:,} sessions offered",
        *(f"  {describe(firewall)}" for firewall in moment.firewalls),
    ]
