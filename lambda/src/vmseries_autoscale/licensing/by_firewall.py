"""Licenses that the firewall itself returns, through Panorama or directly."""

from __future__ import annotations

import logging

from vmseries_autoscale import telemetry
from vmseries_autoscale.errors import FirewallNotConnectedError
from vmseries_autoscale.licensing.errors import license_errors
from vmseries_autoscale.pan_os.license_commands import LicenseCommands
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)

LICENSE_NOT_RETURNED = (
    "The license was not returned: deactivate the serial number in the Customer Support Portal "
    "under Assets, Devices"
)
"""Log message for a firewall that is gone and did not return its license."""

UNKNOWN_LICENSE_NOT_RETURNED = (
    "The firewall of this instance never answered: if it had a license, that was not returned; "
    "look for its serial number in the Customer Support Portal under Assets, Devices"
)
"""The same if the serial number was never known."""

_KEY_ADVICE = (
    "put the support account's current licensing API key (Customer Support Portal, Products, API "
    "Key Management) into the secret of licensing.api_key_secret_arn"
)


def deactivate_license(firewall: LicenseCommands, name: str, api_key: str) -> bool:
    """Deactivate all licenses of a firewall, and read back whether it has any left.

    "Deactivate the Licenses" (VM-Series Deployment Guide): first the licensing API key, then
    ``request license deactivate VM-Capacity mode auto``.

    Args:
        firewall: the firewall's license commands.
        name: the firewall's name in errors.
        api_key: the licensing API key of the support account.

    Returns:
        Whether the licenses are returned. If not, the firewall is still deactivating them.

    Raises:
        LicenseServerUnreachableError: if the firewall cannot reach Palo Alto's license server.
        LicensingKeyError: if the license server rejects the key.
        RetryableError: if a request to the firewall fails.
    """
    if not firewall.licenses():
        return True
    with license_errors(f"firewall {name}", _KEY_ADVICE):
        firewall.set_licensing_api_key(api_key)
        confirmed = firewall.deactivate_license()
    logger.info("Deactivated the license", extra={"step": "license", "confirmed": confirmed})
    try:
        return not firewall.licenses()
    except FirewallNotConnectedError:
        # A firewall without a license has no serial number, by which Panorama reaches it.
        return confirmed


def report_license_not_returned(serial: str) -> None:
    """Log and count a license that can no longer be returned automatically.

    Args:
        serial: the firewall's serial number; empty if it was never known.
    """
    telemetry.count(Metric.LICENSE_NOT_RETURNED)
    logger.error(
        LICENSE_NOT_RETURNED if serial else UNKNOWN_LICENSE_NOT_RETURNED,
        extra={"step": "license", "serial": serial},
    )
