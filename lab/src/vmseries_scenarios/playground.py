"""Executes the blocks of docs/playground.md as a reader does, and compares what they print.

A ``bash`` block is executed, all of them in one shell. The ``text`` block that follows it lists
lines that it must print, in this order; further lines may come between them, the width of spaces
does not matter, and ``…`` stands for any text.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.text import Text

from vmseries_lab.client import LabError
from vmseries_scenarios.deployment import REPOSITORY
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm

PAGE = REPOSITORY / "docs" / "playground.md"
CLONE = "terraform-aws-vmseries-autoscale"
"""Folder of the clone, as the page names it."""

SERVE = ("make", "serve", "PACE=60")

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELLIPSIS = "…"
BLOCK_LIMIT_SECONDS = 600.0
LINES_SHOWN = 10
LINES_OF_FAILURE = 60

END = "playground-block-ended"
"""What the shell prints after a block."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands.

    Attributes:
        heading: the heading above it.
        commands: what the reader copies.
        expected: lines that it must print, in this order.
    """

    heading: str
    commands: str
    expected: tuple[str, ...] = ()


def fences(text: str, language: str) -> list[str]:
    """Return the content of a page's blocks in a language."""
    return [match[2] for match in FENCE.finditer(text) if match[1] == language]


def blocks(text: str) -> list[Block]:
    """Return the blocks of commands of a page, each with the output that follows it."""
    found: list[Block] = []
    matches = [match for match in FENCE.finditer(text) if match[1] in ("bash", "text")]
    for match in matches:
        if match[1] == "bash":
            found.append(Block(_heading(text[: match.start()]), match[2]))
        else:
            last = found.pop()
            found.append(Block(last.heading, last.commands, tuple(match[2].splitlines())))
    return found


def _heading(text: str) -> str:
    without_code = FENCE.sub("", text)
    return str(re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)[-1])


def missing_line(expected: tuple[str, ...], printed: str) -> str | None:
    """Return the first expected line that is not printed after the lines before it."""
    lines = iter([" ".join(line.split()) for line in printed.splitlines()])
    for wanted in expected:
        words = " ".join(wanted.split())
        pattern = ".*".join(re.escape(part) for part in words.split(ELLIPSIS))
        if not any(re.fullmatch(pattern, line) for line in lines):
            return wanted
    return None


class Shell:
    """One bash, in which all blocks are executed.

    Args:
        folder: where it starts.
    """

    def __init__(self, folder: Path) -> None:
        # Not the settings of the caller, which may lead to another lab or to an account.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
        self._process = subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail"],
            cwd=folder,
            env={**environment, "NO_COLOR": "1", "TF_CLI_ARGS": "-no-color"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, commands: str) -> str:
        """Execute commands; return what they print.

        Raises:
            LabError: if one of them fails, or does not end in :data:`BLOCK_LIMIT_SECONDS`.
        """
        stdin, stdout = _pipe(self._process.stdin), _pipe(self._process.stdout)
        # On a line of its own, also after output without an end of line.
        stdin.write(f"{commands}\nprintf '\\n%s\\n' {END}\n")
        stdin.flush()
        watchdog = threading.Timer(BLOCK_LIMIT_SECONDS, self._process.kill)
        watchdog.start()
        try:
            return self._read(stdout)
        finally:
            watchdog.cancel()

    def _read(self, stdout: IO[str]) -> str:
        printed: list[str] = []
        for line in stdout:
            if line.strip() == END:
                return "".join(printed)
            printed.append(line)
        newest = "".join(printed[-LINES_OF_FAILURE:])
        raise LabError(f"The shell ended in this block. It printed:\n{newest}")

    def close(self) -> None:
        """End the shell."""
        for pipe in (self._process.stdin, self._process.stdout):
            _pipe(pipe).close()
        self._process.kill()
        self._process.wait()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise LabError("The shell has no pipe.")
    return pipe


@contextmanager
def served() -> Iterator[str]:
    """Serve a lab as the page does; yield the line that says where it is."""
    with subprocess.Popen(
        SERVE,
        cwd=REPOSITORY,
        env={**os.environ, "MAKEFLAGS": ""},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            lines = (line for line in _pipe(server.stdout) if "listens at" in line)
            first = next(lines, None)
            if first is None:
                raise LabError(f"{' '.join(SERVE)} has ended.")
            yield first.strip()
        finally:
            os.killpg(server.pid, signal.SIGINT)


def run(console: Console | None = None) -> int:
    """Execute the page; return the exit code."""
    stop_on_sigterm()
    console = open_console(console)
    found = blocks(PAGE.read_text(encoding="utf-8"))
    good = 0
    try:
        with tempfile.TemporaryDirectory(prefix="vmseries-playground-") as scratch, served() as at:
            console.print(at)
            folder = Path(scratch)
            (folder / CLONE).symlink_to(REPOSITORY)
            shell = Shell(folder)
            try:
                for block in found:
                    if not _try(block, shell, console):
                        break
                    good += 1
            finally:
                shell.close()
    except RUN_ERRORS as error:
        _print(console, str(error), "red")
    verdict = f"playground: {good} of {len(found)} blocks do what the page says"
    console.print(verdict, style="green" if good == len(found) else "red")
    return 0 if good == len(found) else 1


def _try(block: Block, shell: Shell, console: Console) -> bool:
    """Execute a block; print it, and whether it did what the page says."""
    begun = time.monotonic()
    console.rule(block.heading, align="left")
    _print(console, block.commands.rstrip(), "dim")
    printed = shell.run(block.commands)
    missing = missing_line(block.expected, printed)
    newest = printed.splitlines()[-(LINES_SHOWN if missing is None else LINES_OF_FAILURE) :]
    _print(console, "\n".join(newest))
    console.print(f"({time.monotonic() - begun:.0f} s)")
    if missing is not None:
        _print(console, f"The page says, and it did not print: {missing}", "red")
    return missing is None


def _print(console: Console, text: str, style: str = "") -> None:
    """Print text as it is: no markup, no emoji, no line broken."""
    console.print(Text(text, style), soft_wrap=True)
