"""Launch step: wait until the firewalls are ready."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial

from vmseries_autoscale import firewall, telemetry
from vmseries_autoscale.aws import target_groups
from vmseries_autoscale.concurrency import run_parallel
from vmseries_autoscale.errors import DeviceAccessError, PanOsError
from vmseries_autoscale.firewall_identity import Identity, Misplaced, OtherInstance, Signal
from vmseries_autoscale.launch import readiness
from vmseries_autoscale.launch.in_service import targets_of
from vmseries_autoscale.launch.instance import LaunchingInstance
from vmseries_autoscale.launch.pushes import push_out_of_sync
from vmseries_autoscale.launch.strata_cloud_manager_gate import check_in_strata_cloud_manager
from vmseries_autoscale.launch.wrong_group import seek_everywhere, wrong_group
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession, open_and_list
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Done, Outcome, Retry, Unfinished, run_step
from vmseries_autoscale.panorama import Panorama
from vmseries_autoscale.settings import LaunchSettings, PanoramaSettings, Readiness

logger = logging.getLogger(__name__)


def pass_readiness_gate(
    launching: Sequence[LaunchingInstance], visit: Visit[LaunchSettings]
) -> Outcomes:
    """Check whether the firewalls are ready: for their manager, themselves or load balancers."""
    if visit.settings.readiness is Readiness.OFF or not launching:
        return {}
    managed = visit.settings.panorama is not None or visit.settings.strata_cloud_manager is not None
    recorded = managed or visit.settings.readiness is Readiness.CONNECTED
    if recorded:
        instance_in_transition.read_records(launching, visit.records)
    outcomes = _check_all(launching, visit)
    return outcomes | _save_new(launching, visit) if recorded else outcomes


def _check_all(
    launching: Sequence[LaunchingInstance], visit: Visit[LaunchSettings]
) -> dict[LifecycleEvent, Outcome]:
    if visit.settings.readiness is Readiness.HEALTHY:
        check = partial(_check_in_target_groups, visit=visit)
        return dict(for_each(launching, check, visit.time_budget, parallel=True))
    # Without its record, nothing says which firewall an instance is.
    unread = {item.event: item.unread for item in launching if item.unread is not None}
    known = [item for item in launching if item.unread is None]
    return unread | dict(_check_known(known, visit))


def _check_known(launching: Sequence[LaunchingInstance], visit: Visit[LaunchSettings]) -> Outcomes:
    """Check the firewalls whose records were read, or are not needed."""
    if not launching:
        return {}
    if visit.settings.panorama is not None:
        return _check_in_panorama(launching, visit, visit.settings.panorama)
    if (strata := visit.settings.strata_cloud_manager) is not None:
        return check_in_strata_cloud_manager(launching, visit, strata)
    check = partial(_check_on_firewall, visit=visit)
    return for_each(launching, check, visit.time_budget, parallel=True)


def _save_new(
    launching: Sequence[LaunchingInstance], visit: Visit[LaunchSettings]
) -> dict[LifecycleEvent, Outcome]:
    """Write the records of new firewalls that no check has written.

    A firewall whose launch ends before it is identified may have a license, too. Its record has
    the addresses by which an operator finds it.

    Returns:
        The outcomes of those that were not written.
    """
    index = visit.settings.management_device_index
    new = [item for item in launching if item.unread is None and not item.record.stored]
    saved = run_parallel(
        [
            partial(run_step, partial(item.save, management_ip=item.private_ip(index)))
            for item in new
        ]
    )
    return {
        item.event: outcome
        for item, outcome in zip(new, saved, strict=True)
        if isinstance(outcome, Unfinished)
    }


def _check_in_target_groups(launching: LaunchingInstance, visit: Visit[LaunchSettings]) -> Outcome:
    """Register a firewall whose network is complete, and check whether its targets are healthy.

    The step before has found all interfaces and addresses in place, so that no target group knows
    a firewall which cannot answer its health checks once it has booted.
    """
    if launching.instance is None or launching.instance.state != "running":
        # An instance "must be in the running state when you register it" (API_RegisterTargets).
        return Retry("the instance is not running yet")
    reasons = []
    for target in targets_of(launching.event.instance_id, launching.network, visit.settings):
        health = target_groups.health_of(visit.elbv2, target)
        if readiness.must_register(health):
            target_groups.register(visit.elbv2, target)
            reasons.append(f"registered with target group {target.group_name}")
        elif reason := readiness.not_healthy_reason(target, health):
            reasons.append(reason)
    return Retry(reasons[0]) if reasons else Done()


def _check_in_panorama(
    launching: Sequence[LaunchingInstance], visit: Visit[LaunchSettings], settings: PanoramaSettings
) -> dict[LifecycleEvent, Outcome]:
    """Check all firewalls against one device list of Panorama."""
    session = run_step(partial(open_and_list, settings))
    if isinstance(session, Unfinished):
        return {instance.event: session for instance in launching}
    others = instance_in_transition.describe_others(
        launching, visit.ec2, visit.settings.name, visit.records
    )
    check = partial(
        _check_device, session=session, others=others, panorama_settings=settings, visit=visit
    )
    # Not in parallel, because the session is not thread-safe.
    outcomes = for_each(launching, check, visit.time_budget)
    if settings.push_when_out_of_sync:
        outcomes |= push_out_of_sync(launching, session, visit)
    return outcomes


def _check_device(
    launching: LaunchingInstance,
    session: PanoramaSession,
    others: Callable[[], Collection[OtherInstance]],
    panorama_settings: PanoramaSettings,
    visit: Visit[LaunchSettings],
) -> Outcome:
    settings = visit.settings
    identify = partial(
        instance_in_transition.identify,
        launching,
        settings.management_device_index,
        session,
        visit.ec2,
        others,
        visit.now,
    )
    identity = identify()
    if seek_everywhere(launching, identity, session, visit):
        identity = identify()
    if isinstance(identity, Misplaced):
        error = wrong_group(identity, session, panorama_settings)
        if isinstance(error, Retry):
            return error
        # The termination returns the license that the firewall has taken.
        instance_in_transition.save_misplaced(
            launching, identity, settings.management_device_index, visit.ec2
        )
        raise error
    if not isinstance(identity, Identity):
        # An ambiguous identity waits, too: while a firewall boots, Panorama often lists an earlier
        # one with the same address. A launch that stays ambiguous is abandoned with this reason.
        return Retry(readiness.unidentified_reason(identity))
    serial = identity.serial
    with telemetry.log_context(serial=serial):
        reason = readiness.not_ready_reason(settings.readiness, session.devices.get(serial))
        if reason is None and settings.license_expected:
            licensed = is_licensed(session.panorama, serial)
            reason = None if licensed else readiness.NO_LICENSE
    return Done() if reason is None else Retry(reason)


def is_licensed(panorama: Panorama, serial: str) -> bool:
    """Return whether a firewall has a license, according to itself.

    Nothing settles whether an administrator with a custom role may send commands to firewalls. If
    not, the licenses that Panorama has stored decide.

    Raises:
        PanOsError: If a request fails, or if neither the firewall nor Panorama may be asked.
        DeviceBusyError: If Panorama is busy.
    """
    try:
        return bool(panorama.firewall(serial).valid_licenses())
    except DeviceAccessError:
        stored = panorama.batch_licensed()
        if stored is None:
            raise
        return serial in stored and stored[serial].licensed


def _check_on_firewall(launching: LaunchingInstance, visit: Visit[LaunchSettings]) -> Outcome:
    """Check readiness through the firewall's own API."""
    settings = visit.settings
    address = launching.private_ip(settings.management_device_index)
    if settings.firewall_api is None or address is None:
        return Retry("EC2 does not show the management interface yet")
    connection = firewall.connect(settings.firewall_api, address)
    try:
        reason = readiness.firewall_not_ready_reason(connection.state())
        if reason is None and settings.license_expected and not connection.valid_licenses():
            reason = readiness.NO_LICENSE
        if reason is None and launching.record.serial is None:
            _save_serial(launching, connection.serial(), address, visit)
    except PanOsError as error:
        # Not a failure: a booting firewall does not respond yet, or does not have its configured
        # certificate and administrators yet.
        return Retry(str(error))
    return Done() if reason is None else Retry(reason)


def _save_serial(
    launching: LaunchingInstance, serial: str | None, address: str, visit: Visit[LaunchSettings]
) -> None:
    """Save the serial number, with which an operator can find the license later."""
    # The firewall may report any number. Nothing but reports depends on it.
    if serial is not None:
        identity = Identity(serial, frozenset({Signal.FIREWALL}))
        instance_in_transition.save_identity(launching, identity, address, visit.ec2)
