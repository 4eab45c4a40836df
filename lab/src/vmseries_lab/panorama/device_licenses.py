"""License commands of Panorama: the licensing API key, and licenses of managed firewalls.

Palo Alto Networks, VM-Series Deployment Guide: "Install a License Deactivation API Key" (Panorama
sets its key on the managed firewalls, too). ``request batch license`` is for connected firewalls
and starts a job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from vmseries_lab.core.clock import Clock
from vmseries_lab.panorama import references
from vmseries_lab.panorama.config_store import ConfigStore
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
    """The licensing API key of one Panorama or firewall, and its three commands."""

    value: str | None = None

    def command(self, command: Element) -> Element:
        """Execute ``request license api-key set|show|delete``.

        Raises:
            ApiError: with the texts that pango and other clients look for.
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
class DeviceLicenses:
    """License commands that Panorama executes itself."""

    clock: Clock
    store: ConfigStore
    jobs: Jobs
    devices: Devices
    api_key: ApiKey = field(default_factory=ApiKey)

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by command."""
        return {
            "request/license/api-key": self._key,
            "request/license/info": lambda _command, _user: result(Element("licenses")),
            "request/batch/license/info": self._info,
            "request/batch/license/deactivate": self._deactivate,
        }

    def _key(self, command: Element, _user: str) -> Element:
        response = self.api_key.command(command)
        if command.find(".//set") is not None:
            for serial in references.managed(self.store.running):
                self._forward(serial, command)
        return response

    def _info(self, _command: Element, _user: str) -> Element:
        devices = Element("devices")
        for serial in references.managed(self.store.running):
            record = self.devices.get(serial)
            if record is None:
                continue
            device = entry(serial, serial_no=serial, devicename=record.link.hostname)
            response = self._forward(
                serial, fromstring("<request><license><info/></license></request>")
            )
            licenses = response.find("result/licenses") if response is not None else None
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
            lambda: self._deactivate_each(serials),
        )
        return enqueued(job.number, commit=False)

    def _deactivate_each(self, serials: list[str]) -> Report:
        """Let each firewall deactivate its license; return their responses."""
        lines: list[str] = []
        ok = True
        for serial in serials:
            try:
                response = self._forward(serial, fromstring(_DEACTIVATE), ignore_errors=False)
                text = "".join(response.itertext()) if response is not None else "not connected"
                ok = ok and response is not None
            except ApiError as error:
                text, ok = str(error), False
            lines.append(f"{serial}: {text}")
        return Report(tuple(lines), ok=ok)

    def _forward(
        self, serial: str, command: Element, *, ignore_errors: bool = True
    ) -> Element | None:
        """Forward a command to a firewall; return its response, ``None`` if it is not connected.

        Args:
            serial: serial number of the firewall.
            command: operational command.
            ignore_errors: return ``None`` if the firewall rejects the command.

        Raises:
            ApiError: if the firewall rejects the command, unless errors are ignored.
        """
        record = self.devices.connected(serial)
        if record is None:
            return None
        try:
            return record.link.operate(command)
        except ApiError:
            if not ignore_errors:
                raise
            return None
