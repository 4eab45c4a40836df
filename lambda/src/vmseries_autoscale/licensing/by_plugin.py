"""Return licenses through Panorama's license plugin."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection

from vmseries_autoscale.errors import (
    FirewallNotConnectedError,
    LicenseManagerError,
    PanOsError,
)
from vmseries_autoscale.licensing.errors import license_errors
from vmseries_autoscale.panorama import Panorama
from vmseries_autoscale.panorama.removal import failed_commit_error

logger = logging.getLogger(__name__)

LICENSE_LEFT_TO_PLUGIN = (
    "The license is not returned yet: the firewall stays in Panorama, and the reconcile function "
    "continues to request the license's deactivation from the license plugin"
)
"""Log message for a terminated firewall whose license the license manager still lists."""

PLUGIN_ADMINISTRATOR = "__sw_fw_license"
"""The administrator account with which the license plugin changes Panorama's configuration. The
vendor's own auto scaling module commits this administrator's changes after each deactivation
(PaloAltoNetworks/terraform-aws-swfw-modules, modules/asg)."""

_COMMIT_DESCRIPTION = re.compile(r": return \d+ licenses$")

_KEY_ADVICE = (
    "install the support account's current licensing API key (Customer Support Portal, Products, "
    "API Key Management) on Panorama: request license api-key set key …"
)


def request_plugin_deactivation(
    panorama: Panorama, license_manager: str, serials: Collection[str], deployment: str
) -> PanOsError | None:
    """Request the license plugin to deactivate licenses, and commit the plugin's changes.

    The plugin changes the configuration some time after its response, with its own administrator
    account. The commit is therefore requested even if no license is left to deactivate.

    Args:
        panorama: Connection to the Panorama with the plugin.
        license_manager: Name of the license manager that assigned the licenses.
        serials: Serial numbers that the license manager still lists.
        deployment: Name of the deployment, for the description of the commit.

    Returns:
        The error of the last commit of the plugin's changes, if it failed: the reason why the
        licenses are not returned yet.

    Raises:
        LicenseServerUnreachableError: If Panorama cannot reach Palo Alto's license server.
        LicensingKeyError: If the license server rejects Panorama's key.
        PanOsError: If a request to Panorama fails.
        DeviceBusyError: If Panorama is busy.
    """
    failed = _last_commit_error(panorama) if serials else None
    if serials:
        with license_errors("Panorama", _KEY_ADVICE):
            panorama.plugin_deactivate(license_manager, serials)
    job_id = panorama.commit(
        f"{deployment}: return {len(serials)} licenses", administrator=PLUGIN_ADMINISTRATOR
    )
    logger.info(
        "Requested license deactivation from the license plugin",
        extra={"step": "license", "serials": sorted(serials), "job_id": job_id},
    )
    return failed


def _last_commit_error(panorama: Panorama) -> PanOsError | None:
    commits = panorama.commits()
    finished = (
        job for job in commits if job.finished and _COMMIT_DESCRIPTION.search(job.description)
    )
    last = next(finished, None)
    if last is None or not last.failed:
        return None
    return failed_commit_error(last, "it was requested again")


def verify_unlicensed(panorama: Panorama, license_manager: str, serial: str) -> None:
    """Verify that a connected firewall that the license manager never listed has no license.

    A wrong license manager lists none of the deployment's firewalls, which would look like success.
    If the license manager has listed the firewall, only its list counts, because the vendor does
    not document how soon a firewall notices the deactivation.

    Raises:
        LicenseManagerError: If the firewall has a license.
        PanOsError: If the request fails.
        DeviceBusyError: If Panorama is busy.
    """
    try:
        licensed = panorama.firewall(serial).licenses()
    except FirewallNotConnectedError:
        return
    if licensed:
        raise LicenseManagerError(
            f"firewall {serial} has a license, but license manager {license_manager} does not list "
            "it: set licensing.license_manager to the license manager that assigned the license; a "
            'firewall that was licensed by an auth code needs licensing.mode = "firewall"'
        )
