"""A firewall's own XML API, for deployments without Panorama.

``interface`` declares what the package needs from a firewall. ``client`` implements it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmseries_autoscale import secret_store
from vmseries_autoscale.firewall.interface import Firewall, State

if TYPE_CHECKING:
    from vmseries_autoscale.settings import FirewallApiSettings

__all__ = ["Firewall", "State", "connect"]


def connect(settings: FirewallApiSettings, management_ip: str) -> Firewall:
    """Return a connection to the firewall at this address. It sends nothing until its first use.

    A connection is not thread-safe. Create one for each firewall in each visit.

    Raises:
        SecretError: If the administrator's credentials cannot be read.
    """
    # Loading pan-os-python is slow, and visits that call only AWS do not need it.
    from vmseries_autoscale.firewall.client import PanOsFirewall  # noqa: PLC0415

    return PanOsFirewall(
        management_ip, settings, secret_store.administrator_credentials(settings.secret_arn)
    )
