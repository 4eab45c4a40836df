"""Remove firewalls from Panorama, with one commit for many firewalls.

A commit takes time and blocks Panorama's administrators, and Panorama queues at most ten commits.
A visit therefore removes its firewalls from the candidate configuration at once, but commits only
if no removal commit is in progress or was requested recently. The next commit includes all removals
up to then. Only the running configuration shows whether a firewall is removed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vmseries_autoscale.errors import (
    PANORAMA,
    CommitFailedError,
    DeviceRefusedError,
    FullCommitRequiredError,
    NothingToCommitError,
    PanOsError,
)
from vmseries_autoscale.outcome import Delay, Done, Failed, Outcome, Retry
from vmseries_autoscale.pan_os.errors import requires_full_commit
from vmseries_autoscale.pan_os.values import printable
from vmseries_autoscale.panorama.interface import Job, Membership, Panorama, Part, Removal

logger = logging.getLogger(__name__)

COMMIT_INTERVAL = timedelta(seconds=90)
"""Minimum time between two removal commits. Licenses are returned one by one and messages arrive in
batches, so without this interval a hundred simultaneous terminations would cause many commits."""

_DESCRIPTION = re.compile(
    r": remove [0-9]+ firewalls, ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)$"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a visit for the firewalls that Panorama still lists.

    Attributes:
        remove: Serial numbers to remove and commit.
        revert: Whether to only revert the uncommitted removals.
        reported: Serial numbers of the firewalls that fail with ``error``.
        error: Error of the last commit; ``None`` if it did not fail.
    """

    remove: frozenset[str]
    revert: bool = False
    reported: frozenset[str] = frozenset()
    error: PanOsError | None = None


def remove_firewalls(
    panorama: Panorama,
    serials: Set[str],
    deployment: str,
    now: datetime,
    has_time: Callable[[], bool],
    *,
    commit_only: Set[str] = frozenset(),
    more_coming: bool = False,
) -> dict[str, Outcome]:
    """Advance the removal of these firewalls as far as possible now.

    Each call reads the progress from Panorama. It reads the job list first, so that the
    configuration that it reads next includes the effect of every finished job.

    Args:
        panorama: Connection to Panorama.
        serials: Serial numbers of the firewalls.
        deployment: Name of the deployment, for the description of the commit.
        now: Current time, timezone-aware.
        has_time: Returns whether there is time for more than a dozen requests.
        commit_only: Serial numbers among ``serials`` that are not verified. Their uncommitted
            removals are committed, and nothing else is done for them.
        more_coming: Whether more firewalls will be removed within seconds. If so, a later visit
            commits.

    Returns:
        The outcome for each serial number: *Done* if neither configuration lists it, or if it is in
        ``commit_only`` and the candidate configuration lists it.

    Raises:
        PanOsError: If a request to Panorama fails.
        DeviceBusyError: If Panorama is busy.
        TimeBudgetExceededError: If there is no time to remove all firewalls.
    """
    commits = _removal_commits(panorama)
    running, candidate = panorama.running_members(), panorama.candidate_members()
    remaining = frozenset(serials) & (all_serials(running) | all_serials(candidate))
    remaining -= commit_only & all_serials(candidate)
    outcomes: dict[str, Outcome] = {serial: Done() for serial in serials}
    if not remaining:
        return outcomes
    pending = pending_removals(running, candidate)
    wait = decide_wait(commits, now)
    plan = decide_plan(commits, remaining, pending, may_commit=wait is None)
    if plan.revert:
        return outcomes | _revert(panorama, remaining) | _reported(plan)
    removals = decide_removals(plan.remove, candidate)
    refused = _remove(panorama, removals, has_time)
    changed = {serial for part, serial in removals if (part, serial) not in refused}
    if more_coming:
        retry = Retry("more firewalls will be removed soon and committed together")
        outcomes |= dict.fromkeys(plan.remove, retry)
    elif changed or pending & plan.remove:
        description = f"{deployment}: remove {len(changed | pending)} firewalls, {_timestamp(now)}"
        wait = wait or _commit(panorama, description, now)
        outcomes |= dict.fromkeys(plan.remove, wait or Retry("another visit commits the removal"))
        if wait is None:
            outcomes |= _removed_by_others(panorama, pending & plan.remove)
    return outcomes | _reported(plan) | _refusals(refused)


