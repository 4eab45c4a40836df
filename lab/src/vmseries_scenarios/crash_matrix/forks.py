"""Copies of this process that tell it something, and how many of them may work at a time."""

from __future__ import annotations

import json
import os
import select
import sys
import traceback
from collections.abc import Callable
from typing import Any


class Fork:
    """A copy of this process.

    Attributes:
        descriptor: readable when it has told something, or has ended.
        ended: whether it has.
    """

    def __init__(self, pid: int, descriptor: int) -> None:
        self.descriptor = descriptor
        self.ended = False
        self._pid = pid
        self._text = b""

    def told(self) -> list[Any]:
        """What it has told since it was last asked; blocks if that is nothing.

        Raises:
            RuntimeError: with its traceback, if it failed.
        """
        part = os.read(self.descriptor, 1 << 16)
        *lines, self._text = (self._text + part).split(b"\n")
        if not part:
            self.ended = True
            os.close(self.descriptor)
            if os.waitpid(self._pid, 0)[1]:
                raise RuntimeError("a forked process has died")
        told = [json.loads(line) for line in lines]
        for one in told:
            if "failed" in one:
                raise RuntimeError(one["failed"])
        return [one["told"] for one in told]

    def result(self) -> Any:
        """What it tells last, when it has ended."""
        told = []
        while not self.ended:
            told += self.told()
        return told[-1]


def forked(work: Callable[[Callable[[Any], None]], None]) -> Fork:
    """Do ``work`` in a copy of this process; it is given a function that tells JSON-ready data."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Fork(pid, reading)
    os.close(reading)
    with os.fdopen(writing, "w") as stream:

        def tell(what: Any, *, key: str = "told") -> None:
            stream.write(json.dumps({key: what}) + "\n")
            stream.flush()

        try:
            work(tell)
        except BaseException:  # noqa: BLE001 - told to whoever waits
            tell(traceback.format_exc(), key="failed")
    os._exit(0)


class Lanes:
    """How many copies may work at a time, over all processes: a pipe with a byte for each."""

    def __init__(self, number: int) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.write(self._writing, b"." * number)

    def take(self, *, wait: bool) -> bool:
        """Take one: now or never, or as soon as there is one."""
        while True:
            try:
                return bool(os.read(self._reading, 1))
            except BlockingIOError:
                if not wait:
                    return False
                select.select([self._reading], [], [])

    def give_back(self) -> None:
        """Let somebody else have it."""
        os.write(self._writing, b".")
