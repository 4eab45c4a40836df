"""Giving licenses back, in the way that they came.

The firewall gives its own back, asked through Panorama or directly; or Panorama's license plugin
gives back what it has handed out, for which no firewall needs to be up. Either way a license is
back when a list says so, whoever has returned it: this module, the plugin's auto-deactivation or
the vendor's fast delicensing. Which situation has which end is a table in docs/licensing.md.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from vmseries_autoscale import telemetry
from vmseries_autoscale.errors import (
    FirewallNotConnectedError,
    FirewallRefusedError,
    LicenseError,
    LicenseManagerError,
    LicenseServerUnreachableError,
    LicensingKeyError,
    PanoramaBusyError,
    PanoramaError,
    PanoramaRefusedError,
)
from vmseries_autoscale.pan_os import errors
from vmseries_autoscale.panorama import Panorama
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)

LOST = (
    "The license was not returned: deactivate the serial number in the Customer Support Portal "
    "under Assets, Devices"
)
"""What to do about a firewall that went without giving its license back, and cannot any more."""

LOST_UNSEEN = (
    "The firewall of this instance never answered: if it had a license, that was not returned; "
    "look for its serial number in the Customer Support Portal under Assets, Devices"
)
"""The same where nobody has ever seen the serial number."""

LEFT_TO_PLUGIN = (
    "The license is still in use: the firewall stays in Panorama, where the reconcile function "
    "goes on asking the license plugin for it"
)
"""What becomes of a firewall that went while the plugin had its license still listed."""

PLUGIN_ADMINISTRATOR = "__sw_fw_license"
"""As whom the license plugin changes Panorama's configuration. The vendor's own auto scaling module
commits this administrator's changes after each deactivation
(PaloAltoNetworks/terraform-aws-swfw-modules, modules/asg)."""

_COMMIT = re.compile(r": give back \d+ licenses$")
_KEY = re.compile(r"api[- ]key|deactivation token|authorization has been denied", re.IGNORECASE)
_UNREACHABLE = re.compile(
    r"fail(ed|ure) to (get|fetch|contact|connect|reach|resolve|communicate)"
    r"|(unable|not able) to (connect|contact|reach|resolve|communicate)"
    r"|(cannot|can't|can not|could not|couldn't) (connect|contact|reach|resolve|communicate)"
    r"|unreachable|connection timed out|no internet|communication (error|failure)",
    re.IGNORECASE,
)


class LicensedFirewall(Protocol):
    """A firewall that may hold licenses, however it is reached."""

    def licenses(self) -> list[str]:
        """Features that it has a license for."""

    def set_licensing_api_key(self, api_key: str) -> None:
        """Give it the key by which it may give its license back."""

    def deactivate_license(self) -> bool:
        """Have it give its license back; whether it says that it has."""


@dataclass(frozen=True, slots=True)
class ThroughPanorama:
    """A firewall that Panorama forwards requests to."""

    panorama: Panorama
    serial: str

    def licenses(self) -> list[str]:
        """Features that it has a license for."""
        return self.panorama.licenses(self.serial)

    def set_licensing_api_key(self, api_key: str) -> None:
        """Give it the key by which it may give its license back."""
        self.panorama.set_licensing_api_key(self.serial, api_key)

    def deactivate_license(self) -> bool:
        """Have it give its license back; whether it says that it has."""
        return self.panorama.deactivate_license(self.serial)


def give_back(firewall: LicensedFirewall, name: str, api_key: str) -> bool:
    """Have a firewall give all its licenses back, and look whether it has.

    "Deactivate the Licenses" (VM-Series Deployment Guide): the licensing API key first, then
    ``request license deactivate VM-Capacity mode auto``.

    Args:
        firewall: which one.
        name: what an operator knows it by, for errors.
        api_key: the licensing API key of the support account.

    Returns:
        Whether the license is back; if not, the firewall is still at it.

    Raises:
        LicenseServerUnreachableError: if it does not reach Palo Alto's servers.
        LicensingKeyError: if they do not take the key.
        RetryableError: if the firewall cannot be asked, or refuses.
    """
    if not firewall.licenses():
        return True
    with _explained(f"firewall {name}", _MEND_KEY_OF_FIREWALLS):
        firewall.set_licensing_api_key(api_key)
        confirmed = firewall.deactivate_license()
    logger.info("Asked for the license back", extra={"step": "license", "confirmed": confirmed})
    try:
        return not firewall.licenses()
    except FirewallNotConnectedError:
        # A firewall without license has no serial number, by which Panorama would reach it.
        return confirmed


def report_lost(serial: str) -> None:
    """Tell that nothing can give a firewall's license back any more, and what to do about it.

    Args:
        serial: the firewall's; empty if nobody has ever seen it.
    """
    telemetry.count(Metric.LICENSE_NOT_RETURNED)
    logger.error(LOST if serial else LOST_UNSEEN, extra={"step": "license", "serial": serial})


def ask_plugin(
    panorama: Panorama, license_manager: str, serials: Collection[str], deployment: str
) -> PanoramaError | None:
    """Have the license plugin give licenses back, and commit what it has changed.

    It changes the configuration later than it answers, as an administrator of its own: therefore
    the commit is asked for also when there is no license to give back any more.

    Args:
        panorama: the one with the plugin.
        license_manager: which of the plugin's license managers has handed the licenses out.
        serials: of the firewalls that it still lists.
        deployment: named in the commit's description.

    Returns:
        Why the licenses are not back although they were asked for, if the last commit tells: it
        has failed.

    Raises:
        LicenseServerUnreachableError: if Panorama does not reach Palo Alto's servers.
        LicensingKeyError: if they do not take Panorama's key.
        PanoramaError: if Panorama cannot be asked, or refuses.
        PanoramaBusyError: if it is busy.
    """
    failed = _failed_commit(panorama) if serials else None
    if serials:
        with _explained("Panorama", _MEND_KEY_OF_PANORAMA):
            panorama.plugin_deactivate(license_manager, serials)
    job_id = panorama.commit(
        f"{deployment}: give back {len(serials)} licenses", administrator=PLUGIN_ADMINISTRATOR
    )
    logger.info(
        "Asked the license plugin for licenses back",
        extra={"step": "license", "serials": sorted(serials), "job_id": job_id},
    )
    return failed


def _failed_commit(panorama: Panorama) -> PanoramaError | None:
    over = (job for job in panorama.commits() if job.finished and _COMMIT.search(job.description))
    last = next(over, None)
    if last is None or not last.failed:
        return None
    return errors.of_failed_commit(last, "it is asked for again")


def check_own_list(panorama: Panorama, license_manager: str, serial: str) -> None:
    """Make sure that a connected firewall that the plugin never listed has no license, either.

    The wrong license manager lists none of ours, which would look like success. Of one that it did
    list, its list alone tells: how soon the firewall itself notices is documented nowhere.

    Raises:
        LicenseManagerError: if it has one.
        PanoramaError: if it cannot be asked.
    """
    try:
        licensed = panorama.licenses(serial)
    except FirewallNotConnectedError:
        return
    if licensed:
        raise LicenseManagerError(
            f"firewall {serial} has a license, but license manager {license_manager} does not list "
            "it: name the license manager that handed it out in licensing.license_manager; a "
            'firewall that was licensed by an auth code needs licensing.mode = "firewall"'
        )


_MEND_KEY_OF_FIREWALLS = (
    "put the support account's current licensing API key (Customer Support Portal, Products, API "
    "Key Management) into the secret of licensing.api_key_secret_arn"
)
_MEND_KEY_OF_PANORAMA = (
    "install the support account's current licensing API key (Customer Support Portal, Products, "
    "API Key Management) on Panorama: request license api-key set key …"
)


@contextmanager
def _explained(whom: str, about_the_key: str) -> Iterator[None]:
    """Say what a refusal means that has to do with licenses, and what to do about it."""
    try:
        yield
    except (PanoramaRefusedError, PanoramaBusyError, FirewallRefusedError) as error:
        # "Please try again later" is also what one says that does not reach the license server.
        text = str(error) if isinstance(error, PanoramaBusyError) else error.text
        explained = _explanation(text, whom, about_the_key)
        if explained is None:
            raise
        raise explained from error


def _explanation(text: str, whom: str, about_the_key: str) -> LicenseError | None:
    if _KEY.search(text):
        return LicensingKeyError(
            f"{whom} may not give a license back ({text}): the licensing API key is missing, has "
            f"expired or was regenerated; {about_the_key}"
        )
    if _UNREACHABLE.search(text):
        return LicenseServerUnreachableError(
            f"{whom} does not reach Palo Alto's license server ({text}): check the route, DNS and "
            "outbound HTTPS of its management interface, and that it verifies the update server's "
            "identity, as it does by default"
        )
    return None
