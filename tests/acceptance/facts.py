"""Facts that a run can record, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acceptance.account import Account
from acceptance.choices import Plan
from acceptance.history import Snapshot
from acceptance.panorama import Panorama


@dataclass(frozen=True)
class Answer:
    """What a run has seen.

    Attributes:
        value: The answer, a word such as ``instance-id``.
        detail: Numbers and error codes, in neutral words.
    """

    value: str
    detail: str = ""


@dataclass(frozen=True)
class Evidence:
    """What a recorder can use.

    Attributes:
        account: The account.
        plan: The effective values of the example.
        outputs: The outputs of the example.
        snapshots: What public APIs have shown, oldest first.
        panorama: Panorama, if it answers this machine.
        run_name: Value of the tag of everything that the run creates.
        recordings: What the reconcile function answered to ``{"action": "record"}``, by phase.
    """

    account: Account
    plan: Plan
    outputs: Mapping[str, Any]
    snapshots: Sequence[Snapshot]
    panorama: Panorama | None
    run_name: str
    recordings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


Record = Callable[[Evidence], Answer | None]


@dataclass(frozen=True)
class Fact:
    """A fact that a run can observe.

    Attributes:
        name: Its name: that of the lab's setting, if there is one.
        question: What is not known.
        assumed: The answer that the module assumes, or several with ``or`` between them; empty if
            it assumes none.
        record: Returns the answer, or None if there was nothing to see.
        unseen: What it takes to see it, for a record without an answer.
    """

    name: str
    question: str
    assumed: str
    record: Record
    unseen: str
