"""Panorama's XML API: an interface, its implementation, and how to connect.

``interface`` declares what the package needs from Panorama. ``client`` implements it with
``configuration`` (configuration requests), ``membership`` (which firewalls the configuration
lists), ``devices``, ``jobs``, ``batch_license``, ``license_plugin``, ``read_commands`` and
``xpath``. ``removal`` decides how firewalls are removed and committed. ``preflight_client`` and
``recording_client`` add the requests that only the pre-flight and the recording make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmseries_autoscale import secret_store
from vmseries_autoscale.panorama.interface import (
    BatchLicense,
    Device,
    Job,
    Panorama,
    Part,
    Place,
    Places,
    PluginFirewall,
    Push,
    Removal,
)

if TYPE_CHECKING:
    from vmseries_autoscale.settings import PanoramaSettings

__all__ = [
    "BatchLicense",
    "Device",
    "Job",
    "Panorama",
    "Part",
    "Place",
    "Places",
    "PluginFirewall",
    "Push",
    "Removal",
    "connect",
]


def connect(settings: PanoramaSettings) -> Panorama:
    """Connect to the Panorama that accepts changes: the only one, or the active one of a pair.

    A connection is not thread-safe. Create one for each visit.

    Raises:
        SecretError: If the administrator's credentials cannot be read.
        PanOsError: If no Panorama accepts changes.
        DeviceBusyError: If all peers report their state and none is active.
    """
    # Loading pan-os-python is slow, and visits that call only AWS do not need it.
    from vmseries_autoscale.panorama.client import connect_to_active  # noqa: PLC0415

    return connect_to_active(settings, secret_store.administrator_credentials(settings.secret_arn))
