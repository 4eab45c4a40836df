"""Parse Panorama's job list: commit jobs and push jobs."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from vmseries_autoscale.panorama.interface import Job, Push


def commit_jobs(response: ET.Element, administrator: str) -> list[Job]:
    """Return one administrator's commit jobs from a response to "show jobs all", newest first."""
    jobs = _newest_first(response, "Commit")
    return [_commit_job(job) for job in jobs if job.findtext("user") == administrator]


def push_jobs(response: ET.Element) -> list[Push]:
    """Return all administrators' push jobs from a response to "show jobs all", newest first."""
    return [_push_job(job) for job in _newest_first(response, "CommitAll")]


def _newest_first(response: ET.Element, job_type: str) -> list[ET.Element]:
    jobs = [job for job in response.iterfind("result/job") if job.findtext("type") == job_type]
    return sorted(jobs, key=lambda job: int(job.findtext("id", "0")), reverse=True)


def _commit_job(job: ET.Element) -> Job:
    finished = job.findtext("status") == "FIN"
    return Job(
        job_id=job.findtext("id", ""),
        finished=finished,
        failed=finished and job.findtext("result") == "FAIL",
        details=tuple(line.text or "" for line in job.iterfind("details/line")),
        description=job.findtext("description", ""),
    )


def _push_job(job: ET.Element) -> Push:
    devices = {entry.findtext("serial-no", ""): entry for entry in job.iterfind("devices/entry")}
    return Push(
        job_id=job.findtext("id", ""),
        finished=job.findtext("status") == "FIN",
        failures={
            serial: " ".join(text for line in _details(entry) if (text := line.strip()))
            for serial, entry in devices.items()
            if entry.findtext("result") == "FAIL"
        },
        serials=frozenset(devices),
    )


def _details(entry: ET.Element) -> Iterator[str]:
    """Yield a push job's messages for one firewall: lines, or nested messages."""
    for details in entry.iterfind("details"):
        yield from details.itertext()
