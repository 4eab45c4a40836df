"""Faults of the calls that a function makes during an invocation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class CrashError(BaseException):
    """The end of a Lambda environment: no code of the function runs after it."""


@dataclass
class Fault:
    """A fault of one call in an invocation.

    Attributes:
        at: Index of the call, from zero.
        kind: "error" or "crash", followed by "before" or "after" the effect of the call; or
            "meanwhile" for something else that happens before the call.
        meanwhile: What happens before the call.
        tripped: Whether the fault has happened.
    """

    at: int
    kind: str
    meanwhile: Callable[[], object] = lambda: None
    tripped: bool = False


@dataclass
class Invocation:
    """A run of a function, and the fault that will happen in it."""

    function: str
    fault: Fault | None
    calls: int = 0

    @contextmanager
    def tripping(self, lost: Exception, unanswered: Exception) -> Iterator[None]:
        """Surround the effect of a call with the fault.

        Args:
            lost: Error of a call that had no effect.
            unanswered: Error of a call that may have had an effect.
        """
        number, fault = self.calls, self.fault
        self.calls += 1
        kind = fault.kind if fault is not None and fault.at == number else ""
        if fault is not None and kind:
            fault.tripped = True
        if fault is not None and kind == "meanwhile":
            fault.meanwhile()
        if kind == "error before":
            raise lost
        if kind == "crash before":
            raise CrashError
        yield
        if kind == "error after":
            raise unanswered
        if kind == "crash after":
            raise CrashError
