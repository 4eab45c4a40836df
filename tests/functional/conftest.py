"""The handlers against moto, with a record of every AWS call and what moto lacks."""

from __future__ import annotations

import copyreg
import functools
import json
import pickle
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from unittest import mock

import botocore.client
import pytest
from botocore.exceptions import ClientError
from container import cold_start, set_environment
from moto import mock_aws
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import method_names_from_class

from functional.panorama import FakePanorama
from vmseries_autoscale import panorama
from vmseries_autoscale.aws import clients
from vmseries_autoscale.handlers import launch, reconcile, terminate
from vmseries_autoscale.lifecycle.events import DETAIL_TYPES, Transition
from vmseries_autoscale.panorama import Device

NAME = "fw"
REGION = "us-east-1"
ZONE = f"{REGION}a"
SERIAL = "007951000012345"
ACTIVITIES_PER_PAGE = 2
LICENSING_KEY = "licensing-key-of-the-test"
PANORAMA_KEY = "panorama-key-of-the-test"
COUNTED = {"ec2", "autoscaling", "elbv2"}

_real_call: Any = vars(botocore.client.BaseClient)["_make_api_call"]

# Moto goes through all that a class has, hundreds of methods, at each call.
_method_names = functools.cache(method_names_from_class)

# Moto has no locks of its own.
_one_at_a_time = threading.RLock()

# Nobody waits for a queue that is copied: the copy has a lock of its own.
copyreg.pickle(threading.Condition, lambda _: (threading.Condition, ()))


def of_moto(service: str) -> Any:
    """What moto keeps of a service, in this account and Region."""
    return get_backend(service)[DEFAULT_ACCOUNT_ID][REGION]


