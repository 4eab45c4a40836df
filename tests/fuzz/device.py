"""A PAN-OS device that sends recorded responses, one or all of them damaged.

The functions reach it in two ways: over a socket in memory, which replaces TCP and TLS and nothing
above them, or over TLS on this machine.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

import trustme

from fuzz.damage.http_response import ENDLESS, HttpResponse

RECORDED = {
    path.stem: path.read_bytes().strip()
    for path in sorted((Path(__file__).parent / "recorded").glob("*.xml"))
}
"""Responses of the XML API, by the name of their file."""

HOST = "localhost"
SERVER_NAME = "firewalls.example.com"
MAXIMUM_REQUESTS = 500
"""More requests than this in one call are an endless loop. A bound that does not depend on the
machine; the longest correct call makes a dozen."""

_COMMANDS = (
    ("<batch><license><info", "batch-licenses"),
    ("<batch><license><deactivate>", "enqueued"),
    ("<bootstrap><vm-auth-key><show", "vm-auth-keys"),
    ("<high-availability>", "high-availability"),
    ("<plugins><sw_fw_license><devices>", "plugin-devices"),
    ("<plugins><sw_fw_license><deactivate>", "plugin-deactivate"),
    ("<devicegroups>", "devicegroups"),
    ("<template-stack>", "template-stack"),
    ("<log-collector-group>", "log-collector-group"),
    ("<devices>", "devices"),
    ("<jobs>", "jobs"),
    ("<system>", "system-info"),
    ("<chassis-ready", "chassis-ready"),
    ("<license><info", "licenses"),
    ("<license><deactivate>", "license-deactivated"),
)
"""Which response an operational command gets, by a part of the command; the first match counts."""

_XPATHS = (
    ("/templates", "templates"),
    ("/aws-cloudwatch", "aws-cloudwatch"),
    ("/license-manager", "license-manager"),
    ("/devices", "members"),
)
"""Which response the end of an XPath gets, without the name of an entry."""


class EndlessCallError(BaseException):
    """The call makes too many requests. Not an ``Exception``, so that nothing handles it."""


class Device:
    """A device for one call.

    Args:
        responses: What it sends instead of a recorded response, by the number of the request;
            ``None`` for all requests.

    Attributes:
        names: The name of the recorded response for each request so far.
    """

    def __init__(self, responses: Mapping[int | None, HttpResponse] | None = None) -> None:
        self._responses = responses or {}
        self.names: list[str] = []

    def response(self, request: bytes) -> HttpResponse:
        """Return the response to the next request."""
        number = len(self.names)
        if number >= MAXIMUM_REQUESTS:
            raise EndlessCallError
        name = self._recorded(dict(parse_qsl(request.partition(b"\r\n\r\n")[2].decode())))
        self.names.append(name)
        if response := self._responses.get(number) or self._responses.get(None):
            return response
        return HttpResponse(RECORDED[name])

    def _recorded(self, fields: dict[str, str]) -> str:
        kind, action = fields.get("type"), fields.get("action")
        if kind == "keygen":
            return "keygen"
        if kind == "commit":
            return "enqueued"
        if action == "multi-config" and action not in self.names:
            return "multi-config"
        if action in ("show", "get"):
            if "/devices/entry[" in fields["xpath"]:
                return "entries"
            steps = fields["xpath"].split("/entry[@name=")
            last = fields["xpath"] if steps[-1].endswith("s") else "/".join(steps[:-1])
            return next((name for end, name in _XPATHS if last.endswith(end)), "members")
        command = fields.get("cmd", "").replace(" />", ">")
        return next((name for part, name in _COMMANDS if part in command), "succeeded")


class _Wire:
    """A connection in memory: each request gets its response at once."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._request = b""
        self._response: HttpResponse | None = None
        self._left = memoryview(b"")
        self._more = 0

    def send(self, content: Any) -> int:
        """Take a part of a request."""
        self._response = None
        self._request += bytes(content)
        return len(content)

    def receive(self, size: int) -> bytes:
        """Return a part of the response; nothing at its end."""
        if self._response is None:
            self._response = self._device.response(self._request)
            self._request, self._left = b"", memoryview(self._response.sent)
            self._more = ENDLESS if self._response.repeated else 0
        if not self._left and self._more > 0:
            self._left = memoryview(self._response.repeated)
            self._more -= len(self._left)
        received, self._left = self._left[:size], self._left[size:]  # Views, since copies add up.
        return bytes(received)


class _InMemory:
    """The methods of a TLS socket, over a connection in memory."""

    wire: _Wire

    def recv_into(self, buffer: Any, size: int | None = None, _flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        received = self.wire.receive(min(size or len(view), len(view)))
        view[: len(received)] = received
        return len(received)

    def recv(self, size: int = 1024, _flags: int = 0) -> bytes:
        return self.wire.receive(size)

    def send(self, content: Any, _flags: int = 0) -> int:
        return self.wire.send(content)

    def sendall(self, content: Any, _flags: int = 0) -> None:
        self.send(content)


@contextlib.contextmanager
def in_memory(device: Device, ports: set[int]) -> Iterator[None]:
    """Connect clients to the device without TCP and TLS, but with everything above them.

    Args:
        device: The device that responds.
        ports: Receives the ports that clients connect to, since a client that follows a redirect
            connects to another one.
    """

    def connect(_socket: socket.socket, address: tuple[Any, ...]) -> None:
        ports.add(address[1])

    def resolve(_host: str, port: int, *_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    def wrap(context: ssl.SSLContext, plain: socket.socket, *_: object, **__: object) -> Any:
        plain.close()
        kind = context.sslsocket_class
        # The class of the client's own, which may override how a socket reads.
        wrapped: Any = kind.__new__(kind)
        socket.socket.__init__(wrapped)
        wrapped.wire = _Wire(device)
        return wrapped

    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.object(socket.socket, "connect", connect))
        stack.enter_context(patch.object(socket, "getaddrinfo", resolve))
        stack.enter_context(patch.object(ssl.SSLContext, "wrap_socket", wrap))
        for name in ("recv_into", "recv", "send", "sendall"):
            stack.enter_context(patch.object(ssl.SSLSocket, name, getattr(_InMemory, name)))
        yield


_AUTHORITY = trustme.CA()
CA_BUNDLE = _AUTHORITY.cert_pem.bytes().decode()
"""The certificate that the device's certificate is verified with."""

_SERVER_CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
_AUTHORITY.issue_cert(HOST, "127.0.0.1", SERVER_NAME).configure_cert(_SERVER_CONTEXT)


class TlsServer:
    """A device behind TLS on this machine. Start it in the process that uses it.

    Attributes:
        device: The device that responds; it can be exchanged between two calls.
    """

    def __init__(self) -> None:
        self.device = Device()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            # A client may leave at any time.
            with contextlib.suppress(OSError, EndlessCallError), connection:
                connection.settimeout(30)
                with _SERVER_CONTEXT.wrap_socket(connection, server_side=True) as encrypted:
                    self._respond(encrypted)

    def _respond(self, connection: ssl.SSLSocket) -> None:
        request = b""
        while not _is_complete(request):
            received = connection.recv(65536)
            if not received:
                return
            request += received
        response = self.device.response(request)
        connection.sendall(response.sent)
        if response.repeated:
            for _ in range(ENDLESS // len(response.repeated)):
                connection.sendall(response.repeated)


def _is_complete(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return bool(end) and len(body) >= int(length or 0)
