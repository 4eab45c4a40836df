"""Strata Cloud Manager, which can manage the firewalls instead of Panorama."""

from vmseries_autoscale.strata_cloud_manager.client import connect
from vmseries_autoscale.strata_cloud_manager.interface import (
    STRATA_CLOUD_MANAGER,
    ConfigurationJob,
    ManagedFirewall,
    StrataCloudManager,
)

__all__ = [
    "STRATA_CLOUD_MANAGER",
    "ConfigurationJob",
    "ManagedFirewall",
    "StrataCloudManager",
    "connect",
]
