"""One function under test, with one instance in the account."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from container import cold_start

from component.fakes import events, settings
from component.fakes.auto_scaling import Member
from component.fakes.aws import Account, Call
from component.fakes.base import NAME, START
from component.fakes.ec2 import DEPLOYMENT, INSTANCE_ID, LAUNCH_TAGS, NETWORKS, VPC
from component.fakes.events import Delivery
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from component.fakes.secrets_manager import LICENSING_SECRET, PANORAMA_SECRET
from component.fakes.sqs import URL
from vmseries_autoscale.aws import clients
from vmseries_autoscale.handlers import launch, terminate
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Device

SERIAL = "007951000012345"
OTHER_SERIAL = "007951000000099"
COUNTED_SERVICES = {"ec2", "autoscaling", "elbv2"}


def new_account() -> Account:
    """An account in which no time passes: attachments end at once, and nothing is forgotten."""
    return Account(
        attaching_takes=timedelta(),
        detaching_takes=timedelta(),
        ec2_shows=timedelta.max,
        activities_per_page=2,
        target_groups={},
    )


def token_of(transition: Transition, instance_id: str) -> str:
    """The token of a lifecycle action, of the 36 characters that Auto Scaling's tokens have."""
    return f"{transition.name[:6].lower()}-{instance_id}".ljust(36, "-")


def ago(seconds: float) -> datetime:
    """A time in the past of the account."""
    return START - timedelta(seconds=seconds)


