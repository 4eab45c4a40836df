"""Runs stages one after another, shows them, and limits the real time of each."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from vmseries_scenarios.demo.model import Board, Moment, Progress, Stage
from vmseries_scenarios.demo.terminal_view import View, clock, describe

T = TypeVar("T")

OBSERVE_SECONDS = 0.4
"""Real time between two observations of the lab, each of which takes five requests."""

WAIT_SECONDS = 0.05
"""Real time between two updates of the view, and between two checks of a condition."""

SILENCE_SECONDS = 10.0
"""An error mentions an observation that takes longer."""

QUOTED_LINES = 12
"""Lines of the event log that an error quotes."""


class StageError(RuntimeError):
    """A stage did not end in time: the text says what it waited for and what was observed."""


class StageRunner:
    """Runs the stages: keeps the board, measures real time, and waits.

    Attributes:
        board: What the view shows.
        observe: Observes the lab; set when the lab has started.
    """

    def __init__(self, view: View, names: Sequence[str]) -> None:
        """Show all stages as waiting.

        Args:
            view: Shows the board.
            names: Names of the stages, in order.
        """
        self.board = Board(stages=[Stage(name) for name in names])
        self.observe: Callable[[], Moment] | None = None
        self._view = view
        self._start = time.monotonic()
        # Observations run in a thread of their own: a lab that hangs must not block the time limit.
        self._observer = ThreadPoolExecutor(1, thread_name_prefix="observe")
        self._observing: Future[Moment] | None = None
        self._observed_at = 0.0
        self._stage: Stage | None = None
        self._stage_start = 0.0
        self._limit = 0.0

    @contextlib.contextmanager
    def stage(self, name: str, limit: float) -> Iterator[None]:
        """Run one stage.

        Args:
            name: Name of the stage.
            limit: Seconds of real time in which every wait of the stage must end.
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
        """Set the note of the running stage."""
        if self._stage is not None:
            self._stage.note = text

    def until(self, done: Callable[[], bool], description: str) -> None:
        """Wait until `done`, while observing the lab and updating the view.

        Args:
            done: The condition; reads the board.
            description: What is waited for, for the error message.

        Raises:
            StageError: The limit of the stage passed.
        """
        while not done():
            self._pause(description)

    def refresh(self) -> None:
        """Observe the lab now, so that the board is current.

        Raises:
            StageError: The limit of the stage passed.
        """
        description = "a response of the lab"
        self._finish_observing(description)
        self._start_observing()
        self._finish_observing(description)

    def call(self, function: Callable[[], T], description: str, cancel: Callable[[], None]) -> T:
        """Run a slow function in a thread, while the view is updated.

        Args:
            function: The function.
            description: What is waited for, for the error message.
            cancel: Ends the function early; called if the wait fails.

        Raises:
            StageError: The limit of the stage passed. The function may raise other errors.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="stage") as executor:
            future = executor.submit(function)
            try:
                self.until(future.done, description)
            except BaseException:
                cancel()
                raise
            return future.result()

    def _pause(self, description: str, *, observe: bool = True) -> None:
        """Wait a moment; finish an observation, and start the next one if it is due."""
        if self._observing is not None and self._observing.done():
            future, self._observing = self._observing, None
            future.result()
        if observe and time.monotonic() - self._observed_at >= OBSERVE_SECONDS:
            self._start_observing()
        self._show()
        if time.monotonic() - self._stage_start > self._limit:
            raise StageError(self._too_late(description))
        time.sleep(WAIT_SECONDS)

    def _start_observing(self) -> None:
        if self.observe is not None and self._observing is None:
            self._observed_at = time.monotonic()
            self._observing = self._observer.submit(self.observe)

    def _finish_observing(self, description: str) -> None:
        while self._observing is not None:
            self._pause(description, observe=False)

    def _show(self) -> None:
        self.board.elapsed = time.monotonic() - self._start
        if self._stage is not None:
            self._stage.seconds = time.monotonic() - self._stage_start
        self._view.show(self.board)

    def _too_late(self, description: str) -> str:
        name = self._stage.name if self._stage else "?"
        silence = time.monotonic() - self._observed_at
        silent = self._observing is not None and silence > SILENCE_SECONDS
        return "\n".join(
            [
                f"{name}: waited {self._limit:.0f} s for {description}.",
                *([f"The lab has not responded for {silence:.0f} s."] if silent else []),
                "Last observation:",
                *last_observation(self.board),
                "Latest events:",
                *(f"  {clock(at)}  {line}" for at, line in self.board.log[-QUOTED_LINES:]),
            ]
        )


def last_observation(board: Board) -> list[str]:
    """Describe the latest moment, for an error."""
    if board.moment is None:
        return ["  the lab was not observed"]
    moment = board.moment
    return [
        f"  {clock(moment.at)}, {moment.offered:,} sessions offered",
        *(f"  {describe(firewall)}" for firewall in moment.firewalls),
    ]
