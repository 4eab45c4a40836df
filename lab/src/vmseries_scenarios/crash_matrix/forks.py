"""Forks of this process that send it messages, and a limit on how many work at a time."""

from __future__ import annotations

import json
import os
import select
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any


class Fork:
    """A fork of this process.

    Attributes:
        descriptor: File descriptor that is readable when the fork has sent something or has ended.
        ended: Whether the fork has ended.
    """

    def __init__(self, pid: int, descriptor: int) -> None:
        self.descriptor = descriptor
        self.ended = False
        self._pid = pid
        self._text = b""

    def receive(self) -> list[Any]:
        """Return the messages since the last call; blocks until there is one or the fork has ended.

        Raises:
            RuntimeError: The fork failed; the text is its traceback.
        """
        part = os.read(self.descriptor, 1 << 16)
        *lines, self._text = (self._text + part).split(b"\n")
        if not part:
            self.ended = True
            os.close(self.descriptor)
            if os.waitpid(self._pid, 0)[1]:
                raise RuntimeError(f"the forked process {self._pid} was killed")
        records = [json.loads(line) for line in lines]
        for record in records:
            if "failed" in record:
                raise RuntimeError(record["failed"])
        return [record["message"] for record in records]

    def result(self) -> Any:
        """Wait for the end of the fork, and return its last message."""
        messages = []
        while not self.ended:
            messages += self.receive()
        return messages[-1]


def forked(work: Callable[[Callable[[Any], None]], None]) -> Fork:
    """Run ``work`` in a fork of this process; its argument sends a JSON-compatible message."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Fork(pid, reading)
    os.close(reading)
    with os.fdopen(writing, "w") as stream:

        def send(message: Any, *, key: str = "message") -> None:
            stream.write(json.dumps({key: message}) + "\n")
            stream.flush()

        try:
            work(send)
        except BaseException:  # noqa: BLE001 - sent to the parent process
            send(traceback.format_exc(), key="failed")
    os._exit(0)


def results_of(
    works: Mapping[str, Callable[[Callable[[Any], None]], None]], lanes: int
) -> Iterator[tuple[str, Any]]:
    """Run each work in a fork, and yield its name and its last message as they end.

    The message of a fork that failed is its RuntimeError.

    Args:
        works: What to run, by name.
        lanes: How many to run at a time.
    """
    waiting = deque(works.items())
    running: dict[int, tuple[Fork, str]] = {}
    while waiting or running:
        while waiting and len(running) < lanes:
            name, work = waiting.popleft()
            fork = forked(work)
            running[fork.descriptor] = fork, name
        for descriptor in select.select(list(running), [], [])[0]:
            fork, name = running.pop(descriptor)
            try:
                yield name, fork.result()
            except RuntimeError as error:
                yield name, error


class Lanes:
    """Limits how many forks work at a time, over all processes: a pipe with a byte per lane."""

    def __init__(self, number: int) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.write(self._writing, b"." * number)

    def acquire(self, *, wait: bool) -> bool:
        """Acquire a lane, and return whether there was one.

        Args:
            wait: Wait until a lane is free.
        """
        while True:
            try:
                return bool(os.read(self._reading, 1))
            except BlockingIOError:
                if not wait:
                    return False
                select.select([self._reading], [], [])

    def release(self) -> None:
        """Release a lane."""
        os.write(self._writing, b".")
