"""The interface to Panorama that the package uses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from vmseries_autoscale.errors import DeviceRefusedError
from vmseries_autoscale.pan_os.license_commands import LicenseCommands
from vmseries_autoscale.pan_os.system_info import SystemInfo

ACTIVE_STATES = frozenset({"primary-active", "secondary-active"})
"""High-availability states in which a peer accepts changes ("show high-availability state", PAN-OS
CLI reference)."""


class Part(StrEnum):
    """The parts of Panorama's configuration that list managed firewalls, in removal order.

    Panorama does not delete a managed device that another part still lists, so the managed devices
    come last.
    """

    TEMPLATE_STACK = "template stack"
    DEVICE_GROUP = "device group"
    LOG_COLLECTOR_GROUP = "log collector group"
    MANAGED_DEVICES = "managed devices"


@dataclass(frozen=True, slots=True)
class Device:
    """A firewall as Panorama lists it.

    Attributes:
        hostname: Host name; empty if the firewall has never connected.
        ip_address: Management address; empty if the firewall has never connected.
        policy_status: "In Sync" or "Out of Sync" with the configured device group; ``None`` if the
            firewall is not in it.
        template_status: The same status for the configured template stack.
        device_group: Name of the device group that holds the firewall; ``None`` if it is not known.
        template_stack: The same for its template stack.
    """

    serial: str
    hostname: str = ""
    ip_address: str = ""
    connected: bool = False
    policy_status: str | None = None
    template_status: str | None = None
    device_group: str | None = None
    template_stack: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job of Panorama, such as a commit, a push or the return of licenses.

    Attributes:
        finished: Whether the job has ended.
        failed: Whether the job has ended without success.
        details: Lines of Panorama's explanation.
        description: Description in the request; empty without one.
        serials: Serial numbers of the firewalls that the job lists; empty if it lists none.
        failures: Reasons of the firewalls for which the job failed, by serial number.
        kind: Type of the job, such as ``Commit``; empty if Panorama shows none.
    """

    job_id: str
    finished: bool
    failed: bool
    details: tuple[str, ...]
    description: str = ""
    serials: frozenset[str] = frozenset()
    failures: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """A push job that a deployment has requested; the XML API calls it commit-all.

    Attributes:
        finished: Whether the job has ended.
        failures: Reasons of failed pushes, by serial number.
        serials: Serial numbers of the firewalls that it was requested for.
    """

    job_id: str
    finished: bool
    failures: Mapping[str, str]
    serials: frozenset[str]


@dataclass(frozen=True, slots=True)
class BatchLicense:
    """The capacity license of a firewall, as Panorama has stored it.

    Attributes:
        licensed: Whether Panorama shows a capacity license.
        hostname: Host name of the firewall.
    """

    licensed: bool
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class PluginFirewall:
    """A firewall in a license manager's list.

    Attributes:
        address: Management address; empty if the list has none. Behind NAT, it may be another one.
        texts: All texts of the entry. Which field has the host name is recorded nowhere.
    """

    address: str
    texts: frozenset[str] = frozenset()

    def is_named(self, name: str) -> bool:
        """Return whether a text of the entry is a host name, with or without a domain."""
        return name.lower() in {text.split(".", 1)[0].lower() for text in self.texts}


Membership = Mapping[Part, frozenset[str]]
"""Serial numbers by the part of the configuration that lists them."""


class Place(NamedTuple):
    """A group of Panorama's configuration that holds firewalls.

    Attributes:
        group: Name of the template stack, device group or log collector group.
    """

    part: Part
    group: str


Places = Mapping[str, Sequence[Place]]
"""The groups that hold a firewall, by its serial number. Firewalls in no group are absent."""


class Removal(NamedTuple):
    """The removal of a firewall from one list of the configuration.

    Attributes:
        group: Name of the group; ``None`` for the managed devices, or for the configured group.
    """

    part: Part
    serial: str
    group: str | None = None


