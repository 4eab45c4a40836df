"""HTTP servers that cost nothing while nobody asks, and end at once."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import ThreadingHTTPServer
from typing import Any


class Listener(ThreadingHTTPServer):
    """A server in threads of its own.

    The standard library's ``serve_forever`` wakes up again and again to see whether it should end.
    A lab has a server for each execution environment of a function: together, they would be what it
    spends most of its time on.
    """

    daemon_threads = True
    block_on_close = False
    _ending = False

    def start(self) -> None:
        """Serve until :meth:`end`."""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Serve no more, and close the port. A second time does nothing."""
        if self._ending:
            return
        self._ending = True
        # A connection is what the server waits for.
        with contextlib.suppress(OSError):
            socket.create_connection(self.server_address[:2], timeout=1).close()  # type: ignore[arg-type]
        self._thread.join()
        self.server_close()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the base's
        """Answer nobody any more at the end."""
        return not self._ending

    def _serve(self) -> None:
        while not self._ending:
            self.handle_request()
