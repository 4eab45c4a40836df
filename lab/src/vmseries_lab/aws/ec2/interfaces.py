"""Network interfaces: attachments take time, and invalid requests are rejected.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network-interface-attachments.html
"""

from __future__ import annotations

import math
from operator import attrgetter
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidNetworkAttachmentIdError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import Attachment, NetworkInterface
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces

from vmseries_lab.aws.ec2 import errors, interface_creation
from vmseries_lab.aws.ec2.filters import matches_all, page
from vmseries_lab.aws.moto_patching import backend, replace, wrap
from vmseries_lab.core.world import World

ATTACHING_SECONDS = 2.0
"""Lab seconds from AttachNetworkInterface until the attachment is ``attached``."""

DETACHING_SECONDS = 5.0
"""Lab seconds from DetachNetworkInterface until the interface is ``available``, if it ends."""

_ATTRIBUTES = ("Attachment", "SourceDestCheck", "Groups", "Description")


class Interfaces:
    """Creates, attaches, detaches, modifies and deletes network interfaces."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._attached_at: dict[str, float] = {}
        self._detached_at: dict[str, float] = {}
        self._tokens: dict[str, tuple[str, str]] = {}
        self._patch()

    def tick(self, now: float) -> None:
        """Finish the attachments and detachments that are due."""
        for interface_id in [i for i, due in self._attached_at.items() if due <= now]:
            del self._attached_at[interface_id]
            interface = backend("ec2").enis.get(interface_id)
            if interface and interface.instance:
                self._note("interface-attached", interface)
        for interface_id in [i for i, due in self._detached_at.items() if due <= now]:
            interface = backend("ec2").enis.get(interface_id)
            if interface and interface.instance:
                self.finish_detaching(interface)

    def attachment_status(self, interface: Any) -> str:
        """Return ``attaching``, ``attached`` or ``detaching`` for an attached interface."""
        if interface.id in self._detached_at:
            return "detaching"
        # By the clock: a function that sleeps until then looks before the next tick.
        due = self._attached_at.get(interface.id, -math.inf)
        return "attaching" if due > self._world.clock.now() else "attached"

    # ------------------------------------------------------------------ create and delete
    def create(self, original: Any, response: Any) -> Any:
        """CreateNetworkInterface, idempotent by client token.

        https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html. It is not
        documented how long a token is valid; in the lab, until the interface is deleted.
        """
        parameters = dict(response._get_params())  # noqa: SLF001
        token = parameters.pop("ClientToken", None)
        fingerprint = repr(sorted(parameters.items(), key=lambda item: item[0]))
        store = response.ec2_backend
        if token and (earlier := self._tokens.get(token)) and earlier[1] in store.enis:
            if earlier[0] != fingerprint:
                raise errors.token_reused()
            return ActionResult({"NetworkInterface": store.enis[earlier[1]]})
        interface_creation.check_groups(store, parameters)
        interface_creation.reserve_address(store, parameters)
        result = original(response)
        interface = result.result["NetworkInterface"]
        if token:
            self._tokens[token] = (fingerprint, interface.id)
        self._note("interface-created", interface)
        return result

    def delete(self, _original: Any, store: Any, interface_id: str) -> None:
        """DeleteNetworkInterface: rejected while attached; releases the addresses.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html
        """
        interface = store.get_network_interface(interface_id)
        if interface.attachment_id:
            raise errors.interface_not_deletable(interface_id)
        self.remove(store, interface)

    def remove(self, store: Any, interface: Any) -> None:
        """Delete a detached interface and release its addresses."""
        if interface.public_ip and store.address_by_ip([interface.public_ip], False):
            store.disassociate_address(address=interface.public_ip)
        store.enis.pop(interface.id)
        for address in interface.private_ip_addresses:
            interface.subnet.del_subnet_ip(address["PrivateIpAddress"])
        self._note("interface-deleted", interface)

    def delete_nat_gateway(self, original: Any, store: Any, nat_gateway_id: str) -> Any:
        """DeleteNatGateway: deletes its interface and disassociates its Elastic IP address.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html
        """
        gateway = original(store, nat_gateway_id)
        if gateway._eni.id in store.enis:  # noqa: SLF001
            self.remove(store, gateway._eni)  # noqa: SLF001
        return gateway

    # ------------------------------------------------------------------ attach and detach
    def attach(
        self, _original: Any, store: Any, interface_id: str, instance_id: str, index: Any
    ) -> Any:
        """AttachNetworkInterface, with EC2's validation.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachNetworkInterface.html
        """
        interface = store.get_network_interface(interface_id)
        instance = store.get_instance(instance_id)
        device_index = int(index)
        if interface.attachment_id:
            raise errors.interface_in_use(interface_id)
        if instance.state not in ("running", "stopped"):
            raise errors.wrong_instance_state(instance_id)
        if interface.availability_zone != instance.availability_zone:
            raise errors.other_zone()
        if device_index in instance.nics:
            raise errors.index_in_use(instance_id, device_index)
        if len(instance.nics) >= interface_creation.interface_limit(store, instance.instance_type):
            raise errors.too_many_interfaces(len(instance.nics) + 1, instance.instance_type)
        instance.attach_eni(interface, device_index)
        interface.attach_time = self._world.clock.utc()
        interface.delete_on_termination = False
        self._attached_at[interface_id] = self._world.clock.now() + ATTACHING_SECONDS
        return interface.attachment

    def detach(self, _original: Any, store: Any, attachment_id: str) -> None:
        """DetachNetworkInterface: returns at once; the interface is detached later, or never.

        How long it takes is not documented. It needs the guest: the parameter ``Force`` is "a last
        resort to detach a network interface from a failed instance". The lab plays the answer to
        the assumption ``detach``. It does not simulate ``Force``.
        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachNetworkInterface.html
        """
        for interface in store.enis.values():
            if interface.attachment_id == attachment_id:
                if interface.device_index == 0:
                    raise errors.primary_interface()
                self._attached_at.pop(interface.id, None)
                ends = self._world.assumptions["detach"] == "seconds"
                due = self._world.clock.now() + DETACHING_SECONDS if ends else math.inf
                self._detached_at.setdefault(interface.id, due)
                return
        raise InvalidNetworkAttachmentIdError(attachment_id)

    def finish_detaching(self, interface: Any) -> None:
        """Detach an interface from its instance now."""
        self._attached_at.pop(interface.id, None)
        self._detached_at.pop(interface.id, None)
        self._note("interface-detached", interface)
        interface.instance.detach_eni(interface)

    # ------------------------------------------------------------------ modify and describe
    def modify(self, original: Any, response: Any) -> Any:
        """ModifyNetworkInterfaceAttribute: exactly one attribute per call.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html
        """
        parameters = response._get_params()  # noqa: SLF001
        if sum(name in parameters for name in _ATTRIBUTES) > 1:
            raise errors.several_attributes()
        interface = response.ec2_backend.get_network_interface(parameters["NetworkInterfaceId"])
        change = parameters.get("Attachment")
        if change and interface.attachment_id != change.get("AttachmentId"):
            raise InvalidNetworkAttachmentIdError(change.get("AttachmentId"))
        result = original(response)
        if change and "DeleteOnTermination" in change:
            interface.delete_on_termination = bool(change["DeleteOnTermination"])
        if interface.instance and interface.device_index == 0:
            interface.instance.source_dest_check = interface.source_dest_check
        return result

    @staticmethod
    def describe(_original: Any, response: Any) -> Any:
        """DescribeNetworkInterfaces with pages.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
        """
        parameters = response._get_params()  # noqa: SLF001
        size = parameters.get("MaxResults")
        ids = parameters.get("NetworkInterfaceIds")
        if ids and size is not None:
            raise errors.ids_with_pages("networkInterfaceIdSet")
        response.error_on_dryrun()
        interfaces = response.ec2_backend.get_all_network_interfaces(
            ids,
            response._filters_from_querystring(),  # noqa: SLF001
        )
        part, token = page(interfaces, size and int(size), parameters.get("NextToken"))
        return ActionResult({"NetworkInterfaces": list(part), "NextToken": token})

    def filter_value(self, interface: Any, name: str) -> tuple[bool, Any]:
        """Return the value of a filter that moto lacks.

        Returns:
            Whether this module knows the filter, and its value.
        """
        attached = interface.attachment_id is not None
        association = interface.association
        values = {
            "attachment.device-index": interface.device_index if attached else None,
            "attachment.status": self.attachment_status(interface) if attached else None,
            "attachment.delete-on-termination": (
                bool(interface.delete_on_termination) if attached else None
            ),
            "attachment.attach-time": interface.attach_time,
            "association.public-ip": association.get("publicIp"),
            "addresses.association.public-ip": association.get("publicIp"),
            "association.allocation-id": association.get("allocationId"),
            "association.association-id": association.get("associationId"),
            "addresses.private-ip-address": [
                address["PrivateIpAddress"] for address in interface.private_ip_addresses
            ],
            "group-name": [group.name for group in interface.group_set],
            "private-dns-name": getattr(interface, "private_dns_name", None),
            "source-dest-check": interface.source_dest_check,
        }
        return name in values, values.get(name)

    def _note(self, kind: str, interface: Any) -> None:
        self._world.timeline.add(
            "ec2",
            kind,
            interface.instance.id if interface.instance else interface.id,
            interface=interface.id,
            device_index=interface.device_index if interface.attachment_id else None,
        )

    def _patch(self) -> None:
        responses = ElasticNetworkInterfaces
        wrap(responses, "create_network_interface", self.create)
        wrap(responses, "modify_network_interface_attribute", self.modify)
        wrap(responses, "describe_network_interfaces", self.describe)
        wrap(EC2Backend, "create_network_interface", interface_creation.with_address)
        wrap(EC2Backend, "delete_network_interface", self.delete)
        wrap(EC2Backend, "attach_network_interface", self.attach)
        wrap(EC2Backend, "detach_network_interface", self.detach)
        wrap(EC2Backend, "get_all_network_interfaces", _filtered)
        wrap(EC2Backend, "delete_nat_gateway", self.delete_nat_gateway)
        wrap(NetworkInterface, "get_filter_value", self._filter_value_of)
        # moto adds the instance's security groups to those of every attached interface.
        replace(NetworkInterface, "group_set", lambda _: property(attrgetter("_group_set")))
        replace(NetworkInterface, "attachment", lambda _: property(self._attachment_of))

    def _filter_value_of(
        self, original: Any, interface: Any, name: str, method: str | None = None
    ) -> Any:
        known, value = self.filter_value(interface, name)
        return value if known else original(interface, name, method)

    def _attachment_of(self, interface: Any) -> Any:
        if not interface.attachment_id:
            return None
        attachment = Attachment(interface)
        attachment.status = self.attachment_status(interface)
        attachment.delete_on_termination = bool(interface.delete_on_termination)
        return attachment


def _filtered(
    original: Any, store: Any, eni_ids: list[str] | None = None, filters: Any = None
) -> list[Any]:
    return [eni for eni in original(store, eni_ids) if matches_all(eni, filters)]
