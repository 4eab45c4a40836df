"""Every call to the simulated AWS passes through here: it is written down, and can be made to fail.

The log is what tests of least privilege, of call counts and of retries read. Faults are how tests
throttle, break, slow down and cut off calls.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.model import OperationNotFoundError, Shape
from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model
from moto.iam.models import iam_backends

from vmseries_lab.aws.iam import Request, roles
from vmseries_lab.aws.iam.gatekeeper import Gatekeeper, Refusal, undecided
from vmseries_lab.aws.iam.reference import NoSuchResourceError, UnknownActionError, requests
from vmseries_lab.aws.patching import wrap
from vmseries_lab.aws.rates import Rates
from vmseries_lab.aws.subjects import subject_of
from vmseries_lab.world import ACCOUNT_ID, World

KINDS = ("error", "throttle", "http-500", "delay", "reset", "late", "crash", "drop", "duplicate")
HANG_UP_LIMIT_SECONDS = 120.0
"""How long a call that is ``late`` waits for its caller to give up, in real time."""
THROTTLING = {
    # Which code a service answers with, by its API reference ("Common Errors").
    "ec2": ("RequestLimitExceeded", 503),
    "elbv2": ("ThrottlingException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "secretsmanager": ("ThrottlingException", 400),
    "sqs": ("ThrottlingException", 400),
}
UNLOCKED = {("sqs", "ReceiveMessage"), ("lambda", "Invoke")}
"""Calls that may wait: a long poll for messages, an invocation for the function's own calls. They
take the world's lock themselves where they need it."""


class AnsweredError(ServiceException):  # type: ignore[misc]
    """An error that the lab answers with; a class of its own, since moto goes by the module."""


