"""The two stand-ins for AWS behind one interface: the account in memory, and the lab in process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

import botocore.client
from container import cold_start

from component.fakes import events
from component.fakes.aws import Account
from component.fakes.base import ZONE
from component.fakes.ec2 import DEPLOYMENT, NETWORKS, SECURITY_GROUP
from component.fakes.events import Delivery
from component.fakes.load_balancing import TARGET_GROUP, TARGET_PORT
from component.fakes.runtime import FakeContext
from component.fakes.sqs import URL
from vmseries_autoscale.aws import clients
from vmseries_lab.aws.in_process import InProcessAws, in_process_aws

REAL_CALL: Any = vars(botocore.client.BaseClient)["_make_api_call"]
BOOT_SECONDS = 20
TAGS = [{"Key": DEPLOYMENT, "Value": "fw"}]


class Aws(Protocol):
    """A stand-in for AWS, with an empty group of the two lifecycle hooks.

    Attributes:
        subnets: Ids of the subnets, by role.
        target_group: ARN of a target group of type ip.
        queue_url: URL of the queue of the function under test.
    """

    subnets: dict[str, str]
    security_group: str
    target_group: str
    queue_url: str

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        """Answer a call of a client's method."""

    def now(self) -> datetime:
        """The time of the stand-in."""

    def launch(self) -> str:
        """Launch an instance, up to its launch hook."""

    def scale_in(self, instance_id: str) -> None:
        """Terminate a member, up to its terminate hook."""

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""

    def event(self) -> dict[str, Any]:
        """The newest lifecycle event."""

    def receipt(self, body: str) -> str:
        """Put a message into the queue, and receive it."""


class AccountAws:
    """The account in memory."""

    def __init__(self) -> None:
        self.account = Account()
        self.subnets = {role: role for role in NETWORKS}
        self.security_group = SECURITY_GROUP
        self.target_group = TARGET_GROUP
        self.queue_url = URL + "test"
        self.account.queues["test"] = []

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        return self.account.call(client, operation, parameters)

    def now(self) -> datetime:
        return self.account.now

    def launch(self) -> str:
        return self.account.launch()

    def scale_in(self, instance_id: str) -> None:
        self.account.scale_in(instance_id)

    def pass_time(self, seconds: float) -> None:
        self.account.pass_time(timedelta(seconds=seconds))

    def event(self) -> dict[str, Any]:
        messages = self.account.queues["launch"] + self.account.queues["terminate"]
        newest: dict[str, Any] = json.loads(max(messages, key=lambda item: item.receipt).body)
        return newest

    def receipt(self, body: str) -> str:
        message = self.account.put("test", body)
        self.account.mark_received(message)
        return message.receipt


class LabAws:
    """The lab in this process."""

    def __init__(self, lab: InProcessAws) -> None:
        self.lab = lab
        lab.world.assumptions.set(detach="seconds")
        self.security_group = lab.security_group
        ec2, sqs = lab.client("ec2"), lab.client("sqs")
        self.subnets = {"data": lab.subnets[0]}
        for number, role in enumerate(("management", "untrust"), start=11):
            self.subnets[role] = ec2.create_subnet(
                VpcId=lab.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=ZONE
            )["Subnet"]["SubnetId"]
        self.target_group = lab.client("elbv2").create_target_group(
            Name="fw", Protocol="TCP", Port=TARGET_PORT, VpcId=lab.vpc, TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
        self.queue_url = sqs.create_queue(QueueName="launch")["QueueUrl"]
        kinds = ("instance", "network-interface")
        tags = [{"ResourceType": kind, "Tags": TAGS} for kind in kinds]
        template = lab.build_template("fw", TagSpecifications=tags)
        lab.build_group(
            DesiredCapacity=0,
            VPCZoneIdentifier=lab.subnets[0],
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        )

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        return REAL_CALL(client, operation, parameters)

    def now(self) -> datetime:
        return self.lab.world.clock.utc()

    def launch(self) -> str:
        before = self.lab.states()
        self._resize(len(before) + 1)
        self.pass_time(BOOT_SECONDS)
        (instance_id,) = self.lab.states().keys() - before.keys()
        return instance_id

    def scale_in(self, instance_id: str) -> None:
        self.lab.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=True
        )
        self.pass_time(1)

    def _resize(self, capacity: int) -> None:
        self.lab.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName="fw", DesiredCapacity=capacity
        )

    def pass_time(self, seconds: float) -> None:
        self.lab.world.advance(seconds)

    def event(self) -> dict[str, Any]:
        kind, detail = [item for item in self.lab.events if "Lifecycle Action" in item[0]][-1]
        time = self.now().isoformat()
        return {"detail-type": kind, "source": "aws.autoscaling", "time": time, "detail": detail}

    def receipt(self, body: str) -> str:
        sqs = self.lab.client("sqs")
        sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)
        (message,) = sqs.receive_message(QueueUrl=self.queue_url)["Messages"]
        return str(message["ReceiptHandle"])


