"""Decide from evidence whether a license is returned, and what to do next. Pure functions.

No single answer is enough, because nothing records what a device answers while its management plane
restarts, while the plugin starts, or after a failover:

- An absence counts only from an answer that has the container which a full answer has. It counts
  if two such answers, at least ``ABSENCE_SECONDS`` apart, agree, and none between them or no second
  witness shows the license.
- A confirmation is the text or the job with which a device reports the deactivation. It counts
  together with one absence, or with a firewall that is no longer connected: a firewall without a
  license may lose its serial number, by which Panorama addresses it. What Panorama has stored of
  licenses does not contradict it, because nothing says when Panorama reads that again. Where the
  functions may not ask the firewall itself, a job that still shows the success counts after
  ``WITNESS_SECONDS``.

Only the capacity license decides. The licenses of subscriptions and of support may remain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState

ABSENCE_SECONDS = 60
"""Seconds between two absences that together count as a return."""

REPEAT_SECONDS = 180
"""Seconds after which a request without a result is repeated, and for which a list that shows the
license does not contradict a confirmation. The license server is asked in the meantime."""

EMPTY_SECONDS = 900
"""Seconds since a request, and since the first of the answers without a list, after which they
count. Nothing records whether the plugin's answer has a list if there is nothing to list; a plugin
that starts has started by then. One such answer counts nothing, however late it is."""

WITNESS_SECONDS = 900
"""Seconds after which a second witness that still shows a requested license is out of date: of
absence from the deciding list, or since the request if that list cannot be read. The vendor does
not document how soon a firewall notices that Panorama returned its license."""


class Seen(StrEnum):
    """What a list shows of one license."""

    NOT_SEEN = "not seen"
    """The list was not read."""
    EMPTY = "empty"
    """The answer has no list. It is believed only if it stays so: a device may answer in this way
    when it has nothing to list."""
    LISTED = "listed"
    ABSENT = "absent"


class JobState(StrEnum):
    """What Panorama shows of the job of the last request."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Observations:
    """What one visit observed of one license.

    Attributes:
        now: Time of the visit, timezone-aware.
        listed: What the deciding list shows: that of the license manager in mode ``plugin``, and
            otherwise the firewall's own.
        witness: What a second list shows, if there is one.
        confirmed: Whether an answer in this visit confirmed the deactivation.
        job: State of the job that the record names.
        connected: Whether the firewall is connected to Panorama, or answers directly; ``None`` if
            that is not known.
        settled: Whether the firewall takes no license any more that it does not have by now: it
            has booted, or has had a license, or does not run.
        can_request: Whether the license can be requested in this visit.
        last_look: Why no later visit looks again; empty if one does.
        waiting_for: What keeps the license from being requested, as a clause.
    """

    now: datetime
    listed: Seen = Seen.NOT_SEEN
    witness: Seen = Seen.NOT_SEEN
    confirmed: bool = False
    job: JobState = JobState.UNKNOWN
    connected: bool | None = None
    settled: bool = True
    can_request: bool = True
    last_look: str = ""
    waiting_for: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """Request the deactivation now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again in a later visit."""

    reason: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The evidence is complete: the license is returned.

    Attributes:
        evidence: What shows it.
    """

    evidence: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The license is not known to be returned, and no later visit looks again.

    Attributes:
        unknown: What was not known.
    """

    unknown: str


Step: TypeAlias = Request | Wait | Returned | GiveUp


@dataclass(frozen=True, slots=True)
class Decision:
    """What a visit knows now.

    Attributes:
        record: The record with the license's new state, to be saved if it differs. A request is
            recorded with ``requested`` when it was made.
    """

    record: FirewallRecord
    step: Step


def decide(record: FirewallRecord, seen: Observations) -> Decision:
    """Decide whether the license of a leaving firewall is returned, and what to do next.

    Args:
        record: What earlier visits recorded.
        seen: What this visit observed.
    """
    if record.license is LicenseState.RETURNED:
        return Decision(record, Returned("an earlier visit saw it returned"))
    stands = record.license is LicenseState.CONFIRMED and seen.job is JobState.SUCCEEDED
    record = _with_observations(record, seen)
    if (evidence := _evidence(record, seen, stands=stands)) is not None:
        returned = replace(record, license=LicenseState.RETURNED, license_job=None)
        return Decision(returned, Returned(evidence))
    if seen.last_look:
        if record.license is LicenseState.NOT_RETURNED:
            return Decision(record, GiveUp(seen.last_look))
        given_up = replace(record, license=LicenseState.NOT_RETURNED)
        return Decision(given_up, GiveUp(f"{seen.last_look}; {_unknown(record, seen)}"))
    return Decision(record, _next(record, seen))


def requested(record: FirewallRecord, job: str | None, now: datetime) -> FirewallRecord:
    """Return the record of a license whose deactivation was just requested.

    Args:
        record: Record before the request.
        job: Id of the job that Panorama answered; ``None`` without one.
        now: Time of the request, timezone-aware.
    """
    state = record.license
    if state is not LicenseState.NOT_RETURNED:
        state = LicenseState.REQUESTED
    return replace(record, license=state, license_job=job, license_requested=now)


