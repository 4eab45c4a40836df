"""The log of calls, for tests of least privilege, call counts and retries."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from moto.iam.models import iam_backends

from vmseries_lab.aws.iam import Request, roles
from vmseries_lab.aws.iam.action_reference import requests
from vmseries_lab.core.world import ACCOUNT_ID, World


@dataclass(slots=True)
class Call:
    """One call.

    Attributes:
        number: position in the log, from 0.
        at: lab time of its arrival, seconds since the epoch.
        service: as boto3 names it, e.g. ``autoscaling``.
        action: as the API reference names it, e.g. ``CompleteLifecycleAction``.
        parameters: under the API's own names; secret values as ``***``.
        subject: what it is about, by a name that is the same in every run (``subjects``).
        access_key: who called.
        role: name of the role that ``access_key`` was issued for; empty for everybody else.
        via: the AWS service that called with the role's permissions on its own account, e.g.
            ``lambda.amazonaws.com`` writing a function's logs; empty for calls over the network.
        status: HTTP status of the answer, 0 while there is none (and for ever if cut off).
        error: the error code of the answer, empty if it succeeded.
        seconds: lab time that the call took.
        authorization: the authorization requests, if the call is a function's; empty if something
            that the call names did not exist, or if a fault came first.
    """

    number: int
    at: float
    service: str
    action: str
    parameters: dict[str, Any]
    subject: str = ""
    access_key: str = ""
    role: str = ""
    via: str = ""
    status: int = 0
    error: str = ""
    seconds: float = 0.0
    authorization: list[Request] = field(default_factory=list)


class Calls:
    """The log of all calls."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def add(
        self,
        service: str,
        action: str,
        parameters: dict[str, Any],
        *,
        subject: str = "",
        access_key: str = "",
        role: str = "",
        via: str = "",
    ) -> Call:
        """Write a call down and return the entry, for its outcome to be filled in."""
        now = self._world.clock.now()
        with self._lock:
            number = len(self._calls)
            call = Call(number, now, service, action, parameters, subject, access_key, role, via)
            self._calls.append(call)
        return call

    def by_service(
        self,
        service: str,
        action: str,
        role_arn: str,
        *,
        needed: list[Request] | None = None,
        **parameters: Any,
    ) -> bool:
        """Have Lambda call by itself with the permissions of a function's role; write it down.

        Args:
            service: as boto3 names it.
            action: as the API reference names it.
            role_arn: the function's role.
            needed: the authorization requests, if the parameters do not determine them.
            parameters: of the call.

        Returns:
            Whether the role allows it.
        """
        role = role_arn.rsplit("/", 1)[-1]
        call = self.add(service, action, parameters, role=role, via="lambda.amazonaws.com")
        call.authorization = requests(service, action, parameters) if needed is None else needed
        allowed = roles.first_refused(role_arn, call.authorization) is None
        call.status, call.error = (200, "") if allowed else (403, "AccessDenied")
        return allowed

    def latest(self, at: float) -> list[Call]:
        """The calls from this time on."""
        with self._lock:
            return [call for call in self._calls if call.at >= at]

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """All calls from ``number`` on, as JSON-ready data."""
        with self._lock:
            calls = self._calls[number:]
        return [asdict(call) for call in calls]


def role_of(access_key: str) -> str:
    """Name of the role that an access key was issued for; empty for everybody else's."""
    key = iam_backends[ACCOUNT_ID]["aws"].access_keys.get(access_key)
    return (key.role_arn or "").rsplit("/", 1)[-1] if key else ""