class FakeContext:
    """The part of Lambda's context that the handlers use."""

    def __init__(self, milliseconds: int = 60_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass
class Cloud:
    """A VPC with one instance, the queues, and the record of calls.

    Auto Scaling's and the load balancers' side is what a test says it is: moto keeps no hooks and
    no activities, and targets neither by port nor while they drain.

    Attributes:
        calls: what the handlers called, as (service, operation, parameters).
        faults: errors to answer the next calls of an operation with, before they have an effect.
        open_hooks: tokens that Auto Scaling still waits for.
        handler: the function under test.
        completed: (token, result) in order.
        delete_on_termination: interfaces that have it set, which moto does not keep.
        detaching: interfaces whose detachment EC2 does not finish.
        members: lifecycle state by instance; ``None`` without a group.
        activities: scaling activities, the newest first.
        ended: when EC2 says that an instance was terminated.
        forgotten: instances that EC2 does not show any more.
        targets: the state of each address and port, by target group.
    """

    subnets: dict[str, str] = field(default_factory=dict)
    security_group: str = ""
    instance_id: str = ""
    primary: str = ""
    vpc: str = ""
    queue_url: str = ""
    terminate_queue_url: str = ""
    dead_letter_queue_url: str = ""
    panorama_secret: str = ""
    licensing_secret: str = ""
    recording: bool = False
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    handler: Any = launch.handler
    open_hooks: set[str] = field(default_factory=set)
    completed: list[tuple[str, str]] = field(default_factory=list)
    delete_on_termination: set[str] = field(default_factory=set)
    detaching: set[str] = field(default_factory=set)
    members: dict[str, str] | None = field(default_factory=dict)
    activities: list[dict[str, Any]] = field(default_factory=list)
    ended: dict[str, datetime] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    interfaces_made: int = 0
    targets: dict[str, dict[tuple[str, int], str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        secrets: Any = clients.secrets()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        for number, name in enumerate(("data", "management", "untrust")):
            self.subnets[name] = self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=ZONE
            )["Subnet"]["SubnetId"]
        self.security_group = self.ec2.create_security_group(
            GroupName="fw", Description="fw", VpcId=self.vpc
        )["GroupId"]
        self.image = self.ec2.register_image(Name="firewall", RootDeviceName="xvda")["ImageId"]
        self.instance_id = self.add_instance()
        self.primary = self.attached()[0]["NetworkInterfaceId"]
        self.queue_url = self.sqs.create_queue(QueueName="fw-launch")["QueueUrl"]
        self.terminate_queue_url = self.sqs.create_queue(QueueName="fw-terminate")["QueueUrl"]
        self.dead_letter_queue_url = self.sqs.create_queue(QueueName="fw-dead")["QueueUrl"]
        self.panorama_secret = secrets.create_secret(
            Name="panorama",
            SecretString=json.dumps({"api_key": PANORAMA_KEY, "username": "autoscale"}),
        )["ARN"]
        self.licensing_secret = secrets.create_secret(
            Name="licensing", SecretString=json.dumps({"api_key": LICENSING_KEY})
        )["ARN"]

    # No fields: clients are the same in every copy.

    @property
    def ec2(self) -> Any:
        return clients.ec2()

    @property
    def sqs(self) -> Any:
        return clients.sqs()

    def add_instance(self) -> str:
        """Launch one as the group would: with the primary interface only."""
        answer = self.ec2.run_instances(
            ImageId=self.image, MinCount=1, MaxCount=1, SubnetId=self.subnets["data"]
        )
        return str(answer["Instances"][0]["InstanceId"])

    # What the handlers are given.

    def settings(self, **changes: Any) -> dict[str, Any]:
        """What all functions have in common."""
        return {
            "name": NAME,
            "auto_scaling_group_name": NAME,
            "panorama": {
                "hostnames": ["panorama.example.com"],
                "port": 443,
                "secret_arn": self.panorama_secret,
                "device_group": "DG",
                "template_stack": "TS",
                "log_collector_group": "LCG",
                "timeout_seconds": 5,
                "push_when_out_of_sync": False,
            },
            **changes,
        }

    def hook_settings(self, **changes: Any) -> dict[str, Any]:
        """What the functions have in common that answer a lifecycle hook."""
        return self.settings(
            **{
                "queue_url": self.queue_url,
                "dead_letter_queue_url": self.dead_letter_queue_url,
                "visit_interval_seconds": 30,
                **changes,
            }
        )

    def interface(self, role: str, index: int, *, check: bool, public: bool) -> dict[str, Any]:
        """Settings of one interface."""
        return {
            "role": role,
            "device_index": index,
            "source_dest_check": check,
            "subnet_ids": {ZONE: self.subnets[role]},
            "security_group_ids": [self.security_group],
            "public_ip": public,
            "public_ipv4_pool": None,
            "target_groups": [],
        }

    def launch_settings(self, **changes: Any) -> dict[str, Any]:
        """Two-arm, with two addresses."""
        return self.hook_settings(
            **{
                "lifecycle_hook_name": "launch",
                "deadline_seconds": 2700,
                "maximum_visit_interval_seconds": 30,
                "interfaces": {
                    "data": self.interface("data", 0, check=False, public=False),
                    "management": self.interface("management", 1, check=True, public=True),
                    "untrust": self.interface("untrust", 2, check=False, public=True),
                },
                "tags": {"team": "network"},
                "readiness": "in-sync",
                "license_expected": True,
                "firewall_api": None,
                **changes,
            }
        )

    def terminate_settings(self, **changes: Any) -> dict[str, Any]:
        """Licenses given back by the firewall."""
        return self.hook_settings(
            **{
                "lifecycle_hook_name": "terminate",
                "deadline_seconds": 86400,
                "maximum_visit_interval_seconds": 300,
                "management_device_index": 1,
                "licensing": {
                    "mode": "firewall",
                    "api_key_secret_arn": self.licensing_secret,
                    "license_manager": None,
                },
                "firewall_api": None,
                "target_groups": {},
                **changes,
            }
        )

    def reconcile_settings(self, **changes: Any) -> dict[str, Any]:
        """No target groups; a cap that one firewall reaches only where a test makes it lower."""
        return self.settings(
            **{
                "launch": {"lifecycle_hook_name": "launch", "queue_url": self.queue_url},
                "terminate": {
                    "lifecycle_hook_name": "terminate",
                    "queue_url": self.terminate_queue_url,
                },
                "licensing_mode": "firewall",
                "license_manager": None,
                "target_groups": [],
                "age_floor_seconds": 1500,
                "maximum_firewalls": 25,
                "maximum_share": 1,
                "dry_run": False,
                "metric_namespace": "VMseries-fw",
                **changes,
            }
        )

    def event(
        self, transition: Transition, instance_id: str = "", age: float = 0, **detail: Any
    ) -> dict[str, Any]:
        """The event of this transition; its hook is open from now on."""
        instance_id = instance_id or self.instance_id
        launching = transition is Transition.LAUNCHING
        token = f"token-{transition.name.lower()}-{instance_id}"
        self.open_hooks.add(token)
        return {
            "version": "0",
            "id": "12345678-1234-1234-1234-123456789012",
            "detail-type": DETAIL_TYPES[transition],
            "source": "aws.autoscaling",
            "account": "123456789012",
            "time": (datetime.now(UTC) - timedelta(seconds=age)).isoformat(),
            "region": "us-east-1",
            "resources": [],
            "detail": {
                "LifecycleActionToken": token,
                "AutoScalingGroupName": NAME,
                "LifecycleHookName": "launch" if launching else "terminate",
                "EC2InstanceId": instance_id,
                "LifecycleTransition": transition.value,
                "Origin": "EC2" if launching else "AutoScalingGroup",
                "Destination": "AutoScalingGroup" if launching else "EC2",
                **detail,
            },
        }

    def deliver(
        self,
        *bodies: dict[str, Any] | str,
        receive_count: int = 1,
        context: FakeContext | None = None,
    ) -> list[str]:
        """Hand messages to the function that their events are for.

        Returns:
            The ids of the messages that stay in the queue; they are "message-0" and so on.
        """
        batch = self.batch(*bodies, receive_count=receive_count)
        with self.warm():
            return stays(self.handler(batch, context or FakeContext()))

    def batch(self, *bodies: dict[str, Any] | str, receive_count: int = 1) -> dict[str, Any]:
        """What the event source mapping hands to a function."""
        records = [
            {
                "messageId": f"message-{number}",
                "receiptHandle": self._receipt(),
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(receive_count)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:fw-launch",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
        return {"Records": records}

    @contextmanager
    def warm(self) -> Iterator[None]:
        """A new container, whose calls are recorded."""
        cold_start()
        self.recording = True
        try:
            yield
        finally:
            self.recording = False

    def _receipt(self) -> str:
        """Receive a message as Lambda's poller does, which is none of the calls that we look at."""
        sqs, queue = of_moto("sqs"), self.queue_url.rpartition("/")[2]
        sqs.send_message(queue, "a message")
        (message,) = sqs.receive_message(
            queue, count=1, wait_seconds_timeout=0, visibility_timeout=30
        )
        return str(message.receipt_handle)

    # What is looked at afterwards.

    def attached(self, instance_id: str = "") -> list[dict[str, Any]]:
        """The instance's interfaces by device index."""
        answer = self.ec2.describe_instances(InstanceIds=[instance_id or self.instance_id])
        interfaces = answer["Reservations"][0]["Instances"][0]["NetworkInterfaces"]
        return sorted(interfaces, key=lambda item: item["Attachment"]["DeviceIndex"])

    def own_interfaces(self) -> list[dict[str, Any]]:
        """Every interface with our tag."""
        tag = {"Name": "tag:vmseries-autoscale:deployment", "Values": [NAME]}
        return list(self.ec2.describe_network_interfaces(Filters=[tag])["NetworkInterfaces"])

    def addresses(self) -> list[dict[str, Any]]:
        """Every address there is."""
        return list(self.ec2.describe_addresses()["Addresses"])

    def tags(self, instance_id: str = "") -> dict[str, str]:
        """The instance's tags."""
        answer = self.ec2.describe_instances(InstanceIds=[instance_id or self.instance_id])
        tags = answer["Reservations"][0]["Instances"][0].get("Tags", [])
        return {tag["Key"]: tag["Value"] for tag in tags}

    def operations(self) -> Counter[str]:
        """How often each operation was called."""
        return Counter(operation for _, operation, _ in self.calls)

    def counted_calls(self) -> int:
        """Calls against the budget: EC2, Auto Scaling and load balancing, without heartbeats."""
        return sum(
            1
            for service, operation, _ in self.calls
            if service in COUNTED and operation != "RecordLifecycleActionHeartbeat"
        )

    def pauses(self) -> list[int]:
        """The pauses that messages were given."""
        return [
            parameters["VisibilityTimeout"]
            for _, operation, parameters in self.calls
            if operation == "ChangeMessageVisibility"
        ]

    def dead_letters(self) -> list[tuple[str, str]]:
        """(error, body) of what is in the dead-letter queue."""
        answer = self.sqs.receive_message(
            QueueUrl=self.dead_letter_queue_url, MessageAttributeNames=["All"]
        )
        return [
            (message["MessageAttributes"]["error"]["StringValue"], message["Body"])
            for message in answer.get("Messages", [])
        ]

    # The patch.

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        """Record a call, and answer what moto lacks."""
        if not self.recording:
            return _real_call(client, operation, parameters)
        with _one_at_a_time:
            return self._recorded_call(client, operation, parameters)

    def _recorded_call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        self.calls.append((client.meta.service_model.service_name, operation, parameters))
        if self.faults.get(operation):
            raise self.faults[operation].pop(0)
        if parameters.get("DryRun"):
            return _real_call(client, operation, parameters)
        if operation in ("RecordLifecycleActionHeartbeat", "CompleteLifecycleAction"):
            return self._lifecycle(operation, parameters)
        if operation == "ModifyNetworkInterfaceAttribute" and "Attachment" in parameters:
            self.delete_on_termination.add(parameters["NetworkInterfaceId"])
            return {}
        if operation == "ReleaseAddress":
            self._check_free(parameters["AllocationId"])
        if operation == "AttachNetworkInterface":
            self._check_attachable(parameters["InstanceId"], parameters["DeviceIndex"])
        if operation in _ANSWERED_HERE:
            return _ANSWERED_HERE[operation](self, parameters)
        answer = _real_call(client, operation, self._with_address(operation, parameters))
        if operation in ("DescribeNetworkInterfaces", "DescribeInstances"):
            self._complete_descriptions(answer)
        if operation == "DescribeAddresses":
            self._free_addresses(answer)
        return answer

    def _with_address(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """An interface gets a free address, from the end of its subnet; moto's may be in use."""
        if operation != "CreateNetworkInterface":
            return parameters
        self.interfaces_made += 1
        last = of_moto("ec2").get_subnet(parameters["SubnetId"]).cidr.broadcast_address
        return {**parameters, "PrivateIpAddress": str(last - self.interfaces_made)}

    def _free_addresses(self, answer: dict[str, Any]) -> None:
        """An address is free when its interface is deleted; moto would still show it."""
        for address in answer["Addresses"]:
            if address.get("NetworkInterfaceId") not in of_moto("ec2").enis:
                address.pop("NetworkInterfaceId", None)
                address.pop("AssociationId", None)

    def _check_free(self, allocation_id: str) -> None:
        """EC2 releases no address whose interface exists; moto would."""
        ec2 = of_moto("ec2")
        (address,) = ec2.address_by_allocation([allocation_id])
        if address.eni is not None and address.eni.id in ec2.enis:
            raise client_error("InvalidIPAddress.InUse", operation="ReleaseAddress")

    def _check_attachable(self, instance_id: str, device_index: int) -> None:
        """EC2 takes one interface for each index, and none for what has ended; moto would."""
        instance = of_moto("ec2").get_instance(instance_id)
        if instance.state not in ("pending", "running", "stopped"):
            raise client_error("IncorrectState", operation="AttachNetworkInterface")
        if device_index in instance.nics:
            raise client_error("InvalidParameterValue", operation="AttachNetworkInterface")

    def _complete_descriptions(self, answer: dict[str, Any]) -> None:
        if "Reservations" in answer:
            answer["Reservations"] = [
                item
                for item in answer["Reservations"]
                if item["Instances"][0]["InstanceId"] not in self.forgotten
            ]
        instances = [item["Instances"][0] for item in answer.get("Reservations", [])]
        for instance in instances:
            # As "StateTransitionReason" reads in API_Instance; moto's has another time zone's name.
            ended = self.ended.get(instance["InstanceId"])
            instance["StateTransitionReason"] = (
                f"User initiated ({ended:%F %T} GMT)" if ended else ""
            )
        attached = [item for instance in instances for item in instance["NetworkInterfaces"]]
        for interface in [*attached, *answer.get("NetworkInterfaces", [])]:
            attachment = interface.get("Attachment")
            interface_id = interface["NetworkInterfaceId"]
            if attachment is not None:
                # The launch template sets it on the primary interface.
                kept = interface_id in self.delete_on_termination or interface_id == self.primary
                attachment["DeleteOnTermination"] = kept
            if interface_id in self.detaching:
                interface["Attachment"] = {
                    "AttachmentId": "eni-attach-0",
                    "DeviceIndex": 1,
                    "InstanceId": self.instance_id,
                    "Status": "detaching",
                    "DeleteOnTermination": True,
                }

    def _lifecycle(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """By token, or by instance where none is given."""
        word = {"launch": "launching", "terminate": "terminating"}[parameters["LifecycleHookName"]]
        by_instance = f"token-{word}-{parameters['InstanceId']}"
        token = parameters.get("LifecycleActionToken", by_instance)
        if token not in self.open_hooks:
            message = f"No active Lifecycle Action found with token {token}"
            raise client_error("ValidationError", message, operation)
        if operation == "CompleteLifecycleAction":
            self.open_hooks.remove(token)
            self.completed.append((token, parameters["LifecycleActionResult"]))
        return {}

    def _describe_groups(self, parameters: dict[str, Any]) -> dict[str, Any]:
        if self.members is None or parameters["AutoScalingGroupNames"] != [NAME]:
            return {"AutoScalingGroups": []}
        instances = [
            {"InstanceId": instance_id, "LifecycleState": state}
            for instance_id, state in self.members.items()
        ]
        return {"AutoScalingGroups": [{"AutoScalingGroupName": NAME, "Instances": instances}]}

    def _describe_activities(self, parameters: dict[str, Any]) -> dict[str, Any]:
        known = self.members is not None or parameters.get("IncludeDeletedGroups")
        start = int(parameters.get("NextToken", 0))
        end = start + ACTIVITIES_PER_PAGE
        page: dict[str, Any] = {"Activities": self.activities[start:end] if known else []}
        return page | ({"NextToken": str(end)} if end < len(self.activities) else {})

    def _register_targets(self, parameters: dict[str, Any]) -> dict[str, Any]:
        group = self._target_group(parameters)
        group.update(dict.fromkeys(_named_targets(parameters), "healthy"))
        return {}

    def _deregister_targets(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """API_DeregisterTargets: that a target does not exist is no error."""
        group = self._target_group(parameters)
        group.update(
            {target: "draining" for target in _named_targets(parameters) if target in group}
        )
        return {}

    def _describe_targets(self, parameters: dict[str, Any]) -> dict[str, Any]:
        group = self._target_group(parameters)
        return {
            "TargetHealthDescriptions": [
                {
                    "Target": {"Id": target[0], "Port": target[1]},
                    "TargetHealth": {"State": group[target]}
                    if target in group
                    else {"State": "unused", "Reason": "Target.NotRegistered"},
                }
                for target in _named_targets(parameters) or group
            ]
        }

    def _target_group(self, parameters: dict[str, Any]) -> dict[tuple[str, int], str]:
        try:
            return self.targets[parameters["TargetGroupArn"]]
        except KeyError:
            known = clients.elbv2().exceptions.TargetGroupNotFoundException
            raise known({"Error": {"Code": "TargetGroupNotFound"}}, "") from None


_ANSWERED_HERE: dict[str, Callable[[Cloud, dict[str, Any]], dict[str, Any]]] = {
    "DescribeAutoScalingGroups": Cloud._describe_groups,
    "DescribeScalingActivities": Cloud._describe_activities,
    "RegisterTargets": Cloud._register_targets,
    "DeregisterTargets": Cloud._deregister_targets,
    "DescribeTargetHealth": Cloud._describe_targets,
}


def _named_targets(parameters: dict[str, Any]) -> list[tuple[str, int]]:
    return [(target["Id"], target["Port"]) for target in parameters.get("Targets", ())]


def stays(answer: dict[str, Any]) -> list[str]:
    """The ids of the messages that a function leaves in the queue."""
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def client_error(code: str, message: str = "because", operation: str = "Operation") -> ClientError:
    """An error as AWS answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass(frozen=True)
class Snapshot:
    """An account as it was, and what moto kept of it: making one anew takes many calls."""

    kept: bytes

    @classmethod
    def of(cls, cloud: Cloud) -> Snapshot:
        """Keep what there is now."""
        services = ("ec2", "sqs", "secretsmanager")
        return cls(pickle.dumps((cloud, {name: dict(get_backend(name)) for name in services})))

    def restore(self) -> Cloud:
        """Have moto begin with a copy of this; what happens to that leaves no trace here."""
        cloud, backends = pickle.loads(self.kept)  # noqa: S301 - it has not left this process
        for name, accounts in backends.items():
            get_backend(name).update(accounts)
        return cast("Cloud", cloud)


@contextmanager
def simulation(begin: Callable[[], Cloud]) -> Iterator[Cloud]:
    """AWS is moto and this account for a while."""
    # Only the SDK asks: answers for another client of HTTP, a thousand of them, need not be made.
    with mock.patch("moto.core.models.RESPONSES_METHODS", ()), mock_aws():
        account = begin()

        def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            return account.call(client, operation, parameters)

        with (
            mock.patch.object(botocore.client.BaseClient, "_make_api_call", call),
            mock.patch("moto.core.responses.method_names_from_class", _method_names),
        ):
            yield account


@pytest.fixture(scope="session")
def new_account() -> Snapshot:
    """The account that every test begins with."""
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch)
        with simulation(Cloud) as account:
            return Snapshot.of(account)


@pytest.fixture
def cloud(new_account: Snapshot) -> Iterator[Cloud]:
    """The simulated account, with the launch function's settings."""
    with simulation(new_account.restore) as account:
        yield account


@pytest.fixture
def logs(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """What the functions have written since the last look: log records and metrics."""

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return read


def metrics(records: list[dict[str, Any]]) -> dict[str, float]:
    """The metrics among ``records``, summed up; each in the dimensions of the contract."""
    found: Counter[str] = Counter()
    for record in records:
        for directive in record.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "VMSeriesAutoscale"
            assert [sorted(names) for names in directive["Dimensions"]] == [
                ["deployment", "service"]
            ]
            for metric in directive["Metrics"]:
                found[metric["Name"]] += sum(record[metric["Name"]])
    return dict(found)


def reasons(records: list[dict[str, Any]]) -> list[str]:
    """The reasons that log records give."""
    return [record["reason"] for record in records if "reason" in record]


def connected(patch: pytest.MonkeyPatch) -> FakePanorama:
    """Make the Panorama that the handlers connect to."""
    fake = FakePanorama()
    patch.setattr(panorama, "connect", lambda _settings: fake)
    return fake


@pytest.fixture
def fake_panorama(monkeypatch: pytest.MonkeyPatch) -> FakePanorama:
    """The Panorama that the handlers connect to."""
    return connected(monkeypatch)


@pytest.fixture
def launching(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The account with the launch function."""
    configure(monkeypatch, cloud.launch_settings())
    return cloud


@pytest.fixture
def terminating(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The account with the terminate function."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "terminate")
    cloud.handler = terminate.handler
    configure(monkeypatch, cloud.terminate_settings())
    return cloud


@pytest.fixture(scope="session")
def in_service(new_account: Snapshot) -> Snapshot:
    """One firewall in service, and all that the launch function has made for it."""
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch)
        with simulation(new_account.restore) as cloud:
            configure(patch, cloud.launch_settings())
            add_firewall(cloud, connected(patch), cloud.instance_id, SERIAL)
            return Snapshot.of(cloud)


@pytest.fixture
def running(
    in_service: Snapshot, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    """One firewall in service, and the terminate function."""
    with simulation(in_service.restore) as cloud:
        fake_panorama.register(in_service_at(cloud.instance_id, SERIAL))
        become_terminate(cloud, monkeypatch)
        yield cloud


@pytest.fixture
def reconciling(
    in_service: Snapshot, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    """One firewall in service, and the reconcile function."""
    with simulation(in_service.restore) as cloud:
        fake_panorama.register(in_service_at(cloud.instance_id, SERIAL))
        cloud.members = {cloud.instance_id: "InService"}
        become_reconcile(cloud, monkeypatch)
        yield cloud


def in_service_at(instance_id: str, serial: str) -> Device:
    """A firewall as Panorama shows it when nothing is missing."""
    return Device(serial, instance_id, "10.0.1.9", True, "In Sync", "In Sync")


def add_firewall(cloud: Cloud, panorama: FakePanorama, instance_id: str, serial: str) -> None:
    """Have the launch function bring one into service."""
    event = cloud.event(Transition.LAUNCHING, instance_id)
    assert cloud.deliver(event) == ["message-0"]
    panorama.register(in_service_at(instance_id, serial))
    assert cloud.deliver(event) == []


def become_terminate(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """From here on the terminate function is under test."""
    configure(monkeypatch, cloud.terminate_settings(**changes))
    cloud.handler = terminate.handler
    cloud.calls.clear()
    cloud.completed.clear()


def become_reconcile(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """From here on the reconcile function is under test."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "reconcile")
    configure(monkeypatch, cloud.reconcile_settings(**changes))
    cloud.handler = reconcile.handler
    cloud.calls.clear()
    cloud.completed.clear()


def configure(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    """Give the function these settings."""
    monkeypatch.setenv("VMSERIES_AUTOSCALE_SETTINGS", json.dumps(settings))