def _with_observations(record: FirewallRecord, seen: Observations) -> FirewallRecord:
    """Return the record with what this visit observed."""
    state, job = record.license, record.license_job
    if seen.confirmed or seen.job is JobState.SUCCEEDED:
        state = LicenseState.CONFIRMED
    elif seen.job is JobState.FAILED:
        job = None
    if Seen.LISTED in (seen.listed, seen.witness) and state is LicenseState.UNKNOWN:
        state = LicenseState.HELD
    contradicted = seen.listed is Seen.LISTED and _is_due(record, seen.now)
    if contradicted and state is LicenseState.CONFIRMED:
        # A confirmation that the deciding list contradicts for minutes proves nothing.
        state, job = LicenseState.HELD, None
    absent_since = record.absent_since
    if seen.listed is Seen.LISTED:
        absent_since = None
    elif seen.listed is Seen.ABSENT and absent_since is None and seen.settled:
        absent_since = seen.now
    empty_since = record.empty_since
    if seen.listed in (Seen.LISTED, Seen.ABSENT):
        empty_since = None
    elif seen.listed is Seen.EMPTY and empty_since is None:
        empty_since = seen.now
    return replace(
        record,
        license=state,
        license_job=job,
        absent_since=absent_since,
        empty_since=empty_since,
    )


def _evidence(record: FirewallRecord, seen: Observations, *, stands: bool) -> str | None:
    """Return what shows that the license is returned; ``None`` if that is not shown.

    Args:
        record: The record with what this visit observed.
        seen: What this visit observed.
        stands: Whether an earlier visit saw a confirmation, and the job still shows the success.
    """
    if not seen.settled or seen.listed is Seen.LISTED:
        return None
    if record.license is LicenseState.CONFIRMED:
        if Seen.ABSENT in (seen.listed, seen.witness):
            return "the deactivation was confirmed, and a license list no longer shows it"
        if seen.connected is False:
            return "the deactivation was confirmed, and the firewall is not connected any more"
        unread = stands and seen.listed is Seen.NOT_SEEN
        if unread and _seconds_since(record.license_requested, seen) >= WITNESS_SECONDS:
            return "a job confirms the deactivation, and no other list than the stored one is read"
    if seen.listed is Seen.EMPTY and seen.witness is not Seen.LISTED:
        if _empty_seconds(record, seen) >= EMPTY_SECONDS:
            return "for a quarter of an hour since the request, there has been nothing to list"
        return None
    absent = (
        seen.listed is Seen.ABSENT and _seconds_since(record.absent_since, seen) >= ABSENCE_SECONDS
    )
    if absent and not _witness_contradicts(record, seen):
        return "two answers a minute apart do not list it"
    return None


def _witness_contradicts(record: FirewallRecord, seen: Observations) -> bool:
    if seen.witness is not Seen.LISTED:
        return False
    if record.license_requested is None:
        return True
    return _seconds_since(record.absent_since, seen) < WITNESS_SECONDS


def _seconds_since(time: datetime | None, seen: Observations) -> float:
    """Return how long ago something was seen or done; 0 if it never was."""
    return 0.0 if time is None else (seen.now - time).total_seconds()


def _empty_seconds(record: FirewallRecord, seen: Observations) -> float:
    """Return for how long since the request the answers have had no list, as far as was seen."""
    times = record.license_requested, record.empty_since
    return min(_seconds_since(time, seen) for time in times)


def _is_due(record: FirewallRecord, now: datetime) -> bool:
    """Return whether the deactivation was never requested, or so long ago that it is repeated."""
    asked = record.license_requested
    return asked is None or (now - asked).total_seconds() >= REPEAT_SECONDS


def _next(record: FirewallRecord, seen: Observations) -> Request | Wait:
    if not seen.settled and Seen.LISTED not in (seen.listed, seen.witness):
        return Wait("the firewall boots, and may still take a license")
    if seen.listed is Seen.ABSENT:
        if seen.witness is Seen.LISTED:
            return Wait("the license list does not show the license, but another one still does")
        return Wait("the license list does not show the license; a second look follows")
    missing = seen.listed is Seen.EMPTY and seen.witness is not Seen.LISTED
    if missing and record.license_requested is not None:
        return Wait(seen.waiting_for or "the license list is missing")
    if seen.job is JobState.RUNNING:
        return Wait(f"job {record.license_job} returns the license")
    if not seen.can_request:
        return Wait(seen.waiting_for or "the license cannot be requested now")
    if seen.job is JobState.FAILED:
        return Request("the last request failed")
    if record.license is LicenseState.CONFIRMED and seen.listed is not Seen.LISTED:
        return Wait("the deactivation is confirmed; a license list has to agree")
    if _is_due(record, seen.now):
        return Request("the license is not known to be returned")
    return Wait("the deactivation was requested; nothing shows its result yet")


def _unknown(record: FirewallRecord, seen: Observations) -> str:
    """Return what was not known about a license that is given up."""
    if Seen.LISTED in (seen.listed, seen.witness):
        return "a license list still shows the license"
    if record.license is LicenseState.UNKNOWN:
        return "whether the firewall had a license is not known"
    if record.license is LicenseState.CONFIRMED:
        return "the deactivation was confirmed, but nothing else shows the return"
    if record.license_requested is not None:
        return "the deactivation was requested, but its result is not known"
    return "the deactivation was not requested"
