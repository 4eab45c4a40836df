"""The interface to a firewall's own API that the package uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vmseries_autoscale.pan_os.license_commands import LicenseCommands


@dataclass(frozen=True, slots=True)
class State:
    """How far a firewall has booted.

    Attributes:
        chassis_ready: Whether its processes are up and it can forward traffic.
        auto_commit: Result of the commit that activates the configuration at boot: ``OK``,
            ``FAIL``, or ``PEND`` while it runs; ``None`` before it starts.
    """

    chassis_ready: bool
    auto_commit: str | None

    @property
    def ready(self) -> bool:
        """Whether the firewall forwards traffic according to its configuration."""
        return self.chassis_ready and self.auto_commit == "OK"


class Firewall(LicenseCommands, Protocol):
    """A connection to one firewall, as one administrator.

    Every method raises a PanOsError if it fails.
    """

    def state(self) -> State:
        """Return how far the firewall has booted."""

    def serial(self) -> str | None:
        """Return the serial number, or ``None`` before the firewall has a license."""
