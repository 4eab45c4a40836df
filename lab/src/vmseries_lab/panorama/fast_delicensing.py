"""Fast delicensing, of the Panorama plugin for AWS: credits of terminated firewalls come back.

Palo Alto Networks, VM-Series Deployment Guide: "Fast Delicensing in AWS Auto Scaling Groups".
Panorama looks at the groups; of a firewall whose instance was terminated and that its list of
devices shows as disconnected, it takes the serial number and releases the credits, within thirty
minutes of the termination. Whether it also cleans up the device is not documented; here it does
not. Of a firewall that its list does not show it knows no serial number.
"""

from __future__ import annotations

from collections.abc import Callable

from vmseries_lab.licensing_api import Licensing
from vmseries_lab.panorama.service import Panorama

DELAY_SECONDS = 1800.0


class FastDelicensing:
    """What it does for all firewalls of the lab, once it is switched on.

    Attributes:
        delay_seconds: from the termination; ``None`` while it is off.
        terminated: port to the firewalls: when the instances of which serial numbers were
            terminated.
    """

    def __init__(self, panorama: Panorama, licensing: Licensing) -> None:
        self._panorama = panorama
        self._licensing = licensing
        self.delay_seconds: float | None = None
        self.terminated: Callable[[], dict[str, float]] = dict

    def configure(self, *, enabled: bool = True, delay_seconds: float = DELAY_SECONDS) -> None:
        """Switch it on or off."""
        self.delay_seconds = float(delay_seconds) if enabled else None

    def tick(self, now: float) -> None:
        """Release what is due."""
        if self.delay_seconds is None or self._panorama.active is None:
            return
        for serial, at in self.terminated().items():
            device = self._panorama.devices.get(serial)
            if device and not device.connected and now >= at + self.delay_seconds:
                self._licensing.release(serial)
