"""Panorama's XML API, spoken with pan-os-python.

The library does requests, keys and answers. What its version 1.13.1 gets wrong is put right here:
it does not verify certificates, waits twenty minutes, lets time-outs and broken answers escape as
other libraries' exceptions, does not encode keys, and fails on one of the two forms in which
Panorama says that there is nothing to commit.
"""

from __future__ import annotations

import http.client
import logging
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import panos.base
import panos.errors
import panos.panorama

from vmseries_autoscale.credentials import Credentials
from vmseries_autoscale.errors import (
    OutOfTimeError,
    PanoramaBusyError,
    PanoramaError,
    PanoramaRefusedError,
    PanoramaTimeoutError,
    PanoramaUnavailableError,
    SecretError,
)
from vmseries_autoscale.panorama import refusals
from vmseries_autoscale.panorama.protocol import Device, Job, Membership, Part, Removal
from vmseries_autoscale.settings import PanoramaSettings

logger = logging.getLogger(__name__)

_LOCALHOST = "/config/devices/entry[@name='localhost.localdomain']"
_ACTIVE_STATES = {"primary-active", "secondary-active"}
_NOTHING_TO_COMMIT = re.compile(
    r"there are no changes to commit|the result of this commit would be the same", re.IGNORECASE
)
_NOTHING_TO_REVERT = re.compile(r"\b(no|nothing)\b.*(changes|edits|to revert)", re.IGNORECASE)
_NOT_PRESENT = "7"
_DEACTIVATED = re.compile(r"successfully (deactivated|removed)|already (in|de)activ", re.IGNORECASE)


def connect_to_active(settings: PanoramaSettings, credentials: Credentials) -> PanOsPanorama:
    """The Panorama that takes changes: the only one, or the active one of a pair.

    Raises:
        PanoramaError: as the first peer has it that does not tell its state, if none is active.
        PanoramaBusyError: if all tell their state and none is active, as during a failover.
    """
    context = _verifying_context(credentials.ca_bundle)
    if len(settings.hostnames) == 1:
        return PanOsPanorama(settings.hostnames[0], settings, credentials, context)
    silent: PanoramaError | PanoramaBusyError | None = None
    for hostname in settings.hostnames:
        panorama = PanOsPanorama(hostname, settings, credentials, context)
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


