"""Whether a firewall may get into service."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vmseries_autoscale.firewall import State
from vmseries_autoscale.panorama import Device, Push
from vmseries_autoscale.settings import Readiness

IN_SYNC = "In Sync"

PUSHES = 3
"""How often a push may fail for a firewall: what fails three times, an operator has to mend."""

NO_LICENSE = "the firewall has no license"


def obstacle(wanted: Readiness, device: Device | None) -> str | None:
    """What still keeps the firewall out of service in Panorama, ``None`` if nothing does.

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


def own_obstacle(state: State) -> str | None:
    """The same as the firewall itself tells, where there is no Panorama."""
    if state.auto_commit == "FAIL":
        # The chassis is not ready then, either.
        return "the firewall's auto-commit has failed: its bootstrap configuration is not valid"
    if not state.chassis_ready:
        return "the firewall is booting: its chassis is not ready"
    return None if state.ready else "the firewall's auto-commit is not over"


def is_out_of_sync(wanted: Readiness, device: Device | None) -> bool:
    """Whether a push is all that the firewall lacks, as far as Panorama can tell.

    Panorama pushes to a firewall of our device group and template stack; without a status it is in
    none of ours.
    """
    return (
        wanted is Readiness.IN_SYNC
        and device is not None
        and device.connected
        and None not in (device.policy_status, device.template_status)
        and obstacle(wanted, device) is not None
    )


def to_push(serials: Collection[str], pushes: Sequence[Push]) -> frozenset[str]:
    """The firewalls that need a push, and for which none is under way or has failed too often.

    Args:
        serials: of connected firewalls that are out of sync.
        pushes: the jobs in Panorama's list; one that does not say for whom it is may be for all.
    """
    left = frozenset(serials)
    for push in pushes:
        if not push.finished:
            left -= push.serials or left
    return frozenset(serial for serial in left if len(failures(serial, pushes)) < PUSHES)


def failures(serial: str, pushes: Sequence[Push]) -> list[str]:
    """Why pushes have failed for a firewall, in the order of ``pushes``."""
    return [
        f"push job {push.job_id} failed: {push.failures[serial]}"
        for push in pushes
        if serial in push.failures
    ]
