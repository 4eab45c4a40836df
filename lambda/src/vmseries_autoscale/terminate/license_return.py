"""Terminate step: return the licenses, and decide when to stop trying.

Which evidence counts is decided by ``licensing.evidence``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.errors import (
    FirewallNotConnectedError,
    LicensingKeyError,
    SecondaryPeerError,
)
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.licensing import by_panorama, by_plugin, evidence
from vmseries_autoscale.licensing.attempts import Attempt, Leaving
from vmseries_autoscale.licensing.evidence import Observations, Returned
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import (
    OUT_OF_TIME,
    Delay,
    Failed,
    Outcome,
    Retry,
    Unfinished,
    run_if_time,
)
from vmseries_autoscale.settings import LicensingMode, TerminateSettings
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.license_by_firewall import ask_firewall, deactivate
from vmseries_autoscale.terminate.license_end import conclude, give_up, save_license
from vmseries_autoscale.terminate.license_unregistered import hold_unregistered, wait_for_unlisted
from vmseries_autoscale.terminate.panorama_lookup import in_panorama_stages
from vmseries_autoscale.terminate.stages import Stage

GATHER_SECONDS = 600
"""Age in seconds up to which a firewall delays the removal commit if the visit had no time for it.
Returning a license takes seconds, and there may be a hundred licenses to return."""


def return_license(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Return the licenses through Panorama, the plugin, or the firewalls themselves."""
    settings = visit.settings
    if settings.licensing.mode is LicensingMode.NONE:
        return {}
    due = [
        instance
        for instance in terminating
        if not instance.record.license.settled
        and not instance.ambiguous
        and not instance.deadline_passed(Stage.RETURN_LICENSE)
    ]
    outcomes: dict[LifecycleEvent, Outcome] = {
        instance.event: instance.unread for instance in due if instance.unread is not None
    }
    due = [instance for instance in due if instance.unread is None]
    if settings.panorama is None:
        step = partial(ask_firewall, visit=visit)
        return outcomes | for_each(due, step, visit.time_budget)
    session = visit.session
    if session is None:
        return outcomes
    due = [instance for instance in in_panorama_stages(terminating) if instance in due]
    known = [instance for instance in due if instance.serial is not None]
    unlisted = [item for item in due if item.serial is None and item.unlisted_serial is not None]
    unknown = [item for item in due if item.serial is None and item.unlisted_serial is None]
    outcomes |= _return_known(known, session, visit)
    wait = partial(wait_for_unlisted, session=session, visit=visit)
    outcomes |= for_each(unlisted, wait, visit.time_budget)
    hold = partial(hold_unregistered, session=session, visit=visit)
    outcomes |= for_each(unknown, hold, visit.time_budget)
    session.licenses_pending = any(
        _is_expected_soon(instance, outcomes.get(instance.event)) for instance in due
    )
    return outcomes


def _is_expected_soon(terminating: TerminatingInstance, outcome: Outcome | None) -> bool:
    short = isinstance(outcome, Retry) and outcome.delay is Delay.SHORT
    return short and terminating.age < GATHER_SECONDS


def _return_known(
    due: Sequence[TerminatingInstance], session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Outcomes:
    """Return licenses through Panorama or its plugin, with one request for all."""
    if not due:
        return {}
    attempt = partial(_attempt, due, session, visit)
    attempts = run_if_time(attempt, visit.time_budget)
    if isinstance(attempts, Unfinished):
        return {instance.event: attempts for instance in due}
    finish = partial(_finish_known, attempts=attempts, session=session, visit=visit)
    # What Panorama has confirmed must be recorded even if there is no time for anything else.
    return for_each(due, finish, time_budget=None)


def _attempt(
    due: Sequence[TerminatingInstance], session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Mapping[str, Attempt]:
    leaving = [_leaving(instance, session) for instance in due]
    manager = visit.settings.licensing.license_manager
    if manager is None:
        return by_panorama.return_licenses(session.panorama, leaving, visit.now)
    return by_plugin.return_licenses(
        session.panorama, manager, leaving, visit.settings.name, visit.now
    )


def _leaving(terminating: TerminatingInstance, session: PanoramaSession) -> Leaving:
    serial = terminating.serial or ""
    device = session.devices.get(serial)
    return Leaving(terminating.record, serial, device is not None and device.connected)


def _finish_known(
    terminating: TerminatingInstance,
    attempts: Mapping[str, Attempt],
    session: PanoramaSession,
    visit: Visit[TerminateSettings],
) -> Outcome:
    serial = terminating.serial or ""
    attempt = attempts[serial]
    with telemetry.log_context(serial=serial):
        if _only_firewall_can(attempt) and visit.settings.licensing.license_manager is None:
            save_license(terminating, attempt.record)
            if not visit.time_budget.has_time():
                return OUT_OF_TIME
            return _return_through_firewall(terminating, attempt, session, visit)
        return conclude(terminating, attempt.decision, attempt.error)


def _only_firewall_can(attempt: Attempt) -> bool:
    """Return whether Panorama cannot return the license, now or ever."""
    return not isinstance(attempt.decision.step, Returned) and isinstance(
        attempt.error, LicensingKeyError | SecondaryPeerError | FirewallNotConnectedError
    )


def _return_through_firewall(
    terminating: TerminatingInstance,
    attempt: Attempt,
    session: PanoramaSession,
    visit: Visit[TerminateSettings],
) -> Outcome:
    """Have a firewall return its license itself, because Panorama cannot."""
    serial = terminating.serial or ""
    device = session.devices.get(serial)
    seen = Observations(visit.now, connected=device is not None and device.connected)
    if seen.connected:
        return deactivate(terminating, session.panorama.firewall(serial), seen, visit)
    if visit.settings.firewall_api is not None and terminating.running:
        return ask_firewall(terminating, visit)
    if terminating.running or terminating.record.license is LicenseState.CONFIRMED:
        waiting = "the firewall must return its license, but is not connected to Panorama"
        seen = replace(seen, can_request=False, waiting_for=waiting)
        return conclude(terminating, evidence.decide(terminating.record, seen))
    if isinstance(attempt.error, SecondaryPeerError):
        # The primary peer returns it once it is active again.
        return Failed(attempt.error)
    return give_up(terminating, f"the firewall is gone, and {attempt.error}")
