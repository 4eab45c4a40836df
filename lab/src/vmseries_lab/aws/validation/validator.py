"""Checks every call with AWS's models, and counts what it checked."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any

from botocore.model import OperationNotFoundError
from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model

from vmseries_lab.aws.validation import errors, model, patterns, wire
from vmseries_lab.aws.validation.constraints import MODEL, wrong_type
from vmseries_lab.aws.validation.errors import Violation
from vmseries_lab.aws.validation.model import Node
from vmseries_lab.aws.validation.published_rules import rules_of, schema_of
from vmseries_lab.aws.validation.request_rules import violations_of_request
from vmseries_lab.aws.validation.reviewed_actions import is_reviewed
from vmseries_lab.aws.validation.state_rules import violation_of_state


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that AWS would refuse, or answer with a warning.

    Attributes:
        service: name of the service in boto3.
        action: name of the action.
        code: error code of the service.
        message: error message of the service.
        violations: what is wrong, with the source of each rule.
        status: HTTP status of the response; 200 for a warning.
    """

    service: str
    action: str
    code: str
    message: str
    violations: tuple[Violation, ...] = ()
    status: int = 400

    def as_dict(self) -> dict[str, Any]:
        """Return the refusal as JSON-ready data."""
        keys = ("member", "value", "rule", "source")
        listed = [{key: getattr(v, key) for key in keys} for v in self.violations]
        return {**asdict(self), "violations": listed}


@dataclass
class Validator:
    """Checks calls.

    Attributes:
        calls: number of calls by ``service:Action``.
        refused: the calls that AWS would refuse, or answer with a warning.
        unchecked: number of values that could not be checked, by call, member and reason.
    """

    calls: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)
    unchecked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _inputs: dict[tuple[str, str], tuple[Any, Node]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, response: Any, service: str, action: str) -> Refusal | None:
        """Check one call, and count it.

        Args:
            response: moto's object for the call.
            service: name of the service in boto3.
            action: name of the action.

        Returns:
            How AWS would refuse the call; ``None`` if it would not for what it contains.

        Raises:
            NotImplementedError: if the action has not been reviewed.
        """
        with self._lock:
            self.calls[f"{service}:{action}"] += 1
        if not is_reviewed(service, action):
            self._unchecked(service, action, "", "the lab does not simulate the action")
            raise NotImplementedError(
                f"{service}:{action} is not in aws/validation/reviewed_actions.py; add it if moto "
                "or the lab gives it the effect that AWS documents"
            )
        refusal = self._judge(response, service, action)
        if refusal is None:
            return None
        with self._lock:
            self.refused.append(refusal)
        return refusal if refusal.status != HTTPStatus.OK else None

    def _judge(self, response: Any, service: str, action: str) -> Refusal | None:
        try:
            service_model, root = self._input(service, action)
        except OperationNotFoundError:
            self._unchecked(service, action, "", "the service's model has no such action")
            return None
        http = response.normalized_request
        try:
            protocol = determine_request_protocol(service_model, http.content_type)
            request = wire.read(protocol, root, http, response.uri_match or {})
        except NotImplementedError as error:
            self._unchecked(service, action, "", str(error))
            return None
        except wire.MalformedRequestError as error:
            return Refusal(service, action, "SerializationException", str(error))
        for member, reason in request.unchecked:
            self._unchecked(service, action, member, reason)
        violations = [
            Violation("unknown", member, "", "Member is not known", MODEL)
            for member in request.unknown
        ]
        violations += self._violations(service, action, root, request.parameters)
        if not violations:
            violations += violations_of_request(service, action, request.parameters)
        if not violations:
            violations += violation_of_state(response, service, action, request.parameters)
        if not violations:
            return None
        code = errors.code_of(service, violations[0])
        message = errors.message_of(service, violations)
        status = 200 if _only_warned(service, violations) else _status(violations[0])
        return Refusal(service, action, code, message, tuple(violations), status)

    def _input(self, service: str, action: str) -> tuple[Any, Node]:
        key = (service, action)
        if key not in self._inputs:
            service_model = get_service_model(service)
            operation = service_model.operation_model(action)
            rules = rules_of(service, action)
            root = model.input_of(operation, schema_of(service, action), rules)
            self._inputs[key] = service_model, root
        return self._inputs[key]

    def _violations(
        self, service: str, action: str, root: Node, parameters: dict[str, Any]
    ) -> Iterator[Violation]:
        for node, value, path in model.walk(root, parameters):
            if wrong_type(node.kind, value):
                rule = f"Expected a value of type {node.kind}"
                yield Violation("wrong_type", path, node.shown(value), rule, MODEL)
                continue
            for name in node.required:
                if name not in value:
                    where = f"{path}.{name}" if path else name
                    yield Violation("missing", where, "", "Member must not be null", MODEL)
            for constraint in node.constraints:
                try:
                    holds = constraint.holds(node.kind, value)
                except patterns.UncheckedPatternError as error:
                    self._unchecked(service, action, node.path, str(error))
                    continue
                if not holds:
                    shown = node.shown(value)
                    rule = constraint.sentence(node.kind, shown)
                    yield Violation("invalid", path, shown, rule, constraint.source, constraint)

    def _unchecked(self, service: str, action: str, member: str, reason: str) -> None:
        with self._lock:
            self.unchecked[f"{service}:{action}", member, reason] += 1

    def pass_over(self, service: str, request: str, reason: str) -> None:
        """List a request that cannot be checked."""
        self._unchecked(service, request, "", reason)

    def report(self) -> dict[str, Any]:
        """Return the counts, the refused calls and the unchecked values, as JSON-ready data."""
        with self._lock:
            return {
                "calls": self.calls.total(),
                "actions": dict(sorted(self.calls.items())),
                "refused": [refusal.as_dict() for refusal in self.refused],
                "unchecked": [
                    {"call": call, "member": member, "reason": reason, "count": count}
                    for (call, member, reason), count in sorted(self.unchecked.items())
                ],
            }


def _status(violation: Violation) -> int:
    return 400 if violation.constraint is None else violation.constraint.status


def _only_warned(service: str, violations: list[Violation]) -> bool:
    """Return whether EC2 takes the call with a warning.

    It takes launch templates "with parameters or parameter combinations that are not valid", and
    refuses to launch from them.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html
    """
    return service == "ec2" and all(
        violation.member.startswith("LaunchTemplateData.")
        and violation.constraint is not None
        and not violation.constraint.code
        for violation in violations
    )
