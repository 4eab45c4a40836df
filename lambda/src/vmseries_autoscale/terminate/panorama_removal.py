"""Terminate step: remove the firewalls from Panorama."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from vmseries_autoscale import telemetry
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit
from vmseries_autoscale.outcome import Done, Outcome, Unfinished, reason_of, run_step
from vmseries_autoscale.panorama import removal
from vmseries_autoscale.panorama.removal import Progress
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.panorama_lookup import in_panorama_stages

logger = logging.getLogger(__name__)


def remove_from_panorama(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Remove all firewalls of the batch from Panorama, with one commit.

    If Panorama no longer lists a firewall that a record names, only its removal's commit can be
    left. The id of the commit's job is recorded, so that later visits ask for nothing else.
    """
    session = visit.session
    if session is None:
        return {}
    outcomes: dict[LifecycleEvent, Outcome] = {}
    due: list[_Leaving] = []
    for instance in in_panorama_stages(terminating):
        serial = instance.known_serial
        if (
            serial is None
            or instance.removal is not None
            or instance.ambiguous
            or instance.is_license_open(visit.settings)
        ):
            continue
        if _has_registered_again(instance, serial, session):
            outcomes[instance.event] = Done()
        else:
            due.append(_Leaving(instance, serial))
    return outcomes | (_remove_all(due, session, visit) if due else {})


class _Leaving(NamedTuple):
    """A firewall to remove, by the serial number that its instance or only its record has."""

    instance: TerminatingInstance
    serial: str


def _has_registered_again(
    terminating: TerminatingInstance, serial: str, session: PanoramaSession
) -> bool:
    """Return whether a firewall is connected again after its removal was committed.

    A bootstrapped firewall presents its serial number and VM auth key in each connection request,
    and Panorama adds it ("Create the init-cfg.txt File", VM-Series Deployment Guide). It would do
    so after each removal for as long as its instance runs. The reconcile function removes it when
    the instance is gone; the record names it.
    """
    device = session.devices.get(serial)
    if not terminating.removed_once or device is None or not device.connected:
        return False
    with telemetry.log_context(**terminating.event.log_keys, serial=serial):
        logger.warning(
            "The firewall has registered again after its removal; the reconcile function removes it"
        )
    return True


def _remove_all(
    due: Sequence[_Leaving], session: PanoramaSession, visit: Visit[TerminateSettings]
) -> dict[LifecycleEvent, Outcome]:
    progress = run_step(partial(_remove, due, session, visit))
    if isinstance(progress, Unfinished):
        return {item.instance.event: progress for item in due}
    outcomes = {}
    for item in due:
        saved = run_step(partial(_save_job, item.instance, progress.jobs.get(item.serial)))
        if isinstance(saved, Unfinished):
            # Without the record, the next visit finds the commit in the job list.
            with telemetry.log_context(**item.instance.event.log_keys):
                logger.warning(
                    "Could not record the commit job", extra={"reason": reason_of(saved)}
                )
        outcomes[item.instance.event] = progress.outcomes[item.serial]
    return outcomes


def _remove(
    due: Sequence[_Leaving], session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Progress:
    serials = frozenset(item.serial for item in due)
    # Those whose commit has succeeded in vain are looked for in the configuration.
    removed_once = frozenset(item.serial for item in due if item.instance.removed_once)
    unlisted = frozenset(item.serial for item in due if item.instance.serial is None)
    return removal.remove_firewalls(
        session.panorama,
        serials,
        visit.settings.name,
        visit.now,
        visit.time_budget.has_time,
        located=session.located() - removed_once,
        commit_only=unlisted,
        more_coming=session.licenses_pending,
    )


def _save_job(terminating: TerminatingInstance, job: str | None) -> None:
    """Record the commit job that removes a firewall; none if its commit is not requested yet."""
    new = None if job == removal.UNCOMMITTED else job
    if new != terminating.record.removal_job:
        terminating.save(removal_job=new)
