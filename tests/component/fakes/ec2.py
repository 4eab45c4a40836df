"""Amazon EC2 in memory: instances, network interfaces and Elastic IP addresses.

Where EC2 is strict, this is strict: one interface for each device index, no attachment to an
instance that has ended, no release of an address that is in use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from component.fakes.base import (
    NAME,
    ZONE,
    Base,
    client_error,
    from_list,
    matches,
    specified_tags,
    to_list,
)

VPC = "vpc-0"
SECURITY_GROUP = "sg-0"
NETWORKS = {"data": 0, "management": 1, "untrust": 2}
"""The third number of the addresses of each subnet. The subnets are named after their roles."""
DEPLOYMENT = "vmseries-autoscale:deployment"
INSTANCE_ID = "vmseries-autoscale:instance-id"
GENERATION = "0123456789ab"
LAUNCH_TAGS = {DEPLOYMENT: NAME, "vmseries-autoscale:generation": GENERATION}
"""Tags of an instance of the group, from the launch template."""

EC2_SHOWS = timedelta(hours=1)
"""How long DescribeInstances returns a terminated instance: "usually less than one hour"
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html)."""
ATTACHING_TAKES = timedelta(seconds=2)
DETACHING_TAKES = timedelta(seconds=5)
MAXIMUM_INTERFACES = 4
"""Of an m5.xlarge (https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html)."""
AGE_FLOOR = timedelta(minutes=25)


@dataclass
class Attachment:
    attachment_id: str
    instance_id: str
    device_index: int
    delete_on_termination: bool
    detached_at: datetime | None = None
    attached_at: datetime | None = None

    @property
    def status(self) -> str:
        if self.detached_at is not None:
            return "detaching"
        return "attached" if self.attached_at is None else "attaching"


@dataclass
class Interface:
    interface_id: str
    subnet: str
    private_ip: str
    tags: dict[str, str]
    attachment: Attachment | None = None
    source_dest_check: bool = True

    @property
    def mac(self) -> str:
        """The MAC address, from the number in the id."""
        number = self.interface_id.rpartition("-")[2][-8:].rjust(8, "0")
        return ":".join(["06", "00", *(number[at : at + 2] for at in range(0, 8, 2))])

    @property
    def description(self) -> dict[str, Any]:
        return {
            "NetworkInterfaceId": self.interface_id,
            "MacAddress": self.mac,
            "SubnetId": self.subnet,
            "PrivateIpAddress": self.private_ip,
            "PrivateIpAddresses": [{"PrivateIpAddress": self.private_ip}],
            "SourceDestCheck": self.source_dest_check,
            "TagSet": to_list(self.tags),
        } | ({} if self.attachment is None else {"Attachment": self._attachment})

    @property
    def _attachment(self) -> dict[str, Any]:
        assert self.attachment is not None
        return {
            "AttachmentId": self.attachment.attachment_id,
            "InstanceId": self.attachment.instance_id,
            "DeviceIndex": self.attachment.device_index,
            "DeleteOnTermination": self.attachment.delete_on_termination,
            "Status": self.attachment.status,
        }


@dataclass
class Address:
    allocation_id: str
    tags: dict[str, str]
    association_id: str | None = None
    interface_id: str | None = None

    @property
    def description(self) -> dict[str, Any]:
        associated = {
            "AssociationId": self.association_id,
            "NetworkInterfaceId": self.interface_id,
        }
        return {
            "AllocationId": self.allocation_id,
            "Tags": to_list(self.tags),
        } | ({} if self.association_id is None else associated)


@dataclass
class Volume:
    volume_id: str
    tags: dict[str, str]


@dataclass
class Instance:
    """An instance.

    Attributes:
        launched: When it was launched.
        terminated: When it was terminated; ``None`` while it lives.
        reason_has_time: Whether EC2 says when it was terminated. It does for a termination by a
            user; for an interruption of spot capacity the reason has no time.
        pending: Whether it is not running yet.
        stopped: Whether it is stopped.
        forgotten: Whether EC2 no longer returns it.
        volume: Its root volume.
    """

    instance_id: str
    tags: dict[str, str]
    launched: datetime
    terminated: datetime | None = None
    reason_has_time: bool = True
    pending: bool = False
    stopped: bool = False
    forgotten: bool = False
    volume: Volume | None = None

    @property
    def state(self) -> str:
        if self.terminated is not None:
            return "terminated"
        if self.pending:
            return "pending"
        return "stopped" if self.stopped else "running"

    @property
    def reason(self) -> str:
        """StateTransitionReason (API_Instance)."""
        if self.terminated is None or not self.reason_has_time:
            return ""
        return f"User initiated ({self.terminated:%Y-%m-%d %H:%M:%S} GMT)"


@dataclass
class Ec2(Base):
    """EC2.

    Attributes:
        attaching_takes: How long an attachment takes; zero completes it at once.
        detaching_takes: How long a detachment takes; zero completes it at once.
        ec2_shows: How long EC2 returns a terminated instance.
    """

    instances: dict[str, Instance] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    allocated: dict[str, Address] = field(default_factory=dict)
    client_tokens: dict[str, str] = field(default_factory=dict)
    attaching_takes: timedelta = ATTACHING_TAKES
    detaching_takes: timedelta = DETACHING_TAKES
    ec2_shows: timedelta = EC2_SHOWS

    def run_instance(self, tags: dict[str, str]) -> str:
        """Start an instance with its primary interface, and return its id."""
        instance_id = self.new_id("i")
        self.instances[instance_id] = Instance(
            instance_id, dict(tags), self.now, volume=Volume(self.new_id("vol"), dict(tags))
        )
        primary = self.add_interface("data", dict(tags))
        primary.attachment = Attachment(self.new_id("eni-attach"), instance_id, 0, True)
        return instance_id

    def kill(self, instance_id: str) -> None:
        """Terminate an instance, if it still lives."""
        instance = self.instances[instance_id]
        if instance.terminated is not None:
            return
        instance.terminated = self.now
        for interface in self.attached(instance_id):
            attachment = interface.attachment
            if attachment is not None and attachment.delete_on_termination:
                self._delete(interface)
            self._detached(interface)

    def lives(self, instance_id: str) -> bool:
        instance = self.instances.get(instance_id)
        return instance is not None and instance.terminated is None

    def add_interface(self, subnet: str, tags: dict[str, str]) -> Interface:
        used = {interface.private_ip for interface in self.interfaces.values()}
        network = NETWORKS[subnet]
        # The lowest free address: EC2 assigns an address again as soon as it is free.
        ip = next(ip for n in count(4) if (ip := f"10.0.{network}.{n}") not in used)
        interface = Interface(self.new_id("eni"), subnet, ip, tags)
        self.interfaces[interface.interface_id] = interface
        return interface

    def attached(self, instance_id: str) -> list[Interface]:
        """The interfaces of an instance, by device index."""
        attachments = [
            (interface.attachment.device_index, interface)
            for interface in self.interfaces.values()
            if interface.attachment and interface.attachment.instance_id == instance_id
        ]
        return [interface for _, interface in sorted(attachments, key=lambda item: item[0])]

    def owner(self, private_ip: str) -> str | None:
        """The instance whose interface has this address."""
        for interface in self.interfaces.values():
            if interface.private_ip == private_ip and interface.attachment is not None:
                return interface.attachment.instance_id
        return None

    def left_by(self, instance_id: str) -> list[str]:
        """Those of ``made_for`` that EC2 does not delete with the instance."""
        deleted = {
            interface.interface_id
            for interface in self.attached(instance_id)
            if interface.attachment is not None and interface.attachment.delete_on_termination
        }
        return [key for key in self.made_for(instance_id) if key not in deleted]

    def made_for(self, instance_id: str) -> list[str]:
        """The interfaces and addresses that still exist of those made for an instance."""
        resources = {**self.interfaces, **self.allocated}
        return [
            key
            for key, resource in resources.items()
            if resource.tags.get(INSTANCE_ID) == instance_id
        ]

    def _check_order(self, instance_id: str, index: int) -> None:
        """Check that a function attaches an interface only when the lower ones are attached."""
        lower = [
            interface.attachment.device_index
            for interface in self.attached(instance_id)
            if interface.attachment is not None and interface.attachment.status == "attached"
        ]
        if self.function and not set(range(index)) <= set(lower):
            self.harm.append(f"{index} of {instance_id} was attached after {lower} only")

    def end_attachments(self) -> None:
        """End the attachments whose time has come."""
        for interface in self.interfaces.values():
            attachment = interface.attachment
            if attachment and attachment.attached_at and self.now >= attachment.attached_at:
                attachment.attached_at = None

    def end_detachments(self) -> None:
        """End the detachments whose time has come."""
        for interface in list(self.interfaces.values()):
            attachment = interface.attachment
            if attachment and attachment.detached_at and self.now >= attachment.detached_at:
                self._detached(interface)

    def _detached(self, interface: Interface) -> None:
        interface.attachment = None
        self._address_moved(interface.private_ip)

    def _address_moved(self, private_ip: str) -> None:
        """Notify the other services that a private address is attached or detached."""

    def _delete(self, interface: Interface) -> None:
        del self.interfaces[interface.interface_id]
        for address in self.allocated.values():
            if address.interface_id == interface.interface_id:
                address.association_id = address.interface_id = None

    def check_subnet(self, subnet: str) -> None:
        """Refuse a subnet that does not exist."""
        if subnet not in NETWORKS:
            raise client_error("InvalidSubnetID.NotFound")

    def _interface(self, interface_id: str) -> Interface:
        if interface_id not in self.interfaces:
            raise client_error("InvalidNetworkInterfaceID.NotFound")
        return self.interfaces[interface_id]

    def _address(self, allocation_id: str) -> Address:
        if allocation_id not in self.allocated:
            raise client_error("InvalidAllocationID.NotFound")
        return self.allocated[allocation_id]

    def _take(self, instance_id: str, thing: str) -> None:
        """Check that the function may take something from a live instance."""

    def _remove(self, tags: dict[str, str], thing: str) -> None:
        """Check that the reconcile function does not remove an orphan too early."""
        instance = self.instances.get(tags.get(INSTANCE_ID, ""))
        died = (instance and instance.terminated) or self.now
        if instance and self.function == "reconcile" and self.now - died < AGE_FLOOR:
            self.harm.append(f"reconcile removed {thing} {self.now - died} after its instance died")

    # Reads.

    def describe_instances(self, parameters: dict[str, Any]) -> Any:
        named, filters = parameters.get("InstanceIds"), parameters.get("Filters", ())
        shown = [
            {
                "InstanceId": instance.instance_id,
                "Placement": {"AvailabilityZone": ZONE},
                "State": {"Name": instance.state},
                "LaunchTime": instance.launched,
                "StateTransitionReason": instance.reason,
                "Tags": to_list(instance.tags),
                "BlockDeviceMappings": [
                    {"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": volume.volume_id}}
                    for volume in [instance.volume]
                    if volume is not None
                ],
                "NetworkInterfaces": [
                    item.description for item in reversed(self.attached(instance.instance_id))
                ],
            }
            for instance in self.instances.values()
            if not instance.forgotten
            if instance.terminated is None or self.now - instance.terminated < self.ec2_shows
            if named is None or instance.instance_id in named
            if matches(instance.tags, filters, **{"instance-id": instance.instance_id})
        ]
        return {"Reservations": [{"Instances": [item]} for item in shown]}

    def describe_network_interfaces(self, parameters: dict[str, Any]) -> Any:
        return {
            "NetworkInterfaces": [
                interface.description
                for interface in self.interfaces.values()
                if matches(
                    interface.tags,
                    parameters.get("Filters", ()),
                    **{
                        "vpc-id": VPC,
                        "addresses.private-ip-address": interface.private_ip,
                        "network-interface-id": interface.interface_id,
                    },
                )
            ]
        }

    def describe_addresses(self, parameters: dict[str, Any]) -> Any:
        return {
            "Addresses": [
                address.description
                for address in self.allocated.values()
                if matches(address.tags, parameters.get("Filters", ()))
            ]
        }

    def describe_tags(self, parameters: dict[str, Any]) -> Any:
        ((name, values),) = [(item["Name"], item["Values"]) for item in parameters["Filters"]]
        assert name == "resource-id"
        return {
            "Tags": [
                {"ResourceId": key, "Key": tag, "Value": value}
                for key, resource in self._tagged().items()
                if key in values
                for tag, value in resource.tags.items()
            ]
        }

    # Instances and tags.

    def terminate_instances(self, parameters: dict[str, Any]) -> Any:
        for instance_id in parameters["InstanceIds"]:
            self.kill(instance_id)
        return {}

    def stop_instances(self, parameters: dict[str, Any]) -> Any:
        for instance_id in parameters["InstanceIds"]:
            self.instances[instance_id].stopped = True
        return {}

    def create_tags(self, parameters: dict[str, Any]) -> Any:
        for resource_id in parameters["Resources"]:
            self._tags(resource_id).update(from_list(parameters["Tags"]))
        return {}

    def delete_tags(self, parameters: dict[str, Any]) -> Any:
        for resource_id in parameters["Resources"]:
            for tag in parameters["Tags"]:
                self._tags(resource_id).pop(tag["Key"], None)
        return {}

    def _tags(self, resource_id: str) -> dict[str, str]:
        return self._tagged()[resource_id].tags

    def _tagged(self) -> dict[str, Instance | Interface | Address | Volume]:
        volumes = [instance.volume for instance in self.instances.values()]
        return {
            **self.instances,
            **self.interfaces,
            **self.allocated,
            **{volume.volume_id: volume for volume in volumes if volume is not None},
        }

    # Network interfaces.

    def create_network_interface(self, parameters: dict[str, Any]) -> Any:
        self.check_subnet(parameters["SubnetId"])
        token = parameters.get("ClientToken") or self.new_id("token")
        interface = self.interfaces.get(self.client_tokens.get(token, ""))
        if interface is None:
            interface = self.add_interface(parameters["SubnetId"], specified_tags(parameters))
            self.client_tokens[token] = interface.interface_id
        return {"NetworkInterface": interface.description}

    def attach_network_interface(self, parameters: dict[str, Any]) -> Any:
        interface = self._interface(parameters["NetworkInterfaceId"])
        instance_id, index = parameters["InstanceId"], parameters["DeviceIndex"]
        if interface.attachment is not None:
            raise client_error("InvalidNetworkInterface.InUse")
        if not self.lives(instance_id):
            raise client_error("IncorrectState")
        attachments = [item.attachment for item in self.attached(instance_id)]
        if any(item is not None and item.device_index == index for item in attachments):
            # https://github.com/lstoll/k8s-vpcnet/issues/71
            raise client_error("InvalidParameterValue")
        if len(attachments) >= MAXIMUM_INTERFACES:
            # https://github.com/cilium/cilium/issues/15877
            raise client_error("AttachmentLimitExceeded")
        attachment = Attachment(self.new_id("eni-attach"), instance_id, index, False)
        attachment.attached_at = self.now + self.attaching_takes
        self._check_order(instance_id, index)
        interface.attachment = attachment
        self.end_attachments()
        self._address_moved(interface.private_ip)
        return {"AttachmentId": attachment.attachment_id}

    def modify_network_interface_attribute(self, parameters: dict[str, Any]) -> Any:
        interface = self._interface(parameters["NetworkInterfaceId"])
        if "SourceDestCheck" in parameters:
            interface.source_dest_check = parameters["SourceDestCheck"]["Value"]
        if (wanted := parameters.get("Attachment")) is not None:
            if (attachment := interface.attachment) is None or (
                attachment.attachment_id != wanted["AttachmentId"]
            ):
                raise client_error("InvalidAttachmentID.NotFound")
            attachment.delete_on_termination = wanted["DeleteOnTermination"]
        return {}

    def detach_network_interface(self, parameters: dict[str, Any]) -> Any:
        for interface in self.interfaces.values():
            attachment = interface.attachment
            if attachment is not None and attachment.attachment_id == parameters["AttachmentId"]:
                self._take(attachment.instance_id, interface.interface_id)
                attachment.detached_at = self.now + self.detaching_takes
                self.end_detachments()
                return {}
        raise client_error("InvalidAttachmentID.NotFound")

    def delete_network_interface(self, parameters: dict[str, Any]) -> Any:
        interface = self._interface(parameters["NetworkInterfaceId"])
        if interface.attachment is not None:
            # The documentation names InvalidNetworkInterface.InUse, but EC2 returns the generic
            # code: https://github.com/gruntwork-io/cloud-nuke/issues/431
            raise client_error("InvalidParameterValue")
        self._remove(interface.tags, interface.interface_id)
        self._delete(interface)
        return {}

    # Elastic IP addresses.

    def allocate_address(self, parameters: dict[str, Any]) -> Any:
        address = Address(self.new_id("eipalloc"), specified_tags(parameters))
        self.allocated[address.allocation_id] = address
        return {"AllocationId": address.allocation_id}

    def associate_address(self, parameters: dict[str, Any]) -> Any:
        address = self._address(parameters["AllocationId"])
        # An instance stands for its primary interface (API_AssociateAddress).
        interface_id = (
            self._interface(parameters["NetworkInterfaceId"])
            if "NetworkInterfaceId" in parameters
            else self.attached(parameters["InstanceId"])[0]
        ).interface_id
        if address.interface_id != interface_id:
            others = [item for item in self.allocated.values() if item.interface_id == interface_id]
            associated = address.association_id is not None
            if others or (associated and not parameters.get("AllowReassociation")):
                raise client_error("Resource.AlreadyAssociated")
            address.association_id, address.interface_id = self.new_id("eipassoc"), interface_id
        return {"AssociationId": address.association_id}

    def disassociate_address(self, parameters: dict[str, Any]) -> Any:
        for address in self.allocated.values():
            if address.association_id == parameters["AssociationId"]:
                interface = self.interfaces[address.interface_id or ""]
                if interface.attachment is not None:
                    self._take(interface.attachment.instance_id, address.allocation_id)
                address.association_id = address.interface_id = None
                return {}
        raise client_error("InvalidAssociationID.NotFound")

    def release_address(self, parameters: dict[str, Any]) -> Any:
        address = self._address(parameters["AllocationId"])
        if address.association_id is not None:
            raise client_error("InvalidIPAddress.InUse")
        self._remove(address.tags, address.allocation_id)
        del self.allocated[parameters["AllocationId"]]
        return {}
