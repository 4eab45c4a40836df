"""The readiness modes, each as a deployment of the smallest root module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROOT = "tests/fixtures/minimal"
FIREWALLS = 2
LAST_BOOT_SECONDS = 24 * 60.0
"""Lab seconds after which a firewall without Panorama has its configuration. Firewalls differ by up
to 3 percent, so that the slowest one boots in 25 minutes."""


@dataclass(frozen=True, slots=True)
class Mode:
    """A readiness mode.

    Attributes:
        name: Name in the table and the chart.
        variables: Variables of the root module, besides those that all modes have.
        boot_times: Lab seconds of the stages of the boot that differ from the lab's.
    """

    name: str
    variables: Mapping[str, Any]
    boot_times: Mapping[str, float] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, Any]:
        """All variables of the root module."""
        capacity = {"min": FIREWALLS, "max": FIREWALLS + 2, "instance_refresh": {}}
        return {"load_balancer": True, "capacity": capacity, **self.variables}


_ALONE = {"register": LAST_BOOT_SECONDS}

MODES = (
    Mode("in-sync", {}),
    Mode("connected (Panorama)", {"readiness": "connected"}),
    Mode("connected (firewall_api)", {"payg": True, "own_api": True}, _ALONE),
    Mode("healthy", {"payg": True}, _ALONE),
    Mode("off", {"payg": True, "readiness": "off"}, _ALONE),
)
