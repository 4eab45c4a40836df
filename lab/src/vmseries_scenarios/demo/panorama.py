"""What a read-only administrator sees on Panorama: its firewalls and its jobs.

Palo Alto Networks, PAN-OS and Panorama API guide: "Run Operational Mode Commands (API)"; the
commands are those of the command line, `show devices all`, `show jobs all` and so on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from vmseries_lab.client import Lab
from vmseries_lab.panorama.initial_config import READER
from vmseries_scenarios.demo.model import IN_SYNC, OUT_OF_SYNC, Device, Job

DEVICES = "<show><devices><all/></devices></show>"
DEVICE_GROUPS = "<show><devicegroups/></show>"
TEMPLATE_STACKS = "<show><template-stack/></show>"
JOBS = "<show><jobs><all/></jobs></show>"

STATES = {"In Sync": IN_SYNC, "Out of Sync": OUT_OF_SYNC}
"""Panorama's values for the status of a device group or template stack, and the short ones here."""


def devices(lab: Lab) -> dict[str, Device]:
    """Return all managed firewalls, by serial number.

    Raises:
        LabError: Panorama refused the request.
    """
    groups = _statuses(_query(lab, DEVICE_GROUPS), "shared-policy-status")
    stacks = _statuses(_query(lab, TEMPLATE_STACKS), "template-status")
    return {
        (serial := entry.findtext("serial", "")): Device(
            serial=serial,
            hostname=entry.findtext("hostname", ""),
            connected=entry.findtext("connected") == "yes",
            connected_at=_seconds(entry.findtext("connected-at", "")),
            group=groups.get(serial, "-"),
            stack=stacks.get(serial, "-"),
        )
        for entry in _query(lab, DEVICES).iterfind("result/devices/entry")
    }


def jobs(lab: Lab) -> list[Job]:
    """Return all jobs that Panorama lists, oldest first.

    Raises:
        LabError: Panorama refused the request.
    """
    jobs = [_job(element) for element in _query(lab, JOBS).iterfind("result/job")]
    # The list may have a second entry of a job, which never ends.
    by_number = {job.number: job for job in reversed(jobs)}
    return [by_number[number] for number in sorted(by_number)]


def _query(lab: Lab, command: str) -> Element:
    return lab.panorama.request(type="op", cmd=command, key=READER.key)


def _statuses(answer: Element, name: str) -> dict[str, str]:
    """Return the status of each firewall, by serial number."""
    return {
        entry.findtext("serial", ""): STATES.get(entry.findtext(name, ""), "-")
        for entry in answer.iterfind("result/*/entry/devices/entry")
    }


def _job(job: Element) -> Job:
    return Job(
        number=int(job.findtext("id", "0")),
        kind=job.findtext("type", ""),
        user=job.findtext("user", ""),
        description=job.findtext("description", ""),
        result=job.findtext("result", ""),
        queued_at=_seconds(job.findtext("tenq", "")) or 0.0,
        finished_at=_seconds(job.findtext("tfin", "")),
        pushed=frozenset(
            entry.findtext("serial-no", "")
            for entry in job.iterfind("devices/entry")
            if entry.findtext("result") == "OK"
        ),
    )


def _seconds(text: str) -> float | None:
    """Parse a time of Panorama, whose clock is on UTC here; None for any other text."""
    try:
        return datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None  # "Still Active", or nothing
