"""A remote state with a lock, which can refuse its users, as when their credentials have expired.

The protocol is that of Terraform's ``http`` backend:
https://developer.hashicorp.com/terraform/language/backend/http
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Self

from vmseries_lab.net.http_server import Listener


class StateServer:
    """Serves one state on a free port; a context manager.

    Attributes:
        refusing: Whether every request is answered with 403.
        state: The state, empty if there is none.
        lock: What holds the lock, as JSON; empty if nothing does.
    """

    def __init__(self) -> None:
        self.refusing = False
        self.state = b""
        self.lock = b""
        self.guard = threading.Lock()
        self._server = Listener(("127.0.0.1", 0), _handler(self))

    def __enter__(self) -> Self:
        """Start."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.end()

    def environment(self) -> dict[str, str]:
        """Return the environment variables that configure the backend."""
        address = f"http://127.0.0.1:{self._server.server_port}/state"
        return {
            "TF_HTTP_ADDRESS": address,
            "TF_HTTP_LOCK_ADDRESS": address,
            "TF_HTTP_UNLOCK_ADDRESS": address,
            "TF_HTTP_RETRY_MAX": "0",
        }

    def answer(self, method: str, body: bytes) -> tuple[HTTPStatus, bytes]:
        """Answer one request: status and body."""
        with self.guard:
            if self.refusing:
                return HTTPStatus.FORBIDDEN, b""
            if method == "GET":
                return (HTTPStatus.OK, self.state) if self.state else (HTTPStatus.NO_CONTENT, b"")
            if method == "LOCK" and self.lock:
                return HTTPStatus.LOCKED, self.lock
            if method == "LOCK":
                self.lock = body
            elif method == "UNLOCK":
                self.lock = b""
            else:
                self.state = body
            return HTTPStatus.OK, b""


def _handler(server: StateServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Passes each request to the server."""

        def handle_one_request(self) -> None:
            """Read one request of any method, also LOCK and UNLOCK, and answer it."""
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = server.answer(self.command, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler
