"""Readiness: what keeps a firewall out of service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vmseries_autoscale.panorama import Device
from vmseries_autoscale.readiness import obstacle
from vmseries_autoscale.settings import Readiness

READY = Device("001", "i-0", "10.0.1.5", True, "In Sync", "In Sync")


@pytest.mark.parametrize(
    ("wanted", "device", "expected"),
    [
        (Readiness.OFF, None, None),
        (Readiness.CONNECTED, None, "not connected to Panorama"),
        (Readiness.CONNECTED, replace(READY, connected=False), "not connected to Panorama"),
        (Readiness.CONNECTED, replace(READY, policy_status="Out of Sync"), None),
        (Readiness.IN_SYNC, READY, None),
        (Readiness.IN_SYNC, replace(READY, connected=False), "not connected to Panorama"),
        (
            Readiness.IN_SYNC,
            replace(READY, policy_status="Out of Sync"),
            "device group: Out of Sync",
        ),
        (Readiness.IN_SYNC, replace(READY, template_status=None), "template stack: no status"),
        (Readiness.IN_SYNC, replace(READY, policy_status=""), "device group: no status"),
    ],
)
def test_obstacle(wanted: Readiness, device: Device | None, expected: str | None) -> None:
    assert obstacle(wanted, device) == expected
