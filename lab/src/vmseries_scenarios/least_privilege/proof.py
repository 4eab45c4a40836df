"""Compares what the functions called with what they are granted. Pure functions on records.

A grant is an action or a resource of a statement. The grants are exactly those needed if

- no recorded call is refused,
- every grant allowed a call,
- and removing any statement, any of its actions, any of its resources, or any one of several values
  that a condition allows would refuse a call.

Deployments are taken together: a grant that one does not use must be used by another. What the
pre-flight check tries must be allowed, but does not count as a use, since it tries only what visits
need.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vmseries_lab.aws.iam.policy_evaluation import Request, covers, matches, permits

Statement = Mapping[str, Any]


class Part(StrEnum):
    """Which part of its statement a grant is."""

    ACTION = "Action"
    RESOURCE = "Resource"


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """An action or a resource of a statement.

    Attributes:
        function: Key of the function in the module's outputs, such as ``launch``.
        sid: ID of the statement.
        part: Whether it is an action or a resource.
        value: The action or the ARN, as in the policy.
    """

    function: str
    sid: str
    part: Part
    value: str

    @property
    def statement(self) -> str:
        """Name of its statement."""
        return f"{self.function} / {self.sid}"

    def __str__(self) -> str:
        """Return the grant on one line."""
        return f"{self.statement}: {self.value}"


@dataclass(frozen=True, slots=True)
class Removal:
    """Something that could be removed from a policy.

    Attributes:
        statement: The statement that it belongs to, as :attr:`Grant.statement`.
        name: What would be removed, on one line.
    """

    statement: str
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An AWS call, and the permissions that it needs.

    Attributes:
        name: Service and action of the call, such as ``ec2 AttachNetworkInterface``.
        requests: The permissions that it needs, all of them.
        error: Error code of the refusal; empty if the call was not refused.
        times: How often the same call was made.
    """

    name: str
    requests: tuple[Request, ...]
    error: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the functions of a deployment may do, what they did, and what they only tried.

    Attributes:
        statements: Statements of the policies, by function.
        calls: Calls, by function.
        trials: Calls of the pre-flight check, by function.
    """

    statements: Mapping[str, Sequence[Statement]]
    calls: Mapping[str, Sequence[Call]]
    trials: Mapping[str, Sequence[Call]] = field(default_factory=dict)


@dataclass(slots=True)
class Proof:
    """The result of the comparison.

    Attributes:
        calls: Number of calls.
        used: Number of calls that each grant allowed.
        refused: Calls that the lab refused, or that the policies refuse.
        unused: Grants that allowed no call.
        unnoticed: What could be removed from a policy without a call being refused.
    """

    calls: int = 0
    used: Counter[Grant] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    unused: list[Grant] = field(default_factory=list)
    unnoticed: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the functions are granted what they need, and nothing else."""
        return bool(self.calls) and not (self.refused or self.unused or self.unnoticed)

    @property
    def verdict(self) -> str:
        """The last line of a run."""
        return (
            f"refused {len(self.refused)}, unused {len(self.unused)}, "
            f"unnoticed {len(self.unnoticed)}"
        )


def prove(deployments: Iterable[Evidence]) -> Proof:
    """Compare what the functions called with what they are granted."""
    proof = Proof()
    granted: set[Grant] = set()
    removals: dict[Removal, bool] = {}
    for deployment in deployments:
        for function, statements in deployment.statements.items():
            calls = deployment.calls.get(function, ())
            _count(function, statements, calls, proof)
            tried = Proof()
            _count(function, statements, deployment.trials.get(function, ()), tried)
            proof.calls += tried.calls
            proof.refused += tried.refused
            granted.update(grants(function, statements))
            allowed = [call for call in calls if _allowed(statements, call)]
            for removal, fewer in _removals(function, statements):
                noticed = removals.get(removal) or not all(
                    _allowed(fewer, call) for call in allowed
                )
                removals[removal] = noticed
    proof.unused = sorted(granted - proof.used.keys())
    # An unused grant could be removed unnoticed, but is reported only as unused.
    useful = {grant.statement for grant in proof.used}
    reported = {str(grant) for grant in proof.unused}
    proof.unnoticed = [
        removal.name
        for removal, noticed in removals.items()
        if not noticed and removal.statement in useful and removal.name not in reported
    ]
    return proof


