"""Whether a firewall may get into service."""

from __future__ import annotations

from vmseries_autoscale.panorama import Device
from vmseries_autoscale.settings import Readiness

IN_SYNC = "In Sync"


def obstacle(wanted: Readiness, device: Device | None) -> str | None:
    """What still keeps the firewall out of service, ``None`` if nothing does.

    A connected firewall is not ready by that: until device group and template stack are in sync it
    passes traffic without its policy, or none.
    """
    if wanted is Readiness.OFF:
        return None
    if device is None or not device.connected:
        return "not connected to Panorama"
    if wanted is Readiness.CONNECTED:
        return None
    if device.template_status != IN_SYNC:
        return f"template stack: {device.template_status or 'no status'}"
    if device.policy_status != IN_SYNC:
        return f"device group: {device.policy_status or 'no status'}"
    return None
