"""Licenses that Panorama's license plugin returns."""

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
    "The license is still in use: the firewall stays in Panorama, where the reconcile function "
    "continues to request its deactivation from the license plugin"
)
"""Log message for a firewall that is gone while the license manager still lists its license."""

PLUGIN_ADMINISTRATOR = "__sw_fw_license"
"""The administrator as which the license plugin changes Panorama's configuration. The vendor's own
auto scaling module commits this administrator's changes after each deactivation
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

    The plugin changes the configuration some time after its response, as an administrator of its
    own. The commit is therefore also requested if there is no license left to deactivate.

    Args:
        panorama: the Panorama with the plugin.
        license_manager: the license manager that assigned the licenses.
        serials: the firewalls that the license manager still lists.
        deployment: the deployment's name, for the commit's description.

    Returns:
        The error of the last commit of the plugin's changes, if that failed: the reason why the
        licenses are not returned yet.

    Raises:
        LicenseServerUnreachableError: if Panorama cannot reach Palo Alto's license server.
        LicensingKeyError: if the license server rejects Panorama's key.
        PanOsError: if a request to Panorama fails.
        DeviceBusyError: if Panorama is busy.
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
    return failed_commit_error(last, "it is requested again")


def verify_unlicensed(panorama: Panorama, license_manager: str, serial: str) -> None:
    """Verify that a connected firewall that the license manager never listed has no license.

    A wrong license manager lists none of the deployment's firewalls, which would look like success.
    For a firewall that the license manager did list, only that list is used: how soon the firewall
    itself notices a deactivation is not documented.

    Raises:
        LicenseManagerError: if the firewall has a license.
        PanOsError: if the request fails.
        DeviceBusyError: if Panorama is busy.
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
