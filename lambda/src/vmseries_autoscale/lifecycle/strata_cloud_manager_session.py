"""The firewalls that Strata Cloud Manager lists, as the steps of a visit share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vmseries_autoscale import strata_cloud_manager
from vmseries_autoscale.errors import STRATA_CLOUD_MANAGER
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama import Device
from vmseries_autoscale.settings import StrataCloudManagerSettings
from vmseries_autoscale.strata_cloud_manager import (
    ManagedFirewall,
    StrataCloudManager,
)

_IN_FOLDER = "in the folder"
"""The status of a firewall in our folder. Identity only asks whether there is one."""

_WORDS = (
    ("Panorama", STRATA_CLOUD_MANAGER),
    ("device group", "folder"),
    ("template stack", "folder"),
)


@dataclass(frozen=True, slots=True)
class StrataCloudManagerSession:
    """A connection to Strata Cloud Manager, with all firewalls when it was opened.

    Attributes:
        manager: Connection.
        folder: Name of our folder.
        firewalls: Firewalls by serial number.
        devices: The same firewalls as the identification of firewalls sees those of Panorama: our
            folder is device group and template stack.
    """

    manager: StrataCloudManager
    folder: str
    firewalls: Mapping[str, ManagedFirewall]
    devices: Mapping[str, Device]

    def ask(self, serial: str) -> SystemInfo | None:
        """Return what a firewall has told Strata Cloud Manager about itself; it is not asked."""
        firewall = self.firewalls.get(serial)
        if firewall is None:
            return None
        return SystemInfo(
            serial,
            hostname=firewall.hostname,
            management_ip=firewall.ip_address,
            mac=firewall.mac,
        )

    def answers(self) -> Mapping[str, SystemInfo]:
        """Return nothing: no firewall was asked, so that there is nothing to spare later visits."""
        return {}


def open_session(settings: StrataCloudManagerSettings) -> StrataCloudManagerSession:
    """List the firewalls of the tenant.

    Raises:
        SecretError: If the credentials cannot be read.
        PanOsError: If Strata Cloud Manager cannot be reached, or refuses a request.
        DeviceBusyError: If a later request may succeed.
    """
    manager = strata_cloud_manager.connect(settings)
    firewalls = {firewall.serial: firewall for firewall in manager.firewalls()}
    devices = {serial: _device(firewall, settings.folder) for serial, firewall in firewalls.items()}
    return StrataCloudManagerSession(manager, settings.folder, firewalls, devices)


def _device(firewall: ManagedFirewall, folder: str) -> Device:
    status = _IN_FOLDER if firewall.folder == folder else None
    return Device(
        firewall.serial,
        hostname=firewall.hostname,
        ip_address=firewall.ip_address,
        connected=firewall.connected,
        policy_status=status,
        template_status=status,
        device_group=firewall.folder,
        template_stack=firewall.folder,
    )


def in_its_words(reason: str) -> str:
    """Return a reason of the identification, which is in Panorama's words, in those of this one."""
    for panoramas, its in _WORDS:
        reason = reason.replace(panoramas, its)
    return reason
