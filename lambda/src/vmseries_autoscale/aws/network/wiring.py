"""The interfaces and addresses of one instance: what to do next, and doing it.

Decisions are pure: from what is there to the actions that are possible now. They are taken again on
what the actions have made of it, until there is nothing left to do. Whatever a crash, a duplicate
event or a person has left behind is therefore only another place to start from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.exceptions import ClientError

from vmseries_autoscale import concurrency
from vmseries_autoscale.aws import ec2_errors
from vmseries_autoscale.aws.network.addresses import (
    Address,
    AllocateAddress,
    AssociateAddress,
    DisassociateAddress,
    ReleaseAddress,
)
from vmseries_autoscale.aws.network.interfaces import (
    AttachInterface,
    CreateInterface,
    DeleteInterface,
    DeleteWithInstance,
    DetachInterface,
    Interface,
    SetSourceDestCheck,
    Status,
)
from vmseries_autoscale.aws.tags import Owner
from vmseries_autoscale.errors import (
    EventualConsistencyError,
    InterfaceLayoutError,
    TimeBudgetExceededError,
)
from vmseries_autoscale.settings import InterfaceSettings

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

ROUNDS = 8
"""More rounds of actions than any way through needs: a bound, should EC2 contradict itself."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything that is attached to an instance or was made for it, by id."""

    interfaces: Mapping[str, Interface]
    addresses: Mapping[str, Address]

    @classmethod
    def of(cls, interfaces: Iterable[Interface], addresses: Iterable[Address]) -> Wiring:
        """The wiring of these; of two descriptions of one interface the later one holds."""
        return cls(
            {interface.interface_id: interface for interface in interfaces},
            {address.allocation_id: address for address in addresses},
        )

    @property
    def own_interfaces(self) -> list[Interface]:
        """The interfaces that this module made, in a fixed order."""
        own = [interface for interface in self.interfaces.values() if interface.name is not None]
        return sorted(own, key=lambda interface: interface.interface_id)

    def private_ip(self, instance_id: str, device_index: int) -> str | None:
        """The primary private address of the interface at ``device_index``."""
        interface = self.attached_at(instance_id, device_index)
        return interface.private_ip if interface else None

    def attached_at(self, instance_id: str, device_index: int) -> Interface | None:
        """The interface at ``device_index``, also if it is only coming or going."""
        for interface in self.interfaces.values():
            at = interface.instance_id, interface.device_index
            if interface.status is not Status.DETACHED and at == (instance_id, device_index):
                return interface
        return None

    def with_interface(self, interface: Interface) -> Wiring:
        """With this interface."""
        return replace(self, interfaces={**self.interfaces, interface.interface_id: interface})

    def changed_interface(self, interface_id: str, **fields: Any) -> Wiring:
        """With fields of one interface changed."""
        return self.with_interface(replace(self.interfaces[interface_id], **fields))

    def without_interface(self, interface_id: str) -> Wiring:
        """Without this interface, whose address is free then."""
        addresses = {
            address.allocation_id: replace(address, association_id=None, interface_id=None)
            for address in self.addresses.values()
            if address.interface_id == interface_id
        }
        rest = {key: value for key, value in self.interfaces.items() if key != interface_id}
        return Wiring(rest, {**self.addresses, **addresses})

    def with_address(self, address: Address) -> Wiring:
        """With this address."""
        return replace(self, addresses={**self.addresses, address.allocation_id: address})

    def changed_address(self, allocation_id: str, **fields: Any) -> Wiring:
        """With fields of one address changed."""
        return self.with_address(replace(self.addresses[allocation_id], **fields))

    def without_address(self, allocation_id: str) -> Wiring:
        """Without this address."""
        rest = {key: value for key, value in self.addresses.items() if key != allocation_id}
        return replace(self, addresses=rest)


Change: TypeAlias = Callable[[Wiring], Wiring]
"""What an action did, to be applied to what is known."""

