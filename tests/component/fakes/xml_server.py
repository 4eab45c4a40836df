"""An HTTPS server that returns prepared responses, as the XML API of PAN-OS sends them."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import trustme

from vmseries_autoscale.errors import (
    DeviceAccessError,
    DeviceRefusedError,
    DeviceTimeoutError,
    DeviceUnavailableError,
)
from vmseries_autoscale.secret_store import Credentials

KEY = "a+key/with=signs=="
"""An API key; its special characters must survive the encoding of a form."""


@dataclass
class Answer:
    """A response, or what happens instead."""

    body: str | bytes = '<response status="success"><result/></response>'
    status: int = 200
    content_type: str = "application/xml; charset=UTF-8"
    delay: float = 0
    claimed_length: int | None = None
    reset: bool = False


@dataclass
class XmlApi:
    """The server.

    Attributes:
        requests: Form fields of each request.
        bodies: Encoded form of each request.
        reply: Returns the response to the fields of a request.
        ca: Certificate authority of the server.
        expires: When the certificate expires; ``None`` for long after the test.
        client_timeout_seconds: Timeout for clients. Short only if a response is delayed on purpose,
            because a busy machine is slow.
    """

    requests: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    reply: Callable[[dict[str, str]], Answer] = lambda _fields: Answer()
    ca: trustme.CA = field(default_factory=trustme.CA)
    certified_name: str = "localhost"
    expires: datetime | None = None
    client_timeout_seconds: float = 30

    def __enter__(self) -> XmlApi:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(self.certified_name, not_after=self.expires).configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def ca_bundle(self) -> str:
        return self.ca.cert_pem.bytes().decode()

    def answers(self, *bodies: str | Answer) -> None:
        """Return these responses in order, and the last one for all further requests."""
        queue = [body if isinstance(body, Answer) else Answer(body) for body in bodies]
        self.client_timeout_seconds = 0.2 if any(answer.delay for answer in queue) else 30
        self.reply = lambda _fields: queue.pop(0) if len(queue) > 1 else queue[0]


def _handler(api: XmlApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            fields = dict(parse_qsl(body))
            api.bodies.append(body)
            api.requests.append(fields)
            answer = api.reply(fields)
            time.sleep(answer.delay)
            if answer.reset:
                # Closing with linger 0 sends a reset instead of an orderly end.
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                self.close_connection = True
                return
            content = answer.body if isinstance(answer.body, bytes) else answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(answer.claimed_length or len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def credentials(api: XmlApi) -> Credentials:
    """The administrator that the server accepts."""
    return Credentials("autoscale", KEY, None, api.ca_bundle)


def success(result: str) -> str:
    """The response of a successful request."""
    return f'<response status="success"><result>{result}</result></response>'


def error(text: str, code: str | None = None) -> str:
    """The response of a refused request."""
    attribute = f' code="{code}"' if code else ""
    return f'<response status="error"{attribute}><msg><line>{text}</line></msg></response>'


UNUSABLE_RESPONSES = [
    (Answer(status=403), DeviceAccessError),
    (Answer(error("Unauthorized request", "16")), DeviceAccessError),
    (Answer(status=502), DeviceUnavailableError),
    (Answer("<html/>", content_type="text/html"), DeviceUnavailableError),
    (Answer(claimed_length=1000), DeviceUnavailableError),
    (Answer(delay=1.2), DeviceTimeoutError),
    (Answer(error("Server error : op command failed")), DeviceRefusedError),
]
"""Responses that no client can use, each with the error that it raises."""
