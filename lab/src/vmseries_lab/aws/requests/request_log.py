"""The log of calls to the simulated AWS."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from vmseries_lab.aws.iam import Request, roles
from vmseries_lab.aws.iam.action_reference import requests
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.world import World


@dataclass(slots=True)
class Call:
    """One call.

    Attributes:
        number: position in the log, from 0.
        at: lab time of its arrival, seconds since the epoch.
        service: name of the service in boto3, e.g. ``autoscaling``.
        action: name of the action in the API reference, e.g. ``CompleteLifecycleAction``.
        parameters: parameters under the API's own names; secret values are ``***``.
        subject: resources of the call, in names that are the same in every run (``stable_names``).
        access_key: access key ID of the caller.
        role: name of the role that ``access_key`` was issued for; empty if it is not a role's.
        via: AWS service that called with the permissions of the role, e.g. ``lambda.amazonaws.com``
            to write a function's logs; empty for calls over the network.
        status: HTTP status of the response, 0 while there is none (or if the connection broke).
        error: error code of the response, empty if the call succeeded.
        seconds: lab time that the call took.
        authorization: authorization requests of a function's call; empty if a resource of the call
            does not exist, or if a fault preceded authorization.
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
        """Add a call and return its entry, in which the caller sets the outcome."""
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
        """Authorize and log a call that Lambda makes with the permissions of a function's role.

        Args:
            service: name of the service in boto3.
            action: name of the action in the API reference.
            role_arn: ARN of the function's role.
            needed: authorization requests, if the parameters do not determine them.
            parameters: parameters of the call.

        Returns:
            Whether the role allows the call.
        """
        role = role_arn.rsplit("/", 1)[-1]
        call = self.add(service, action, parameters, role=role, via="lambda.amazonaws.com")
        call.authorization = requests(service, action, parameters) if needed is None else needed
        allowed = roles.first_denied(role_arn, call.authorization) is None
        call.status, call.error = (200, "") if allowed else (403, "AccessDenied")
        return allowed

    def latest(self, at: float) -> list[Call]:
        """Return the calls since a lab time."""
        with self._lock:
            return [call for call in self._calls if call.at >= at]

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """Return all calls from ``number`` on, as JSON-ready data."""
        with self._lock:
            calls = self._calls[number:]
        return [asdict(call) for call in calls]


def role_of(access_key: str) -> str:
    """Return the name of the role of an access key, empty if the key is not a role's."""
    key = backend("iam").access_keys.get(access_key)
    return (key.role_arn or "").rsplit("/", 1)[-1] if key else ""
