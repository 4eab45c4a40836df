"""Giving a firewall's licence back while the firewall can still be reached."""

from __future__ import annotations

import logging

from vmseries_autoscale import telemetry
from vmseries_autoscale.errors import FirewallNotConnectedError
from vmseries_autoscale.panorama import Panorama
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)

LOST = (
    "The licence was not returned: deactivate the serial number in the Customer Support Portal "
    "under Assets, Devices"
)
"""What to do about a firewall that went without giving its licence back, and cannot any more."""


def give_back(panorama: Panorama, serial: str, api_key: str) -> bool:
    """Have the firewall give all its licences back, and look whether it has.

    "Deactivate the Licenses" (VM-Series Deployment Guide): the licensing API key first, then
    ``request license deactivate VM-Capacity mode auto``.

    Returns:
        Whether the licence is back; if not, the firewall is still at it.

    Raises:
        PanoramaError: if the firewall cannot be asked, or refuses.
    """
    if not panorama.licences(serial):
        return True
    panorama.set_licensing_api_key(serial, api_key)
    confirmed = panorama.deactivate_licence(serial)
    logger.info("Asked for the licence back", extra={"step": "licence", "confirmed": confirmed})
    try:
        return not panorama.licences(serial)
    except FirewallNotConnectedError:
        # A firewall without licence has no serial number, by which Panorama would reach it.
        return confirmed


def report_lost(serial: str) -> None:
    """Tell that nothing can give a firewall's licence back any more, and what to do about it."""
    telemetry.count(Metric.LICENCE_NOT_RETURNED)
    logger.error(LOST, extra={"step": "licence", "serial": serial})
