"""HTTP servers that use no CPU time while idle and stop at once."""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import Any


class Listener(ThreadingHTTPServer):
    """A server that runs in its own threads.

    The standard library's ``serve_forever`` polls to check whether it should end. A lab has a
    server for each execution environment, and would spend most of its time on polling.
    """

    daemon_threads = True
    block_on_close = False
    _ending = False

    def start(self) -> None:
        """Serve until :meth:`end`."""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop serving and close the port. A second call does nothing."""
        if self._ending:
            return
        self._ending = True
        # A connection wakes the server.
        with contextlib.suppress(OSError):
            socket.create_connection(self.server_address[:2], timeout=1).close()  # type: ignore[arg-type]
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's
        """Report an error in a handler as one that ends a thread, unless the client has gone."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            traced = (type(error), error, error.__traceback__, threading.current_thread())
            threading.excepthook(threading.ExceptHookArgs(traced))

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the base's
        """Stop answering when the server closes."""
        return not self._ending

    def _serve(self) -> None:
        while not self._ending:
            self.handle_request()


class PortListener:
    """Many ports on loopback, with one thread that accepts their connections.

    Args:
        take: called with each connection and the client's address; must not block.
    """

    def __init__(self, take: Callable[[socket.socket, Any], None]) -> None:
        self._take = take
        self._open: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_writer, self._wake_reader = socket.socketpair()
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def open(self) -> int:
        """Listen on a new port and return its number."""
        listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        listening.setblocking(False)
        port = int(listening.getsockname()[1])
        self._open[port] = listening
        self._selector.register(listening, selectors.EVENT_READ)
        return port

    def shut(self, port: int) -> None:
        """Stop listening on a port."""
        listening = self._open.pop(port)
        self._selector.unregister(listening)
        listening.close()

    def close(self) -> None:
        """End the thread and close all ports."""
        self._wake_writer.send(b".")
        self._thread.join()
        for port in list(self._open):
            self.shut(port)
        self._selector.close()
        self._wake_writer.close()
        self._wake_reader.close()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake_reader:
                    return
                # The port may have been closed, or the client may have disconnected.
                with contextlib.suppress(OSError):
                    connection, address = key.fileobj.accept()  # type: ignore[union-attr]
                    connection.setblocking(True)
                    self._take(connection, address)
