"""The network interfaces of an instance, reduced to the attributes that the module configures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class AttachedInterface:
    """An attached network interface, with EC2's names for its attributes.

    Attributes:
        public: Whether an Elastic IP address is associated with it.
    """

    device_index: int
    source_dest_check: bool
    delete_on_termination: bool
    public: bool


def attached_interfaces(instance: Mapping[str, Any]) -> tuple[AttachedInterface, ...]:
    """Return the interfaces of an instance as EC2 describes it, sorted by device index."""
    return tuple(
        sorted(
            AttachedInterface(
                interface["Attachment"]["DeviceIndex"],
                interface["SourceDestCheck"],
                interface["Attachment"]["DeleteOnTermination"],
                bool(interface.get("Association")),
            )
            for interface in instance["NetworkInterfaces"]
        )
    )
