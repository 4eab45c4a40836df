"""The state of one instance's network interfaces and Elastic IP addresses, as value objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias


class Status(StrEnum):
    """Attachment status of an interface, as EC2 names it."""

    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHING = "detaching"
    DETACHED = "detached"


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface.

    Attributes:
        name: Name from this module's tag; ``None`` for an interface that the module did not create.
        mac: MAC address, in lower case with colons; ``None`` if EC2 does not show it.
        status: Attachment status. If ``DETACHED``, the fields below it have no meaning.
    """

    interface_id: str
    name: str | None = None
    private_ip: str | None = None
    mac: str | None = None
    source_dest_check: bool = True
    status: Status = Status.DETACHED
    instance_id: str | None = None
    attachment_id: str | None = None
    device_index: int | None = None
    delete_on_termination: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """One Elastic IP address that this module allocated.

    Attributes:
        name: Name of the interface that the address was allocated for, from its tag.
        interface_id: Associated interface; ``None`` if and only if ``association_id`` is ``None``.
    """

    allocation_id: str
    name: str
    association_id: str | None = None
    interface_id: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkState:
    """All interfaces and addresses that are attached to an instance or were created for it.

    Attributes:
        interfaces: Interfaces by interface id.
        addresses: Addresses by allocation id.
    """

    interfaces: Mapping[str, Interface]
    addresses: Mapping[str, Address]

    @classmethod
    def of(cls, interfaces: Iterable[Interface], addresses: Iterable[Address]) -> NetworkState:
        """Build the state. If an interface occurs twice, the later description is used."""
        return cls(
            {interface.interface_id: interface for interface in interfaces},
            {address.allocation_id: address for address in addresses},
        )

    @property
    def own_interfaces(self) -> list[Interface]:
        """The interfaces that this module created, ordered by interface id."""
        own = [interface for interface in self.interfaces.values() if interface.name is not None]
        return sorted(own, key=lambda interface: interface.interface_id)

    def private_ip(self, instance_id: str, device_index: int) -> str | None:
        """Return the primary private address of the interface at ``device_index``."""
        interface = self.attached_at(instance_id, device_index)
        return interface.private_ip if interface else None

    def attached_at(self, instance_id: str, device_index: int) -> Interface | None:
        """Return the interface that is attached, attaching or detaching at ``device_index``."""
        for interface in self.interfaces.values():
            position = interface.instance_id, interface.device_index
            if interface.status is not Status.DETACHED and position == (instance_id, device_index):
                return interface
        return None

    def with_interface(self, interface: Interface) -> NetworkState:
        """Return the state after ``interface`` was created or changed."""
        return replace(self, interfaces={**self.interfaces, interface.interface_id: interface})

    def changed_interface(self, interface_id: str, **fields: Any) -> NetworkState:
        """Return the state after fields of one interface changed."""
        return self.with_interface(replace(self.interfaces[interface_id], **fields))

    def without_interface(self, interface_id: str) -> NetworkState:
        """Return the state after an interface was deleted, which disassociates its address."""
        addresses = {
            address.allocation_id: replace(address, association_id=None, interface_id=None)
            for address in self.addresses.values()
            if address.interface_id == interface_id
        }
        rest = {key: value for key, value in self.interfaces.items() if key != interface_id}
        return NetworkState(rest, {**self.addresses, **addresses})

    def with_address(self, address: Address) -> NetworkState:
        """Return the state after ``address`` was allocated or changed."""
        return replace(self, addresses={**self.addresses, address.allocation_id: address})

    def changed_address(self, allocation_id: str, **fields: Any) -> NetworkState:
        """Return the state after fields of one address changed."""
        return self.with_address(replace(self.addresses[allocation_id], **fields))

    def without_address(self, allocation_id: str) -> NetworkState:
        """Return the state after an address was released."""
        rest = {key: value for key, value in self.addresses.items() if key != allocation_id}
        return replace(self, addresses=rest)


Change: TypeAlias = Callable[[NetworkState], NetworkState]
"""The effect of an executed action on a known state."""
