"""What every way of returning licenses works on, and what it results in."""

from __future__ import annotations

from dataclasses import dataclass

from vmseries_autoscale.errors import AutoscaleError
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.licensing.evidence import Decision


@dataclass(frozen=True, slots=True)
class Leaving:
    """A leaving firewall whose license is returned.

    Attributes:
        record: Its record.
        serial: Its serial number.
        connected: Whether it is connected to Panorama.
        last_look: Why no later visit looks again; empty if one does.
    """

    record: FirewallRecord
    serial: str
    connected: bool
    last_look: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one visit did about one license.

    Attributes:
        decision: What is known now. Its record has to be saved.
        error: Why a request failed; ``None`` if none did.
    """

    decision: Decision
    error: AutoscaleError | None = None

    @property
    def record(self) -> FirewallRecord:
        """The record after the visit."""
        return self.decision.record
