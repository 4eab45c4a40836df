"""Returns the same response to a repeated request."""

from __future__ import annotations

import threading
from collections import OrderedDict
from http import HTTPStatus
from typing import Any


class ReplayedResponses:
    """The latest successful responses to the account's administrator, by SDK invocation ID.

    The lab's web server closes each connection. On a busy machine, the SDK of Terraform's provider
    sometimes takes the close for a lost response and repeats a call that took effect, and a
    repeated creation would fail as a duplicate. All attempts of an invocation have the same ID, so
    a repeated attempt gets the same response. Calls of functions are not replayed, because tests
    check how functions handle lost responses.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    """

    KEPT = 1000

    def __init__(self) -> None:
        self._latest: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def replay(self, response: Any) -> Any:
        """Return the response to an earlier attempt of the same invocation, ``None`` if none."""
        with self._lock:
            return self._latest.get(_invocation(response))

    def keep(self, response: Any, result: Any) -> None:
        """Store the result of an attempt, if it succeeded."""
        invocation = _invocation(response)
        if invocation and int(result[0]) < HTTPStatus.BAD_REQUEST:
            with self._lock:
                self._latest[invocation] = result
                if len(self._latest) > self.KEPT:
                    self._latest.popitem(last=False)


def _invocation(response: Any) -> str:
    return str(response.headers.get("amz-sdk-invocation-id", ""))
