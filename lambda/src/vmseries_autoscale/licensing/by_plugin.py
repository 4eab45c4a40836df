"""Return licenses through Panorama's license plugin."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from vmseries_autoscale.errors import LicenseManagerError, PanOsError
from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.licensing import evidence
from vmseries_autoscale.licensing.attempts import Attempt, Leaving, own_lists
from vmseries_autoscale.licensing.errors import license_errors
from vmseries_autoscale.licensing.evidence import (
    Decision,
    Observations,
    Request,
    Returned,
    Seen,
    Wait,
)
from vmseries_autoscale.panorama import Panorama
from vmseries_autoscale.panorama.batch_license import KEY_ADVICE
from vmseries_autoscale.panorama.removal import failed_commit_error

logger = logging.getLogger(__name__)

PLUGIN_ADMINISTRATOR = "__sw_fw_license"
"""The administrator account with which the license plugin changes Panorama's configuration. The
vendor's own auto scaling module commits this administrator's changes after each deactivation
(PaloAltoNetworks/terraform-aws-swfw-modules, modules/asg)."""

_COMMIT_DESCRIPTION = re.compile(r": return \d+ licenses$")


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
        with license_errors("Panorama", KEY_ADVICE):
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


def return_licenses(
    panorama: Panorama,
    license_manager: str,
    leaving: Sequence[Leaving],
    deployment: str,
    now: datetime,
) -> dict[str, Attempt]:
    """Take the return of licenses by the plugin as far as currently possible.

    The license manager's list decides, if it is known to be the right one. A second witness is
    asked only before a license counts as returned: a connected firewall itself. Nothing says
    whether the list still shows a license that the plugin has returned. If it does, a connected
    firewall that has no license any more decides in the end (``evidence.WITNESS_SECONDS``).

    Args:
        panorama: Connection to the Panorama with the plugin.
        license_manager: Name of the license manager that assigned the licenses.
        leaving: Leaving firewalls.
        deployment: Name of the deployment, for the description of the commit.
        now: Current time, timezone-aware.

    Returns:
        What became of each license, by serial number. The error is a LicenseManagerError if the
        firewall has a license that the license manager has never listed, or if the license manager
        may be the wrong one.

    Raises:
        PanOsError: If a request to Panorama fails.
        DeviceBusyError: If Panorama is busy.
    """
    if not leaving:
        return {}
    listed = panorama.plugin_licensed(license_manager)
    ours = functools.cache(partial(panorama.serves_our_groups, license_manager))
    seen = {
        item.serial: _observations(item, listed, license_manager, ours, now) for item in leaving
    }
    still_listed = {item.serial for item in leaving if seen[item.serial].listed is Seen.LISTED}
    again = [
        item
        for item in leaving
        if item.serial in still_listed
        and item.connected
        and item.record.license_requested is not None
    ]
    for serial, own in own_lists(panorama, again).items():
        if own is Seen.ABSENT:
            # The firewall's own list decides, and that of the license manager contradicts it.
            seen[serial] = replace(seen[serial], listed=own, witness=Seen.LISTED)
    decisions = {item.serial: evidence.decide(item.record, seen[item.serial]) for item in leaving}
    attempts = {serial: Attempt(decision) for serial, decision in decisions.items()}
    witnesses = _witnesses(panorama, leaving, seen, decisions)
    attempts |= {
        item.serial: _unlisted(item, seen[item.serial], witnesses.get(item.serial), license_manager)
        for item in leaving
        if item.serial not in still_listed
    }
    serials = {
        serial
        for serial, attempt in attempts.items()
        if isinstance(attempt.decision.step, Request)
        or (serial in still_listed and not isinstance(attempt.decision.step, Returned))
    }
    failed = request_plugin_deactivation(panorama, license_manager, serials, deployment)
    for serial in serials:
        record = evidence.requested(attempts[serial].record, None, now)
        step = attempts[serial].decision.step
        if isinstance(step, Request | Wait):
            lists = "lists" if serial in still_listed else "may list"
            step = Wait(
                f"license manager {license_manager} {lists} {serial} as licensed; {_SEE_LOG}"
            )
        attempts[serial] = Attempt(Decision(record, step), failed)
    return attempts


_SEE_LOG = "see Panorama's system log for the plugin's result"


def says_something(record: FirewallRecord, ours: Callable[[], bool]) -> bool:
    """Return whether it says something of a license if a license manager does not list it.

    It does if the license was requested, because it was listed then, or the license manager was
    known to be ours. The list of another one never shows it. Neither does ours, if the firewall has
    shown a license that was never listed: it is from an auth code. One that was reported without a
    request may be such a license.

    Args:
        record: Record of the firewall.
        ours: Returns whether the license manager is that of our groups.
    """
    if record.license_requested is not None:
        return True
    return record.license not in (LicenseState.HELD, LicenseState.NOT_RETURNED) and ours()


def _observations(
    item: Leaving,
    listed: Collection[str] | None,
    license_manager: str,
    ours: Callable[[], bool],
    now: datetime,
) -> Observations:
    in_list = listed is not None and item.serial in listed
    if not in_list and not says_something(item.record, ours):
        seen = Seen.NOT_SEEN
        waiting = f"license manager {license_manager} says nothing of {item.serial}"
    elif listed is None:
        seen, waiting = Seen.EMPTY, f"the list of license manager {license_manager} is missing"
    elif in_list:
        seen, waiting = Seen.LISTED, f"license manager {license_manager} lists {item.serial}"
    else:
        seen, waiting = Seen.ABSENT, ""
    return Observations(
        now,
        listed=seen,
        can_request=seen in (Seen.LISTED, Seen.EMPTY),
        waiting_for=waiting,
        # What is absent is returned once a second look agrees.
        last_look="" if seen is Seen.ABSENT else item.last_look,
    )


def _unlisted(
    item: Leaving, seen: Observations, witness: Seen | None, license_manager: str
) -> Attempt:
    """Return what is known of a license that the license manager does not list.

    Args:
        item: Leaving firewall.
        seen: What the license manager's list shows.
        witness: What the firewall's own list shows; ``None`` if it was not asked.
        license_manager: Name of the license manager.
    """
    doubtful = seen.listed is Seen.NOT_SEEN
    listed = Seen.ABSENT if doubtful and witness is Seen.ABSENT else seen.listed
    seen = replace(seen, listed=listed, witness=witness or Seen.NOT_SEEN)
    decision = evidence.decide(item.record, seen)
    if witness is Seen.NOT_SEEN and isinstance(decision.step, Returned):
        decision = Decision(item.record, Wait("the firewall does not list its licenses"))
    error = None
    if witness is Seen.LISTED and item.record.license_requested is None:
        error = _wrong_license_manager(item.serial, license_manager)
    elif listed is Seen.NOT_SEEN:
        error = doubtful_license_manager(item.serial, license_manager)
    return Attempt(decision, error)


def _witnesses(
    panorama: Panorama,
    leaving: Sequence[Leaving],
    seen: Mapping[str, Observations],
    decisions: Mapping[str, Decision],
) -> dict[str, Seen]:
    """Return what a second list shows of licenses that the license manager does not list.

    A firewall that does not answer has not been seen, and keeps no other one waiting.

    A license manager may never have listed a firewall because it is the wrong one, which is told at
    the first look. Otherwise only a license that would count as returned needs the second witness.
    """
    unlisted = (Seen.ABSENT, Seen.NOT_SEEN)
    asked = [
        item
        for item in leaving
        if item.connected
        and seen[item.serial].witness is Seen.NOT_SEEN
        and (
            isinstance(decisions[item.serial].step, Returned)
            or (seen[item.serial].listed in unlisted and item.record.license_requested is None)
        )
    ]
    return {
        serial: witness
        for serial, witness in own_lists(panorama, asked).items()
        if witness is not None
    }


def _wrong_license_manager(serial: str, license_manager: str) -> LicenseManagerError:
    return LicenseManagerError(
        f"firewall {serial} has a license, but license manager {license_manager} does not list "
        "it: set licensing.license_manager to the license manager that assigned the license; a "
        'firewall that was licensed by an auth code needs licensing.mode = "firewall"'
    )


def doubtful_license_manager(serial: str, license_manager: str) -> LicenseManagerError:
    """Return the error that names a license manager whose list says nothing of a firewall."""
    return LicenseManagerError(
        f"license manager {license_manager} does not list {serial}, which says nothing of its "
        "license: it has never listed it, and is not that of panorama.device_group and "
        "panorama.template_stack, or the firewall was licensed by an auth code; set "
        "licensing.license_manager to the license manager that assigned the license"
    )
