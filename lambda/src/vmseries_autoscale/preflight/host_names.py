"""Check whether templates take away the host name that AWS gives a firewall.

A host name that is the instance id identifies a firewall (docs/readiness.md). The checks are pure
functions of the settings of a template stack and its templates. Nobody has recorded what such a
setting does to a bootstrapped firewall; the schema of PAN-OS has both (``deviceconfig/system``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked

if TYPE_CHECKING:
    from vmseries_autoscale.panorama.preflight_client import HostNameSettings

CONSEQUENCE = (
    "after the first push, firewalls may no longer have their instance id as host name, which "
    "helps to identify them"
)


def check_host_names(stack: str, settings: Sequence[HostNameSettings]) -> Findings:
    """Check the settings of a template stack and its templates.

    Args:
        stack: Name of the template stack.
        settings: Settings of the stack, then of its templates from top to bottom. A firewall gets
            the first value of each setting.
    """
    named = next((part for part in settings if part.hostname), None)
    client = next((part for part in settings if part.accepts is not None), None)
    if named is not None and named.hostname.startswith("$"):
        yield unchecked(
            f"The host name of the firewalls is the template variable {named.hostname} of the "
            f"{named.owner}."
        )
    elif named is not None:
        yield problem(
            f"The {named.owner} sets the host name {named.hostname} (deviceconfig system "
            f"hostname): {CONSEQUENCE}. Remove the setting, commit, and push."
        )
    if client is not None and client.accepts != "yes":
        yield problem(
            f"The {client.owner} makes the management interface a DHCP client that does not accept "
            f"a host name (deviceconfig system type dhcp-client): {CONSEQUENCE}. Set "
            "accept-dhcp-hostname yes there, commit, and push."
        )
    if named is None and (client is None or client.accepts == "yes"):
        yield checked(f"Template stack {stack}: firewalls keep the host name that AWS gives them.")
