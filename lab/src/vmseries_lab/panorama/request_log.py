"""The log of the requests to Panorama's XML API, by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request to a Panorama.

    Attributes:
        at: lab time at which Panorama received it.
        host: host name of the peer.
        kind: see :func:`kind_of`.
        target: serial number of the firewall to which Panorama forwarded it; empty for none.
        user: administrator; empty if the credentials were wrong.
        status: HTTP status of the response; 0 if there was none.
        size: bytes of the response.
    """

    at: float
    host: str
    kind: str
    target: str
    user: str
    status: int
    size: int


class RequestLog:
    """All requests to the peers of one Panorama, oldest first."""

    def __init__(self) -> None:
        self._requests: list[LoggedRequest] = []

    def add(self, request: LoggedRequest) -> None:
        """Log a request."""
        self._requests.append(request)

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """Return the requests from a number on, JSON-ready."""
        return [asdict(request) for request in self._requests[number:]]

    def counts(self, number: int = 0) -> dict[str, int]:
        """Return the number of requests by kind, from a request on."""
        return dict(Counter(request.kind for request in self._requests[number:]))


def kind_of(parameters: dict[str, str]) -> str:
    """Return the kind of a request: its type, and its action or the words of its command.

    The words are without arguments, so that the same request is of the same kind in every run.
    Examples: ``op show devices all``, ``config show``, ``commit``, ``commit all``.
    """
    kind = parameters.get("type", "")
    if kind == "op":
        try:
            return " ".join((kind, *words(fromstring(parameters.get("cmd", "")))))
        except (ParseError, DefusedXmlException):
            return kind
    action = parameters.get("action", "")
    return f"{kind} {action}".strip()


def words(command: Element) -> Iterator[str]:
    """Yield the words of a command as typed at the command line, without its arguments."""
    yield command.tag
    while len(command) and not (command.text or "").strip():
        command = command[0]
        yield command.tag
