"""Wait until the firewalls are ready in Strata Cloud Manager."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from vmseries_autoscale import firewall, firewall_identity, telemetry
from vmseries_autoscale.errors import PanOsError
from vmseries_autoscale.firewall_identity import (
    Identity,
    OtherInstance,
    Unidentified,
)
from vmseries_autoscale.launch import readiness
from vmseries_autoscale.launch.instance import LaunchingInstance
from vmseries_autoscale.launch.strata_cloud_manager_readiness import CAUSES, not_ready_reason
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.strata_cloud_manager_session import (
    StrataCloudManagerSession,
    in_its_words,
    open_session,
)
from vmseries_autoscale.lifecycle.visit import Visit, for_each
from vmseries_autoscale.outcome import Done, Outcome, Retry, Unfinished, run_step
from vmseries_autoscale.settings import LaunchSettings, StrataCloudManagerSettings
from vmseries_autoscale.strata_cloud_manager import ConfigurationJob


@dataclass(frozen=True, slots=True)
class _Look:
    """What one visit reads for all firewalls: each answer at most once, and only if needed."""

    session: StrataCloudManagerSession
    others: Callable[[], Collection[OtherInstance]]
    running: Callable[[], Mapping[str, int]]
    jobs: Callable[[], Sequence[ConfigurationJob]]


def check_in_strata_cloud_manager(
    launching: Sequence[LaunchingInstance],
    visit: Visit[LaunchSettings],
    settings: StrataCloudManagerSettings,
) -> dict[LifecycleEvent, Outcome]:
    """Check all firewalls against one list of Strata Cloud Manager."""
    session = run_step(partial(open_session, settings))
    if isinstance(session, Unfinished):
        return {instance.event: session for instance in launching}
    look = _Look(
        session,
        instance_in_transition.describe_others(
            launching, visit.ec2, visit.settings.name, visit.records
        ),
        functools.cache(session.manager.running_versions),
        functools.cache(session.manager.jobs),
    )
    check = partial(_check, look=look, visit=visit)
    return for_each(launching, check, visit.time_budget)


def _check(launching: LaunchingInstance, look: _Look, visit: Visit[LaunchSettings]) -> Outcome:
    settings, session = visit.settings, look.session
    identity = instance_in_transition.identify(
        launching, settings.management_device_index, session, visit.ec2, look.others, visit.now
    )
    if isinstance(identity, Unidentified):
        elsewhere = _in_another_folder(launching, session, settings.management_device_index)
        return Retry(elsewhere or f"{in_its_words(identity.reason)}; {CAUSES}")
    if not isinstance(identity, Identity):
        # One in another folder waits, too: an onboarding rule of the tenant may still move it.
        return Retry(in_its_words(identity.reason))
    serial = identity.serial
    with telemetry.log_context(serial=serial):
        reason = not_ready_reason(
            settings.readiness,
            session.firewalls.get(serial),
            session.folder,
            look.running,
            look.jobs,
        ) or _without_license(launching, settings)
    return Done() if reason is None else Retry(reason)


def _in_another_folder(
    launching: LaunchingInstance, session: StrataCloudManagerSession, device_index: int
) -> str | None:
    """Return where a firewall with the instance's address and MAC address is registered instead."""
    address, instance = launching.private_ip(device_index), launching.instance
    if instance is None or address is None:
        return None
    macs = firewall_identity.mac_addresses(instance)
    for listed in session.firewalls.values():
        if listed.connected and listed.ip_address == address and listed.mac in macs:
            return (
                f"{listed.serial} is the firewall of the instance, but is registered in folder "
                f"{listed.folder or 'none'}, not {session.folder}; set dgname in its bootstrap "
                "configuration to that name, or move it there in Strata Cloud Manager"
            )
    return None


def _without_license(launching: LaunchingInstance, settings: LaunchSettings) -> str | None:
    """Return why a firewall is not known to have its license, which only it shows reliably."""
    if not settings.asks_firewalls or settings.firewall_api is None:
        return None
    address = launching.private_ip(settings.management_device_index)
    if address is None:
        return "EC2 does not show the management interface yet"
    try:
        licensed = firewall.connect(settings.firewall_api, address).valid_licenses()
    except PanOsError as error:
        # Not a failure: it may not have its configured certificate and administrators yet.
        return str(error)
    return None if licensed else readiness.NO_LICENSE
