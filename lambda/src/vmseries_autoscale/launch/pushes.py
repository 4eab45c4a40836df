"""Launch step: push to the firewalls that need only a push to become ready.

A push is known by the id of its job, which the record of each of its firewalls has. The job list is
read only for firewalls whose id was lost or is not known yet, or if Panorama does not know the job,
as the other peer of a pair. Pushes of others never count: Panorama queues ours behind them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.firewall_records.record import MAXIMUM_PUSHES
from vmseries_autoscale.launch import readiness
from vmseries_autoscale.launch.instance import LaunchingInstance
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.lifecycle.visit import Visit
from vmseries_autoscale.outcome import Outcome, Retry, Unfinished, reason_of, run_step
from vmseries_autoscale.panorama import Panorama, Push
from vmseries_autoscale.panorama.jobs import push_of
from vmseries_autoscale.settings import LaunchSettings

logger = logging.getLogger(__name__)


def push_out_of_sync(
    launching: Sequence[LaunchingInstance], session: PanoramaSession, visit: Visit[LaunchSettings]
) -> dict[LifecycleEvent, Outcome]:
    """Request one push to all firewalls that need only a push.

    Returns:
        The outcomes of firewalls whose earlier pushes failed.
    """
    required = visit.settings.readiness
    out_of_sync = {
        instance.serial: instance
        for instance in launching
        if instance.serial
        and readiness.is_out_of_sync(required, session.devices.get(instance.serial))
    }
    if not out_of_sync or not visit.time_budget.has_time():
        return {}
    pushes = run_step(partial(_push, session.panorama, out_of_sync, visit.settings.name))
    if isinstance(pushes, Unfinished):
        return {instance.event: pushes for instance in out_of_sync.values()}
    return {
        instance.event: Retry(
            f"{readiness.not_ready_reason(required, session.devices[serial])}; {failures[0]}"
        )
        for serial, instance in out_of_sync.items()
        if (failures := readiness.push_failures(serial, pushes))
    }


def _push(
    panorama: Panorama, out_of_sync: Mapping[str, LaunchingInstance], deployment: str
) -> list[Push]:
    """Request a push, unless one of ours is in progress, and return our earlier pushes."""
    pushes = _earlier_pushes(panorama, out_of_sync, deployment)
    due = readiness.serials_to_push(out_of_sync.keys(), pushes)
    if due:
        job_id = panorama.push(due, deployment)
        logger.info("Requested a push", extra={"serials": sorted(due), "job_id": job_id})
        if job_id is not None:
            _record([out_of_sync[serial] for serial in sorted(due)], job_id)
    return pushes


def _earlier_pushes(
    panorama: Panorama, out_of_sync: Mapping[str, LaunchingInstance], deployment: str
) -> list[Push]:
    """Return our earlier pushes to these firewalls, newest first."""
    found: dict[str, Push] = {}
    asked: set[str] = set()
    lost = False
    for serial, instance in out_of_sync.items():
        job_ids = instance.record.pushes[-readiness.MAXIMUM_FAILED_PUSHES :][::-1]
        for job_id in job_ids:
            if job_id not in asked:
                asked.add(job_id)
                if (push := _push_by_id(panorama, job_id, serial, deployment)) is not None:
                    found[job_id] = push
            if job_id in found and not found[job_id].finished:
                break
        newest = found.get(job_ids[0]) if job_ids else None
        lost = lost or newest is None or serial not in newest.serials
    if lost:
        found = {push.job_id: push for push in panorama.pushes(deployment)} | found
    return [found[job_id] for job_id in sorted(found, key=int, reverse=True)]


def _push_by_id(panorama: Panorama, job_id: str, serial: str, deployment: str) -> Push | None:
    """Return a push that a record names; ``None`` if Panorama's job of this number is not it.

    Whether the answer about one job has its description is not documented. Without one, the job
    counts if it is for the firewall.
    """
    job = panorama.job(job_id)
    if job is None:
        return None
    if not job.description and serial in job.serials:
        failed = dict.fromkeys(job.serials, " ".join(job.details) or "no reason given")
        failures = job.failures or (failed if job.failed else {})
        return Push(job_id, job.finished, failures, job.serials)
    return push_of(replace(job, job_id=job_id), deployment)


def _record(pushed: Collection[LaunchingInstance], job_id: str) -> None:
    """Record the job of a push for each of its firewalls."""
    for instance in pushed:
        pushes = (*instance.record.pushes, job_id)[-MAXIMUM_PUSHES:]
        saved = run_step(partial(instance.save, pushes=pushes))
        if isinstance(saved, Unfinished):
            # Without the record, the next visit finds the push in the job list.
            with telemetry.log_context(**instance.event.log_keys):
                logger.warning("Could not record the push", extra={"reason": reason_of(saved)})
