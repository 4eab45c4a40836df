"""The simulated AWS without a server, for tests of the lab: moto runs in this process."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from vmseries_lab.aws import autoscaling, ec2, elbv2, requests
from vmseries_lab.aws.cloudwatch import alarm_actions
from vmseries_lab.aws.ec2 import marketplace_images
from vmseries_lab.aws.validation import Validator
from vmseries_lab.core.location import LOCATION
from vmseries_lab.core.validation import Validation
from vmseries_lab.core.world import World

IMAGE = marketplace_images.marketplace_images()[0].image_id
ZONES = tuple(f"{LOCATION.region}{letter}" for letter in "abc")

STARTED: list[InProcessAws] = []
"""The labs that this process has started. Tests ask each of them what it refused."""


@dataclass
class InProcessAws:
    """A simulated AWS with an empty VPC in three zones.

    Attributes:
        world: the lab; ``world.advance`` moves its clock.
        ec2_engine: engine of EC2, for its quotas.
        marketplace: publisher of the images.
        validator: refuses what AWS refuses, as the lab's server does.
        events: (detail type, detail) of every event that was emitted.
        silent: IDs of instances that do not answer health checks.
        vpc: ID of the VPC, which has an internet gateway.
        subnets: IDs of the subnets, one per zone.
        security_group: ID of a security group, which admits health checks from the VPC.
    """

    world: World
    ec2_engine: ec2.Ec2
    marketplace: marketplace_images.Marketplace
    validator: Validator
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    vpc: str = ""
    subnets: list[str] = field(default_factory=list)
    security_group: str = ""

    def validation(self) -> Validation:
        """How many calls were checked, and which of them AWS would refuse."""
        return Validation(**self.validator.report())

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        return _client(service)

    def build_network(self) -> None:
        """Create the VPC."""
        client = self.client("ec2")
        self.vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        for number, zone in enumerate(ZONES):
            subnet = client.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone
            )
            self.subnets.append(subnet["Subnet"]["SubnetId"])
        self.security_group = client.create_security_group(
            GroupName="data", Description="data", VpcId=self.vpc
        )["GroupId"]
        # Health checks come from the load balancer's addresses in the VPC.
        client.authorize_security_group_ingress(
            GroupId=self.security_group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": port,
                    "ToPort": port,
                    "IpRanges": [{"CidrIp": "10.0.0.0/16"}],
                }
                for port in (80, 443, 8443)
            ],
        )
        gateway = client.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        client.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)

    def build_template(self, name: str = "fw", **data: Any) -> str:
        """Create a launch template and return its ID."""
        template = self.client("ec2").create_launch_template(
            LaunchTemplateName=f"{name}-template",
            LaunchTemplateData={
                "ImageId": IMAGE,
                "InstanceType": "m5.xlarge",
                "UserData": base64.b64encode(b"type=dhcp-client").decode(),
                "PrivateDnsNameOptions": {"HostnameType": "resource-name"},
                "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [self.security_group]}],
                **data,
            },
        )
        return str(template["LaunchTemplate"]["LaunchTemplateId"])

    def build_gateway(self, **attributes: str) -> str:
        """Create a Gateway Load Balancer with a target group; return the ARN of the group."""
        client = self.client("elbv2")
        balancer = client.create_load_balancer(Name="gw", Type="gateway", Subnets=self.subnets)
        target_group = client.create_target_group(
            Name="fw",
            Protocol="GENEVE",
            Port=6081,
            VpcId=self.vpc,
            HealthCheckProtocol="TCP",
            HealthCheckPort="80",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=3,
            HealthyThresholdCount=3,
            UnhealthyThresholdCount=3,
        )["TargetGroups"][0]["TargetGroupArn"]
        client.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )
        client.modify_target_group_attributes(
            TargetGroupArn=target_group,
            Attributes=[{"Key": key, "Value": value} for key, value in attributes.items()],
        )
        return str(target_group)

    def build_group(self, name: str = "fw", *, hooks: bool = True, **settings: Any) -> None:
        """Create an Auto Scaling group in the three zones, with a launch and a terminate hook."""
        if "LaunchTemplate" not in settings:
            template = self.build_template(name)
            settings["LaunchTemplate"] = {"LaunchTemplateId": template, "Version": "$Latest"}
        if hooks:
            settings.setdefault(
                "LifecycleHookSpecificationList",
                [hook("launch", "LAUNCHING", "ABANDON"), hook("terminate", "TERMINATING")],
            )
        self.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=name,
            **{
                "MinSize": 0,
                "MaxSize": 10,
                "DesiredCapacity": 1,
                "VPCZoneIdentifier": ",".join(self.subnets),
                **settings,
            },
        )

    def group(self, name: str = "fw") -> dict[str, Any]:
        """Return the description of a group."""
        response = self.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[name]
        )
        return dict(response["AutoScalingGroups"][0])

    def states(self, name: str = "fw") -> dict[str, str]:
        """Return the lifecycle states of the group's instances by ID."""
        return {
            member["InstanceId"]: member["LifecycleState"]
            for member in self.group(name)["Instances"]
        }

    def complete(
        self, instance_id: str, hook_name: str, result: str = "CONTINUE", group: str = "fw"
    ) -> None:
        """Complete a lifecycle action of an instance."""
        self.client("autoscaling").complete_lifecycle_action(
            AutoScalingGroupName=group,
            LifecycleHookName=hook_name,
            InstanceId=instance_id,
            LifecycleActionResult=result,
        )

    def complete_all(self, hook_name: str, group: str = "fw") -> None:
        """Complete a hook for all waiting instances, and let them advance."""
        waiting = {"launch": "Pending:Wait", "terminate": "Terminating:Wait"}[hook_name]
        for instance_id, state in self.states(group).items():
            if state == waiting:
                self.complete(instance_id, hook_name, group=group)
        self.world.advance(1)

    def in_service(self, count: int, **settings: Any) -> list[str]:
        """Create a group, bring its instances into service and return their IDs."""
        self.build_group(DesiredCapacity=count, **settings)
        self.world.advance(15)
        self.complete_all("launch")
        return list(self.states())

    def instance(self, instance_id: str) -> dict[str, Any]:
        """Return the description of an instance."""
        response = self.client("ec2").describe_instances(InstanceIds=[instance_id])
        return dict(response["Reservations"][0]["Instances"][0])

    def health(self, target_group: str) -> dict[str, str]:
        """Return the health states of the target group's targets by ID."""
        response = self.client("elbv2").describe_target_health(TargetGroupArn=target_group)
        return {
            target["Target"]["Id"]: target["TargetHealth"]["State"]
            for target in response["TargetHealthDescriptions"]
        }

    def lifecycle_events(self) -> list[dict[str, Any]]:
        """Return the details of the lifecycle events so far."""
        return [detail for kind, detail in self.events if "Lifecycle Action" in kind]

    def kinds(self, subject: str) -> list[str]:
        """Return the kinds of the timeline entries about a subject."""
        return [entry.kind for entry in self.world.timeline.since() if entry.subject == subject]


