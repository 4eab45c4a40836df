"""Stages that end, take too long, or are interrupted."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from vmseries_scenarios.demo.model import Firewall, Moment, Progress
from vmseries_scenarios.demo.stage_runner import Conductor, StageError
from vmseries_scenarios.demo.terminal_view import PlainView

START = 1_800_000_000.0


def conductor(*names: str) -> Conductor:
    made = Conductor(PlainView(Console(file=io.StringIO())), names or ("one", "two"))

    def look() -> Moment:
        made.board.moment = Moment(START, 7, (Firewall("i-1", "us-east-1a", "Pending:Wait"),))
        return made.board.moment

    made.look = look
    return made


def test_a_stage_is_shown_from_waiting_to_done() -> None:
    made = conductor()
    one, two = made.board.stages
    with made.stage("one", limit=5):
        assert one.progress is Progress.RUNNING
        made.note("half")
        made.until(lambda: made.board.moment is not None, "a look")
    assert (one.progress, one.note, two.progress) == (Progress.DONE, "half", Progress.WAITING)


def test_a_wait_that_takes_too_long_says_what_was_seen() -> None:
    made = conductor()
    made.board.log.append((START, "something happened"))
    with pytest.raises(StageError) as caught, made.stage("one", limit=0.3):
        made.until(lambda: False, "a miracle")
    text = str(caught.value)
    assert "one: waited 0 s for a miracle, in vain." in text
    assert "i-1 us-east-1a Pending:Wait, serial -" in text
    assert "something happened" in text
    assert made.board.stages[0].progress is Progress.FAILED


def test_a_call_returns_what_the_function_returns() -> None:
    made = conductor()
    with made.stage("one", limit=5):
        assert made.call(lambda: 42, "the answer", cancel=lambda: None) == 42


def test_an_error_of_the_function_is_raised() -> None:
    def fail() -> None:
        raise ValueError("broken")

    made = conductor()
    with pytest.raises(ValueError, match="broken"), made.stage("one", limit=5):
        made.call(fail, "it", cancel=lambda: None)
    assert made.board.stages[0].progress is Progress.FAILED


def test_a_call_that_takes_too_long_is_cancelled_and_waited_for() -> None:
    over = threading.Event()
    ended = threading.Event()

    def work() -> None:
        over.wait(20)
        ended.set()

    made = conductor()
    with pytest.raises(StageError, match="for the work, in vain"), made.stage("one", limit=0.3):
        made.call(work, "the work", cancel=over.set)
    assert ended.is_set()


def test_ctrl_c_cancels_the_call() -> None:
    over = threading.Event()

    def interrupted() -> Moment:
        raise KeyboardInterrupt

    made = conductor()
    made.look = interrupted
    with pytest.raises(KeyboardInterrupt), made.stage("one", limit=20):
        made.call(lambda: over.wait(20), "the work", cancel=over.set)
    assert over.is_set()
