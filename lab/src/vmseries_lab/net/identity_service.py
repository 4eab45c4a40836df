"""Access tokens of the vendor's identity services, by the grant type client credentials (OAuth)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vmseries_lab.core.clock import Clock
from vmseries_lab.net.https import Request, Response


@dataclass
class IdentityService:
    """Issues tokens to one client, which expire by the lab's clock.

    Attributes:
        clock: clock of the lab.
        path: path of the requests.
        scope: scope that a request must name.
        seconds: how long a token lives.
        is_client: whether a request has the credentials of the client.
        new_token: makes a token from its number.
        also: what the answer has besides the token, its type and its time.
    """

    clock: Clock
    path: str
    scope: str
    seconds: int
    is_client: Callable[[Request], bool]
    new_token: Callable[[int], str]
    also: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._issued = 0
        self._tokens: dict[str, float] = {}

    def issue_token(self, request: Request) -> Response:
        """Answer one request; refusals have the error codes of RFC 6749, section 5.2."""
        given = request.parameters
        if request.path != self.path:
            return Response.json(404, {"error": "not_found"})
        if given.get("grant_type") != "client_credentials":
            return Response.json(400, {"error": "unsupported_grant_type"})
        if not self.is_client(request):
            return Response.json(401, {"error": "invalid_client"})
        if given.get("scope") != self.scope:
            return Response.json(400, {"error": "invalid_scope"})
        with self._lock:
            self._issued += 1
            token = self.new_token(self._issued)
            self._tokens[token] = self.clock.now() + self.seconds
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.seconds}
        return Response.json(200, {**answer, **self.also})

    def accepts(self, token: str) -> bool:
        """Whether a token was issued, and has neither expired nor been revoked."""
        with self._lock:
            return self._tokens.get(token, 0.0) > self.clock.now()

    def revoke(self) -> None:
        """Make all tokens invalid."""
        with self._lock:
            self._tokens.clear()
