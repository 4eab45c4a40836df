"""HTTP servers that cost nothing while nobody asks, and end at once."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
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


class Doors:
    """Many ports on loopback, and one thread that accepts whoever connects to any of them.

    Args:
        take: is given each connection and the address of who connected, and must not block.
    """

    def __init__(self, take: Callable[[socket.socket, Any], None]) -> None:
        self._take = take
        self._open: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._bell, ringing = socket.socketpair()
        self._selector.register(ringing, selectors.EVENT_READ)
        self._ringing = ringing
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def open(self) -> int:
        """Listen at one more port; its number."""
        door = socket.create_server(("127.0.0.1", 0), backlog=64)
        door.setblocking(False)
        port = int(door.getsockname()[1])
        self._open[port] = door
        self._selector.register(door, selectors.EVENT_READ)
        return port

    def shut(self, port: int) -> None:
        """Listen at a port no more."""
        door = self._open.pop(port)
        self._selector.unregister(door)
        door.close()

    def close(self) -> None:
        """End the thread, and shut every door."""
        self._bell.send(b".")
        self._thread.join()
        for port in list(self._open):
            self.shut(port)
        self._selector.close()
        self._bell.close()
        self._ringing.close()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._ringing:
                    return
                # The door may have been shut, or who knocked may have left.
                with contextlib.suppress(OSError):
                    connection, address = key.fileobj.accept()  # type: ignore[union-attr]
                    connection.setblocking(True)
                    self._take(connection, address)