Modification: TypeAlias = DeleteWithInstance | SetSourceDestCheck
Removal: TypeAlias = DetachInterface | DeleteInterface | DisassociateAddress | ReleaseAddress
Action: TypeAlias = (
    CreateInterface | AttachInterface | Modification | AllocateAddress | AssociateAddress | Removal
)


def decide_connection(
    owner: Owner, zone: str, wanted: Mapping[str, InterfaceSettings], wiring: Wiring
) -> list[Action]:
    """What can be done now towards the wanted interfaces and addresses; empty when they are there.

    A firewall looks for its interfaces once, when it boots: they are there before anything about
    them is modified. EC2 has one call for all modifications, of which a launch needs the most, so
    that this is the call that many launches at once have to wait for.

    Raises:
        InterfaceLayoutError: if they cannot be had on this instance.
        EventualConsistencyError: if EC2 has to finish something first.
    """
    actions: list[Action] = []
    used: set[str] = set()
    for name, settings in wanted.items():
        interface = _interface_for(owner.instance_id, name, settings, wiring)
        if interface is None:
            actions.append(_creation(owner, zone, name, settings))
        else:
            used.add(interface.interface_id)
            actions += _connection(owner.instance_id, settings, interface)
        if settings.public_ip:
            address = _address_for(name, interface, wiring)
            if address is not None:
                used.add(address.allocation_id)
            actions += _addressing(owner, name, settings, interface, address)
    actions += _removal_of_surplus(wiring, used)
    missing: list[Action] = [a for a in actions if not isinstance(a, Modification)]
    return missing or actions


def decide_removal(wiring: Wiring, *, detach: bool) -> list[Action]:
    """What can be done now to remove our interfaces and addresses.

    Args:
        wiring: what is there.
        detach: whether attached interfaces are detached, to be deleted when EC2 has done it. If
            not, they are left to be deleted together with their instance.
    """
    actions: list[Action] = []
    deletable: set[str] = set()
    for interface in wiring.own_interfaces:
        if interface.status is Status.DETACHED:
            actions.append(DeleteInterface(interface.interface_id))
            deletable.add(interface.interface_id)
        elif detach:
            # Its address goes with it, so that it costs no call of its own.
            deletable.add(interface.interface_id)
            actions += _detachment(interface)
        else:
            actions += _end_with_instance(interface)
    for address in wiring.addresses.values():
        if address.interface_id not in deletable:
            actions.append(_freeing(address))
    return actions


def carry_out(
    ec2: EC2Client,
    decide: Callable[[Wiring], list[Action]],
    wiring: Wiring,
    *,
    patient: bool = True,
    in_time: Callable[[], bool] = lambda: True,
) -> Wiring:
    """Decide and act until nothing is left that can be done now; what is independent, at once.

    Args:
        ec2: where to act.
        decide: from what is there to what can be done now.
        wiring: what is there.
        patient: whether it is early enough to hope that what is scarce comes back.
        in_time: whether there is time for more.

    Returns:
        What is there afterwards.

    Raises:
        Ec2RefusedError: if EC2 refuses for good.
        EventualConsistencyError: if it has to finish something first.
        TimeBudgetExceededError: if there is no time for more.
        CapacityError: if it has none left for now.
    """
    for _ in range(ROUNDS):
        actions = decide(wiring)
        if not actions:
            return wiring
        if not in_time():
            raise TimeBudgetExceededError("no time left in this run")
        calls = [partial(_carry_out_one, ec2, action, patient=patient) for action in actions]
        for change in concurrency.run(calls):
            wiring = change(wiring)
    raise EventualConsistencyError(f"still something to do after {ROUNDS} rounds: {actions}")


def _carry_out_one(ec2: EC2Client, action: Action, *, patient: bool) -> Change:
    try:
        return action.carry_out(ec2)
    except ClientError as error:
        meaning = ec2_errors.meaning(error, patient=patient)
        if meaning is None:
            raise
        raise meaning from error


