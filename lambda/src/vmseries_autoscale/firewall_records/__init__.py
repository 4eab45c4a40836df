"""What is known of each firewall of this deployment, for longer than its instance exists.

EC2 forgets an instance and its tags about an hour after it has terminated, and Panorama forgets a
firewall once it is removed. A record keeps which firewall an instance was and how far the return of
its license is, until nothing is left to do. ``record`` has its content and its format, and
``store`` reads and writes it. A record never decides alone: visits look at the world, too.
"""

from __future__ import annotations

from vmseries_autoscale.firewall_records.record import (
    RETENTION,
    FirewallRecord,
    LicenseState,
    from_item,
    to_item,
)
from vmseries_autoscale.firewall_records.store import FirewallRecords, connect

__all__ = [
    "RETENTION",
    "FirewallRecord",
    "FirewallRecords",
    "LicenseState",
    "connect",
    "from_item",
    "to_item",
]
