"""What public APIs show of a deployment, again and again. The recorders read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acceptance.account import Account
from acceptance.panorama import Device, Panorama, PanoramaError
from vmseries_scenarios.deployment import Group, tags_of

DEPLOYMENT_TAG = "vmseries-autoscale:deployment"
SERIAL_TAG = "vmseries-autoscale:serial"
MANAGEMENT_INDEX = 1
"""Device index of the management interface in both examples."""


@dataclass(frozen=True)
class Interface:
    """An interface of an instance, as EC2 shows it."""

    device_index: int
    mac: str
    address: str


@dataclass(frozen=True)
class Machine:
    """An instance, as EC2 shows it.

    Attributes:
        state: Its state.
        tagged: Whether it has the tag of the deployment.
        serial: The serial number in its tag; empty without one.
        interfaces: Its interfaces, by device index.
    """

    state: str
    tagged: bool
    serial: str
    interfaces: Mapping[int, Interface] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """What was shown at one time.

    Attributes:
        time: The time of the account.
        phase: Name of the phase of the run.
        members: Lifecycle state of each member of the group, by instance ID.
        machines: Each instance that has ever been a member, unless EC2 has forgotten it.
        devices: Firewalls in Panorama's list; None if Panorama did not answer.
    """

    time: float
    phase: str
    members: Mapping[str, str]
    machines: Mapping[str, Machine]
    devices: tuple[Device, ...] | None = None


@dataclass
class History:
    """Looks at a deployment, and keeps what it has seen.

    Attributes:
        account: The account.
        group: The Auto Scaling group.
        panorama: Panorama, if it answers this machine.
        snapshots: What was seen, oldest first.
    """

    account: Account
    group: Group
    panorama: Panorama | None = None
    snapshots: list[Snapshot] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def look(self, phase: str) -> Snapshot:
        """Take a snapshot."""
        members = self.group.states()
        self._known |= members.keys()
        snapshot = Snapshot(
            self.account.clock.now(), phase, members, self._machines(), self._devices()
        )
        self.snapshots.append(snapshot)
        return snapshot

    def _machines(self) -> dict[str, Machine]:
        if not self._known:
            return {}
        # A filter instead of IDs: an instance that EC2 has forgotten is no error then.
        wanted = [{"Name": "instance-id", "Values": sorted(self._known)[-200:]}]
        pages = self.account.client("ec2").get_paginator("describe_instances")
        return {
            instance["InstanceId"]: machine_of(instance)
            for page in pages.paginate(Filters=wanted)
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }

    def _devices(self) -> tuple[Device, ...] | None:
        try:
            return self.panorama.devices().devices if self.panorama else None
        except PanoramaError:
            return None


def machine_of(instance: Mapping[str, Any]) -> Machine:
    """Return an instance as EC2 describes it, reduced to what the recorders need."""
    tags = tags_of(dict(instance))
    interfaces = [
        Interface(
            interface["Attachment"]["DeviceIndex"],
            interface.get("MacAddress", "").lower(),
            interface.get("PrivateIpAddress", ""),
        )
        for interface in instance.get("NetworkInterfaces", [])
        if "Attachment" in interface
    ]
    return Machine(
        instance["State"]["Name"],
        DEPLOYMENT_TAG in tags,
        tags.get(SERIAL_TAG, ""),
        {interface.device_index: interface for interface in interfaces},
    )
