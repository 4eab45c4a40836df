"""The part of the account that its services share: time, ids, invocations and harm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from component.fakes.faults import Fault, Invocation

NAME = "fw"
ZONE = "us-east-1a"
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Base:
    """Time, ids, invocations and harm.

    Attributes:
        now: Time of the account. It passes only when a test lets it pass.
        invocations: The functions that are running, the innermost last.
        harm: Descriptions of what a function took from a live firewall, removed too early or left
            behind.
    """

    now: datetime = START
    invocations: list[Invocation] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ids = count(1)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}-{next(self._ids):08x}"

    @contextmanager
    def invocation(self, function: str, fault: Fault | None) -> Iterator[Invocation]:
        """Run a function; the calls of the test itself come from no function."""
        invocation = Invocation(function, fault)
        self.invocations.append(invocation)
        try:
            yield invocation
        finally:
            self.invocations.pop()

    @contextmanager
    def tripping(self, lost: Exception, unanswered: Exception) -> Iterator[None]:
        """Surround the effect of a call with the fault of the invocation."""
        if not self.invocations:
            yield
            return
        with self.invocations[-1].tripping(lost, unanswered):
            yield

    @property
    def function(self) -> str:
        """The function that calls; empty if the test itself calls."""
        return self.invocations[-1].function if self.invocations else ""


def client_error(code: str, operation: str = "Operation", message: str = "because") -> ClientError:
    """An error as AWS returns it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def to_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def from_list(tags: Iterable[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def specified_tags(parameters: dict[str, Any]) -> dict[str, str]:
    """The tags that a request creates its resource with."""
    return from_list(
        tag for item in parameters.get("TagSpecifications", ()) for tag in item["Tags"]
    )


def matches(tags: dict[str, str], filters: Iterable[dict[str, Any]], **fields: str) -> bool:
    """Return whether a resource with these tags and fields passes EC2's filters."""

    def passes(name: str, values: list[str]) -> bool:
        if name == "tag-key":
            return any(value in tags for value in values)
        return (tags.get(name[4:]) if name.startswith("tag:") else fields[name]) in values

    return all(passes(item["Name"], item["Values"]) for item in filters)
