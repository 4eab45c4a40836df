"""Where Terraform is interrupted: inside a call to AWS, which has taken effect without an answer.

A call is named, not a time, so that a point is the same on each machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from signal import SIGINT, SIGKILL, Signals


@dataclass(frozen=True, slots=True)
class Point:
    """A call of Terraform at which a signal lands.

    Attributes:
        service: Name of the service in boto3.
        action: Name of the action.
        nth: Which of these calls, from 1.
        signal: SIGINT, as Ctrl-C sends it; SIGKILL, as when the machine dies.
    """

    service: str
    action: str
    nth: int = 1
    signal: Signals = SIGINT

    def __str__(self) -> str:
        """Return the point in words."""
        nth = f" {self.nth}" if self.nth > 1 else ""
        return f"{self.signal.name} in {self.action}{nth}"


APPLY = (
    Point("iam", "CreateRole", 2),
    Point("logs", "CreateLogGroup"),
    Point("sqs", "CreateQueue", 2),
    Point("ec2", "AuthorizeSecurityGroupEgress", 2),
    Point("elbv2", "CreateLoadBalancer"),
    Point("ec2", "CreateLaunchTemplate"),
    Point("lambda", "CreateFunction", 2),
    Point("lambda", "CreateEventSourceMapping"),
    Point("autoscaling", "CreateAutoScalingGroup"),
    Point("autoscaling", "PutScalingPolicy"),
)

DESTROY = (
    Point("cloudwatch", "DeleteAlarms", 3),
    Point("autoscaling", "DeletePolicy"),
    Point("autoscaling", "UpdateAutoScalingGroup"),
    Point("autoscaling", "DescribeAutoScalingGroups", 8),
    Point("autoscaling", "DeleteAutoScalingGroup"),
    Point("ec2", "DeleteLaunchTemplate"),
    Point("lambda", "DeleteFunction", 2),
    Point("sqs", "DeleteQueue", 2),
    Point("elbv2", "DeleteLoadBalancer"),
    Point("iam", "DeleteRole", 2),
)

KILLED_APPLY = (
    Point("sqs", "CreateQueue", 3, SIGKILL),
    Point("lambda", "PublishLayerVersion", 1, SIGKILL),
    Point("ec2", "CreateVpcEndpointServiceConfiguration", 1, SIGKILL),
    Point("autoscaling", "PutLifecycleHook", 2, SIGKILL),
)

KILLED_DESTROY = (
    Point("autoscaling", "UpdateAutoScalingGroup", 1, SIGKILL),
    Point("autoscaling", "DescribeAutoScalingGroups", 8, SIGKILL),
    Point("lambda", "DeleteEventSourceMapping", 2, SIGKILL),
    Point("elbv2", "DeleteTargetGroup", 1, SIGKILL),
)
