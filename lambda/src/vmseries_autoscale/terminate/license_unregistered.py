"""Return the licenses of firewalls that Panorama does not show, or report them."""

from __future__ import annotations

import logging
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import instances
from vmseries_autoscale.errors import PanOsError
from vmseries_autoscale.firewall_identity import Signal
from vmseries_autoscale.licensing import by_plugin, evidence
from vmseries_autoscale.licensing.attempts import Leaving
from vmseries_autoscale.licensing.evidence import Observations
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.lifecycle.visit import Visit
from vmseries_autoscale.outcome import Done, Failed, Outcome, Retry, run_step
from vmseries_autoscale.panorama import PluginFirewall
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.license_by_firewall import ask_firewall
from vmseries_autoscale.terminate.license_end import (
    conclude,
    give_up,
    remember_address,
    without_license,
)
from vmseries_autoscale.terminate.panorama_lookup import report_ambiguous

logger = logging.getLogger(__name__)


def wait_for_unlisted(
    terminating: TerminatingInstance, session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Outcome:
    """Wait for a firewall that only its record names.

    A record alone takes no license: whoever may write it could name a firewall that runs.
    """
    if terminating.running and visit.settings.firewall_api is not None:
        return ask_firewall(terminating, visit)
    serial = terminating.unlisted_serial or ""
    manager = visit.settings.licensing.license_manager
    if manager is None:
        if terminating.running:
            return Retry(f"Panorama does not list {serial}, which must return its license")
        return Done()
    listed = session.panorama.plugin_firewalls(manager)
    if listed is None:
        missing = f"the list of license manager {manager} is missing"
        seen = Observations(
            visit.now, listed=evidence.Seen.EMPTY, can_request=False, waiting_for=missing
        )
        return conclude(terminating, evidence.decide(terminating.record, seen))
    if serial in listed:
        if _is_of(terminating, listed[serial]):
            return _return_by_name(terminating, serial, session, manager, visit)
        reason = (
            f"license manager {manager} lists {serial} as licensed, but only the record of the "
            "instance names it: Panorama does not list it"
        )
        report_ambiguous(terminating, reason)
        return Done()
    ours = partial(session.panorama.serves_our_groups, manager)
    if not by_plugin.says_something(terminating.record, ours):
        return Failed(by_plugin.doubtful_license_manager(serial, manager))
    seen = Observations(visit.now, listed=evidence.Seen.ABSENT, can_request=False)
    return conclude(terminating, evidence.decide(terminating.record, seen))


def hold_unregistered(
    terminating: TerminatingInstance, session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Outcome:
    """Hold a firewall that may have a license which only it knows, or ask it directly.

    A firewall takes its license minutes before it registers. It is held until it registers, or
    until a bound that counts from its launch, because one that has not registered by then does not.
    """
    if not terminating.had_management_interface(visit.settings):
        return without_license(terminating)
    remember_address(terminating, visit.settings)
    if terminating.running and visit.settings.firewall_api is not None:
        outcome = run_step(partial(ask_firewall, terminating, visit))
        if not isinstance(outcome, Failed) or not isinstance(outcome.error, PanOsError):
            return outcome
        logger.info(
            "The firewall does not answer at its own address",
            extra={"step": "license", "reason": str(outcome.error)},
        )
    if terminating.running and terminating.may_still_join(visit):
        return Retry(
            "the firewall has not registered with Panorama, and may have taken a license; it is "
            f"held until it registers, or is {_join_minutes(visit)} minutes old"
        )
    if (manager := visit.settings.licensing.license_manager) is not None:
        return _look_in_list(terminating, session, manager, visit)
    if not terminating.running:
        reason = "the firewall is gone, and Panorama lists none that is known to be it"
    else:
        reason = (
            f"the firewall did not register with Panorama within {_join_minutes(visit)} minutes"
        )
    return give_up(terminating, reason)


def _look_in_list(
    terminating: TerminatingInstance,
    session: PanoramaSession,
    manager: str,
    visit: Visit[TerminateSettings],
) -> Outcome:
    """Look for a firewall in the license manager's list, and report it if it is not found.

    Addresses occur in several VPCs, also of other accounts, and Panorama may show another address,
    as behind NAT. So an address alone takes no license, and its absence shows nothing. An entry
    that also has the instance id as host name is the firewall's.
    """
    listed = session.panorama.plugin_firewalls(manager)
    if listed is None:
        missing = f"the list of license manager {manager} is missing"
        if terminating.may_still_join(visit):
            return Retry(missing)
        return give_up(terminating, missing)
    address = terminating.record.management_ip
    serials = sorted(serial for serial, item in listed.items() if item.address == address)
    if len(serials) == 1 and _is_of(terminating, listed[serials[0]]):
        return _take(terminating, serials[0], session, manager, visit)
    if address is None or not serials:
        reason = f"license manager {manager} lists no firewall with an address of this one"
    else:
        reason = (
            f"license manager {manager} lists {', '.join(serials)} with the address of this "
            "firewall, but nothing else shows which firewall that is"
        )
    return give_up(terminating, reason)


def _is_of(terminating: TerminatingInstance, listed: PluginFirewall) -> bool:
    """Return whether two fields of the license manager's list name the instance."""
    address = terminating.record.management_ip
    named = listed.is_named(terminating.event.instance_id)
    return address is not None and listed.address == address and named


def _take(
    terminating: TerminatingInstance,
    serial: str,
    session: PanoramaSession,
    manager: str,
    visit: Visit[TerminateSettings],
) -> Outcome:
    """Return the license of a firewall that only the license manager knows.

    The record gets its serial number, by which later visits and the reconcile function look for it.
    """
    session.list_everywhere()
    unclear = ""
    if serial in session.devices:
        unclear = "but Panorama manages it as another firewall"
    elif holders := _address_holders(terminating, visit):
        unclear = f"which {', '.join(holders)} has now"
    if unclear:
        return give_up(
            terminating,
            f"license manager {manager} lists {serial} with the address of this firewall, "
            f"{unclear}",
        )
    signals = frozenset({Signal.HOSTNAME.value, Signal.MANAGEMENT_IP.value})
    terminating.save(serial=serial, evidence=signals)
    return _return_by_name(terminating, serial, session, manager, visit)


def _return_by_name(
    terminating: TerminatingInstance,
    serial: str,
    session: PanoramaSession,
    manager: str,
    visit: Visit[TerminateSettings],
) -> Outcome:
    leaving = Leaving(terminating.record, serial, connected=False)
    name = visit.settings.name
    attempts = by_plugin.return_licenses(session.panorama, manager, [leaving], name, visit.now)
    with telemetry.log_context(serial=serial):
        return conclude(terminating, attempts[serial].decision, attempts[serial].error)


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


def _join_minutes(visit: Visit[TerminateSettings]) -> int:
    return visit.settings.licensing.join_timeout_seconds // 60
