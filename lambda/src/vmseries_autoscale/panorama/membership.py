"""List the firewalls in Panorama's configuration, and remove them from it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
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

    def running_parts(self, serials: Collection[str]) -> Membership:
        """Return the parts of the running configuration that list these firewalls, in any group."""
        return _find(self._configuration.running, serials)

    def candidate_parts(self, serials: Collection[str]) -> Membership:
        """Return the parts of the candidate configuration that list these firewalls."""
        return _find(self._configuration.candidate, serials)

    def _read(self, read: Callable[[str], ET.Element | None]) -> Membership:
        lists = xpath.member_lists(self._settings)
        return {
            part: _entry_names(read(members), "result/devices/entry")
            for part, members in lists.items()
        }

    def remove(self, part: Part, serial: str, group: str | None = None) -> None:
        """Remove a firewall from a part of the candidate configuration.

        Deleting an absent entry succeeds with code 7, so that a removal can be repeated.

        Args:
            part: Part of the configuration.
            serial: Serial number of the firewall.
            group: Name of the group; ``None`` for the configured one.
        """
        self._configuration.delete(self._entry(Removal(part, serial, group)))

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
            xpaths = [self._entry(removal) for removal in remaining]
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
                kept = [other for other in removals if other.serial == removal.serial]
                refused |= dict.fromkeys(kept, refusal.error)
                remaining = [other for other in remaining if other.serial != removal.serial]
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

    def _entry(self, removal: Removal) -> str:
        """Return the XPath of a firewall's entry, always a complete one.

        Panorama finds an administrator's deletions for a partial commit by their XPaths, and misses
        those of incomplete ones (PaloAltoNetworks/pan-os-codegen#119).
        """
        part, serial, group = removal
        if group is None:
            members = xpath.member_lists(self._settings)[part]
        else:
            members = xpath.group_list(part, group)
        return f"{members}/{xpath.entry(serial)}"


def _find(read: Callable[[str], ET.Element | None], serials: Collection[str]) -> Membership:
    # Only serial numbers go into an XPath, whatever a record or a tag says.
    wanted = frozenset(serial for serial in serials if serial_number(serial) == serial)
    if not wanted:
        return {}
    return {
        part: _entry_names(read(f"{members}/{xpath.entries(wanted)}"), "result/entry") & wanted
        for part, members in xpath.lists_of_all_groups().items()
    }


def _entry_names(response: ET.Element | None, path: str) -> frozenset[str]:
    """Return the names of a list's entries, without the log collectors inside these entries."""
    if response is None:
        return frozenset()
    names = (serial_number(entry.get("name")) for entry in response.iterfind(path))
    return frozenset(name for name in names if name is not None)


def _check_time(has_time: Callable[[], bool]) -> None:
    if not has_time():
        raise TimeBudgetExceededError("no time left in this invocation")
