"""Licenses as Panorama handles them: the licensing API key, and licenses of managed firewalls.

Palo Alto Networks, VM-Series Deployment Guide: "Install a License Deactivation API Key" (a key that
is set on Panorama is handed to the managed firewalls). ``request batch license`` works on connected
firewalls and is a job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from vmseries_lab.core.clock import Clock
from vmseries_lab.panorama import references
from vmseries_lab.panorama.config_store import Store
from vmseries_lab.panorama.devices import Devices
from vmseries_lab.panorama.jobs import Jobs, Report
from vmseries_lab.panorama.op_commands import Handler
from vmseries_lab.panorama.responses import ApiError, enqueued, entry, leaf, result

BATCH_SECONDS = 15.0
_DEACTIVATE = (
    "<request><license><deactivate><VM-Capacity><mode>auto</mode></VM-Capacity></deactivate>"
    "</license></request>"
)


@dataclass
class ApiKey:
    """The licensing API key of one machine, and the three commands on it."""

    value: str | None = None

    def command(self, command: Element) -> Element:
        """Carry out ``request license api-key set|show|delete``.

        Raises:
            ApiError: in the words that pango and others look for.
        """
        if (key := command.findtext(".//set/key")) is not None:
            if key == self.value:
                raise ApiError("API key is same as old")
            self.value = key
            return result(text="API key is successfully set")
        if command.find(".//delete") is not None:
            if self.value is None:
                raise ApiError("No API Key to be deleted")
            self.value = None
            return result(text="API Key is deleted")
        if self.value is None:
            raise ApiError("API Key is not set")
        return result(text=f"API key: {self.value}")


@dataclass
class Licenses:
    """Commands on licenses that are given to Panorama itself."""

    clock: Clock
    store: Store
    jobs: Jobs
    devices: Devices
    api_key: ApiKey = field(default_factory=ApiKey)

    def handlers(self) -> dict[str, Handler]:
        """Handlers by command."""
        return {
            "request/license/api-key": self._key,
            "request/license/info": lambda _command, _user: result(Element("licenses")),
            "request/batch/license/info": self._info,
            "request/batch/license/deactivate": self._deactivate,
        }

    def _key(self, command: Element, _user: str) -> Element:
        answer = self.api_key.command(command)
        if command.find(".//set") is not None:
            for serial in references.managed(self.store.running):
                self._pass_on(serial, command)
        return answer

    def _info(self, _command: Element, _user: str) -> Element:
        devices = Element("devices")
        for serial in references.managed(self.store.running):
            record = self.devices.get(serial)
            if record is None:
                continue
            device = entry(serial, serial_no=serial, devicename=record.link.hostname)
            answer = self._pass_on(
                serial, fromstring("<request><license><info/></license></request>")
            )
            licenses = answer.find("result/licenses") if answer is not None else None
            device.append(licenses if licenses is not None else leaf("licenses", ""))
            devices.append(device)
        return result(devices)

    def _deactivate(self, command: Element, user: str) -> Element:
        serials = (command.findtext(".//devices") or "").split(",")
        for serial in serials:
            if self.devices.connected(serial) is None:
                raise ApiError(f"{serial} not connected")
        job = self.jobs.add(
            "BatchLicense",
            user,
            self.clock.now(),
            lambda: BATCH_SECONDS,
            lambda: self._deactivated(serials),
        )
        return enqueued(job.number, commit=False)

    def _deactivated(self, serials: list[str]) -> Report:
        """Let each firewall deactivate its license, and note what each said."""
        lines: list[str] = []
        ok = True
        for serial in serials:
            try:
                answer = self._pass_on(serial, fromstring(_DEACTIVATE), quietly=False)
                words = "".join(answer.itertext()) if answer is not None else "not connected"
                ok = ok and answer is not None
            except ApiError as error:
                words, ok = str(error), False
            lines.append(f"{serial}: {words}")
        return Report(tuple(lines), ok=ok)

    def _pass_on(self, serial: str, command: Element, *, quietly: bool = True) -> Element | None:
        """A firewall's answer, or ``None`` if it is not connected (or, quietly, refuses)."""
        record = self.devices.connected(serial)
        if record is None:
            return None
        try:
            return record.link.operate(command)
        except ApiError:
            if not quietly:
                raise
            return None
