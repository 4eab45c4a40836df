"""Return a license through the firewall itself, directly or forwarded by Panorama."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from vmseries_autoscale.errors import DeviceBusyError, FirewallNotConnectedError, PanOsError
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.licensing import evidence
from vmseries_autoscale.licensing.attempts import is_licensed
from vmseries_autoscale.licensing.errors import license_errors
from vmseries_autoscale.licensing.evidence import Decision, Observations, Request, Seen
from vmseries_autoscale.pan_os.license_commands import LicenseCommands

logger = logging.getLogger(__name__)

_KEY_ADVICE = (
    "put the support account's current licensing API key (Customer Support Portal, Products, API "
    "Key Management) into the secret of licensing.api_key_secret_arn"
)


def return_license(
    firewall: LicenseCommands,
    name: str,
    api_key: Callable[[], str],
    record: FirewallRecord,
    seen: Observations,
) -> Decision:
    """Take the return of a license as far as currently possible.

    "Deactivate the Licenses" (VM-Series Deployment Guide): first the licensing API key, then
    ``request license deactivate VM-Capacity mode auto``. The firewall's own list shows the result.

    Args:
        firewall: License commands of the firewall.
        name: Name of the firewall in errors.
        api_key: Reads the licensing API key of the support account.
        record: Record of the firewall.
        seen: What this visit observed otherwise.

    Returns:
        What is known now. Its record has to be saved.

    Raises:
        LicenseServerUnreachableError: If the firewall cannot reach Palo Alto's license server.
        LicensingKeyError: If the license server rejects the key.
        RetryableError: If a request to the firewall fails.
    """
    seen = _with_list(firewall, record, seen)
    decision = evidence.decide(record, seen)
    if not isinstance(decision.step, Request):
        return decision
    with license_errors(f"firewall {name}", _KEY_ADVICE):
        firewall.set_licensing_api_key(api_key())
        confirmed = firewall.deactivate_license()
    logger.info(
        "Requested license deactivation from the firewall",
        extra={"step": "license", "confirmed": confirmed},
    )
    record = evidence.requested(decision.record, None, seen.now)
    after = replace(seen, listed=Seen.NOT_SEEN, confirmed=confirmed)
    try:
        after = _with_list(firewall, record, after)
    except (PanOsError, DeviceBusyError) as error:
        # What was confirmed is recorded now, whether or not the firewall answers again.
        logger.warning(
            "The firewall does not list its licenses after the request",
            extra={"step": "license", "reason": str(error)},
        )
    return evidence.decide(record, after)


def _with_list(
    firewall: LicenseCommands, record: FirewallRecord, seen: Observations
) -> Observations:
    """Add what the firewall itself shows.

    Panorama addresses firewalls by serial number, and a firewall without a license has none.
    """
    try:
        licensed = is_licensed(firewall, record, confirmed=seen.confirmed)
    except FirewallNotConnectedError:
        return replace(seen, connected=False, can_request=False)
    return replace(seen, listed=Seen.LISTED if licensed else Seen.ABSENT)
