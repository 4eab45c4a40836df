"""Removing firewalls from Panorama: all of a batch with one commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Set

from vmseries_autoscale.errors import CommitFailedError, NothingToCommitError, PanoramaRefusedError
from vmseries_autoscale.panorama import Job, Panorama, Part
from vmseries_autoscale.panorama.protocol import Membership
from vmseries_autoscale.visits import Again, Done, Failed, Outcome

logger = logging.getLogger(__name__)


def unmanage(
    panorama: Panorama, serials: Set[str], deployment: str, in_time: Callable[[], bool]
) -> dict[str, Outcome]:
    """Bring the removal of these firewalls as far as it goes now.

    Where it stands is read from Panorama each time: the job list first, since a job that was over
    then has all its effect in the configuration that is read after it.

    Args:
        panorama: where to remove them.
        serials: their serial numbers.
        deployment: named in the commit's description.
        in_time: whether there is time for another request.

    Returns:
        For each serial number: done if neither configuration names it any more.

    Raises:
        PanoramaError: if Panorama cannot be asked.
        PanoramaBusyError: if it is busy.
    """
    job = panorama.last_commit()
    running, candidate = panorama.running(), panorama.candidate()
    left = frozenset(serials) & (_named(running) | _named(candidate))
    outcomes: dict[str, Outcome] = {serial: Done() for serial in serials}
    if not left:
        return outcomes
    if job is not None and not job.finished:
        waiting = Again(f"commit job {job.job_id} is not finished")
        return outcomes | dict.fromkeys(left, waiting)
    failures: dict[str, Outcome] = {}
    for part, serial in decide_removals(left, candidate):
        if not in_time():
            return outcomes | dict.fromkeys(left, Again("no time left in this run", soon=True))
        try:
            _remove(panorama, part, serial)
        except PanoramaRefusedError as error:  # Harms no other firewall's removal.
            failures[serial] = Failed(error)
    job_id = _commit(panorama, deployment, left)
    outcomes |= dict.fromkeys(left, Again(f"commit job {job_id or 'of another visit'}"))
    removed_before = left - _named(candidate)
    return outcomes | _judge(removed_before, job, job_id) | failures


def decide_removals(serials: Set[str], candidate: Membership) -> list[tuple[Part, str]]:
    """What to remove from where, in the order that leaves no reference behind."""
    return [
        (part, serial)
        for part in Part
        for serial in sorted(serials & candidate.get(part, frozenset()))
    ]


def _named(membership: Membership) -> frozenset[str]:
    return frozenset().union(*membership.values())


def _remove(panorama: Panorama, part: Part, serial: str) -> None:
    panorama.remove(part, serial)
    logger.info(
        "Removed a firewall from the candidate configuration",
        extra={"step": "unmanage", "serial": serial, "part": part.value},
    )


def _commit(panorama: Panorama, deployment: str, serials: Set[str]) -> str | None:
    job_id = panorama.commit(f"{deployment}: remove {len(serials)} firewalls")
    logger.info(
        "Asked for a commit",
        extra={"step": "unmanage", "job_id": job_id, "serials": sorted(serials)},
    )
    return job_id


def _judge(
    removed_before: Set[str], last_job: Job | None, job_id: str | None
) -> dict[str, Outcome]:
    """What is wrong where an earlier visit's removal has not reached the running configuration."""
    if last_job is not None and last_job.failed:
        reasons = "; ".join(last_job.details)
        error: Exception = CommitFailedError(
            f"commit job {last_job.job_id} failed, job {job_id} tries again: {reasons}"
        )
    elif job_id is None:
        error = NothingToCommitError(
            "the firewall is removed from the candidate configuration by another administrator, "
            "whose changes have to be committed"
        )
    else:
        return {}
    return dict.fromkeys(removed_before, Failed(error))
