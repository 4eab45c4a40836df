"""Terminate step: return the licenses, and decide when to stop trying."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from vmseries_autoscale import firewall, secret_store, telemetry
from vmseries_autoscale.aws import tags
from vmseries_autoscale.errors import DeviceUnavailableError
from vmseries_autoscale.firewall_identity import Evidence, Identity
from vmseries_autoscale.licensing import by_firewall as firewall_license
from vmseries_autoscale.licensing import by_plugin
from vmseries_autoscale.lifecycle import instance_in_transition
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
    run_step,
)
from vmseries_autoscale.pan_os.license_commands import LicenseCommands
from vmseries_autoscale.settings import FirewallApiSettings, LicensingMode, TerminateSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.panorama_lookup import in_panorama_stages
from vmseries_autoscale.terminate.stages import Stage

logger = logging.getLogger(__name__)

T = TypeVar("T")

GATHER_SECONDS = 600
"""Age up to which a firewall that was not processed in a visit delays the commit of that visit.
Returning a license takes seconds, and there may be a hundred of them."""


def return_license(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Return the licenses: through Panorama, or directly where there is no Panorama."""
    if visit.settings.panorama is None:
        due = [instance for instance in terminating if not instance.license_returned]
        return _return_directly(due, visit)
    if visit.session is None:
        return {}
    identified = [
        instance for instance in in_panorama_stages(terminating) if instance.serial is not None
    ]
    due = [instance for instance in identified if not instance.license_returned]
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
    if too_late or address is None:
        # Reported when the lifecycle action is completed. A firewall without a management
        # interface never got a license.
        return Done()
    device = firewall.connect(api, address)
    try:
        terminating.serial = terminating.tags.get(tags.SERIAL) or device.serial()
    except DeviceUnavailableError:
        if tags.ABANDONED not in terminating.tags:
            raise
        # The launch has already waited for it up to its deadline.
        _report_not_returned(terminating)
        return Done()
    if terminating.serial is not None and tags.SERIAL not in terminating.tags:
        identified = Identity(terminating.serial, Evidence.FIREWALL)
        instance_in_transition.save_identity(terminating, identified, visit.ec2)
    return _deactivate_license(terminating, device, key_arn, visit)


