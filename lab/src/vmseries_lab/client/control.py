"""Requests to the control API (``lab/control-api.md``)."""

from __future__ import annotations

import http.client
import json
from typing import Any, Protocol
from urllib.parse import urlsplit

from vmseries_lab.client.errors import LabError

REQUEST_LIMIT_SECONDS = 600.0


class Server(Protocol):
    """The server of a lab: one that this process has started, or one that others serve."""

    @property
    def running(self) -> bool:
        """Whether requests may be sent to it."""

    def start(self) -> dict[str, Any]:
        """Start or find it; return what ``GET /lab/ready`` responds."""

    def stop(self) -> None:
        """End the use of it. A second call does nothing."""

    def log(self) -> str:
        """Return its standard error, as far as it is known."""


class ControlApi:
    """The control API of one lab.

    Attributes:
        endpoint: base URL of the lab; set when the lab has started.
        region: the Region that the lab simulates; set when the lab has started.
    """

    endpoint: str
    region: str

    def __init__(self, server: Server) -> None:
        self._server = server

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request to ``/lab/<path>``; return the decoded JSON response.

        Raises:
            LabError: if the lab rejects the request, does not answer, or is not running.
        """
        if not self._server.running:
            raise LabError("The lab is not running.")
        try:
            status, content = send(self.endpoint, method, path, body)
        except (OSError, http.client.HTTPException) as error:
            raise LabError(f"The lab does not answer: {error}.{self._log()}") from error
        if status != http.client.OK:
            raise LabError(f"{method} /lab/{path}: {content['error']}")
        return content

    def _log(self) -> str:
        log = self._server.log()
        return f" Its standard error:\n{log}" if log else ""


def send(
    endpoint: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    limit_seconds: float = REQUEST_LIMIT_SECONDS,
) -> tuple[int, Any]:
    """Send one request to ``/lab/<path>``; return the status and the decoded JSON response.

    Raises:
        OSError: if nothing answers.
        http.client.HTTPException: if the answer is not HTTP.
        ValueError: if the response is not JSON.
    """
    url = urlsplit(endpoint)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=limit_seconds)
    try:
        connection.request(method, f"/lab/{path}", json.dumps(body or {}))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
