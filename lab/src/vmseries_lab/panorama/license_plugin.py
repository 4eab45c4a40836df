"""The Panorama plugin ``sw_fw_license``, which licenses firewalls and returns their licenses.

Palo Alto Networks, VM-Series Deployment Guide: "Use Panorama-Based Software Firewall License
Management". Commands and responses are those of the vendor's own function
(terraform-aws-swfw-modules, modules/asg/scripts/lambda.py), as far as it shows them:
``show plugins sw_fw_license devices``; ``request plugins sw_fw_license deactivate``, which only
accepts a request; then a commit of the changes of the administrator ``__sw_fw_license``.

In the lab, a deactivation deletes the device from its license manager in the candidate
configuration. The list of devices is that of the running configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import API_KEY, Licensing, LicensingRejectedError
from vmseries_lab.net.certificates import PANORAMA_NAMES
from vmseries_lab.panorama import config_tree, license_managers, references
from vmseries_lab.panorama.config_store import Change
from vmseries_lab.panorama.devices import Link
from vmseries_lab.panorama.license_managers import PLUGIN, LicenseManager, devices_path
from vmseries_lab.panorama.op_commands import Handler
from vmseries_lab.panorama.responses import ApiError, entry, envelope, leaf, parsed, result
from vmseries_lab.panorama.service import Panorama, RegistrationRejectedError

ODD_ANSWERS = {
    "empty": "<result/>",
    "text": "<result>License manager is initializing</result>",
    "message": "<msg>No devices</msg>",
}
"""Answers to the list of devices that are no list. None of them is recorded."""
VERSION = "1.2.3"
ADMIN = "__sw_fw_license"
"""Administrator under whose name the plugin changes the configuration."""
REQUEST_ACCEPTED = "Deactivation request sent. Check system logs for status."
RETRY_SECONDS = 300.0
"""Pause after an automatic deactivation that the licensing API rejected."""
_HOUR = 3600.0
_COMMIT = f"<commit><partial><admin><member>{ADMIN}</member></admin></partial></commit>"
_CONTAINERS = ("template-stack", "device-group", "log-collector-group")


@dataclass(frozen=True, slots=True)
class _Request:
    """An accepted deactivation request, and the peer that accepted it."""

    due: float
    host: str


class LicensePlugin:
    """The plugin on one Panorama; inactive until it is installed."""

    def __init__(self, world: World, panorama: Panorama, licensing: Licensing) -> None:
        self._world = world
        self._panorama = panorama
        self._licensing = licensing
        self._requests: dict[tuple[str, str], _Request] = {}
        self._seen: dict[str, float] = {}
        self._returned: set[tuple[str, str]] = set()
        self._odd_answers: list[str] = []
        self._commits = False
        self.installed = False
        panorama.plugin_commands |= {
            f"show/plugins/{view}": lambda _command, _user: self._plugins()
            for view in ("installed", "packages")
        }

    def configure(self, **settings: Any) -> None:
        """Change settings.

        Args:
            settings: ``installed``: whether the plugin is installed, with a license manager for the
                initial device group, template stack and auth code of the lab's Panorama, and with
                the licensing API key on Panorama. ``odd_answers``: names of :data:`ODD_ANSWERS`,
                one for each of the next answers to the list of devices; empty names are answers as
                always.

        Raises:
            ValueError: for an unknown setting or odd answer.
        """
        installed = bool(settings.pop("installed", self.installed))
        odd = list(settings.pop("odd_answers", self._odd_answers))
        if unknown := set(odd) - {*ODD_ANSWERS, ""}:
            raise ValueError(f"unknown odd answers: {', '.join(sorted(unknown))}")
        self._odd_answers = odd
        if settings:
            raise ValueError(f"unknown settings: {', '.join(sorted(settings))}")
        if installed == self.installed:
            return
        with self._world.lock:
            self.installed = installed
            for chain, handler in self._handlers().items():
                if installed:
                    self._panorama.plugin_commands[chain] = handler
                else:
                    self._panorama.plugin_commands.pop(chain)
            if installed:
                self._panorama.leading.store.make(
                    license_managers.ROOT, license_managers.CONFIGURATION
                )
                self._panorama.leading.licenses.api_key.value = API_KEY

    # Firewalls.

    def managers(self) -> Iterator[LicenseManager]:
        """Yield the license managers of the running configuration."""
        return license_managers.license_managers(self._panorama.leading.store.running)

    def auth_code(self, auth_key: str) -> str:
        """Return the auth code for firewalls with this auth key.

        Raises:
            RegistrationRejectedError: if no license manager has this auth key.
        """
        return self._manager_with_key(auth_key).auth_code

    def admit(self, link: Link, auth_key: str) -> None:
        """Add a licensed firewall to the device group and template stack of its license manager.

        The plugin does not set the log collector group (PAN-182488, in the vendor's README of
        ``panorama-init``).

        Raises:
            RegistrationRejectedError: if no license manager has this auth key.
        """
        manager = self._manager_with_key(auth_key)
        self._panorama.leading.store.make(
            devices_path(manager.name), f"<entry name='{link.serial}'/>"
        )
        self._panorama.take_in(link, group=manager.group, stack=manager.stack, logs=None)

    def _manager_with_key(self, auth_key: str) -> LicenseManager:
        for manager in self.managers() if self.installed else ():
            if manager.auth_key == auth_key:
                return manager
        raise RegistrationRejectedError("no license manager has this auth-key")

    # Commands of administrators.

    def _handlers(self) -> dict[str, Handler]:
        """Return the handlers by command."""
        return {
            f"show/plugins/{PLUGIN}/devices": lambda command, _user: self._devices(command),
            f"request/plugins/{PLUGIN}/deactivate": lambda command, _user: self._request(command),
            f"request/plugins/{PLUGIN}/bootstrap-parameters": (
                lambda command, _user: self._parameters(command)
            ),
        }

    def _plugins(self) -> Element:
        """Answer ``show plugins installed|packages`` in the format that pan-os-python parses."""
        plugins = Element("plugins")
        for name, version in (("vm_series", "5.1.0"), *([(PLUGIN, VERSION)] * self.installed)):
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
        """List the devices that a license manager licensed, connected or not.

        The entries are those that the vendor's own function reads. What the plugin answers if there
        is none, whether it still lists a device whose license it has returned, and whether it lists
        host names, are assumptions.
        """
        manager = self._requested_manager(command)
        if odd := self._odd_answers.pop(0) if self._odd_answers else "":
            return envelope("success", None, parsed(ODD_ANSWERS[odd]))
        assumptions = self._world.assumptions
        serials = list(manager.serials)
        if assumptions["plugin-list-after-deactivation"] == "kept":
            managed = references.managed(self._panorama.leading.store.running)
            kept = [serial for name, serial in sorted(self._returned) if name == manager.name]
            serials += [serial for serial in kept if serial in managed and serial not in serials]
        devices = Element("devices")
        for serial in serials:
            device = entry(serial, serial=serial)
            if (record := self._panorama.devices.get(serial)) is not None:
                if assumptions["plugin-list-host-name"] == "listed":
                    device.append(leaf("name", record.link.hostname))
                device.append(leaf("ip", record.link.ip_address))
            connected = self._panorama.devices.connected(serial)
            device.append(leaf("connected", "yes" if connected else "no"))
            devices.append(device)
        if not serials and assumptions["plugin-empty-list"] == "no-container":
            return result()
        return result(devices)

    def _request(self, command: Element) -> Element:
        """Accept a request to deactivate licenses; repeating it has no effect."""
        manager = self._requested_manager(command)
        serials = [member.text or "" for member in command.iterfind(".//devices/member")]
        if not serials:
            raise ApiError(f"request -> plugins -> {PLUGIN} -> deactivate needs devices", code=17)
        for serial in serials:
            if serial not in manager.serials:
                raise ApiError(f"{serial} not found in license-manager {manager.name}")
        due = self._world.clock.now() + self._licensing.deactivation_seconds
        request = _Request(due, self._panorama.leading.host)
        for serial in serials:
            self._requests.setdefault((manager.name, serial), request)
        return result(text=REQUEST_ACCEPTED)

    def _parameters(self, command: Element) -> Element:
        """Return the bootstrap parameters that the firewalls of a license manager need."""
        manager = self._requested_manager(command)
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

    def _requested_manager(self, command: Element) -> LicenseManager:
        """Return the license manager that a command names.

        Raises:
            ApiError: code 7 if there is no license manager of this name.
        """
        name = command.findtext(".//license-manager") or ""
        for manager in self.managers():
            if manager.name == name:
                return manager
        raise ApiError(f"license-manager -> {name} is not a valid reference", code=7)

    # Deactivation.

    def tick(self, now: float) -> None:
        """Carry out accepted requests, and deactivate devices disconnected for too long."""
        if not self.installed or self._panorama.active is None:
            return
        for (name, serial), request in list(self._requests.items()):
            if request.host != self._panorama.leading.host:
                # The peer that accepted it is no longer active.
                del self._requests[name, serial]
            elif now >= request.due and self._may_change():
                del self._requests[name, serial]
                if self._return_license(serial):
                    self._returned.add((name, serial))
                    self._change(f"{devices_path(name)}/entry[@name='{serial}']")
        for manager in self.managers():
            for serial in manager.serials:
                self._watch(manager, serial, now)
        if self._commits:
            self._commit(now)

    def _watch(self, manager: LicenseManager, serial: str, now: float) -> None:
        """Deactivate a device automatically once it was disconnected for the configured hours."""
        if self._panorama.devices.connected(serial):
            self._seen[serial] = now
            return
        absent = now - self._seen.setdefault(serial, now)
        if manager.hours is None or absent < manager.hours * _HOUR or not self._may_change():
            return
        entries = list(self._entries(manager, serial))
        if entries and not self._return_license(serial):
            self._seen[serial] = now - manager.hours * _HOUR + RETRY_SECONDS
            return
        self._change(*entries)
        # The running configuration contains the device until this commit has finished.
        self._commits = not self._panorama.leading.jobs.unfinished("Commit")

    def _entries(self, manager: LicenseManager, serial: str) -> Iterator[str]:
        """Yield the XPath of each reference to a device in the candidate, and of the device last.

        A device can be deleted only after all references to it.
        """
        candidate = self._panorama.leading.store.candidate
        places = [devices_path(manager.name)]
        for container in _CONTAINERS:
            places += [
                references.members_path(container, name)
                for name in references.names(candidate, container)
            ]
        for place in (*places, references.MANAGED_DEVICES):
            path = f"{place}/entry[@name='{serial}']"
            if config_tree.find(candidate, config_tree.parse(path)):
                yield path

    def _return_license(self, serial: str) -> bool:
        """Deactivate the license through the licensing API, without the firewall.

        Real plugins report a failure only in the system log, which is not simulated.

        Returns:
            Whether the license was returned.
        """
        key = self._panorama.leading.licenses.api_key.value
        try:
            self._licensing.may_deactivate(key)
        except LicensingRejectedError as error:
            self._note("plugin-deactivation-failed", serial, reason=str(error))
            return False
        self._licensing.return_license(serial, by="plugin")
        self._note("plugin-deactivated", serial)
        return True

    def _may_change(self) -> bool:
        """Whether no other administrator holds the configuration lock."""
        try:
            self._panorama.leading.locks.may_change(ADMIN)
        except ApiError:
            return False
        return True

    def _change(self, *xpaths: str) -> None:
        self._panorama.leading.store.apply([Change(ADMIN, "delete", xpath) for xpath in xpaths])

    def _commit(self, now: float) -> None:
        """Commit the plugin's own changes; at a later tick if Panorama rejects the commit now."""
        try:
            self._panorama.leading.locks.may_commit(ADMIN)
            _, job = self._panorama.leading.commits.commit(fromstring(_COMMIT), ADMIN, now)
        except ApiError:
            return
        self._commits = False
        if job is not None:
            self._note("commit-queued", str(job.number), user=ADMIN)

    def _note(self, kind: str, subject: str, **detail: Any) -> None:
        self._world.timeline.add("panorama", kind, subject, **detail)
