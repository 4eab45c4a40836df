"""Injected faults."""

from __future__ import annotations

from typing import Any

from vmseries_lab.client.control import ControlApi


class FaultsClient:
    """The faults of one lab."""

    def __init__(self, control: ControlApi) -> None:
        self._control = control

    def add(self, service: str, action: str, **settings: Any) -> None:
        """Make matching calls fail; settings are those of ``aws.requests.Fault``."""
        self._control.request("POST", "faults", {"service": service, "action": action, **settings})

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults that are not used up; fields are those of ``aws.requests.Fault``."""
        return list(self._control.request("GET", "faults"))

    def clear(self) -> None:
        """Remove all faults."""
        self._control.request("DELETE", "faults")
