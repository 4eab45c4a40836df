"""Requests to Panorama whose whole answer is recorded. All of them are read-only."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from vmseries_autoscale.panorama.client import PanOsPanorama, active_peer
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings


class RecordingPanorama(PanOsPanorama):
    """A connection to one Panorama that returns answers as they are."""

    def answer(self, command: ET.Element, target: str | None = None) -> ET.Element:
        """Run an operational command and return the whole answer.

        Args:
            command: Read-only command.
            target: Serial number of the firewall that Panorama forwards the command to.

        Raises:
            AutoscaleError: If Panorama refuses the command or does not answer.
        """
        return self._connection.op(command, target)


def connect(settings: PanoramaSettings, credentials: Credentials) -> RecordingPanorama:
    """Connect to the Panorama that accepts changes: the only one, or the active one of a pair.

    Raises:
        PanOsError: If a peer's state cannot be read and no other peer is active.
        DeviceBusyError: If all peers report their state and none is active.
    """
    return active_peer(RecordingPanorama, settings, credentials)
