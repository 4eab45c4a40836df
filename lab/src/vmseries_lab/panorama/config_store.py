"""Candidate and running configuration, and who changed what since the last commit.

https://docs.paloaltonetworks.com/panorama/9-1/panorama-admin/panorama-overview/panorama-commit-validation-and-preview-operations.html:
changes of the candidate become active by a commit, of all changes or of some administrators'.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, tostring

from vmseries_lab.panorama import config_tree, references
from vmseries_lab.panorama.responses import COMMAND_SUCCEEDED, ApiError, parsed

Action = Literal["set", "edit", "delete"]
ABSENT = "Object doesn't exist"
ABSENT_CODE = 7


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One change of the configuration by one administrator. Two changes are never equal."""

    admin: str
    action: Action
    xpath: str
    element: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """A change that was accepted: code 20, or 7 where there was nothing to delete."""

    code: int = 20
    text: str = COMMAND_SUCCEEDED


class Store:
    """Both configurations, and the changes that lie between them, in the order they were made.

    Attributes:
        version: of the running configuration; it grows with each change.
        full_commit_required: whether some administrators' changes cannot be committed alone, as
            after a configuration was loaded.
    """

    def __init__(self, initial: Element) -> None:
        self.running = initial
        self.candidate = copy.deepcopy(initial)
        self.changes: list[Change] = []
        self.version = 0
        self.full_commit_required = False

    def apply(self, changes: Iterable[Change], *, absent_refused: bool = False) -> list[Done]:
        """Change the candidate by all of ``changes``, or not at all.

        Args:
            changes: in their order.
            absent_refused: whether a deletion of what is not there cannot be made.

        Raises:
            ChangeRefusedError: naming the first change that cannot be made.
        """
        candidate = copy.deepcopy(self.candidate)
        done: list[Done] = []
        effective: list[Change] = []
        for change in changes:
            try:
                changed, outcome = _apply(candidate, change)
                if absent_refused and outcome.code == ABSENT_CODE:
                    raise ApiError(outcome.text, code=outcome.code)  # noqa: TRY301 - one way out
            except ApiError as error:
                raise ChangeRefusedError(done, error) from error
            done.append(outcome)
            if changed:
                effective.append(change)
        self.candidate = candidate
        self.changes += effective
        return done

    def pending(self, admins: Collection[str] | None = None) -> list[Change]:
        """Changes that are not committed: of ``admins``, or everybody's."""
        return [change for change in self.changes if admins is None or change.admin in admins]

    def preview(self, base: Element, changes: Iterable[Change]) -> Element:
        """``base`` with ``changes``.

        Raises:
            ApiError: if a change cannot be made on this base.
        """
        config = copy.deepcopy(base)
        for change in changes:
            _apply(config, change, check=False)
        return config

    def commit(self, changes: Collection[Change]) -> None:
        """Make ``changes`` active.

        Raises:
            ApiError: with what the validation found; nothing was changed then.
        """
        config = self.preview(self.running, changes)
        if faults := list(references.dangling(config)):
            raise ApiError("Validation Error:", *faults)
        self.running = config
        self.version += 1
        self.changes = [change for change in self.changes if change not in changes]

    def revert(self, admins: Collection[str] | None) -> None:
        """Drop changes that are not committed: of ``admins``, or everybody's.

        Raises:
            ApiError: if others' changes cannot stand without them.
        """
        dropped = self.pending(admins)
        others = [change for change in self.changes if change not in dropped]
        self.candidate = self.preview(self.running, others)
        self.changes = others

    def forget_changes(self) -> None:
        """Have the running configuration as the candidate, too."""
        self.candidate = copy.deepcopy(self.running)
        self.changes = []
        self.full_commit_required = False

    def make(self, xpath: str, element: str) -> None:
        """Enter something in both configurations at once, as Panorama does by itself."""
        for config in (self.running, self.candidate):
            _apply(config, Change("", "set", xpath, element))
        self.version += 1


class ChangeRefusedError(Exception):
    """A change cannot be made.

    Attributes:
        done: outcomes of the changes before it, none of which took effect either.
        error: what is wrong.
    """

    def __init__(self, done: list[Done], error: ApiError) -> None:
        super().__init__(str(error))
        self.done = done
        self.error = error


def same(one: Element, other: Element) -> bool:
    """Whether two configurations are equal."""
    return tostring(one) == tostring(other)


def _apply(config: Element, change: Change, *, check: bool = True) -> tuple[bool, Done]:
    """Make one change; whether anything is different now, and the outcome."""
    try:
        steps = config_tree.parse(change.xpath)
        if change.action == "delete":
            if check:
                _refuse_referenced(config, steps)
            if config_tree.delete(config, steps):
                return True, Done()
            return False, Done(ABSENT_CODE, ABSENT)
        elements = list(parsed(f"<root>{change.element}</root>"))
        if change.action == "set":
            return config_tree.merge(config, steps, elements), Done()
        if len(elements) != 1:
            raise ApiError("edit takes exactly one element", code=12)
        return config_tree.replace(config, steps, elements[0]), Done()
    except config_tree.BadXpathError as error:
        raise ApiError(f"Invalid xpath: {error}", code=6) from error


def _refuse_referenced(config: Element, steps: tuple[config_tree.Step, ...]) -> None:
    """Refuse to delete managed devices that something still names.

    Raises:
        ApiError: with code 10, reference count not zero.
    """
    if [step.tag for step in steps[:3]] != ["config", "mgt-config", "devices"]:
        return
    chosen = steps[3].names if len(steps) > 3 else ()
    for serial in chosen or references.managed(config):
        if places := list(references.to_device(config, serial)):
            raise ApiError(
                f"{serial} cannot be deleted because of references from:", *places, code=10
            )
