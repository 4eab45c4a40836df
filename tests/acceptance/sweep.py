"""What is left of a run, by its tag and by the name of its deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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


def remains(account: Account, run_name: str, name: str) -> Remains:
    """List what is left.

    Args:
        account: The account.
        run_name: Value of the run's tag.
        name: Name of the deployment.
    """
    result = Remains()
    for kind, find in _finders(account, run_name, name):
        try:
            found = sorted(find())
        except (ClientError, BotoCoreError):
            result.unsure.append(kind)
            continue
        if found:
            result.found[kind] = found
    return result


Finder = Callable[[], set[str]]


def _finders(account: Account, run_name: str, name: str) -> Iterator[tuple[str, Finder]]:
    for kind, operation, key, identifier, state in EC2_KINDS:

        def in_ec2(
            operation: str = operation,
            key: str = key,
            identifier: str = identifier,
            state: str = state,
        ) -> set[str]:
            return {
                item[identifier]
                for tag, value in ((RUN_TAG, run_name), (DEPLOYMENT_TAG, name))
                for item in _tagged(account.client("ec2"), operation, key, tag, value)
                if _at(item, state) not in ENDED
            }

        yield kind, in_ec2
    yield (
        "Auto Scaling groups",
        lambda: _pages(
            account,
            "autoscaling",
            "describe_auto_scaling_groups",
            "AutoScalingGroups",
            "AutoScalingGroupName",
            name,
        ),
    )
    yield (
        "load balancers",
        lambda: _pages(
            account, "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName", name
        ),
    )
    yield (
        "target groups",
        lambda: _pages(
            account, "elbv2", "describe_target_groups", "TargetGroups", "TargetGroupName", name
        ),
    )
    yield (
        "functions",
        lambda: _pages(
            account, "lambda", "list_functions", "Functions", "FunctionName", f"{name}-"
        ),
    )
    yield "roles", lambda: _pages(account, "iam", "list_roles", "Roles", "RoleName", f"{name}-")
    yield (
        "log groups",
        lambda: _pages(
            account,
            "logs",
            "describe_log_groups",
            "logGroups",
            "logGroupName",
            f"/aws/lambda/{name}-",
        ),
    )
    yield (
        "queues",
        lambda: {
            url.rpartition("/")[2]
            for url in account.client("sqs")
            .list_queues(QueueNamePrefix=f"{name}-")
            .get("QueueUrls", [])
        },
    )
    yield (
        "rules",
        lambda: {
            rule["Name"]
            for rule in account.client("events").list_rules(NamePrefix=f"{name}-").get("Rules", [])
        },
    )


def _tagged(ec2: Any, operation: str, key: str, tag: str, value: str) -> Iterator[dict[str, Any]]:
    filters = [{"Name": f"tag:{tag}", "Values": [value]}]
    if ec2.can_paginate(operation):
        pages = ec2.get_paginator(operation).paginate(Filters=filters)
    else:
        pages = [getattr(ec2, operation)(Filters=filters)]
    for page in pages:
        for item in page[key]:
            yield from item["Instances"] if key == "Reservations" else [item]


def _at(item: Any, path: str) -> str:
    for part in path.split(".") if path else ():
        item = item.get(part, "")
    return str(item).lower() if path else ""


def _pages(
    account: Account, service: str, operation: str, key: str, identifier: str, name: str
) -> set[str]:
    """Return the names that are the deployment's, or start with it if it ends with a hyphen."""
    pages = account.client(service).get_paginator(operation).paginate()
    names = {item[identifier] for page in pages for item in page[key]}
    ends = name.endswith("-")
    return {
        one
        for one in names
        if (one.startswith(name) if ends else one == name or one.startswith(f"{name}-"))
    }
