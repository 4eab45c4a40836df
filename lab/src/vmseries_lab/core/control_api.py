"""The control API: what tests and the demo may do to the lab, and see of it.

It moves the clock, injects faults and drives the load; it shows what happened. What is left behind
is never read from here but from the simulated AWS and Panorama themselves.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

PREFIX = "/lab/"

Query = dict[str, str]
Route = Callable[[Query, dict[str, Any]], Any]
"""Answers one request: takes the query and the JSON body, returns JSON-ready data."""


class Control:
    """A WSGI application with routes that the parts of the lab add."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], Route] = {}

    def add(self, method: str, path: str, route: Route) -> None:
        """Answer ``method`` on ``/lab/path`` with ``route``.

        Raises:
            ValueError: if something else answers it already.
        """
        if (method, path) in self._routes:
            raise ValueError(f"two parts of the lab answer {method} {PREFIX}{path}")
        self._routes[method, path] = route

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        status, answer = self._answer(environ)
        body = json.dumps(answer, default=str).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> tuple[HTTPStatus, Any]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(PREFIX)
        route = self._routes.get((method, path))
        if route is None:
            known = ", ".join(sorted(f"{m} {PREFIX}{p}" for m, p in self._routes))
            return HTTPStatus.NOT_FOUND, {"error": f"no {method} {PREFIX}{path}; there is {known}"}
        query = {k: v[-1] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = json.loads(environ["wsgi.input"].read(length) or b"{}")
            return HTTPStatus.OK, route(query, body)
        except (KeyError, TypeError, ValueError) as error:
            return HTTPStatus.BAD_REQUEST, {"error": f"{type(error).__name__}: {error}"}
        except Exception as error:  # noqa: BLE001 - the client is told, whatever it was
            traceback.print_exc()
            return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"{type(error).__name__}: {error}"}


def since(query: Query) -> int:
    """The ``since`` of a request for a log, 0 if it has none."""
    return int(query.get("since", "0"))
