"""The server process of a lab: start, stop and standard error."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from vmseries_lab.client.errors import LabError

START_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 10.0


class LabProcess:
    """A process that runs ``python -m vmseries_lab serve``.

    Args:
        region: the Region to simulate; the one of this process's environment if ``None``.
    """

    def __init__(self, region: str | None = None) -> None:
        self._environment = {"AWS_REGION": region} if region else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()

    @property
    def running(self) -> bool:
        """Whether the process was started and not stopped."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """Process ID of the server, ``None`` unless it runs."""
        return self._process.pid if self._process else None

    def start(self) -> dict[str, Any]:
        """Start the server and wait until it listens.

        Returns:
            The line that the server prints: ``endpoint``, ``region``, ``partition``,
            ``auth_code``, ``ca_pem``, ``hosts``.

        Raises:
            LabError: if it ends or prints nothing for :data:`START_LIMIT_SECONDS`.
        """
        source = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
        process = subprocess.Popen(
            [sys.executable, "-m", "vmseries_lab", "serve", "--json", "--with-parent"],
            env={**os.environ, **self._environment, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        self._process = process
        atexit.register(self.stop)
        # Kill a server that hangs before it is ready, which ends the wait for its line.
        watchdog = threading.Timer(START_LIMIT_SECONDS, process.kill)
        watchdog.start()
        line = process.stdout.readline() if process.stdout else b""
        watchdog.cancel()
        if not line:
            text = self.log()
            self.stop()
            raise LabError(f"The lab did not start. Its standard error:\n{text}")
        ready: dict[str, Any] = json.loads(line)
        return ready

    def stop(self) -> None:
        """Stop the server and everything that it started. A second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
        self._log.close()

    def log(self) -> str:
        """Return the standard error of the server, which is empty unless there were errors."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")
