"""Run the inputs of the targets in child processes.

Each child runs some inputs of one target and reports a line for each. It notes the number of an
input in shared memory before it reads it, so that its parent knows which input ended the process.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import resource
import selectors
import signal
import struct
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from fuzz.judge import Judge, Verdict
from fuzz.targets import Target

CHUNK = 1_000
"""How many inputs one process runs."""

_HANG_CPU_SECONDS = 20
"""CPU time after which the system ends a process that does not come back from one input."""

_MAXIMUM_MEMORY = 2 << 30
"""Bytes of address space of a process."""

_HANG_SECONDS = 300
"""The same for a process that waits and uses no CPU time. It is far longer than the time-outs of
the clients, so that a busy machine ends nothing."""


@dataclass(frozen=True)
class Result:
    """The verdict about an input."""

    target: str
    number: int
    verdict: Verdict


def make_case(target: Target, seed: str, number: int) -> Any:
    """Return an input, which depends on nothing but the target, the seed and the number."""
    return target.make(Random(f"{seed}/{target.name}/{number}"))  # noqa: S311 - not for secrets


@dataclass
class _Child:
    target: Target
    stop: int
    process: int
    output: int
    current: mmap.mmap
    pending: bytes = b""


class Runner:
    """Runs inputs in as many processes at a time as there are cores.

    Args:
        seed: Seed of the inputs.
        plant: Whether to plant the error of the negative control.
        lanes: How many processes run at a time.
    """

    def __init__(self, seed: str, *, plant: bool = False, lanes: int | None = None) -> None:
        self._seed = seed
        self._plant = plant
        self._lanes = lanes or os.cpu_count() or 1

    def run(self, targets: list[Target], numbers: range) -> Iterator[Result]:
        """Run these inputs of each target, and yield the verdicts in any order."""
        # What exists now stays shared between the processes.
        gc.collect()
        gc.freeze()
        waiting = [
            (target, start, min(start + CHUNK, numbers.stop))
            for start in range(numbers.start, numbers.stop, CHUNK)
            for target in targets
        ]
        with selectors.DefaultSelector() as selector:
            while waiting or selector.get_map():
                while waiting and len(selector.get_map()) < self._lanes:
                    child = self._start(*waiting.pop(0))
                    selector.register(child.output, selectors.EVENT_READ, child)
                for key, _ in selector.select():
                    child = key.data
                    received = os.read(child.output, 1 << 16)
                    yield from _results(child, received)
                    if not received:
                        selector.unregister(child.output)
                        if died := self._ended(child):
                            yield died
                            waiting.insert(0, (child.target, died.number + 1, child.stop))

    def _start(self, target: Target, start: int, stop: int) -> _Child:
        output, its_output = os.pipe()
        current = mmap.mmap(-1, 8)
        process = os.fork()
        if process == 0:
            os.close(output)
            self._run_chunk(target, range(start, stop), its_output, current)
        os.close(its_output)
        return _Child(target, stop, process, output, current)

    def _run_chunk(
        self, target: Target, numbers: range, output: int, current: mmap.mmap
    ) -> NoReturn:
        status = 1
        try:
            _quiet()
            judge = Judge(target, plant=self._plant)
            for number in numbers:
                current[:] = struct.pack("q", number)
                _limit_time()
                verdict = self._verdict(judge, target, number)
                line = json.dumps({"number": number, "verdict": asdict(verdict)})
                os.write(output, line.encode() + b"\n")
            status = 0
        finally:
            os._exit(status)

    def _verdict(self, judge: Judge, target: Target, number: int) -> Verdict:
        try:
            return judge.verdict(make_case(target, self._seed, number))
        except Exception as error:  # noqa: BLE001 - nothing else would show it
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}, {frame.name}"
            return Verdict(f"the fuzzer fails: {type(error).__name__}", failed=True, place=place)

    def _ended(self, child: _Child) -> Result | None:
        """Return the verdict about the input that ended a process, if any."""
        os.close(child.output)
        _, status = os.waitpid(child.process, 0)
        (number,) = struct.unpack("q", child.current[:])
        child.current.close()
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            return None
        return Result(child.target.name, number, killed(code))


def killed(code: int) -> Verdict:
    """Return the verdict about an input whose process ended with an exit status."""
    if code == -signal.SIGXCPU:
        label = "does not end"
    elif code == -signal.SIGALRM:
        label = "waits without an end"
    else:
        name = signal.Signals(-code).name if code < 0 else f"status {code}"
        label = f"ends the process: {name}"
    return Verdict(label, failed=True, ended_process=True)


def in_child(action: Callable[[], bytes]) -> bytes | Verdict:
    """Return what an action returns in a process of its own, or how it ends the process."""
    output, its_output = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(output)
            _quiet()
            _limit_time()
            with os.fdopen(its_output, "wb") as file:
                file.write(b"=" + action())
        finally:
            os._exit(0)
    os.close(its_output)
    with os.fdopen(output, "rb") as file:
        received = file.read()
    _, status = os.waitpid(process, 0)
    return received[1:] if received else killed(os.waitstatus_to_exitcode(status))


def _results(child: _Child, received: bytes) -> Iterator[Result]:
    *lines, child.pending = (child.pending + received).split(b"\n")
    for line in lines:
        content = json.loads(line)
        yield Result(child.target.name, content["number"], Verdict(**content["verdict"]))


def _quiet() -> None:
    """Discard what the product writes, its log and its metrics, and limit the memory.

    The system refuses memory before the machine has none left.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):  # Not every system can limit it.
        resource.setrlimit(resource.RLIMIT_AS, (_MAXIMUM_MEMORY, _MAXIMUM_MEMORY))


def _limit_time() -> None:
    """Let the system end this process if it does not come back from the next input."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(ValueError):  # A lower limit of the system ends the process as well.
        resource.setrlimit(resource.RLIMIT_CPU, (used + _HANG_CPU_SECONDS, hard))
    signal.alarm(_HANG_SECONDS)
