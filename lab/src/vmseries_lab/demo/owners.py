"""Which instance an entry of the timeline is about.

Each part of the lab speaks of what it knows: Panorama of serial numbers, EC2 of interfaces and
addresses. The entries themselves say how these belong together.
"""

from __future__ import annotations

from vmseries_lab.timeline import Entry

POSSESSIONS = ("serial", "interface", "allocation")
"""Details that name something of the instance which is the entry's subject."""

HOLDERS = ("instance_id", "hostname", "interface")
"""Details that name what the entry's subject belongs to: an instance, or an interface of one.

A firewall's host name is its instance id, by the launch template's `private_dns_name_options`.
"""


DEPTH = 2
"""How far a thing can be from its instance."""


class Owners:
    """Learns from entries, in their order."""

    def __init__(self) -> None:
        self._holders: dict[str, str] = {}

    def of(self, entry: Entry) -> str | None:
        """Return the instance id that the entry is about, None if there is none or it is unknown.

        What the entry says about possessions is learnt on the way.
        """
        names = POSSESSIONS if is_instance(entry.subject) else HOLDERS
        for name in names:
            other = entry.detail.get(name)
            if other and names is POSSESSIONS:
                self._holders[str(other)] = entry.subject
            elif other:
                self._holders[entry.subject] = str(other)
        # An address belongs to an interface, an interface to an instance; nothing goes deeper, and
        # an interface that nobody owns yet names itself.
        holder: str | None = entry.subject
        for _ in range(DEPTH):
            if holder is not None and not is_instance(holder):
                holder = self._holders.get(holder)
        return holder if holder is not None and is_instance(holder) else None


def is_instance(name: str) -> bool:
    """Whether a name is an EC2 instance id."""
    return name.startswith("i-")