def _verifying_context(ca_bundle: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=ca_bundle)
    except ssl.SSLError as exc:
        raise SecretError("ca_bundle in the panorama secret is not PEM certificates") from exc
    # Python 3.13 made this a default. Chain, names and dates are verified without it; what it adds
    # is the refusal of certificates that lack extensions, as those of many private CAs do.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class _VerifiedPanorama(panos.panorama.Panorama):  # type: ignore[misc]  # panos has no types
    """pan-os-python's Panorama, with certificates verified and API keys encoded."""

    def __init__(self, context: ssl.SSLContext, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._context = context

    def generate_xapi(self) -> Any:
        xapi = super().generate_xapi()
        xapi.ssl_context = self._context
        return xapi

    def _retrieve_api_key(self) -> str:
        # The library's own would send the password over a connection that is not verified.
        xapi = panos.base.PanDevice.XapiWrapper(
            pan_device=self,
            api_username=self._api_username,
            api_password=self._api_password,
            hostname=self.hostname,
            port=self.port,
            timeout=self.timeout,
            ssl_context=self._context,
        )
        answer: ET.Element = xapi.keygen(retry_on_peer=False)
        return _encoded(answer.findtext("result/key", ""))


def _encoded(api_key: str) -> str:
    """A key as pan-python wants it: it puts keys into a form body as they are."""
    return quote(api_key, safe="")


class PanOsPanorama:
    """The Panorama protocol, by pan-os-python. Not thread-safe: answers live in the library."""

    def __init__(
        self,
        hostname: str,
        settings: PanoramaSettings,
        credentials: Credentials,
        context: ssl.SSLContext,
    ) -> None:
        self._hostname = hostname
        self._settings = settings
        self._username = credentials.username
        self._device = _VerifiedPanorama(
            context,
            hostname=hostname,
            port=settings.port,
            timeout=settings.timeout_seconds,
            api_key=credentials.api_key and _encoded(credentials.api_key),
            api_username=credentials.username,
            api_password=credentials.password,
        )
        self._xapi: Any = None

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

    def licences(self, serial: str) -> list[str]:
        """Features that the firewall has a licence for, asked of the firewall itself."""
        answer = self._op(_command("request", "license", "info"), serial)
        return [entry.findtext("feature", "") for entry in answer.iterfind("result/licenses/entry")]

    def set_licensing_api_key(self, serial: str, api_key: str) -> None:
        """Give the firewall the licensing API key; that it has this one already is success."""
        try:
            self._op(_command("request", "license", "api-key", "set", "key", text=api_key), serial)
        except PanoramaRefusedError as error:
            if "same as old" not in error.text.lower():
                raise

    def deactivate_licence(self, serial: str) -> bool:
        """Have the firewall give its licence back; whether it says that it has.

        It asks Palo Alto's licence server first, which may take minutes: no answer in time is no
        failure, the licences are read back by a later visit. A success can come in an envelope of
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
            answer, refusal = self._xapi.element_root, error
        for number, one in enumerate(answer.findall("response")):
            if one.get("status") == "success":
                continue
            meaning = refusals.meaning(one.get("code"), _message(one))
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
        target = {} if serial is None else {"target": serial}
        return self._request(lambda xapi: xapi.op(_xml(command), extra_qs=target))

    def _request(self, request: Callable[[Any], ET.Element]) -> ET.Element:
        """Make one request.

        Raises:
            AutoscaleError: as ``refusals`` has it, if it is refused or not answered.
        """
        with self._translated_errors():
            if self._xapi is None:
                # With a password, this is where the key is asked for.
                self._xapi = self._device.xapi
            return request(self._xapi)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except panos.errors.PanXapiError as exc:
            code = self._xapi.status_code if self._xapi is not None else None
            raise refusals.meaning(code, str(exc)) from exc
        except TimeoutError as exc:
            raise PanoramaTimeoutError(
                f"{self._hostname} did not answer within {self._settings.timeout_seconds} s"
            ) from exc
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as exc:
            raise PanoramaUnavailableError(
                f"{self._hostname} broke off its answer: {type(exc).__name__}"
            ) from exc


def _job(job: ET.Element) -> Job:
    finished = job.findtext("status") == "FIN"
    return Job(
        job_id=job.findtext("id", ""),
        finished=finished,
        failed=finished and job.findtext("result") == "FAIL",
        details=tuple(line.text or "" for line in job.iterfind("details/line")),
        description=job.findtext("description", ""),
    )


def _message(answer: ET.Element) -> str:
    """The text of an answer, whatever it is wrapped in."""
    return "\n".join(text for line in answer.itertext() if (text := line.strip()))


def _check_time(in_time: Callable[[], bool]) -> None:
    if not in_time():
        raise OutOfTimeError("no time left in this run")


def _serial(entry: ET.Element) -> str:
    return entry.findtext("serial", entry.get("name", ""))


def _says_deactivated(text: str) -> bool:
    return _DEACTIVATED.search(text) is not None


def _command(*path: str, text: str | None = None) -> ET.Element:
    """An operational command: elements within each other, the last one with a text."""
    root = ET.Element(path[0])
    _nested(root, *path[1:]).text = text
    return root


def _nested(parent: ET.Element, *path: str) -> ET.Element:
    for name in path:
        parent = ET.SubElement(parent, name)
    return parent


def _xml(element: ET.Element) -> str:
    return str(ET.tostring(element, encoding="unicode"))


def _entry(name: str) -> str:
    """The XPath step to the entry of this name.

    Raises:
        PanoramaRefusedError: if the name has both kinds of quotes, which XPath cannot say.
    """
    for mark in "'\"":
        if mark not in name:
            return f"entry[@name={mark}{name}{mark}]"
    raise PanoramaRefusedError(None, f"{name} has both kinds of quotes")