@dataclass(slots=True)
class Call:
    """One call.

    Attributes:
        number: position in the log, from 0.
        at: lab time of its arrival, seconds since the epoch.
        service: as boto3 names it, e.g. ``autoscaling``.
        action: as the API reference names it, e.g. ``CompleteLifecycleAction``.
        parameters: what was asked, under the API's own names; secret values as ``***``.
        subject: what it is about, by a name that is the same in every run (``subjects``).
        access_key: who called.
        role: name of the role that ``access_key`` was issued for; empty for everybody else.
        via: the AWS service that called with the role's permissions on its own account, e.g.
            ``lambda.amazonaws.com`` writing a function's logs; empty for calls over the network.
        status: HTTP status of the answer, 0 while there is none (and for ever if cut off).
        error: the error code of the answer, empty if it succeeded.
        seconds: real time that the call took.
        authorization: what IAM was asked, if the call is a function's; empty if something that the
            call names did not exist, or if a fault came first.
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
        asked: list[Request] | None = None,
        **parameters: Any,
    ) -> bool:
        """Have Lambda call by itself with the permissions of a function's role; write it down.

        Args:
            service: as boto3 names it.
            action: as the API reference names it.
            role_arn: the function's role.
            asked: what IAM is asked, where the parameters do not tell.
            parameters: of the call.

        Returns:
            Whether the role allows it.
        """
        role = role_arn.rsplit("/", 1)[-1]
        call = self.add(service, action, parameters, role=role, via="lambda.amazonaws.com")
        call.authorization = requests(service, action, parameters) if asked is None else asked
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


@dataclass(slots=True)
class Fault:
    """Something that goes wrong with matching calls.

    Attributes:
        service: whose calls, as boto3 names it; ``*`` for all.
        action: which action; ``*`` for all.
        kind: ``error`` (answer ``code``), ``throttle``, ``http-500``, ``delay`` (by ``seconds``),
            ``reset`` (the connection breaks without an answer), ``late`` (no answer until the
            caller has given up; the call takes effect ``seconds`` after that), ``crash`` (the
            process that called dies); for ``events``/``Deliver``: ``drop`` (the event is lost) and
            ``duplicate``.
        when: ``before`` the call takes effect, or ``after``.
        after: how many matching calls pass first.
        count: how many matching calls it hits then; ``None`` for all.
        role: only calls under this role; ``*`` under any role; empty: by anybody.
        subject: only calls about this, as the log names it (``subjects``); ``*`` for all.
        code: error code of kind ``error``.
        message: error message.
        status: HTTP status of kind ``error``.
        seconds: real seconds of the kinds ``delay`` and ``late``.
    """

    service: str = "*"
    action: str = "*"
    kind: str = "error"
    when: str = "before"
    after: int = 0
    count: int | None = 1
    role: str = ""
    subject: str = "*"
    code: str = "InternalError"
    message: str = "injected by the lab"
    status: int = 400
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; known: {', '.join(KINDS)}")
        if self.when not in ("before", "after"):
            raise ValueError(f"a fault happens before or after the effect, not {self.when!r}")
        of_events = (self.service, self.action) == ("events", "Deliver")
        if (self.kind in ("drop", "duplicate")) != of_events:
            raise ValueError("drop and duplicate are for service events, action Deliver, only")

    def matches(self, service: str, action: str, role: str, subject: str) -> bool:
        """Whether the fault is about such a call."""
        return (
            self.service in ("*", service)
            and self.action in ("*", action)
            and self.subject in ("*", subject)
            and (not self.role or self.role == role or (self.role == "*" and bool(role)))
        )


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Set one more."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Remove all."""
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """The faults that have not been used up."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, service: str, action: str, role: str = "", subject: str = "") -> list[Fault]:
        """The faults that hit this call; each is counted as used once."""
        hits = []
        with self._lock:
            for fault in [f for f in self._faults if f.matches(service, action, role, subject)]:
                if fault.after > 0:
                    fault.after -= 1
                    continue
                hits.append(fault)
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self._faults.remove(fault)
        return hits


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


@dataclass
class Gate:
    """Where calls are logged and faults strike.

    Attributes:
        outside: requests to what is outside AWS, in a log of their own.
        crash: port to the function runtime: kill the process that holds this access key.
        rates: how fast the account may call; ``None`` for as fast as it likes.
        caller: port to the function runtime: the access key of who is connected from this port.
        late: calls whose callers have given up and that have not taken effect yet.
    """

    world: World
    calls: Calls
    faults: Faults
    crash: Callable[[str], None] = field(default=lambda _access_key: None)
    caller: Callable[[int], str] = field(default=lambda _port: "")
    answers: Answers = field(default_factory=Answers)
    gatekeeper: Gatekeeper = field(default_factory=Gatekeeper)
    rates: Rates | None = None
    late: int = 0
    outside: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.outside = Calls(self.world)

    def tick(self, now: float) -> None:
        """Nothing here happens by itself."""

    def busy(self) -> bool:
        """Whether a call is still to take effect."""
        return self.late > 0

    def hold(self, connection: socket.socket, seconds: float) -> None:
        """Wait until the caller has hung up, and ``seconds`` more."""
        self.late += 1
        try:
            connection.settimeout(HANG_UP_LIMIT_SECONDS)
            with contextlib.suppress(OSError):
                connection.recv(1)
            time.sleep(seconds)
        finally:
            self.late -= 1

    def answer(self, response: Any, original: Callable[[Any], Any]) -> Any:
        """Answer one call; replaces moto's ``BaseResponse.call_action``."""
        if role_of(response.access_key):
            return self._answer(response, original)
        answer = self.answers.of(response)
        if answer is None:
            answer = self._answer(response, original)
            self.answers.keep(response, answer)
        return answer

    def _answer(self, response: Any, original: Callable[[Any], Any]) -> Any:
        service, action = response.boto3_service_name, response._get_action() or ""  # noqa: SLF001 - moto has no public name for it
        role = role_of(response.access_key)
        parameters = _parameters(response, service, action)
        with self.world.lock:
            subject = subject_of(parameters)
        call = self.calls.add(
            service,
            action,
            parameters,
            subject=subject,
            access_key=response.access_key,
            role=role,
        )
        started = time.perf_counter()
        try:
            hits = self.faults.take(service, action, role, subject)
            answer = self._strike(response, service, [f for f in hits if f.when == "before"])
            if answer is None and not self._within_rates(call):
                answer = _throttled(response, service)
            if answer is None:
                answer = self._effect(response, call, original)
                late = self._strike(response, service, [f for f in hits if f.when == "after"])
                answer = late or answer
            call.status, call.error = int(answer[0]), _error_code(answer)
        finally:
            call.seconds = round(time.perf_counter() - started, 4)
        return answer

    def _within_rates(self, call: Call) -> bool:
        return self.rates is None or self.rates.take(call.service, call.action, call.parameters)

    def _effect(self, response: Any, call: Call, original: Callable[[Any], Any]) -> Any:
        service, action = call.service, call.action
        try:
            if (service, action) in UNLOCKED:
                with self.world.lock:
                    answer = self._decide(response, call, original)
                return answer or original(response)
            # Moto's stores have no lock of their own: one call at a time, as the engines.
            with self.world.lock:
                return self._decide(response, call, original) or original(response)
        except NotImplementedError as error:
            # HTTP 500 would be retried for minutes by every SDK.
            message = f"{error}; the lab does not simulate {service}:{action}"
            return _error_answer(response, "NotImplemented", message, 400)

    def _decide(self, response: Any, call: Call, original: Callable[[Any], Any]) -> Any:
        """The answer to a function's call that its role does not allow, ``None`` if it does.

        What names something that does not exist is answered by the service, with its own error.
        """
        session = self.gatekeeper.session(call.access_key)
        if session is None:
            return None
        refusal: Refusal | None
        try:
            call.authorization = self.gatekeeper.requests(
                session, call.service, call.action, call.parameters
            )
            refusal = self.gatekeeper.refusal(session, call.service, call.authorization)
        except UnknownActionError as error:
            refusal = undecided(error)
        except NoSuchResourceError as error:
            answer = original(response)
            if int(answer[0]) >= HTTPStatus.BAD_REQUEST:
                return answer
            refusal = undecided(error)
        if refusal is None:
            return None
        return _error_answer(response, refusal.code, refusal.message, refusal.status)

    def _strike(self, response: Any, service: str, faults: list[Fault]) -> Any:
        """Let the faults happen; the answer that one of them gives, if one does."""
        answer = None
        for fault in faults:
            if fault.kind == "delay":
                time.sleep(fault.seconds)
            elif fault.kind == "late":
                self.hold(_connection(response), fault.seconds)
            elif fault.kind in ("reset", "crash"):
                if fault.kind == "crash":
                    self.crash(response.access_key)
                _cut(response)
            elif fault.kind == "throttle":
                answer = _throttled(response, service)
            elif fault.kind == "http-500":
                answer = _error_answer(response, "InternalError", fault.message, 500)
            else:
                answer = _error_answer(response, fault.code, fault.message, fault.status)
        return answer


