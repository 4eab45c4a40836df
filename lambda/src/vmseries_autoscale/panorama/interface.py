"""The interface to Panorama that the package uses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from vmseries_autoscale.errors import DeviceRefusedError
from vmseries_autoscale.pan_os.license_commands import LicenseCommands

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
    """

    serial: str
    hostname: str = ""
    ip_address: str = ""
    connected: bool = False
    policy_status: str | None = None
    template_status: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A commit job.

    Attributes:
        finished: Whether the job has ended.
        failed: Whether the job has ended without a commit.
        details: Lines of Panorama's explanation.
        description: Description in the commit request.
    """

    job_id: str
    finished: bool
    failed: bool
    details: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """A push job; the XML API calls it commit-all.

    Attributes:
        finished: Whether the job has ended.
        failures: Reasons of failed pushes, by serial number.
        serials: Serial numbers of all target firewalls; empty until Panorama lists them.
    """

    job_id: str
    finished: bool
    failures: Mapping[str, str]
    serials: frozenset[str]


Membership = Mapping[Part, frozenset[str]]
"""Serial numbers by the part of the configuration that lists them."""

Removal: TypeAlias = tuple[Part, str]
"""A part of the configuration, and the serial number to remove from it."""


class Panorama(Protocol):
    """A connection to one Panorama, as one administrator.

    Every method raises a PanOsError or a DeviceBusyError if it fails.
    """

    def devices(self) -> list[Device]:
        """Return all firewalls that Panorama manages."""

    def firewall(self, serial: str) -> LicenseCommands:
        """Return the license commands of a firewall, which Panorama forwards to it."""

    def push(self, serials: Collection[str]) -> str | None:
        """Queue a push of the configured device group and its templates to these firewalls only.

        Returns:
            The id of the job; ``None`` if the response has none.
        """

    def pushes(self) -> list[Push]:
        """Return the push jobs in Panorama's job list, of all administrators, newest first."""

    def plugin_licensed(self, license_manager: str) -> frozenset[str]:
        """Return the serial numbers that the license plugin's license manager lists as licensed."""

    def plugin_deactivate(self, license_manager: str, serials: Collection[str]) -> None:
        """Request the license plugin to deactivate licenses, which it does asynchronously."""

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
