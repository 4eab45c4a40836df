"""What an operator sees while Panorama cannot be used, and that nothing is lost afterwards.

One group of firewalls; each test breaks one thing, has a firewall terminated, looks at log, metric
and dead-letter queue, mends it, and sees the termination through.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme
from e2e import workspaces

from vmseries_lab.client import Lab, Leftovers
from vmseries_lab.terraform import Workspace
from vmseries_lab.timeline import Entry

pytestmark = pytest.mark.apply

MINUTE = 60.0
SECRET = "vmseries-autoscale/panorama"
FLEET = 4


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
        groups = self.lab.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.name]
        )["AutoScalingGroups"]
        return {i["InstanceId"]: i["LifecycleState"] for i in groups[0]["Instances"]}

    def terminate_one(self) -> str:
        """Have Auto Scaling terminate one instance and not replace it."""
        instance = next(i for i, state in self.states().items() if state == "InService")
        self.lab.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=instance, ShouldDecrementDesiredCapacity=True
        )
        return instance

    def log(self, since: float) -> list[dict[str, Any]]:
        """The terminate function's log lines since a time of the lab."""
        events = self.lab.client("logs").filter_log_events(
            logGroupName=self.outputs["functions"]["terminate"]["log_group_name"],
            startTime=int(since * 1000),
        )["events"]
        lines = [event["message"] for event in events]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def metric(self, name: str, since: float) -> float:
        """The sum of one of the terminate function's metrics since a time of the lab."""
        points = self.lab.client("cloudwatch").get_metric_statistics(
            Namespace="VMSeriesAutoscale",
            MetricName=name,
            Dimensions=[
                {"Name": "service", "Value": "terminate"},
                {"Name": "deployment", "Value": self.name},
            ],
            StartTime=datetime.fromtimestamp(since, UTC),
            EndTime=datetime.fromtimestamp(self.lab.now() + MINUTE, UTC),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    def dead_letters(self) -> list[dict[str, Any]]:
        """What the terminate queue's dead-letter queue holds."""
        return list(
            self.lab.client("sqs")
            .receive_message(
                QueueUrl=self.outputs["dead_letter_queues"]["terminate"]["url"],
                MessageAttributeNames=["All"],
                MaxNumberOfMessages=10,
                VisibilityTimeout=0,
            )
            .get("Messages", [])
        )

    def change_secret(self, **changes: str) -> Callable[[], None]:
        """Change keys of Panorama's secret; return what undoes it."""
        secrets = self.lab.client("secretsmanager")
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


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Lab() as lab:
        workspace = workspaces.copy(
            lab, "tests/fixtures/minimal", tmp_path_factory.mktemp("trouble") / "copy"
        )
        lab.pace(60)
        workspace.apply()
        lab.pace(0)
        fleet = Fleet(lab, workspace, workspace.output())
        lab.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=fleet.name, DesiredCapacity=FLEET
        )
        for _ in range(60):
            if list(fleet.states().values()) == ["InService"] * FLEET:
                break
            lab.advance(MINUTE)
        yield fleet
        assert lab.errors() == []


def silent_panorama(fleet: Fleet) -> Callable[[], None]:
    fleet.lab.panorama(mode="hanging")
    return lambda: fleet.lab.panorama(mode="answering")


def wrong_ca(fleet: Fleet) -> Callable[[], None]:
    return fleet.change_secret(ca_bundle=trustme.CA().cert_pem.bytes().decode())


def wrong_api_key(fleet: Fleet) -> Callable[[], None]:
    return fleet.change_secret(api_key="LUFRPT1-revoked")


@pytest.mark.parametrize(
    ("breaking", "error", "sentence"),
    [
        pytest.param(wrong_ca, "PanoramaCertificateError", "CERTIFICATE_VERIFY_FAILED", id="ca"),
        pytest.param(wrong_api_key, "PanoramaAccessError", "403", id="api-key"),
        pytest.param(silent_panorama, "PanoramaTimeoutError", "did not answer", id="silent"),
    ],
)
def test_termination_waits_and_then_loses_nothing(
    fleet: Fleet, breaking: Callable[[Fleet], Callable[[], None]], error: str, sentence: str
) -> None:
    mend = breaking(fleet)
    since = fleet.lab.now()
    instance = fleet.terminate_one()

    fleet.lab.advance(4 * MINUTE)

    lines = [line for line in fleet.log(since) if line.get("error") == error]
    assert lines, f"no {error} in the log: {fleet.log(since)}"
    assert all(line["instance_id"] == instance for line in lines)
    assert sentence in lines[-1]["reason"]
    assert fleet.metric("PanoramaUnavailable", since) >= len(lines)
    assert fleet.dead_letters() == []
    assert fleet.states()[instance] == "Terminating:Wait"
    assert fleet.happened("interface-detached", instance) == []

    mend()
    fleet.lab.advance(20 * MINUTE)

    assert instance not in fleet.states()
    assert fleet.happened("hook-expired", instance) == []
    assert [e.detail["result"] for e in fleet.happened("hook-completed", instance)][-1:] == [
        "CONTINUE"
    ]
    alive = len(fleet.states())
    assert fleet.lab.leftovers().licences == alive


def test_unreadable_message_goes_to_the_dead_letter_queue_at_once(fleet: Fleet) -> None:
    since = fleet.lab.now()
    body = json.dumps({"detail-type": "EC2 Instance-terminate Lifecycle Action", "detail": 7})
    fleet.lab.client("sqs").send_message(
        QueueUrl=fleet.outputs["queues"]["terminate"]["url"], MessageBody=body
    )

    fleet.lab.advance(MINUTE)

    (message,) = fleet.dead_letters()
    assert message["Body"] == body
    assert message["MessageAttributes"]["error"]["StringValue"] == "UnreadableEventError"
    assert fleet.metric("MessageDeadLettered", since) == 1
    assert [line["error"] for line in fleet.log(since) if "error" in line] == [
        "UnreadableEventError"
    ]


def test_nothing_is_left_in_the_end(fleet: Fleet) -> None:
    fleet.lab.pace(60)
    fleet.workspace.destroy()
    assert fleet.lab.leftovers() == Leftovers(
        interfaces=0, addresses=0, licences=0, panorama_entries=0
    )
