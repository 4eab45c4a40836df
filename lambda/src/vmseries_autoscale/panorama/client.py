"""Client of Panorama's XML API.

Commits do not use the commit method of pan-os-python: in version 1.13.1 it fails on one of the two
responses with which Panorama reports that there is nothing to commit.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from typing import TypeVar
from xml.etree import ElementTree as ET

from vmseries_autoscale.aws import clients
from vmseries_autoscale.call_slots import CallSlots
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceBusyError,
    DeviceRefusedError,
    PanOsError,
)
from vmseries_autoscale.pan_os.commands import command, nested, to_xml
from vmseries_autoscale.pan_os.connection import DeviceConnection
from vmseries_autoscale.pan_os.errors import is_unknown_job
from vmseries_autoscale.pan_os.license_commands import PanOsLicenseCommands
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.pan_os.values import (
    all_text,
    error_code,
    job_number,
)
from vmseries_autoscale.pan_os.xml_limits import PANORAMA_LIMITS
from vmseries_autoscale.panorama import devices, jobs, read_commands, vm_auth_keys, xpath
from vmseries_autoscale.panorama.batch_license import BatchLicenses
from vmseries_autoscale.panorama.configuration import Configuration
from vmseries_autoscale.panorama.interface import (
    ACTIVE_STATES,
    BatchLicense,
    Device,
    Job,
    Membership,
    Part,
    Place,
    Places,
    PluginFirewall,
    Push,
    Removal,
)
from vmseries_autoscale.panorama.license_plugin import LicensePlugin
from vmseries_autoscale.panorama.membership import MemberLists
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings

logger = logging.getLogger(__name__)

P = TypeVar("P", bound="PanOsPanorama")

_NOTHING_TO_COMMIT = re.compile(
    r"there are no changes to commit|the result of this commit would be the same|\bno edits\b",
    re.IGNORECASE,
)
_LISTS_OF_GROUPS = {
    Part.TEMPLATE_STACK: command("show", "template-stack"),
    Part.DEVICE_GROUP: command("show", "devicegroups"),
    Part.LOG_COLLECTOR_GROUP: read_commands.log_collector_groups(),
}
_LEASE_MARGIN_SECONDS = 5.0
"""Time that the lease of a slot outlasts the longest time limit of a call: for the resolution of a
host name, which has its own limit."""

_NOTHING_TO_REVERT = re.compile(r"\b(no|nothing)\b.*(changes|edits|to revert)", re.IGNORECASE)


def connect_to_active(settings: PanoramaSettings, credentials: Credentials) -> PanOsPanorama:
    """Connect to the Panorama that accepts changes: the only one, or the active one of a pair.

    Raises:
        PanOsError: If a peer's state cannot be read and no other peer is active.
        DeviceBusyError: If all peers report their state and none is active, as during a failover.
    """
    if len(settings.hostnames) == 1:
        return PanOsPanorama(settings.hostnames[0], settings, credentials)
    return active_peer(PanOsPanorama, settings, credentials)


def active_peer(kind: type[P], settings: PanoramaSettings, credentials: Credentials) -> P:
    """Ask each Panorama for its state, and return a client of the first that accepts changes.

    Args:
        kind: Class of the client.
        settings: Settings of Panorama.
        credentials: Credentials of the administrator.

    Raises:
        PanOsError: As for ``connect_to_active``, also with a single Panorama.
        DeviceBusyError: Likewise.
    """
    first_error: PanOsError | DeviceBusyError | None = None
    for hostname in settings.hostnames:
        panorama = kind(hostname, settings, credentials)
        try:
            if panorama.is_active():
                return panorama
        except (PanOsError, DeviceBusyError) as error:
            logger.warning(
                "Could not read the HA state of a Panorama peer",
                extra={"hostname": hostname, "reason": str(error)},
            )
            first_error = first_error or error
    if first_error is not None:
        raise first_error
    peers = ", ".join(settings.hostnames)
    raise DeviceBusyError(PANORAMA, f"none of the Panorama peers {peers} is active")


def _gate(settings: PanoramaSettings) -> Callable[[], AbstractContextManager[None]]:
    """Return the context of each call: a slot of its own, if deployments share slots."""
    if settings.call_slots_table_arn is None:
        return nullcontext
    lease_seconds = settings.license_timeout_seconds + _LEASE_MARGIN_SECONDS
    slots = CallSlots(clients.dynamodb(), settings.call_slots_table_arn, lease_seconds)
    return slots.held


class PanOsPanorama:
    """Implementation of ``Panorama`` with the XML API. Not thread-safe, like its connection."""

    def __init__(self, hostname: str, settings: PanoramaSettings, credentials: Credentials) -> None:
        self._settings = settings
        self._username = credentials.username
        self._connection = DeviceConnection(
            PANORAMA,
            hostname,
            settings.port,
            settings.timeout_seconds,
            credentials,
            limits=PANORAMA_LIMITS,
            gate=_gate(settings),
            server_name=settings.server_name,
        )
        self._op: Callable[[ET.Element], ET.Element] = self._connection.op
        self._configuration = Configuration(self._connection)
        self._members = MemberLists(self._configuration, settings)
        license_op = partial(self._connection.op, timeout_seconds=settings.license_timeout_seconds)
        self._plugin = LicensePlugin(license_op)
        self._batch = BatchLicenses(license_op)

    def is_active(self) -> bool:
        """Return whether this peer accepts changes. A Panorama without high availability does."""
        response = self._show_ha_state()
        if response.findtext("result/enabled") == "no":
            return True
        return response.findtext("result/local-info/state") in ACTIVE_STATES

    def _show_ha_state(self) -> ET.Element:
        return self._op(read_commands.ha_state())

    def members(self) -> list[Device]:
        """Return the firewalls in the configured device group and template stack."""
        group, stack = self._settings.device_group, self._settings.template_stack
        return devices.members(
            self._op(read_commands.device_group(group)),
            self._op(read_commands.template_stack(stack)),
            group,
            stack,
        )

    def devices(self, members: Sequence[Device] | None = None) -> list[Device]:
        """Return all firewalls that Panorama manages."""
        known = self.members() if members is None else members
        ours = {device.serial: device for device in known}
        return devices.all_devices(self._op(read_commands.devices()), ours)

    def groups_of(self, serials: Collection[str], parts: Collection[Part]) -> Places:
        """Return the names of the groups of these kinds that hold these firewalls."""
        places: dict[str, list[Place]] = {}
        for part, show in _LISTS_OF_GROUPS.items():
            if part in parts and serials:
                names = devices.group_names(self._op(show))
                for serial in names.keys() & set(serials):
                    places.setdefault(serial, []).append(Place(part, names[serial]))
        return places

    def firewall(self, serial: str) -> PanOsLicenseCommands:
        """Return the license commands of a firewall, which Panorama forwards to it."""
        return PanOsLicenseCommands(
            partial(self._connection.op, target=serial),
            license_seconds=self._settings.license_timeout_seconds,
        )

    def system_info(self, serial: str) -> SystemInfo:
        """Return what a connected firewall says about itself; Panorama forwards the question."""
        return self.firewall(serial).system_info()

    def push(self, serials: Collection[str], deployment: str) -> str | None:
        """Queue a push of the configured device group and its templates to these firewalls only.

        The description is an element of ``shared-policy`` (pan-os-python, PanoramaCommitAll).
        https://docs.paloaltonetworks.com/ngfw/api/pan-os-xml-api-request-types-and-actions/commit-all
        """
        push = ET.Element("commit-all")
        policy = nested(push, "shared-policy")
        nested(policy, "description").text = jobs.push_description(deployment, serials)
        group = nested(policy, "device-group", "entry")
        group.set("name", self._settings.device_group)
        devices = nested(group, "devices")
        for serial in sorted(serials):
            nested(devices, "entry").set("name", serial)
        nested(policy, "include-template").text = "yes"
        response = self._connection.request(
            lambda xapi: xapi.commit(cmd=to_xml(push), action="all")
        )
        return _job_id(response)

    def pushes(self, deployment: str) -> list[Push]:
        """Return the pushes that this deployment has requested, newest first."""
        return jobs.push_jobs(self._jobs(), deployment)

    def job(self, job_id: str) -> Job | None:
        """Return a job of ours; ``None`` if Panorama does not know it, as the peer of a pair."""
        try:
            response = self._op(read_commands.job(job_id))
            return jobs.job_by_id(response, job_id, self._username)
        except DeviceBusyError as error:
            if is_unknown_job(str(error)):
                return None
            raise

    def _jobs(self) -> ET.Element:
        return self._op(read_commands.jobs())

    def batch_deactivate(self, serials: Collection[str]) -> str | None:
        """Request Panorama to return the capacity licenses of these firewalls."""
        return self._batch.deactivate(serials)

    def batch_licensed(self) -> Mapping[str, BatchLicense] | None:
        """Return the capacity licenses that Panorama has stored, by serial number."""
        return self._batch.licensed()

    def vm_auth_key_expiry(self) -> datetime | None:
        """See ``Panorama.vm_auth_key_expiry``."""
        return vm_auth_keys.last_expiry(self._op(read_commands.vm_auth_keys()))

    def plugin_licensed(self, license_manager: str) -> frozenset[str] | None:
        """Return the serial numbers that the license plugin's license manager lists as licensed."""
        return self._plugin.licensed(license_manager)

    def plugin_firewalls(self, license_manager: str) -> Mapping[str, PluginFirewall] | None:
        """Return what the license manager's list shows of its firewalls, by serial number."""
        return self._plugin.firewalls(license_manager)

    def serves_our_groups(self, license_manager: str) -> bool:
        """Return whether a license manager is that of the configured groups."""
        response = self._configuration.running(xpath.license_manager(license_manager))
        manager = None if response is None else response.find("result/entry")
        return (
            manager is not None
            and manager.findtext("device-group") == self._settings.device_group
            and manager.findtext("template-stack") == self._settings.template_stack
        )

    def plugin_deactivate(self, license_manager: str, serials: Collection[str]) -> None:
        """Request the license plugin to deactivate all of these licenses, with one request."""
        self._plugin.deactivate(license_manager, serials)

    def running_members(self) -> Membership:
        """Return the firewalls that the running configuration lists."""
        return self._members.running()

    def candidate_members(self) -> Membership:
        """Return the firewalls that the candidate configuration lists."""
        return self._members.candidate()

    def configured_groups(self) -> Mapping[Part, str | None]:
        """Return the name of the configured group by part, in removal order."""
        return xpath.configured_groups(self._settings)

    def running_parts(self, serials: Collection[str]) -> Membership:
        """Return the parts of the running configuration that list these firewalls, in any group."""
        return self._members.running_parts(serials)

    def candidate_parts(self, serials: Collection[str]) -> Membership:
        """Return the same for the candidate configuration."""
        return self._members.candidate_parts(serials)

    def remove(self, part: Part, serial: str, group: str | None = None) -> None:
        """Remove a firewall, if present, from a part of the candidate configuration."""
        self._members.remove(part, serial, group)

    def remove_all(
        self, removals: Sequence[Removal], has_time: Callable[[], bool]
    ) -> dict[Removal, DeviceRefusedError]:
        """Remove firewalls from parts of the candidate configuration, in one transaction."""
        return self._members.remove_all(removals, has_time)

    def commit(self, description: str, administrator: str | None = None) -> str | None:
        """Queue a commit of one administrator's changes only.

        "Commit" in the PAN-OS and Panorama API guide: a partial commit names the administrators
        whose changes it includes. The uncommitted changes of all other administrators stay as they
        are.
        """
        commit = ET.Element("commit")
        ET.SubElement(commit, "description").text = description
        nested(commit, "partial", "admin", "member").text = administrator or self._username
        try:
            response = self._connection.request(lambda xapi: xapi.commit(cmd=to_xml(commit)))
        except DeviceRefusedError as error:
            if _NOTHING_TO_COMMIT.search(error.text):
                return None
            raise
        job_id = _job_id(response)
        text = " ".join(all_text(response).split())
        if job_id is None and not _NOTHING_TO_COMMIT.search(text):
            code = error_code(response.get("code"))
            raise DeviceRefusedError(
                PANORAMA, code, f"the response to a commit has no job id: {text}"
            )
        return job_id

    def revert(self) -> None:
        """Revert the uncommitted changes, if any, of this connection's administrator.

        ``revert config partial admin``, PAN-OS CLI reference.
        """
        revert = ET.Element("revert")
        nested(revert, "config", "partial", "admin", "member").text = self._username
        try:
            self._op(revert)
        except DeviceRefusedError as error:
            if not _NOTHING_TO_REVERT.search(error.text):
                raise

    def commits(self) -> list[Job]:
        """Return the commit jobs of this connection's administrator, newest first."""
        return jobs.commit_jobs(self._jobs(), self._username)


def _job_id(response: ET.Element) -> str | None:
    """Return the id of the job that a request has queued; ``None`` if the response has none."""
    number = job_number(response.findtext("result/job"))
    return None if number is None else str(number)
