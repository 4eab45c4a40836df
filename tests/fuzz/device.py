"""A PAN-OS device that answers with recorded responses, one or all of them damaged.

The functions reach it in two ways: over a socket in memory, which replaces TCP and TLS and nothing
above them, or over TLS on this machine.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

import trustme

from fuzz.damage.http_answer import ENDLESS, HttpAnswer

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
        answers: What it sends instead of a recorded response, by the number of the request;
            ``None`` for all requests.

    Attributes:
        names: The name of the recorded response for each request so far.
    """

    def __init__(self, answers: Mapping[int | None, HttpAnswer] | None = None) -> None:
        self._answers = answers or {}
        self.names: list[str] = []

    def answer(self, request: bytes) -> HttpAnswer:
        """Return the answer to the next request."""
        number = len(self.names)
        if number >= MAXIMUM_REQUESTS:
            raise EndlessCallError
        name = self._recorded(dict(parse_qsl(request.partition(b"\r\n\r\n")[2].decode())))
        self.names.append(name)
        if answer := self._answers.get(number) or self._answers.get(None):
            return answer
        return HttpAnswer(RECORDED[name])

    def _recorded(self, fields: dict[str, str]) -> str:
        kind, action = fields.get("type"), fields.get("action")
        if kind == "keygen":
            return "keygen"
        if kind == "commit":
            return "enqueued"
        if action == "multi-config" and action not in self.names:
            return "multi-config"
        if action in ("show", "get"):
            steps = fields["xpath"].split("/entry[@name=")
            last = fields["xpath"] if steps[-1].endswith("s") else "/".join(steps[:-1])
            return next((name for end, name in _XPATHS if last.endswith(end)), "members")
        command = fields.get("cmd", "").replace(" />", ">")
        return next((name for part, name in _COMMANDS if part in command), "succeeded")


class _Sent(io.RawIOBase):
    """The bytes of an answer, as a file that is read once."""

    def __init__(self, answer: HttpAnswer) -> None:
        self._left = answer.sent
        self._repeated = answer.repeated
        self._more = ENDLESS if answer.repeated else 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left and self._more > 0:
            self._left = self._repeated
            self._more -= len(self._left)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


class _SocketInMemory:
    """The client's end of a connection: each request is answered at once."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._request = b""
        self._sent: _Sent | None = None

    def sendall(self, content: bytes) -> None:
        self._sent = None
        self._request += bytes(content)

    def makefile(self, *_arguments: object, **_options: object) -> io.BufferedReader:
        return io.BufferedReader(self._answered())

    def recv(self, size: int, *_: object) -> bytes:
        return self._answered().read(size) or b""

    def recv_into(self, buffer: Any, size: int = 0, *_: object) -> int:
        return self._answered().readinto(memoryview(buffer)[: size or len(buffer)])

    read, write, send = recv, sendall, sendall

    def _answered(self) -> _Sent:
        if self._sent is None:
            self._sent = _Sent(self._device.answer(self._request))
            self._request = b""
        return self._sent

    def __enter__(self) -> _SocketInMemory:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Close, set a timeout, and so on: nothing happens in memory."""
        if name in _WITHOUT_EFFECT:
            return lambda *_arguments, **_options: None
        raise AttributeError(name)


_WITHOUT_EFFECT = frozenset(
    {"close", "settimeout", "gettimeout", "setsockopt", "shutdown", "unwrap", "detach", "fileno"}
    | {"do_handshake", "setblocking", "version", "getpeercert"}
)


@contextlib.contextmanager
def in_memory(device: Device, ports: set[int]) -> Iterator[None]:
    """Connect clients to the device without TCP and TLS.

    Args:
        device: The device that answers.
        ports: Receives the ports that clients connect to, since a client that follows a redirect
            connects to another one.
    """

    def connect(address: tuple[str, int], *_arguments: object, **_options: object) -> Any:
        ports.add(address[1])
        return _SocketInMemory(device)

    def wrap(_context: object, connection: Any, *_arguments: object, **_options: object) -> Any:
        return connection

    with patch("socket.create_connection", connect), patch("ssl.SSLContext.wrap_socket", wrap):
        yield


_AUTHORITY = trustme.CA()
CA_BUNDLE = _AUTHORITY.cert_pem.bytes().decode()
"""The certificate that the device's certificate is verified with."""

_SERVER_CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
_AUTHORITY.issue_cert(HOST, "127.0.0.1", SERVER_NAME).configure_cert(_SERVER_CONTEXT)


class TlsServer:
    """A device behind TLS on this machine. Start it in the process that uses it.

    Attributes:
        device: The device that answers; it can be exchanged between two calls.
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
        answer = self.device.answer(request)
        connection.sendall(answer.sent)
        if answer.repeated:
            for _ in range(ENDLESS // len(answer.repeated)):
                connection.sendall(answer.repeated)


def _is_complete(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return bool(end) and len(body) >= int(length or 0)
