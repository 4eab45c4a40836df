"""A deployment as walks see it: networks, names, load balancers with their targets, firewalls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network

from vmseries_lab.network.model import Address, Interface, Network
from vmseries_scenarios.packet_walk.pan_os import DATA, Configuration, Firewall, Port

GENEVE_PORT = 6081
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/introduction.html"""

UNTRUST = "ethernet1/2"
MANAGEMENT_INDEX = 1
PORTS: Mapping[int, str] = {0: DATA, 2: UNTRUST}
"""PAN-OS names by device index: with swapped interfaces, index 1 is the management interface."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A firewall instance: its interfaces by device index."""

    instance_id: str
    zone: str
    interfaces: Mapping[int, Interface]


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Targets of a Gateway Load Balancer.

    Attributes:
        health_port: port of the health check.
        healthy: instance IDs of the healthy targets.
    """

    health_port: int
    healthy: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """Where a Lambda function runs: subnets and security groups; none of both without a VPC."""

    name: str
    subnet_ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A deployment.

    Attributes:
        names: ``Name`` tags by ID.
        targets: target group by the ARN of its load balancer.
        instances: firewall instances in service.
        overlay_routing: whether the bootstrap settings enable overlay routing.
        follows_routers: as in :class:`~vmseries_scenarios.packet_walk.pan_os.Firewall`.
    """

    network: Network
    configuration: Configuration
    names: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, TargetGroup] = field(default_factory=dict)
    instances: Mapping[str, Instance] = field(default_factory=dict)
    functions: tuple[Function, ...] = ()
    overlay_routing: bool = False
    follows_routers: bool = True

    def firewall(self, instance: Instance) -> Firewall:
        """Return an instance as PAN-OS sees it."""
        ports = {
            PORTS[index]: Port(first_v4(interface), self.v4_network(interface))
            for index, interface in instance.interfaces.items()
            if index in PORTS
        }
        return Firewall(
            instance.instance_id,
            self.configuration,
            ports,
            self.overlay_routing,
            self.follows_routers,
        )

    def v4_network(self, interface: Interface) -> IPv4Network:
        """Return the IPv4 network of an interface's subnet."""
        cidrs = self.network.subnets[interface.subnet_id].cidrs
        return next(cidr for cidr in cidrs if isinstance(cidr, IPv4Network))

    def zone(self, interface: Interface) -> str:
        """Return the Availability Zone of an interface."""
        return self.network.subnets[interface.subnet_id].zone

    def name(self, resource_id: str) -> str:
        """Return the ``Name`` tag of a resource, its ID if it has none."""
        return self.names.get(resource_id) or resource_id

    def with_host(self, host: Interface) -> Site:
        """Return the site with one more interface."""
        interfaces = {**self.network.interfaces, host.interface_id: host}
        return replace(self, network=replace(self.network, interfaces=interfaces))

    def free_address(self, subnet_id: str) -> IPv4Address:
        """Return the highest address of a subnet that no interface has."""
        cidr = next(
            cidr for cidr in self.network.subnets[subnet_id].cidrs if isinstance(cidr, IPv4Network)
        )
        used = {
            address
            for interface in self.network.all_interfaces()
            if interface.subnet_id == subnet_id
            for address in interface.addresses
        }
        # AWS keeps the last address: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
        last = int(cidr.broadcast_address) - 1
        first = int(cidr.network_address) + 4
        return next(
            IPv4Address(number)
            for number in range(last, first - 1, -1)
            if IPv4Address(number) not in used
        )


def first_v4(interface: Interface) -> IPv4Address:
    """Return the first IPv4 address of an interface.

    Raises:
        ValueError: it has none.
    """
    address: Address
    for address in interface.addresses:
        if isinstance(address, IPv4Address):
            return address
    raise ValueError(f"{interface.interface_id} has no IPv4 address")
