"""HTTPS connections that end at a deadline, and that read a limited number of bytes.

Redirects are not followed, and proxies of the environment are not used.
docs/decisions/0011-bounded-responses.md gives the reasons.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

MAXIMUM_HEADER_BYTES = 2**16
"""Size of a response's status line and headers, including interim responses."""

_FRAMING = 1.1
"""Factor by which the framing of chunks may enlarge a body. Tiny chunks are refused, because they
take too long to read."""

_PIECE = 2**16


def _read_body(response: http.client.HTTPResponse, connection: BoundedSocket, limit: int) -> bytes:
    """Read the body of a response whose headers were read from this socket."""
    connection.remaining_bytes = int(_FRAMING * limit)
    body = bytearray()
    announced = response.length or 0
    while max(announced, len(body)) <= limit and (piece := response.read(_PIECE)):
        body += piece
    if max(announced, len(body)) > limit:
        raise TooManyBytesError(f"more than {limit} bytes")
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return bytes(body)


class Deadline:
    """The end of a request.

    Args:
        seconds: Time until the end.
        clock: Clock in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def remaining_seconds(self) -> float:
        """Return the time until the deadline, more than zero.

        Raises:
            TimeoutError: If the deadline has passed.
        """
        remaining = self._end - self._clock()
        if remaining <= 0:
            raise TimeoutError("timed out")
        return remaining


class TooManyBytesError(Exception):
    """The device sends more than the response may have."""


class BoundedSocket(ssl.SSLSocket):
    """A TLS socket that reads and writes until a deadline, and reads a limited number of bytes.

    The timeout of a socket limits a single read, so a device that sends a byte each second would
    keep the function waiting without end.
    """

    deadline: Deadline
    remaining_bytes: int = MAXIMUM_HEADER_BYTES

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        """Read into a buffer.

        Raises:
            TimeoutError: If the deadline has passed.
            TooManyBytesError: If the device has sent too many bytes.
        """
        self.settimeout(self.deadline.remaining_seconds())
        received = super().recv_into(buffer, nbytes, flags)
        self.remaining_bytes -= received
        if self.remaining_bytes < 0:
            raise TooManyBytesError("too many bytes")
        return received

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        """Send a part of the data. ``sendall`` calls this method for each part.

        Raises:
            TimeoutError: If the deadline has passed.
        """
        self.settimeout(self.deadline.remaining_seconds())
        return super().send(data, flags)


class BoundedConnection(http.client.HTTPSConnection):
    """An HTTPS connection whose steps share one deadline.

    Args:
        address: Host name or IP address to connect to.
        port: TCP port.
        context: TLS context that verifies the server. Its sockets become bounded ones.
        deadline: End of the request, including its response.
    """

    sock: BoundedSocket

    def __init__(
        self, address: str, port: int, context: ssl.SSLContext, deadline: Deadline
    ) -> None:
        context.sslsocket_class = BoundedSocket
        super().__init__(address, port, context=context)
        self._verifying_context = context
        self._deadline = deadline

    def connect(self) -> None:
        """Connect to the first address that responds, and establish TLS."""
        connected = self._connect_to_any()
        try:
            # Headers and body are two writes; without this option, the second waits for the first.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(self._deadline.remaining_seconds())
            self.sock = self._verifying_context.wrap_socket(  # type: ignore[assignment]
                connected, server_hostname=self.host
            )
        except BaseException:
            connected.close()
            raise
        self.sock.deadline = self._deadline

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        limit: int,
        check_status: Callable[[int], None] = lambda _status: None,
    ) -> tuple[int, bytes]:
        """Send the only request of this connection, after ``connect``, and read its response.

        Args:
            method: Method of HTTP.
            target: Path and query.
            body: Body of the request; ``None`` without one.
            headers: Headers of the request, beside those of the connection.
            limit: Maximum number of bytes of the response's body.
            check_status: Raises an error for a status whose body is not to be read.

        Returns:
            The status and the body of the response.

        Raises:
            TooManyBytesError: If the body is longer, or announces to be.
            TimeoutError: If the deadline of the connection passes.
            HTTPException: If the response ends early, or is not HTTP.
            OSError: If the connection breaks.
            ValueError: For some sizes of chunks, as ``OverflowError`` too.
        """
        self.request(method, target, body, {**headers, "Connection": "close"})
        tls = self.sock  # The connection forgets it when it has read the headers.
        with self.getresponse() as response:
            check_status(response.status)
            return response.status, _read_body(response, tls, limit)

    def _connect_to_any(self) -> socket.socket:
        addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        failure = OSError("the host name has no address")
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                # Fails for IPv6 on a system without it.
                attempt = socket.socket(family, kind, protocol)
            except OSError as error:
                failure = error
                continue
            try:
                # An address that does not respond leaves time for the next ones.
                share = self._deadline.remaining_seconds() / (len(addresses) - number)
                attempt.settimeout(share)
                attempt.connect(address)
            except OSError as error:
                attempt.close()
                failure = error
            else:
                return attempt
        raise failure
