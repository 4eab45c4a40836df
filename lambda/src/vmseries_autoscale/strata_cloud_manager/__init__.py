"""Strata Cloud Manager, which can manage the firewalls instead of Panorama."""

from vmseries_autoscale.strata_cloud_manager.client import connect, forget_tokens
from vmseries_autoscale.strata_cloud_manager.interface import (
    ConfigurationJob,
    ManagedFirewall,
    StrataCloudManager,
)

__all__ = [
    "ConfigurationJob",
    "ManagedFirewall",
    "StrataCloudManager",
    "connect",
    "forget_tokens",
]