class Panorama(Protocol):
    """A connection to one Panorama, as one administrator.

    Every method raises a PanOsError or a DeviceBusyError if it fails.
    """

    def members(self) -> list[Device]:
        """Return the firewalls in the configured device group and template stack.

        Two small requests, however many firewalls Panorama manages. A firewall that is in one of
        the two groups only has a status of that group only.

        Raises:
            DeviceRefusedError: If a response does not contain the group with exactly that name.
        """

    def devices(self, members: Sequence[Device] | None = None) -> list[Device]:
        """Return all firewalls that Panorama manages.

        For the reconcile function, and for a serial number that the group lists do not show: the
        response grows with the firewalls of others.

        Args:
            members: Result of ``members``, to spare its requests; ``None`` to make them.

        Raises:
            DeviceRefusedError: As for ``members``.
        """

    def firewall(self, serial: str) -> LicenseCommands:
        """Return the license commands of a firewall, which Panorama forwards to it."""

    def system_info(self, serial: str) -> SystemInfo:
        """Return what a connected firewall says about itself; Panorama forwards the question.

        Raises:
            FirewallNotConnectedError: If the firewall is not connected.
        """

    def push(self, serials: Collection[str], deployment: str) -> str | None:
        """Queue a push of the configured device group and its templates to these firewalls only.

        Returns:
            The id of the job; ``None`` if the response has none.
        """

    def pushes(self, deployment: str) -> list[Push]:
        """Return the pushes that this deployment has requested, newest first.

        They are known by their description. Pushes of others are not in the list.
        """

    def job(self, job_id: str) -> Job | None:
        """Return a job; ``None`` if Panorama does not know it, as the other peer of a pair."""

    def batch_deactivate(self, serials: Collection[str]) -> str | None:
        """Request Panorama to return the capacity licenses of these firewalls, with one request.

        The firewalls need not be connected. Panorama uses its own licensing API key.

        Returns:
            The id of the job that deactivates them; ``None`` if Panorama confirmed it at once.

        Raises:
            LicensingKeyError: If Panorama has no licensing API key, or the key is rejected. The
                license can then be returned with ``firewall``, through the firewall itself.
            SecondaryPeerError: If the secondary peer of a pair is active, which returns none.
        """

    def batch_licensed(self) -> Mapping[str, BatchLicense] | None:
        """Return the capacity licenses that Panorama has stored, by serial number.

        Returns:
            ``None`` if the response lacks the list that a full response has: it says nothing.
        """

    def vm_auth_key_expiry(self) -> datetime | None:
        """Return when the last VM auth key expires, to within the offset of Panorama's time zone.

        Returns:
            ``None`` if Panorama has no keys.

        Raises:
            VmAuthKeysError: If the response has another format than the known one.
        """

    def plugin_licensed(self, license_manager: str) -> frozenset[str] | None:
        """Return the serial numbers that the license plugin's license manager lists as licensed.

        Returns:
            ``None`` if the response lacks the list that a full response has: it says nothing.
        """

    def plugin_firewalls(self, license_manager: str) -> Mapping[str, PluginFirewall] | None:
        """Return what the same list shows of its firewalls, by serial number.

        For firewalls that have a license and have not registered in our groups.
        """

    def serves_our_groups(self, license_manager: str) -> bool:
        """Return whether a license manager is that of the configured groups.

        The running configuration says so. The list of another license manager does not show our
        firewalls, whether they have licenses or not.
        """

    def plugin_deactivate(self, license_manager: str, serials: Collection[str]) -> None:
        """Request the license plugin to deactivate licenses, which it does asynchronously."""

    def configured_groups(self) -> Mapping[Part, str | None]:
        """Return the name of the configured group by part, in removal order, without a request.

        The managed devices have no name. Without a log collector group, that part is absent.
        """

    def running_parts(self, serials: Collection[str]) -> Membership:
        """Return the parts of the running configuration that list these firewalls.

        All device groups, template stacks and log collector groups are looked at, whatever the
        settings say, with one small request for each part. ``groups_of`` has their names.
        """

    def candidate_parts(self, serials: Collection[str]) -> Membership:
        """Return the same for the candidate configuration."""

    def groups_of(self, serials: Collection[str], parts: Collection[Part]) -> Places:
        """Return the names of the groups of these kinds that hold these firewalls.

        One request for each kind, whose response grows with the firewalls of others. For the rare
        firewall that is not in the configured groups.
        """

    def running_members(self) -> Membership:
        """Return the firewalls that the running configuration lists."""

    def candidate_members(self) -> Membership:
        """Return the firewalls that the candidate configuration lists."""

    def remove_all(
        self, removals: Sequence[Removal], has_time: Callable[[], bool]
    ) -> dict[Removal, DeviceRefusedError]:
        """Remove firewalls, if present, from parts of the candidate configuration.

        Args:
            removals: Removals, in an order in which no removed device is still referenced.
            has_time: Returns whether there is time for another request.

        Returns:
            The errors of the removals that Panorama refuses. All other removals are complete.

        Raises:
            TimeBudgetExceededError: If there is no time for all removals.
        """

    def commit(self, description: str, administrator: str | None = None) -> str | None:
        """Queue a commit of one administrator's changes only.

        Args:
            description: Description of the commit, at most 512 characters.
            administrator: Administrator whose changes are committed; ``None`` for the
                connection's own administrator.

        Returns:
            The id of the job; ``None`` if there is nothing to commit.
        """

    def revert(self) -> None:
        """Revert the uncommitted changes, if any, of the connection's administrator."""

    def commits(self) -> list[Job]:
        """Return the commit jobs of the connection's administrator, newest first."""
