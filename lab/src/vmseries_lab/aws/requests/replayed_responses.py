"""Answers that are given again to a caller who has missed them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from http import HTTPStatus
from typing import Any


class Answers:
    """The latest successes of the account's administrator, by the SDK's id of the invocation.

    The lab's web server closes each connection, and the SDK of Terraform's provider, with dozens of
    connections on a busy machine, now and then takes the close for the loss of an answer that was
    sent. It then repeats a call that has had its effect, and a creation that is repeated is refused
    as a duplicate. The attempts of one invocation share an id, by which the repeated one gets the
    same answer. Functions get no such help: what they do about lost answers is for tests to see.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    """

    KEPT = 1000

    def __init__(self) -> None:
        self._latest: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, response: Any) -> Any:
        """The answer that an earlier attempt of the same invocation was given, if any."""
        with self._lock:
            return self._latest.get(_invocation(response))

    def keep(self, response: Any, answer: Any) -> None:
        """Remember an answer."""
        invocation = _invocation(response)
        if invocation and int(answer[0]) < HTTPStatus.BAD_REQUEST:
            with self._lock:
                self._latest[invocation] = answer
                if len(self._latest) > self.KEPT:
                    self._latest.popitem(last=False)


def _invocation(response: Any) -> str:
    return str(response.headers.get("amz-sdk-invocation-id", ""))
