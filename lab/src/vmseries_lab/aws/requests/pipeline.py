"""Handles every call: logs it, applies faults, validates, authorizes and executes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from moto.core import errors
from moto.core.responses import BaseResponse
from moto.s3.responses import S3Response

from vmseries_lab.aws.iam.action_reference import NoSuchResourceError, UnknownActionError
from vmseries_lab.aws.iam.authorizer import Authorizer, Rejection, undecided
from vmseries_lab.aws.moto_patching import replace, wrap
from vmseries_lab.aws.requests import signed_region
from vmseries_lab.aws.requests.connections import (
    Late,
    connection_of,
    cut,
    headers_of,
    never_answer,
)
from vmseries_lab.aws.requests.errors import error_code, error_response, throttled
from vmseries_lab.aws.requests.fault_injection import Fault, Faults
from vmseries_lab.aws.requests.parameters import parameters_of
from vmseries_lab.aws.requests.replayed_responses import ReplayedResponses
from vmseries_lab.aws.requests.request_log import Call, Calls, role_of
from vmseries_lab.aws.requests.stable_names import subject_of
from vmseries_lab.aws.throttling import Throttling
from vmseries_lab.aws.validation import Validator
from vmseries_lab.core.world import World
from vmseries_lab.net.held_responses import delay

UNLOCKED = {("sqs", "ReceiveMessage"), ("lambda", "Invoke")}
"""Calls that can wait: a long poll for messages, an invocation for calls of the function. They
acquire the world's lock only where they need it."""


@dataclass
class RequestPipeline:
    """Processes every call to the simulated AWS.

    Attributes:
        calls: log of calls.
        faults: active faults.
        crash: port to Lambda: kills the process with this access key.
        caller: port to Lambda: returns the access key of the process that uses this local port.
        cut_off: port to Lambda: whether the network of the process with this access key does not
            lead to the API of a service.
        rates: request rates of the account; ``None`` for no limit.
        late: calls that have not taken effect although their callers have given up.
        validator: refuses what AWS refuses.
        vendor_calls: log of requests to Panorama and the firewalls.
    """

    world: World
    calls: Calls
    faults: Faults
    crash: Callable[[str], None] = field(default=lambda _access_key: None)
    caller: Callable[[int], str] = field(default=lambda _port: "")
    cut_off: Callable[[str, str], bool] = field(default=lambda _access_key, _service: False)
    replayed: ReplayedResponses = field(default_factory=ReplayedResponses)
    authorizer: Authorizer = field(default_factory=Authorizer)
    rates: Throttling | None = None
    late: Late = field(default_factory=Late)
    validator: Validator = field(default_factory=Validator)
    vendor_calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.vendor_calls = Calls(self.world)

    def answer(self, response: Any, original: Callable[[Any], Any]) -> Any:
        """Process one call and return moto's response; replaces ``BaseResponse.call_action``."""
        if role_of(response.access_key):
            with self.world.clock.answering():
                return self._answer(response, original)
        result = self.replayed.replay(response)
        if result is None:
            result = self._answer(response, original)
            self.replayed.keep(response, result)
        return result

    def _answer(self, response: Any, original: Callable[[Any], Any]) -> Any:
        service, action = response.boto3_service_name, response._get_action() or ""  # noqa: SLF001 - moto has no public name for it
        role = role_of(response.access_key)
        if role and self.cut_off(response.access_key, service):
            never_answer(response)
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
        if refusal := signed_region.wrong_region(service, headers_of(response)):
            call.status, call.error = signed_region.STATUS, signed_region.CODE
            return error_response(response, call.error, refusal, call.status)
        try:
            hits = self.faults.take(service, action, role, subject)
            before = [fault for fault in hits if fault.when == "before"]
            after = [fault for fault in hits if fault.when == "after"]
            result = self._apply_faults(response, service, before)
            if result is None and not self._within_rates(call):
                result = throttled(response, service)
            if result is None:
                result = self._refuse(response, call)
            if result is None:
                result = self._execute(response, call, original)
                result = self._apply_faults(response, service, after) or result
            call.status, call.error = int(result[0]), error_code(result)
        finally:
            call.seconds = round(self.world.clock.now() - started, 4)
        return result

    def _within_rates(self, call: Call) -> bool:
        return self.rates is None or self.rates.take(call.service, call.action, call.parameters)

    def _refuse(self, response: Any, call: Call) -> Any:
        """Return the response to a call that AWS would refuse, ``None`` if it would not."""
        try:
            with self.world.lock:
                refusal = self.validator.check(response, call.service, call.action)
        except NotImplementedError as error:
            return _not_simulated(response, call, error)
        if refusal is None:
            return None
        return error_response(response, refusal.code, refusal.message, refusal.status)

    def _execute(self, response: Any, call: Call, original: Callable[[Any], Any]) -> Any:
        service, action = call.service, call.action
        try:
            if (service, action) in UNLOCKED:
                with self.world.lock:
                    rejected = self._reject(response, call, original)
                return rejected or original(response)
            # Moto's stores are not thread-safe: one call or engine at a time.
            with self.world.lock:
                return self._reject(response, call, original) or original(response)
        except NotImplementedError as error:
            return _not_simulated(response, call, error)

    def _reject(self, response: Any, call: Call, original: Callable[[Any], Any]) -> Any:
        """Return the error response to a function's call that its role denies, otherwise ``None``.

        If a resource of the call does not exist, the service returns its own error.
        """
        session = self.authorizer.session(call.access_key)
        if session is None:
            return None
        rejection: Rejection | None
        try:
            call.authorization = self.authorizer.requests(
                session, call.service, call.action, call.parameters
            )
            rejection = self.authorizer.rejection(session, call.service, call.authorization)
        except UnknownActionError as error:
            rejection = undecided(error)
        except NoSuchResourceError as error:
            result = original(response)
            if int(result[0]) >= HTTPStatus.BAD_REQUEST:
                return result
            rejection = undecided(error)
        if rejection is None:
            return None
        return error_response(response, rejection.code, rejection.message, rejection.status)

    def _apply_faults(self, response: Any, service: str, faults: list[Fault]) -> Any:
        """Apply the faults; return the response of a fault, ``None`` if none has a response."""
        result = None
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
                result = throttled(response, service)
            elif fault.kind == "http-500":
                result = error_response(response, "InternalError", fault.message, 500)
            else:
                result = error_response(response, fault.code, fault.message, fault.status)
        return result


