"""The load of a firewall, and the ten metrics that it publishes.

Names and units: Palo Alto Networks, VM-Series Deployment Guide: "Custom PAN-OS Metrics Published
for Monitoring". The relation between sessions and other metrics is the lab's own: it is linear,
with a busy data plane at full session utilization.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

SESSION_CAPACITY = 10_000
"""Default maximum number of sessions of a firewall."""

SESSION_SECONDS = 30.0
"""Average duration of a session, which determines the rate of new sessions."""

KBPS_PER_SESSION = 40.0
PACKET_BITS = 6_400.0
IDLE_CPU_PERCENT = 3.0
CPU_PERCENT_AT_CAPACITY = 90.0


@dataclass(frozen=True, slots=True)
class Load:
    """The load of a firewall.

    Attributes:
        sessions: active sessions, at most ``capacity``.
        capacity: maximum number of sessions.
    """

    sessions: int = 0
    capacity: int = SESSION_CAPACITY

    @property
    def utilization(self) -> float:
        """Session utilization in percent."""
        return 100.0 * self.sessions / self.capacity

    @property
    def cpu(self) -> float:
        """Data plane CPU utilization in percent."""
        busy = (CPU_PERCENT_AT_CAPACITY - IDLE_CPU_PERCENT) * self.sessions / self.capacity
        return IDLE_CPU_PERCENT + busy

    @property
    def kbps(self) -> float:
        """Throughput in kilobits per second."""
        return self.sessions * KBPS_PER_SESSION

    def metric_data(self, at: datetime) -> list[dict[str, Any]]:
        """Return the ten metrics as ``MetricData`` of PutMetricData.

        They have no dimensions, so that CloudWatch aggregates all firewalls of a namespace. The
        vendor's own templates scale on these aggregates.
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
