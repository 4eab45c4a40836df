"""A deployment of the module in a lab: what an operator does to it, and what an operator sees."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self

from tf_setup import terraform_environment
from vmseries_lab.client import Lab
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.terraform import HANG_SECONDS, Event, Workspace

REPOSITORY = Path(__file__).resolve().parents[3]

MINUTE = 60.0
APPLY_PACE = 60.0
"""Lab seconds per real second while the Terraform provider sleeps."""
IN_SERVICE_MINUTES = 90.0
"""Lab time limit for a launch. A firewall boots in 25 minutes at most, and one that Auto Scaling
replaces does so twice."""
QUOTED_ENTRIES = 15
"""Timeline entries that an error quotes."""


class DeploymentError(RuntimeError):
    """A deployment did not reach a state in time, or one of its functions failed."""


class AwsClients(Protocol):
    """Makes boto3 clients of the simulated AWS."""

    def client(self, service: str) -> Any:
        """Return the client of a service, named as boto3 names it."""


@dataclass(frozen=True, slots=True)
class Group:
    """An Auto Scaling group, through its public API.

    Attributes:
        aws: Makes the clients.
        name: Name of the group.
    """

    aws: AwsClients
    name: str

    def describe(self) -> dict[str, Any] | None:
        """Return the group as DescribeAutoScalingGroups has it; None if it does not exist."""
        groups = self.aws.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.name]
        )["AutoScalingGroups"]
        return dict(groups[0]) if groups else None

    def states(self) -> dict[str, str]:
        """Return the lifecycle state of each member, by instance ID."""
        group = self.describe()
        members = group["Instances"] if group else ()
        return {member["InstanceId"]: member["LifecycleState"] for member in members}

    def count_states(self) -> Counter[str]:
        """Return how many members are in each lifecycle state."""
        return Counter(self.states().values())

    def is_in_service(self, number: int) -> bool:
        """Return whether the group has exactly ``number`` members, all in service."""
        return list(self.states().values()) == ["InService"] * number

    def scale(self, number: int) -> None:
        """Set the desired capacity."""
        self.aws.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=self.name, DesiredCapacity=number
        )

    def terminate(self, instance_id: str) -> None:
        """Terminate a member without replacing it."""
        self.aws.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=True
        )

    def terminate_one(self) -> str:
        """Terminate a member that is in service without replacing it; return its instance ID.

        It is one in the zone with the most members, so that the group is not rebalanced.
        """
        members = (self.describe() or {"Instances": []})["Instances"]
        zones = Counter(
            member["AvailabilityZone"]
            for member in members
            if not member["LifecycleState"].startswith("Terminating")
        )
        serving = [member for member in members if member["LifecycleState"] == "InService"]
        leaving = max(serving, key=lambda member: zones[member["AvailabilityZone"]])
        self.terminate(leaving["InstanceId"])
        return str(leaving["InstanceId"])


@dataclass
class Deployment:
    """A root module, applied to a lab.

    Attributes:
        lab: The lab.
        workspace: The root module.
        outputs: Outputs of the root module, or of the one deployment in it that is meant; empty
            before the root module is applied.
    """

    lab: Lab
    workspace: Workspace
    outputs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def copy(cls, lab: Lab, root: str, folder: Path, **options: Any) -> Self:
        """Copy and initialize a root module; options as for :func:`copy_root`."""
        return cls(lab, copy_root(lab.aws.environment(), root, folder, **options))

    @property
    def group(self) -> Group:
        """The Auto Scaling group."""
        return Group(self.lab.aws, self.outputs["autoscaling_group"]["name"])

    @property
    def name(self) -> str:
        """Name of the deployment, which is also that of its group."""
        return self.group.name

    # -- Terraform ---------------------------------------------------------------------------------

    def apply(
        self,
        *,
        limit: float = HANG_SECONDS,
        parallelism: int = 20,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        """Apply the root module while lab time passes quickly, and read its outputs.

        Args:
            limit: Seconds of real time.
            parallelism: How many resources to create at a time.
            on_event: Called for each event that Terraform reports.
        """
        with self.time_passing():
            self.workspace.apply(limit=limit, parallelism=parallelism, on_event=on_event)
        self.outputs = self.workspace.output()

    def destroy(self, *, limit: float = HANG_SECONDS) -> None:
        """Destroy everything while lab time passes quickly; ``limit`` in seconds of real time."""
        with self.time_passing():
            self.workspace.destroy(limit=limit)

    def configure_panorama(self) -> None:
        """Load and commit the example's files of commands, and those of the module's output."""
        files = sorted((self.workspace.folder / "panorama").glob("*.set"))
        commands = [line for file in files for line in file.read_text().splitlines()]
        self.lab.panorama.run_commands([*commands, *self.outputs["panorama_set_commands"]])

    # -- waiting -----------------------------------------------------------------------------------

    @contextmanager
    def time_passing(self, pace: float = APPLY_PACE) -> Iterator[None]:
        """Let ``pace`` lab seconds pass per real second."""
        self.lab.pace(pace)
        try:
            yield
        finally:
            self.lab.pace(0)

    @contextmanager
    def clock_stopped(self) -> Iterator[None]:
        """Let lab time pass only in :meth:`wait_until`, and while functions sleep.

        The machine's speed then changes no figure.
        """
        self.lab.stop_clock()
        try:
            yield
        finally:
            self.lab.pace(0)

    def wait_until(
        self,
        reached: Callable[[], Any],
        description: str,
        *,
        minutes: float,
        step_seconds: float = MINUTE,
    ) -> Any:
        """Advance the lab's clock until ``reached`` returns a true value, and return that value.

        Args:
            reached: What to wait for.
            description: Names what is waited for, for the error.
            minutes: Limit of lab time.
            step_seconds: How far to advance the clock at a time.

        Raises:
            DeploymentError: The limit passed.
        """
        for _ in range(int(minutes * MINUTE / step_seconds)):
            if value := reached():
                return value
            self.lab.advance(step_seconds)
        newest = "\n".join(str(entry) for entry in self.lab.timeline()[-QUOTED_ENTRIES:])
        raise DeploymentError(
            f"not after {minutes:.0f} minutes of lab time: {description}\n{newest}"
        )

    def wait_until_in_service(self, number: int, *, minutes: float = IN_SERVICE_MINUTES) -> None:
        """Advance the lab's clock until exactly ``number`` members exist, all in service."""
        description = f"{number} firewalls in service in {self.name}"
        self.wait_until(lambda: self.group.is_in_service(number), description, minutes=minutes)

    def wait_until_happened(self, kind: str, *, minutes: float, **detail: Any) -> None:
        """Advance the lab's clock until the timeline has a new entry of a kind, with a detail."""
        since = len(self.lab.timeline())

        def happened() -> bool:
            return any(
                entry.kind == kind and detail.items() <= entry.detail.items()
                for entry in self.lab.timeline(since)
            )

        self.wait_until(happened, f"{kind} {detail}", minutes=minutes)

    def wait_until_terminated(self, instance_id: str, *, minutes: float) -> None:
        """Advance the lab's clock until an instance has left the group."""
        description = f"{instance_id} has left {self.name}"
        self.wait_until(
            lambda: instance_id not in self.group.states(), description, minutes=minutes
        )

    # -- what an operator sees ---------------------------------------------------------------------

    def instances(self) -> dict[str, dict[str, Any]]:
        """Return the group's members as DescribeInstances has them, by instance ID."""
        instance_ids = list(self.group.states())
        if not instance_ids:
            return {}
        # EC2 may throttle this call in a lab that enforces its request rates.
        pages = (
            self.lab.aws.client("ec2", attempts=5)
            .get_paginator("describe_instances")
            .paginate(InstanceIds=instance_ids)
        )
        return {
            instance["InstanceId"]: instance
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }

    def instance(self, instance_id: str) -> dict[str, Any]:
        """Return an instance as DescribeInstances has it, whether it is still a member or not."""
        answer = self.lab.aws.client("ec2").describe_instances(InstanceIds=[instance_id])
        return dict(answer["Reservations"][0]["Instances"][0])

    def tags(self, instance_id: str) -> dict[str, str]:
        """Return the tags of an instance."""
        return tags_of(self.instance(instance_id))

    def serial(self, instance_id: str) -> str:
        """Return the serial number that the launch function wrote on an instance."""
        return self.tags(instance_id)["vmseries-autoscale:serial"]

    def record(self, instance_id: str) -> dict[str, Any]:
        """Return the item of an instance in the table of records; empty without one."""
        answer = self.lab.aws.client("dynamodb").get_item(
            TableName=self.outputs["records_table"]["name"], Key={"instance_id": {"S": instance_id}}
        )
        return dict(answer.get("Item", {}))

    def happened(self, kind: str, subject: str) -> list[Entry]:
        """Return the timeline's entries of a kind about a subject."""
        return [e for e in self.lab.timeline() if (e.kind, e.subject) == (kind, subject)]

    def log(self, since: float, function: str = "terminate") -> list[dict[str, Any]]:
        """Return the structured log lines of a function since a time of the lab."""
        pages = (
            self.lab.aws.client("logs")
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=self.outputs["functions"][function]["log_group_name"],
                startTime=int(since * 1000),
            )
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def reconcile_reports(self, since: float) -> list[dict[str, Any]]:
        """Return the reports that the reconcile function has logged since a time of the lab."""
        return [line["report"] for line in self.log(since, "reconcile") if "report" in line]

    def metric(self, name: str, since: float, function: str = "terminate") -> float:
        """Return the sum of a metric of a function since a time of the lab."""
        points = self.lab.aws.client("cloudwatch").get_metric_statistics(
            Namespace="VMSeriesAutoscale",
            MetricName=name,
            Dimensions=[
                {"Name": "service", "Value": function},
                {"Name": "deployment", "Value": self.name},
            ],
            StartTime=datetime.fromtimestamp(since, UTC),
            EndTime=datetime.fromtimestamp(self.lab.now() + MINUTE, UTC),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    def alarm(self, key: str) -> str:
        """Return the state of an alarm, whose name is that of the deployment and a key."""
        names = [f"{self.name}-{key}"]
        found = self.lab.aws.client("cloudwatch").describe_alarms(AlarmNames=names)
        return str(found["MetricAlarms"][0]["StateValue"])

    def wait_for_alarm(self, key: str, state: str, minutes: float) -> None:
        """Wait until an alarm is in a state, at most so many minutes of the lab."""
        self.wait_until(lambda: self.alarm(key) == state, f"{key} in {state}", minutes=minutes)

    def visits(self, function: str, since: int) -> Counter[str]:
        """Return how often a function visited each instance since an invocation, by instance ID."""
        return Counter(
            str(record["instance"])
            for invocation in self.lab.invocations(since)
            if invocation["function"] == f"{self.name}-{function}"
            for record in invocation["event"].get("records", ())
        )

    def dead_letters(self, function: str = "terminate") -> list[dict[str, Any]]:
        """Return up to ten messages of a dead-letter queue, which keeps them."""
        answer = self.lab.aws.client("sqs").receive_message(
            QueueUrl=self.outputs["dead_letter_queues"][function]["url"],
            MessageAttributeNames=["All"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
        )
        return list(answer.get("Messages", []))

    def count_dead_letters(self) -> dict[str, int]:
        """Return how many messages each dead-letter queue holds, by the queue's name."""
        sqs, attribute = self.lab.aws.client("sqs"), "ApproximateNumberOfMessages"
        urls = [queue["url"] for queue in self.outputs["dead_letter_queues"].values()]
        answers = {
            url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute]) for url in urls
        }
        return {
            url.rpartition("/")[2]: int(answer["Attributes"][attribute])
            for url, answer in answers.items()
        }

    # -- what an operator does ---------------------------------------------------------------------

    def invoke(self, function: str, action: str) -> dict[str, Any]:
        """Invoke a function with ``{"action": action}``, and return its answer.

        Raises:
            DeploymentError: The function failed.
        """
        name = self.outputs["functions"][function]["name"]
        answer = self.lab.aws.client("lambda").invoke(
            FunctionName=name, Payload=json.dumps({"action": action})
        )
        content: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise DeploymentError(f"{name} failed: {content}")
        return content

    def redrive(self, function: str) -> None:
        """Move the messages of a dead-letter queue back, as docs/operations.md describes.

        SQS may leave messages that EventBridge or the function put there. They are moved by hand.
        """
        sqs = self.lab.aws.client("sqs")
        source, target = (
            self.outputs["dead_letter_queues"][function],
            self.outputs["queues"][function],
        )
        sqs.start_message_move_task(SourceArn=source["arn"], DestinationArn=target["arn"])
        self.lab.advance(5)
        while messages := sqs.receive_message(QueueUrl=source["url"]).get("Messages"):
            for message in messages:
                sqs.send_message(QueueUrl=target["url"], MessageBody=message["Body"])
                handle = message["ReceiptHandle"]
                sqs.delete_message(QueueUrl=source["url"], ReceiptHandle=handle)


