"""Panorama: what the rest of the package asks of it, and how a connection to it is made.

``protocol`` says what Panorama can be asked, ``refusals`` knows what its error texts mean, and
``adapter`` knows the XML API's words for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmseries_autoscale import secret_store
from vmseries_autoscale.panorama.interface import Device, Job, Panorama, Part, Push, Removal

if TYPE_CHECKING:
    from vmseries_autoscale.settings import PanoramaSettings

__all__ = ["Device", "Job", "Panorama", "Part", "Push", "Removal", "connect"]


def connect(settings: PanoramaSettings) -> Panorama:
    """The Panorama that takes changes, of one or of a high-availability pair.

    A connection is not thread-safe: one for each visit.

    Raises:
        SecretError: if there are no credentials.
        PanoramaError: if no Panorama can be had.
    """
    # A visit that only touches EC2 does not pay for loading the library.
    from vmseries_autoscale.panorama.client import connect_to_active  # noqa: PLC0415

    return connect_to_active(settings, secret_store.of_administrator(settings.secret_arn))
