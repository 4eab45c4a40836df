"""What a plan says, in the words of docs/changes.md: the kinds of resources that it changes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PARTS = (
    (r"module\.scaling\.", "scaling policies"),
    (r"module\.dependencies\.", "layer"),
    (r"aws_launch_template\.", "launch template"),
    (r"aws_autoscaling_group\.", "group"),
    (r"aws_lambda_function\.", "functions"),
    (r"aws_lambda_(event_source_mapping|function_event_invoke_config|permission)\.", "triggers"),
    (r"aws_cloudwatch_log_group\.", "log groups"),
    (r"aws_cloudwatch_metric_alarm\.", "alarms"),
    (r"aws_cloudwatch_event_", "event rules"),
    (r"aws_sqs_", "queues"),
    (r"aws_dynamodb_table\.", "records"),
    (r"aws_iam_", "roles"),
    (r"aws_lb_target_group\.", "target group"),
    (r"aws_lb(_listener)?\.", "load balancer"),
    (r"aws_vpc_endpoint_service", "endpoint service"),
    (r"aws_security_group\.", "security groups"),
    (r"aws_vpc_security_group_", "security group rules"),
)
"""Kinds of resources by a pattern of their address, the first that matches."""

INTERNAL = "terraform_data."
"""Resources that exist in the state only."""


@dataclass(frozen=True)
class Plan:
    """The kinds of resources that a plan changes, in each way.

    Attributes:
        changes: Kinds that are changed in place.
        adds: Kinds that are created.
        deletes: Kinds that are destroyed.
        replaces: Kinds that are destroyed and created.
    """

    changes: frozenset[str] = frozenset()
    adds: frozenset[str] = frozenset()
    deletes: frozenset[str] = frozenset()
    replaces: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Return the plan as a cell of the table."""
        order = [name for _, name in PARTS]
        words = {
            "changes": self.changes,
            "adds": self.adds,
            "deletes": self.deletes,
            "replaces": self.replaces,
        }
        return (
            "; ".join(
                f"{verb} {', '.join(sorted(parts, key=order.index))}"
                for verb, parts in words.items()
                if parts
            )
            or "no changes"
        )

    def __or__(self, other: Plan) -> Plan:
        """Return a plan with the changes of both."""
        return Plan(
            self.changes | other.changes,
            self.adds | other.adds,
            self.deletes | other.deletes,
            self.replaces | other.replaces,
        )

    @property
    def reverse(self) -> Plan:
        """The plan of the way back."""
        return Plan(self.changes, self.deletes, self.adds, self.replaces)


def parse(text: str) -> Plan:
    """Return the plan of a text such as ``changes functions, group; adds security group rules``.

    Raises:
        ValueError: The text has another form, or names an unknown kind.
    """
    known = {name for _, name in PARTS}
    found: dict[str, frozenset[str]] = {}
    for clause in text.split("; ") if text != "no changes" else ():
        verb, _, listed = clause.partition(" ")
        parts = frozenset(listed.split(", "))
        if verb not in Plan.__dataclass_fields__ or not parts <= known:
            raise ValueError(f"not the text of a plan: {clause!r}")
        found[verb] = parts
    return Plan(**found)


def summarize(changes: Iterable[tuple[str, str]]) -> Plan:
    """Return the plan of a list of addresses with their actions, as Terraform reports them.

    Raises:
        ValueError: A resource or an action is unknown here.
    """
    verbs = {"update": "changes", "create": "adds", "delete": "deletes", "replace": "replaces"}
    found: dict[str, set[str]] = {verb: set() for verb in verbs.values()}
    for address, action in changes:
        if INTERNAL in address or action in ("noop", "read"):
            continue
        found[verbs[action]].add(part(address))
    return Plan(**{verb: frozenset(parts) for verb, parts in found.items()})


def part(address: str) -> str:
    """Return the kind of a resource.

    Raises:
        ValueError: It is of no known kind.
    """
    for pattern, name in PARTS:
        if re.search(pattern, address):
            return name
    raise ValueError(f"docs/changes.md has no words for {address}")
