"""The connection to Panorama that the steps of a visit share."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from vmseries_autoscale import panorama
from vmseries_autoscale.errors import (
    DeviceAccessError,
    DeviceRefusedError,
    FirewallNotConnectedError,
)
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama import Device, Panorama
from vmseries_autoscale.settings import PanoramaSettings

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class PanoramaSession:
    """A connection to Panorama, with the firewalls of our groups as they were listed.

    Attributes:
        panorama: Connection, which is not thread-safe.
        devices: Firewalls by serial number; empty until they are listed.
        licenses_pending: Whether more licenses of this batch will be returned within seconds, so
            that more firewalls can be removed with the next commit.
    """

    panorama: Panorama
    devices: Mapping[str, Device] = field(default_factory=dict)
    licenses_pending: bool = False
    _answers: dict[str, SystemInfo | None] = field(default_factory=dict)

    def ask(self, serial: str) -> SystemInfo | None:
        """Ask a connected firewall about itself, once in a visit.

        Returns:
            ``None`` if it is not connected any longer, or Panorama does not forward the question:
            nothing settles whether an administrator with a custom role may ask it.

        Raises:
            PanOsError: If Panorama cannot be reached.
            DeviceBusyError: If Panorama is busy.
        """
        if serial not in self._answers:
            try:
                self._answers[serial] = self.panorama.system_info(serial)
            except (DeviceAccessError, DeviceRefusedError, FirewallNotConnectedError) as error:
                logger.info("A firewall was not asked about itself", extra={"reason": str(error)})
                self._answers[serial] = None
        return self._answers[serial]

    def answers(self) -> dict[str, SystemInfo]:
        """Return what firewalls have said about themselves in this visit, by serial number."""
        return {serial: info for serial, info in self._answers.items() if info is not None}

    def located(self) -> frozenset[str]:
        """Return the serial numbers of the firewalls in both of the configured groups."""
        return frozenset(
            device.serial
            for device in self.devices.values()
            if None not in (device.policy_status, device.template_status)
        )

    def list_members(self) -> None:
        """List the firewalls of our device group and template stack.

        Raises:
            PanOsError: If the request fails.
        """
        self.devices = {device.serial: device for device in self.panorama.members()}

    def list_everywhere(self) -> None:
        """List all firewalls that Panorama manages, also those outside of the configured groups.

        For a firewall that a visit knows and that its groups do not show. The response grows with
        the firewalls of others.

        Raises:
            PanOsError: If the request fails.
        """
        members = list(self.devices.values())
        self.devices = {device.serial: device for device in self.panorama.devices(members)}


def open_session(settings: PanoramaSettings) -> PanoramaSession:
    """Connect to Panorama, without listing firewalls.

    Raises:
        SecretError: If the credentials cannot be read.
        PanOsError: If Panorama cannot be reached, or refuses a request.
        DeviceBusyError: If no peer of a pair is active.
    """
    return PanoramaSession(panorama.connect(settings))


def open_and_list(settings: PanoramaSettings) -> PanoramaSession:
    """Connect to Panorama and list the firewalls of our device group and template stack.

    Raises:
        SecretError: If the credentials cannot be read.
        PanOsError: If Panorama cannot be reached, or refuses a request.
        DeviceBusyError: If no peer of a pair is active, or Panorama is busy.
    """
    session = open_session(settings)
    session.list_members()
    return session
