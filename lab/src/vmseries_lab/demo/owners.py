"""Which instance an entry of the timeline is about.

Each part of the lab speaks of what it knows: Panorama of serial numbers, EC2 of interfaces and
addresses. The entries themselves say how these belong together.
"""

from __future__ import annotations

from vmseries_lab.timeline import Entry

POSSESSIONS = ("serial", "interface", "allocation")
"""Details that name something of the instance which is the entry's subject."""

HOLDERS = ("instance_id", "hostname")
"""Details that name the instance which the entry's subject belongs to.

A firewall's host name is its instance id, by the launch template's `private_dns_name_options`.
"""


class Owners:
    """Learns from entries, in their order."""

    def __init__(self) -> None:
        self._instances: dict[str, str] = {}

    def of(self, entry: Entry) -> str | None:
        """Return the instance id that the entry is about, None if there is none or it is unknown.

        What the entry says about possessions is learnt on the way.
        """
        if is_instance(entry.subject):
            for name in POSSESSIONS:
                thing = entry.detail.get(name)
                if thing:
                    self._instances[str(thing)] = entry.subject
            return entry.subject
        for name in HOLDERS:
            holder = str(entry.detail.get(name, ""))
            if is_instance(holder):
                self._instances[entry.subject] = holder
        return self._instances.get(entry.subject)


def is_instance(name: str) -> bool:
    """Whether a name is an EC2 instance id."""
    return name.startswith("i-")
