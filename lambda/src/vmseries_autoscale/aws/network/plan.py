"""Plan the next actions for the network of one instance.

The decisions are pure functions of the current state. ``converge.converge`` plans again after each
round of actions until the plan is empty, so a crash, a duplicate event or a manual change is only
another state to start from.
"""

from __future__ import annotations

from collections.abc import Mapping

from vmseries_autoscale.aws.network.ec2_actions import (
    Action,
    AllocateAddress,
    AssociateAddress,
    AttachInterface,
    CreateInterface,
    DeleteInterface,
    DeleteWithInstance,
    DisassociateAddress,
    Modification,
    ReleaseAddress,
    SetSourceDestCheck,
    WaitUntilAttached,
)
from vmseries_autoscale.aws.network.state import Address, Interface, NetworkState, Status
from vmseries_autoscale.aws.tags import ResourceTags
from vmseries_autoscale.errors import EventualConsistencyError, InterfaceLayoutError
from vmseries_autoscale.settings import InterfaceSettings


def plan_attachment(
    resource_tags: ResourceTags,
    zone: str,
    desired: Mapping[str, InterfaceSettings],
    state: NetworkState,
    *,
    settled: bool,
) -> list[Action]:
    """Return the actions that are possible now to reach the desired interfaces and addresses.

    Interfaces are created in parallel, but attached in the order of their device indexes: each one
    only when EC2 shows all lower ones as attached. Not the device index but the order in which a
    running guest detects its interfaces can decide which one is the management interface.

    Interfaces are attached before any of their attributes is modified: a firewall detects its
    interfaces once, when it boots, and ModifyNetworkInterfaceAttribute is the call that EC2
    throttles first when many instances launch at the same time.

    Args:
        resource_tags: Tags for the resources that are created.
        zone: Availability Zone of the instance.
        desired: Desired interfaces by name.
        state: Current network of the instance.
        settled: Whether the instance is so old that EC2's responses agree. Before, an interface
            without tags can be one of this module's, whose tags EC2 does not show yet.

    Returns:
        Independent actions; empty if the network is as desired.

    Raises:
        InterfaceLayoutError: If the desired interfaces do not fit the instance.
        EventualConsistencyError: If EC2 has to complete an earlier change first.
    """
    actions: list[Action] = []
    used: set[str] = set()
    # The first interface that is not attached yet, or that does not exist, and all higher ones.
    waiting: list[Interface | None] = []
    for name, settings in sorted(desired.items(), key=lambda item: item[1].device_index):
        interface = _interface_for(
            resource_tags.instance_id, name, settings, state, settled=settled
        )
        if interface is None:
            actions.append(_creation(resource_tags, zone, name, settings))
        else:
            used.add(interface.interface_id)
            actions += _modification(settings, interface)
            if interface.status is Status.DETACHED and not waiting:
                actions.append(
                    AttachInterface(
                        interface.interface_id, resource_tags.instance_id, settings.device_index
                    )
                )
        if waiting or interface is None or interface.status is not Status.ATTACHED:
            waiting.append(interface)
        if settings.public_ip:
            address = _address_for(name, interface, state)
            if address is not None:
                used.add(address.allocation_id)
            actions += _association(resource_tags, name, settings, interface, address)
    actions += _wait(waiting)
    actions += _duplicate_removal(state, used)
    attachments: list[Action] = [
        action for action in actions if not isinstance(action, Modification)
    ]
    return attachments or actions


def plan_removal(state: NetworkState) -> list[Action]:
    """Return the actions that are possible now to remove the module's interfaces and addresses.

    No attached interface is detached. EC2 deletes it with its instance, once DeleteOnTermination is
    set, while a detachment needs the guest to release the interface, and may never end: EC2 has the
    parameter ``Force`` "to detach a network interface from a failed instance"
    (API_DetachNetworkInterface).

    Args:
        state: Current network of the instance, which terminates or has terminated.
    """
    actions: list[Action] = []
    deletable: set[str] = set()
    for interface in state.own_interfaces:
        if interface.status is Status.DETACHED:
            # Deleting the interface also disassociates its address, which needs no extra call.
            actions.append(DeleteInterface(interface.interface_id))
            deletable.add(interface.interface_id)
        elif interface.status is not Status.DETACHING:
            actions += _deletion_with_instance(interface)
    for address in state.addresses.values():
        if address.interface_id not in deletable:
            actions.append(_release(address))
    return actions


