"""The requests of a recording, and the open questions that each answer settles.

Every request reads. None can answer with a secret: the licensing API key, bootstrap keys and
administrators are not asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from vmseries_autoscale.licensing.by_plugin import PLUGIN_ADMINISTRATOR
from vmseries_autoscale.pan_os.commands import command
from vmseries_autoscale.pan_os.values import job_number
from vmseries_autoscale.panorama import read_commands
from vmseries_autoscale.settings import LicensingMode, PanoramaSettings

DEVICE_GROUP, LIST_OF_JOBS = "device group", "jobs"
"""Names of the requests on whose answers others depend."""
FORM_OF_CHANGES = "Which form has a list of open changes?"


@dataclass(frozen=True, slots=True)
class Request:
    """A read-only operational command.

    Attributes:
        name: Name in the recording.
        question: What the answer tells.
        command: The command.
        target: Serial number of the firewall that Panorama forwards it to.
    """

    name: str
    question: str
    command: ET.Element
    target: str | None = None


JOBS = Request(
    LIST_OF_JOBS,
    "Does an id occur twice, do pushes have devices, and how large is the list?",
    read_commands.jobs(),
)


def of_panorama(
    settings: PanoramaSettings, username: str, mode: LicensingMode, license_manager: str | None
) -> Iterator[Request]:
    """Yield the requests that Panorama answers itself, the most useful ones first."""
    yield Request(
        DEVICE_GROUP,
        "Does Panorama answer with this device group only, and which states has a firewall?",
        read_commands.device_group(settings.device_group),
    )
    yield Request(
        "template stack",
        "The same for template stacks.",
        read_commands.template_stack(settings.template_stack),
    )
    if license_manager is not None:
        yield Request(
            "license plugin",
            "Which elements has the list with no, one and several firewalls, and while one boots?",
            read_commands.plugin_devices(license_manager),
        )
        yield Request(
            "changes of the license plugin",
            FORM_OF_CHANGES,
            read_commands.open_changes(PLUGIN_ADMINISTRATOR),
        )
    yield JOBS
    yield Request("system", "Which version is it?", command("show", "system", "info"))
    yield Request(
        "high availability",
        "Which states has a pair?",
        read_commands.ha_state(),
    )
    if mode is not LicensingMode.NONE:
        yield Request(
            "batch licenses",
            "Which licenses does Panorama know of connected and of dead firewalls?",
            read_commands.batch_licenses(),
        )
    yield Request("own changes", FORM_OF_CHANGES, read_commands.open_changes(username))
    if settings.log_collector_group is not None:
        yield Request(
            "log collector groups",
            "Which elements has a log collector group?",
            read_commands.log_collector_groups(),
        )
    yield Request(
        "plugins", "Which plugins are installed?", command("show", "plugins", "installed")
    )
    yield Request(
        "devices",
        "How large is the list of all firewalls, how long does it take, and which names and "
        "addresses does it show?",
        read_commands.devices(),
    )


def of_firewall(serial: str) -> Iterator[Request]:
    """Yield the requests that Panorama forwards to a connected firewall (``target=``)."""
    yield Request(
        "firewall: system",
        "May the role ask a firewall, which CPU id and license has it, and which MAC address?",
        command("show", "system", "info"),
        serial,
    )
    yield Request(
        "firewall: licenses",
        "Which features has a licensed firewall?",
        command("request", "license", "info"),
        serial,
    )


def of_jobs(answer: ET.Element) -> Iterator[Request]:
    """Yield requests for the newest commit and the newest push in a list of jobs, by their ids."""
    for kind, name in (("Commit", "commit"), ("CommitAll", "push")):
        numbers = [
            number
            for job in answer.iterfind("result/job")
            if job.findtext("type") == kind
            and (number := job_number(job.findtext("id"))) is not None
        ]
        if numbers:
            yield Request(
                f"newest {name}",
                "Which details has one job, and has a push devices here?",
                read_commands.job(str(max(numbers))),
            )
