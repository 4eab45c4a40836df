"""A process that has loaded a function and is forked for each worker, as in Lambda's SnapStart.

Most of a cold start is importing modules and reading the SDK's models. A lab that needs hundreds of
workers starts one snapshot and forks it. The code is the same: the function's archive, its layers
and the runtime's packages, with the environment variables of the worker. This works only on Linux:
a copy is not a child process of the lab, which waits for it with a process file descriptor.
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
"""Command that starts the runtime without the lab's own environment."""
START_LIMIT_SECONDS = 60.0


class Copy:
    """A forked process, with the part of ``subprocess.Popen``'s interface that a worker uses."""

    def __init__(self, pid: int, stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdout = stdout
        self._handle = os.pidfd_open(pid)

    def __del__(self) -> None:
        os.close(self._handle)

    def poll(self) -> int | None:
        """Return ``None`` while it runs, then the status of a killed process.

        Only the snapshot, its parent, knows the real exit status.
        """
        return -signal.SIGKILL if self._ended(0) else None

    def wait(self) -> int:
        """Wait until it has ended."""
        self._ended(None)
        return -signal.SIGKILL

    def _ended(self, seconds: float | None) -> bool:
        return bool(select.select([self._handle], [], [], seconds)[0])


class SnapshotProcess:
    """A process that has loaded a function.

    Args:
        folder: folder of the socket on which copies are requested.
        search: folders of the unpacked function, its layers and the runtime's packages.
        environment: environment variables while the function is loaded.
        modules: modules to import besides the handler.
        services: AWS services whose models the SDK loads.
    """

    def __init__(
        self,
        folder: Path,
        search: tuple[Path, Path, Path],
        environment: Mapping[str, str],
        modules: Iterable[str] = (),
        services: Iterable[str] = (),
    ) -> None:
        self._address = str(folder / f"snapshot-{os.getpid()}-{id(self):x}")
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
            stdin=subprocess.PIPE,  # The snapshot ends when the lab closes this pipe.
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )
        listening.close()

    def copy(self, environment: Mapping[str, str]) -> Copy:
        """Fork a process that serves invocations with these environment variables.

        Raises:
            OSError: if the snapshot has ended.
        """
        reading, writing = os.pipe()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(START_LIMIT_SECONDS)
            connection.connect(self._address)
            socket.send_fds(connection, [json.dumps(dict(environment)).encode()], [writing])
            connection.shutdown(socket.SHUT_WR)
            os.close(writing)
            pid = int(connection.recv(64))
        return Copy(pid, os.fdopen(reading, "rb"))

    def stop(self) -> None:
        """End the snapshot; its copies keep running."""
        self._process.kill()
        self._process.communicate()
        Path(self._address).unlink(missing_ok=True)
