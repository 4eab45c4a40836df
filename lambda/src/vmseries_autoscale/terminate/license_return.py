"""Terminate step: return the licenses, and decide when to stop trying."""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import partial

from vmseries_autoscale import firewall, secret_store, telemetry
from vmseries_autoscale.aws import tags
from vmseries_autoscale.errors import DeviceUnavailableError
from vmseries_autoscale.firewall_identity import Identity, Signal
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.licensing import by_firewall as firewall_license
from vmseries_autoscale.licensing import by_plugin
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import (
    Delay,
    Done,
    Failed,
    Outcome,
    Retry,
    Unfinished,
    run_if_time,
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


def return_license(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Return the licenses through Panorama, or directly if there is no Panorama."""
    if visit.settings.panorama is None:
        due = [instance for instance in terminating if not instance.license_returned]
        return _return_directly(due, visit)
    if visit.session is None:
        return {}
    due = [
        instance
        for instance in in_panorama_stages(terminating)
        if (instance.serial is not None or instance.unlisted_serial is not None)
        and not instance.license_returned
    ]
    outcomes = _return_via_panorama(due, visit.session, visit)
    visit.session.licenses_pending = any(
        _is_expected_soon(instance, outcomes.get(instance.event)) for instance in due
    )
    return outcomes


def _is_expected_soon(terminating: TerminatingInstance, outcome: Outcome | None) -> bool:
    short = isinstance(outcome, Retry) and outcome.delay is Delay.SHORT
    return short and terminating.age < GATHER_SECONDS


def _return_directly(
    due: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Return licenses through the firewalls' own API."""
    api, key_arn = visit.settings.firewall_api, visit.settings.licensing.api_key_secret_arn
    if api is None or key_arn is None:
        return {}
    step = partial(_return_one_directly, api=api, key_arn=key_arn, visit=visit)
    return for_each(due, step, visit.time_budget)


def _return_one_directly(
    terminating: TerminatingInstance,
    api: FirewallApiSettings,
    key_arn: str,
    visit: Visit[TerminateSettings],
) -> Outcome:
    address = terminating.private_ip(visit.settings.management_device_index)
    too_late = terminating.deadline_passed(Stage.RETURN_LICENSE) or not terminating.running
    if terminating.unread is not None and not too_late:
        return terminating.unread
    if too_late or address is None:
        # Completing the lifecycle action reports this license. A firewall without a management
        # interface never got a license.
        return Done()
    device = firewall.connect(api, address)
    try:
        # Only for reports: the license is deactivated at the instance's own address.
        terminating.serial = terminating.record.serial or device.serial()
    except DeviceUnavailableError:
        if tags.ABANDONED not in terminating.tags:
            raise
        # The launch already waited for this firewall until its deadline.
        _report_not_returned(terminating)
        return Done()
    if terminating.serial is not None and terminating.record.serial is None:
        identity = Identity(terminating.serial, frozenset({Signal.FIREWALL}))
        instance_in_transition.save_identity(terminating, identity, address, visit.ec2)
    return _deactivate_license(terminating, device, key_arn)


def _return_via_panorama(
    due: Sequence[TerminatingInstance], session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Outcomes:
    """Return licenses through Panorama: by the firewalls, or by the license plugin."""
    licensing_settings = visit.settings.licensing
    # Only the setting for the current licensing mode has a value.
    if (key_arn := licensing_settings.api_key_secret_arn) is not None:
        step = partial(_return_one_via_panorama, session=session, key_arn=key_arn)
        return for_each(due, step, visit.time_budget)
    if (name := licensing_settings.license_manager) is not None:
        # After the deadline, the reconcile function continues with the same requests.
        stage = Stage.RETURN_LICENSE
        before_deadline = [instance for instance in due if not instance.deadline_passed(stage)]
        return _return_via_plugin(before_deadline, _LicenseManager(session, name), visit)
    return {}


def _return_one_via_panorama(
    terminating: TerminatingInstance,
    session: PanoramaSession,
    key_arn: str,
) -> Outcome:
    """Have the firewall return its license through a request that Panorama forwards."""
    device = session.devices.get(terminating.serial or "")
    connected = device is not None and device.connected
    reachable = connected or terminating.running
    if terminating.deadline_passed(Stage.RETURN_LICENSE) or not reachable:
        # Completing the lifecycle action reports this license if the serial number is known then.
        if terminating.terminated:
            _report_not_returned(terminating)
        return Done()
    if device is None or not connected:
        return Retry("the firewall must return its license, but is not connected to Panorama")
    return _deactivate_license(terminating, session.panorama.firewall(device.serial), key_arn)


def _deactivate_license(
    terminating: TerminatingInstance,
    device: LicenseCommands,
    key_arn: str,
) -> Outcome:
    with telemetry.log_context(serial=terminating.serial or ""):
        api_key = secret_store.licensing_api_key(key_arn)
        if not firewall_license.deactivate_license(device, terminating.firewall_name, api_key):
            return Retry("the firewall is returning its license")
    return _save_returned(terminating)


def _save_returned(terminating: TerminatingInstance) -> Outcome:
    with telemetry.log_context(serial=terminating.serial or ""):
        terminating.save(license=LicenseState.RETURNED)
        telemetry.count(Metric.LICENSE_RETURNED)
    return Done()


@dataclass(frozen=True, slots=True)
class _LicenseManager:
    """The license manager of Panorama's license plugin that assigned the licenses."""

    session: PanoramaSession
    name: str


def _return_via_plugin(
    due: Sequence[TerminatingInstance], manager: _LicenseManager, visit: Visit[TerminateSettings]
) -> Outcomes:
    """Have the license plugin return all licenses with one request.

    The plugin also returns the licenses of firewalls that no longer exist. The record is written
    only after the commit was requested, because no later visit requests a commit for a license that
    is recorded as returned.
    """
    if not due:
        return {}
    panorama = manager.session.panorama
    listed = run_if_time(partial(panorama.plugin_licensed, manager.name), visit.time_budget)
    if isinstance(listed, Unfinished):
        return {instance.event: listed for instance in due}
    if listed is None:
        reason = f"the response of license manager {manager.name} has no list of firewalls"
        return {instance.event: Retry(reason) for instance in due}
    check = partial(_check_returned, manager=manager, listed=listed)
    outcomes = for_each(due, check, visit.time_budget)
    due = [instance for instance in due if not instance.ambiguous]
    serials = listed & {instance.serial for instance in due}
    request = partial(
        by_plugin.request_plugin_deactivation, panorama, manager.name, serials, visit.settings.name
    )
    commit_error = run_if_time(request, visit.time_budget)
    if isinstance(commit_error, Unfinished):
        return {instance.event: commit_error for instance in due}
    if commit_error is not None:
        outcomes |= {
            instance.event: Failed(commit_error) for instance in due if instance.serial in serials
        }
    returned = [instance for instance in due if isinstance(outcomes[instance.event], Done)]
    return outcomes | for_each(returned, _save_returned, visit.time_budget)


def _check_returned(
    terminating: TerminatingInstance,
    manager: _LicenseManager,
    listed: Set[str],
) -> Outcome:
    """Check whether the license is returned: the license manager no longer lists it."""
    if terminating.unlisted_serial in listed:
        reason = (
            f"license manager {manager.name} lists {terminating.unlisted_serial} as licensed, but "
            "only the record of the instance names it: Panorama does not list it"
        )
        report_ambiguous(terminating, reason)
        return Done()
    serial = terminating.serial or ""
    was_listed = terminating.record.license is LicenseState.HELD
    if serial in listed:
        if not was_listed:
            terminating.save(license=LicenseState.HELD)
        return Retry(
            f"license manager {manager.name} lists {serial} as licensed; see Panorama's system "
            "log for the plugin's result"
        )
    device = manager.session.devices.get(serial)
    if device is not None and device.connected and not was_listed:
        with telemetry.log_context(serial=serial):
            by_plugin.verify_unlicensed(manager.session.panorama, manager.name, serial)
    return Done()


def is_left_to_plugin(terminating: TerminatingInstance, settings: TerminateSettings) -> bool:
    """Return whether the license plugin still has to return the license.

    Until then, the firewall has to stay in Panorama.
    """
    plugin_returns = settings.licensing.mode is LicensingMode.PLUGIN
    return plugin_returns and not terminating.license_returned


def license_is_lost(terminating: TerminatingInstance, settings: TerminateSettings) -> bool:
    """Return whether nothing returns the license when the instance terminates now."""
    if terminating.license_returned or settings.licensing.mode is LicensingMode.NONE:
        return False
    if terminating.ambiguous:
        return True
    # A firewall that never had a management interface got no license.
    unknown = settings.panorama is None and (
        terminating.deadline_passed(Stage.RETURN_LICENSE) or not terminating.running
    )
    known = terminating.record.serial or terminating.serial
    return settings.licensing.mode is LicensingMode.FIREWALL and bool(known or unknown)


def report_license_not_returned(
    terminating: TerminatingInstance, settings: TerminateSettings
) -> None:
    """Report a license that is not returned when the instance is about to terminate."""
    if license_is_lost(terminating, settings):
        if terminating.ambiguous:
            message = firewall_license.AMBIGUOUS_LICENSE_NOT_RETURNED
            firewall_license.report_license_not_returned("", message)
        else:
            _report_not_returned(terminating)
    elif is_left_to_plugin(terminating, settings) and terminating.record.serial:
        serial = terminating.record.serial
        logger.error(by_plugin.LICENSE_LEFT_TO_PLUGIN, extra={"step": "license", "serial": serial})


def _report_not_returned(terminating: TerminatingInstance) -> None:
    firewall_license.report_license_not_returned(
        terminating.record.serial or terminating.serial or ""
    )
