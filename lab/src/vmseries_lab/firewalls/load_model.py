"""The load of a firewall, and the ten metrics that it publishes from it.

Names and units: Palo Alto Networks, VM-Series Deployment Guide: "Custom PAN-OS Metrics Published
for Monitoring". How load turns into the figures is the lab's own: linear, with a busy data plane at
full session utilisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

SESSION_CAPACITY = 10_000
"""Sessions that one firewall of the lab can hold."""

SESSION_SECONDS = 30.0
"""How long a session lasts, so how many are new each second."""

KBPS_PER_SESSION = 40.0
PACKET_BITS = 6_400.0
IDLE_CPU_PERCENT = 3.0
CPU_PERCENT_AT_CAPACITY = 90.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one firewall carries.

    Attributes:
        sessions: active sessions, at most ``capacity``.
        capacity: sessions that it can hold.
    """

    sessions: int = 0
    capacity: int = SESSION_CAPACITY

    @property
    def utilization(self) -> float:
        """Session utilisation in per cent."""
        return 100.0 * self.sessions / self.capacity

    @property
    def cpu(self) -> float:
        """Data-plane CPU utilisation in per cent."""
        busy = (CPU_PERCENT_AT_CAPACITY - IDLE_CPU_PERCENT) * self.sessions / self.capacity
        return IDLE_CPU_PERCENT + busy

    @property
    def kbps(self) -> float:
        """Throughput in kilobits per second."""
        return self.sessions * KBPS_PER_SESSION

    def metric_data(self, at: datetime) -> list[dict[str, Any]]:
        """The ten metrics in the form of PutMetricData, without dimensions.

        Without dimensions all firewalls of a namespace aggregate, which is what the vendor's own
        templates scale on.
        """
        values = (
            ("DataPlaneCPUUtilizationPct", "Percent", self.cpu),
            ("DataPlanePacketBufferUtilization", "Percent", self.utilization / 2),
            ("panGPGatewayUtilizationPct", "Percent", 0.0),
            ("panGPGWUtilizationActiveTunnels", "Count", 0.0),
            ("panSessionActive", "Count", float(self.sessions)),
            ("panSessionConnectionsPerSecond", "Count/Second", self.sessions / SESSION_SECONDS),
            ("panSessionSslProxyUtilization", "Percent", 0.0),
            ("panSessionThroughputKbps", "Kilobits/Second", self.kbps),
            ("panSessionThroughputPps", "Count/Second", self.kbps * 1000 / PACKET_BITS),
            ("panSessionUtilization", "Percent", self.utilization),
        )
        return [
            {"MetricName": name, "Unit": unit, "Value": value, "Timestamp": at}
            for name, unit, value in values
        ]
