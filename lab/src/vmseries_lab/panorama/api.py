"""The XML API: authenticates HTTP requests and dispatches them to the parts of Panorama.

Palo Alto Networks, PAN-OS and Panorama API guide: "Structure of a PAN-OS XML API Request", "PAN-OS
XML API Request Types".
"""

from __future__ import annotations

import threading
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from vmseries_lab.core.assumptions import Assumptions
from vmseries_lab.core.clock import Clock
from vmseries_lab.core.timeline import Timeline
from vmseries_lab.net.https import Request, Response
from vmseries_lab.panorama import references
from vmseries_lab.panorama.admin_roles import role_of
from vmseries_lab.panorama.administrators import Admin, Administrators
from vmseries_lab.panorama.commits import Commits
from vmseries_lab.panorama.config_requests import READS, ConfigRequests
from vmseries_lab.panorama.devices import Devices
from vmseries_lab.panorama.locks import Locks
from vmseries_lab.panorama.op_commands import Handler, choose
from vmseries_lab.panorama.responses import (
    ApiError,
    ForbiddenError,
    enqueued,
    leaf,
    parsed,
    render,
    result,
)
from vmseries_lab.panorama.settings import Settings

READING = ("show", "check")
"""First words of read-only operational commands."""


@dataclass
class InjectedError:
    """An error that the next requests get, e.g. contention or a session that timed out.

    Attributes:
        text: error message.
        code: error code of the XML API.
        count: number of requests that get the error.
        kind: ``type`` of these requests; empty for all types.
    """

    text: str
    code: int | None = None
    count: int = 1
    kind: str = ""


@dataclass
class Api:
    """The XML API of one peer.

    Attributes:
        lock: held while a request is processed, so that requests are atomic.
        handlers: operational commands that Panorama executes itself.
        denial: returns why this peer of a pair does not allow a command (or, for ``None``, a
            change, a commit or a push); ``None`` if it does.
        injected_errors: errors that the next requests get.
    """

    lock: threading.RLock
    clock: Clock
    timeline: Timeline
    accounts: Administrators
    configuration: ConfigRequests
    commits: Commits
    devices: Devices
    locks: Locks
    settings: Settings
    assumptions: Assumptions
    handlers: ChainMap[str, Handler]
    denial: Callable[[Element | None], str | None]
    injected_errors: list[InjectedError] = field(default_factory=list)

    def respond(self, request: Request) -> Response:
        """Answer one request of the XML API."""
        if request.path.rstrip("/") != "/api":
            return Response(b"<html><body>Not Found</body></html>", "text/html", 404)
        with self.lock:
            try:
                answer = self._answer(request)
            except ForbiddenError as error:
                return Response(render(error.answer()), status=403)
            except ApiError as error:
                answer = error.answer()
        return Response(render(answer))

    def _answer(self, request: Request) -> Element:
        parameters = request.parameters
        kind = parameters.get("type", "")
        if kind == "keygen":
            name = parameters.get("user", "")
            key = self.accounts.key(name, parameters.get("password", ""))
            if not role_of(self.configuration.store.running, name).types:
                # A role without the XML API gets no key.
                raise ForbiddenError
            return result(leaf("key", key))
        admin = self.accounts.authenticate(request)
        self._raise_injected(kind)
        if kind != "op" and "target" in parameters:
            raise ApiError("The firewalls of the lab take only operational commands", code=17)
        if kind == "config":
            return self._config(parameters, admin)
        if kind not in ("op", "commit"):
            raise ApiError(f"Unsupported request type: {kind}", code=17)
        command = parsed(parameters.get("cmd", ""))
        if kind == "commit":
            self._require(admin, kind, write=True)
            return self._commit(command, parameters, admin)
        self._require(admin, kind, write=command.tag not in READING)
        return self._operate(command, parameters.get("target"), admin)

    def _require(self, admin: Admin, kind: str, *, write: bool) -> None:
        """Check that the administrator's role allows a request, see ``admin_roles.Role``."""
        role_of(self.configuration.store.running, admin.name).require(kind, write=write)

    def _raise_injected(self, kind: str) -> None:
        """Raise the injected error for this type of request, if there is one.

        Raises:
            ApiError: the injected error.
        """
        for injected in self.injected_errors:
            if injected.count > 0 and injected.kind in ("", kind):
                injected.count -= 1
                raise ApiError(injected.text, code=injected.code)

    def _config(self, parameters: dict[str, str], admin: Admin) -> Element:
        writes = parameters.get("action") not in READS
        self._require(admin, "config", write=writes)
        if writes:
            self._deny()
            self.locks.may_change(admin.name)
        store = self.configuration.store
        changes_before = len(store.changes)
        managed_before = set(references.managed(store.candidate))
        answer = self.configuration.answer(parameters, admin.name)
        for serial in sorted(managed_before - set(references.managed(store.candidate))):
            self._note("device-removed", serial, user=admin.name)
        if self.settings.automatic_commit_lock and len(store.changes) > changes_before:
            self.locks.changed(admin.name)
        return answer

    def _commit(self, command: Element, parameters: dict[str, str], admin: Admin) -> Element:
        self._deny()
        now = self.clock.now()
        if parameters.get("action") == "all" or command.tag == "commit-all":
            job = self.commits.push_command(command, admin.name, now)
            return enqueued(job.number, commit=False)
        self._require_own_changes(command, admin)
        self.locks.may_commit(admin.name)
        answer, committing = self.commits.commit(command, admin.name, now)
        if committing is not None:
            self._note("commit-queued", str(committing.number), user=admin.name)
        return answer

    def _require_own_changes(self, command: Element, admin: Admin) -> None:
        """Check that a role may commit the changes that a commit includes.

        "Commit For Other Admins" is a right of role profiles for the web interface. Whether the XML
        API requires it is an assumption; the text of the refusal is not known.

        Raises:
            ApiError: code 16 if the commit includes changes of others and the role lacks the right.
        """
        store = self.configuration.store
        role = role_of(store.running, admin.name)
        if role.commits_for_others or self.assumptions["commit-for-others-right"] != "required":
            return
        members = [member.text for member in command.iterfind("partial/admin/member")]
        named = members or [change.admin for change in store.changes]
        if any(name != admin.name for name in named):
            raise ApiError("Unauthorized request", code=16)

    def _deny(self, command: Element | None = None) -> None:
        """Check that this peer of a pair allows a command (``None`` for a change or a commit).

        Raises:
            ApiError: code 15, operation denied.
        """
        if (reason := self.denial(command)) is not None:
            raise ApiError(reason, code=15)

    def _operate(self, command: Element, target: str | None, admin: Admin) -> Element:
        self._deny(command)
        if target is not None:
            self._require_target(admin)
            record = self.devices.connected(target)
            if record is None:
                raise ApiError(f"{target} not connected")
            return record.link.operate(command)
        handler = choose(self.handlers, command)
        if handler is None:
            raise ApiError(f"{command.tag} is unexpected", code=17)
        return handler(command, admin.name)

    def _require_target(self, admin: Admin) -> None:
        """Check that a role may send commands to firewalls; whether a profile may is an assumption.

        Raises:
            ApiError: code 16; the text is not known.
        """
        refused = self.assumptions["target-by-custom-role"] == "refused"
        if refused and role_of(self.configuration.store.running, admin.name).custom:
            raise ApiError("Unauthorized request", code=16)

    def _note(self, kind: str, subject: str, **detail: Any) -> None:
        self.timeline.add("panorama", kind, subject, **detail)