def read_calls(log: Iterable[Mapping[str, Any]], role: str) -> list[Call]:
    """Return the calls of a role from the lab's log (``Lab.calls``), equal ones combined."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for entry in log:
        if entry["role"] == role and entry["authorization"]:
            requests = json.dumps(entry["authorization"], sort_keys=True)
            refusal = entry["error"] if entry["error"] in REFUSALS else ""
            counted[f"{entry['service']} {entry['action']}", requests, refusal] += 1
    return [
        Call(name, tuple(Request(**fields) for fields in json.loads(requests)), error, times)
        for (name, requests, error), times in counted.items()
    ]


REFUSALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def undecided(log: Iterable[Mapping[str, Any]], role: str) -> list[str]:
    """Return the calls of a role that the lab could not decide, and therefore refused."""
    return [
        f"{role}: {entry['service']} {entry['action']} is unknown to the lab"
        for entry in log
        if entry["role"] == role and entry["error"] == "NotImplemented"
    ]


def _count(
    function: str, statements: Sequence[Statement], calls: Iterable[Call], proof: Proof
) -> None:
    for call in calls:
        proof.calls += call.times
        if call.error or not _allowed(statements, call):
            proof.refused += [f"{function}: {call.name} {_resources(call)}"] * call.times
            continue
        used = {
            grant
            for request in call.requests
            for statement in statements
            for grant in _allowing(function, statement, request)
        }
        proof.used.update(dict.fromkeys(used, call.times))


def _resources(call: Call) -> str:
    return "on " + ", ".join(f"{request.resource} ({request.action})" for request in call.requests)


def _allowed(statements: Sequence[Statement], call: Call) -> bool:
    document = {"Statement": list(statements)}
    return all(permits([document], request) for request in call.requests)


def _allowing(function: str, statement: Statement, request: Request) -> Iterator[Grant]:
    """Yield the grants of a statement that allow a request."""
    if not covers(statement, request.action, request.resource, request.context):
        return
    for action in statement["Action"]:
        if matches(action, request.action, ignore_case=True):
            yield Grant(function, statement["Sid"], Part.ACTION, action)
    for resource in statement["Resource"]:
        if matches(resource, request.resource):
            yield Grant(function, statement["Sid"], Part.RESOURCE, resource)


def grants(function: str, statements: Iterable[Statement]) -> Iterator[Grant]:
    """Yield every action and every resource of the statements as a grant."""
    for statement in statements:
        for part in Part:
            for value in statement[part]:
                yield Grant(function, statement["Sid"], part, value)


def _removals(
    function: str, statements: Sequence[Statement]
) -> Iterator[tuple[Removal, list[Statement]]]:
    """Yield everything that could be removed, with the statements that would remain."""
    for index, statement in enumerate(statements):
        others = [*statements[:index], *statements[index + 1 :]]
        whole = f"{function} / {statement['Sid']}"
        yield Removal(whole, whole), others
        for part in Part:
            for value in statement[part]:
                rest = [other for other in statement[part] if other != value]
                remaining = [*others, {**statement, part: rest}] if rest else others
                grant = Grant(function, statement["Sid"], part, value)
                yield Removal(whole, str(grant)), remaining
        for value, narrowed in _narrowed(statement):
            yield Removal(whole, f"{whole}: {value}"), [*others, narrowed]


def _narrowed(statement: Statement) -> Iterator[tuple[str, Statement]]:
    """Yield each one of several values of a condition, and the statement without it."""
    conditions = statement.get("Condition", {})
    for operator, block in conditions.items():
        for key, values in block.items():
            for value in values if isinstance(values, list) and len(values) > 1 else ():
                rest = [other for other in values if other != value]
                less = {**conditions, operator: {**block, key: rest}}
                yield f"{key} {value}", {**statement, "Condition": less}
