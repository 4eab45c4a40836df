"""Breaks the connections of calls, or holds them until the caller closes them."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from typing import Any

from vmseries_lab.core.clock import Clock
from vmseries_lab.net.held_responses import NEVER, announce, lives_by_lab_clock, notice

HANG_UP_LIMIT_SECONDS = 120.0
"""Maximum real time that a ``late`` call waits for its caller to give up."""


class Late:
    """Calls that take effect after their callers have given up; their engine."""

    def __init__(self) -> None:
        self._held = 0

    def tick(self, now: float) -> None:
        """Do nothing: calls take effect in the threads of their requests."""

    def busy(self) -> bool:
        """Whether a call has not taken effect yet."""
        return self._held > 0

    def hold(
        self, connection: socket.socket, headers: Mapping[str, str], seconds: float, clock: Clock
    ) -> None:
        """Wait until the caller has closed the connection, then ``seconds`` more.

        The seconds are lab time if the caller is a function, otherwise real time. A function that
        gives up goes on when the lab has noticed it, so that they count from that instant.
        """
        self._held += 1
        try:
            in_lab_time = lives_by_lab_clock(headers)
            if in_lab_time:
                announce(connection, NEVER, notices=True)
            connection.settimeout(HANG_UP_LIMIT_SECONDS)
            with contextlib.suppress(OSError):
                connection.recv(1)
            if in_lab_time:
                clock.hold(seconds, lambda _instant: notice(connection))
            else:
                time.sleep(seconds)
        finally:
            self._held -= 1


def never_answer(response: Any) -> None:
    """Answer nothing, so that the caller's client times out on the lab's clock.

    Raises:
        ConnectionResetError: always, once the caller has given up.
    """
    connection = connection_of(response)
    announce(connection, NEVER)
    connection.settimeout(HANG_UP_LIMIT_SECONDS)
    with contextlib.suppress(OSError):
        connection.recv(1)
    raise ConnectionResetError("the network does not lead here")


def cut(response: Any) -> None:
    """Break the connection without a response.

    Raises:
        ConnectionResetError: always; werkzeug then closes the connection.
    """
    with contextlib.suppress(OSError):
        connection_of(response).shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("injected by the lab")


def headers_of(response: Any) -> dict[str, str]:
    """Return the headers of the call that is to be answered, by name in lower case."""
    return {name.lower(): value for name, value in response.normalized_request.headers.items()}


def connection_of(response: Any) -> socket.socket:
    """Return the connection of a call."""
    connection: socket.socket = response.normalized_request.environ["werkzeug.socket"]
    return connection
