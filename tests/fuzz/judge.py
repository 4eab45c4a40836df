"""The verdict about one input."""

from __future__ import annotations

import logging
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzz.device import EndlessCallError
from fuzz.targets import MARKER, MEMORY_BOUND, TEXT_BOUND, Target, UnusableResultError

CPU_BOUND_SECONDS = 2.0
"""CPU time that reading one input may take. CPU time, because other programs do not change it."""

_PACKAGE = "vmseries_autoscale"


@dataclass(frozen=True)
class Verdict:
    """What became of an input.

    Attributes:
        label: ``ACCEPTED``, the class of a named error, or what is wrong.
        failed: Whether something is wrong.
        unnamed: Whether what is wrong is an unnamed error.
        place: Where in the product it came from, and how; equal for inputs that fail alike.
        cpu_seconds: CPU time.
        memory: Growth of the process, in bytes.
        ended_process: Whether the input ended the process that read it.
    """

    label: str
    failed: bool = False
    unnamed: bool = False
    place: str = ""
    cpu_seconds: float = 0.0
    memory: int = 0
    ended_process: bool = False

    @property
    def signature(self) -> tuple[str, str]:
        """Equal for inputs that fail alike."""
        return (self.label, self.place)


class PlantedError(KeyError):
    """The error of the negative control."""


class Judge:
    """Reads inputs and gives a verdict about each.

    Args:
        target: The target of the inputs.
        plant: Whether to fail on the inputs of the negative control.
    """

    def __init__(self, target: Target, *, plant: bool = False) -> None:
        self._target = target
        self._plant = plant

    def verdict(self, case: Any) -> Verdict:
        """Read an input, and return what became of it."""
        _reset_peak_memory()
        before, started = _peak_memory(), time.process_time()
        with _log_records() as records:
            verdict = self._read(case)
        seconds = time.process_time() - started
        memory = _peak_memory() - before
        if not verdict.failed:
            verdict = self._checked(verdict, case, records, seconds, memory)
        return Verdict(
            verdict.label, verdict.failed, verdict.unnamed, verdict.place, seconds, memory
        )

    def _read(self, case: Any) -> Verdict:
        try:
            return Verdict(self._read_or_plant(case))
        except self._target.named_errors as error:
            name = type(error).__name__
            if problem := self._problem(case, _texts(error)):
                return Verdict(f"{name}: {problem}", failed=True, place=_place(error))
            return Verdict(name)
        except UnusableResultError as error:
            return Verdict(f"unusable: {error}", failed=True)
        except EndlessCallError as error:
            return Verdict("too many requests", failed=True, place=_place(error))
        except Exception as error:  # noqa: BLE001 - to find these errors is the purpose
            label = f"unnamed {type(error).__name__}"
            return Verdict(label, failed=True, unnamed=True, place=_place(error))

    def _read_or_plant(self, case: Any) -> str:
        if self._plant and self._target.is_planted(case):
            raise PlantedError
        return self._target.read(case)

    def _checked(
        self,
        verdict: Verdict,
        case: Any,
        records: list[logging.LogRecord],
        seconds: float,
        memory: int,
    ) -> Verdict:
        for record in records:
            if problem := self._problem(case, _values(record)):
                place = f"{record.module}: {record.msg}"[:100]
                return Verdict(f"a log record: {problem}", failed=True, place=place)
        if seconds > CPU_BOUND_SECONDS:
            return Verdict("over its CPU time", failed=True)
        if memory > MEMORY_BOUND:
            return Verdict("over its memory", failed=True)
        return verdict

    def _problem(self, case: Any, texts: Iterator[str]) -> str | None:
        for text in texts:
            if MARKER in text and self._target.has_secret(case):
                return "shows a secret"
            if len(text) > TEXT_BOUND:
                return "quotes more than 1 KiB"
        return None


def _texts(error: BaseException | None) -> Iterator[str]:
    """Yield the texts of an error and of its causes, which a traceback shows with it."""
    first = error
    while error is not None:
        text = str(error)
        # A log record has the text of an expected error, and not those of its causes.
        yield text if error is first else text[:TEXT_BOUND]
        if MARKER in text or MARKER in repr(error):
            yield MARKER
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _values(record: logging.LogRecord) -> Iterator[str]:
    yield record.getMessage()
    for value in vars(record).values():
        if isinstance(value, str):
            yield value
    if record.exc_info:
        yield from _texts(record.exc_info[1])


def _place(error: BaseException) -> str:
    """Return the innermost function of the product in a traceback; without one, of the fuzzer."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _PACKAGE in frame.filename]
    frame = (own or frames)[-1]
    return f"{frame.filename.rpartition(_PACKAGE + '/')[2]}, {frame.name}"


@contextmanager
def _log_records() -> Iterator[list[logging.LogRecord]]:
    """Collect the log records of the product."""
    records: list[logging.LogRecord] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger = logging.getLogger(_PACKAGE)
    handler = Handler()
    logger.addHandler(handler)
    try:
        yield records
    finally:
        logger.removeHandler(handler)


def _reset_peak_memory() -> None:
    """Let the peak begin at what the process has now. Where this is not possible, it never falls.

    ``clear_refs`` in proc(5).
    """
    with suppress(OSError):
        _CLEAR_REFS.write_text("5")


_CLEAR_REFS = Path("/proc/self/clear_refs")


def _peak_memory() -> int:
    """Return the peak of this process's resident memory, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
