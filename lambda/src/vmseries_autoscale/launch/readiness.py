"""Whether a firewall is ready for service, and what keeps it from being ready."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vmseries_autoscale.firewall import State
from vmseries_autoscale.panorama import Device, Push
from vmseries_autoscale.settings import Readiness

IN_SYNC = "In Sync"

MAXIMUM_FAILED_PUSHES = 3
"""Failed pushes after which no further push is requested: an operator has to fix the cause."""

NO_LICENSE = "the firewall has no license"


def not_ready_reason(wanted: Readiness, device: Device | None) -> str | None:
    """Why the firewall is not ready according to Panorama; ``None`` if it is ready.

    A connected firewall is not necessarily ready: until device group and template stack are in
    sync, it passes traffic without its policy, or no traffic.
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


def firewall_not_ready_reason(state: State) -> str | None:
    """Why the firewall is not ready according to itself; ``None`` if it is ready."""
    if state.auto_commit == "FAIL":
        # First, since the chassis is not ready in this case either.
        return "the firewall's auto-commit has failed: its bootstrap configuration is not valid"
    if not state.chassis_ready:
        return "the firewall is booting: its chassis is not ready"
    return None if state.ready else "the firewall's auto-commit is in progress"


def is_out_of_sync(wanted: Readiness, device: Device | None) -> bool:
    """Whether the firewall only needs a push, according to Panorama.

    Panorama can push to firewalls in our device group and template stack. A firewall without a
    status is not in them.
    """
    return (
        wanted is Readiness.IN_SYNC
        and device is not None
        and device.connected
        and None not in (device.policy_status, device.template_status)
        and not_ready_reason(wanted, device) is not None
    )


def serials_to_push(serials: Collection[str], pushes: Sequence[Push]) -> frozenset[str]:
    """The firewalls to push to: those without a push in progress or too many failed ones.

    Args:
        serials: Serial numbers of connected firewalls that are out of sync.
        pushes: Push jobs of Panorama. A job without serial numbers may be for all firewalls.
    """
    remaining = frozenset(serials)
    for push in pushes:
        if not push.finished:
            remaining -= push.serials or remaining
    return frozenset(
        serial for serial in remaining if len(push_failures(serial, pushes)) < MAXIMUM_FAILED_PUSHES
    )


def push_failures(serial: str, pushes: Sequence[Push]) -> list[str]:
    """Why pushes to a firewall have failed, in the order of ``pushes``."""
    return [
        f"push job {push.job_id} failed: {push.failures[serial]}"
        for push in pushes
        if serial in push.failures
    ]
