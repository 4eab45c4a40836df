"""The network interfaces of an instance, as an operator compares them with what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Nic:
    """What matters of an interface, in EC2's words."""

    device_index: int
    source_dest_check: bool
    delete_on_termination: bool
    public: bool


def nics(instance: Mapping[str, Any]) -> tuple[Nic, ...]:
    """The interfaces of an instance as EC2 describes it, in the order of their device indexes."""
    return tuple(
        sorted(
            Nic(
                nic["Attachment"]["DeviceIndex"],
                nic["SourceDestCheck"],
                nic["Attachment"]["DeleteOnTermination"],
                bool(nic.get("Association")),
            )
            for nic in instance["NetworkInterfaces"]
        )
    )
