"""The simulated Strata Cloud Manager."""

from __future__ import annotations

from typing import Any

from vmseries_lab.client.control import ControlApi


class StrataClient:
    """Strata Cloud Manager of one lab."""

    def __init__(self, control: ControlApi) -> None:
        self._control = control

    def configure(self, **settings: Any) -> None:
        """Change settings, e.g. ``mode="refusing"``; see ``strata_cloud_manager``."""
        self._control.request("POST", "strata", settings)

    def push(self) -> None:
        """Push the configuration of the folder to its firewalls, as an administrator does."""
        self._control.request("POST", "strata/push", {})

    def remove(self, serial: str) -> None:
        """Remove a firewall, as an administrator does."""
        self._control.request("POST", "strata/remove", {"serial": serial})

    def firewalls(self) -> dict[str, dict[str, Any]]:
        """Return the firewalls by serial number: ``folder``, ``connected``, ``version``, facts."""
        return dict(self._control.request("GET", "strata"))
