"""Return licenses through Panorama itself, which needs no firewall: one request for all of them.

``request batch license deactivate`` is what public tools use that return licenses through Panorama,
also for firewalls that are gone. Panorama answers with a job, and uses its own licensing API key.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from vmseries_autoscale.errors import (
    PANORAMA,
    AutoscaleError,
    DeviceAccessError,
    DeviceRefusedError,
    DeviceTimeoutError,
    FirewallNotConnectedError,
    LicenseError,
)
from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.licensing import evidence
from vmseries_autoscale.licensing.attempts import Attempt, Leaving, own_lists
from vmseries_autoscale.licensing.errors import explained, license_errors
from vmseries_autoscale.licensing.evidence import (
    Decision,
    JobState,
    Observations,
    Request,
    Seen,
    Wait,
)
from vmseries_autoscale.panorama import Job, Panorama
from vmseries_autoscale.panorama.batch_license import KEY_ADVICE, says_returned

logger = logging.getLogger(__name__)

_NOT_LICENSES = frozenset(
    {"Commit", "CommitAll", "CommitAndPush", "AutoCom", "Validate", "ValidateAll"}
)
"""Types of jobs that return no license. That of the jobs that do is recorded nowhere."""

_SERIAL = re.compile(r"\b[0-9]{12,16}\b")

NOT_CONNECTED = "not connected"
"""Text with which a job or a response refuses a firewall that is not connected."""


def return_licenses(
    panorama: Panorama, leaving: Sequence[Leaving], now: datetime
) -> dict[str, Attempt]:
    """Take the return of licenses as far as currently possible.

    The jobs of earlier requests are read by their id, and one request is made for all licenses that
    are due.

    Args:
        panorama: Connection to Panorama.
        leaving: Leaving firewalls.
        now: Current time, timezone-aware.

    Returns:
        What became of each license, by serial number. The error is a LicensingKeyError if Panorama
        has no valid key, a SecondaryPeerError while the secondary peer of a pair is active, and a
        FirewallNotConnectedError if Panorama does not return the licenses of firewalls that are not
        connected: then only the firewall itself can return its license.

    Raises:
        PanOsError: If Panorama does not respond.
        DeviceBusyError: If Panorama is busy.
    """
    if not leaving:
        return {}
    jobs = _read_jobs(panorama, leaving)
    attempts: dict[str, Attempt] = {}
    seen: dict[str, Observations] = {}
    for item in leaving:
        job = jobs.get(item.record.license_job or "")
        state, failure = _job_state(job, item.serial)
        seen[item.serial] = Observations(
            now, job=state, connected=item.connected, last_look=item.last_look
        )
        error = None if failure is None else _job_error(failure)
        if state is JobState.FAILED:
            logger.warning(
                "Panorama did not deactivate the license",
                extra={"step": "license", "serial": item.serial, "reason": failure},
            )
        attempts[item.serial] = Attempt(Decision(item.record, Wait("")), error)
    seen = _with_lists(panorama, leaving, seen)
    for item in leaving:
        decision = evidence.decide(item.record, seen[item.serial])
        attempts[item.serial] = replace(attempts[item.serial], decision=decision)
    due = [item for item in leaving if isinstance(attempts[item.serial].decision.step, Request)]
    return attempts | _request(panorama, due, attempts, seen)


def _read_jobs(panorama: Panorama, leaving: Sequence[Leaving]) -> dict[str, Job | None]:
    job_ids = {item.record.license_job for item in leaving if item.record.license_job is not None}
    return {job_id: panorama.job(job_id) for job_id in sorted(job_ids)}


def _job_state(job: Job | None, serial: str) -> tuple[JobState, str | None]:
    """Return the state of a job for one firewall, and why it failed for it.

    The job of a batch may fail for one firewall only, and may name the firewall or not. One that is
    a commit, or names only other firewalls, has a reused id and says nothing.
    """
    named = serial in job.serials if job is not None and job.serials else True
    if job is None or job.kind in _NOT_LICENSES or not named:
        return JobState.UNKNOWN, None
    if not job.finished:
        return JobState.RUNNING, None
    failure = job.failures.get(serial)
    if failure is None and job.failed and not (job.failures and serial in job.serials):
        lines = [line for line in job.details if serial in line]
        others = any(_SERIAL.search(line) for line in job.details)
        failure = " ".join(lines or job.details) or f"job {job.job_id} failed without a reason"
        if others and not lines:
            # What it says of other firewalls is no success of this one.
            return JobState.FAILED, failure
    if failure is None or says_returned(failure):
        return JobState.SUCCEEDED, None
    return JobState.FAILED, failure


def _job_error(failure: str) -> AutoscaleError:
    if NOT_CONNECTED in failure.lower():
        return FirewallNotConnectedError(
            PANORAMA, f"Panorama returns only licenses of connected firewalls: {failure}"
        )
    return explained(failure, "Panorama", KEY_ADVICE) or LicenseError(
        f"Panorama did not deactivate the license: {failure}"
    )


def _with_lists(
    panorama: Panorama, leaving: Sequence[Leaving], seen: Mapping[str, Observations]
) -> dict[str, Observations]:
    """Add what lists show of the licenses whose deactivation was requested.

    What Panorama has stored of all firewalls is one request. A firewall that stays connected is
    asked itself only if it is missing there or still listed, or if no job shows what became of the
    request.
    """
    result = dict(seen)
    asked = [
        item
        for item in leaving
        if item.record.license_requested is not None
        and seen[item.serial].job is not JobState.RUNNING
    ]
    if not asked:
        return result
    stored = _stored_licenses(panorama)
    for item in asked:
        # A list that shows other licenses, but not this one, shows its absence. An empty one may be
        # a list that nobody has filled.
        licensed = stored.get(item.serial, False if any(stored.values()) else None)
        if licensed is not None:
            witness = Seen.LISTED if licensed else Seen.ABSENT
            result[item.serial] = replace(result[item.serial], witness=witness)
    connected = [
        item
        for item in asked
        if item.connected and _needs_own_list(item.record, result[item.serial])
    ]
    confirmed = {serial for serial, item in result.items() if item.job is JobState.SUCCEEDED}
    for serial, listed in own_lists(panorama, connected, confirmed).items():
        result[serial] = (
            replace(result[serial], connected=False)
            if listed is None
            else replace(result[serial], listed=listed)
        )
    return result


def _needs_own_list(record: FirewallRecord, seen: Observations) -> bool:
    if record.license is LicenseState.CONFIRMED or seen.job is JobState.SUCCEEDED:
        return seen.witness is not Seen.ABSENT
    return record.license_job is None


def _stored_licenses(panorama: Panorama) -> Mapping[str, bool]:
    """Return whether Panorama has stored a capacity license, by serial number.

    A second witness only: a Panorama that does not have the command, or does not allow it, has
    nothing to say against the others.
    """
    try:
        stored = panorama.batch_licensed()
    except (DeviceRefusedError, DeviceAccessError) as error:
        logger.warning("Panorama does not list licenses", extra={"reason": str(error)})
        return {}
    return {} if stored is None else {serial: item.licensed for serial, item in stored.items()}


def _request(
    panorama: Panorama,
    due: Sequence[Leaving],
    attempts: Mapping[str, Attempt],
    seen: Mapping[str, Observations],
) -> dict[str, Attempt]:
    """Request the deactivation of all licenses that are due, with one request."""
    if not due:
        return {}
    serials = sorted(item.serial for item in due)
    now = seen[serials[0]].now
    confirmed, job_id = False, None
    try:
        with license_errors("Panorama", KEY_ADVICE):
            job_id = panorama.batch_deactivate(serials)
            confirmed = job_id is None
            if confirmed and len(due) > 1:
                # The text of one answer does not say whose license it means.
                return _one_by_one(panorama, due, attempts, seen)
    except DeviceTimeoutError:
        # Panorama may still execute it. A repeated request changes nothing.
        logger.warning("Panorama did not answer the request in time", extra={"step": "license"})
    except (DeviceRefusedError, FirewallNotConnectedError) as error:
        # Panorama refuses all for one that it does not manage, or that is not connected.
        if len(due) > 1:
            return _one_by_one(panorama, due, attempts, seen)
        return {serial: replace(attempts[serial], error=error) for serial in serials}
    except LicenseError as error:
        return {serial: replace(attempts[serial], error=error) for serial in serials}
    logger.info(
        "Requested license deactivation from Panorama",
        extra={"step": "license", "serials": serials, "job_id": job_id, "confirmed": confirmed},
    )
    result = {}
    for serial in serials:
        attempt = attempts[serial]
        record = evidence.requested(attempt.record, job_id, now)
        reason = f"Panorama deactivates the license of {serial}, job {job_id or 'unknown'}"
        decision = Decision(record, Wait(reason))
        if confirmed:
            decision = evidence.decide(record, replace(seen[serial], confirmed=True))
        result[serial] = replace(attempt, decision=decision)
    return result


def _one_by_one(
    panorama: Panorama,
    due: Sequence[Leaving],
    attempts: Mapping[str, Attempt],
    seen: Mapping[str, Observations],
) -> dict[str, Attempt]:
    return {
        serial: attempt
        for item in due
        for serial, attempt in _request(panorama, [item], attempts, seen).items()
    }
