"""A firewall's own API: what the rest of the package asks of it, and how it is reached.

For deployments without Panorama. ``protocol`` says what a firewall can be asked, and ``adapter``
knows the XML API's words for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmseries_autoscale import secret_store
from vmseries_autoscale.firewall.interface import Firewall, State

if TYPE_CHECKING:
    from vmseries_autoscale.settings import FirewallApiSettings

__all__ = ["Firewall", "State", "connect"]


def connect(settings: FirewallApiSettings, management_ip: str) -> Firewall:
    """The firewall at this address; nothing is sent before it is asked something.

    A connection is not thread-safe: one for each visit of each firewall.

    Raises:
        SecretError: if there are no credentials.
    """
    # A visit that only touches EC2 does not pay for loading the library.
    from vmseries_autoscale.firewall.client import PanOsFirewall  # noqa: PLC0415

    administrator = secret_store.of_administrator(settings.secret_arn)
    return PanOsFirewall(management_ip, settings, administrator)
