"""A TLS server that responds with any bytes, as a hostile or broken device does."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import trustme

from vmseries_autoscale.secret_store import Credentials

Script = Callable[[ssl.SSLSocket], None]
"""Writes a response to a connection whose request was read."""


@dataclass
class RawServer:
    """The server.

    Attributes:
        script: Response to each request.
        requests: Requests that were read, without headers.
        sent: Number of bytes of the last response that the client accepted.
    """

    script: Script = lambda _connection: None
    requests: list[bytes] = field(default_factory=list)
    sent: int = 0
    ca: trustme.CA = field(default_factory=trustme.CA)

    def __enter__(self) -> RawServer:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("localhost").configure_cert(self._context)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def credentials(self) -> Credentials:
        return Credentials("autoscale", "key", None, self.ca.cert_pem.bytes().decode())

    def writes(self, *parts: bytes) -> None:
        """Respond with these bytes."""
        self.streams(lambda: parts)

    def streams(self, parts: Callable[[], Iterable[bytes]]) -> None:
        """Respond with bytes that are generated while they are sent."""

        def script(connection: ssl.SSLSocket) -> None:
            for part in parts():
                connection.sendall(part)
                self.sent += len(part)

        self.script = script

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            # A client that gives up closes the connection.
            with (
                contextlib.suppress(OSError),
                accepted,
                self._context.wrap_socket(accepted, server_side=True) as connection,
            ):
                request = _body(connection)
                if request:
                    self.requests.append(request)
                    self.sent = 0
                    self.script(connection)


def _body(connection: ssl.SSLSocket) -> bytes:
    with connection.makefile("rb") as stream:
        length = 0
        while (line := stream.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return stream.read(length)


def http(
    body: bytes, *headers: str, status: str = "200 OK", content_type: str = "application/xml"
) -> bytes:
    """A complete HTTP response."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
