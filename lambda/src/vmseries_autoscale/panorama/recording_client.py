"""Requests to Panorama whose whole answer is recorded. All of them are read-only."""

from __future__ import annotations

import logging
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import PANORAMA, AutoscaleError, DeviceBusyError
from vmseries_autoscale.panorama.client import PanOsPanorama
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings

logger = logging.getLogger(__name__)


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
        AutoscaleError: If no Panorama is active, or none answers.
    """
    error: AutoscaleError = DeviceBusyError(PANORAMA, "none of the Panorama peers is active")
    for hostname in settings.hostnames:
        panorama = RecordingPanorama(hostname, settings, credentials)
        try:
            if panorama.is_active():
                return panorama
        except AutoscaleError as raised:
            logger.warning(
                "Could not read the HA state of a Panorama peer",
                extra={"hostname": hostname, "reason": str(raised)},
            )
            error = raised
    raise error
