"""What a firewall is asked by itself, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class State:
    """How far a firewall has come since it was booted.

    Attributes:
        chassis_ready: whether its processes are up and it can forward traffic.
        auto_commit: the result of the commit by which PAN-OS activates its configuration when it
            boots: ``OK``, ``FAIL``, or ``PEND`` while it is not over; ``None`` before it began.
    """

    chassis_ready: bool
    auto_commit: str | None

    @property
    def ready(self) -> bool:
        """Whether it forwards traffic by its configuration."""
        return self.chassis_ready and self.auto_commit == "OK"


class Firewall(Protocol):
    """One firewall, as one administrator.

    Every method raises a FirewallError if it cannot do what it says.
    """

    def state(self) -> State:
        """How far it has come since it was booted."""

    def is_ready(self) -> bool:
        """Whether it forwards traffic by its configuration."""

    def serial(self) -> str | None:
        """Its serial number, ``None`` before it has a license."""

    def licenses(self) -> list[str]:
        """Features that it has a license for."""

    def set_licensing_api_key(self, api_key: str) -> None:
        """Give it the key by which it may give its license back."""

    def deactivate_license(self) -> bool:
        """Have it give its license back; whether it says that it has."""
