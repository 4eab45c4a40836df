"""The results of identifying the firewall of an instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vmseries_autoscale.firewall_identity.signals import Signal


@dataclass(frozen=True, slots=True)
class Identity:
    """A firewall's serial number and all signals that agree on it."""

    serial: str
    signals: frozenset[Signal]

    @property
    def evidence(self) -> frozenset[str]:
        """The values of the signals for the record, without the record itself."""
        return frozenset(signal.value for signal in self.signals - {Signal.RECORD})


@dataclass(frozen=True, slots=True)
class Unidentified:
    """The result if no firewall in Panorama is known to be the instance's.

    This is not an error: the firewall may not have registered yet, or may be removed already.

    Attributes:
        unlisted_serial: Serial number in the instance's record, if Panorama does not list it.
    """

    reason: str
    unlisted_serial: str | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """The result if Panorama does not show enough yet, but is expected to show it later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The result if signals contradict each other, or name a firewall but are not enough.

    This is either an error that an operator has to correct, or an attack.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Misplaced(Ambiguous):
    """The result if two signals name a firewall that is not in the configured groups.

    The bootstrap configuration names another group, the inputs have changed, or somebody has moved
    the firewall. One that is in neither of our groups has said that it runs on the instance.

    Attributes:
        serial: Serial number of the firewall.
        signals: Signals that name the instance.
        proven: Whether the record names the firewall, and the firewall says that it is the
            instance's, or has said so to an earlier visit and is no longer connected. Then a
            termination may return its license and remove it, wherever it is in Panorama.
    """

    serial: str
    signals: frozenset[Signal]
    proven: bool


Result: TypeAlias = Identity | Unidentified | Undecided | Ambiguous