@contextmanager
def stand_in(name: str) -> Iterator[Aws]:
    """Make the stand-in of this name: "account" or "lab"."""
    if name == "account":
        yield AccountAws()
        return
    with in_process_aws() as lab:
        yield LabAws(lab)


class Stage:
    """A stand-in, and what the functions do on it.

    Attributes:
        calls: The operations that the functions called.
        errors: Errors that the next calls of an operation raise.
    """

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.calls: list[str] = []
        self.errors: dict[str, list[Exception]] = {}
        self.recording = False
        self.ec2: Any = clients.ec2()
        self.autoscaling: Any = clients.autoscaling()
        self.elbv2: Any = clients.elbv2()

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        """Record a call of a function, and answer it."""
        if self.recording:
            self.calls.append(operation)
            if self.errors.get(operation):
                raise self.errors[operation].pop(0)
        return self.aws.call(client, operation, parameters)

    def deliver(self, handler: Any, *bodies: dict[str, Any]) -> list[str]:
        """Deliver messages to a function; returns the ids of those that stay in the queue."""
        texts = [json.dumps(body) for body in bodies]
        queue = self.aws.queue_url.rsplit("/", 1)[-1]
        received = [Delivery(text, self.aws.receipt(text), self.aws.now()) for text in texts]
        batch = events.batch(queue, received)
        cold_start()
        self.recording = True
        try:
            return events.left_in_queue(handler(batch, FakeContext()))
        finally:
            self.recording = False

    def state(self, instance_id: str) -> str:
        """The lifecycle state of a member; "gone" if the group does not have it."""
        answer = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["fw"])
        members = answer["AutoScalingGroups"][0]["Instances"]
        states = {item["InstanceId"]: item["LifecycleState"] for item in members}
        return str(states.get(instance_id, "gone"))

    def instance(self, instance_id: str) -> dict[str, Any]:
        """The instance as EC2 describes it."""
        filters = [{"Name": "instance-id", "Values": [instance_id]}]
        answer = self.ec2.describe_instances(Filters=filters)
        described: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
        return described

    def attached(self, instance_id: str) -> list[dict[str, Any]]:
        """The instance's interfaces by device index."""
        interfaces = self.instance(instance_id)["NetworkInterfaces"]
        return sorted(interfaces, key=lambda item: item["Attachment"]["DeviceIndex"])

    def interfaces(self, *filters: dict[str, Any]) -> list[dict[str, Any]]:
        """The interfaces that pass filters."""
        return list(
            self.ec2.describe_network_interfaces(Filters=list(filters))["NetworkInterfaces"]
        )

    def addresses(self) -> list[dict[str, Any]]:
        """All Elastic IP addresses."""
        return list(self.ec2.describe_addresses(Filters=[])["Addresses"])

    def add_interface(self, role: str = "management", **parameters: Any) -> str:
        """Create an interface, and return its id."""
        created = self.ec2.create_network_interface(SubnetId=self.aws.subnets[role], **parameters)
        return str(created["NetworkInterface"]["NetworkInterfaceId"])

    def attach(self, interface_id: str, instance_id: str, index: int = 1) -> str:
        """Attach an interface, and return the id of the attachment."""
        answer = self.ec2.attach_network_interface(
            NetworkInterfaceId=interface_id, InstanceId=instance_id, DeviceIndex=index
        )
        return str(answer["AttachmentId"])
