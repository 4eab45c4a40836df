"""Handles every call: logs it, applies faults, authorizes it and returns the response."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from moto.core.responses import BaseResponse

from vmseries_lab.aws.iam.action_reference import NoSuchResourceError, UnknownActionError
from vmseries_lab.aws.iam.authorizer import Authorizer, Refusal, undecided
from vmseries_lab.aws.moto_patching import wrap
from vmseries_lab.aws.requests.connections import Late, connection_of, cut, headers_of
from vmseries_lab.aws.requests.errors import error_answer, error_code, throttled
from vmseries_lab.aws.requests.fault_injection import Fault, Faults
from vmseries_lab.aws.requests.parameters import parameters_of
from vmseries_lab.aws.requests.replayed_responses import ReplayedResponses
from vmseries_lab.aws.requests.request_log import Call, Calls, role_of
from vmseries_lab.aws.requests.stable_names import subject_of
from vmseries_lab.aws.throttling import Throttling
from vmseries_lab.core.world import World
from vmseries_lab.net.held_responses import delay

UNLOCKED = {("sqs", "ReceiveMessage"), ("lambda", "Invoke")}
"""Calls that may wait: a long poll for messages, an invocation for the function's own calls. They
take the world's lock themselves where they need it."""


@dataclass
class RequestPipeline:
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
    answers: ReplayedResponses = field(default_factory=ReplayedResponses)
    gatekeeper: Authorizer = field(default_factory=Authorizer)
    rates: Throttling | None = None
    late: Late = field(default_factory=Late)
    outside: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.outside = Calls(self.world)

    def answer(self, response: Any, original: Callable[[Any], Any]) -> Any:
        """Answer one call; replaces moto's ``BaseResponse.call_action``."""
        if role_of(response.access_key):
            return self._answer(response, original)
        answer = self.answers.replay(response)
        if answer is None:
            answer = self._answer(response, original)
            self.answers.keep(response, answer)
        return answer

    def _answer(self, response: Any, original: Callable[[Any], Any]) -> Any:
        service, action = response.boto3_service_name, response._get_action() or ""  # noqa: SLF001 - moto has no public name for it
        role = role_of(response.access_key)
        parameters = parameters_of(response, service, action)
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
        started = self.world.clock.now()
        try:
            hits = self.faults.take(service, action, role, subject)
            answer = self._strike(response, service, [f for f in hits if f.when == "before"])
            if answer is None and not self._within_rates(call):
                answer = throttled(response, service)
            if answer is None:
                answer = self._effect(response, call, original)
                late = self._strike(response, service, [f for f in hits if f.when == "after"])
                answer = late or answer
            call.status, call.error = int(answer[0]), error_code(answer)
        finally:
            call.seconds = round(self.world.clock.now() - started, 4)
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
            return error_answer(response, "NotImplemented", message, 400)

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
        return error_answer(response, refusal.code, refusal.message, refusal.status)

    def _strike(self, response: Any, service: str, faults: list[Fault]) -> Any:
        """Let the faults happen; the answer that one of them gives, if one does."""
        answer = None
        for fault in faults:
            if fault.kind == "delay":
                delay(
                    connection_of(response),
                    headers_of(response),
                    fault.seconds,
                    self.world.clock,
                )
            elif fault.kind == "late":
                self.late.hold(
                    connection_of(response),
                    headers_of(response),
                    fault.seconds,
                    self.world.clock,
                )
            elif fault.kind in ("reset", "crash"):
                if fault.kind == "crash":
                    self.crash(response.access_key)
                cut(response)
            elif fault.kind == "throttle":
                answer = throttled(response, service)
            elif fault.kind == "http-500":
                answer = error_answer(response, "InternalError", fault.message, 500)
            else:
                answer = error_answer(response, fault.code, fault.message, fault.status)
        return answer


def install(world: World) -> RequestPipeline:
    """Put the gate in front of every service."""
    gate = RequestPipeline(world, Calls(world), Faults())

    def call_action(original: Callable[[Any], Any], response: Any) -> Any:
        return gate.answer(response, original)

    wrap(BaseResponse, "call_action", call_action)
    # A fault's error need not be one of those that the service documents.
    warnings.filterwarnings("ignore", "Exception.AnsweredError. with code", UserWarning)
    world.engines.append(gate.late)
    return gate
