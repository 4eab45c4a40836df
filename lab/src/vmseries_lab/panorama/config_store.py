"""Candidate and running configuration, and the uncommitted changes by administrator.

https://docs.paloaltonetworks.com/panorama/9-1/panorama-admin/panorama-overview/panorama-commit-validation-and-preview-operations.html:
a commit activates all changes of the candidate, or those of some administrators.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence
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
    """One change of the configuration by one administrator; compared by identity."""

    admin: str
    action: Action
    xpath: str
    element: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """Result of an accepted change: code 20, or 7 if there was nothing to delete."""

    code: int = 20
    text: str = COMMAND_SUCCEEDED


class ConfigStore:
    """Candidate and running configuration, and the changes between them in their order.

    Attributes:
        version: version of the running configuration; every change increases it.
        full_commit_required: whether partial commits are rejected, as after a configuration was
            loaded.
    """

    def __init__(self, initial: Element) -> None:
        self.running = initial
        self.candidate = copy.deepcopy(initial)
        self.changes: list[Change] = []
        self.version = 0
        self.full_commit_required = False

    def apply(self, changes: Iterable[Change], *, absent_rejected: bool = False) -> list[Done]:
        """Apply all changes to the candidate, or none of them.

        Args:
            changes: changes in their order.
            absent_rejected: whether deleting an absent object is an error.

        Raises:
            ChangeRejectedError: for the first change that cannot be applied.
        """
        candidate = copy.deepcopy(self.candidate)
        done: list[Done] = []
        effective: list[Change] = []
        for change in changes:
            try:
                changed, outcome = _apply(candidate, change)
                if absent_rejected and outcome.code == ABSENT_CODE:
                    raise ApiError(outcome.text, code=outcome.code)  # noqa: TRY301 - one way out
            except ApiError as error:
                raise ChangeRejectedError(done, error) from error
            done.append(outcome)
            if changed:
                effective.append(change)
        self.candidate = candidate
        self.changes += effective
        return done

    def pending(self, admins: Collection[str] | None = None) -> list[Change]:
        """Return uncommitted changes, of all administrators or of ``admins``."""
        return [change for change in self.changes if admins is None or change.admin in admins]

    def preview(self, base: Element, changes: Iterable[Change]) -> Element:
        """Return a copy of ``base`` with ``changes`` applied.

        Raises:
            ApiError: if a change cannot be applied to ``base``.
        """
        config = copy.deepcopy(base)
        for change in changes:
            _apply(config, change, check=False)
        return config

    def commit(self, changes: Collection[Change]) -> None:
        """Apply ``changes`` to the running configuration.

        Raises:
            ApiError: if the validation fails; the running configuration does not change.
        """
        config = self.preview(self.running, changes)
        if errors := list(references.dangling(config)):
            raise ApiError("Validation Error:", *errors)
        self.running = config
        self.version += 1
        self.changes = [change for change in self.changes if change not in changes]

    def revert(self, admins: Collection[str] | None) -> None:
        """Revert uncommitted changes, of all administrators or of ``admins``.

        Raises:
            ApiError: if the remaining changes cannot be applied without them.
        """
        dropped = self.pending(admins)
        others = [change for change in self.changes if change not in dropped]
        self.candidate = self.preview(self.running, others)
        self.changes = others

    def forget_changes(self) -> None:
        """Reset the candidate to the running configuration."""
        self.candidate = copy.deepcopy(self.running)
        self.changes = []
        self.full_commit_required = False

    def make(self, xpath: str, element: str) -> None:
        """Set an element in both configurations without a commit, as Panorama itself does."""
        for config in (self.running, self.candidate):
            _apply(config, Change("", "set", xpath, element))
        self.version += 1

    def replace(self, xpath: str, element: Element) -> None:
        """Replace an element in both configurations without a commit."""
        for config in (self.running, self.candidate):
            config_tree.replace(config, config_tree.parse(xpath), element)
        self.version += 1

    def append(self, xpath: str, names: Sequence[str]) -> None:
        """Append new entries to a list in both configurations without a commit.

        Unlike :meth:`make`, it does not look for entries of the same names, so that thousands of
        entries take no time.
        """
        for config in (self.running, self.candidate):
            for parent in config_tree.find(config, config_tree.parse(xpath)):
                parent.extend(Element("entry", {"name": name}) for name in names)
        self.version += 1


class ChangeRejectedError(Exception):
    """A change cannot be applied.

    Attributes:
        done: results of the changes before it, which were not applied either.
        error: why the change cannot be applied.
    """

    def __init__(self, done: list[Done], error: ApiError) -> None:
        super().__init__(str(error))
        self.done = done
        self.error = error


def same(element: Element, other: Element) -> bool:
    """Whether two configurations are equal."""
    return tostring(element) == tostring(other)


def _apply(config: Element, change: Change, *, check: bool = True) -> tuple[bool, Done]:
    """Apply one change; return whether the configuration differs now, and the result."""
    try:
        steps = config_tree.parse(change.xpath)
        if change.action == "delete":
            if check:
                _require_unreferenced(config, steps)
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


def _require_unreferenced(config: Element, steps: tuple[config_tree.Step, ...]) -> None:
    """Check that no part of the configuration refers to managed devices that are to be deleted.

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
