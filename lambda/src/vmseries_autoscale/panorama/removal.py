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
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from vmseries_autoscale.errors import (
    PANORAMA,
    CommitFailedError,
    DeviceRefusedError,
    FullCommitRequiredError,
    NothingToCommitError,
    ObjectReferencedError,
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

UNCOMMITTED = "uncommitted"
"""In place of a job's id: the firewall is removed from the candidate configuration, and a later
visit requests the commit. Its groups need not be looked at again."""

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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the removal of firewalls is.

    Attributes:
        outcomes: The outcome for each serial number.
        jobs: Id of the commit job that removes a firewall, by serial number, or ``UNCOMMITTED``. A
            firewall without an entry has no such job, or its job was lost or has failed.
    """

    outcomes: Mapping[str, Outcome]
    jobs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Request:
    """What ``remove_firewalls`` was asked for.

    Attributes:
        commits: Removal commits, newest first.
    """

    panorama: Panorama
    deployment: str
    now: datetime
    has_time: Callable[[], bool]
    located: Set[str]
    commit_only: Set[str]
    more_coming: bool
    commits: Sequence[Job] = ()


def remove_firewalls(
    panorama: Panorama,
    serials: Set[str],
    deployment: str,
    now: datetime,
    has_time: Callable[[], bool],
    *,
    located: Set[str] = frozenset(),
    jobs: Mapping[str, str] = MappingProxyType({}),
    commit_only: Set[str] = frozenset(),
    more_coming: bool = False,
) -> Progress:
    """Advance the removal of these firewalls as far as possible now.

    A commit that an earlier call has requested is asked for by its id, with one request. Firewalls
    that are not verified are looked for in the running configuration. Only for what is left is the
    job list read, and first, so that the configuration that is read next includes the effect of
    every finished job.

    Args:
        panorama: Connection to Panorama.
        serials: Serial numbers of the firewalls.
        deployment: Name of the deployment, for the description of the commit.
        now: Current time, timezone-aware.
        has_time: Returns whether there is time for more than a dozen requests.
        located: Serial numbers among ``serials`` that Panorama has just listed in the configured
            device group and template stack. The groups of the others are looked up, so that a
            firewall is removed from whichever groups hold it.
        jobs: What the last call has returned as ``jobs``. A firewall with an entry may be in
            ``located`` without another look at Panorama's lists.
        commit_only: Serial numbers among ``serials`` that are not verified. Their uncommitted
            removals are committed, and nothing else is done for them.
        more_coming: Whether more firewalls will be removed within seconds. If so, a later visit
            commits.

    Returns:
        For each serial number, *Done* if no list in the running configuration has it, or if it is
        in ``commit_only`` and the candidate configuration lists it; and the ids of the commit jobs
        to remember for the next call.

    Raises:
        PanOsError: If a request to Panorama fails.
        DeviceBusyError: If Panorama is busy.
        TimeBudgetExceededError: If there is no time to remove all firewalls.
    """
    wanted = frozenset(serials)
    followed, left = follow(
        panorama, {serial: job for serial, job in jobs.items() if serial in wanted}
    )
    due = wanted - followed.outcomes.keys()
    if unlisted := due & commit_only:
        # Mostly, the commit of another visit has removed them, and no job matters any more.
        gone = unlisted - all_serials(panorama.running_parts(unlisted))
        due -= gone
        followed = replace(followed, outcomes={**followed.outcomes, **dict.fromkeys(gone, Done())})
    if not due:
        return followed
    request = _Request(
        *(panorama, deployment, now, has_time, located - left, commit_only, more_coming),
        commits=_removal_commits(panorama),
    )
    direct = due <= request.located - commit_only and _last_failed(request.commits) is None
    progress = _remove_directly(request, due) if direct else _remove_carefully(request, due)
    return Progress({**followed.outcomes, **progress.outcomes}, {**followed.jobs, **progress.jobs})


def follow(panorama: Panorama, jobs: Mapping[str, str]) -> tuple[Progress, frozenset[str]]:
    """Look at the commits that earlier calls have requested, and change nothing.

    One request for each job, and four small ones if one has succeeded.

    Args:
        panorama: Connection to Panorama.
        jobs: Ids of the commit jobs by serial number, as ``remove_firewalls`` has returned them.

    Returns:
        The outcomes of the firewalls that are removed, or whose commit is in progress; and the
        firewalls that Panorama still has, although their commit has succeeded. A job that is
        unknown, not ours, or has failed decides nothing: job numbers mean nothing on the other peer
        of a pair.

    Raises:
        PanOsError: If a request to Panorama fails.
        DeviceBusyError: If Panorama is busy.
    """
    outcomes: dict[str, Outcome] = {}
    waiting: dict[str, str] = {}
    committed: set[str] = set()
    for job_id in sorted(set(jobs.values()) - {UNCOMMITTED}):
        serials = [serial for serial, number in jobs.items() if number == job_id]
        job = panorama.job(job_id)
        if job is None or job.failed or not is_removal_commit(job):
            continue
        if job.finished:
            committed.update(serials)
        else:
            outcomes |= dict.fromkeys(serials, Retry(f"commit job {job_id} is not finished"))
            waiting |= dict.fromkeys(serials, job_id)
    listed = all_serials(panorama.running_parts(committed)) if committed else frozenset()
    outcomes |= dict.fromkeys(committed - listed, Done())
    return Progress(outcomes, waiting), frozenset(committed & listed)


def _remove_directly(request: _Request, due: frozenset[str]) -> Progress:
    """Remove firewalls from the configured groups without reading the configuration first.

    Panorama has just listed them there, and removing an absent entry is not an error. A refusal
    because of a reference means that other groups hold the firewall, too.
    """
    wait = decide_wait(request.commits, request.now)
    configured = request.panorama.configured_groups()
    removals = [Removal(part, serial) for part in configured for serial in sorted(due)]
    first = _remove(request.panorama, removals, request.has_time)
    refused = _remove_references(request, removals, first)
    changed = due - {removal.serial for removal in refused}
    progress = _committed(request, changed, len(changed), wait) if changed else Progress({})
    jobs = dict.fromkeys(changed, UNCOMMITTED) | dict(progress.jobs)
    outcomes = dict(progress.outcomes)
    unchanged = frozenset(serial for serial in changed if outcomes[serial] == Done())
    if unchanged:
        # Nothing to commit: another visit has committed the removal, or another administrator
        # has made it.
        outcomes |= _removed_by_others(request, unchanged)
    jobs = {serial: job for serial, job in jobs.items() if serial not in unchanged}
    return Progress(outcomes | _refusals(refused), jobs)


def _remove_references(
    request: _Request,
    removals: Sequence[Removal],
    refused: Mapping[Removal, DeviceRefusedError],
) -> Mapping[Removal, DeviceRefusedError]:
    """Remove firewalls from further groups that hold them, which is why Panorama kept them.

    Returns:
        The refusals that are left.
    """
    referenced = frozenset(
        removal.serial
        for removal, error in refused.items()
        if isinstance(error, ObjectReferencedError)
    )
    if not referenced:
        return refused
    candidate = request.panorama.candidate_parts(referenced)
    again = _removals(request, referenced, candidate, request.located)
    if set(again) <= set(removals):
        return refused
    others = {
        removal: error for removal, error in refused.items() if removal.serial not in referenced
    }
    return others | _remove(request.panorama, again, request.has_time)


def _remove_carefully(request: _Request, due: frozenset[str]) -> Progress:
    """Remove firewalls from the groups that hold them, considering what became of earlier commits.

    This is the way for firewalls that are not where they should be, and after a failed commit.
    """
    panorama, failed = request.panorama, _last_failed(request.commits) is not None
    running, candidate = panorama.running_parts(due), panorama.candidate_parts(due)
    if failed:
        running = _merged(running, panorama.running_members())
        candidate = _merged(candidate, panorama.candidate_members())
    remaining = due & (all_serials(running) | all_serials(candidate))
    remaining -= request.commit_only & all_serials(candidate)
    outcomes: dict[str, Outcome] = {serial: Done() for serial in due}
    if not remaining:
        return Progress(outcomes)
    pending = pending_removals(running, candidate)
    wait = decide_wait(request.commits, request.now)
    plan = decide_plan(request.commits, remaining, pending, may_commit=wait is None)
    if plan.revert:
        return Progress(outcomes | _revert(panorama, remaining) | _reported(plan))
    removals = _removals(request, plan.remove, candidate, request.located)
    refused = _remove(panorama, removals, request.has_time)
    changed = {removal.serial for removal in removals if removal not in refused}
    progress = Progress({})
    if request.more_coming or changed or pending & plan.remove:
        wait = wait or decide_wait(_removal_commits(panorama), request.now)
        progress = _committed(request, plan.remove, len(changed | pending), wait)
        outcomes |= progress.outcomes
        if Done() in progress.outcomes.values():
            outcomes |= dict.fromkeys(plan.remove, Retry("another visit commits the removal"))
            outcomes |= _removed_by_others(request, pending & plan.remove, keep=True)
    return Progress(outcomes | _reported(plan) | _refusals(refused), progress.jobs)


def _committed(
    request: _Request, serials: Set[str], firewalls: int, wait: Retry | None
) -> Progress:
    """Request a commit of the removals, unless it is too early.

    Returns:
        *Retry* for all of them with the job, or with the reason to wait; *Done* if there is nothing
        to commit.
    """
    if request.more_coming:
        retry = Retry("more firewalls will be removed soon and committed together")
        return Progress(dict.fromkeys(serials, retry))
    if wait is not None:
        return Progress(dict.fromkeys(serials, wait))
    description = f"{request.deployment}: remove {firewalls} firewalls, {_timestamp(request.now)}"
    job_id = request.panorama.commit(description)
    logger.info(
        "Requested a commit",
        extra={"step": "panorama", "job_id": job_id, "description": description},
    )
    if job_id is None:
        return Progress(dict.fromkeys(serials, Done()))
    requested = Retry(f"commit job {job_id} was requested", Delay.COMMIT)
    return Progress(dict.fromkeys(serials, requested), dict.fromkeys(serials, job_id))


def _removals(
    request: _Request, serials: Set[str], candidate: Membership, located: Set[str]
) -> list[Removal]:
    """List the removals from all groups that hold the firewalls, whatever they are called."""
    configured = request.panorama.configured_groups()
    unknown = {
        part: (serials & candidate.get(part, frozenset()))
        - (located if part in configured else frozenset())
        for part in Part
        if part is not Part.MANAGED_DEVICES
    }
    kinds = [part for part, members in unknown.items() if members]
    places = (
        request.panorama.groups_of(frozenset[str]().union(*unknown.values()), kinds)
        if kinds
        else {}
    )
    groups = {
        (place.part, serial): place.group
        for serial, found in places.items()
        for place in found
        if place.group != configured.get(place.part)
    }
    return [
        removal
        for removal in decide_removals(serials, candidate, groups)
        if removal.group is not None or removal.part in configured
    ]


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


def decide_removals(
    serials: Set[str],
    candidate: Membership,
    groups: Mapping[tuple[Part, str], str] = MappingProxyType({}),
) -> list[Removal]:
    """List the removals, in an order in which no removed device is still referenced.

    Args:
        serials: Serial numbers of the firewalls.
        candidate: Parts of the candidate configuration that list them.
        groups: Names of groups, by part and serial number; without one, the configured group.
    """
    return [
        Removal(part, serial, groups.get((part, serial)))
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
    removed = sorted({removal.serial for removal in removals if removal not in refused})
    logger.info(
        "Removed firewalls from the candidate configuration",
        extra={"step": "panorama", "serials": removed},
    )
    return refused


def _removed_by_others(
    request: _Request, serials: Set[str], *, keep: bool = False
) -> dict[str, Outcome]:
    """Return the outcomes of firewalls for which there is nothing to commit.

    Args:
        request: What was asked for.
        serials: Serial numbers of the firewalls.
        keep: Whether to leave out the firewalls that the running configuration no longer has.
    """
    in_progress = any(not job.finished for job in _removal_commits(request.panorama))
    listed = all_serials(request.panorama.running_parts(serials)) if serials else frozenset()
    gone: dict[str, Outcome] = {} if keep else dict.fromkeys(serials - listed, Done())
    if in_progress:
        retry = Retry("another visit commits the removal")
        return gone | ({} if keep else dict.fromkeys(serials & listed, retry))
    error = NothingToCommitError(
        PANORAMA,
        "another administrator removed the firewall from the candidate configuration; commit that "
        "administrator's changes",
    )
    return gone | dict.fromkeys(serials & listed, Failed(error))


def _reported(plan: Plan) -> dict[str, Outcome]:
    return {} if plan.error is None else dict.fromkeys(plan.reported, Failed(plan.error))


def _refusals(refused: Mapping[Removal, DeviceRefusedError]) -> dict[str, Outcome]:
    """Return the first refusal of each firewall, which causes its other refusals."""
    first: dict[str, Outcome] = {}
    for removal, error in refused.items():
        first.setdefault(removal.serial, Failed(error))
    return first


def _merged(parts: Membership, members: Membership) -> Membership:
    return {
        part: parts.get(part, frozenset()) | members.get(part, frozenset())
        for part in parts.keys() | members.keys()
    }


def _last_failed(commits: Sequence[Job]) -> Job | None:
    """Return the last finished commit if it has failed."""
    last = next((job for job in commits if job.finished), None)
    return last if last is not None and last.failed else None


def is_removal_commit(job: Job) -> bool:
    """Return whether a commit of our administrator may be a removal, by its description."""
    return not job.description or _DESCRIPTION.search(job.description) is not None


def _removal_commits(panorama: Panorama) -> list[Job]:
    """Return the removal commits, newest first, including commits without a description."""
    return [job for job in panorama.commits() if is_removal_commit(job)]


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
