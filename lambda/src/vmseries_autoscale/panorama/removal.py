"""Removal of firewalls from Panorama, with one commit for many firewalls.

A commit takes Panorama time, blocks its administrators, and no more than ten commits can be queued.
A visit therefore removes its firewalls from the candidate configuration at once, but commits only
if no removal commit is in progress or was requested recently. The next commit includes everything
that was removed until then. Only the running configuration shows whether a firewall is removed.
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
from vmseries_autoscale.outcome import Done, Failed, Outcome, Retry
from vmseries_autoscale.pan_os.errors import requires_full_commit
from vmseries_autoscale.panorama.interface import Job, Membership, Panorama, Part, Removal

logger = logging.getLogger(__name__)

COMMIT_INTERVAL = timedelta(seconds=90)
"""Minimum time between two removal commits. Licenses are returned one after the other and messages
arrive in batches, so without it a hundred terminations at once would cause a chain of commits."""

_DESCRIPTION = re.compile(r": remove \d+ firewalls, (\S+Z)$")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a visit does about the firewalls that Panorama still lists.

    Attributes:
        remove: serial numbers to remove and commit.
        revert: whether to revert the uncommitted removals, and do nothing else.
        reported: serial numbers of the firewalls whose outcome is ``error``.
        error: why the last commit failed.
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
    in_time: Callable[[], bool],
    *,
    more_coming: bool = False,
) -> dict[str, Outcome]:
    """Advance the removal of these firewalls as far as possible now.

    The progress is read from Panorama each time: first the job list, because a job that has ended
    by then is fully effective in the configuration that is read after it.

    Args:
        panorama: the Panorama to remove the firewalls from.
        serials: the firewalls' serial numbers.
        deployment: the deployment's name, for the commit's description.
        now: current time, timezone-aware.
        in_time: whether there is time for more than a dozen requests.
        more_coming: whether more firewalls will be removed within seconds. The commit is then left
            to a later visit.

    Returns:
        The outcome for each serial number: done if neither configuration lists it.

    Raises:
        PanOsError: if a request to Panorama fails.
        DeviceBusyError: if Panorama is busy.
        TimeBudgetExceededError: if there was no time to remove all firewalls.
    """
    commits = _removal_commits(panorama)
    running, candidate = panorama.running_members(), panorama.candidate_members()
    remaining = frozenset(serials) & (_all_serials(running) | _all_serials(candidate))
    outcomes: dict[str, Outcome] = {serial: Done() for serial in serials}
    if not remaining:
        return outcomes
    pending = pending_removals(running, candidate)
    wait = decide_wait(commits, now)
    plan = decide_plan(commits, remaining, pending, may_commit=wait is None)
    if plan.revert:
        return outcomes | _revert(panorama, remaining) | _reported(plan)
    removals = decide_removals(plan.remove, candidate)
    refused = _remove(panorama, removals, in_time)
    changed = {serial for part, serial in removals if (part, serial) not in refused}
    if more_coming:
        retry = Retry("more firewalls will be removed soon and committed together")
        outcomes |= dict.fromkeys(plan.remove, retry)
    elif changed or pending & plan.remove:
        description = f"{deployment}: remove {len(changed | pending)} firewalls, {_timestamp(now)}"
        wait = wait or _commit(panorama, description, now)
        outcomes |= dict.fromkeys(plan.remove, wait or Retry("committed by another visit"))
        if wait is None:
            outcomes |= _removed_by_others(panorama, pending & plan.remove)
    return outcomes | _reported(plan) | _refusals(refused)


def pending_removals(running: Membership, candidate: Membership) -> frozenset[str]:
    """The firewalls that the running configuration lists in a part where the candidate does not."""
    return frozenset[str]().union(
        *(serials - candidate.get(part, frozenset()) for part, serials in running.items())
    )


def decide_plan(
    commits: Sequence[Job], remaining: frozenset[str], pending: frozenset[str], *, may_commit: bool
) -> Plan:
    """Decide what to do about firewalls, given how the previous removal commits ended.

    After a failed commit, the removals and those made since are committed again. If the same
    removals would make every later commit fail, they are reverted: those that the job's details
    name, or all of them if the commit fails twice for the same reasons. This harms no other batch:
    while another batch's commit is in progress nothing is reverted, and a batch that only waits
    finds its firewalls in the candidate configuration again and removes them once more. Firewalls
    that the details name are removed next in a commit of their own, so that no other firewall's
    commit fails because of them.

    Args:
        commits: the removal commits, newest first.
        remaining: serial numbers of this visit's firewalls that Panorama still lists.
        pending: serial numbers of all firewalls with uncommitted removals, whoever removed them.
        may_commit: whether this visit's removals are committed at once.
    """
    finished = [job for job in commits if job.finished]
    if not finished or not finished[0].failed:
        return Plan(remaining)
    last, in_progress = finished[0], len(finished) < len(commits)
    named = frozenset(serial for serial in remaining | pending if _names(last, serial))
    hopeless = named & pending if named else _failed_twice(finished, remaining & pending)
    error = failed_commit_error(last, "its removals are reverted")
    if hopeless and not in_progress and not isinstance(error, FullCommitRequiredError):
        reported = remaining & (named or hopeless)
        return Plan(frozenset(), revert=True, reported=reported, error=error)
    if named and (remaining - named or not may_commit):
        error = failed_commit_error(last, "the firewall is removed later in a commit of its own")
        return Plan(remaining - named, reported=remaining & named, error=error)
    error = failed_commit_error(last, "it is retried")
    reported = frozenset[str]() if in_progress else remaining & pending
    return Plan(remaining, reported=reported, error=error)


def _failed_twice(finished: Sequence[Job], serials: frozenset[str]) -> frozenset[str]:
    """``serials`` if the last two commits failed for the same reasons, else none."""
    twice = len(finished) > 1 and finished[1].failed and finished[1].details == finished[0].details
    return serials if twice else frozenset()


def _names(job: Job, serial: str) -> bool:
    return any(re.search(rf"\b{re.escape(serial)}\b", line) for line in job.details)


def decide_removals(serials: Set[str], candidate: Membership) -> list[Removal]:
    """Decide what to remove from where, in an order that removes no referenced device."""
    return [
        (part, serial)
        for part in Part
        for serial in sorted(serials & candidate.get(part, frozenset()))
    ]


def decide_wait(commits: Sequence[Job], now: datetime) -> Retry | None:
    """Decide whether it is too early for another commit.

    Args:
        commits: the removal commits, newest first.
        now: current time, timezone-aware.

    Returns:
        The reason to wait, ``None`` if a commit may be requested.
    """
    for job in commits:
        if not job.finished:
            return Retry(f"commit job {job.job_id} is not finished")
    requested = _requested_at(commits[0]) if commits else None
    if requested is not None and now - requested < COMMIT_INTERVAL:
        seconds = COMMIT_INTERVAL.seconds
        return Retry(f"commit job {commits[0].job_id} was requested less than {seconds} s ago")
    return None


def failed_commit_error(job: Job, consequence: str) -> PanOsError:
    """Make the error for a commit job that ended with FAIL.

    Args:
        job: the failed job. Its details are the reasons.
        consequence: what happens next, as a clause of the message.
    """
    text = f"commit job {job.job_id} failed, {consequence}: {'; '.join(job.details)}"
    if requires_full_commit(text):
        return FullCommitRequiredError(PANORAMA, None, text)
    return CommitFailedError(PANORAMA, text)


def _revert(panorama: Panorama, remaining: Set[str]) -> dict[str, Outcome]:
    panorama.revert()
    logger.warning("Reverted the uncommitted removals", extra={"step": "panorama"})
    retry = Retry("reverted together with another firewall's removal")
    return dict.fromkeys(remaining, retry)


def _remove(
    panorama: Panorama, removals: Sequence[Removal], in_time: Callable[[], bool]
) -> dict[Removal, DeviceRefusedError]:
    if not removals:
        return {}
    refused = panorama.remove_all(removals, in_time)
    removed = sorted({serial for part, serial in removals if (part, serial) not in refused})
    logger.info(
        "Removed firewalls from the candidate configuration",
        extra={"step": "panorama", "serials": removed},
    )
    return refused


def _commit(panorama: Panorama, description: str, now: datetime) -> Retry | None:
    """Request a commit, unless another visit just did; ``None`` if there is nothing to commit."""
    wait = decide_wait(_removal_commits(panorama), now)
    if wait is not None:
        return wait
    job_id = panorama.commit(description)
    logger.info(
        "Requested a commit",
        extra={"step": "panorama", "job_id": job_id, "description": description},
    )
    return None if job_id is None else Retry(f"commit job {job_id}")


def _removed_by_others(panorama: Panorama, pending: Set[str]) -> dict[str, Outcome]:
    """Outcomes for uncommitted removals that another administrator made."""
    if any(not job.finished for job in _removal_commits(panorama)):
        return {}
    error = NothingToCommitError(
        PANORAMA,
        "another administrator removed the firewall from the candidate configuration; commit that "
        "administrator's changes",
    )
    return dict.fromkeys(pending & _all_serials(panorama.running_members()), Failed(error))


def _reported(plan: Plan) -> dict[str, Outcome]:
    return {} if plan.error is None else dict.fromkeys(plan.reported, Failed(plan.error))


def _refusals(refused: Mapping[Removal, DeviceRefusedError]) -> dict[str, Outcome]:
    """Each firewall's first refusal, which is the cause of its other refusals."""
    first: dict[str, Outcome] = {}
    for (_, serial), error in refused.items():
        first.setdefault(serial, Failed(error))
    return first


def _removal_commits(panorama: Panorama) -> list[Job]:
    """The removal commits, newest first, including commits without a description."""
    return [
        job
        for job in panorama.commits()
        if not job.description or _DESCRIPTION.search(job.description)
    ]


def _requested_at(job: Job) -> datetime | None:
    """When a visit requested a commit. Panorama's own times have no time zone."""
    timestamp = _DESCRIPTION.search(job.description)
    return datetime.fromisoformat(timestamp[1]) if timestamp else None


def _timestamp(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _all_serials(membership: Membership) -> frozenset[str]:
    return frozenset[str]().union(*membership.values())
