"""Configuration requests (``type=config``).

Palo Alto Networks, PAN-OS and Panorama API guide: "Configuration (API)" and, for several changes in
one transaction, "Multi-Config Request (API)".
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import get_args
from xml.etree.ElementTree import Element, tostring

from vmseries_lab.panorama import config_tree
from vmseries_lab.panorama.config_store import Action, Change, ChangeRefusedError, Done, Store
from vmseries_lab.panorama.jobs import Jobs
from vmseries_lab.panorama.responses import ApiError, envelope, message, parsed
from vmseries_lab.panorama.settings import Settings

READS = ("get", "show")
_WRITES: tuple[str, ...] = get_args(Action)


@dataclass
class Configuration:
    """Answers ``get``, ``show``, ``set``, ``edit``, ``delete`` and ``multi-config``."""

    store: Store
    jobs: Jobs
    settings: Settings

    def answer(self, parameters: dict[str, str], admin: str) -> Element:
        """Carry out one request.

        Raises:
            ApiError: as PAN-OS refuses it.
        """
        action = parameters.get("action", "")
        if action in READS:
            return self._read(action, parameters.get("xpath", ""))
        if action == "multi-config" and self.settings.multi_config:
            return self._several(parameters, admin)
        change = _change(action, parameters, admin)
        try:
            return _accepted(self.store.apply([change])[0])
        except ChangeRefusedError as refused:
            raise refused.error from refused

    def _read(self, action: str, xpath: str) -> Element:
        """``get`` reads the candidate, ``show`` the running configuration."""
        config = self.store.candidate if action == "get" else self.store.running
        try:
            found = config_tree.find(config, config_tree.parse(xpath))
        except config_tree.BadXpathError as error:
            raise ApiError(f"Invalid xpath: {error}", code=6) from error
        if not found:
            if action == "get":
                return envelope("success", 7, Element("result"))
            raise ApiError("No such node")
        inner = Element("result")
        if action == "get":
            inner.attrib = {"total-count": str(len(found)), "count": str(len(found))}
        inner.extend(copy.deepcopy(element) for element in found)
        return envelope("success", 19 if action == "get" else None, inner)

    def _several(self, parameters: dict[str, str], admin: str) -> Element:
        """All changes or none. What was answered stops with the one that failed."""
        parts = list(parsed(parameters.get("element", "")))
        changes = [
            _change(part.tag, {**part.attrib, "element": _inner(part)}, admin) for part in parts
        ]
        if parameters.get("strict-transactional") == "yes":
            self._begin_strictly(admin)
        try:
            done = self.store.apply(changes, absent_refused=self.settings.absent_refused)
        except ChangeRefusedError as refused:
            answers = [_accepted(one) for one in refused.done] + [refused.error.answer()]
            return envelope("error", refused.error.code, *_with_ids(answers, parts))
        return envelope("success", 20, *_with_ids([_accepted(one) for one in done], parts))

    def _begin_strictly(self, admin: str) -> None:
        """Refuse while a commit is under way; otherwise drop the caller's own open changes."""
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


def _with_ids(answers: list[Element], parts: list[Element]) -> list[Element]:
    """Each answer with the id of the change it answers, if that has one."""
    for answer, part in zip(answers, parts, strict=False):
        if "id" in part.attrib:
            answer.set("id", part.attrib["id"])
    return answers


def _inner(part: Element) -> str:
    """The XML inside an element."""
    return "".join(tostring(child, encoding="unicode") for child in part)
