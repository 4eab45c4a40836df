"""A small group of firewalls in the lab, and what an operator can look at and do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from vmseries_lab.client import Lab
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.terraform import Workspace

MINUTE = 60.0
QUICK_BOOT = {"license": 160.0, "register": 165.0, "content": 170.0}
"""For ``FirewallsClient.set_boot_times``, where it is not the boot that is looked at."""
SECRET = "vmseries-autoscale/panorama"


@dataclass
class Fleet:
    """A group of firewalls in service, and what an operator can look at."""

    lab: Lab
    workspace: Workspace
    outputs: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.outputs["autoscaling_group"]["name"])

    def states(self) -> dict[str, str]:
        groups = self.lab.aws.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.name]
        )["AutoScalingGroups"]
        return {i["InstanceId"]: i["LifecycleState"] for i in groups[0]["Instances"]}

    def instance(self, instance_id: str) -> dict[str, Any]:
        """An instance as EC2 describes it."""
        found = self.lab.aws.client("ec2").describe_instances(InstanceIds=[instance_id])
        return dict(found["Reservations"][0]["Instances"][0])

    def serial(self, instance_id: str) -> str:
        """The serial number of its firewall, by the instance's tags."""
        tags = {tag["Key"]: tag["Value"] for tag in self.instance(instance_id)["Tags"]}
        return str(tags["vmseries-autoscale:serial"])

    def terminate_one(self) -> str:
        """Have Auto Scaling terminate one instance and not replace it."""
        instance = next(i for i, state in self.states().items() if state == "InService")
        self.lab.aws.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=instance, ShouldDecrementDesiredCapacity=True
        )
        return instance

    def log(self, since: float, function: str = "terminate") -> list[dict[str, Any]]:
        """A function's log lines since a time of the lab."""
        events = self.lab.aws.client("logs").filter_log_events(
            logGroupName=self.outputs["functions"][function]["log_group_name"],
            startTime=int(since * 1000),
        )["events"]
        lines = [event["message"] for event in events]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def metric(self, name: str, since: float, function: str = "terminate") -> float:
        """The sum of one of a function's metrics since a time of the lab."""
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

    def dead_letters(self, transition: str = "terminate") -> list[dict[str, Any]]:
        """What the dead-letter queue of a transition holds."""
        return list(
            self.lab.aws.client("sqs")
            .receive_message(
                QueueUrl=self.outputs["dead_letter_queues"][transition]["url"],
                MessageAttributeNames=["All"],
                MaxNumberOfMessages=10,
                VisibilityTimeout=0,
            )
            .get("Messages", [])
        )

    def change_secret(self, **changes: str) -> Callable[[], None]:
        """Change keys of Panorama's secret; return what undoes it."""
        secrets = self.lab.aws.client("secretsmanager")
        before = secrets.get_secret_value(SecretId=SECRET)["SecretString"]
        after = json.dumps({**json.loads(before), **changes})
        secrets.put_secret_value(SecretId=SECRET, SecretString=after)
        # A warm function keeps what it has read for five minutes.
        self.lab.advance(6 * MINUTE)

        def undo() -> None:
            secrets.put_secret_value(SecretId=SECRET, SecretString=before)
            self.lab.advance(6 * MINUTE)

        return undo

    def happened(self, kind: str, subject: str) -> list[Entry]:
        return [e for e in self.lab.timeline() if (e.kind, e.subject) == (kind, subject)]

    def desire(self, number: int) -> None:
        """Have Auto Scaling change the group's capacity."""
        self.lab.aws.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=self.name, DesiredCapacity=number
        )

    def until_in_service(self, number: int, limit_minutes: int = 90) -> None:
        """Let lab time pass until exactly ``number`` instances are there, all in service."""
        for _ in range(limit_minutes // 5):
            if list(self.states().values()) == ["InService"] * number:
                return
            self.lab.advance(5 * MINUTE)
        pytest.fail(f"after {limit_minutes} minutes of lab time: {self.states()}")

    def reconcile(self, action: str) -> dict[str, Any]:
        """Invoke the reconcile function as an operator does; its report."""
        answer = self.lab.aws.client("lambda").invoke(
            FunctionName=self.outputs["functions"]["reconcile"]["name"],
            Payload=json.dumps({"action": action}),
        )
        report: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, report
        return report

    def redrive(self, transition: str) -> None:
        """Move what is in a dead-letter queue back to where it belongs."""
        self.lab.aws.client("sqs").start_message_move_task(
            SourceArn=self.outputs["dead_letter_queues"][transition]["arn"],
            DestinationArn=self.outputs["queues"][transition]["arn"],
        )
