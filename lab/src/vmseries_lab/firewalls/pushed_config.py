"""The simulated parts of the configuration that Panorama pushed to a firewall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from xml.etree.ElementTree import Element

DEFAULT_NAMESPACE = "VMseries"
DEFAULT_INTERVAL_MINUTES = 5
_DEVICE = "devices/entry[@name='localhost.localdomain']"
_CLOUDWATCH = f"{_DEVICE}/deviceconfig/plugins/vm_series/aws-cloudwatch"
_INTERFACE = f"{_DEVICE}/network/interface/ethernet/entry[@name='ethernet1/1']/layer3"
_PROFILES = f"{_DEVICE}/network/profiles/interface-management-profile"
_SERVICES = {22: "ssh", 80: "http", 443: "https"}


@dataclass(frozen=True)
class PushedConfig:
    """Configurations of a template stack and its templates, by precedence."""

    parts: tuple[Element, ...] = ()

    def value(self, path: str) -> str | None:
        """Return the text at a path in the first part that has it, ``None`` if none has."""
        texts = (part.findtext(path) for part in self.parts)
        return next((text for text in texts if text), None)

    @cached_property
    def publishes(self) -> bool:
        """Whether the firewall publishes metrics to CloudWatch; off by default."""
        return self.value(f"{_CLOUDWATCH}/enabled") == "yes"

    @property
    def namespace(self) -> str:
        """The CloudWatch namespace."""
        return self.value(f"{_CLOUDWATCH}/name") or DEFAULT_NAMESPACE

    @property
    def interval_seconds(self) -> float:
        """Seconds between two publications.

        Palo Alto Networks, VM-Series Deployment Guide: "Publish Custom PAN-OS Metrics for
        Monitoring" (``timeout`` in minutes, five by default).
        """
        return 60.0 * float(self.value(f"{_CLOUDWATCH}/timeout") or DEFAULT_INTERVAL_MINUTES)

    def answers(self, port: int) -> bool:
        """Whether the interface management profile of ``ethernet1/1`` allows a TCP port."""
        profile = self.value(f"{_INTERFACE}/interface-management-profile")
        service = _SERVICES.get(port)
        if profile is None or service is None:
            return False
        return self.value(f"{_PROFILES}/entry[@name='{profile}']/{service}") == "yes"
