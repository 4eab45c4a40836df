"""Responses that the lab holds back: their delay is lab time, as their caller sees it.

The functions' launcher (``aws/lambda_/runtime_bootstrap.py``) marks each request of a function.
Before a held response the server sends an interim response that names the instant at which the
response comes. The caller sleeps until then, or until its own timeout, on the lab's clock, so that
neither takes real time and a busy machine causes no timeout.

Interim responses: RFC 9110, section 15.2.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping

from vmseries_lab.core.clock import Clock

REQUEST_HEADER = "x-lab-clock"
"""Marks the requests of callers that live by the lab's clock."""
NEVER = math.inf


def lives_by_lab_clock(headers: Mapping[str, str]) -> bool:
    """Return whether the caller of a request lives by the lab's clock.

    Args:
        headers: By name in lower case.
    """
    return REQUEST_HEADER in headers


def announce(connection: socket.socket, until: float) -> None:
    """Tell the caller that the response comes at an instant of the lab's clock, or never."""
    connection.sendall(f"HTTP/1.1 100 Held\r\nX-Lab-Until: {until}\r\n\r\n".encode())


def delay(
    connection: socket.socket, headers: Mapping[str, str], seconds: float, clock: Clock
) -> None:
    """Let a request take longer: lab time for a function, real time for another caller."""
    if lives_by_lab_clock(headers):
        announce(connection, clock.now() + seconds)
        clock.hold(seconds)
    else:
        time.sleep(seconds)
