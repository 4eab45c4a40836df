"""Fast delicensing of the Panorama plugin for AWS: returns the licenses of terminated firewalls.

Palo Alto Networks, VM-Series Deployment Guide: "Fast Delicensing in AWS Auto Scaling Groups".
Panorama monitors the groups. If an instance was terminated and its firewall is in the list of
devices as disconnected, Panorama returns the license within thirty minutes of the termination. It
does not know the serial number of a firewall outside its list. It is not documented whether
Panorama also removes the device; in the lab it does not.
"""

from __future__ import annotations

from collections.abc import Callable

from vmseries_lab.licensing_api import Licensing
from vmseries_lab.panorama.service import Panorama

DELAY_SECONDS = 1800.0


class FastDelicensing:
    """Fast delicensing of all firewalls of the lab; disabled at first.

    Attributes:
        delay_seconds: lab seconds from termination to return; ``None`` if disabled.
        terminated: port to the firewalls: lab time of termination by serial number.
    """

    def __init__(self, panorama: Panorama, licensing: Licensing) -> None:
        self._panorama = panorama
        self._licensing = licensing
        self.delay_seconds: float | None = None
        self.terminated: Callable[[], dict[str, float]] = dict

    def configure(self, *, enabled: bool = True, delay_seconds: float = DELAY_SECONDS) -> None:
        """Enable or disable fast delicensing."""
        self.delay_seconds = float(delay_seconds) if enabled else None

    def tick(self, now: float) -> None:
        """Return the licenses that are due."""
        if self.delay_seconds is None or self._panorama.active is None:
            return
        for serial, at in self.terminated().items():
            device = self._panorama.devices.get(serial)
            if device and not device.connected and now >= at + self.delay_seconds:
                self._licensing.return_license(serial, by="fast-delicensing")
