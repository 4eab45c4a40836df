"""What becomes of the license of a terminating instance: it is recorded, counted and reported.

Every end without evidence says what was not known, is counted, and stays in the firewall's record
until a license list ticks it off.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from vmseries_autoscale import telemetry
from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.licensing import reporting
from vmseries_autoscale.licensing.evidence import Decision, GiveUp, Returned, Wait
from vmseries_autoscale.outcome import Done, Failed, Outcome, Retry
from vmseries_autoscale.settings import LicensingMode, TerminateSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.stages import Stage

logger = logging.getLogger(__name__)

_LICENSE_PART = ("license", "license_job", "license_requested", "absent_since", "empty_since")
"""The attributes of a record that are about the license."""


def conclude(
    terminating: TerminatingInstance, decision: Decision, error: Exception | None = None
) -> Outcome:
    """Record what is known of a license, and return whether the visit waits for it."""
    before = terminating.record.license
    save_license(terminating, decision.record)
    match decision.step:
        case Returned(shown):
            if before is not LicenseState.RETURNED:
                telemetry.count(Metric.LICENSE_RETURNED)
                logger.info("The license is returned", extra={"step": "license", "evidence": shown})
            return Done()
        case GiveUp(unknown):
            if before is not LicenseState.NOT_RETURNED:
                reporting.report_not_returned(terminating.record, unknown)
            return Done()
        case Wait(reason) if error is None:
            return Retry(reason)
        case step:
            return Failed(error) if error is not None else Retry(step.reason)


def save_license(terminating: TerminatingInstance, record: FirewallRecord) -> None:
    """Save the license part of a record, if it differs from what is stored."""
    changes = {
        name: getattr(record, name)
        for name in _LICENSE_PART
        if getattr(record, name) != getattr(terminating.record, name)
    }
    if changes:
        terminating.save(**changes)


def remember_address(terminating: TerminatingInstance, settings: TerminateSettings) -> None:
    """Record the management address, which EC2 forgets, and by which a firewall is reported."""
    address = terminating.private_ip(settings.management_device_index)
    if address is not None and terminating.record.management_ip is None:
        terminating.save(management_ip=address)


def give_up(terminating: TerminatingInstance, reason: str) -> Outcome:
    """Report a license that no visit and no run of the reconcile function can return."""
    unknown = "whether the firewall had a license is not known"
    had_one = terminating.record.license is not LicenseState.UNKNOWN or terminating.known_serial
    text = reason if had_one else f"{reason}; {unknown}"
    save_license(terminating, replace(terminating.record, license=LicenseState.NOT_RETURNED))
    reporting.report_not_returned(terminating.record, text)
    return Done()


def without_license(terminating: TerminatingInstance) -> Outcome:
    """Record that there is no license to return."""
    save_license(terminating, replace(terminating.record, license=LicenseState.RETURNED))
    return Done()


def conclude_license(terminating: TerminatingInstance, settings: TerminateSettings) -> None:
    """Report a license that is not returned when the instance is about to terminate.

    The reconcile function continues for firewalls that Panorama lists.
    """
    if settings.licensing.mode is LicensingMode.NONE or terminating.record.license.settled:
        return
    if terminating.ambiguous:
        give_up(terminating, terminating.record.ambiguous or "the firewall is ambiguous")
        return
    known = terminating.known_serial or terminating.record.serial
    if settings.panorama is not None and known is not None:
        reporting.report_left_to_reconcile(terminating.record)
        return
    if not terminating.had_management_interface(settings):
        without_license(terminating)
        return
    remember_address(terminating, settings)
    late = terminating.deadline_passed(Stage.RETURN_LICENSE)
    give_up(terminating, "the deadline passed" if late else "the instance terminates")