def role_of(access_key: str) -> str:
    """Name of the role that an access key was issued for; empty for everybody else's."""
    key = iam_backends[ACCOUNT_ID]["aws"].access_keys.get(access_key)
    return (key.role_arn or "").rsplit("/", 1)[-1] if key else ""


def _cut(response: Any) -> None:
    """Break the connection: the client is left without an answer.

    Raises:
        ConnectionResetError: always; werkzeug drops the connection for it.
    """
    with contextlib.suppress(OSError):
        _connection(response).shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("injected by the lab")


def _connection(response: Any) -> socket.socket:
    connection: socket.socket = response.normalized_request.environ["werkzeug.socket"]
    return connection


def _error_answer(response: Any, code: str, message: str, status: int) -> Any:
    _, headers, body = response.serialized(ActionResult(AnsweredError(code, message)))
    headers["status"] = str(status)
    return status, headers, body


def _throttled(response: Any, service: str) -> Any:
    code, status = THROTTLING.get(service, ("Throttling", 400))
    return _error_answer(response, code, "Rate exceeded", status)


def _error_code(answer: Any) -> str:
    """Read the error code from an answer of any of the protocols."""
    status, headers, body = answer
    if int(status) < 400:
        return ""
    named = {name.lower(): value for name, value in headers.items()}.get("x-amzn-errortype")
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    if not named and (found := re.search(r"<Code>([^<]+)</Code>", text)):
        named = found.group(1)
    if not named:
        try:
            named = json.loads(text).get("__type")
        except (ValueError, AttributeError):
            named = None
    return str(named or status).split("#")[-1].split(":")[0]


def _parameters(response: Any, service: str, action: str) -> dict[str, Any]:
    """What was asked, under the API's own names.

    Read with botocore's model of the service instead of moto's parsed form, whose names differ from
    service to service.
    """
    request = response.normalized_request
    try:
        model = get_service_model(service)
        operation = model.operation_model(action)
        protocol = determine_request_protocol(model, request.content_type)
        parsed = PROTOCOL_PARSERS[protocol](operation, map_type=dict).parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": response.uri_match,
            }
        )
    except (OperationNotFoundError, ParamValidationError, LookupError, TypeError, ValueError):
        # Whatever is wrong with the request, moto says so itself.
        return {}
    shown = _shown(parsed, operation.input_shape)
    return shown if isinstance(shown, dict) else {}


def _shown(value: Any, shape: Shape | None) -> Any:
    """``value`` as JSON-ready data without secrets (botocore marks them) and without bulk."""
    if shape is not None and shape.metadata.get("sensitive"):
        return "***"
    if isinstance(value, dict):
        members = getattr(shape, "members", {})
        inner = getattr(shape, "value", None)
        return {str(k): _shown(v, members.get(k, inner)) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_shown(item, getattr(shape, "member", None)) for item in value]
    if shape is not None and shape.type_name == "blob":
        return f"<{len(value)} bytes>"
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def install(world: World) -> Gate:
    """Put the gate in front of every service."""
    gate = Gate(world, Calls(world), Faults())

    def call_action(original: Callable[[Any], Any], response: Any) -> Any:
        return gate.answer(response, original)

    wrap(BaseResponse, "call_action", call_action)
    world.engines.append(gate)
    return gate
