"""What Panorama is asked, in our words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from vmseries_autoscale.errors import PanoramaRefusedError


class Part(StrEnum):
    """The parts of Panorama's configuration that name a managed firewall, in removal order.

    A managed device that is still named elsewhere cannot be deleted, so that it comes last.
    """

    TEMPLATE_STACK = "template stack"
    DEVICE_GROUP = "device group"
    LOG_COLLECTOR_GROUP = "log collector group"
    MANAGED_DEVICES = "managed devices"


@dataclass(frozen=True, slots=True)
class Device:
    """A firewall as Panorama sees it.

    Attributes:
        hostname: empty for a serial that never connected, and so is ip_address.
        policy_status: "In Sync" or "Out of Sync" with our device group; ``None`` outside of it.
        template_status: the same for our template stack.
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
        finished: whether it is over.
        failed: whether it is over and changed nothing.
        details: the lines that Panorama gives as reasons.
        description: of the commit, as whoever asked for it gave it.
    """

    job_id: str
    finished: bool
    failed: bool
    details: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """A push job: a commit-all, in the words of the API.

    Attributes:
        finished: whether it is over.
        failures: why it changed nothing, by the serial number of each firewall that it failed for.
        serials: of all firewalls that it is for; empty while Panorama does not tell.
    """

    job_id: str
    finished: bool
    failures: Mapping[str, str]
    serials: frozenset[str]


Membership = Mapping[Part, frozenset[str]]
"""Serial numbers by the part of the configuration that names them."""

Removal: TypeAlias = tuple[Part, str]
"""A serial number, and the part that it is to be removed from."""


class Panorama(Protocol):
    """One Panorama, as one administrator.

    Every method raises a PanoramaError or a PanoramaBusyError if it cannot do what it says.
    """

    def devices(self) -> list[Device]:
        """All firewalls that Panorama knows."""

    def push(self, serials: Collection[str]) -> str | None:
        """Queue a push of our device group, with its templates, to these firewalls only.

        Returns:
            The job's id, ``None`` if Panorama gives none.
        """

    def pushes(self) -> list[Push]:
        """The push jobs that Panorama remembers, whoever has asked for them, newest first."""

    def licenses(self, serial: str) -> list[str]:
        """Features that the firewall has a license for, asked of the firewall itself."""

    def set_licensing_api_key(self, serial: str, api_key: str) -> None:
        """Give the firewall the key by which it may give its license back."""

    def deactivate_license(self, serial: str) -> bool:
        """Have the firewall give its license back; whether it says that it has."""

    def plugin_licensed(self, license_manager: str) -> frozenset[str]:
        """Serial numbers that the license plugin's license manager lists as licensed."""

    def plugin_deactivate(self, license_manager: str, serials: Collection[str]) -> None:
        """Have the license plugin give licenses back; it does so later, or not at all."""

    def running(self) -> Membership:
        """Who is named in the running configuration."""

    def candidate(self) -> Membership:
        """Who is named in the candidate configuration."""

    def remove_all(
        self, removals: Sequence[Removal], in_time: Callable[[], bool]
    ) -> dict[Removal, PanoramaRefusedError]:
        """Remove firewalls from parts of the candidate configuration; absent is success.

        Args:
            removals: in an order that leaves no reference to what is removed.
            in_time: whether there is time for another request, if it takes several.

        Returns:
            Those that are refused, and why: they harm no other one.

        Raises:
            TimeBudgetExceededError: if there was no time for all of them.
        """

    def commit(self, description: str, administrator: str | None = None) -> str | None:
        """Queue a commit of one administrator's changes only.

        Args:
            description: what for, in at most 512 characters.
            administrator: whose changes; our own if it is ``None``.

        Returns:
            The job's id, ``None`` if there is nothing to commit.
        """

    def revert(self) -> None:
        """Drop our own administrator's changes that are not committed; having none is success."""

    def commits(self) -> list[Job]:
        """The commit jobs that our own administrator has asked for, the newest first."""
