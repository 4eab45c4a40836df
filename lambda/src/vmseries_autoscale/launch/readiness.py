"""Decide whether a firewall is ready for service, and why it is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vmseries_autoscale.aws import target_groups
from vmseries_autoscale.aws.target_groups import Health, Target
from vmseries_autoscale.firewall import State
from vmseries_autoscale.firewall_identity import Ambiguous, Undecided, Unidentified
from vmseries_autoscale.panorama import Device, Push
from vmseries_autoscale.settings import Readiness

IN_SYNC = "In Sync"

MAXIMUM_FAILED_PUSHES = 3
"""Number of failed pushes after which no push is requested: an operator has to fix the cause."""

NO_LICENSE = "the firewall has no license"

_CAUSES = "it is booting, or does not reach TCP port 3978 of Panorama, or its auth key is not valid"
_PUSH = "push it to the firewall in Panorama, unless panorama.push_when_out_of_sync does"
NOT_CONNECTED = f"not connected to Panorama; {_CAUSES}"

_NO_ANSWER = (
    "the firewall is booting, or does not answer health checks; see its interface management "
    "profile, aws-gwlb-inspect and the security group"
)
_ADVICE = {
    "Target.FailedHealthChecks": _NO_ANSWER,
    "Target.Timeout": _NO_ANSWER,
    "Target.ResponseCodeMismatch": (
        "the firewall answers health checks with an unexpected HTTP code; see the path and status "
        "codes of the health check"
    ),
    target_groups.NOT_IN_USE: (
        "no load balancer sends it traffic; add a listener for the target group, and the zone to "
        "its load balancer"
    ),
}
"""What a reason code of a target means for an operator (API_TargetHealth). A code without an
entry is reported without advice."""


def unidentified_reason(result: Unidentified | Undecided | Ambiguous) -> str:
    """Return why no firewall in Panorama is known to be that of a new instance."""
    return f"{result.reason}; {_CAUSES}" if isinstance(result, Unidentified) else result.reason


def not_ready_reason(required: Readiness, device: Device | None) -> str | None:
    """Return why a firewall is not ready according to Panorama; ``None`` if it is ready.

    A connected firewall is not necessarily ready: until its device group and template stack are in
    sync, it passes traffic without its policy, or no traffic at all.
    """
    if required in (Readiness.OFF, Readiness.HEALTHY):
        return None
    if device is None or not device.connected:
        return NOT_CONNECTED
    if required is Readiness.CONNECTED:
        return None
    if device.template_status != IN_SYNC:
        return f"template stack: {device.template_status or 'no status'}; {_PUSH}"
    if device.policy_status != IN_SYNC:
        return f"device group: {device.policy_status or 'no status'}; {_PUSH}"
    return None


def firewall_not_ready_reason(state: State) -> str | None:
    """Return why a firewall is not ready according to its own API; ``None`` if it is ready."""
    if state.auto_commit == "FAIL":
        # Checked first, because the chassis is not ready in this case either.
        return "the firewall's auto-commit has failed: its bootstrap configuration is not valid"
    if not state.chassis_ready:
        return "the firewall is booting: its chassis is not ready"
    return None if state.ready else "the firewall's auto-commit is in progress"


def not_healthy_reason(target: Target, health: Health | None) -> str | None:
    """Return why a firewall is not ready according to a load balancer; ``None`` if it is ready."""
    if health is None:
        return f"target group {target.group_name} does not exist"
    if health.state == target_groups.HEALTHY:
        return None
    code = f" ({health.reason})" if health.reason else ""
    advice = _ADVICE.get(health.reason)
    return f"target group {target.group_name}: {health.state}{code}" + (
        f": {advice}" if advice else ""
    )


def must_register(health: Health | None) -> bool:
    """Return whether a firewall that waits for its health checks has to be registered first.

    One that drains is registered again, as it is after it was in standby.
    """
    return health is not None and (
        health.reason == target_groups.NOT_REGISTERED or health.state == target_groups.DRAINING
    )


def is_out_of_sync(required: Readiness, device: Device | None) -> bool:
    """Return whether, according to Panorama, a firewall needs only a push to become ready.

    Panorama can push only to firewalls in our device group and template stack. A firewall without
    a status is not in them.
    """
    return (
        required is Readiness.IN_SYNC
        and device is not None
        and device.connected
        and None not in (device.policy_status, device.template_status)
        and not_ready_reason(required, device) is not None
    )


def serials_to_push(serials: Collection[str], pushes: Sequence[Push]) -> frozenset[str]:
    """Return the firewalls that have no push in progress and not too many failed pushes.

    Args:
        serials: Serial numbers of connected firewalls that are out of sync.
        pushes: Pushes of this deployment. Those of others do not matter: Panorama queues ours.
    """
    remaining = frozenset(serials)
    for push in pushes:
        if not push.finished:
            remaining -= push.serials
    return frozenset(
        serial for serial in remaining if len(push_failures(serial, pushes)) < MAXIMUM_FAILED_PUSHES
    )


def push_failures(serial: str, pushes: Sequence[Push]) -> list[str]:
    """Return the reasons of a firewall's failed pushes, in the order of ``pushes``."""
    return [
        f"push job {push.job_id} failed: {push.failures[serial]}"
        for push in pushes
        if serial in push.failures
    ]
