"""The simulated firewalls."""

from __future__ import annotations

from typing import Any

from vmseries_lab.client.control import ControlApi


class FirewallsClient:
    """All firewalls of one lab."""

    def __init__(self, control: ControlApi) -> None:
        self._control = control

    def describe(self) -> list[dict[str, Any]]:
        """Return the state of each firewall."""
        return list(self._control.request("GET", "firewalls"))

    def set_boot_times(self, **seconds: float) -> None:
        """Set how long firewalls take to boot; see ``firewalls.shared_services.BootTimes``."""
        self._control.request("POST", "firewalls", seconds)

    def serve_xml_api(self, **settings: Any) -> None:
        """Serve each firewall's XML API to functions in its VPC; ``served=False`` stops it."""
        self._control.request("POST", "firewalls/apis", {"served": True, **settings})

    def set_quirks(self, instance_id: str | None = None, **quirks: Any) -> None:
        """Give one firewall quirks, e.g. ``registers=False``.

        Args:
            instance_id: the firewall's instance; without it, the quirks apply to all firewalls that
                start from now on.
            quirks: see ``firewalls.quirks``.
        """
        target = {} if instance_id is None else {"instance_id": instance_id}
        self._control.request("POST", "firewalls/quirks", {**target, **quirks})