def all_serials(membership: Membership) -> frozenset[str]:
    """Return the firewalls that any part of a configuration lists."""
    return frozenset[str]().union(*membership.values())


def pending_removals(running: Membership, candidate: Membership) -> frozenset[str]:
    """Return the firewalls that a part lists in the running but not the candidate configuration."""
    return frozenset[str]().union(
        *(serials - candidate.get(part, frozenset()) for part, serials in running.items())
    )


def decide_plan(
    commits: Sequence[Job], remaining: frozenset[str], pending: frozenset[str], *, may_commit: bool
) -> Plan:
    """Decide what to do about firewalls, given how the previous removal commits ended.

    After a failed commit, its removals and all later ones are committed again. Removals that would
    make every later commit fail are reverted: the removals that the job's details mention, or all
    of them if the commit fails twice for the same reasons. This does not harm other batches:
    nothing is reverted while another batch's commit is in progress, and a waiting batch finds its
    firewalls in the candidate configuration again and repeats their removal. Firewalls that the
    details mention are removed next in a separate commit, so that they cannot make the commit of
    other firewalls fail.

    Args:
        commits: Removal commits, newest first.
        remaining: Serial numbers of this visit's firewalls that Panorama still lists.
        pending: Serial numbers of all firewalls with uncommitted removals, by any visit.
        may_commit: Whether this visit can commit its removals at once.
    """
    finished = [job for job in commits if job.finished]
    if not finished or not finished[0].failed:
        return Plan(remaining)
    last, in_progress = finished[0], len(finished) < len(commits)
    mentioned = frozenset(serial for serial in remaining | pending if _mentions(last, serial))
    to_revert = mentioned & pending if mentioned else _failed_twice(finished, remaining & pending)
    error = failed_commit_error(last, "its removals are reverted")
    if to_revert and not in_progress and not isinstance(error, FullCommitRequiredError):
        reported = remaining & (mentioned or to_revert)
        return Plan(frozenset(), revert=True, reported=reported, error=error)
    if mentioned and (remaining - mentioned or not may_commit):
        error = failed_commit_error(last, "the firewall will be removed in a separate commit")
        return Plan(remaining - mentioned, reported=remaining & mentioned, error=error)
    error = failed_commit_error(last, "it will be retried")
    reported = frozenset[str]() if in_progress else remaining & pending
    return Plan(remaining, reported=reported, error=error)


def _failed_twice(finished: Sequence[Job], serials: frozenset[str]) -> frozenset[str]:
    """Return ``serials`` if the last two commits failed for the same reasons, else none."""
    twice = len(finished) > 1 and finished[1].failed and finished[1].details == finished[0].details
    return serials if twice else frozenset()


def _mentions(job: Job, serial: str) -> bool:
    return any(re.search(rf"\b{re.escape(serial)}\b", line) for line in job.details)


def decide_removals(serials: Set[str], candidate: Membership) -> list[Removal]:
    """List the removals, in an order in which no removed device is still referenced."""
    return [
        (part, serial)
        for part in Part
        for serial in sorted(serials & candidate.get(part, frozenset()))
    ]