def _return_via_panorama(
    due: Sequence[TerminatingInstance], session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Outcomes:
    """Return licenses through Panorama: by the firewalls, or by the license plugin."""
    licensing_settings = visit.settings.licensing
    # Only the setting of the licensing mode is set.
    if (key_arn := licensing_settings.api_key_secret_arn) is not None:
        step = partial(_return_one_via_panorama, session=session, key_arn=key_arn, visit=visit)
        return for_each(due, step, visit.time_budget)
    if (name := licensing_settings.license_manager) is not None:
        # After the deadline the reconcile function continues, with the same requests.
        stage = Stage.RETURN_LICENSE
        in_time = [instance for instance in due if not instance.deadline_passed(stage)]
        return _return_via_plugin(in_time, _LicenseManager(session, name), visit)
    return {}


def _return_one_via_panorama(
    terminating: TerminatingInstance,
    session: PanoramaSession,
    key_arn: str,
    visit: Visit[TerminateSettings],
) -> Outcome:
    """Have the firewall return its license, by a request that Panorama forwards."""
    device = session.devices.get(terminating.serial or "")
    connected = device is not None and device.connected
    reachable = connected or terminating.running
    if terminating.deadline_passed(Stage.RETURN_LICENSE) or not reachable:
        # Reported when the lifecycle action is completed, if the serial number is known then.
        if terminating.terminated:
            _report_not_returned(terminating)
        return Done()
    if device is None or not connected:
        return Retry("the firewall has to return its license, but is not connected to Panorama")
    return _deactivate_license(
        terminating, session.panorama.firewall(device.serial), key_arn, visit
    )


def _deactivate_license(
    terminating: TerminatingInstance,
    device: LicenseCommands,
    key_arn: str,
    visit: Visit[TerminateSettings],
) -> Outcome:
    with telemetry.about(serial=terminating.serial or ""):
        api_key = secret_store.licensing_api_key(key_arn)
        if not firewall_license.deactivate_license(device, terminating.firewall_name, api_key):
            return Retry("the firewall is returning its license")
    return _save_returned(terminating, visit)


def _save_returned(terminating: TerminatingInstance, visit: Visit[TerminateSettings]) -> Outcome:
    with telemetry.about(serial=terminating.serial or ""):
        terminating.add_tags(visit.ec2, {tags.LICENSE: tags.LICENSE_RETURNED})
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

    The plugin also returns licenses of firewalls that are already gone. A returned license is only
    tagged after the commit was requested, since no later visit requests a commit for it.
    """
    if not due:
        return {}
    panorama = manager.session.panorama
    listed = _if_time(visit, partial(panorama.plugin_licensed, manager.name))
    if isinstance(listed, Unfinished):
        return {instance.event: listed for instance in due}
    check = partial(_check_returned, manager=manager, listed=listed, visit=visit)
    outcomes = for_each(due, check, visit.time_budget)
    serials = listed & {instance.serial for instance in due}
    request = partial(
        by_plugin.request_plugin_deactivation, panorama, manager.name, serials, visit.settings.name
    )
    commit_error = _if_time(visit, request)
    if isinstance(commit_error, Unfinished):
        return {instance.event: commit_error for instance in due}
    if commit_error is not None:
        outcomes |= {i.event: Failed(commit_error) for i in due if i.serial in serials}
    returned = [instance for instance in due if isinstance(outcomes[instance.event], Done)]
    return outcomes | for_each(returned, partial(_save_returned, visit=visit), visit.time_budget)


def _if_time(visit: Visit[TerminateSettings], step: Callable[[], T]) -> T | Unfinished:
    return run_step(step) if visit.time_budget.has_time() else OUT_OF_TIME


def _check_returned(
    terminating: TerminatingInstance,
    manager: _LicenseManager,
    listed: Set[str],
    visit: Visit[TerminateSettings],
) -> Outcome:
    """Check whether the license is returned: whether the license manager lists it no more."""
    serial = terminating.serial or ""
    was_listed = tags.LICENSE in terminating.tags
    if serial in listed:
        if not was_listed:
            terminating.add_tags(visit.ec2, {tags.LICENSE: tags.LICENSE_LISTED})
        return Retry(
            f"license manager {manager.name} lists {serial} as licensed; see Panorama's system "
            "log for the plugin's result"
        )
    device = manager.session.devices.get(serial)
    if device is not None and device.connected and not was_listed:
        with telemetry.about(serial=serial):
            by_plugin.verify_unlicensed(manager.session.panorama, manager.name, serial)
    return Done()


def is_left_to_plugin(terminating: TerminatingInstance, settings: TerminateSettings) -> bool:
    """Whether the license plugin has yet to return the license: Panorama has to keep the device."""
    plugin_returns = settings.licensing.mode is LicensingMode.PLUGIN
    return plugin_returns and not terminating.license_returned


def report_license_not_returned(
    terminating: TerminatingInstance, settings: TerminateSettings
) -> None:
    """Report a license that was not returned, when the instance is about to terminate."""
    if terminating.license_returned:
        return
    serial = terminating.tags.get(tags.SERIAL, "")
    mode = settings.licensing.mode
    # A firewall that never had a management interface got no license.
    unknown = settings.panorama is None and (
        terminating.deadline_passed(Stage.RETURN_LICENSE) or not terminating.running
    )
    if mode is LicensingMode.FIREWALL and (serial or unknown):
        _report_not_returned(terminating)
    if mode is LicensingMode.PLUGIN and serial:
        logger.error(by_plugin.LICENSE_LEFT_TO_PLUGIN, extra={"step": "license", "serial": serial})


def _report_not_returned(terminating: TerminatingInstance) -> None:
    firewall_license.report_license_not_returned(
        terminating.tags.get(tags.SERIAL, terminating.serial or "")
    )
