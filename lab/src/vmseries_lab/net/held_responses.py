"""Responses that the lab holds for some lab time.

The functions' bootstrap (``aws/lambda_/runtime_bootstrap.py``) marks each request of a function.
Before a held response, the server sends an interim response with the time at which the response
comes. The caller sleeps on the lab's clock until then or until its own timeout. Neither takes real
time, and a busy machine does not cause a timeout.

Interim responses: RFC 9110, section 15.2.
"""

from __future__ import annotations

import contextlib
import math
import socket
import time
from collections.abc import Mapping
from functools import partial

from vmseries_lab.core.clock import Clock

REQUEST_HEADER = "x-lab-clock"
"""Header of requests whose callers use the lab's clock."""
SLOW_HEADER = "X-Lab-Seconds-Per-Byte"
"""Header of slow responses: lab seconds that a function waits for each byte of the body."""
NEVER = math.inf


def lives_by_lab_clock(headers: Mapping[str, str]) -> bool:
    """Whether the caller of a request uses the lab's clock.

    Args:
        headers: headers by name in lower case.
    """
    return REQUEST_HEADER in headers


def announce(connection: socket.socket, until: float, *, notices: bool = False) -> None:
    """Announce to the caller at which lab time the response comes, or that it never comes.

    Args:
        connection: connection of the caller.
        until: lab time of the response, or ``NEVER``.
        notices: whether the caller, when it gives up, waits for :func:`notice`.
    """
    header = "X-Lab-Notices: 1\r\n" if notices else ""
    connection.sendall(f"HTTP/1.1 100 Held\r\nX-Lab-Until: {until}\r\n{header}\r\n".encode())


def notice(connection: socket.socket) -> None:
    """Tell a caller that has given up that the lab has noticed it, unless it has gone."""
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 100 Noticed\r\n\r\n")


def delay(
    connection: socket.socket, headers: Mapping[str, str], seconds: float, clock: Clock
) -> None:
    """Delay a request by lab time if the caller is a function, otherwise by real time."""
    if lives_by_lab_clock(headers):
        clock.hold(seconds, partial(announce, connection))
    else:
        time.sleep(seconds)
