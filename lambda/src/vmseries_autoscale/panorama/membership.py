"""List the firewalls in Panorama's configuration, and remove them from it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import DeviceRefusedError, TimeBudgetExceededError
from vmseries_autoscale.pan_os.values import serial_number
from vmseries_autoscale.panorama import xpath
from vmseries_autoscale.panorama.configuration import Configuration
from vmseries_autoscale.panorama.interface import Membership, Part, Removal
from vmseries_autoscale.settings import PanoramaSettings

logger = logging.getLogger(__name__)

_NOT_PRESENT = "7"


class MemberLists:
    """The lists of firewalls in one Panorama's configuration."""

    def __init__(self, configuration: Configuration, settings: PanoramaSettings) -> None:
        self._configuration = configuration
        self._settings = settings

    def running(self) -> Membership:
        """Return the firewalls that the running configuration lists."""
        return self._read(self._configuration.running)

    def candidate(self) -> Membership:
        """Return the firewalls that the candidate configuration lists."""
        return self._read(self._configuration.candidate)

    def _read(self, read: Callable[[str], ET.Element | None]) -> Membership:
        lists = xpath.member_lists(self._settings)
        return {part: _entry_names(read(members)) for part, members in lists.items()}

    def remove(self, part: Part, serial: str) -> None:
        """Remove a firewall from a part of the candidate configuration.

        Deleting an absent entry succeeds with code 7, so that a removal can be repeated.
        """
        self._configuration.delete(self._entry(part, serial))

    def remove_all(
        self, removals: Sequence[Removal], has_time: Callable[[], bool]
    ) -> dict[Removal, DeviceRefusedError]:
        """Remove firewalls from parts of the candidate configuration, in one transaction.

        A transaction with a refused removal is repeated without this firewall, which then stays in
        all parts: a firewall outside our groups could no longer be identified. Firewalls are
        removed one by one if Panorama does not support multi-config requests, or if its response
        does not say which removal it refuses.
        """
        refused: dict[Removal, DeviceRefusedError] = {}
        remaining = list(removals)
        while len(remaining) > 1:
            xpaths = [self._entry(*removal) for removal in remaining]
            refusal = self._configuration.delete_together(xpaths)
            if refusal is None:
                return refused
            if refusal.index is None:
                logger.warning(
                    "Panorama refused the transaction; removing firewalls one by one",
                    extra={"reason": str(refusal.error)},
                )
                break
            removal = remaining.pop(refusal.index)
            if refusal.error.code != _NOT_PRESENT:
                _, serial = removal
                kept = [other for other in removals if other[1] == serial]
                refused |= dict.fromkeys(kept, refusal.error)
                remaining = [other for other in remaining if other[1] != serial]
            _check_time(has_time)
        return refused | self._remove_one_by_one(remaining, has_time)

    def _remove_one_by_one(
        self, removals: Sequence[Removal], has_time: Callable[[], bool]
    ) -> dict[Removal, DeviceRefusedError]:
        refused: dict[Removal, DeviceRefusedError] = {}
        for number, removal in enumerate(removals):
            if number > 0:
                _check_time(has_time)
            try:
                self.remove(*removal)
            except DeviceRefusedError as error:
                refused[removal] = error
        return refused

    def _entry(self, part: Part, serial: str) -> str:
        return f"{xpath.member_lists(self._settings)[part]}/{xpath.entry(serial)}"


def _entry_names(response: ET.Element | None) -> frozenset[str]:
    """Return the names of a list's entries, without the log collectors inside these entries."""
    if response is None:
        return frozenset()
    names = (
        serial_number(entry.get("name")) for entry in response.iterfind("result/devices/entry")
    )
    return frozenset(name for name in names if name is not None)


def _check_time(has_time: Callable[[], bool]) -> None:
    if not has_time():
        raise TimeBudgetExceededError("no time left in this invocation")
