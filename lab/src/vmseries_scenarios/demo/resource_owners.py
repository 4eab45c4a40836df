"""Which instance an entry of the timeline is about.

Each part of the lab speaks of what it knows: Panorama of serial numbers, EC2 of interfaces and
addresses. The entries themselves say how these belong together.
"""

from __future__ import annotations

from vmseries_lab.core.timeline import Entry

POSSESSIONS = ("serial", "interface", "allocation")
"""Details that name something of the instance which is the entry's subject."""

HOLDERS = ("instance_id", "hostname", "interface")
"""Details that name what the entry's subject belongs to: an instance, or an interface of one.

A firewall's host name is its instance id, by the launch template's `private_dns_name_options`.
"""


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
            # EC2 names an interface in the entries about itself, too.
            elif other and other != entry.subject:
                self._holders[entry.subject] = str(other)
        holder: str | None = entry.subject
        while holder is not None and not is_instance(holder):
            holder = self._holders.get(holder)
        return holder


def is_instance(name: str) -> bool:
    """Whether a name is an EC2 instance id."""
    return name.startswith("i-")
