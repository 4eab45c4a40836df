"""Configuration requests (``type=config``).

Palo Alto Networks, PAN-OS and Panorama API guide: "Configuration (API)", and "Multi-Config Request
(API)" for several changes in one transaction.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import get_args
from xml.etree.ElementTree import Element, tostring

from vmseries_lab.panorama import config_tree
from vmseries_lab.panorama.config_store import (
    Action,
    Change,
    ChangeRejectedError,
    ConfigStore,
    Done,
)
from vmseries_lab.panorama.jobs import Jobs
from vmseries_lab.panorama.responses import ApiError, envelope, message, parsed
from vmseries_lab.panorama.settings import Settings

READS = ("get", "show")
_WRITES: tuple[str, ...] = get_args(Action)


@dataclass
class ConfigRequests:
    """The actions ``get``, ``show``, ``set``, ``edit``, ``delete`` and ``multi-config``."""

    store: ConfigStore
    jobs: Jobs
    settings: Settings

    def answer(self, parameters: dict[str, str], admin: str) -> Element:
        """Execute one request and return the response.

        Args:
            parameters: parameters of the request.
            admin: administrator who sent it.

        Raises:
            ApiError: if PAN-OS would reject the request.
        """
        action = parameters.get("action", "")
        if action in READS:
            return self._read(action, parameters.get("xpath", ""))
        if action == "multi-config" and self.settings.multi_config:
            return self._multi_config(parameters, admin)
        change = _change(action, parameters, admin)
        try:
            return _accepted(self.store.apply([change])[0])
        except ChangeRejectedError as rejected:
            raise rejected.error from rejected

    def _read(self, action: str, xpath: str) -> Element:
        """Read the candidate (``get``) or the running configuration (``show``)."""
        config = self.store.candidate if action == "get" else self.store.running
        try:
            elements = config_tree.find(config, config_tree.parse(xpath))
        except config_tree.BadXpathError as error:
            raise ApiError(f"Invalid xpath: {error}", code=6) from error
        if not elements:
            if action == "get":
                return envelope("success", 7, Element("result"))
            raise ApiError("No such node")
        inner = Element("result")
        if action == "get":
            inner.attrib = {"total-count": str(len(elements)), "count": str(len(elements))}
        inner.extend(copy.deepcopy(element) for element in elements)
        return envelope("success", 19 if action == "get" else None, inner)

    def _multi_config(self, parameters: dict[str, str], admin: str) -> Element:
        """Apply all changes or none; the last response is that of the change that failed."""
        parts = list(parsed(parameters.get("element", "")))
        changes = [
            _change(part.tag, {**part.attrib, "element": _inner(part)}, admin) for part in parts
        ]
        if parameters.get("strict-transactional") == "yes":
            self._begin_transaction(admin)
        try:
            done = self.store.apply(changes, absent_rejected=self.settings.absent_rejected)
        except ChangeRejectedError as rejected:
            responses = [_accepted(change) for change in rejected.done]
            responses.append(rejected.error.answer())
            return envelope("error", rejected.error.code, *_with_ids(responses, parts))
        return envelope("success", 20, *_with_ids([_accepted(change) for change in done], parts))

    def _begin_transaction(self, admin: str) -> None:
        """Revert the administrator's own uncommitted changes (``strict-transactional``).

        Raises:
            ApiError: code 13 while a commit is in progress.
        """
        if self.jobs.unfinished("Commit"):
            raise ApiError("A commit is pending. Please try again later.", code=13)
        self.store.revert({admin})


def _change(action: str, parameters: dict[str, str], admin: str) -> Change:
    if action not in _WRITES:
        raise ApiError(f"Unsupported config action: {action}", code=17)
    kind: Action = "set" if action == "set" else "edit" if action == "edit" else "delete"
    return Change(admin, kind, parameters.get("xpath", ""), parameters.get("element", ""))


def _accepted(done: Done) -> Element:
    return message(done.text, done.code)


def _with_ids(responses: list[Element], parts: list[Element]) -> list[Element]:
    """Set the ID of each change on its response, if the change has one."""
    for response, part in zip(responses, parts, strict=False):
        if "id" in part.attrib:
            response.set("id", part.attrib["id"])
    return responses


def _inner(part: Element) -> str:
    """Return the XML inside an element."""
    return "".join(tostring(child, encoding="unicode") for child in part)