def decide_wait(commits: Sequence[Job], now: datetime) -> Retry | None:
    """Decide whether it is too early for another commit.

    Args:
        commits: Removal commits, newest first.
        now: Current time, timezone-aware.

    Returns:
        The reason to wait; ``None`` if a commit can be requested.
    """
    for job in commits:
        if not job.finished:
            return Retry(f"commit job {job.job_id} is not finished")
    requested = _requested_at(commits[0]) if commits else None
    # A time in the far future is not one of ours.
    if requested is not None and abs(now - requested) < COMMIT_INTERVAL:
        seconds = COMMIT_INTERVAL.seconds
        return Retry(f"commit job {commits[0].job_id} was requested less than {seconds} s ago")
    return None


def failed_commit_error(job: Job, consequence: str) -> PanOsError:
    """Build the error for a commit job that ended with FAIL.

    Args:
        job: Failed job. Its details are the reasons.
        consequence: Clause for the message that says what happens next.
    """
    details = "; ".join(job.details)
    text = f"commit job {job.job_id} failed, {consequence}: {printable(details)}"
    if requires_full_commit(text):
        return FullCommitRequiredError(PANORAMA, None, text)
    return CommitFailedError(PANORAMA, text)


def _revert(panorama: Panorama, remaining: Set[str]) -> dict[str, Outcome]:
    panorama.revert()
    logger.warning("Reverted the uncommitted removals", extra={"step": "panorama"})
    retry = Retry("the removal was reverted together with another firewall's removal")
    return dict.fromkeys(remaining, retry)


def _remove(
    panorama: Panorama, removals: Sequence[Removal], has_time: Callable[[], bool]
) -> dict[Removal, DeviceRefusedError]:
    if not removals:
        return {}
    refused = panorama.remove_all(removals, has_time)
    removed = sorted({serial for part, serial in removals if (part, serial) not in refused})
    logger.info(
        "Removed firewalls from the candidate configuration",
        extra={"step": "panorama", "serials": removed},
    )
    return refused


def _commit(panorama: Panorama, description: str, now: datetime) -> Retry | None:
    """Request a commit, unless another visit has just done so.

    Returns:
        The reason to wait; ``None`` if there is nothing to commit.
    """
    wait = decide_wait(_removal_commits(panorama), now)
    if wait is not None:
        return wait
    job_id = panorama.commit(description)
    logger.info(
        "Requested a commit",
        extra={"step": "panorama", "job_id": job_id, "description": description},
    )
    return None if job_id is None else _requested(job_id)


def _requested(job_id: str) -> Retry:
    return Retry(f"commit job {job_id} was requested", Delay.COMMIT)


def _removed_by_others(panorama: Panorama, pending: Set[str]) -> dict[str, Outcome]:
    """Return the outcomes for uncommitted removals that another administrator made."""
    if any(not job.finished for job in _removal_commits(panorama)):
        return {}
    error = NothingToCommitError(
        PANORAMA,
        "another administrator removed the firewall from the candidate configuration; commit that "
        "administrator's changes",
    )
    return dict.fromkeys(pending & all_serials(panorama.running_members()), Failed(error))


def _reported(plan: Plan) -> dict[str, Outcome]:
    return {} if plan.error is None else dict.fromkeys(plan.reported, Failed(plan.error))


def _refusals(refused: Mapping[Removal, DeviceRefusedError]) -> dict[str, Outcome]:
    """Return the first refusal of each firewall, which causes its other refusals."""
    first: dict[str, Outcome] = {}
    for (_, serial), error in refused.items():
        first.setdefault(serial, Failed(error))
    return first


def _removal_commits(panorama: Panorama) -> list[Job]:
    """Return the removal commits, newest first, including commits without a description."""
    return [
        job
        for job in panorama.commits()
        if not job.description or _DESCRIPTION.search(job.description)
    ]


def _requested_at(job: Job) -> datetime | None:
    """Return the time from the commit's description; ``None`` without a valid one.

    Panorama's own times have no time zone.
    """
    timestamp = _DESCRIPTION.search(job.description)
    try:
        return datetime.fromisoformat(timestamp[1]) if timestamp else None
    except ValueError:
        return None


def _timestamp(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
