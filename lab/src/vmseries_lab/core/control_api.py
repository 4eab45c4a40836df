"""The control API, with which tests and scenarios control and observe the lab.

It moves the clock, injects faults, sets the load, and returns logs. It does not return remaining
resources; the client counts them through the simulated AWS and Panorama.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from vmseries_lab.core.errors import ErrorLog

PREFIX = "/lab/"

Query = dict[str, str]
Route = Callable[[Query, dict[str, Any]], Any]
"""Handles a request: takes the query and the JSON body, returns JSON-ready data."""


class Control:
    """A WSGI application to which the parts of the lab add routes.

    Args:
        errors: records errors of routes, apart from those about the request's values.
    """

    def __init__(self, errors: ErrorLog) -> None:
        self._errors = errors
        self._routes: dict[tuple[str, str], Route] = {}

    def add(self, method: str, path: str, route: Route) -> None:
        """Handle ``method`` on ``/lab/path`` with ``route``.

        Raises:
            ValueError: if there is a route for it.
        """
        if (method, path) in self._routes:
            raise ValueError(f"there are two routes for {method} {PREFIX}{path}")
        self._routes[method, path] = route

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Handle one request."""
        status, content = self._handle(environ)
        body = json.dumps(content, default=str).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _handle(self, environ: dict[str, Any]) -> tuple[HTTPStatus, Any]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(PREFIX)
        route = self._routes.get((method, path))
        if route is None:
            known = ", ".join(sorted(f"{m} {PREFIX}{p}" for m, p in self._routes))
            error = f"no {method} {PREFIX}{path}; the routes are {known}"
            return HTTPStatus.NOT_FOUND, {"error": error}
        query = {k: v[-1] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = json.loads(environ["wsgi.input"].read(length) or b"{}")
            return HTTPStatus.OK, route(query, body)
        except (KeyError, TypeError, ValueError) as exception:
            return HTTPStatus.BAD_REQUEST, _error(exception)
        except Exception as exception:  # noqa: BLE001 - the client gets any error
            self._errors.record(f"{method} {PREFIX}{path}", exception)
            return HTTPStatus.INTERNAL_SERVER_ERROR, _error(exception)


def _error(exception: Exception) -> dict[str, str]:
    return {"error": f"{type(exception).__name__}: {exception}"}


def since(query: Query) -> int:
    """Return the parameter ``since`` of a request for a log, 0 if it is absent."""
    return int(query.get("since", "0"))
