"""The Panorama plugin ``sw_fw_license``: Panorama takes firewalls' licenses and gives them back.

Palo Alto Networks, VM-Series Deployment Guide: "Use Panorama-Based Software Firewall License
Management". The commands and as much of the answers as is known are those of the vendor's own
function (terraform-aws-swfw-modules, modules/asg/scripts/lambda.py): ``show plugins sw_fw_license
devices``, ``request plugins sw_fw_license deactivate``, which only promises, and then a commit of
the administrator ``__sw_fw_license``. What the plugin changes in the configuration is recorded
nowhere. Here each license manager has an entry for each device that it licensed; a deactivation
takes the entry out of the candidate, and the list of devices is that of the running configuration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import API_KEY, AUTH_CODE, Licensing, LicensingRefusedError
from vmseries_lab.net.certificates import PANORAMA_NAMES
from vmseries_lab.panorama import config_tree, initial_config, references
from vmseries_lab.panorama.config_store import Change
from vmseries_lab.panorama.devices import Link
from vmseries_lab.panorama.op_commands import Handler
from vmseries_lab.panorama.responses import ApiError, entry, leaf, result
from vmseries_lab.panorama.service import Panorama, RegistrationRefusedError

NAME = "sw_fw_license"
VERSION = "1.2.3"
ADMIN = "__sw_fw_license"
"""The administrator in whose name the plugin changes the configuration."""
LICENSE_MANAGER = "autoscale-licenses"
SENT = "Deactivation request sent. Check system logs for status."
RETRY_SECONDS = 300.0
"""How long the plugin waits after an automatic deactivation that the vendor refused."""
_ROOT = f"{references.LOCALHOST}/plugins/{NAME}"
_MANAGERS = f"{_ROOT}/license-manager"
_HOUR = 3600.0
_COMMIT = f"<commit><partial><admin><member>{ADMIN}</member></admin></partial></commit>"
_CONFIGURATION = (
    f"<bootstrap-definition><entry name='{LICENSE_MANAGER}'>"
    f"<authcode>{AUTH_CODE}</authcode>"
    "</entry></bootstrap-definition>"
    f"<license-manager><entry name='{LICENSE_MANAGER}'>"
    f"<device-group>{initial_config.DEVICE_GROUP}</device-group>"
    f"<template-stack>{initial_config.TEMPLATE_STACK}</template-stack>"
    f"<bootstrap-definition>{LICENSE_MANAGER}</bootstrap-definition>"
    "</entry></license-manager>"
)
_CONTAINERS = ("template-stack", "device-group", "log-collector-group")


@dataclass(frozen=True, slots=True)
class Manager:
    """A license manager as the running configuration has it.

    Attributes:
        auth_code: of its bootstrap definition.
        hours: of disconnection until a device is deactivated; ``None`` for never.
        serials: the devices that it licensed.
    """

    name: str
    group: str
    stack: str
    auth_code: str
    hours: float | None
    serials: tuple[str, ...]

    @property
    def auth_key(self) -> str:
        """The key with which firewalls come to it."""
        return f"_AQ__{hashlib.sha256(self.name.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class _Request:
    """A deactivation that was promised, and which peer promised it."""

    due: float
    host: str


class LicensePlugin:
    """The plugin on one Panorama; it does nothing until it is installed."""

    def __init__(self, world: World, panorama: Panorama, licensing: Licensing) -> None:
        self._world = world
        self._panorama = panorama
        self._licensing = licensing
        self._requests: dict[tuple[str, str], _Request] = {}
        self._seen: dict[str, float] = {}
        self._commits = False
        self.installed = False
        panorama.api.handlers |= {
            f"show/plugins/{which}": lambda _command, _user: self._plugins()
            for which in ("installed", "packages")
        }

    def configure(self, **knobs: Any) -> None:
        """Turn the lab's knobs.

        Args:
            knobs: ``installed``: with a license manager for the device group, stack and auth code
                that the lab's Panorama has from the start, and the licensing API key on Panorama.

        Raises:
            ValueError: for a knob that does not exist.
        """
        installed = bool(knobs.pop("installed", self.installed))
        if knobs:
            raise ValueError(f"there is no knob called {', '.join(sorted(knobs))}")
        if installed == self.installed:
            return
        with self._world.lock:
            self.installed = installed
            for chain, handler in self._handlers().items():
                if installed:
                    self._panorama.api.handlers[chain] = handler
                else:
                    self._panorama.api.handlers.pop(chain)
            if installed:
                self._panorama.store.make(_ROOT, _CONFIGURATION)
                self._panorama.licenses.api_key.value = API_KEY

    # What firewalls do.

    def auth_code(self, auth_key: str) -> str:
        """The auth code that a firewall with this key is licensed by.

        Raises:
            RegistrationRefusedError: if no license manager has given the key out.
        """
        return self._of_key(auth_key).auth_code

    def admit(self, link: Link, auth_key: str) -> None:
        """Take a firewall in that has been licensed: the license manager says where it belongs.

        A log collector group is not among that (PAN-182488, in the vendor's README of
        ``panorama-init``).

        Raises:
            RegistrationRefusedError: if no license manager has given the key out.
        """
        manager = self._of_key(auth_key)
        self._panorama.store.make(_devices_path(manager.name), f"<entry name='{link.serial}'/>")
        self._panorama.take_in(link, group=manager.group, stack=manager.stack, logs=None)

    def _of_key(self, auth_key: str) -> Manager:
        for manager in self.managers() if self.installed else ():
            if manager.auth_key == auth_key:
                return manager
        raise RegistrationRefusedError("the auth-key is not that of a license manager")

    # What administrators do.

    def _handlers(self) -> dict[str, Handler]:
        """Handlers by command."""
        return {
            f"show/plugins/{NAME}/devices": lambda command, _user: self._devices(command),
            f"request/plugins/{NAME}/deactivate": lambda command, _user: self._request(command),
            f"request/plugins/{NAME}/bootstrap-parameters": (
                lambda command, _user: self._parameters(command)
            ),
        }

    def _plugins(self) -> Element:
        """``show plugins installed|packages``, in the shape that pan-os-python parses."""
        plugins = Element("plugins")
        for name, version in (("vm_series", "5.1.0"), *([(NAME, VERSION)] * self.installed)):
            plugins.append(
                entry(
                    f"{name}-{version}",
                    name=name,
                    version=version,
                    release_date="2025/11/04 09:00:00",
                    release_note_url="",
                    pkg_file=f"{name}-{version}",
                    size="10M",
                    platform="any",
                    installed="yes",
                    downloaded="yes",
                )
            )
        return result(plugins)

    def _devices(self, command: Element) -> Element:
        """The devices that a license manager licensed, connected or not."""
        devices = Element("devices")
        for serial in self._asked(command).serials:
            device = entry(serial, serial=serial)
            if (record := self._panorama.devices.get(serial)) is not None:
                device.append(leaf("name", record.link.hostname))
                device.append(leaf("ip", record.link.ip_address))
            connected = self._panorama.devices.connected(serial)
            device.append(leaf("connected", "yes" if connected else "no"))
            devices.append(device)
        return result(devices)

    def _request(self, command: Element) -> Element:
        """Promise to deactivate licenses a little later. Asking again changes nothing."""
        manager = self._asked(command)
        serials = [member.text or "" for member in command.iterfind(".//devices/member")]
        if not serials:
            raise ApiError(f"request -> plugins -> {NAME} -> deactivate needs devices", code=17)
        for serial in serials:
            if serial not in manager.serials:
                raise ApiError(f"{serial} not found in license-manager {manager.name}")
        due = self._world.clock.now() + self._licensing.deactivation_seconds
        request = _Request(due, self._panorama.leading.host)
        for serial in serials:
            self._requests.setdefault((manager.name, serial), request)
        return result(text=SENT)

    def _parameters(self, command: Element) -> Element:
        """What the bootstrap parameters of a license manager's firewalls must hold."""
        manager = self._asked(command)
        parameters = {
            "auth-key": manager.auth_key,
            "panorama-server": PANORAMA_NAMES[0],
            "dgname": manager.group,
            "tplname": manager.stack,
            "plugin-op-commands": "panorama-licensing-mode-on",
        }
        shown = Element("bootstrap-parameters")
        shown.extend(leaf(key, value) for key, value in parameters.items())
        return result(shown)

    def _asked(self, command: Element) -> Manager:
        """The license manager that a command names.

        Raises:
            ApiError: code 7 if there is none of that name.
        """
        name = command.findtext(".//license-manager") or ""
        for manager in self.managers():
            if manager.name == name:
                return manager
        raise ApiError(f"license-manager -> {name} is not a valid reference", code=7)

    # What happens by itself.

    def tick(self, now: float) -> None:
        """Do what was promised, and deactivate what has been disconnected for too long."""
        if not self.installed or self._panorama.active is None:
            return
        for (name, serial), request in list(self._requests.items()):
            if request.host != self._panorama.leading.host:
                # Promised by a peer that is not the active one any more.
                del self._requests[name, serial]
            elif now >= request.due and self._may_change():
                del self._requests[name, serial]
                if self._give_back(serial):
                    self._change(f"{_devices_path(name)}/entry[@name='{serial}']")
        for manager in self.managers():
            for serial in manager.serials:
                self._watch(manager, serial, now)
        if self._commits:
            self._commit(now)

    def _watch(self, manager: Manager, serial: str, now: float) -> None:
        """Automatic deactivation: so many hours after a device was seen last."""
        if self._panorama.devices.connected(serial):
            self._seen[serial] = now
            return
        absent = now - self._seen.setdefault(serial, now)
        if manager.hours is None or absent < manager.hours * _HOUR or not self._may_change():
            return
        entries = list(self._entries(manager, serial))
        if entries and not self._give_back(serial):
            self._seen[serial] = now - manager.hours * _HOUR + RETRY_SECONDS
            return
        self._change(*entries)
        # The running configuration names it until that commit has ended.
        self._commits = not self._panorama.jobs.unfinished("Commit")

    def _entries(self, manager: Manager, serial: str) -> Iterator[str]:
        """Everywhere that the candidate names a device, the managed device itself last."""
        candidate = self._panorama.store.candidate
        places = [_devices_path(manager.name)]
        for container in _CONTAINERS:
            places += [
                references.members_path(container, name)
                for name in references.names(candidate, container)
            ]
        for place in (*places, references.MANAGED_DEVICES):
            path = f"{place}/entry[@name='{serial}']"
            if config_tree.find(candidate, config_tree.parse(path)):
                yield path

    def _give_back(self, serial: str) -> bool:
        """Panorama asks the vendor, whether or not the firewall is there; whether that went well.

        A failure goes to the system log, which is not imitated, and nowhere else.
        """
        key = self._panorama.licenses.api_key.value
        try:
            self._licensing.may_deactivate(key)
        except LicensingRefusedError as error:
            self._note("plugin-deactivation-failed", serial, reason=str(error))
            return False
        self._licensing.release(serial)
        self._note("plugin-deactivated", serial)
        return True

    def _may_change(self) -> bool:
        """Whether no administrator has locked the configuration."""
        try:
            self._panorama.locks.may_change(ADMIN)
        except ApiError:
            return False
        return True

    def _change(self, *xpaths: str) -> None:
        self._panorama.store.apply([Change(ADMIN, "delete", xpath) for xpath in xpaths])

    def _commit(self, now: float) -> None:
        """Commit the plugin's own changes, as soon as Panorama takes a commit."""
        try:
            self._panorama.locks.may_commit(ADMIN)
            _, job = self._panorama.commits.commit(fromstring(_COMMIT), ADMIN, now)
        except ApiError:
            return
        self._commits = False
        if job is not None:
            self._note("commit-queued", str(job.number), user=ADMIN)

    def managers(self) -> Iterator[Manager]:
        """The license managers of the running configuration."""
        running = self._panorama.store.running
        for found in config_tree.find(running, config_tree.parse(f"{_MANAGERS}/entry")):
            definition = found.findtext("bootstrap-definition") or ""
            path = f"{_ROOT}/bootstrap-definition/entry[@name='{definition}']/authcode"
            codes = config_tree.find(running, config_tree.parse(path))
            hours = found.findtext("auto-deactivate") or ""
            yield Manager(
                name=found.get("name", ""),
                group=found.findtext("device-group") or "",
                stack=found.findtext("template-stack") or "",
                auth_code=(codes[0].text or "") if codes else "",
                hours=float(hours) if hours.isdigit() else None,
                serials=tuple(one.get("name", "") for one in found.iterfind("devices/entry")),
            )

    def _note(self, kind: str, subject: str, **detail: Any) -> None:
        self._world.timeline.add("panorama", kind, subject, **detail)


def _devices_path(manager: str) -> str:
    return f"{_MANAGERS}/entry[@name='{manager}']/devices"
