"""A small AWS account in memory, for tests that live through thousands of fleets.

The functions' own clients speak to it, with their paginators, error classes and checks of
parameters: only what goes over the wire is answered here. Where EC2 is strict and moto is not, this
is strict. It also watches: whatever is taken from a firewall that lives is noted as harm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError
from botocore.validate import ParamValidator

from vmseries_autoscale.lifecycle.events import DETAIL_TYPES, ROUTES, Transition

NAME = "fw"
ZONE = "us-east-1a"
VPC = "vpc-0"
TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/fw/0"
TARGET_PORT = 8080
DEPLOYMENT = "vmseries-autoscale:deployment"
INSTANCE_ID = "vmseries-autoscale:instance-id"
HOOKS = {Transition.LAUNCHING: "launch", Transition.TERMINATING: "terminate"}

HEARTBEAT_TIMEOUT = timedelta(hours=1)
EC2_SHOWS = timedelta(hours=1)
DETACHING_TAKES = timedelta(seconds=5)
DRAINING_TAKES = timedelta(minutes=3)
VISIBILITY_TIMEOUT = timedelta(seconds=420)
AGE_FLOOR = timedelta(minutes=25)

_validator = ParamValidator()


class CrashError(BaseException):
    """The end of a Lambda environment: no code of the function runs after it."""


@dataclass
class Attachment:
    attachment_id: str
    instance_id: str
    device_index: int
    delete_on_termination: bool
    detached_at: datetime | None = None


@dataclass
class Interface:
    interface_id: str
    subnet: str
    private_ip: str
    tags: dict[str, str]
    attachment: Attachment | None = None
    source_dest_check: bool = True

    @property
    def description(self) -> dict[str, Any]:
        return {
            "NetworkInterfaceId": self.interface_id,
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
            "Status": "detaching" if self.attachment.detached_at else "attached",
        }


@dataclass
class Address:
    allocation_id: str
    tags: dict[str, str]
    association_id: str | None = None
    interface_id: str | None = None


@dataclass
class Instance:
    instance_id: str
    tags: dict[str, str]
    terminated: datetime | None = None


@dataclass
class Wait:
    """A lifecycle hook that is waited for."""

    transition: Transition
    token: str
    began: datetime
    heartbeat: datetime


@dataclass
class Member:
    state: str
    activity: dict[str, Any]
    wait: Wait | None = None


@dataclass
class Message:
    body: str
    visible_at: datetime
    receipt: str
    received: int = 0


@dataclass
class Fault:
    """What goes wrong in an invocation.

    Attributes:
        at: at which of its calls, counted from zero.
        kind: "error" or "crash", "before" or "after" the call's effect; or "meanwhile", when
            something else happens before the call.
        tripped: whether it has come about.
    """

    at: int
    kind: str
    meanwhile: Callable[[], object] = lambda: None
    tripped: bool = False


@dataclass
class Invocation:
    """One run of a function: which, and what is still to go wrong in it."""

    function: str
    fault: Fault | None
    calls: int = 0


@dataclass
class Account:
    """The account, and Auto Scaling at work in it.

    Attributes:
        harm: what was done to a firewall that lives, too early, or not at all; in words.
        expired: instances for which Auto Scaling stopped waiting.
        mail: how many copies of an event arrive.
        calls: the operations that the functions have called.
        errors: what the next calls of an operation are answered with.
        secret: what every secret holds.
        left_elsewhere: what there is of an instance outside of AWS.
    """

    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    instances: dict[str, Instance] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    allocated: dict[str, Address] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    activities: list[dict[str, Any]] = field(default_factory=list)
    queues: dict[str, list[Message]] = field(
        default_factory=lambda: {"launch": [], "terminate": [], "dead": []}
    )
    targets: dict[tuple[str, int], datetime | None] = field(default_factory=dict)
    client_tokens: dict[str, str] = field(default_factory=dict)
    invocations: list[Invocation] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    mail: int = 1
    calls: list[str] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    secret: str = '{"api_key": "licensing-key"}'
    left_elsewhere: Callable[[str], list[str]] = lambda _instance_id: []

    def __post_init__(self) -> None:
        self._ids = count(1)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}-{next(self._ids):08x}"

    # The Auto Scaling group and what happens to instances.

    def launch(self) -> str:
        """The group launches an instance with its primary interface; its launch hook waits."""
        instance_id = self.new_id("i")
        self.instances[instance_id] = Instance(instance_id, {DEPLOYMENT: NAME})
        primary = self.add_interface("data", {DEPLOYMENT: NAME})
        primary.attachment = Attachment(self.new_id("eni-attach"), instance_id, 0, True)
        activity = self._begin("Launching a new EC2 instance", instance_id)
        member = self.members[instance_id] = Member("Pending:Wait", activity)
        self._wait(instance_id, member, Transition.LAUNCHING)
        return instance_id

    def scale_in(self, instance_id: str) -> None:
        """The group terminates a member; its terminate hook waits."""
        member = self.members[instance_id]
        member.activity = self._begin("Terminating EC2 instance", instance_id)
        member.state = "Terminating:Wait"
        self._wait(instance_id, member, Transition.TERMINATING)

    def detach_from_group(self, instance_id: str) -> None:
        """Somebody takes a firewall out of the group, and keeps it."""
        self._begin("Detaching EC2 instance", instance_id)["EndTime"] = self.now
        del self.members[instance_id]

    def lose_from_group(self, instance_id: str) -> None:
        """The group lets go of a member without asking any hook."""
        self._begin("Terminating EC2 instance", instance_id)["EndTime"] = self.now
        del self.members[instance_id]

    def kill(self, instance_id: str) -> None:
        """The instance is terminated, by whomever."""
        instance = self.instances[instance_id]
        if instance.terminated is not None:
            return
        instance.terminated = self.now
        for interface in list(self.interfaces.values()):
            if interface.attachment and interface.attachment.instance_id == instance_id:
                self._detached(interface)

    def lives(self, instance_id: str) -> bool:
        instance = self.instances.get(instance_id)
        return instance is not None and instance.terminated is None

    def in_state(self, *states: str) -> list[str]:
        return [key for key, member in self.members.items() if member.state in states]

    def pass_time(self, duration: timedelta) -> None:
        """Let time go by, with all that comes with it."""
        self.now += duration
        for interface in list(self.interfaces.values()):
            there = interface.attachment
            if there and there.detached_at and self.now >= there.detached_at:
                interface.attachment = None
        for target, draining in list(self.targets.items()):
            if draining is not None and self.now >= draining:
                del self.targets[target]
        for instance_id, member in list(self.members.items()):
            if member.wait and self.now - member.wait.heartbeat >= HEARTBEAT_TIMEOUT:
                self.expired.append(instance_id)
                launching = member.wait.transition is Transition.LAUNCHING
                self._end_wait(instance_id, "ABANDON" if launching else "CONTINUE")

    def _begin(self, what: str, instance_id: str) -> dict[str, Any]:
        activity = {
            "ActivityId": self.new_id("activity"),
            "AutoScalingGroupName": NAME,
            "Description": f"{what}: {instance_id}",
            "StartTime": self.now,
        }
        self.activities.insert(0, activity)
        return activity

    def _wait(self, instance_id: str, member: Member, transition: Transition) -> None:
        token = f"{next(self._ids):08x}-0000-4000-8000-000000000000"
        member.wait = Wait(transition, token, self.now, self.now)
        origin, destination = ROUTES[transition]
        body = json.dumps(
            {
                "source": "aws.autoscaling",
                "detail-type": DETAIL_TYPES[transition],
                "time": self.now.isoformat(),
                "detail": {
                    "LifecycleActionToken": token,
                    "AutoScalingGroupName": NAME,
                    "LifecycleHookName": HOOKS[transition],
                    "EC2InstanceId": instance_id,
                    "LifecycleTransition": transition,
                    "Origin": origin,
                    "Destination": destination,
                },
            }
        )
        for _ in range(self.mail):
            self.put(HOOKS[transition], body)

    def _end_wait(self, instance_id: str, result: str) -> None:
        member = self.members[instance_id]
        assert member.wait is not None
        launching = member.wait.transition is Transition.LAUNCHING
        member.wait = None
        member.activity["EndTime"] = self.now
        if not launching:
            self.kill(instance_id)
            del self.members[instance_id]
        elif result == "CONTINUE" and self.lives(instance_id):
            member.state = "InService"
        else:
            self.scale_in(instance_id)

    # The wire.

    @contextmanager
    def invocation(self, function: str, fault: Fault | None) -> Iterator[None]:
        """A run of a function."""
        self.invocations.append(Invocation(function, fault))
        try:
            yield
        finally:
            self.invocations.pop()

    @contextmanager
    def tripping(self, lost: Exception, unanswered: Exception) -> Iterator[None]:
        """Around the effect of a call: what is to go wrong with it.

        Args:
            lost: the error of a call that has had no effect.
            unanswered: the error of one that may have had.
        """
        invocation = self.invocations[-1]
        number, fault = invocation.calls, invocation.fault
        invocation.calls += 1
        kind = fault.kind if fault is not None and fault.at == number else ""
        if fault is not None and kind:
            fault.tripped = True
        if fault is not None and kind == "meanwhile":
            fault.meanwhile()
        if kind == "error before":
            raise lost
        if kind == "crash before":
            raise CrashError
        yield
        if kind == "error after":
            raise unanswered
        if kind == "crash after":
            raise CrashError

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        """What a client's method answers."""
        shape = client.meta.service_model.operation_model(operation).input_shape
        if (report := _validator.validate(parameters, shape)).has_errors():
            raise ParamValidationError(report=report.generate_report())
        self.calls.append(operation)
        if self.errors.get(operation):
            raise self.errors[operation].pop(0)
        with self.tripping(
            error("RequestLimitExceeded", operation), ReadTimeoutError(endpoint_url="https://aws")
        ):
            return getattr(self, xform_name(operation))(parameters)

    def _take(self, instance_id: str, what: str) -> None:
        """Something is taken from this instance: is it right?"""
        function, member = self.invocations[-1].function, self.members.get(instance_id)
        state = member.state if member else "not in the group"
        rightful = {"launch": "Pending:Wait", "terminate": "Terminating:Wait"}.get(function)
        if self.lives(instance_id) and state != rightful:
            self.harm.append(f"{function} took {what} from {instance_id}, which is {state}")

    def take_from_panorama(self, instance_id: str, what: str) -> None:
        self._take(instance_id, what)

    def _remove(self, tags: dict[str, str], what: str) -> None:
        """Something that was made for an instance is removed: is it time?"""
        instance = self.instances[tags[INSTANCE_ID]]
        died = instance.terminated or self.now
        if self.invocations[-1].function == "reconcile" and self.now - died < AGE_FLOOR:
            self.harm.append(f"reconcile removed {what} {self.now - died} after its instance died")

    def made_for(self, instance_id: str) -> list[str]:
        """What is left of what was made for an instance."""
        things = {**self.interfaces, **self.allocated}
        return [key for key, one in things.items() if one.tags.get(INSTANCE_ID) == instance_id]

    # EC2.

    def add_interface(self, subnet: str, tags: dict[str, str]) -> Interface:
        used = {one.private_ip for one in self.interfaces.values()}
        network = {"data": 0, "management": 1, "untrust": 2}[subnet]
        # The lowest that is free: addresses are used again at once.
        ip = next(ip for n in count(4) if (ip := f"10.0.{network}.{n}") not in used)
        interface = Interface(self.new_id("eni"), subnet, ip, tags)
        self.interfaces[interface.interface_id] = interface
        return interface

    def attached(self, instance_id: str) -> list[Interface]:
        found = [
            one
            for one in self.interfaces.values()
            if one.attachment and one.attachment.instance_id == instance_id
        ]
        return sorted(found, key=lambda one: one.attachment.device_index)  # type: ignore[union-attr]

    def _interface(self, interface_id: str) -> Interface:
        if interface_id not in self.interfaces:
            raise error("InvalidNetworkInterfaceID.NotFound")
        return self.interfaces[interface_id]

    def _detached(self, interface: Interface) -> None:
        assert interface.attachment is not None
        if interface.attachment.delete_on_termination:
            self._delete(interface)
        interface.attachment = None

    def _delete(self, interface: Interface) -> None:
        del self.interfaces[interface.interface_id]
        for address in self.allocated.values():
            if address.interface_id == interface.interface_id:
                address.association_id = address.interface_id = None

    def describe_instances(self, parameters: dict[str, Any]) -> Any:
        shown = [
            {
                "InstanceId": one.instance_id,
                "Placement": {"AvailabilityZone": ZONE},
                "State": {"Name": "terminated" if one.terminated else "running"},
                "StateTransitionReason": f"User initiated ({one.terminated:%Y-%m-%d %H:%M:%S} GMT)"
                if one.terminated
                else "",
                "Tags": to_list(one.tags),
                "NetworkInterfaces": [
                    item.description for item in reversed(self.attached(one.instance_id))
                ],
            }
            for one in self.instances.values()
            if one.terminated is None or self.now - one.terminated < EC2_SHOWS
            if matches(one.tags, parameters["Filters"], **{"instance-id": one.instance_id})
        ]
        return {"Reservations": [{"Instances": [item]} for item in shown]}

    def describe_network_interfaces(self, parameters: dict[str, Any]) -> Any:
        return {
            "NetworkInterfaces": [
                one.description
                for one in self.interfaces.values()
                if matches(
                    one.tags,
                    parameters["Filters"],
                    **{"vpc-id": VPC, "addresses.private-ip-address": one.private_ip},
                )
            ]
        }

    def describe_addresses(self, parameters: dict[str, Any]) -> Any:
        return {
            "Addresses": [
                {"AllocationId": one.allocation_id, "Tags": to_list(one.tags)}
                | (
                    {}
                    if one.association_id is None
                    else {
                        "AssociationId": one.association_id,
                        "NetworkInterfaceId": one.interface_id,
                    }
                )
                for one in self.allocated.values()
                if matches(one.tags, parameters["Filters"])
            ]
        }

    def create_tags(self, parameters: dict[str, Any]) -> Any:
        for instance_id in parameters["Resources"]:
            self.instances[instance_id].tags.update(from_list(parameters["Tags"]))
        return {}

    def create_network_interface(self, parameters: dict[str, Any]) -> Any:
        token = parameters["ClientToken"]
        interface = self.interfaces.get(self.client_tokens.get(token, ""))
        if interface is None:
            tags = from_list(parameters["TagSpecifications"][0]["Tags"])
            interface = self.add_interface(parameters["SubnetId"], tags)
            self.client_tokens[token] = interface.interface_id
        return {"NetworkInterface": interface.description}

    def attach_network_interface(self, parameters: dict[str, Any]) -> Any:
        interface = self._interface(parameters["NetworkInterfaceId"])
        instance_id, index = parameters["InstanceId"], parameters["DeviceIndex"]
        if interface.attachment is not None:
            raise error("InvalidNetworkInterface.InUse")
        if not self.lives(instance_id):
            raise error("IncorrectState")
        if any(one.attachment.device_index == index for one in self.attached(instance_id)):  # type: ignore[union-attr]
            raise error("InvalidParameterValue")
        attachment = Attachment(self.new_id("eni-attach"), instance_id, index, False)
        interface.attachment = attachment
        return {"AttachmentId": attachment.attachment_id}

    def modify_network_interface_attribute(self, parameters: dict[str, Any]) -> Any:
        interface = self._interface(parameters["NetworkInterfaceId"])
        if "SourceDestCheck" in parameters:
            interface.source_dest_check = parameters["SourceDestCheck"]["Value"]
        if (wanted := parameters.get("Attachment")) is not None:
            if (there := interface.attachment) is None or (
                there.attachment_id != wanted["AttachmentId"]
            ):
                raise error("InvalidAttachmentID.NotFound")
            there.delete_on_termination = wanted["DeleteOnTermination"]
        return {}

    def detach_network_interface(self, parameters: dict[str, Any]) -> Any:
        for interface in self.interfaces.values():
            there = interface.attachment
            if there is not None and there.attachment_id == parameters["AttachmentId"]:
                self._take(there.instance_id, interface.interface_id)
                there.detached_at = self.now + DETACHING_TAKES
                return {}
        raise error("InvalidAttachmentID.NotFound")

    def delete_network_interface(self, parameters: dict[str, Any]) -> Any:
        interface = self._interface(parameters["NetworkInterfaceId"])
        if interface.attachment is not None:
            raise error("InvalidNetworkInterface.InUse")
        self._remove(interface.tags, interface.interface_id)
        self._delete(interface)
        return {}

    def allocate_address(self, parameters: dict[str, Any]) -> Any:
        tags = from_list(parameters["TagSpecifications"][0]["Tags"])
        address = Address(self.new_id("eipalloc"), tags)
        self.allocated[address.allocation_id] = address
        return {"AllocationId": address.allocation_id}

    def associate_address(self, parameters: dict[str, Any]) -> Any:
        address = self._address(parameters["AllocationId"])
        place = self._interface(parameters["NetworkInterfaceId"]).interface_id
        if address.interface_id != place:
            others = [one for one in self.allocated.values() if one.interface_id == place]
            if others or address.association_id is not None:
                raise error("Resource.AlreadyAssociated")
            address.association_id, address.interface_id = self.new_id("eipassoc"), place
        return {"AssociationId": address.association_id}

    def disassociate_address(self, parameters: dict[str, Any]) -> Any:
        for address in self.allocated.values():
            if address.association_id == parameters["AssociationId"]:
                interface = self.interfaces[address.interface_id or ""]
                if interface.attachment is not None:
                    self._take(interface.attachment.instance_id, address.allocation_id)
                address.association_id = address.interface_id = None
                return {}
        raise error("InvalidAssociationID.NotFound")

    def release_address(self, parameters: dict[str, Any]) -> Any:
        address = self._address(parameters["AllocationId"])
        if address.association_id is not None:
            raise error("InvalidIPAddress.InUse")
        self._remove(address.tags, address.allocation_id)
        del self.allocated[parameters["AllocationId"]]
        return {}

    def _address(self, allocation_id: str) -> Address:
        if allocation_id not in self.allocated:
            raise error("InvalidAllocationID.NotFound")
        return self.allocated[allocation_id]

    # Auto Scaling.

    def describe_auto_scaling_groups(self, _parameters: dict[str, Any]) -> Any:
        members = [
            {"InstanceId": key, "LifecycleState": member.state}
            for key, member in self.members.items()
        ]
        return {"AutoScalingGroups": [{"AutoScalingGroupName": NAME, "Instances": members}]}

    def describe_scaling_activities(self, _parameters: dict[str, Any]) -> Any:
        return {"Activities": [dict(activity) for activity in self.activities]}

    def record_lifecycle_action_heartbeat(self, parameters: dict[str, Any]) -> Any:
        self._open_wait(parameters).heartbeat = self.now
        return {}

    def complete_lifecycle_action(self, parameters: dict[str, Any]) -> Any:
        wait, instance_id = self._open_wait(parameters), parameters["InstanceId"]
        leaving = wait.transition is Transition.TERMINATING
        if leaving and (left := self.made_for(instance_id) + self.left_elsewhere(instance_id)):
            self.harm.append(f"{instance_id} was let go, and left {left}")
        self._end_wait(parameters["InstanceId"], parameters["LifecycleActionResult"])
        return {}

    def _open_wait(self, parameters: dict[str, Any]) -> Wait:
        member = self.members.get(parameters["InstanceId"])
        wait = member.wait if member else None
        if (
            wait is None
            or HOOKS[wait.transition] != parameters["LifecycleHookName"]
            or parameters.get("LifecycleActionToken", wait.token) != wait.token
        ):
            raise error("ValidationError", message="No active Lifecycle Action found")
        return wait

    # Queues.

    def put(self, queue: str, body: str) -> None:
        self.queues[queue].append(Message(body, self.now, self.new_id("receipt")))

    def receive(self, queue: str, most: int) -> list[Message]:
        """What Lambda's poller takes from a queue."""
        visible = [one for one in self.queues[queue] if one.visible_at <= self.now][:most]
        for message in visible:
            message.visible_at = self.now + VISIBILITY_TIMEOUT
            message.received += 1
        return visible

    def remove_message(self, queue: str, message: Message) -> None:
        if message in self.queues[queue]:
            self.queues[queue].remove(message)

    def send_message(self, parameters: dict[str, Any]) -> Any:
        detail = json.loads(parameters["MessageBody"])["detail"]
        wait = self.members[detail["EC2InstanceId"]].wait
        # One of a hook that has ended meanwhile finds it closed: nothing comes of it.
        awaited = wait is not None and wait.transition is Transition(detail["LifecycleTransition"])
        if wait is not None and awaited and self.now - wait.began < AGE_FLOOR:
            self.harm.append(f"an event was written anew {self.now - wait.began} after the first")
        self.put(parameters["QueueUrl"], parameters["MessageBody"])
        return {"MessageId": self.new_id("message")}

    def change_message_visibility(self, parameters: dict[str, Any]) -> Any:
        for message in self.queues[parameters["QueueUrl"]]:
            if message.receipt == parameters["ReceiptHandle"]:
                pause = timedelta(seconds=parameters["VisibilityTimeout"])
                message.visible_at = self.now + pause
        return {}

    # Elastic Load Balancing and Secrets Manager.

    def register_targets(self, parameters: dict[str, Any]) -> Any:
        for target in parameters["Targets"]:
            self.targets[target["Id"], target["Port"]] = None
        return {}

    def deregister_targets(self, parameters: dict[str, Any]) -> Any:
        for target in parameters["Targets"]:
            for interface in self.interfaces.values():
                if interface.private_ip == target["Id"] and interface.attachment is not None:
                    self._take(interface.attachment.instance_id, f"target {target['Id']}")
            if self.targets.get((target["Id"], target["Port"]), self.now) is None:
                self.targets[target["Id"], target["Port"]] = self.now + DRAINING_TAKES
        return {}

    def describe_target_health(self, parameters: dict[str, Any]) -> Any:
        asked = parameters.get("Targets")
        keys = [(t["Id"], t["Port"]) for t in asked] if asked else list(self.targets)
        return {
            "TargetHealthDescriptions": [
                {"Target": {"Id": key[0], "Port": key[1]}, "TargetHealth": self._health(key)}
                for key in keys
            ]
        }

    def _health(self, key: tuple[str, int]) -> dict[str, str]:
        if key not in self.targets:
            return {"State": "unused", "Reason": "Target.NotRegistered"}
        if self.targets[key] is not None:
            return {"State": "draining"}
        healthy = any(
            one.private_ip == key[0] and one.attachment is not None
            for one in self.interfaces.values()
        )
        return {"State": "healthy" if healthy else "unhealthy"}

    def get_secret_value(self, _parameters: dict[str, Any]) -> Any:
        return {"SecretString": self.secret}


def error(code: str, operation: str = "Operation", message: str = "because") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def to_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def from_list(tags: Iterable[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def matches(tags: dict[str, str], filters: Iterable[dict[str, Any]], **fields: str) -> bool:
    """Whether something with these tags and fields passes EC2's filters."""

    def passes(name: str, values: list[str]) -> bool:
        if name == "tag-key":
            return any(value in tags for value in values)
        return (tags.get(name[4:]) if name.startswith("tag:") else fields[name]) in values

    return all(passes(one["Name"], one["Values"]) for one in filters)
