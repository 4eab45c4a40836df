"""A process that has loaded a function and is copied for each worker, as Lambda's SnapStart does.

Most of a cold start is importing and reading the SDK's models. Whoever needs hundreds of workers
starts one template and lets it fork. What runs is the same: the function's archive, its layers and
the runtime's packages, in the environment of the copy's own. Linux only: a copy is not a child of
the lab, which follows it by a file descriptor of the process.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

START = (
    sys.executable,
    "-I",
    "-S",
    "-X",
    "utf8",
    str(Path(__file__).with_name("runtime_bootstrap.py")),
)
"""What starts the runtime, without anything of the lab's own environment."""
START_LIMIT_SECONDS = 60.0


class Copy:
    """A forked process; of ``subprocess.Popen`` it has what a worker needs."""

    def __init__(self, pid: int, stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdout = stdout
        self._handle = os.pidfd_open(pid)

    def __del__(self) -> None:
        os.close(self._handle)

    def poll(self) -> int | None:
        """``None`` while it runs. How it ended only the template knows: as if it was killed."""
        return -signal.SIGKILL if self._ended(0) else None

    def wait(self) -> int:
        """Wait for its end."""
        self._ended(None)
        return -signal.SIGKILL

    def _ended(self, seconds: float | None) -> bool:
        return bool(select.select([self._handle], [], [], seconds)[0])


class Template:
    """One loaded function.

    Args:
        folder: where to put the socket by which copies are asked for.
        search: the function's archive, its layers and the runtime's packages, unpacked.
        environment: what the function finds in its environment while it is loaded.
        modules: what to load besides the handler.
        services: of AWS, whose models the SDK is to have read.
    """

    def __init__(
        self,
        folder: Path,
        search: tuple[Path, Path, Path],
        environment: Mapping[str, str],
        modules: Iterable[str] = (),
        services: Iterable[str] = (),
    ) -> None:
        self._address = str(folder / f"template-{os.getpid()}-{id(self):x}")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self._address)
        listening.listen(64)
        facts = json.dumps(
            {
                "listening": listening.fileno(),
                "modules": list(modules),
                "services": list(services),
            }
        )
        self._process = subprocess.Popen(
            [*START, *map(str, search), facts],
            cwd=search[0],
            env=dict(environment),
            stdin=subprocess.PIPE,  # Ends with the last process of the lab.
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )
        listening.close()

    def copy(self, environment: Mapping[str, str]) -> Copy:
        """Fork a process that serves invocations with this environment.

        Raises:
            OSError: if the template has ended.
        """
        reading, writing = os.pipe()
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(START_LIMIT_SECONDS)
            asking.connect(self._address)
            socket.send_fds(asking, [json.dumps(dict(environment)).encode()], [writing])
            asking.shutdown(socket.SHUT_WR)
            os.close(writing)
            pid = int(asking.recv(64))
        return Copy(pid, os.fdopen(reading, "rb"))

    def stop(self) -> None:
        """End the template; its copies live on."""
        self._process.kill()
        self._process.communicate()
        Path(self._address).unlink(missing_ok=True)
