"""Two deployments that share a Panorama, in service, and the attackers of the first one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from vmseries_lab.client import SECRETS, Lab
from vmseries_lab.core.location import ACCOUNT_ID
from vmseries_lab.panorama import initial_config
from vmseries_scenarios.deployment import MINUTE, Deployment, DeploymentError

ROOT = "tests/fixtures/attacks"
BREAK_GLASS = "break-glass"
"""Role that may send to the queues, to redrive dead letters."""
ANY_QUEUE = "sqs:* on every queue"
REDRIVE = "a redrive principal: sqs:SendMessage, not denied by the queues"
INVOKE = "lambda:InvokeFunction on the function"
TAG = "ec2:CreateTags on every instance"
PERMISSIONS = {
    "queue-user": {"Action": "sqs:*", "Resource": "*"},
    BREAK_GLASS: {"Action": "sqs:*", "Resource": "*"},
    "invoker": {"Action": "lambda:InvokeFunction", "Resource": "*"},
    "tagger": {"Action": "ec2:CreateTags", "Resource": "*"},
}
"""What each attacker's role may do."""
BOOT_SECONDS = {"license": 160.0, "register": 165.0, "content": 170.0}
NUMBER_ATTACKED = 4
NUMBER_OTHER = 2
APPLY_LIMIT_SECONDS = 300.0
TRANSITIONS = {
    "launch": ("EC2 Instance-launch Lifecycle Action", "EC2_INSTANCE_LAUNCHING"),
    "terminate": ("EC2 Instance-terminate Lifecycle Action", "EC2_INSTANCE_TERMINATING"),
}
FORGED_TOKEN = "87654321-4321-4321-4321-210987654321"  # noqa: S105 - any 36 characters


@dataclass
class Site:
    """The situation of all attacks.

    Attributes:
        lab: The lab.
        attacked: The deployment that is attacked.
        other: Another deployment of the same Panorama, with a device group of its own. For the
            attacked deployment, its firewalls represent those of a data center.
        clients: Clients of the attackers, by role and service.
    """

    lab: Lab
    attacked: Deployment
    other: Deployment
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, role: str, service: str) -> Any:
        """Return a client with the permissions of an attacker's role."""
        if (role, service) not in self.clients:
            self.clients[role, service] = self.lab.aws.client_of_role(
                service, role_arn(self.lab, role)
            )
        return self.clients[role, service]

    def send(self, role: str, body: str, function: str = "terminate") -> str:
        """Send a message to a queue as an attacker; return the code of the refusal, if any."""
        url = self.attacked.outputs["queues"][function]["url"]
        try:
            self.client(role, "sqs").send_message(QueueUrl=url, MessageBody=body)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    def waiting_messages(self, function: str) -> int:
        """Return how many messages the queue of a function holds, visible or not."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        attributes = self.lab.aws.client("sqs").get_queue_attributes(
            QueueUrl=self.attacked.outputs["queues"][function]["url"], AttributeNames=list(names)
        )["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def invoke(self, records: list[dict[str, Any]], function: str = "terminate") -> str:
        """Invoke a function with records; return the name of its error, if any."""
        name = self.attacked.outputs["functions"][function]["name"]
        response = self.client("invoker", "lambda").invoke(
            FunctionName=name, Payload=json.dumps({"Records": records})
        )
        content = json.loads(response["Payload"].read())
        return str(content.get("errorType", "")) if "FunctionError" in response else ""

    def event(
        self, instance_id: str, name: str, function: str = "terminate", **changes: Any
    ) -> str:
        """Return a forged lifecycle event as the body of a message.

        Args:
            instance_id: What it says about the instance.
            name: Name of the attack; becomes the event's id, by which its dead letter is found.
            function: ``launch`` or ``terminate``.
            changes: Other values of the event; ``LifecycleActionToken`` is one of its detail.
        """
        kind, transition = TRANSITIONS[function]
        detail = {
            "LifecycleActionToken": changes.pop("LifecycleActionToken", FORGED_TOKEN),
            "AutoScalingGroupName": self.attacked.name,
            "LifecycleHookName": function,
            "EC2InstanceId": instance_id,
            "LifecycleTransition": f"autoscaling:{transition}",
            "Origin": "AutoScalingGroup" if function == "terminate" else "EC2",
            "Destination": "EC2" if function == "terminate" else "AutoScalingGroup",
        }
        event = {
            "version": "0",
            "id": name,
            "detail-type": kind,
            "source": "aws.autoscaling",
            "account": ACCOUNT_ID,
            "time": datetime.fromtimestamp(self.lab.now(), UTC).isoformat(),
            "region": self.lab.region,
            "resources": [],
            "detail": detail,
        }
        return json.dumps(event | changes)

    def record(self, body: str, queue_arn: str, number: int = 0) -> dict[str, Any]:
        """Return a forged record of an event source mapping."""
        now = str(int(self.lab.now() * 1000))
        return {
            "messageId": f"00000000-0000-4000-8000-{number:012}",
            "receiptHandle": "forged",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": now,
                "SenderId": "AIDAFORGED",
                "ApproximateFirstReceiveTimestamp": now,
            },
            "messageAttributes": {},
            "md5OfBody": "00000000000000000000000000000000",
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": self.lab.region,
        }

    def members(self) -> list[str]:
        """Return the attacked deployment's instances in service, in the order of their launch."""
        instances = self.attacked.instances()
        states = self.attacked.group.states()
        return sorted(
            (i for i, state in states.items() if state == "InService"),
            key=lambda i: (instances[i]["LaunchTime"], i),
        )

    def launch_one(self) -> str:
        """Add one firewall to the attacked deployment; return its instance ID, one minute later.

        Raises:
            DeploymentError: Not exactly one instance was launched.
        """
        before = self.attacked.group.states()
        # Those that are terminating are still members, but are no part of the desired capacity.
        self.attacked.group.scale((self.attacked.group.describe() or {})["DesiredCapacity"] + 1)
        self.lab.advance(MINUTE)
        launched = list(self.attacked.group.states().keys() - before.keys())
        if len(launched) != 1:
            raise DeploymentError(f"one launch was expected, but there are {launched}")
        return launched[0]

    def restore(self) -> None:
        """Bring the attacked deployment back to its number of firewalls, all in service."""
        self.attacked.group.scale(NUMBER_ATTACKED)
        self.attacked.wait_until_in_service(NUMBER_ATTACKED)

    def left_behind(self, serial: str) -> list[str]:
        """Return what a firewall that has terminated left behind, as sentences."""
        problems = []
        if not self.attacked.happened("license-returned", serial):
            problems.append(f"the license of {serial}, which terminated, was not returned")
        entries = self.lab.panorama.device_entries()
        if any(serial in part for part in entries.values()):
            problems.append(f"{serial}, which terminated, is still in Panorama")
        return problems

    def data_center_firewall(self) -> str:
        """Return the instance of a firewall outside the attacked deployment."""
        return min(self.other.group.states())


