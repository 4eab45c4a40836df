"""Decide policies as IAM does, for the services that the lab plays itself.

Moto's own enforcement knows neither conditions nor resources. Only what the lab's EventBridge and
Lambda need is here: may a service or a role do this action on this resource. Rules: IAM User Guide,
"Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from vmseries_lab.world import ACCOUNT_ID

Document = Mapping[str, Any]


class UnsupportedConditionError(Exception):
    """A policy uses a condition operator that the lab does not know."""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _glob(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.fullmatch(expression, text, flags) is not None


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "stringequals": lambda want, have: want == have,
    "stringequalsignorecase": lambda want, have: want.lower() == have.lower(),
    "stringlike": _glob,
    "arnequals": _glob,
    "arnlike": _glob,
    "bool": lambda want, have: want.lower() == have.lower(),
}


def _operator_holds(name: str, wanted: list[str], present: str | None) -> bool:
    """Decide one condition operator for one key.

    Raises:
        UnsupportedConditionError: for an operator that is not in the table.
    """
    operator = name.lower()
    if operator == "null":
        return (present is None) == (wanted[0].lower() == "true")
    if operator.endswith("ifexists"):
        if present is None:
            return True
        operator = operator.removesuffix("ifexists")
    negated = "not" in operator
    test = _OPERATORS.get(operator.replace("not", "", 1))
    if test is None:
        raise UnsupportedConditionError(
            f"the lab does not know the condition operator {name}; add it to vmseries_lab.aws.iam"
        )
    if present is None:
        return negated
    return any(test(want, present) for want in wanted) != negated


def _conditions_hold(statement: Document, context: Mapping[str, str]) -> bool:
    lowered = {key.lower(): value for key, value in context.items()}
    return all(
        _operator_holds(operator, [str(v) for v in _list(wanted)], lowered.get(key.lower()))
        for operator, block in statement.get("Condition", {}).items()
        for key, wanted in block.items()
    )


def _principal_matches(statement: Document, service: str) -> bool:
    principal = statement.get("Principal", {})
    if principal == "*":
        return True
    return service in _list(principal.get("Service", [])) or "*" in _list(principal.get("AWS", []))


def _statement_matches(
    statement: Document, service: str | None, action: str, resource: str, context: Mapping[str, str]
) -> bool:
    if service is not None and not _principal_matches(statement, service):
        return False
    actions = _list(statement.get("Action", []))
    if not any(_glob(pattern, action, ignore_case=True) for pattern in actions):
        return False
    # A role's trust policy names no resource: it is about the role itself.
    if not any(_glob(pattern, resource) for pattern in _list(statement.get("Resource", "*"))):
        return False
    return _conditions_hold(statement, context)


def allows(
    documents: Iterable[str | Document],
    action: str,
    resource: str,
    *,
    service: str | None = None,
    context: Mapping[str, str] | None = None,
) -> bool:
    """Whether the policies allow ``action`` on ``resource``: one Allow and no Deny.

    Args:
        documents: policy documents, JSON text or parsed.
        action: e.g. ``sqs:SendMessage``.
        resource: the resource's ARN.
        service: for resource and trust policies, the service principal that asks, e.g.
            ``events.amazonaws.com``; ``None`` for identity policies, which name no principal.
        context: condition keys of the request, e.g. ``aws:SourceArn``.
    """
    keys = {"aws:SecureTransport": "true", **(context or {})}
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _list(_parsed(document).get("Statement", []))
        if _statement_matches(statement, service, action, resource, keys)
    }
    return effects == {"Allow"}


def _parsed(document: str | Document) -> Document:
    return json.loads(document) if isinstance(document, str) else document


def service_may_assume(role_arn: str, service: str) -> bool:
    """Whether the role exists and its trust policy lets ``service`` assume it."""
    try:
        role = iam_backends[ACCOUNT_ID]["aws"].get_role_by_arn(role_arn)
    except NotFoundException:
        return False
    return allows([role.assume_role_policy_document], "sts:AssumeRole", role_arn, service=service)


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Whether the role's inline and attached policies allow ``action`` on ``resource``."""
    backend = iam_backends[ACCOUNT_ID]["aws"]
    try:
        role = backend.get_role_by_arn(role_arn)
    except NotFoundException:
        return False
    attached = [policy.document for policy in role.managed_policies.values()]
    return allows([*role.policies.values(), *attached], action, resource)
