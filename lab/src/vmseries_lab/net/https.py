"""An HTTPS server on loopback that can fail in the ways of real servers."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from vmseries_lab.core.clock import Clock
from vmseries_lab.net.certificates import Authority
from vmseries_lab.net.held_responses import (
    NEVER,
    SLOW_HEADER,
    announce,
    delay,
    lives_by_lab_clock,
)
from vmseries_lab.net.http_server import Listener

LOOPBACK = "127.0.0.1"
Mode = Literal["answering", "refusing", "hanging", "resetting", "truncating"]
SETTINGS = ("mode", "status", "delay_seconds", "wrong_certificate", "requests_at_once")
MODES: tuple[Mode, ...] = ("answering", "refusing", "hanging", "resetting", "truncating")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, with the parameters of the query string and of a form-encoded body.

    Attributes:
        port: at which the lab was connected to.
    """

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    port: int = 0


ENDLESS_BYTES = 256 << 20
"""Number of bytes after which a long response ends, to protect the memory of this machine."""
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response.

    Attributes:
        headers: further headers.
        repeat: how many times the body is sent; ``None`` for a response without end.
        seconds_per_byte: lab seconds that a function waits for each byte of the body.
        sent: called at the end with the number of bytes that the client accepted.
    """

    body: bytes
    content_type: str = "application/xml; charset=UTF-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    repeat: int | None = 1
    seconds_per_byte: float = 0.0
    sent: Callable[[int], None] = lambda _bytes: None

    @classmethod
    def json(cls, status: int, value: object) -> Response:
        """Return a response with a JSON body."""
        return cls(json.dumps(value).encode(), "application/json", status)


@dataclass
class ServerBehavior:
    """The behavior of a server.

    Attributes:
        mode: ``refusing`` closes the port; ``hanging`` accepts and never answers; ``resetting``
            answers with a TCP reset; ``truncating`` breaks off in the middle of the body.
        status: HTTP status of every answer; anything but 200 comes with an HTML body, as from a
            proxy or web server that has lost its application.
        delay_seconds: seconds by which each answer is late: of lab time for functions, of real
            time for other callers.
        wrong_certificate: present a certificate of an unknown CA.
        requests_at_once: how many requests it answers at once; any more get HTTP 502, as of a
            Panorama that gets too many requests (kevinsteves/pan-python#43). ``None`` for no limit.
    """

    mode: Mode = "answering"
    status: int = 200
    delay_seconds: float = 0.0
    wrong_certificate: bool = False
    requests_at_once: int | None = None
    changed: threading.Event = field(default_factory=threading.Event)


Intercept = Callable[[Request, socket.socket, Callable[[], Response]], Response | None]
"""Hook between a request and its effect; returns the response, ``None`` for a reset."""


class HttpsServer:
    """An HTTPS server for ``names`` with a certificate of ``authority``.

    The port stays the same for life: while the server refuses connections the port is held by a
    socket that does not listen, so that no other process can take it.

    Attributes:
        intercept: hook that sees each request and may break it.
        clock: the lab's.
        most_at_once: the most requests that were under way at the same time.
    """

    def __init__(
        self,
        authority: Authority,
        names: tuple[str, ...],
        respond: Callable[[Request], Response],
        clock: Clock,
    ) -> None:
        self.clock = clock
        self.conduct = ServerBehavior()
        self._right = authority.server_context(*names)
        self._names = names
        self._respond = respond
        self.intercept: Intercept = lambda _request, _connection, effect: effect()
        self.most_at_once = 0
        self._under_way = 0
        self._counting = threading.Lock()
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None
        self._listen()

    @property
    def address(self) -> str:
        """``host:port`` where it listens."""
        return f"{LOOPBACK}:{self.port}"

    def behave(self, **changes: Any) -> None:
        """Change the behavior; requests that hang end.

        Raises:
            ValueError: for an unknown mode or setting.
        """
        if unknown := set(changes) - set(SETTINGS):
            raise ValueError(f"there is no setting called {', '.join(sorted(unknown))}")
        mode = changes.get("mode", self.conduct.mode)
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is not one of {', '.join(MODES)}")
        former, self.conduct = (
            self.conduct,
            ServerBehavior(
                mode=mode,
                status=int(changes.get("status", self.conduct.status)),
                delay_seconds=float(changes.get("delay_seconds", self.conduct.delay_seconds)),
                wrong_certificate=bool(
                    changes.get("wrong_certificate", self.conduct.wrong_certificate)
                ),
                requests_at_once=changes.get("requests_at_once", self.conduct.requests_at_once),
            ),
        )
        former.changed.set()
        if mode == "refusing":
            self._unlisten()
        elif self._server is None:
            self._listen()

    @cached_property
    def _wrong(self) -> ssl.SSLContext:
        """The TLS context of an untrusted authority; rarely needed, and slow to create."""
        return Authority().server_context(*self._names)

    def close(self) -> None:
        """Stop for good."""
        self.conduct.changed.set()
        self._unlisten()
        self._socket.close()

    def take(self, connection: socket.socket, address: Any) -> None:
        """Serve a connection that was accepted on another port."""
        server = self._server
        if server is None:
            connection.close()
        else:
            server.process_request(connection, address)

    def context(self) -> ssl.SSLContext:
        """Return the TLS context for the next connection."""
        return self._wrong if self.conduct.wrong_certificate else self._right

    def stop(self) -> None:
        """Stop serving, until :meth:`start`."""
        self._unlisten()

    def start(self) -> None:
        """Serve again on a new port, because another process may use the former one."""
        self._socket.close()
        self._socket = _bound(0)
        self.port = self._socket.getsockname()[1]
        if self.conduct.mode != "refusing":
            self._listen()

    def answer(self, request: Request, connection: socket.socket) -> Response | None:
        """Return the response to a request, ``None`` for a reset."""
        with self._counting:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            limit = self.conduct.requests_at_once
            too_many = limit is not None and self._under_way > limit
        try:
            with self.clock.answering():
                return _broken(502) if too_many else self._answer(request, connection)
        finally:
            with self._counting:
                self._under_way -= 1

    def _answer(self, request: Request, connection: socket.socket) -> Response | None:
        conduct = self.conduct
        if conduct.mode == "hanging":
            if lives_by_lab_clock(request.headers):
                announce(connection, NEVER)
            conduct.changed.wait()
            return None
        if conduct.mode == "resetting":
            return None
        if conduct.delay_seconds:
            delay(connection, request.headers, conduct.delay_seconds, self.clock)
        if conduct.status != 200:
            return _broken(conduct.status)
        return self.intercept(request, connection, lambda: self._respond(request))

    def _listen(self) -> None:
        self._server = _Server(self, self._socket)
        self._server.start()

    def _unlisten(self) -> None:
        if self._server is None:
            return
        self._server.end()
        self._server = None
        self._socket = _bound(self.port)


def _broken(status: int) -> Response:
    page = b"<html><body><h1>The server cannot answer this request.</h1></body></html>"
    return Response(page, "text/html", status)


def _bound(port: int) -> socket.socket:
    """Return a socket that reserves a port on loopback without listening on it."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((LOOPBACK, port))
    return bound


class _Server(Listener):
    """Speaks TLS in the connection's own thread, so that a slow client does not delay others."""

    request_queue_size = 256

    def __init__(self, owner: HttpsServer, bound: socket.socket) -> None:
        super().__init__((LOOPBACK, owner.port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = bound
        self.owner = owner
        self.server_activate()

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self.owner.context().wrap_socket(request, server_side=True) as tls:
            super().finish_request(tls, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Parses a request and writes the answer."""

    server: _Server

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        text = self.rfile.read(length).decode()
        self._serve(dict(parse_qsl(text, keep_blank_values=True)))

    def _serve(self, form: dict[str, str]) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner = self.server.owner
        request = Request(url.path, query | form, headers, self.connection.getsockname()[1])
        response = owner.answer(request, self.connection)
        if response is None:
            self._reset()
            return
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.seconds_per_byte:
            self.send_header(SLOW_HEADER, str(response.seconds_per_byte))
        if response.repeat is not None:
            self.send_header("Content-Length", str(len(response.body) * response.repeat))
        self.end_headers()
        if owner.conduct.mode == "truncating":
            self.wfile.write(response.body[: len(response.body) // 2])
        elif response.repeat == 1:
            self.wfile.write(response.body)
            response.sent(len(response.body))
        else:
            self._repeat(response)

    def _repeat(self, response: Response) -> None:
        """Send the body several times, or until the client closes the connection."""
        copies = max(1, BLOCK_BYTES // len(response.body))
        left = len(response.body) * (response.repeat or ENDLESS_BYTES)
        sent = 0
        try:
            while sent < min(left, ENDLESS_BYTES):
                block = (response.body * copies)[: left - sent]
                self.wfile.write(block)
                sent += len(block)
        finally:
            self.close_connection = True
            response.sent(sent)

    def _reset(self) -> None:
        """Close the connection with a TCP reset (``SO_LINGER`` of zero seconds)."""
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Log nothing: the timeline records what happened."""
