"""Report how long new firewalls can still join Panorama with a VM auth key."""

from __future__ import annotations

from datetime import datetime

from vmseries_autoscale import telemetry
from vmseries_autoscale.panorama import Panorama
from vmseries_autoscale.reconcile.report import Observations
from vmseries_autoscale.settings import LicensingMode, ReconcileSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.time_budget import TimeBudget

SUBJECT = "VM auth keys"


def report_vm_auth_keys(
    observations: Observations,
    settings: ReconcileSettings,
    panorama: Panorama | None,
    now: datetime,
    time_budget: TimeBudget,
) -> None:
    """Write how many days are left until Panorama's last VM auth key expires.

    Panorama may have several keys, and nothing says which of them the bootstrap configuration has,
    whose value the function may not read. After the last one, no firewall can join for certain.

    Args:
        observations: Receives why it is not known.
        settings: Settings of the function. In licensing mode ``plugin``, firewalls join with the
            key of the license plugin instead.
        panorama: Connection; ``None`` without Panorama.
        now: Current time, timezone-aware.
        time_budget: Time that is left of the invocation.
    """
    if panorama is None or settings.licensing_mode is LicensingMode.PLUGIN:
        return
    expiry = observations.find_out(SUBJECT, panorama.vm_auth_key_expiry, None, time_budget)
    telemetry.count(Metric.VM_AUTH_KEYS_UNKNOWN, int(SUBJECT in observations.not_checked))
    if expiry is not None:
        telemetry.gauge(Metric.VM_AUTH_KEY_DAYS_LEFT, (expiry - now).days)
