"""Evaluates IAM policy documents.

Rules: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators",
"Single-valued vs. multivalued context keys" and "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

Document: TypeAlias = Mapping[str, Any]
Context: TypeAlias = Mapping[str, str | list[str]]
"""Condition keys of a request; the value of a multivalued key is a list."""

SET_OPERATORS = ("forallvalues:", "foranyvalue:")


class UnsupportedConditionError(Exception):
    """A policy has a condition that the lab does not support."""


@dataclass(frozen=True, slots=True)
class Request:
    """An authorization request: can the caller perform ``action`` on ``resource``?

    A call can need several: an attachment needs the interface and the instance.

    Attributes:
        action: e.g. ``ec2:AttachNetworkInterface``.
        resource: ARN, or ``*`` if the action does not support resources.
        context: condition keys with their values.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)


def statements(document: str | Document) -> list[Document]:
    """Return the statements of a policy document, which is JSON text or parsed."""
    parsed = _parsed(document) if isinstance(document, str) else document
    return list(_list(parsed.get("Statement", [])))


def permits(documents: Iterable[str | Document], request: Request) -> bool:
    """Whether identity-based policies allow a request: at least one Allow and no Deny."""
    return effects(documents, request) == {"Allow"}


def allows(
    documents: Iterable[str | Document],
    action: str,
    resource: str,
    *,
    service: str | None = None,
    context: Context | None = None,
) -> bool:
    """Whether the policies allow ``action`` on ``resource``: at least one Allow and no Deny.

    Args:
        documents: policy documents, JSON text or parsed.
        action: e.g. ``sqs:SendMessage``.
        resource: ARN of the resource.
        service: for resource-based and trust policies, the calling service principal, e.g.
            ``events.amazonaws.com``; ``None`` for identity-based policies, which have no principal.
        context: condition keys of the request, e.g. ``aws:SourceArn``.
    """
    request = Request(action, resource, context or {})
    return effects(documents, request, principal=service) == {"Allow"}


def effects(
    documents: Iterable[str | Document], request: Request, *, principal: str | None = None
) -> set[str]:
    """Return the effects of all statements that apply to a request: ``Allow``, ``Deny``, or both.

    Requests use TLS, unless their context has another value of ``aws:SecureTransport``: the lab's
    own HTTP stands for AWS's HTTPS.

    Args:
        documents: policy documents, JSON text or parsed.
        request: the request.
        principal: for resource-based and trust policies, the caller: a service principal, or the
            ARN of a role; ``None`` for identity-based policies, which have no principal.
    """
    keys = {"aws:SecureTransport": "true", **request.context}
    return {
        str(statement["Effect"])
        for document in documents
        for statement in statements(document)
        if (principal is None or _principal_matches(statement, principal))
        and covers(statement, request.action, request.resource, keys)
    }


def covers(statement: Document, action: str, resource: str, context: Context) -> bool:
    """Whether a statement, Allow or Deny, applies to a request."""
    return (
        _named(statement, "Action", action, ignore_case=True)
        and _named(statement, "Resource", resource)
        and _conditions_hold(statement, context)
    )


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether a pattern with IAM's wildcards ``*`` and ``?`` matches all of ``text``."""
    return _expression(pattern, ignore_case).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    expression = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Document:
    document: Document = json.loads(text)
    return document


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _named(statement: Document, element: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether the element ``Action`` or ``Resource`` (or its ``Not…`` form) matches ``text``."""
    if (excluded := statement.get(f"Not{element}")) is not None:
        return not any(matches(p, text, ignore_case=ignore_case) for p in _list(excluded))
    # Trust policies have no Resource element: they apply to the role itself.
    patterns = _list(statement.get(element, "*" if element == "Resource" else []))
    return any(matches(p, text, ignore_case=ignore_case) for p in patterns)


def _principal_matches(statement: Document, principal: str) -> bool:
    """Whether a statement of a resource-based or trust policy applies to the caller.

    ``"*"`` and ``{"AWS": "*"}`` are all principals, including services. An account delegates to its
    own IAM policies, so it allows nothing by itself, but denies all its principals.
    """
    named = statement.get("Principal", {})
    if named == "*":
        return True
    accounts = _list(named.get("AWS", []))
    if "*" in accounts or principal in [*accounts, *_list(named.get("Service", []))]:
        return True
    if statement["Effect"] != "Deny" or not principal.startswith("arn:"):
        return False
    _, partition, _, _, account, _ = principal.split(":", 5)
    return any(name in (account, f"arn:{partition}:iam::{account}:root") for name in accounts)


# Conditions ---------------------------------------------------------------------------------------


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "stringequals": lambda want, have: want == have,
    "stringequalsignorecase": lambda want, have: want.lower() == have.lower(),
    "stringlike": matches,
    "arnequals": matches,
    "arnlike": matches,
    "bool": lambda want, have: want.lower() == have.lower(),
}
_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}


def _conditions_hold(statement: Document, context: Context) -> bool:
    """Whether all conditions of a statement are met."""
    lowered = {key.lower(): value for key, value in context.items()}
    return all(
        _operator_holds(operator, [str(v) for v in _list(wanted)], lowered.get(key.lower()))
        for operator, block in statement.get("Condition", {}).items()
        for key, wanted in block.items()
    )


def _operator_holds(name: str, wanted: list[str], present: str | list[str] | None) -> bool:
    """Whether one condition operator is met for one key.

    Args:
        name: operator, with ``ForAllValues:``, ``ForAnyValue:`` or ``IfExists``.
        wanted: values in the policy.
        present: value or values of the key in the request, ``None`` if it is absent.

    Raises:
        UnsupportedConditionError: for an unknown operator and for policy variables.
    """
    if any("${" in value for value in wanted):
        raise UnsupportedConditionError(
            f"the lab does not support policy variables, such as in {wanted}"
        )
    operator = name.lower()
    quantifier = next((q for q in SET_OPERATORS if operator.startswith(q)), "")
    operator = operator.removeprefix(quantifier)
    if operator == "null":
        return (present is None) == (wanted[0].lower() == "true")
    if operator.endswith("ifexists"):
        if present is None:
            return True
        operator = operator.removesuffix("ifexists")
    negated = operator in _NEGATED
    test = _OPERATORS.get(_NEGATED.get(operator, operator))
    if test is None:
        raise UnsupportedConditionError(
            f"the lab does not support the condition operator {name}; add it to "
            "vmseries_lab.aws.iam.policy_evaluation"
        )
    if present is None:
        # With no values, ForAllValues is true and ForAnyValue is false.
        return quantifier == "forallvalues:" if quantifier else negated
    results = _matches_of(test, wanted, present, negated=negated)
    # Without a set operator, a key has one value.
    return any(results) if quantifier == "foranyvalue:" else all(results)


def _matches_of(
    test: Callable[[str, str], bool], wanted: list[str], present: str | list[str], *, negated: bool
) -> Iterator[bool]:
    """Yield for each value of a key whether it matches (or, negated, does not match)."""
    for value in _list(present):
        yield any(test(want, value) for want in wanted) != negated
