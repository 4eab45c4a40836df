"""VM auth keys, with which new firewalls register.

Palo Alto Networks, VM-Series Deployment Guide: "Generate the VM Auth Key on Panorama": a key lives
for 1 to 8,760 hours, and Panorama does not register a firewall with an expired one. ``request
bootstrap vm-auth-key show`` answers with ``bootstrap-vm-auth-keys/entry``, each with
``vm-auth-key`` and ``expiry-time`` in the format 2015/12/29 12:03:52 (get_vm_auth_keys of
pan-os-python, GetVmAuthKeys of pango), here in UTC. Whether it lists keys that have expired is an
assumption.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement

from vmseries_lab.core.assumptions import Assumptions
from vmseries_lab.core.clock import Clock
from vmseries_lab.panorama.op_commands import Handler
from vmseries_lab.panorama.responses import leaf, result

MAXIMUM_HOURS = 8760


class VmAuthKeys:
    """The VM auth keys of a Panorama, or of a pair."""

    def __init__(self, clock: Clock, assumptions: Assumptions) -> None:
        self._clock = clock
        self._assumptions = assumptions
        self._expiries: dict[str, float] = {}

    def generate(self, key: str, hours: float = MAXIMUM_HOURS) -> None:
        """Add a key, or change when it expires."""
        self._expiries[key] = self._clock.now() + hours * 3600

    def accepts(self, key: str) -> bool:
        """Return whether a firewall with this key may register."""
        return self._clock.now() < self._expiries.get(key, 0)

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by command."""
        return {"request/bootstrap/vm-auth-key/show": lambda _command, _user: self._show()}

    def _show(self) -> Element:
        keys = Element("bootstrap-vm-auth-keys")
        expired_too = self._assumptions["expired-vm-auth-keys"] == "listed"
        for key, expiry in self._expiries.items():
            if not expired_too and not self.accepts(key):
                continue
            shown = SubElement(keys, "entry")
            shown.append(leaf("vm-auth-key", key))
            time = datetime.fromtimestamp(expiry, UTC)
            shown.append(leaf("expiry-time", f"{time:%Y/%m/%d %H:%M:%S}"))
        return result(keys)