def _not_simulated(response: Any, call: Call, error: NotImplementedError) -> Any:
    """Return an error that SDKs do not repeat; they would repeat HTTP 500 for minutes."""
    message = f"{error}; the lab does not simulate {call.service}:{call.action}"
    return error_response(response, "NotImplemented", message, HTTPStatus.BAD_REQUEST)


def install(world: World) -> RequestPipeline:
    """Let every call to the simulated AWS pass through a pipeline."""
    pipeline = RequestPipeline(world, Calls(world), Faults())
    _intercept(pipeline.answer, pipeline.validator)
    world.engines.append(pipeline.late)
    return pipeline


def install_validation() -> Validator:
    """Validate every call in this process, and do nothing else with it."""
    validator = Validator()

    def answer(response: Any, original: Callable[[Any], Any]) -> Any:
        action = response._get_action() or ""  # noqa: SLF001 - moto has no public name for it
        refusal = validator.check(response, response.boto3_service_name, action)
        if refusal is None:
            return original(response)
        return error_response(response, refusal.code, refusal.message, refusal.status)

    _intercept(answer, validator)
    return validator


def _intercept(answer: Callable[[Any, Callable[[Any], Any]], Any], validator: Validator) -> None:
    def call_action(original: Callable[[Any], Any], response: Any) -> Any:
        return answer(response, original)

    def parse_parameters(original: Callable[[Any, Any], Any], response: Any, request: Any) -> None:
        try:
            original(response, request)
        except (TypeError, ValueError):
            response.params = {}  # The validator refuses what cannot be parsed.

    def set_up_s3(
        original: Callable[..., Any], response: Any, request: Any, *args: Any, **options: Any
    ) -> None:
        original(response, request, *args, **options)
        validator.pass_over("s3", request.method, "moto does not serve S3 through calls of actions")

    wrap(S3Response, "setup_class", set_up_s3)
    wrap(BaseResponse, "call_action", call_action)
    wrap(BaseResponse, "parse_parameters", parse_parameters)
    # moto warns of error codes that a service's model does not have, which is how many services
    # refuse invalid requests.
    replace(errors, "warn", lambda _original: lambda *_arguments, **_options: None)
