"""Where the hosts outside the account's VPCs are, and whether interfaces and functions reach them.

Panorama, the services of Palo Alto Networks and the public APIs of AWS are on the internet, at
addresses that are reserved for documentation (RFC 5737). ``World.addresses`` is what DNS answers: a
test moves Panorama to a private network by changing its address there, and then needs a route to
it, through a transit gateway or a virtual private gateway; or a peering connection to a VPC of the
account in which an interface has the address.

A firewall reaches them from its management interface, a function from an interface in each of its
subnets. DNS and NTP need no rules: security groups and network ACLs do not filter what Amazon's DNS
and time servers answer (https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html), and
firewalls get these servers by DHCP.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import Any, cast

from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.aws.network_view import network_view
from vmseries_lab.core.world import Reach, World
from vmseries_lab.net.certificates import (
    IDENTITY_NAME,
    LICENSING_NAME,
    PANORAMA_NAMES,
    STRATA_API_NAME,
    STRATA_IDENTITY_NAME,
)
from vmseries_lab.network import connect
from vmseries_lab.network.connections import PRIVATE, connect_to_service
from vmseries_lab.network.model import Address, Interface, Network
from vmseries_lab.network.verdicts import Check, Verdict

HTTPS = 443
PANORAMA_PORT = 3978
"""Panorama's port for its managed firewalls.

https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/firewall-administration/reference-port-number-usage
"""
CONTENT_PORT = 28443
"""Panorama's port for content and software updates of its managed firewalls; same source."""

CERTIFICATE_HOST = "certificate.paloaltonetworks.com"
CERTIFICATE_STATUS_HOST = "ocsp.paloaltonetworks.com"
CERTIFICATE_CLOUD_HOST = "lab.gpcloudservice.com"
DEVICE_CERTIFICATE = (
    (CERTIFICATE_HOST, HTTPS),
    (CERTIFICATE_STATUS_HOST, 80),
    (CERTIFICATE_CLOUD_HOST, HTTPS),
    (CERTIFICATE_CLOUD_HOST, 444),
)
"""Hosts and ports that a firewall needs for its device certificate, one of each row of the list.

https://docs.paloaltonetworks.com/panorama/11-0/panorama-admin/manage-firewalls/install-the-device-certificate-for-managed-firewalls/install-the-device-certificate-for-a-managed-firewall
"""

ADDRESSES = {
    PANORAMA_NAMES[0]: "203.0.113.10",
    PANORAMA_NAMES[1]: "203.0.113.11",
    LICENSING_NAME: "198.51.100.10",
    STRATA_API_NAME: "198.51.100.30",
    STRATA_IDENTITY_NAME: "198.51.100.31",
    IDENTITY_NAME: "198.51.100.11",
    CERTIFICATE_HOST: "198.51.100.20",
    CERTIFICATE_STATUS_HOST: "198.51.100.21",
    CERTIFICATE_CLOUD_HOST: "198.51.100.22",
}
"""Addresses of the hosts on the internet."""
AWS_APIS = IPv4Address("198.51.100.100")
"""Address of the public endpoints of AWS's services, except S3, whose prefix list is published."""

ENDPOINT_NAMES = {"elbv2": "elasticloadbalancing", "cloudwatch": "monitoring"}
"""Names of services in the names of their VPC endpoints, if boto3 names them differently.

https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
"""


