"""Elastic IP addresses: quota, allocation and association.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses
from moto.ec2.utils import random_eip_association_id

from vmseries_lab.aws.ec2 import errors
from vmseries_lab.aws.moto_patching import replace, wrap
from vmseries_lab.core.world import World

DEFAULT_QUOTA = 100
"""Addresses per Region. The default quota of AWS is 5; accounts with many firewalls with public
addresses need more. https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"""

PUBLIC_NETWORKS = [IPv4Network(block) for block in ("203.0.113.0/24", "198.51.100.0/24")]
"""Networks that are reserved for documentation (RFC 5737)."""


class Addresses:
    """Allocates, associates and releases Elastic IP addresses.

    Attributes:
        quota: maximum number of addresses of the account.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.quota = DEFAULT_QUOTA
        self._patch()

    def allocate(self, original: Any, store: Any, *args: Any, **kwargs: Any) -> Any:
        """AllocateAddress: rejected if the quota is reached.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html
        """
        if len(store.addresses) >= self.quota:
            raise errors.address_quota()
        in_use = {address.public_ip for address in store.addresses}
        free = (str(host) for network in PUBLIC_NETWORKS for host in network.hosts())
        kwargs.setdefault("address", next((ip for ip in free if ip not in in_use), None))
        address = original(store, *args, **kwargs)
        self._note("address-allocated", address)
        return address

    def request_association(self, original: Any, response: Any) -> Any:
        """AssociateAddress: reassociation is allowed unless the caller disables it.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateAddress.html
        """
        response._get_params().setdefault("AllowReassociation", True)  # noqa: SLF001
        return original(response)

    def associate(
        self,
        _original: Any,
        store: Any,
        instance: Any = None,
        eni: Any = None,
        address: str | None = None,
        allocation_id: str | None = None,
        reassociate: bool = True,
    ) -> Any:
        """Associate an address with an interface, and end earlier associations of both."""
        elastic_ip = (
            store.address_by_ip([address])
            if address
            else store.address_by_allocation([allocation_id])
        )[0]
        interface = eni or instance.nics[0]
        if elastic_ip.eni is interface:
            return elastic_ip
        if not any(
            gateway.vpc is not None and gateway.vpc.id == interface.vpc_id
            for gateway in store.internet_gateways.values()
        ):
            raise errors.no_internet_gateway(interface.vpc_id)
        others = [other for other in store.addresses if other.eni is interface]
        if others and not reassociate:
            raise errors.already_associated(interface.id, others[0].public_ip)
        if elastic_ip.eni and not reassociate:
            raise errors.already_associated(elastic_ip.allocation_id, elastic_ip.public_ip)
        for previous in [*others, *([elastic_ip] if elastic_ip.eni else [])]:
            store.disassociate_address(address=previous.public_ip)
        elastic_ip.instance, elastic_ip.eni = interface.instance, interface
        elastic_ip.association_id = random_eip_association_id()
        interface.public_ip = elastic_ip.public_ip
        self._note("address-associated", elastic_ip, interface=interface.id)
        return elastic_ip

    def release(
        self,
        original: Any,
        store: Any,
        address: str | None = None,
        allocation_id: str | None = None,
    ) -> None:
        """ReleaseAddress: rejected while the address is associated.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
        """
        elastic_ip = (
            store.address_by_ip([address])
            if address
            else store.address_by_allocation([allocation_id])
        )[0]
        if elastic_ip.association_id:
            raise errors.address_associated(elastic_ip.public_ip)
        self._note("address-released", elastic_ip)
        original(store, address, allocation_id)

    @staticmethod
    def interface_of(address: Any) -> str | None:
        """Return the interface ID of an address, ``None`` if it is not associated.

        Moto returns an empty string, which is not what EC2 returns.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Address.html
        """
        return str(address.eni.id) if address.eni else None

    def _note(self, kind: str, address: Any, **detail: Any) -> None:
        subject = address.instance.id if address.instance else address.allocation_id
        self._world.timeline.add("ec2", kind, subject, allocation=address.allocation_id, **detail)

    def _patch(self) -> None:
        wrap(EC2Backend, "allocate_address", self.allocate)
        wrap(EC2Backend, "associate_address", self.associate)
        wrap(EC2Backend, "release_address", self.release)
        wrap(ElasticIPAddresses, "associate_address", self.request_association)
        replace(ElasticAddress, "network_interface_id", lambda _: property(self.interface_of))
