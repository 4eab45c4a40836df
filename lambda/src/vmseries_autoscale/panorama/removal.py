"""Removing firewalls from Panorama: all of a window with one commit.

A commit takes Panorama's time and holds up its administrators, and no more than ten of them queue.
So visits remove their firewalls from the candidate configuration whenever they come, but commit
only if no commit of ours is under way or was asked for a moment ago. The next one takes what all of
them have removed. Whether a firewall is removed, the running configuration alone tells.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vmseries_autoscale.errors import (
    FullCommitRequiredError,
    NothingToCommitError,
    PanoramaError,
    PanoramaRefusedError,
)
from vmseries_autoscale.lifecycle.batch import Again, Done, Failed, Outcome
from vmseries_autoscale.pan_os import errors
from vmseries_autoscale.panorama import Job, Panorama, Part, Removal
from vmseries_autoscale.panorama.interface import Membership

logger = logging.getLogger(__name__)

COMMIT_INTERVAL = timedelta(seconds=90)
"""The least time between two commits. Licenses come back one after the other and messages in
batches, so that without it a hundred terminations at once would be a chain of commits."""

_DESCRIPTION = re.compile(r": remove \d+ firewalls, (\S+Z)$")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a visit does about the firewalls that are left.

    Attributes:
        removed: to be removed and committed.
        revert: whether to drop what waits in the candidate configuration, and nothing else.
        told: firewalls that ``error`` is an outcome of.
        error: why the last commit failed.
    """

    removed: frozenset[str]
    revert: bool = False
    told: frozenset[str] = frozenset()
    error: PanoramaError | None = None


def unmanage(
    panorama: Panorama,
    serials: Set[str],
    deployment: str,
    now: datetime,
    in_time: Callable[[], bool],
    *,
    others_follow: bool = False,
) -> dict[str, Outcome]:
    """Bring the removal of these firewalls as far as it goes now.

    Where it stands is read from Panorama each time: the job list first, since a job that was over
    then has all its effect in the configuration that is read after it.

    Args:
        panorama: where to remove them.
        serials: their serial numbers.
        deployment: named in the commit's description.
        now: aware.
        in_time: whether there is time for more than a dozen requests.
        others_follow: whether more firewalls are to be removed within seconds, whom the commit
            waits for.

    Returns:
        For each serial number: done if neither configuration names it any more.

    Raises:
        PanoramaError: if Panorama cannot be asked.
        PanoramaBusyError: if it is busy.
        TimeBudgetExceededError: if there was no time to remove them all.
    """
    commits = _removal_commits(panorama)
    running, candidate = panorama.running(), panorama.candidate()
    left = frozenset(serials) & (_named(running) | _named(candidate))
    outcomes: dict[str, Outcome] = {serial: Done() for serial in serials}
    if not left:
        return outcomes
    waiting = uncommitted(running, candidate)
    wait = decide_wait(commits, now)
    plan = decide(commits, left, waiting, may_commit=wait is None)
    if plan.revert:
        panorama.revert()
        logger.warning("Reverted our own changes", extra={"step": "unmanage"})
        outcomes |= dict.fromkeys(left, Again("reverted together with another firewall's removal"))
        return outcomes | _told(plan)
    removals = decide_removals(plan.removed, candidate)
    refused = _remove(panorama, removals, in_time)
    changed = {serial for part, serial in removals if (part, serial) not in refused}
    if others_follow:
        outcomes |= dict.fromkeys(plan.removed, Again("others follow, to be committed together"))
    elif changed or waiting & plan.removed:
        description = f"{deployment}: remove {len(changed | waiting)} firewalls, {_written(now)}"
        wait = wait or _commit(panorama, description, now)
        outcomes |= dict.fromkeys(plan.removed, wait or Again("committed by another visit"))
        if wait is None:
            outcomes |= _not_ours(panorama, waiting & plan.removed)
    return outcomes | _told(plan) | _refusals(refused)


def uncommitted(running: Membership, candidate: Membership) -> frozenset[str]:
    """The firewalls that are removed from the candidate configuration only, somewhere."""
    return frozenset[str]().union(
        *(serials - candidate.get(part, frozenset()) for part, serials in running.items())
    )