class FunctionPaths:
    """Paths from a function: from an interface in each of its subnets, any of which it may use.

    The interfaces have no public address, even in a public subnet. Outside a VPC, a function
    reaches the internet and no private address.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html
    """

    def __init__(self, vpc_config: dict[str, Any]) -> None:
        zones = backend("ec2").subnets.values()
        groups = tuple(vpc_config.get("SecurityGroupIds") or ())
        self._sources = {
            f"function in {subnet_id}": Interface(
                f"function in {subnet_id}", subnet_id, (zone[subnet_id].cidr[-3],), groups
            )
            for subnet_id in vpc_config.get("SubnetIds") or ()
            for zone in zones
            if subnet_id in zone
        }
        network = network_view()
        known = cast("MutableMapping[str, Interface]", network.interfaces)
        self._network = replace(network, interfaces=ChainMap(self._sources, known))

    def reaches(self, address: Address, port: int) -> bool:
        """Whether it can connect to an address."""
        if not self._sources:
            return not _is_private(address)
        return self._all(lambda source: connect(self._network, source, address, port))

    def reaches_interface(self, interface_id: str, port: int) -> bool:
        """Whether it can connect to an interface of its VPC."""
        target = self._network.interfaces.get(interface_id)
        if not self._sources or target is None:
            return False
        return self._all(lambda source: connect(self._network, source, target.addresses[0], port))

    def reaches_service(self, service: str) -> bool:
        """Whether it can call an AWS service, as boto3 names it."""
        return self._all(lambda source: _to_service(self._network, source, service))

    def _all(self, check: Callable[[Interface], Verdict]) -> bool:
        return all(check(source) for source in self._sources.values())


class Paths:
    """Paths from interfaces and functions. All methods need the world's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._view: Network | None = None
        world.addresses.update(ADDRESSES)

    @contextmanager
    def one_view(self) -> Iterator[None]:
        """Look at the networks once for all checks until the end, in which nothing may change."""
        self._view = network_view()
        try:
            yield
        finally:
            self._view = None

    def to_host(
        self, interface_id: str, host: str, port: int, *, established: bool = False
    ) -> Verdict:
        """Whether an interface can connect to a host.

        Args:
            interface_id: ID of the client's interface.
            host: name or address.
            port: TCP port.
            established: whether only an existing connection must continue.
        """
        network = self._view or network_view()
        source = network.interfaces.get(interface_id)
        if source is None:
            return _gone(interface_id)
        address = self._address(host)
        if address is None:
            return Verdict(False, Check.DELIVERY, host, "has no address in DNS")
        return connect(network, source, address, port, established=established)

    def to_service(self, interface_id: str, service: str) -> Verdict:
        """Whether an interface can connect to the API of an AWS service, as boto3 names it."""
        network = self._view or network_view()
        source = network.interfaces.get(interface_id)
        return _gone(interface_id) if source is None else _to_service(network, source, service)

    def reach(self, vpc_config: dict[str, Any] | None) -> Reach:
        """Return which hosts a function reaches; see ``World.reach``."""
        function = self.function(vpc_config)
        hosts, timed_out = {}, set()
        for name, server in self._world.hosts.items():
            host, _, port = name.rpartition(":")
            if function.reaches(self._address(host) or AWS_APIS, int(port)):
                hosts[name] = server
            else:
                timed_out.add(name)
        return Reach(hosts, frozenset(timed_out))

    def reaches_service(self, vpc_config: dict[str, Any] | None, service: str) -> bool:
        """Whether a function reaches the API of a service; see ``World.reaches_service``."""
        return self.function(vpc_config).reaches_service(service)

    def function(self, vpc_config: dict[str, Any] | None) -> FunctionPaths:
        """Return the paths from a function with these VPC settings."""
        return FunctionPaths(vpc_config or {})

    def _address(self, host: str) -> Address | None:
        try:
            return ip_address(self._world.addresses.get(host, host))
        except ValueError:
            return None


def _to_service(network: Network, source: Interface, service: str) -> Verdict:
    name = ENDPOINT_NAMES.get(service, service)
    address: Address = AWS_APIS
    if name == "s3":
        store = backend("ec2")
        listed = next(
            (
                network.prefix_lists[each.id]
                for each in store.managed_prefix_lists.values()
                if str(each.prefix_list_name).endswith(".s3")
            ),
            (),
        )
        address = listed[0][1] if listed else AWS_APIS
    return connect_to_service(network, source, name, address)


def _is_private(address: Address) -> bool:
    return isinstance(address, IPv4Address) and any(address in block for block in PRIVATE)


def _gone(interface_id: str) -> Verdict:
    return Verdict(False, Check.DELIVERY, interface_id, "does not exist any more")