def hook(name: str, transition: str, default: str = "CONTINUE", heartbeat: int = 3600) -> Any:
    """Return a lifecycle hook specification for CreateAutoScalingGroup."""
    return {
        "LifecycleHookName": name,
        "LifecycleTransition": f"autoscaling:EC2_INSTANCE_{transition}",
        "DefaultResult": default,
        "HeartbeatTimeout": heartbeat,
    }


@cache
def _session() -> Any:
    """Create the session once: each session reads the list of all service models."""
    return boto3.Session("lab", "lab", region_name=LOCATION.region)


@cache
def _client(service: str) -> Any:
    """Create each client once: this takes longer than most tests."""
    return _session().client(service)


@contextmanager
def in_process_aws() -> Iterator[InProcessAws]:
    """Run moto with the lab's additions in this process, and create the VPC."""
    # Loading thousands of unused images takes longer than most tests.
    with patch.dict(os.environ, MOTO_EC2_LOAD_DEFAULT_AMIS="false"), mock_aws():
        world = World()
        marketplace = marketplace_images.install(world)
        validator = requests.install_validation()
        aws = InProcessAws(world, ec2.install(world), marketplace, validator)
        elbv2.install(world)
        autoscaling.install(world, aws.ec2_engine)
        alarm_actions.install(world)
        world.emit = lambda _source, kind, _resources, detail: aws.events.append((kind, detail))
        world.probe = lambda instance_id, _port: instance_id not in aws.silent
        STARTED.append(aws)
        aws.build_network()
        yield aws
