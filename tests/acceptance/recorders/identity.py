"""How a firewall appears in Panorama, compared with EC2. All decisions are pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acceptance.facts import Answer, Evidence, Fact
from acceptance.history import MANAGEMENT_INDEX, Machine, Snapshot
from acceptance.panorama import Device, PanoramaError

NO_PANORAMA = "Panorama does not answer this machine, or lists no firewall of the run"


def pairs(snapshots: Sequence[Snapshot]) -> Iterator[tuple[str, Machine, Device]]:
    """Yield each firewall in service, with its newest connected entry in Panorama, by serial."""
    found: dict[str, tuple[Machine, Device]] = {}
    for snapshot in snapshots:
        devices = {device.serial: device for device in snapshot.devices or () if device.connected}
        for instance, machine in snapshot.machines.items():
            if machine.serial in devices and snapshot.members.get(instance) == "InService":
                found[instance] = (machine, devices[machine.serial])
    yield from ((instance, machine, device) for instance, (machine, device) in found.items())


def host_name_kind(instance_id: str, address: str, hostname: str) -> str:
    """Return the form of a host name: ``instance-id``, ``ip-name``, ``pa-vm`` or ``other``.

    ``PA-VM`` is the name of a firewall that was given none.
    """
    label = hostname.split(".", maxsplit=1)[0].lower()
    if label == instance_id:
        return "instance-id"
    if address and label == "ip-" + address.replace(".", "-"):
        return "ip-name"
    if label == "pa-vm":
        return "pa-vm"
    return "other" if label else "none"


def late_interface_host_name(snapshots: Sequence[Snapshot]) -> Answer | None:
    """Return what the host names of the firewalls in Panorama are."""
    kinds = [
        host_name_kind(instance, _management_address(machine), device.hostname)
        for instance, machine, device in pairs(snapshots)
    ]
    return _common(kinds)


def address_in_panorama(snapshots: Sequence[Snapshot]) -> Answer | None:
    """Return whether Panorama lists the address that EC2 shows."""
    kinds = [
        "same-as-ec2" if device.address == _management_address(machine) else "other"
        for _, machine, device in pairs(snapshots)
    ]
    return _common(kinds)


def mac_kind(machine: Machine, mac: str) -> str:
    """Return the interface of EC2 whose MAC address the firewall shows for its management."""
    if not mac:
        return "not-shown"
    indexes = [index for index, one in machine.interfaces.items() if one.mac == mac.lower()]
    return f"interface-{indexes[0]}" if indexes else "none-of-ec2"


def management_mac(evidence: Evidence) -> Answer | None:
    """Ask each firewall for the MAC address of its management interface."""
    if evidence.panorama is None:
        return None
    kinds = []
    for _, machine, device in pairs(evidence.snapshots):
        try:
            kinds.append(mac_kind(machine, evidence.panorama.mac_address(device.serial)))
        except PanoramaError:
            continue  # It has left.
    return _common(kinds)


def _management_address(machine: Machine) -> str:
    interface = machine.interfaces.get(MANAGEMENT_INDEX)
    return interface.address if interface else ""


def _common(kinds: Sequence[str]) -> Answer | None:
    if not kinds:
        return None
    names = sorted(set(kinds))
    return Answer(" and ".join(names), f"{len(kinds)} firewalls")


FACTS = (
    Fact(
        "late-interface-host-name",
        "Which host name does a management interface get by DHCP that was attached after launch?",
        "ip-name",
        lambda evidence: late_interface_host_name(evidence.snapshots),
        NO_PANORAMA,
    ),
    Fact(
        "address-in-panorama",
        "Does Panorama list the management address that EC2 shows?",
        "same-as-ec2",
        lambda evidence: address_in_panorama(evidence.snapshots),
        NO_PANORAMA,
    ),
    Fact(
        "mac-of-management",
        "Which interface of EC2 has the MAC address that a firewall shows for its management?",
        "",
        management_mac,
        NO_PANORAMA,
    ),
)
