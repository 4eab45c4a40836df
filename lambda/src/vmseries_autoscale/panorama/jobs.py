"""Parse Panorama's job list: commit jobs and push jobs.

The list has the jobs of all administrators and plugins. A job that cannot be read, such as one
without a number, is ignored, so that it does not hide the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from xml.etree import ElementTree as ET

from vmseries_autoscale.pan_os.values import job_number, printable, serial_number, text_at
from vmseries_autoscale.panorama.interface import Job, Push

MAXIMUM_DETAILS = 1000
"""Number of lines of a job's explanation that are read."""


def commit_jobs(response: ET.Element, administrator: str) -> list[Job]:
    """Return one administrator's commit jobs from a response to "show jobs all", newest first."""
    jobs = _newest_first(response, "Commit")
    return [_commit_job(job) for job in jobs if job.findtext("user") == administrator]


def push_jobs(response: ET.Element) -> list[Push]:
    """Return all administrators' push jobs from a response to "show jobs all", newest first."""
    return [_push_job(job) for job in _newest_first(response, "CommitAll")]


def _newest_first(response: ET.Element, job_type: str) -> list[ET.Element]:
    jobs = {
        number: job
        for job in response.iterfind("result/job")
        if job.findtext("type") == job_type
        and (number := job_number(job.findtext("id"))) is not None
    }
    return [job for _, job in sorted(jobs.items(), reverse=True)]


def _commit_job(job: ET.Element) -> Job:
    finished = job.findtext("status") == "FIN"
    return Job(
        job_id=text_at(job, "id"),
        finished=finished,
        failed=finished and job.findtext("result") == "FAIL",
        details=tuple(
            printable(line.text) for line in islice(job.iterfind("details/line"), MAXIMUM_DETAILS)
        ),
        description=text_at(job, "description"),
    )


def _push_job(job: ET.Element) -> Push:
    devices = {
        serial: entry
        for entry in job.iterfind("devices/entry")
        if (serial := serial_number(entry.findtext("serial-no"))) is not None
    }
    return Push(
        job_id=text_at(job, "id"),
        finished=job.findtext("status") == "FIN",
        failures={
            serial: printable(" ".join(_details(entry)))
            for serial, entry in devices.items()
            if entry.findtext("result") == "FAIL"
        },
        serials=frozenset(devices),
    )


def _details(entry: ET.Element) -> Iterator[str]:
    """Yield a push job's messages for one firewall: lines, or nested messages."""
    for details in entry.iterfind("details"):
        for line in islice(details.itertext(), MAXIMUM_DETAILS):
            if text := printable(line).strip():
                yield text
