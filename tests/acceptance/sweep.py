"""What is left of a run, by its tag and by the name of its deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.account import Account
from acceptance.choices import RUN_TAG
from acceptance.history import DEPLOYMENT_TAG

ENDED = ("shutting-down", "terminated", "deleted", "deleting")
"""States in which EC2 shows what no longer exists, or costs nothing from now on."""


@dataclass
class Remains:
    """What is left.

    Attributes:
        found: Identifiers by kind. They are printed, and are in no record.
        unsure: Kinds that could not be listed.
    """

    found: dict[str, list[str]] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return the number of each kind."""
        return {kind: len(names) for kind, names in self.found.items()}


EC2_KINDS: tuple[tuple[str, str, str, str, str], ...] = (
    ("instances", "describe_instances", "Reservations", "InstanceId", "State.Name"),
    (
        "network interfaces",
        "describe_network_interfaces",
        "NetworkInterfaces",
        "NetworkInterfaceId",
        "",
    ),
    ("Elastic IP addresses", "describe_addresses", "Addresses", "AllocationId", ""),
    ("NAT gateways", "describe_nat_gateways", "NatGateways", "NatGatewayId", "State"),
    ("VPC endpoints", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "State"),
    ("volumes", "describe_volumes", "Volumes", "VolumeId", "State"),
    ("VPCs", "describe_vpcs", "Vpcs", "VpcId", ""),
    ("launch templates", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", ""),
)
"""Kind, operation, key of the list, key of the ID, path of the state."""


NAMED_KINDS: tuple[tuple[str, str, str, str, str, str], ...] = (
    (
        "Auto Scaling groups",
        "autoscaling",
        "describe_auto_scaling_groups",
        "AutoScalingGroups",
        "AutoScalingGroupName",
        "{}",
    ),
    (
        "load balancers",
        "elbv2",
        "describe_load_balancers",
        "LoadBalancers",
        "LoadBalancerName",
        "{}",
    ),
    ("target groups", "elbv2", "describe_target_groups", "TargetGroups", "TargetGroupName", "{}"),
    ("functions", "lambda", "list_functions", "Functions", "FunctionName", "{}-"),
    ("roles", "iam", "list_roles", "Roles", "RoleName", "{}-"),
    (
        "log groups",
        "logs",
        "describe_log_groups",
        "logGroups",
        "logGroupName",
        "/aws/lambda/{}-",
    ),
    ("queues", "sqs", "list_queues", "QueueUrls", "", "{}-"),
    ("rules", "events", "list_rules", "Rules", "Name", "{}-"),
    ("alarms", "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName", "{}-"),
)
"""Kind, service, operation, key of the list, key of the name, and the name: with a hyphen at the
end, what it starts with."""


def remains(account: Account, run_name: str, name: str) -> Remains:
    """List what is left.

    Args:
        account: The account.
        run_name: Value of the run's tag.
        name: Name of the deployment.
    """
    result = Remains()
    tags = ((RUN_TAG, run_name), (DEPLOYMENT_TAG, name))
    finders: dict[str, Callable[[], set[str]]] = {}
    for kind, operation, key, identifier, state in EC2_KINDS:
        finders[kind] = partial(_tagged, account, tags, operation, key, identifier, state)
    for kind, service, operation, key, identifier, form in NAMED_KINDS:
        wanted = form.format(name)
        finders[kind] = partial(_named, account, service, operation, key, identifier, wanted)
    for kind, find in finders.items():
        try:
            found = sorted(find())
        except (ClientError, BotoCoreError):
            result.unsure.append(kind)
            continue
        if found:
            result.found[kind] = found
    return result


def _tagged(
    account: Account,
    tags: Sequence[tuple[str, str]],
    operation: str,
    key: str,
    identifier: str,
    state: str,
) -> set[str]:
    """Return the IDs of the resources of EC2 with one of the tags, unless they have ended."""
    found = set()
    for tag, value in tags:
        filters = [{"Name": f"tag:{tag}", "Values": [value]}]
        for item in _items(account.client("ec2"), operation, key, Filters=filters):
            each = item["Instances"] if key == "Reservations" else [item]
            found |= {one[identifier] for one in each if _at(one, state) not in ENDED}
    return found


def _named(
    account: Account, service: str, operation: str, key: str, identifier: str, wanted: str
) -> set[str]:
    """Return the names that are the wanted one, or start with it if it ends with a hyphen."""
    names = {
        item[identifier] if identifier else item.rpartition("/")[2]
        for item in _items(account.client(service), operation, key)
    }
    if wanted.endswith("-"):
        return {name for name in names if name.startswith(wanted)}
    return {name for name in names if name == wanted or name.startswith(f"{wanted}-")}


def _items(client: Any, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
    if client.can_paginate(operation):
        pages = client.get_paginator(operation).paginate(**parameters)
    else:
        pages = [getattr(client, operation)(**parameters)]
    for page in pages:
        yield from page.get(key, ())


def _at(item: Any, path: str) -> str:
    for part in path.split(".") if path else ():
        item = item.get(part, "")
    return str(item).lower() if path else ""
