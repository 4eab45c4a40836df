"""Parse Panorama's jobs: one job by its id, and the job list.

Jobs are asked for by id where it is known. The list only finds those whose id was lost, because it
is no ledger:

- From PAN-OS 10.2 on, it may have several entries of one id, of which one never ends
  (demisto/content#35761). Entries of one id are merged; the one that has ended counts.
- A push is listed without its firewalls. Only "show jobs id" is recorded with them
  (demisto/content, Packs/PAN-OS, ``push_to_device_success``). The firewalls of our own pushes are
  therefore in their descriptions, too.
- An entry without a number, such as the "Failed-Job" of PaloAltoNetworks/pan-os-ansible#533, is
  left out, so that it does not hide the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice
from xml.etree import ElementTree as ET

from vmseries_autoscale.pan_os.values import job_number, printable, serial_number, text_at
from vmseries_autoscale.panorama.interface import Job, Push

MAXIMUM_DETAILS = 1000
"""Number of lines of a job's explanation that are read."""

MAXIMUM_DESCRIPTION = 512
"""Number of characters of a description that Panorama accepts."""

_COMMIT = "Commit"
_PUSH = "CommitAll"
_FINISHED = "FIN"
_PUSH_DESCRIPTION = re.compile(r"(?P<deployment>\S+): push to (?P<serials>[A-Za-z0-9 ]+)")


def job_by_id(response: ET.Element, job_id: str, administrator: str) -> Job | None:
    """Return one administrator's job from a response to "show jobs id".

    Returns:
        ``None`` if the response has no such job, or it is another administrator's: each peer of a
        pair counts its own jobs, and a Panorama that was replaced counts from 1 again.
    """
    for number, job in _merged(response).items():
        if str(number) == job_id and job.findtext("user", administrator) == administrator:
            return _job(job)
    return None


def commit_jobs(response: ET.Element, administrator: str) -> list[Job]:
    """Return one administrator's commit jobs from a response to "show jobs all", newest first."""
    jobs = _newest_first(response, _COMMIT)
    return [_job(job) for job in jobs if job.findtext("user") == administrator]


def push_jobs(response: ET.Element, deployment: str) -> list[Push]:
    """Return a deployment's pushes from a response to "show jobs all", newest first."""
    return [
        push
        for job in _newest_first(response, _PUSH)
        if (push := push_of(_job(job), deployment)) is not None
    ]


def push_of(job: Job, deployment: str) -> Push | None:
    """Return a job as a push of this deployment; ``None`` if its description is not from it."""
    serials = described_serials(job.description, deployment)
    if serials is None:
        return None
    if not job.failed or job.failures:
        return Push(job.job_id, job.finished, job.failures, job.serials or serials)
    # The list does not say which firewall failed. Those for which it succeeded are in sync.
    reason = printable(" ".join(job.details)) or "no reason given"
    failures = dict.fromkeys(job.serials or serials, reason)
    return Push(job.job_id, job.finished, failures, job.serials or serials)


def push_description(deployment: str, serials: Collection[str]) -> str:
    """Return the description by which a later visit knows a push, and its firewalls.

    As many serial numbers as fit, which are those of a whole batch.
    """
    description = f"{deployment}: push to"
    for serial in sorted(serials):
        if len(description) + 1 + len(serial) > MAXIMUM_DESCRIPTION:
            break
        description += f" {serial}"
    return description


def described_serials(description: str, deployment: str) -> frozenset[str] | None:
    """Return the firewalls in the description of a push; ``None`` if it is not our own."""
    described = _PUSH_DESCRIPTION.fullmatch(description)
    if described is None or described["deployment"] != deployment:
        return None
    serials = (serial_number(text) for text in described["serials"].split())
    return frozenset(serial for serial in serials if serial is not None)


def _newest_first(response: ET.Element, job_type: str) -> list[ET.Element]:
    jobs = _merged(response, job_type)
    return [job for _, job in sorted(jobs.items(), reverse=True)]


def _merged(response: ET.Element, job_type: str | None = None) -> dict[int, ET.Element]:
    """Return the jobs by number. Of several entries of one number, one that has ended counts."""
    merged: dict[int, ET.Element] = {}
    for job in response.iterfind("result/job"):
        number = job_number((job.findtext("id") or "").strip())
        if number is None or job_type not in (None, job.findtext("type")):
            continue
        if number not in merged or _status(merged[number]) != _FINISHED:
            merged[number] = job
    return merged


def _status(job: ET.Element) -> str:
    return (job.findtext("status") or "").strip()


def _job(job: ET.Element) -> Job:
    finished = _status(job) == _FINISHED
    devices = {
        serial: entry
        for entry in job.iterfind("devices/entry")
        if (serial := serial_number(entry.findtext("serial-no"))) is not None
    }
    return Job(
        job_id=str(job_number((job.findtext("id") or "").strip())),
        finished=finished,
        failed=finished and text_at(job, "result").strip() == "FAIL",
        details=tuple(
            printable(line.text) for line in islice(job.iterfind("details/line"), MAXIMUM_DETAILS)
        ),
        description=text_at(job, "description").strip(),
        serials=frozenset(devices),
        failures={
            serial: printable(" ".join(_messages(entry)))
            for serial, entry in devices.items()
            if entry.findtext("result") == "FAIL"
        },
        kind=text_at(job, "type").strip(),
    )


def _messages(entry: ET.Element) -> Iterator[str]:
    """Yield what a job says about one firewall: its errors, or all it says if it names none.

    A push mixes the errors with warnings about the whole configuration: ``details/msg/errors/line``
    and ``details/msg/warnings/line``.
    """
    errors = list(_lines(entry.iterfind("details/msg/errors")))
    yield from errors or _lines(entry.iterfind("details"))


def _lines(elements: Iterator[ET.Element]) -> Iterator[str]:
    for element in elements:
        for line in islice(element.itertext(), MAXIMUM_DETAILS):
            if text := printable(line).strip():
                yield text