def completed_hooks(entries: Iterable[Entry], hook: str) -> list[Entry]:
    """Return the entries about completions of a lifecycle hook."""
    return [e for e in entries if e.kind == "hook-completed" and e.detail["hook"] == hook]


def tags_of(resource: dict[str, Any]) -> dict[str, str]:
    """Return the tags of a resource as EC2 describes it."""
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}


def copy_root(
    environment: Mapping[str, str],
    root: str,
    folder: Path,
    *,
    repository: Path = REPOSITORY,
    uses: Iterable[str] = (),
    **variables: Any,
) -> Workspace:
    """Copy the module and a root module, and initialize the copy.

    Args:
        environment: Environment variables for Terraform: those of the lab.
        root: Folder of the root module in the repository.
        folder: Where to copy to; must not exist.
        repository: The checkout to copy from, which stays as it is.
        uses: Further folders of the repository that the root module has modules from.
        variables: Input variables of the root module.
    """
    tools = terraform_environment()
    workspace = Workspace.copy(
        repository,
        root,
        folder,
        binary=tools.binary,
        environment={**tools.environment, **environment},
        variables=variables,
        uses=uses,
    )
    workspace.init()
    workspace.keep_provider()
    return workspace


@contextmanager
def deployment_in_new_lab(root: str, **options: Any) -> Iterator[Deployment]:
    """Start a lab, and copy a root module that is to be applied to it.

    Args:
        root: Folder of the root module in the repository.
        options: As for :func:`copy_root`.
    """
    with tempfile.TemporaryDirectory(prefix="vmseries-") as scratch, Lab() as lab:
        yield Deployment.copy(lab, root, Path(scratch) / "repository", **options)
