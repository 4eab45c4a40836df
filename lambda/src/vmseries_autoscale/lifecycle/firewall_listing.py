"""What a manager lists of its firewalls, for their identification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama import Device


class FirewallListing(Protocol):
    """The firewalls that Panorama or Strata Cloud Manager listed at the start of a visit."""

    @property
    def devices(self) -> Mapping[str, Device]:
        """Firewalls by serial number."""

    def ask(self, serial: str) -> SystemInfo | None:
        """Return what a connected firewall says about itself; ``None`` without an answer."""

    def answers(self) -> Mapping[str, SystemInfo]:
        """Return what firewalls have been asked for in this visit, by serial number.

        Later visits need not ask those again that run on other machines.
        """
