"""Commit locks and configuration locks of administrators.

Palo Alto Networks, Panorama Administrator's Guide: "Manage Locks for Restricting Configuration
Changes". A commit lock prevents other administrators from committing and is released by its owner's
next commit. A configuration lock prevents them from changing the configuration. Only locks of the
whole device ("scope shared") are simulated.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from xml.etree.ElementTree import Element

from vmseries_lab.core.clock import Clock
from vmseries_lab.panorama.op_commands import Handler
from vmseries_lab.panorama.responses import ApiError, entry, result

Kind = Literal["commit", "config"]
_FORBIDDEN: dict[Kind, str] = {"commit": "commit", "config": "modify"}


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock: the administrator who holds it, its start and its comment."""

    admin: str
    since: float
    comment: str


@dataclass
class Locks:
    """At most one lock of each kind."""

    clock: Clock
    _held: dict[Kind, Lock] = field(default_factory=dict)

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by command."""
        return {
            "request/commit-lock": lambda command, user: self._request("commit", command, user),
            "request/config-lock": lambda command, user: self._request("config", command, user),
            "show/commit-locks": lambda _command, _user: self._show("commit"),
            "show/config-locks": lambda _command, _user: self._show("config"),
        }

    def may_commit(self, admin: str) -> None:
        """Check that no other administrator holds the commit lock.

        Raises:
            ApiError: code 14 if another administrator holds it.
        """
        lock = self._held.get("commit")
        if lock is not None and lock.admin != admin:
            raise ApiError("Other administrators are holding device wide commit locks.", code=14)

    def may_change(self, admin: str) -> None:
        """Check that no other administrator holds the configuration lock.

        Raises:
            ApiError: if another administrator holds it.
        """
        lock = self._held.get("config")
        if lock is not None and lock.admin != admin:
            raise ApiError(f"Config for scope shared is currently locked by {lock.admin}")

    def committed(self, admin: str) -> None:
        """Release the commit lock after its owner's commit."""
        lock = self._held.get("commit")
        if lock is not None and lock.admin == admin:
            del self._held["commit"]

    def changed(self, admin: str) -> None:
        """Acquire the commit lock for an administrator who made a change, if it is free."""
        self._held.setdefault("commit", Lock(admin, self.clock.now(), ""))

    def hold(self, admin: str, kinds: Collection[str]) -> None:
        """Let an administrator hold locks of exactly these kinds.

        Raises:
            ValueError: for an unknown kind.
        """
        if unknown := set(kinds) - set(_FORBIDDEN):
            raise ValueError(f"unknown kinds of locks: {', '.join(sorted(unknown))}")
        self._held = {kind: lock for kind, lock in self._held.items() if lock.admin != admin}
        for kind in _FORBIDDEN:
            if kind in kinds:
                self._held[kind] = Lock(admin, self.clock.now(), "")

    def clear(self) -> None:
        """Release all locks."""
        self._held.clear()

    def _request(self, kind: Kind, command: Element, user: str) -> Element:
        if command.find(f"{kind}-lock/add") is not None:
            return self._add(kind, user, command.findtext(".//comment", ""))
        if command.find(f"{kind}-lock/remove") is not None:
            return self._remove(kind)
        raise ApiError(f"{kind}-lock needs add or remove", code=17)

    def _add(self, kind: Kind, user: str, comment: str) -> Element:
        lock = self._held.get(kind)
        if lock is not None and lock.admin == user and kind == "config":
            raise ApiError("You already own a config lock for scope shared")
        if lock is not None:
            raise ApiError(f"{kind.capitalize()} lock is already held by {lock.admin}")
        self._held[kind] = Lock(user, self.clock.now(), comment)
        return result(
            text="Successfully acquired lock. Other administrators will not be able to"
            f" {_FORBIDDEN[kind]} configuration until lock is released by {user}."
        )

    def _remove(self, kind: Kind) -> Element:
        lock = self._held.pop(kind, None)
        if lock is None:
            raise ApiError(f"{kind.capitalize()} is not currently locked for scope shared")
        return result(text=f"{kind.capitalize()} lock released for {lock.admin}")

    def _show(self, kind: Kind) -> Element:
        locks = Element(f"{kind}-locks")
        lock = self._held.get(kind)
        if lock is not None:
            created = datetime.fromtimestamp(lock.since, UTC).strftime("%Y/%m/%d %H:%M:%S")
            locks.append(
                entry(
                    lock.admin,
                    type="shared",
                    name="shared",
                    created=created,
                    last_activity=created,
                    loggedin="yes",
                    comment=lock.comment or "(null)",
                )
            )
        return result(locks)
