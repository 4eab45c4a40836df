"""The connections that calls come by: broken, or held until the caller hangs up."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

HANG_UP_LIMIT_SECONDS = 120.0
"""How long a call that is ``late`` waits for its caller to give up, in real time."""


class Late:
    """The calls that take effect only after their callers have given up; their engine."""

    def __init__(self) -> None:
        self._held = 0

    def tick(self, now: float) -> None:
        """Nothing here happens by itself."""

    def busy(self) -> bool:
        """Whether a call is still to take effect."""
        return self._held > 0

    def hold(self, connection: socket.socket, seconds: float) -> None:
        """Wait until the caller has hung up, and ``seconds`` more."""
        self._held += 1
        try:
            connection.settimeout(HANG_UP_LIMIT_SECONDS)
            with contextlib.suppress(OSError):
                connection.recv(1)
            time.sleep(seconds)
        finally:
            self._held -= 1


def cut(response: Any) -> None:
    """Break the connection: the client is left without an answer.

    Raises:
        ConnectionResetError: always; werkzeug drops the connection for it.
    """
    with contextlib.suppress(OSError):
        connection_of(response).shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("injected by the lab")


def connection_of(response: Any) -> socket.socket:
    """The connection by which the call came that is to be answered."""
    connection: socket.socket = response.normalized_request.environ["werkzeug.socket"]
    return connection
