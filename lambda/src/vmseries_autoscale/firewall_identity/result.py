"""The results of identifying the firewall of an instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vmseries_autoscale.aws import tags
from vmseries_autoscale.firewall_identity.signals import Signal


@dataclass(frozen=True, slots=True)
class Identity:
    """A firewall's serial number and all signals that agree on it."""

    serial: str
    signals: frozenset[Signal]


@dataclass(frozen=True, slots=True)
class Unidentified:
    """The result if no firewall in Panorama is known to be the instance's.

    This is not an error: the firewall may not have registered yet, or may be removed already.

    Attributes:
        unlisted_serial: Serial number in the instance's tag, if Panorama does not list it.
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


Result: TypeAlias = Identity | Unidentified | Undecided | Ambiguous


def tags_for(identity: Identity) -> dict[str, str]:
    """Return the instance tags that record an identity for later visits and for operators."""
    evidence = [signal.value for signal in Signal if signal in identity.signals]
    return {
        tags.SERIAL: identity.serial,
        tags.SERIAL_EVIDENCE: " ".join(name for name in evidence if name != Signal.MEMBERSHIP),
    }