def role_arn(lab: Lab, role: str) -> str:
    """Return the ARN of an attacker's role."""
    return f"arn:{lab.partition}:iam::{ACCOUNT_ID}:role/{role}"


def create_attackers(lab: Lab) -> None:
    """Create the attackers' roles.

    Lambda may assume them, too, since the lab enforces the permissions of such roles.
    """
    iam = lab.aws.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com", "AWS": ACCOUNT_ID},
        "Action": "sts:AssumeRole",
    }
    for role, permission in PERMISSIONS.items():
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=_policy(trust))
        iam.put_role_policy(
            RoleName=role,
            PolicyName="rights",
            PolicyDocument=_policy({"Effect": "Allow", **permission}),
        )


def create_other_deployment(lab: Lab) -> None:
    """Create the device group and the secrets of the other deployment."""
    lab.panorama.run_commands(["set device-group west description 'the other deployment'"])
    second = initial_config.SECOND
    for name, changes in (
        ("panorama", {"api_key": second.key, "username": second.name}),
        ("bootstrap", {"dgname": "west"}),
    ):
        content = json.dumps({**lab.aws.secret(name), **changes})
        lab.aws.client("secretsmanager").create_secret(
            Name=f"{SECRETS}/{name}-west", SecretString=content
        )


@contextmanager
def prepared(repository: Path, folder: Path) -> Iterator[Site]:
    """Start a lab, apply both deployments, and wait until their firewalls are in service.

    Args:
        repository: The checkout whose module is applied.
        folder: Where to copy it to; must not exist.

    Raises:
        DeploymentError: The firewalls did not come into service.
        LabError: The lab failed.
        TerraformError: Terraform failed.
    """
    with Lab() as lab:
        lab.firewalls.set_boot_times(**BOOT_SECONDS)
        lab.panorama.configure(push_seconds=5)
        create_attackers(lab)
        create_other_deployment(lab)
        both = Deployment.copy(
            lab,
            ROOT,
            folder,
            repository=repository,
            uses=["tests/fixtures/minimal"],
            redrive_principal_arns=[role_arn(lab, BREAK_GLASS)],
        )
        both.apply(limit=APPLY_LIMIT_SECONDS)
        attacked, other = (
            Deployment(lab, both.workspace, both.outputs[name]) for name in ("attacked", "other")
        )
        attacked.group.scale(NUMBER_ATTACKED)
        other.group.scale(NUMBER_OTHER)
        attacked.wait_until_in_service(NUMBER_ATTACKED)
        other.wait_until_in_service(NUMBER_OTHER)
        yield Site(lab, attacked, other)


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