def decide(
    commits: Sequence[Job], left: frozenset[str], waiting: frozenset[str], *, may_commit: bool
) -> Plan:
    """What to do about firewalls, after how our commits have ended.

    A commit that fails is tried again, with all that has been removed meanwhile, and so are those
    that come after it. So what makes it fail for good is reverted: a removal that the job's details
    name, or else all, if it fails twice for the same reasons. No other batch is harmed. One that is
    being committed forbids it, and one that only waits finds its firewalls in the candidate
    configuration again and removes them once more. The firewalls that the details name have their
    next try in a commit of their own, so that they make nobody else's fail.

    Args:
        commits: our commits of removals, the newest first.
        left: the firewalls that this visit is about.
        waiting: all firewalls whose removal is not committed, by whomever.
        may_commit: whether what this visit removes is committed at once.
    """
    over = [job for job in commits if job.finished]
    if not over or not over[0].failed:
        return Plan(left)
    last, under_way = over[0], len(over) < len(commits)
    named = frozenset(serial for serial in left | waiting if _names(last, serial))
    twice = len(over) > 1 and over[1].failed and over[1].details == last.details
    hopeless = named & waiting if named else left & waiting if twice else frozenset[str]()
    error = errors.of_failed_commit(last, "what was removed is reverted")
    if hopeless and not under_way and not isinstance(error, FullCommitRequiredError):
        return Plan(frozenset(), revert=True, told=left & (named or hopeless), error=error)
    if named and (left - named or not may_commit):
        error = errors.of_failed_commit(last, "the firewall's turn comes when no other has one")
        return Plan(left - named, told=left & named, error=error)
    error = errors.of_failed_commit(last, "it is tried again")
    return Plan(left, told=frozenset() if under_way else left & waiting, error=error)


def _names(job: Job, serial: str) -> bool:
    return any(re.search(rf"\b{re.escape(serial)}\b", line) for line in job.details)


def decide_removals(serials: Set[str], candidate: Membership) -> list[Removal]:
    """What to remove from where, in the order that leaves no reference behind."""
    return [
        (part, serial)
        for part in Part
        for serial in sorted(serials & candidate.get(part, frozenset()))
    ]


def decide_wait(commits: Sequence[Job], now: datetime) -> Again | None:
    """Why it is too early for another commit, if it is.

    Args:
        commits: our commits of removals, the newest first.
        now: aware.
    """
    for job in commits:
        if not job.finished:
            return Again(f"commit job {job.job_id} is not finished")
    asked = _asked(commits[0]) if commits else None
    if asked is not None and now - asked < COMMIT_INTERVAL:
        seconds = COMMIT_INTERVAL.seconds
        return Again(f"commit job {commits[0].job_id} was asked for less than {seconds} s ago")
    return None


def _remove(
    panorama: Panorama, removals: Sequence[Removal], in_time: Callable[[], bool]
) -> dict[Removal, PanoramaRefusedError]:
    if not removals:
        return {}
    refused = panorama.remove_all(removals, in_time)
    removed = sorted({serial for part, serial in removals if (part, serial) not in refused})
    logger.info(
        "Removed firewalls from the candidate configuration",
        extra={"step": "unmanage", "serials": removed},
    )
    return refused


def _commit(panorama: Panorama, description: str, now: datetime) -> Again | None:
    """Ask for a commit, unless another visit just has; ``None`` if there is nothing to commit."""
    wait = decide_wait(_removal_commits(panorama), now)
    if wait is not None:
        return wait
    job_id = panorama.commit(description)
    logger.info(
        "Asked for a commit",
        extra={"step": "unmanage", "job_id": job_id, "description": description},
    )
    return None if job_id is None else Again(f"commit job {job_id}")


def _not_ours(panorama: Panorama, waiting: Set[str]) -> dict[str, Outcome]:
    """What is wrong with removals that wait for a commit, but are none of our changes."""
    if any(not job.finished for job in _removal_commits(panorama)):
        return {}
    error = NothingToCommitError(
        "the firewall is removed from the candidate configuration by another administrator, "
        "whose changes have to be committed"
    )
    return dict.fromkeys(waiting & _named(panorama.running()), Failed(error))


def _told(plan: Plan) -> dict[str, Outcome]:
    return {} if plan.error is None else dict.fromkeys(plan.told, Failed(plan.error))


def _refusals(refused: Mapping[Removal, PanoramaRefusedError]) -> dict[str, Outcome]:
    """Of a firewall's refusals the first one, which is the cause of the others."""
    first: dict[str, Outcome] = {}
    for (_, serial), error in refused.items():
        first.setdefault(serial, Failed(error))
    return first


def _removal_commits(panorama: Panorama) -> list[Job]:
    """Our commits of removals, the newest first; also those of which Panorama does not say what."""
    return [
        job
        for job in panorama.commits()
        if not job.description or _DESCRIPTION.search(job.description)
    ]


def _asked(job: Job) -> datetime | None:
    """When a visit asked for a commit: Panorama's own times are without a time zone."""
    written = _DESCRIPTION.search(job.description)
    return datetime.fromisoformat(written[1]) if written else None


def _written(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _named(membership: Membership) -> frozenset[str]:
    return frozenset[str]().union(*membership.values())
