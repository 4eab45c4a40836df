"""Terminate step: return the licenses, and decide when to stop trying.

Which evidence counts is decided by ``licensing.evidence``. Every end without evidence says what was
not known, is counted, and stays in the firewall's record until a license list ticks it off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from vmseries_autoscale import firewall, secret_store, telemetry
from vmseries_autoscale.aws import instances, tags
from vmseries_autoscale.errors import (
    DeviceUnavailableError,
    FirewallNotConnectedError,
    LicensingKeyError,
    PanOsError,
    SecondaryPeerError,
)
from vmseries_autoscale.firewall import Firewall
from vmseries_autoscale.firewall_identity import Identity, Signal
from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.licensing import by_firewall, by_panorama, by_plugin, evidence, reporting
from vmseries_autoscale.licensing.attempts import Attempt, Leaving
from vmseries_autoscale.licensing.evidence import (
    Decision,
    GiveUp,
    Observations,
    Returned,
    Wait,
)
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import (
    OUT_OF_TIME,
    Delay,
    Done,
    Failed,
    Outcome,
    Retry,
    Unfinished,
    run_if_time,
    run_step,
)
from vmseries_autoscale.pan_os.license_commands import LicenseCommands
from vmseries_autoscale.settings import FirewallApiSettings, LicensingMode, TerminateSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.panorama_lookup import in_panorama_stages, report_ambiguous
from vmseries_autoscale.terminate.stages import Stage

logger = logging.getLogger(__name__)

GATHER_SECONDS = 600
"""Age in seconds up to which a firewall delays the removal commit if the visit had no time for it.
Returning a license takes seconds, and there may be a hundred licenses to return."""

_LICENSE_PART = ("license", "license_job", "license_requested", "absent_since", "empty_since")
"""The attributes of a record that are about the license."""


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
        step = partial(_ask_firewall, visit=visit)
        return outcomes | for_each(due, step, visit.time_budget)
    session = visit.session
    if session is None:
        return outcomes
    due = [instance for instance in in_panorama_stages(terminating) if instance in due]
    known = [instance for instance in due if instance.serial is not None]
    unlisted = [item for item in due if item.serial is None and item.unlisted_serial is not None]
    unknown = [item for item in due if item.serial is None and item.unlisted_serial is None]
    outcomes |= _return_known(known, session, visit)
    wait = partial(_wait_for_unlisted, session=session, visit=visit)
    outcomes |= for_each(unlisted, wait, visit.time_budget)
    hold = partial(_hold_unregistered, session=session, visit=visit)
    outcomes |= for_each(unknown, hold, visit.time_budget)
    session.licenses_pending = any(
        _is_expected_soon(instance, outcomes.get(instance.event)) for instance in due
    )
    return outcomes


def _serial(terminating: TerminatingInstance) -> str | None:
    """Return the serial number of a firewall that is identified, or that its record names.

    Panorama may no longer show a firewall in our groups that an earlier visit has identified.
    """
    return terminating.serial or terminating.unlisted_serial


def _is_expected_soon(terminating: TerminatingInstance, outcome: Outcome | None) -> bool:
    short = isinstance(outcome, Retry) and outcome.delay is Delay.SHORT
    return short and terminating.age < GATHER_SECONDS


# -- firewalls that Panorama knows -----------------------------------------------------------------


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
    serial = _serial(terminating) or ""
    device = session.devices.get(serial)
    return Leaving(terminating.record, serial, device is not None and device.connected)


def _finish_known(
    terminating: TerminatingInstance,
    attempts: Mapping[str, Attempt],
    session: PanoramaSession,
    visit: Visit[TerminateSettings],
) -> Outcome:
    serial = _serial(terminating) or ""
    attempt = attempts[serial]
    with telemetry.log_context(serial=serial):
        if _only_firewall_can(attempt) and not _is_plugin(visit.settings):
            _save(terminating, attempt.record)
            if not visit.time_budget.has_time():
                return OUT_OF_TIME
            return _return_through_firewall(terminating, attempt, session, visit)
        return _conclude(terminating, attempt.decision, attempt.error)


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
    serial = _serial(terminating) or ""
    device = session.devices.get(serial)
    seen = Observations(visit.now, connected=device is not None and device.connected)
    if seen.connected:
        return _deactivate(terminating, session.panorama.firewall(serial), seen, visit)
    if _api(visit) is not None and terminating.running:
        return _ask_firewall(terminating, visit)
    if terminating.running or terminating.record.license is LicenseState.CONFIRMED:
        waiting = "the firewall must return its license, but is not connected to Panorama"
        seen = replace(seen, can_request=False, waiting_for=waiting)
        return _conclude(terminating, evidence.decide(terminating.record, seen))
    if isinstance(attempt.error, SecondaryPeerError):
        # The primary peer returns it once it is active again.
        return Failed(attempt.error)
    return _give_up(terminating, f"the firewall is gone, and {attempt.error}")


# -- firewalls that Panorama does not show ---------------------------------------------------------


def _wait_for_unlisted(
    terminating: TerminatingInstance, session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Outcome:
    """Wait for a firewall that only its record names.

    A record alone takes no license: whoever may write it could name a firewall that runs.
    """
    if terminating.running and _api(visit) is not None:
        return _ask_firewall(terminating, visit)
    serial = terminating.unlisted_serial or ""
    manager = visit.settings.licensing.license_manager
    if manager is None:
        if terminating.running:
            return Retry(f"Panorama does not list {serial}, which must return its license")
        return Done()
    listed = session.panorama.plugin_licensed(manager)
    if listed is None:
        return Retry(f"the list of license manager {manager} is missing")
    if serial in listed:
        reason = (
            f"license manager {manager} lists {serial} as licensed, but only the record of the "
            "instance names it: Panorama does not list it"
        )
        report_ambiguous(terminating, reason)
        return Done()
    seen = Observations(visit.now, listed=evidence.Seen.ABSENT, can_request=False)
    return _conclude(terminating, evidence.decide(terminating.record, seen))


# -- firewalls that nobody could identify ----------------------------------------------------------


def _hold_unregistered(
    terminating: TerminatingInstance, session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Outcome:
    """Hold a firewall that may have a license which only it knows, or ask it directly.

    A firewall takes its license minutes before it registers. It is held until it registers, or
    until a bound that counts from its launch, because one that has not registered by then does not.
    """
    if not had_management_interface(terminating, visit.settings):
        return _without_license(terminating)
    _remember_address(terminating, visit.settings)
    if terminating.running and _api(visit) is not None:
        outcome = run_step(partial(_ask_firewall, terminating, visit))
        if not isinstance(outcome, Failed) or not isinstance(outcome.error, PanOsError):
            return outcome
        logger.info(
            "The firewall does not answer at its own address",
            extra={"step": "license", "reason": str(outcome.error)},
        )
    if terminating.running and may_still_join(terminating, visit):
        return Retry(
            "the firewall has not registered with Panorama, and may have taken a license; it is "
            f"held until it registers, or is {_join_minutes(visit)} minutes old"
        )
    if (manager := visit.settings.licensing.license_manager) is not None:
        return _look_by_address(terminating, session, manager, visit)
    if not terminating.running:
        reason = "the firewall is gone, and never registered with Panorama"
    else:
        reason = (
            f"the firewall did not register with Panorama within {_join_minutes(visit)} minutes"
        )
    return _give_up(terminating, reason)


def _look_by_address(
    terminating: TerminatingInstance,
    session: PanoramaSession,
    manager: str,
    visit: Visit[TerminateSettings],
) -> Outcome:
    """Look for the management address of a firewall in the license manager's list.

    The plugin lists the addresses of its firewalls, so that an absence also shows that there is no
    license to return. An address occurs in several VPCs: it names this firewall only if Panorama
    does not manage the listed serial number, as it does not manage a firewall that has not
    registered.
    """
    addresses = session.panorama.plugin_addresses(manager)
    address = terminating.record.management_ip
    listed = evidence.Seen.NOT_SEEN
    if addresses is not None and address is not None:
        found = address in addresses.values()
        listed = evidence.Seen.LISTED if found else evidence.Seen.ABSENT
    if addresses is not None and listed is evidence.Seen.LISTED:
        serials = [serial for serial, listed_at in addresses.items() if listed_at == address]
        return _return_by_address(terminating, serials, session, manager, visit)
    if listed is evidence.Seen.NOT_SEEN:
        missing = f"the list of license manager {manager} is missing"
        if may_still_join(terminating, visit):
            return Retry(missing)
        return _give_up(terminating, missing)
    seen = Observations(visit.now, listed=listed, can_request=False)
    decision = evidence.decide(terminating.record, seen)
    if isinstance(decision.step, Returned) and terminating.record.license_requested is None:
        return _without_license(terminating)
    return _conclude(terminating, decision)


def _return_by_address(
    terminating: TerminatingInstance,
    serials: Sequence[str],
    session: PanoramaSession,
    manager: str,
    visit: Visit[TerminateSettings],
) -> Outcome:
    session.list_everywhere()
    if len(serials) > 1 or serials[0] in session.devices:
        return _give_up(
            terminating,
            f"license manager {manager} lists {', '.join(sorted(serials))} with the address of "
            "this firewall, but nothing shows which firewall that is",
        )
    if holders := _address_holders(terminating, visit):
        return _give_up(
            terminating,
            f"license manager {manager} lists {serials[0]} with the address of this firewall, "
            f"which {', '.join(holders)} has now",
        )
    (serial,) = serials
    leaving = Leaving(terminating.record, serial, connected=False)
    name = visit.settings.name
    attempts = by_plugin.return_licenses(session.panorama, manager, [leaving], name, visit.now)
    with telemetry.log_context(serial=serial):
        return _conclude(terminating, attempts[serial].decision, attempts[serial].error)


def _address_holders(
    terminating: TerminatingInstance, visit: Visit[TerminateSettings]
) -> list[str]:
    """Return the other instances that have the address of this firewall.

    EC2 reuses the address of an instance that is gone at once, and the firewall that has it now may
    have a license before Panorama manages it.
    """
    address = terminating.record.management_ip
    return sorted(
        other.instance_id
        for other in instances.describe_deployments(visit.ec2).values()
        if other.instance_id != terminating.event.instance_id
        and not instances.is_terminated(other)
        and any(interface.private_ip == address for interface in other.interfaces)
    )


def had_management_interface(terminating: TerminatingInstance, settings: TerminateSettings) -> bool:
    """Return whether the instance has or had a management interface, as far as is known.

    A firewall without one never gets a license: it detects its interfaces only at boot. What EC2
    does not show of an instance that is gone, its record does.
    """
    record = terminating.record
    if terminating.private_ip(settings.management_device_index) is not None:
        return True
    return record.management_ip is not None or not (terminating.running or record.stored)


def may_still_join(terminating: TerminatingInstance, visit: Visit[TerminateSettings]) -> bool:
    """Return whether the firewall may still register, or take its license.

    A launch that was abandoned at its deadline has waited for that as long as it is worth waiting.
    """
    launched = terminating.record.launched
    if launched is None and terminating.instance is not None:
        launched = terminating.instance.launched
    bound = visit.settings.licensing.join_timeout_seconds
    return launched is not None and visit.age(launched) < bound


def _join_minutes(visit: Visit[TerminateSettings]) -> int:
    return visit.settings.licensing.join_timeout_seconds // 60


# -- the firewall's own API ------------------------------------------------------------------------


def _api(visit: Visit[TerminateSettings]) -> FirewallApiSettings | None:
    return visit.settings.firewall_api


def _ask_firewall(terminating: TerminatingInstance, visit: Visit[TerminateSettings]) -> Outcome:
    """Have a firewall return its license through its own API, at its management address."""
    api, settings = visit.settings.firewall_api, visit.settings
    address = terminating.private_ip(settings.management_device_index)
    if not had_management_interface(terminating, settings):
        return _without_license(terminating)
    _remember_address(terminating, settings)
    if api is None or address is None or not terminating.running:
        return _give_up(terminating, "the firewall is gone, and only it could return its license")
    device = firewall.connect(api, address)
    try:
        _learn_serial(terminating, device, visit)
    except DeviceUnavailableError:
        if tags.ABANDONED not in terminating.tags or settings.panorama is not None:
            raise
        # The launch already waited for this firewall until its deadline.
        return _give_up(terminating, "its launch was abandoned, and it does not answer")
    settled = (
        terminating.record.serial is not None
        or terminating.record.license is not LicenseState.UNKNOWN
        or not may_still_join(terminating, visit)
        or device.state().ready
    )
    return _deactivate(terminating, device, Observations(visit.now, settled=settled), visit)


def _learn_serial(
    terminating: TerminatingInstance, device: Firewall, visit: Visit[TerminateSettings]
) -> None:
    """Record the serial number that a firewall reports at the instance's own address.

    Only for reports: the license is deactivated at this address.
    """
    if terminating.record.serial is not None:
        return
    serial = device.serial()
    if serial is not None:
        identity = Identity(serial, frozenset({Signal.FIREWALL}))
        address = terminating.private_ip(visit.settings.management_device_index)
        instance_in_transition.save_identity(terminating, identity, address, visit.ec2)


def _deactivate(
    terminating: TerminatingInstance,
    device: LicenseCommands,
    seen: Observations,
    visit: Visit[TerminateSettings],
) -> Outcome:
    key_arn = visit.settings.licensing.api_key_secret_arn
    if key_arn is None:
        return Done()
    api_key: Callable[[], str] = partial(secret_store.licensing_api_key, key_arn)
    with telemetry.log_context(serial=_serial(terminating) or terminating.record.serial or ""):
        decision = by_firewall.return_license(
            device, terminating.firewall_name, api_key, terminating.record, seen
        )
        return _conclude(terminating, decision)


# -- what became of a license ----------------------------------------------------------------------


def _conclude(
    terminating: TerminatingInstance, decision: Decision, error: Exception | None = None
) -> Outcome:
    """Record what is known of a license, and return whether the visit waits for it."""
    before = terminating.record.license
    _save(terminating, decision.record)
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


def _save(terminating: TerminatingInstance, record: FirewallRecord) -> None:
    """Save the license part of a record, if it differs from what is stored."""
    changes = {
        name: getattr(record, name)
        for name in _LICENSE_PART
        if getattr(record, name) != getattr(terminating.record, name)
    }
    if changes:
        terminating.save(**changes)


def _remember_address(terminating: TerminatingInstance, settings: TerminateSettings) -> None:
    """Record the management address, which EC2 forgets, and by which a firewall is reported."""
    address = terminating.private_ip(settings.management_device_index)
    if address is not None and terminating.record.management_ip is None:
        terminating.save(management_ip=address)


def _give_up(terminating: TerminatingInstance, reason: str) -> Outcome:
    """Report a license that no visit and no run of the reconcile function can return."""
    unknown = "whether the firewall had a license is not known"
    had_one = terminating.record.license is not LicenseState.UNKNOWN or _serial(terminating)
    text = reason if had_one else f"{reason}; {unknown}"
    _save(terminating, replace(terminating.record, license=LicenseState.NOT_RETURNED))
    reporting.report_not_returned(terminating.record, text)
    return Done()


def _without_license(terminating: TerminatingInstance) -> Outcome:
    """Record that there is no license to return."""
    _save(terminating, replace(terminating.record, license=LicenseState.RETURNED))
    return Done()


def _is_plugin(settings: TerminateSettings) -> bool:
    return settings.licensing.mode is LicensingMode.PLUGIN


def conclude_license(terminating: TerminatingInstance, settings: TerminateSettings) -> None:
    """Report a license that is not returned when the instance is about to terminate.

    The reconcile function continues for firewalls that Panorama lists.
    """
    if settings.licensing.mode is LicensingMode.NONE or terminating.record.license.settled:
        return
    if terminating.ambiguous:
        _give_up(terminating, terminating.record.ambiguous or "the firewall is ambiguous")
        return
    known = _serial(terminating) or terminating.record.serial
    if settings.panorama is not None and known is not None:
        reporting.report_left_to_reconcile(terminating.record)
        return
    if not had_management_interface(terminating, settings):
        _without_license(terminating)
        return
    _remember_address(terminating, settings)
    late = terminating.deadline_passed(Stage.RETURN_LICENSE)
    _give_up(terminating, "the deadline passed" if late else "the instance terminates")