def _interface_for(
    instance_id: str, name: str, settings: InterfaceSettings, wiring: Wiring
) -> Interface | None:
    """The interface that is, or can become, the one called ``name``."""
    occupant = wiring.attached_at(instance_id, settings.device_index)
    if occupant is not None:
        _check_occupant(occupant, name, settings)
        return occupant
    if settings.device_index == 0:
        raise EventualConsistencyError(f"{instance_id} does not show its primary interface yet")
    candidates = [interface for interface in wiring.own_interfaces if interface.name == name]
    for interface in candidates:
        if interface.status is not Status.DETACHED:
            raise InterfaceLayoutError(
                f"{interface.interface_id}, made as {name} of {instance_id}, is attached to "
                f"{interface.instance_id} at device index {interface.device_index}"
            )
    return candidates[0] if candidates else None


def _check_occupant(occupant: Interface, name: str, settings: InterfaceSettings) -> None:
    if occupant.status is Status.DETACHING:
        raise EventualConsistencyError(
            f"{occupant.interface_id} is being detached by somebody else"
        )
    # The primary interface comes with the launch template and has no name of ours.
    expected = None if settings.device_index == 0 else name
    if occupant.name != expected:
        raise InterfaceLayoutError(
            f"device index {settings.device_index} is taken by {occupant.interface_id} "
            f"({occupant.name or 'not made by this module'}), wanted for {name}"
        )


def _creation(owner: Owner, zone: str, name: str, settings: InterfaceSettings) -> CreateInterface:
    subnet_id = settings.subnet_ids.get(zone)
    if subnet_id is None:
        raise InterfaceLayoutError(
            f"interface {name} has no subnet in {zone}; add one or leave the zone"
        )
    return CreateInterface(
        owner, name, settings.device_index, subnet_id, settings.security_group_ids
    )


def _connection(
    instance_id: str, settings: InterfaceSettings, interface: Interface
) -> list[Action]:
    actions: list[Action] = []
    if interface.source_dest_check != settings.source_dest_check:
        actions.append(SetSourceDestCheck(interface.interface_id, settings.source_dest_check))
    if interface.status is Status.DETACHED:
        actions.append(AttachInterface(interface.interface_id, instance_id, settings.device_index))
    else:
        actions += _end_with_instance(interface)
    return actions


def _end_with_instance(interface: Interface) -> list[Action]:
    if interface.delete_on_termination or interface.attachment_id is None:
        return []
    return [DeleteWithInstance(interface.interface_id, interface.attachment_id)]


def _detachment(interface: Interface) -> list[Action]:
    if interface.status is Status.DETACHING or interface.attachment_id is None:
        return []
    return [DetachInterface(interface.interface_id, interface.attachment_id)]


def _address_for(name: str, interface: Interface | None, wiring: Wiring) -> Address | None:
    """The address that is, or can become, the one of the interface called ``name``."""
    candidates = [address for address in wiring.addresses.values() if address.name == name]
    place = interface.interface_id if interface else None
    in_place = [address for address in candidates if address.interface_id == place]
    return next(iter(in_place or candidates), None)


def _addressing(
    owner: Owner,
    name: str,
    settings: InterfaceSettings,
    interface: Interface | None,
    address: Address | None,
) -> list[Action]:
    if address is None:
        return [AllocateAddress(owner, name, settings.device_index, settings.public_ipv4_pool)]
    if interface is None or address.interface_id == interface.interface_id:
        return []
    if address.association_id is not None:
        return [DisassociateAddress(address.allocation_id, address.association_id)]
    return [AssociateAddress(address.allocation_id, interface.interface_id)]


def _removal_of_surplus(wiring: Wiring, used: set[str]) -> list[Action]:
    """A second interface or address of one name, as two visits at the same time can make them."""
    unused = [
        interface.interface_id
        for interface in wiring.own_interfaces
        if interface.status is Status.DETACHED and interface.interface_id not in used
    ]
    freed = [address for key, address in wiring.addresses.items() if key not in used]
    return [*map(DeleteInterface, unused), *map(_freeing, freed)]


def _freeing(address: Address) -> Action:
    if address.association_id is None:
        return ReleaseAddress(address.allocation_id)
    return DisassociateAddress(address.allocation_id, address.association_id)
