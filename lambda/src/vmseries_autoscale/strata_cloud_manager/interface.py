"""The interface to Strata Cloud Manager that the package uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ManagedFirewall:
    """A firewall as Strata Cloud Manager lists it.

    Everything but the serial number may be empty: it is what the firewall said when it was last
    connected.

    Attributes:
        hostname: Host name.
        folder: Name of the folder that directly contains the firewall; ``None`` if the list names
            none.
        connected: Whether the firewall is connected.
        ip_address: Management address (IPv4).
        mac: MAC address of the management interface, in lower case with colons; empty without a
            valid one.
        names: Texts by which a job can name the firewall: serial number, host name and names.
    """

    serial: str
    hostname: str = ""
    folder: str | None = None
    connected: bool = False
    ip_address: str = ""
    mac: str = ""
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ConfigurationJob:
    """A job that pushes configuration.

    Attributes:
        job_id: Number of the job.
        device_name: Name of the device that it is for; empty for the job of all devices.
        finished: Whether it has ended.
        failed: Whether it has ended without success.
        text: What it says about its result.
    """

    job_id: int
    device_name: str
    finished: bool
    failed: bool
    text: str = ""


class StrataCloudManager(Protocol):
    """A connection to one tenant of Strata Cloud Manager, as one service account.

    Nothing here changes anything. Every method raises a PanOsError if it fails, or a
    DeviceBusyError if a later request may succeed.
    """

    def firewalls(self) -> list[ManagedFirewall]:
        """Return all firewalls of the tenant.

        The API has no filter for a folder, so that the number of requests grows with the firewalls
        of others: one for 200.
        """

    def running_versions(self) -> Mapping[str, int]:
        """Return the versions of the running configurations, by serial number and folder name.

        A firewall to which nothing was pushed since it registered is absent.
        """

    def jobs(self) -> list[ConfigurationJob]:
        """Return the newest configuration jobs, newest first. They explain; they decide nothing."""

    def has_folder(self, name: str) -> bool:
        """Return whether the tenant has a folder with exactly this name."""