def _interface_for(
    instance_id: str,
    name: str,
    settings: InterfaceSettings,
    state: NetworkState,
    *,
    settled: bool,
) -> Interface | None:
    """Return the interface that is, or can become, the interface named ``name``."""
    occupant = state.attached_at(instance_id, settings.device_index)
    if occupant is not None:
        _check_occupant(occupant, name, settings, settled=settled)
        return occupant
    if settings.device_index == 0:
        raise EventualConsistencyError(
            f"EC2 does not show the primary interface of {instance_id} yet"
        )
    candidates = [interface for interface in state.own_interfaces if interface.name == name]
    for interface in candidates:
        if interface.status is not Status.DETACHED:
            raise InterfaceLayoutError(
                f"{interface.interface_id}, created as {name} of {instance_id}, is attached to "
                f"{interface.instance_id} at device index {interface.device_index}"
            )
    return candidates[0] if candidates else None


def _check_occupant(
    occupant: Interface, name: str, settings: InterfaceSettings, *, settled: bool
) -> None:
    if occupant.status is Status.DETACHING:
        raise EventualConsistencyError(
            f"{occupant.interface_id} is being detached by another process"
        )
    # The launch template creates the primary interface, without this module's tags.
    expected = None if settings.device_index == 0 else name
    if occupant.name is None and expected is not None and not settled:
        raise EventualConsistencyError(
            f"EC2 does not show yet which interface {occupant.interface_id} at device index "
            f"{settings.device_index} is"
        )
    if occupant.name != expected:
        raise InterfaceLayoutError(
            f"device index {settings.device_index}, needed for {name}, has {occupant.interface_id} "
            f"({occupant.name or 'not created by this module'})"
        )


def _creation(
    resource_tags: ResourceTags, zone: str, name: str, settings: InterfaceSettings
) -> CreateInterface:
    subnet_id = settings.subnet_ids.get(zone)
    if subnet_id is None:
        raise InterfaceLayoutError(
            f"interface {name} has no subnet in {zone}; add a subnet there or remove the zone"
        )
    return CreateInterface(
        resource_tags, name, settings.device_index, subnet_id, settings.security_group_ids
    )


def _modification(settings: InterfaceSettings, interface: Interface) -> list[Action]:
    actions: list[Action] = []
    if interface.source_dest_check != settings.source_dest_check:
        actions.append(SetSourceDestCheck(interface.interface_id, settings.source_dest_check))
    if interface.status is not Status.DETACHED:
        actions += _deletion_with_instance(interface)
    return actions


def _wait(waiting: list[Interface | None]) -> list[Action]:
    """Return the wait for the attachment that delays those of higher interfaces, if one does."""
    if len(waiting) < 2 or waiting[0] is None or waiting[0].status is not Status.ATTACHING:
        return []
    return [WaitUntilAttached(waiting[0].interface_id)]


def _deletion_with_instance(interface: Interface) -> list[Action]:
    if interface.delete_on_termination or interface.attachment_id is None:
        return []
    return [DeleteWithInstance(interface.interface_id, interface.attachment_id)]


def _address_for(name: str, interface: Interface | None, state: NetworkState) -> Address | None:
    """Return the address that is, or can become, the address of the interface ``name``."""
    candidates = [address for address in state.addresses.values() if address.name == name]
    interface_id = interface.interface_id if interface else None
    associated = [address for address in candidates if address.interface_id == interface_id]
    return next(iter(associated or candidates), None)


def _association(
    resource_tags: ResourceTags,
    name: str,
    settings: InterfaceSettings,
    interface: Interface | None,
    address: Address | None,
) -> list[Action]:
    if address is None:
        return [
            AllocateAddress(resource_tags, name, settings.device_index, settings.public_ipv4_pool)
        ]
    if interface is None or address.interface_id == interface.interface_id:
        return []
    if address.association_id is not None:
        return [DisassociateAddress(address.allocation_id, address.association_id)]
    return [AssociateAddress(address.allocation_id, interface.interface_id)]


def _duplicate_removal(state: NetworkState, used: set[str]) -> list[Action]:
    """Return the removal of duplicates, which concurrent visits can create."""
    unused = [
        interface.interface_id
        for interface in state.own_interfaces
        if interface.status is Status.DETACHED and interface.interface_id not in used
    ]
    unused_addresses = [address for key, address in state.addresses.items() if key not in used]
    return [*map(DeleteInterface, unused), *map(_release, unused_addresses)]


def _release(address: Address) -> Action:
    if address.association_id is None:
        return ReleaseAddress(address.allocation_id)
    return DisassociateAddress(address.allocation_id, address.association_id)
