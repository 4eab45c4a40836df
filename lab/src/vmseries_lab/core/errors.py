"""Errors of the lab itself: recorded where they occur, while everything else continues."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

MOST_ENTRIES = 200
"""Different errors that are kept; an engine that fails at each tick adds one."""


class ErrorLog:
    """The errors of one lab.

    Attributes:
        keep: whether :meth:`guard` records errors. Otherwise it lets them pass, so that a test that
            runs a part of the lab in its own process fails at the cause.
    """

    def __init__(self) -> None:
        self.keep = False
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def record(self, place: str, error: BaseException) -> None:
        """Record an error.

        Args:
            place: what failed, such as ``group edge``.
            error: the error.
        """
        text = f"{place}: {''.join(traceback.format_exception(error))}"
        with self._lock:
            if text in self._counts or len(self._counts) < MOST_ENTRIES:
                self._counts[text] = self._counts.get(text, 0) + 1

    @contextmanager
    def guard(self, place: str) -> Iterator[None]:
        """Record an error inside this context, and continue after it."""
        try:
            yield
        except Exception as error:
            if not self.keep:
                raise
            self.record(place, error)

    def all(self) -> list[str]:
        """Return the tracebacks of the different errors, oldest first, with their numbers."""
        with self._lock:
            return [
                text if count == 1 else f"({count} times) {text}"
                for text, count in self._counts.items()
            ]

    def record_unhandled(self) -> None:
        """Record the errors that end a thread or the handling of a request, for this process."""

        def record(arguments: threading.ExceptHookArgs) -> None:
            if arguments.exc_value is not None:
                name = arguments.thread.name if arguments.thread else "a thread"
                self.record(name, arguments.exc_value)

        threading.excepthook = record
