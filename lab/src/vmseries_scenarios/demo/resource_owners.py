"""Finds the instance that an entry of the timeline is about.

Each part of the lab names what it knows: Panorama names serial numbers, EC2 names interfaces and
addresses. The entries themselves show how these belong together.
"""

from __future__ import annotations

from vmseries_lab.core.timeline import Entry

OWNED = ("serial", "interface", "allocation")
"""Details that name a resource of the instance that is the subject of the entry."""

OWNER_NAMES = ("instance_id", "interface")
"""Details that name the owner of the entry's subject: an instance, or an interface of one.

A host name is none of them: it need not be the instance ID.
"""


class ResourceOwners:
    """Learns the owners of resources from the entries, in order."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def of(self, entry: Entry) -> str | None:
        """Return the ID of the instance that an entry is about; None if there is none.

        The owners that the entry names are remembered.
        """
        names = OWNED if is_instance(entry.subject) else OWNER_NAMES
        for name in names:
            other = entry.detail.get(name)
            if other and names is OWNED:
                self._owners[str(other)] = entry.subject
            # Entries of EC2 about an interface name that interface as well.
            elif other and other != entry.subject:
                self._owners[entry.subject] = str(other)
        owner: str | None = entry.subject
        while owner is not None and not is_instance(owner):
            owner = self._owners.get(owner)
        return owner


def is_instance(name: str) -> bool:
    """Return whether a name is an EC2 instance ID."""
    return name.startswith("i-")
