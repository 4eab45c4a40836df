"""License commands of Panorama: the licensing API key, and licenses of managed firewalls.

Palo Alto Networks, VM-Series Deployment Guide: "Install a License Deactivation API Key" (Panorama
sets its key on the managed firewalls, too).

``request batch license`` deactivates and refreshes licenses with a job of Panorama's own, and lists
them. Public tools of the field send ``deactivate`` for firewalls that are gone (Azure-Transit-VNet,
azure-hub/monitor.py; thresh97/aws-vmseries-builds), and ``refresh`` after a launch (the latter).
They show the requests and that a job answers. What Panorama does with a disconnected firewall, and
what the job and the list say afterwards, are assumptions. That Panorama needs its own licensing API
key and its own way to the licensing API follows from "Install a License Deactivation API Key".
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from vmseries_lab.core.assumptions import Assumptions
from vmseries_lab.core.clock import Clock
from vmseries_lab.licensing_api import Licensing, LicensingRejectedError
from vmseries_lab.panorama import license_features, references
from vmseries_lab.panorama.config_store import ConfigStore
from vmseries_lab.panorama.devices import Devices
from vmseries_lab.panorama.jobs import Jobs, Report
from vmseries_lab.panorama.op_commands import Handler
from vmseries_lab.panorama.responses import ApiError, enqueued, entry, result
from vmseries_lab.panorama.settings import Settings

BATCH_SECONDS = 15.0
DEACTIVATED = "Successfully deactivated VM. Please issue reboot"
"""Text of a deactivation (pan-python, doc/panlicapi.rst, there in manual mode)."""
UNREACHABLE = "Failed to get license info. Please try again later."


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
    licensing: Licensing
    settings: Settings
    assumptions: Assumptions
    api_key: ApiKey = field(default_factory=ApiKey)
    _refreshed: set[str] = field(default_factory=set)
    """Firewalls whose list was refreshed after their license was returned."""

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by command."""
        return {
            "request/license/api-key": self._key,
            "request/license/info": lambda _command, _user: result(Element("licenses")),
            "request/batch/license/info": self._info,
            "request/batch/license/refresh": self._refresh,
            "request/batch/license/deactivate/VM-Capacity": self._deactivate,
        }

    def _key(self, command: Element, _user: str) -> Element:
        response = self.api_key.command(command)
        if command.find(".//set") is not None:
            for serial in references.managed(self.store.running):
                self._forward(serial, command)
        return response

    def _info(self, _command: Element, _user: str) -> Element:
        """List the licenses of the managed firewalls that have one."""
        devices = Element("devices")
        for serial in references.managed(self.store.running):
            record = self.devices.get(serial)
            listed = self._listed(serial)
            if record is None or not listed:
                continue
            device = entry(serial, serial_no=serial, devicename=record.link.hostname)
            device.append(license_features.batch_list(listed))
            devices.append(device)
        return result(devices)

    def _listed(self, serial: str) -> list[license_features.Feature]:
        """Return the licenses that Panorama lists for a firewall.

        Panorama shows what it last retrieved, so that a license that was returned may be listed
        until a refresh.
        """
        returned = self.licensing.returned(serial)
        stale = self.assumptions["batch-license-info"] == "stale"
        return license_features.features(
            licensed=not returned or (stale and serial not in self._refreshed),
            deactivated=returned,
            survivors=self.assumptions["features-after-deactivation"],
        )

    def _refresh(self, command: Element, user: str) -> Element:
        """Retrieve the licenses of connected firewalls again."""
        return self._start(self._named(command), user, self._refresh_one)

    def _refresh_one(self, serial: str) -> str:
        if self.devices.connected(serial) is None:
            raise ApiError("not connected")
        if self.licensing.returned(serial):
            self._refreshed.add(serial)
        return "License refreshed"

    def _deactivate(self, command: Element, user: str) -> Element:
        """Deactivate the licenses of firewalls, with a job.

        Raises:
            ApiError: if Panorama has no licensing API key, or cannot do that for a firewall that is
                not connected.
        """
        if command.findtext(".//mode") != "auto":
            raise ApiError("request -> batch -> license -> deactivate needs mode auto", code=17)
        serials = self._named(command)
        if self.api_key.value is None:
            raise ApiError("API Key is not set")
        if self.assumptions["batch-license-disconnected"] == "request-refused":
            for serial in serials:
                if self.devices.connected(serial) is None:
                    raise ApiError(f"{serial} not connected")
        return self._start(serials, user, self._deactivate_one)

    def _deactivate_one(self, serial: str) -> str:
        away = self.devices.connected(serial) is None
        if away and self.assumptions["batch-license-disconnected"] != "returned":
            raise ApiError("not connected")
        if not self.settings.licensing_reachable:
            raise ApiError(UNREACHABLE)
        try:
            self.licensing.may_deactivate(self.api_key.value)
        except LicensingRejectedError as error:
            raise ApiError(str(error)) from error
        if not self.licensing.covers(serial):
            raise ApiError("There is no VM-Capacity license to deactivate")
        self.licensing.return_license(serial, by="panorama")
        return DEACTIVATED

    def _named(self, command: Element) -> list[str]:
        """Return the serial numbers that a command names, separated by commas.

        Raises:
            ApiError: if it names none, or code 7 if one is not managed.
        """
        serials = [part.strip() for part in (command.findtext(".//devices") or "").split(",")]
        if not all(serials):
            raise ApiError("request -> batch -> license needs devices", code=17)
        managed = set(references.managed(self.store.running))
        if unknown := [serial for serial in serials if serial not in managed]:
            raise ApiError(f"devices -> {unknown[0]} is not a valid reference", code=7)
        return serials

    def _start(self, serials: list[str], user: str, work: Callable[[str], str]) -> Element:
        """Start a job that works on each firewall."""
        job = self.jobs.add(
            "BatchLicense",
            user,
            self.clock.now(),
            lambda: BATCH_SECONDS,
            lambda: self._work_on_each(serials, work),
        )
        return enqueued(job.number, commit=False)

    def _work_on_each(self, serials: list[str], work: Callable[[str], str]) -> Report:
        outcomes: list[tuple[str, str, bool, str]] = []
        for serial in serials:
            record = self.devices.get(serial)
            name = record.link.hostname if record else serial
            try:
                outcomes.append((serial, name, True, work(serial)))
            except ApiError as error:
                outcomes.append((serial, name, False, str(error)))
        ok = all(done for _, _, done, _ in outcomes)
        if self.assumptions["batch-license-result"] == "per-device":
            return Report((), ok=ok, devices=tuple(outcomes))
        return Report(tuple(f"{serial}: {text}" for serial, _, _, text in outcomes), ok=ok)

    def _forward(self, serial: str, command: Element) -> None:
        """Forward a command to a firewall, unless it is not connected; ignore its errors."""
        record = self.devices.connected(serial)
        if record is not None:
            with contextlib.suppress(ApiError):
                record.link.operate(command)
