"""What Panorama's refusals mean: from code and text to an error of ours.

The numeric code alone does not tell: "A commit is pending" comes with code 13, "object not found"
(recorded answers), and pan-os-python knows a few texts only. The codes: PAN-OS XML API error codes,
https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-panorama-api/get-started-with-the-pan-os-xml-api/pan-os-xml-api-error-codes

What Panorama says of its own accord, and without names that administrators chose, is asked first: a
device group may be called "passive".
"""

from __future__ import annotations

import re

from vmseries_autoscale.errors import (
    AutoscaleError,
    CommitFailedError,
    FirewallNotConnectedError,
    FullCommitRequiredError,
    ObjectReferencedError,
    PanoramaAccessError,
    PanoramaBusyError,
    PanoramaCertificateError,
    PanoramaError,
    PanoramaRefusedError,
    PanoramaUnavailableError,
)
from vmseries_autoscale.panorama.interface import Job

_BUSY = re.compile(
    r"a commit is (pending|in progress)"
    r"|another (commit|validate|commit/validate|sync) is in progress"
    r"|install is in progress"
    r"|timed out while getting config lock"
    r"|(commit|config|configuration) (lock )?is (already |currently )?(held|locked) by"
    r"|is currently locked by"
    r"|holding .*(commit|config) locks"
    r"|operation is blocked because of"
    r"|local commit jobs are queued"
    r"|commit.*queue.*(full|exceed|limit|maximum)|(maximum|limit).*commit.*(queue|jobs)"
    r"|session timed out"
    r"|synchronize running configuration with ha peer"
    # After a failover, the other peer has another list.
    r"|job \d+ not found"
    # A management server that is starting: release notes of PAN-OS 11.1, "Addressed Issues".
    r"|timed out as client is not available"
    r"|passive"
)
_ACCESS = re.compile(r"invalid credentials?|unauthorized|not authenticated|permission denied")
_FULL_COMMIT = re.compile(
    r"full (system )?commit (is required|required|is needed|must be completed)"
    r"|(requires|needs) a full (system )?commit"
)
_NOT_CONNECTED = re.compile(r"\bnot connected\b")
_REFERENCED = re.compile(r"cannot be deleted because of references from")
_NO_ANSWER = re.compile(
    # What pan-python says of an answer that is not one of the XML API.
    r"parseerror|no handler for content-type|no content-type response header"
    r"|no response element status attribute"
)
_HTTP_STATUS = re.compile(r"^urlerror: code: (\d+)")
_HTTP_ACCESS = {"401", "403"}

_SESSION_TIMED_OUT = "22"
_DENIED_ON_PASSIVE = "15"
_UNAUTHORIZED = "16"
_REFERENCE_COUNT_NOT_ZERO = "10"


def meaning(code: str | None, text: str) -> AutoscaleError:
    """The error for an answer with this code and text, or for no answer at all."""
    lowered = text.lower()
    if lowered.startswith(("urlerror", "ssl.certificateerror")):
        return _of_connection(lowered, text)
    if _NO_ANSWER.search(lowered):
        return PanoramaUnavailableError(f"what answered is not Panorama's XML API: {text}")
    if _FULL_COMMIT.search(lowered):
        return FullCommitRequiredError(code, text)
    if _REFERENCED.search(lowered):
        return ObjectReferencedError(code, text)
    if code in (_SESSION_TIMED_OUT, _DENIED_ON_PASSIVE) or _BUSY.search(lowered):
        return PanoramaBusyError(f"Panorama is busy (code {code or 'none'}): {text}")
    if _NOT_CONNECTED.search(lowered):
        return FirewallNotConnectedError(text)
    if code == _UNAUTHORIZED or code in _HTTP_ACCESS or _ACCESS.search(lowered):
        return PanoramaAccessError(
            f"Panorama refuses the administrator's key or role (code {code or 'none'}): {text}"
        )
    if code == _REFERENCE_COUNT_NOT_ZERO:
        return ObjectReferencedError(code, text)
    return PanoramaRefusedError(code, text)


def of_failed_commit(job: Job, then: str) -> PanoramaError:
    """The error for a commit job that ended with FAIL.

    Args:
        job: the job, whose details are the reasons.
        then: what is done about it.
    """
    text = f"commit job {job.job_id} failed, {then}: {'; '.join(job.details)}"
    if _FULL_COMMIT.search(text.lower()):
        return FullCommitRequiredError(None, text)
    return CommitFailedError(text)


def _of_connection(lowered: str, text: str) -> PanoramaError:
    status = _HTTP_STATUS.match(lowered)
    if status and status[1] in _HTTP_ACCESS:
        return PanoramaAccessError(
            f"Panorama answers HTTP {status[1]}: the API key is wrong or expired, or the "
            "administrator's role does not allow the XML API; see the panorama secret"
        )
    if "certificate" in lowered:
        return PanoramaCertificateError(
            f"Panorama's certificate is not trusted; see ca_bundle in the panorama secret: {text}"
        )
    return PanoramaUnavailableError(f"Panorama does not answer: {text}")
