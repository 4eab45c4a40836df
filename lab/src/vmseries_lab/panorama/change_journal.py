"""Uncommitted changes: who made them, and how they are reverted.

Palo Alto Networks, Panorama Administrator's Guide, "Commit, Validation, and Preview Operations":
like a commit, a revert applies to all administrators' changes or to those of some. Responses are as
recorded in the unit tests of a public Netbox plugin for Panorama; errors have the texts that a
public Ruby client for PAN-OS looks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from vmseries_lab.panorama import config_tree
from vmseries_lab.panorama.config_store import Change, ConfigStore
from vmseries_lab.panorama.jobs import Jobs
from vmseries_lab.panorama.locks import Locks
from vmseries_lab.panorama.op_commands import Handler
from vmseries_lab.panorama.responses import ApiError, envelope, leaf, parsed, result, with_lines

REVERTED = "All changes were reverted from configuration"
NOT_REVERTED = "Failed to revert configuration."
_CONTAINERS = ("device-group", "template", "template-stack", "log-collector-group")
_VERBS = {"set": "CREATE", "edit": "EDIT", "delete": "DELETE"}


@dataclass
class ChangeJournal:
    """Commands on uncommitted changes."""

    store: ConfigStore
    jobs: Jobs
    locks: Locks

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by command."""
        return {
            "check/pending-changes": lambda _command, _user: _yes_or_no(bool(self.store.changes)),
            "check/full-commit-required": (
                lambda _command, _user: _yes_or_no(self.store.full_commit_required)
            ),
            "show/config/list/changes": lambda command, _user: self._journal(command),
            "show/config/list/change-summary": lambda command, _user: self._summary(command),
            "revert/config": self._revert,
        }

    def _revert(self, command: Element, user: str) -> Element:
        self.locks.may_change(user)
        if self.jobs.unfinished("Commit"):
            raise ApiError("Local commit jobs are queued. Revert operation is not allowed.")
        admins = _admins(command)
        if admins is not None and self.store.full_commit_required:
            raise ApiError("Partial revert is not allowed. Full system commit must be completed.")
        inner = Element("result")
        msg = SubElement(inner, "msg")
        try:
            self.store.revert(admins)
        except ApiError:
            with_lines(msg, NOT_REVERTED)
            return envelope("error", None, inner)
        with_lines(msg, REVERTED)
        return envelope("success", None, inner)

    def _journal(self, command: Element) -> Element:
        """List the changes with XPath, owner and action; empty if there is none."""
        changes = self.store.pending(_admins(command))
        if not changes:
            return result()
        journal = Element("journal")
        for change in changes:
            entry = SubElement(journal, "entry")
            entry.append(leaf("xpath", change.xpath))
            entry.append(leaf("owner", change.admin))
            entry.append(leaf("action", _VERBS[change.action]))
            entry.append(leaf("admin-history", change.admin))
        return result(journal)

    def _summary(self, command: Element) -> Element:
        """List the device groups, templates and other containers that have changes."""
        summary = Element("summary")
        changes = self.store.pending(_admins(command))
        places = [place for change in changes for place in _places(change)]
        for container in _CONTAINERS:
            names = dict.fromkeys(name for kind, name in places if kind == container)
            if names:
                members = SubElement(summary, container)
                members.extend(leaf("member", name) for name in names)
        return result(summary)


def _admins(command: Element) -> set[str] | None:
    """Return the administrators that a command names, ``None`` for all."""
    return {member.text or "" for member in command.iterfind(".//partial/admin/member")} or None


def _places(change: Change) -> Iterator[tuple[str, str]]:
    """Yield kind and name of the containers that a change is in."""
    steps = config_tree.parse(change.xpath)
    if len(steps) > 3 and steps[1].tag == "devices":
        entries = [entry.get("name", "") for entry in parsed(f"<root>{change.element}</root>")]
        for name in steps[4].names if len(steps) > 4 else entries:
            yield steps[3].tag, name


def _yes_or_no(yes: bool) -> Element:
    return result(text="yes" if yes else "no")
