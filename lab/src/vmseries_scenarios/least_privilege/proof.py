"""What the functions called, against what they are granted: pure, on records.

A grant is an action or a resource of a statement. All are needed if none of the recorded calls is
refused, every grant allowed one of them, and taking away any statement, any of its actions, any of
its resources or any one of several values that a condition allows has one refused. Deployments are
taken together: what one does not use, another must. What the pre-flight tries must be allowed, but
is no use of a grant: it tries only what visits need.
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
    """What a grant is of its statement."""

    ACTION = "Action"
    RESOURCE = "Resource"


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """An action or a resource of a statement.

    Attributes:
        function: the function by its place in the module, e.g. ``launch``.
        sid: the statement's.
        part: which of the two it is.
        value: the action or the ARN, as the policy has it.
    """

    function: str
    sid: str
    part: Part
    value: str

    @property
    def statement(self) -> str:
        """Its statement on one line."""
        return f"{self.function} / {self.sid}"

    def __str__(self) -> str:
        """The grant on one line."""
        return f"{self.statement}: {self.value}"


@dataclass(frozen=True, slots=True)
class Removal:
    """Something that could be taken away from a policy.

    Attributes:
        statement: of which it is, as :attr:`Grant.statement`.
        name: what it is, on one line.
    """

    statement: str
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """What IAM was asked for one call, and how often the same was asked.

    Attributes:
        name: service and action of the call, e.g. ``ec2 AttachNetworkInterface``.
        asked: all that it takes.
        error: code of the answer, empty if the call succeeded.
    """

    name: str
    asked: tuple[Request, ...]
    error: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment: what its functions may do, what they did, and what they only tried.

    Attributes:
        statements: by function.
        calls: by function.
        trials: calls of the pre-flight, by function.
    """

    statements: Mapping[str, Sequence[Statement]]
    calls: Mapping[str, Sequence[Call]]
    trials: Mapping[str, Sequence[Call]] = field(default_factory=dict)


@dataclass(slots=True)
class Proof:
    """What was found.

    Attributes:
        calls: how many there were.
        used: how many calls each grant allowed.
        refused: calls that were, or by the policies are, refused.
        unused: grants that allowed nothing.
        unnoticed: what could be taken away from a policy without a call being refused.
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


def prove(deployments: Iterable[Deployment]) -> Proof:
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
                noticed = removals.get(removal) or not all(_allowed(fewer, one) for one in allowed)
                removals[removal] = noticed
    proof.unused = sorted(granted - proof.used.keys())
    # What is unused can be taken away, of course: that is said once.
    useful = {grant.statement for grant in proof.used}
    said = {str(grant) for grant in proof.unused}
    proof.unnoticed = [
        removal.name
        for removal, seen in removals.items()
        if not seen and removal.statement in useful and removal.name not in said
    ]
    return proof


def read_calls(log: Iterable[Mapping[str, Any]], role: str) -> list[Call]:
    """The calls under a role from the lab's log (``Lab.calls``), equal ones taken together."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for entry in log:
        if entry["role"] == role and entry["authorization"]:
            asked = json.dumps(entry["authorization"], sort_keys=True)
            refusal = entry["error"] if entry["error"] in REFUSALS else ""
            counted[f"{entry['service']} {entry['action']}", asked, refusal] += 1
    return [
        Call(name, tuple(Request(**one) for one in json.loads(asked)), error, times)
        for (name, asked, error), times in counted.items()
    ]


REFUSALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def undecided(log: Iterable[Mapping[str, Any]], role: str) -> list[str]:
    """The calls under a role that the lab could not decide on, and refused for it."""
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
            for request in call.asked
            for statement in statements
            for grant in _allowing(function, statement, request)
        }
        proof.used.update(dict.fromkeys(used, call.times))


def _resources(call: Call) -> str:
    return "on " + ", ".join(f"{one.resource} ({one.action})" for one in call.asked)


def _allowed(statements: Sequence[Statement], call: Call) -> bool:
    document = {"Statement": list(statements)}
    return all(permits([document], request) for request in call.asked)


def _allowing(function: str, statement: Statement, request: Request) -> Iterator[Grant]:
    """What in a statement allows a request."""
    if not covers(statement, request.action, request.resource, request.context):
        return
    for action in statement["Action"]:
        if matches(action, request.action, ignore_case=True):
            yield Grant(function, statement["Sid"], Part.ACTION, action)
    for resource in statement["Resource"]:
        if matches(resource, request.resource):
            yield Grant(function, statement["Sid"], Part.RESOURCE, resource)


def grants(function: str, statements: Iterable[Statement]) -> Iterator[Grant]:
    """Everything that the statements grant, action by action and resource by resource."""
    for statement in statements:
        for part in Part:
            for value in statement[part]:
                yield Grant(function, statement["Sid"], part, value)


def _removals(
    function: str, statements: Sequence[Statement]
) -> Iterator[tuple[Removal, list[Statement]]]:
    """Each way to take something away, and the statements that are left."""
    for index, statement in enumerate(statements):
        others = [*statements[:index], *statements[index + 1 :]]
        whole = f"{function} / {statement['Sid']}"
        yield Removal(whole, whole), others
        for part in Part:
            for value in statement[part]:
                rest = [other for other in statement[part] if other != value]
                left = [*others, {**statement, part: rest}] if rest else others
                yield Removal(whole, str(Grant(function, statement["Sid"], part, value))), left
        for what, narrowed in _narrowed(statement):
            yield Removal(whole, f"{whole}: {what}"), [*others, narrowed]


def _narrowed(statement: Statement) -> Iterator[tuple[str, Statement]]:
    """Each one of several values that a condition allows, and the statement without it."""
    conditions = statement.get("Condition", {})
    for operator, block in conditions.items():
        for key, values in block.items():
            for value in values if isinstance(values, list) and len(values) > 1 else ():
                rest = [other for other in values if other != value]
                less = {**conditions, operator: {**block, key: rest}}
                yield f"{key} {value}", {**statement, "Condition": less}