@dataclass
class Cloud:
    """The account, the function under test and its first instance.

    The group and the targets are in the state that a test sets.

    Attributes:
        handler: The function under test.
        pauses_of_functions: The seconds of each pause of a function. No time passes.
    """

    account: Account = field(default_factory=new_account)
    handler: Any = launch.handler
    pauses_of_functions: list[float] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.subnets = {role: role for role in NETWORKS}
        self.instance_id = self.add_instance()
        self.primary = self.account.attached(self.instance_id)[0].interface_id

    vpc = VPC
    queue_url = URL + "launch"
    terminate_queue_url = URL + "terminate"
    panorama_secret = PANORAMA_SECRET
    licensing_secret = LICENSING_SECRET

    @property
    def ec2(self) -> Any:
        """A client, for the actions of other users of the account."""
        return clients.ec2()

    def add_instance(self) -> str:
        """Start an instance as the group would: with our tag, and the primary interface only."""
        return self.account.run_instance(LAUNCH_TAGS)

    # Settings and events of the functions.

    def launch_settings(self, **changes: Any) -> dict[str, Any]:
        """The settings of a two-arm deployment with two public addresses."""
        return settings.launch(
            **{"maximum_visit_interval_seconds": 30, "tags": {"team": "network"}, **changes}
        )

    def terminate_settings(self, **changes: Any) -> dict[str, Any]:
        return settings.terminate(**changes)

    def reconcile_settings(self, **changes: Any) -> dict[str, Any]:
        return settings.reconcile(**changes)

    def event(
        self, transition: Transition, instance_id: str = "", age: float = 0, **detail: Any
    ) -> dict[str, Any]:
        """The event of a transition; its hook is open from now on.

        A launching instance has the age of its event.
        """
        instance_id = instance_id or self.instance_id
        token = token_of(transition, instance_id)
        self.account.open_hook(instance_id, transition, token)
        if transition is Transition.LAUNCHING and instance_id in self.account.instances:
            self.account.instances[instance_id].launched = ago(age)
        return events.lifecycle_event(transition, instance_id, token, ago(age), **detail)

    def close_hooks(self) -> None:
        """Auto Scaling stops waiting for all lifecycle actions."""
        for member in self.account.members.values():
            member.wait = None

    def set_members(self, states: dict[str, str]) -> None:
        """Replace the members of the group; open hooks stay open."""
        known, self.account.members = self.account.members, {}
        for instance_id, state in states.items():
            member = known.get(instance_id, Member(state, {}))
            self.account.members[instance_id] = replace(member, state=state)

    def batch(
        self,
        *bodies: dict[str, Any] | str,
        receive_count: int = 1,
        sent: datetime | None = None,
    ) -> dict[str, Any]:
        """The event that the event source mapping passes to a function.

        Args:
            bodies: Bodies of the messages.
            receive_count: How often the messages were received.
            sent: When SQS got the messages; by default at the time of each event, or now.
        """
        return events.batch(
            self.queue, [self._receive(body, receive_count, sent) for body in bodies]
        )

    @property
    def queue(self) -> str:
        """The name of the queue of the function under test."""
        return "terminate" if self.handler is terminate.handler else "launch"

    def _receive(
        self, body: dict[str, Any] | str, receive_count: int, sent: datetime | None
    ) -> Delivery:
        text = body if isinstance(body, str) else json.dumps(body)
        message = self.account.put(self.queue, text)
        self.account.mark_received(message)
        if isinstance(body, dict) and "time" in body:
            message.sent = datetime.fromisoformat(body["time"])
        return Delivery(text, message.receipt, sent or message.sent, receive_count)

    def deliver(
        self,
        *bodies: dict[str, Any] | str,
        receive_count: int = 1,
        sent: datetime | None = None,
        context: FakeContext | None = None,
    ) -> list[str]:
        """Deliver messages to the function under test.

        Returns:
            The ids of the messages that stay in the queue; they are "message-0" and so on.
        """
        return self.invoke(self.batch(*bodies, receive_count=receive_count, sent=sent), context)

    def invoke(self, batch: dict[str, Any], context: FakeContext | None = None) -> list[str]:
        """Invoke the function under test with a batch; see ``deliver``."""
        with self.warm():
            return events.left_in_queue(self.handler(batch, context or FakeContext()))

    @contextmanager
    def warm(self) -> Iterator[None]:
        """A new container, whose calls are recorded."""
        cold_start()
        with self.account.invocation("", None):
            yield

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        """Answer a call of a client's method, one at a time."""
        with self._lock:
            return self.account.call(client, operation, parameters)

    # The state after a run.

    @property
    def calls(self) -> list[Call]:
        return self.account.calls

    @property
    def errors(self) -> dict[str, list[Exception]]:
        return self.account.errors

    @property
    def completed(self) -> list[tuple[str, str]]:
        return self.account.completed

    @property
    def results(self) -> list[str]:
        """The results of the completed lifecycle actions, in order."""
        return [result for _, result in self.completed]

    @property
    def targets(self) -> dict[str, dict[tuple[str, int], str]]:
        return self.account.target_groups

    @targets.setter
    def targets(self, groups: dict[str, dict[tuple[str, int], str]]) -> None:
        self.account.target_groups = groups

    @property
    def delete_on_termination(self) -> set[str]:
        """The interfaces, except primary ones, that EC2 deletes with their instance."""
        return {
            interface.interface_id
            for interface in self.account.interfaces.values()
            if (attachment := interface.attachment) is not None
            and attachment.device_index > 0
            and attachment.delete_on_termination
        }

    def attached(self, instance_id: str = "") -> list[dict[str, Any]]:
        """The instance's interfaces as EC2 describes them, by device index."""
        attached = self.account.attached(instance_id or self.instance_id)
        return [interface.description for interface in attached]

    def firewall(self, serial: str, instance_id: str = "") -> Device:
        """The instance's connected firewall in sync, as Panorama shows it."""
        instance_id = instance_id or self.instance_id
        address = self.attached(instance_id)[1]["PrivateIpAddress"]
        return replace(in_service_at(instance_id, serial), ip_address=address)

    def own_interfaces(self) -> list[dict[str, Any]]:
        """The interfaces that the functions made, as EC2 describes them."""
        filters = [
            {"Name": f"tag:{DEPLOYMENT}", "Values": [NAME]},
            {"Name": "tag-key", "Values": [INSTANCE_ID]},
        ]
        response = self.account.describe_network_interfaces({"Filters": filters})
        return list(response["NetworkInterfaces"])

    def addresses(self) -> list[dict[str, Any]]:
        """All Elastic IP addresses, as EC2 describes them."""
        return list(self.account.describe_addresses({})["Addresses"])

    def tags(self, instance_id: str = "") -> dict[str, str]:
        """The instance's tags."""
        return dict(self.account.instances[instance_id or self.instance_id].tags)

    def operations(self) -> Counter[str]:
        """How often the functions called each operation."""
        return self.account.operations()

    def counted_calls(self) -> int:
        """Calls against the budget: EC2, Auto Scaling and load balancing, without heartbeats."""
        return sum(
            1
            for service, operation, _ in self.calls
            if service in COUNTED_SERVICES and operation != "RecordLifecycleActionHeartbeat"
        )

    def pauses(self) -> list[int]:
        """The seconds for which messages were hidden."""
        return [
            parameters["VisibilityTimeout"]
            for _, operation, parameters in self.calls
            if operation == "ChangeMessageVisibility"
        ]

    def dead_letters(self) -> list[tuple[str, str]]:
        """Error and body of each message in the dead-letter queue."""
        queue = self.account.queues["dead"]
        return [(message.attributes["error"], message.body) for message in queue]


def in_service_at(instance_id: str, serial: str) -> Device:
    """A connected firewall in sync, as Panorama shows it."""
    return Device(serial, instance_id, "10.0.1.9", True, "In Sync", "In Sync")


def add_firewall(cloud: Cloud, panorama: FakePanorama, instance_id: str, serial: str) -> None:
    """Let the launch function bring an instance into service."""
    event = cloud.event(Transition.LAUNCHING, instance_id)
    assert cloud.deliver(event) == ["message-0"]
    panorama.register(cloud.firewall(serial, instance_id))
    assert cloud.deliver(event) == []


def add_two_firewalls(cloud: Cloud, panorama: FakePanorama) -> str:
    """Bring the first and another instance into service; return the ID of the other."""
    other = cloud.add_instance()
    add_firewall(cloud, panorama, cloud.instance_id, SERIAL)
    add_firewall(cloud, panorama, other, OTHER_SERIAL)
    return other
