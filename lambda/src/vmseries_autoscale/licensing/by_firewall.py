"""Return licenses through the firewall itself, directly or forwarded by Panorama."""

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
"""Log message for a terminated firewall that did not return its license."""

UNKNOWN_LICENSE_NOT_RETURNED = (
    "The firewall of this instance never responded: if it had a license, the license was not "
    "returned; find its serial number in the Customer Support Portal under Assets, Devices"
)
"""Log message for such a firewall if its serial number was never known."""

AMBIGUOUS_LICENSE_NOT_RETURNED = (
    "The firewall of this instance is ambiguous: if it had a license, the license was not "
    "returned; find its serial number in the Customer Support Portal under Assets, Devices"
)
"""Log message for such a firewall if its identity is ambiguous."""

_KEY_ADVICE = (
    "put the support account's current licensing API key (Customer Support Portal, Products, API "
    "Key Management) into the secret of licensing.api_key_secret_arn"
)


def deactivate_license(firewall: LicenseCommands, name: str, api_key: str) -> bool:
    """Deactivate all licenses of a firewall, and check whether it has any left.

    "Deactivate the Licenses" (VM-Series Deployment Guide): first the licensing API key, then
    ``request license deactivate VM-Capacity mode auto``.

    Args:
        firewall: License commands of the firewall.
        name: Name of the firewall in errors.
        api_key: Licensing API key of the support account.

    Returns:
        Whether the licenses are returned. If not, the firewall is still deactivating them.

    Raises:
        LicenseServerUnreachableError: If the firewall cannot reach Palo Alto's license server.
        LicensingKeyError: If the license server rejects the key.
        RetryableError: If a request to the firewall fails.
    """
    if not firewall.licenses():
        return True
    with license_errors(f"firewall {name}", _KEY_ADVICE):
        firewall.set_licensing_api_key(api_key)
        confirmed = firewall.deactivate_license()
    logger.info(
        "Requested license deactivation from the firewall",
        extra={"step": "license", "confirmed": confirmed},
    )
    try:
        return not firewall.licenses()
    except FirewallNotConnectedError:
        # Panorama addresses firewalls by serial number, and a firewall without a license has none.
        return confirmed


def report_license_not_returned(serial: str, unknown: str = UNKNOWN_LICENSE_NOT_RETURNED) -> None:
    """Log and count a license that can no longer be returned automatically.

    Args:
        serial: Serial number of the firewall; empty if it is not known.
        unknown: Log message if it is not known.
    """
    telemetry.count(Metric.LICENSE_NOT_RETURNED)
    message = LICENSE_NOT_RETURNED if serial else unknown
    logger.error(message, extra={"step": "license", "serial": serial})
