"""Terminate step: find the firewalls in Panorama."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial

from vmseries_autoscale import firewall_identity, telemetry
from vmseries_autoscale.firewall_identity import (
    Ambiguous,
    Misplaced,
    OtherInstance,
    Undecided,
    Unidentified,
)
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession, open_session
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Done, Outcome, Retry, Unfinished, run_step
from vmseries_autoscale.panorama import removal
from vmseries_autoscale.settings import PanoramaSettings, TerminateSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.stages import Stage

logger = logging.getLogger(__name__)

AMBIGUOUS = (
    "The firewall of this instance is ambiguous, so its license is not returned and nothing is "
    "removed from Panorama: find out which serial number it had, and who changed the host names "
    "and serial tags, before you deactivate or remove anything"
)
"""Log message for an instance whose firewall is not identified with certainty."""


def identify_in_panorama(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Open the session with Panorama that the next steps share, and identify the firewalls."""
    due = in_panorama_stages(terminating)
    if visit.settings.panorama is None or not due:
        return {}
    # Without its record, nothing says which firewall an instance was, or how far its license is.
    unread = {instance.event: instance.unread for instance in due if instance.unread is not None}
    due = [instance for instance in due if instance.unread is None]
    if not due:
        return unread
    return unread | dict(_identify_all(due, visit.settings.panorama, visit))


def _identify_all(
    due: Sequence[TerminatingInstance],
    settings: PanoramaSettings,
    visit: Visit[TerminateSettings],
) -> Outcomes:
    session = run_step(partial(open_session, settings))
    if isinstance(session, Unfinished):
        return {instance.event: session for instance in due}
    followed = run_step(partial(_follow_removals, due, session, visit.settings))
    if isinstance(followed, Unfinished):
        return {instance.event: followed for instance in due}
    removals = {
        instance.event: instance.removal for instance in due if instance.removal is not None
    }
    due = [instance for instance in due if instance.removal is None]
    if not due:
        return removals
    listed = run_step(partial(_list_firewalls, due, session))
    if isinstance(listed, Unfinished):
        return removals | {instance.event: listed for instance in due}
    visit.session = session
    others = instance_in_transition.describe_others(
        due, visit.ec2, visit.settings.name, visit.records
    )
    identify = partial(_identify, session=session, others=others, visit=visit)
    # Without a time limit: a batch needs few calls, and each instance at most one record and tag.
    return removals | for_each(due, identify, time_budget=None)


def _follow_removals(
    due: Sequence[TerminatingInstance], session: PanoramaSession, settings: TerminateSettings
) -> None:
    """Ask for the commits that remove firewalls, by the ids of their jobs in the records.

    A firewall whose commit is in progress, or has removed it, is not identified again: nothing is
    done to it any more. One whose job is unknown or has failed is, because the record alone is not
    enough to remove anything.
    """
    jobs = {
        serial: job
        for instance in due
        if not instance.ambiguous
        and not instance.is_license_open(settings)
        and (serial := instance.record.serial) is not None
        and (job := instance.record.removal_job) is not None
    }
    if not jobs:
        return
    progress, back = removal.follow(session.panorama, jobs)
    for instance in due:
        serial = instance.record.serial
        if serial is not None and serial in jobs:
            instance.removal = progress.outcomes.get(serial)
            instance.removed_once = serial in back


def _list_firewalls(due: Sequence[TerminatingInstance], session: PanoramaSession) -> None:
    """List the firewalls of our groups, and all others only if a record names one of them."""
    session.list_members()
    if {instance.record.serial for instance in due} - session.devices.keys() - {None}:
        session.list_everywhere()


def in_panorama_stages(terminating: Sequence[TerminatingInstance]) -> list[TerminatingInstance]:
    """Return the instances whose deadline for steps in Panorama has not passed."""
    stage = Stage.REMOVE_FROM_PANORAMA
    return [instance for instance in terminating if not instance.deadline_passed(stage)]


def _identify(
    terminating: TerminatingInstance,
    session: PanoramaSession,
    others: Callable[[], Collection[OtherInstance]],
    visit: Visit[TerminateSettings],
) -> Outcome:
    result = instance_in_transition.identify(
        terminating,
        visit.settings.management_device_index,
        session,
        visit.ec2,
        others,
        visit.now,
    )
    match result:
        case Misplaced(_, serial) if result.proven:
            # It was launched into other groups, or somebody has moved it.
            terminating.serial = serial
        case Undecided(reason):
            return Retry(reason)
        case Ambiguous(reason) if not _is_being_removed(terminating, session):
            report_ambiguous(terminating, reason)
        case Unidentified(reason):
            # Not an error: the firewall may never have registered, or is removed already.
            logger.warning("Found no matching device in Panorama", extra={"reason": reason})
    return Done()


def _is_being_removed(terminating: TerminatingInstance, session: PanoramaSession) -> bool:
    """Return whether the firewall is no longer in our groups because its removal is in progress.

    This is so if the record of the instance names the firewall, and its removal is not committed
    yet or was committed after Panorama listed the firewall. Then at most the commit is left, as if
    Panorama no longer listed the firewall.
    """
    device = session.devices.get(terminating.record.serial or "")
    if device is None or firewall_identity.in_our_groups(device):
        return False
    panorama = session.panorama
    running, candidate = panorama.running_members(), panorama.candidate_members()
    removed = device.serial not in removal.all_serials(running) | removal.all_serials(candidate)
    if removed or device.serial in removal.pending_removals(running, candidate):
        terminating.unlisted_serial = device.serial
        return True
    return False


def report_ambiguous(terminating: TerminatingInstance, reason: str) -> None:
    """Report once that no step acts on the firewall of this instance, and record the reason.

    Later visits, and the reconcile function when the instance has terminated, see less of the
    instance. Without the reason, they could accept a firewall that this visit has reason to doubt.
    """
    if terminating.ambiguous:
        return
    terminating.save(ambiguous=reason)
    telemetry.count(Metric.FIREWALL_IDENTITY_AMBIGUOUS)
    serial = terminating.record.serial or ""
    logger.error(AMBIGUOUS, extra={"step": "panorama", "serial": serial, "reason": reason})
