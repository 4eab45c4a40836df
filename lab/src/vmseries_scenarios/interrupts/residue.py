"""What an account contains, counted through the public APIs of AWS, and what a destroy leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vmseries_lab.client import Lab

ENDED = frozenset({"terminated", "shutting-down"})
GONE = frozenset({"deleted", "deleting"})

Listing = Mapping[str, Any]


def names(items: Iterable[Listing], key: str) -> Iterable[str]:
    """Return one value of each item."""
    return (str(item[key]) for item in items)


def iam(client: Any) -> dict[str, Iterable[str]]:
    """Return roles and instance profiles."""
    return {
        "role": names(client.list_roles()["Roles"], "RoleName"),
        "instance profile": names(
            client.list_instance_profiles()["InstanceProfiles"], "InstanceProfileName"
        ),
    }


def functions(client: Any) -> dict[str, Iterable[str]]:
    """Return functions, their event source mappings, and versions of layers."""
    layers = client.list_layers()["Layers"]
    return {
        "function": names(client.list_functions()["Functions"], "FunctionName"),
        "mapping": names(client.list_event_source_mappings()["EventSourceMappings"], "UUID"),
        "layer": names((layer["LatestMatchingVersion"] for layer in layers), "LayerVersionArn"),
    }


def network(client: Any) -> dict[str, Iterable[str]]:
    """Return what EC2 lists: instances, networks, launch templates and endpoint services."""
    instances = (
        instance
        for reservation in client.describe_instances()["Reservations"]
        for instance in reservation["Instances"]
        if instance["State"]["Name"] not in ENDED
    )
    gateways = (
        gateway
        for gateway in client.describe_nat_gateways()["NatGateways"]
        if gateway["State"] not in GONE
    )
    services = client.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]
    return {
        "instance": names(instances, "InstanceId"),
        "interface": names(
            client.describe_network_interfaces()["NetworkInterfaces"], "NetworkInterfaceId"
        ),
        "address": names(client.describe_addresses()["Addresses"], "AllocationId"),
        "volume": names(client.describe_volumes()["Volumes"], "VolumeId"),
        "launch template": names(
            client.describe_launch_templates()["LaunchTemplates"], "LaunchTemplateName"
        ),
        "security group": names(client.describe_security_groups()["SecurityGroups"], "GroupId"),
        "VPC": names(client.describe_vpcs()["Vpcs"], "VpcId"),
        "subnet": names(client.describe_subnets()["Subnets"], "SubnetId"),
        "NAT gateway": names(gateways, "NatGatewayId"),
        "endpoint service": names(services, "ServiceId"),
    }


def balancing(client: Any) -> dict[str, Iterable[str]]:
    """Return load balancers and target groups."""
    return {
        "load balancer": names(
            client.describe_load_balancers()["LoadBalancers"], "LoadBalancerArn"
        ),
        "target group": names(client.describe_target_groups()["TargetGroups"], "TargetGroupArn"),
    }


def group(client: Any) -> dict[str, Iterable[str]]:
    """Return Auto Scaling groups and their policies."""
    return {
        "Auto Scaling group": names(
            client.describe_auto_scaling_groups()["AutoScalingGroups"], "AutoScalingGroupName"
        ),
        "scaling policy": names(client.describe_policies()["ScalingPolicies"], "PolicyName"),
    }


LISTINGS: Mapping[str, Callable[[Any], dict[str, Iterable[str]]]] = {
    "iam": iam,
    "lambda": functions,
    "ec2": network,
    "elbv2": balancing,
    "autoscaling": group,
    "logs": lambda client: {
        "log group": names(client.describe_log_groups()["logGroups"], "logGroupName")
    },
    "sqs": lambda client: {"queue": client.list_queues().get("QueueUrls", [])},
    "events": lambda client: {"rule": names(client.list_rules()["Rules"], "Name")},
    "cloudwatch": lambda client: {
        "alarm": names(client.describe_alarms()["MetricAlarms"], "AlarmName")
    },
}


def inventory(lab: Lab) -> frozenset[str]:
    """Return everything in the account that Terraform or a firewall creates, each as one text."""
    return frozenset(
        f"{kind} {name}"
        for service, listing in LISTINGS.items()
        for kind, found in listing(lab.aws.client(service)).items()
        for name in found
    )
