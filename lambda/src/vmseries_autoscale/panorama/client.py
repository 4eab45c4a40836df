"""Panorama's XML API: what it is asked, and what its answers mean.

Commits are asked for below the library's own method, whose version 1.13.1 fails on one of the two
forms in which Panorama says that there is nothing to commit.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import (
    PanoramaBusyError,
    PanoramaError,
    PanoramaRefusedError,
    PanoramaTimeoutError,
    PanoramaUnavailableError,
    TimeBudgetExceededError,
)
from vmseries_autoscale.pan_os import errors
from vmseries_autoscale.pan_os.connection import Connection, Errors
from vmseries_autoscale.pan_os.connection import command as _command
from vmseries_autoscale.pan_os.connection import nested as _nested
from vmseries_autoscale.pan_os.connection import says_deactivated as _says_deactivated
from vmseries_autoscale.pan_os.connection import xml as _xml
from vmseries_autoscale.panorama.interface import Device, Job, Membership, Part, Push, Removal
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings

logger = logging.getLogger(__name__)

_LOCALHOST = "/config/devices/entry[@name='localhost.localdomain']"
_ACTIVE_STATES = {"primary-active", "secondary-active"}
_NOTHING_TO_COMMIT = re.compile(
    r"there are no changes to commit|the result of this commit would be the same", re.IGNORECASE
)
_NOTHING_TO_REVERT = re.compile(r"\b(no|nothing)\b.*(changes|edits|to revert)", re.IGNORECASE)
_NOT_PRESENT = "7"
_ERRORS = Errors(errors.meaning, PanoramaTimeoutError, PanoramaUnavailableError)


def connect_to_active(settings: PanoramaSettings, credentials: Credentials) -> PanOsPanorama:
    """The Panorama that takes changes: the only one, or the active one of a pair.

    Raises:
        PanoramaError: as the first peer has it that does not tell its state, if none is active.
        PanoramaBusyError: if all tell their state and none is active, as during a failover.
    """
    if len(settings.hostnames) == 1:
        return PanOsPanorama(settings.hostnames[0], settings, credentials)
    silent: PanoramaError | PanoramaBusyError | None = None
    for hostname in settings.hostnames:
        panorama = PanOsPanorama(hostname, settings, credentials)
        try:
            if panorama.is_active():
                return panorama
        except (PanoramaError, PanoramaBusyError) as error:
            logger.warning(
                "A Panorama peer does not tell its state",
                extra={"hostname": hostname, "reason": str(error)},
            )
            silent = silent or error
    if silent is not None:
        raise silent
    raise PanoramaBusyError(f"none of {', '.join(settings.hostnames)} is the active peer")


class PanOsPanorama:
    """The Panorama protocol, by pan-os-python. Not thread-safe: answers live in the library."""

    def __init__(self, hostname: str, settings: PanoramaSettings, credentials: Credentials) -> None:
        self._settings = settings
        self._username = credentials.username
        self._connection = Connection(
            hostname, settings.port, settings.timeout_seconds, credentials, _ERRORS
        )

    def is_active(self) -> bool:
        """Whether this peer takes changes; one without high availability does.

        States: "show high-availability state" on Panorama, see the PAN-OS CLI reference.
        """
        state = self._op(_command("show", "high-availability", "state"))
        if state.findtext("result/enabled") == "no":
            return True
        return state.findtext("result/local-info/state") in _ACTIVE_STATES

    def devices(self) -> list[Device]:
        """All firewalls that Panorama knows."""
        policy = self._statuses(
            _command("show", "devicegroups", "name", text=self._settings.device_group),
            "shared-policy-status",
        )
        template = self._statuses(
            _command("show", "template-stack", "name", text=self._settings.template_stack),
            "template-status",
        )
        known = self._op(_command("show", "devices", "all"))
        return [
            Device(
                serial=serial,
                hostname=entry.findtext("hostname", ""),
                ip_address=entry.findtext("ip-address", ""),
                connected=entry.findtext("connected") == "yes",
                policy_status=policy.get(serial),
                template_status=template.get(serial),
            )
            for entry in known.findall("result/devices/entry")
            if (serial := _serial(entry))
        ]

    def _statuses(self, command: ET.Element, element: str) -> dict[str, str]:
        """The text of ``element`` for each firewall; with several virtual systems, of the first."""
        answer = self._op(command)
        return {
            _serial(entry): entry.findtext(f".//{element}", "")
            for entry in answer.findall("result/*/entry/devices/entry")
        }

    def push(self, serials: Collection[str]) -> str | None:
        """Queue a push of our device group, with its templates, to these firewalls only.

        https://docs.paloaltonetworks.com/ngfw/api/pan-os-xml-api-request-types-and-actions/commit-all
        """
        push = ET.Element("commit-all")
        policy = _nested(push, "shared-policy")
        group = _nested(policy, "device-group", "entry")
        group.set("name", self._settings.device_group)
        devices = _nested(group, "devices")
        for serial in sorted(serials):
            _nested(devices, "entry").set("name", serial)
        _nested(policy, "include-template").text = "yes"
        answer = self._request(lambda xapi: xapi.commit(cmd=_xml(push), action="all"))
        return answer.findtext("result/job")

    def pushes(self) -> list[Push]:
        """The push jobs that Panorama remembers, whoever has asked for them, newest first."""
        answer = self._op(_command("show", "jobs", "all"))
        jobs = [job for job in answer.iterfind("result/job") if job.findtext("type") == "CommitAll"]
        jobs.sort(key=lambda job: int(job.findtext("id", "0")), reverse=True)
        return [_push(job) for job in jobs]

    def licenses(self, serial: str) -> list[str]:
        """Features that the firewall has a license for, asked of the firewall itself."""
        answer = self._op(_command("request", "license", "info"), serial)
        return [entry.findtext("feature", "") for entry in answer.iterfind("result/licenses/entry")]

    def set_licensing_api_key(self, serial: str, api_key: str) -> None:
        """Give the firewall the licensing API key; that it has this one already is success."""
        try:
            self._op(_command("request", "license", "api-key", "set", "key", text=api_key), serial)
        except PanoramaRefusedError as error:
            if "same as old" not in error.text.lower():
                raise

    def deactivate_license(self, serial: str) -> bool:
        """Have the firewall give its license back; whether it says that it has.

        It asks Palo Alto's license server first, which may take minutes: no answer in time is no
        failure, the licenses are read back by a later visit. A success can come in an envelope of
        an error.
        """
        command = _command("request", "license", "deactivate", "VM-Capacity", "mode", text="auto")
        try:
            return _says_deactivated("".join(self._op(command, serial).itertext()))
        except PanoramaTimeoutError:
            return False
        except PanoramaRefusedError as error:
            if _says_deactivated(error.text):
                return True
            raise

    def plugin_licensed(self, license_manager: str) -> frozenset[str]:
        """Serial numbers that the license plugin's license manager lists as licensed.

        ``show plugins sw_fw_license devices license-manager``: an entry for each firewall, with its
        serial number, as the vendor's own auto scaling module reads it
        (PaloAltoNetworks/terraform-aws-swfw-modules, modules/asg).
        """
        answer = self._op(
            _command(
                *("show", "plugins", "sw_fw_license", "devices", "license-manager"),
                text=license_manager,
            )
        )
        return frozenset(text for one in answer.iterfind("result//serial") if (text := one.text))

    def plugin_deactivate(self, license_manager: str, serials: Collection[str]) -> None:
        """Have the license plugin give licenses back, all with one request.

        ``request plugins sw_fw_license deactivate``, as the same module asks it. The plugin answers
        "Deactivation request sent. Check system logs for status." and does the rest later. A
        license that is back already is success; what became of the others, its list tells.
        """
        request = ET.Element("request")
        deactivate = _nested(request, "plugins", "sw_fw_license", "deactivate")
        _nested(deactivate, "license-manager").text = license_manager
        devices = _nested(deactivate, "devices")
        for serial in sorted(serials):
            _nested(devices, "member").text = serial
        try:
            self._op(request)
        except PanoramaRefusedError as error:
            if not _says_deactivated(error.text):
                raise

    def running(self) -> Membership:
        """Who is named in the running configuration."""
        return self._membership(lambda xapi, xpath: xapi.show(xpath))

    def candidate(self) -> Membership:
        """Who is named in the candidate configuration."""
        return self._membership(lambda xapi, xpath: xapi.get(xpath))

    def _membership(self, read: Callable[[Any, str], ET.Element]) -> Membership:
        return {part: self._members(read, xpath) for part, xpath in self._xpaths().items()}

    def _members(self, read: Callable[[Any, str], ET.Element], xpath: str) -> frozenset[str]:
        try:
            answer = self._request(lambda xapi: read(xapi, xpath))
        except PanoramaRefusedError as error:
            if "no such node" in error.text.lower():
                return frozenset()
            raise
        return frozenset(entry.get("name", "") for entry in answer.iterfind("result/devices/entry"))

    def remove_all(
        self, removals: Sequence[Removal], in_time: Callable[[], bool]
    ) -> dict[Removal, PanoramaRefusedError]:
        """Remove firewalls from parts of the candidate configuration, in one transaction.

        What is refused, with its reason in an answer of its own, is left out of the next try. One
        by one where Panorama has no multi-config requests, or does not say what it refuses.
        """
        refused: dict[Removal, PanoramaRefusedError] = {}
        left = list(removals)
        while len(left) > 1:
            failed = self._remove_together(left)
            if failed is None:
                return refused
            number, error = failed
            if number is None:
                logger.warning("Removing one by one", extra={"reason": str(error)})
                break
            removal = left.pop(number)
            if error.code != _NOT_PRESENT:
                refused[removal] = error
            _check_time(in_time)
        for number, removal in enumerate(left):
            if number > 0:
                _check_time(in_time)
            try:
                self.remove(*removal)
            except PanoramaRefusedError as error:
                refused[removal] = error
        return refused

    def _remove_together(
        self, removals: Sequence[Removal]
    ) -> tuple[int | None, PanoramaRefusedError] | None:
        """Remove all of them or none.

        "Multi-Config Request (API)" in the PAN-OS and Panorama API guide. Not with
        ``strict-transactional``: that first drops our administrator's open changes, among them what
        another visit has removed, and it is refused while a commit is under way.

        Returns:
            ``None`` if all are removed; otherwise which one is refused, as far as that can be told,
            and why.
        """
        root = ET.Element("multi-configure-request")
        for number, (part, serial) in enumerate(removals):
            xpath = self._xpath(part, serial)
            ET.SubElement(root, "delete", {"id": str(number), "xpath": xpath})
        # As a mapping: pan-python would encode a string a second time.
        fields = {"type": "config", "action": "multi-config", "element": _xml(root)}
        refusal: PanoramaRefusedError | None = None
        try:
            answer = self._request(lambda xapi: xapi.ad_hoc(qs=fields, modify_qs=True))
        except PanoramaRefusedError as error:
            # Of the nested answers, which have the reason, the library's error says nothing.
            answer, refusal = self._connection.answer, error
        for number, one in enumerate(answer.findall("response")):
            if one.get("status") == "success":
                continue
            meaning = errors.meaning(one.get("code"), _message(one))
            if not isinstance(meaning, PanoramaRefusedError):
                raise meaning
            return number, meaning
        return None if refusal is None else (None, refusal)

    def remove(self, part: Part, serial: str) -> None:
        """Remove a firewall from a part of the candidate configuration.

        Deleting what is not there succeeds with code 7, so that this can be repeated.
        """
        xpath = self._xpath(part, serial)
        self._request(lambda xapi: xapi.delete(xpath))

    def _xpath(self, part: Part, serial: str) -> str:
        return f"{self._xpaths()[part]}/{_entry(serial)}"

    def _xpaths(self) -> dict[Part, str]:
        """Where each part of the configuration lists its firewalls."""
        settings = self._settings
        stack = f"{_LOCALHOST}/template-stack/{_entry(settings.template_stack)}/devices"
        group = f"{_LOCALHOST}/device-group/{_entry(settings.device_group)}/devices"
        xpaths = {Part.TEMPLATE_STACK: stack, Part.DEVICE_GROUP: group}
        if settings.log_collector_group is not None:
            collectors = f"{_LOCALHOST}/log-collector-group/{_entry(settings.log_collector_group)}"
            xpaths[Part.LOG_COLLECTOR_GROUP] = f"{collectors}/logfwd-setting/devices"
        xpaths[Part.MANAGED_DEVICES] = "/config/mgt-config/devices"
        return xpaths

    def commit(self, description: str, administrator: str | None = None) -> str | None:
        """Queue a commit of one administrator's changes only, our own if none is named.

        "Commit" in the PAN-OS and Panorama API guide: a partial commit names the administrators
        whose changes it takes; everybody else's unfinished edits stay where they are.
        """
        commit = ET.Element("commit")
        ET.SubElement(commit, "description").text = description
        _nested(commit, "partial", "admin", "member").text = administrator or self._username
        try:
            answer = self._request(lambda xapi: xapi.commit(cmd=_xml(commit)))
        except PanoramaRefusedError as error:
            if _NOTHING_TO_COMMIT.search(error.text):
                return None
            raise
        job_id = answer.findtext("result/job")
        text = " ".join("".join(answer.itertext()).split())
        if job_id is None and not _NOTHING_TO_COMMIT.search(text):
            raise PanoramaRefusedError(answer.get("code"), f"commit without a job: {text}")
        return job_id

    def revert(self) -> None:
        """Drop our own administrator's changes that are not committed; having none is success.

        ``revert config partial admin``, see the PAN-OS CLI reference.
        """
        revert = ET.Element("revert")
        _nested(revert, "config", "partial", "admin", "member").text = self._username
        try:
            self._op(revert)
        except PanoramaRefusedError as error:
            if not _NOTHING_TO_REVERT.search(error.text):
                raise

    def commits(self) -> list[Job]:
        """The commit jobs that our own administrator has asked for, the newest first."""
        answer = self._op(_command("show", "jobs", "all"))
        own = [
            job
            for job in answer.iterfind("result/job")
            if job.findtext("type") == "Commit" and job.findtext("user") == self._username
        ]
        own.sort(key=lambda job: int(job.findtext("id", "0")), reverse=True)
        return [_job(job) for job in own]

    def _op(self, command: ET.Element, serial: str | None = None) -> ET.Element:
        """Run an operational command, on the firewall ``serial`` if one is named."""
        return self._connection.op(command, serial)

    def _request(self, request: Callable[[Any], ET.Element]) -> ET.Element:
        """Make one request.

        Raises:
            AutoscaleError: as ``refusals`` has it, if it is refused or not answered.
        """
        return self._connection.request(request)


def _job(job: ET.Element) -> Job:
    finished = job.findtext("status") == "FIN"
    return Job(
        job_id=job.findtext("id", ""),
        finished=finished,
        failed=finished and job.findtext("result") == "FAIL",
        details=tuple(line.text or "" for line in job.iterfind("details/line")),
        description=job.findtext("description", ""),
    )


def _push(job: ET.Element) -> Push:
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
    """What a push job says of one firewall: lines, or messages within each other."""
    for details in entry.iterfind("details"):
        yield from details.itertext()


def _message(answer: ET.Element) -> str:
    """The text of an answer, whatever it is wrapped in."""
    return "\n".join(text for line in answer.itertext() if (text := line.strip()))


def _check_time(in_time: Callable[[], bool]) -> None:
    if not in_time():
        raise TimeBudgetExceededError("no time left in this run")


def _serial(entry: ET.Element) -> str:
    return entry.findtext("serial", entry.get("name", ""))


def _entry(name: str) -> str:
    """The XPath step to the entry of this name.

    Raises:
        PanoramaRefusedError: if the name has both kinds of quotes, which XPath cannot say.
    """
    for mark in "'\"":
        if mark not in name:
            return f"entry[@name={mark}{name}{mark}]"
    raise PanoramaRefusedError(None, f"{name} has both kinds of quotes")
