"""The connection to Panorama that the steps of a visit share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vmseries_autoscale import panorama
from vmseries_autoscale.panorama import Device, Panorama
from vmseries_autoscale.settings import PanoramaSettings


@dataclass(slots=True)
class PanoramaSession:
    """A connection to Panorama, with the firewalls that Panorama listed when it was opened.

    Attributes:
        panorama: Connection, which is not thread-safe.
        devices: Firewalls by serial number.
        licenses_pending: Whether more licenses of this batch will be returned within seconds, so
            that more firewalls can be removed with the next commit.
    """

    panorama: Panorama
    devices: Mapping[str, Device]
    licenses_pending: bool = False


def open_session(settings: PanoramaSettings) -> PanoramaSession:
    """Connect to Panorama and list its firewalls.

    Raises:
        SecretError: If the credentials cannot be read.
        PanOsError: If Panorama cannot be reached, or refuses a request.
    """
    connection = panorama.connect(settings)
    return PanoramaSession(connection, {device.serial: device for device in connection.devices()})
