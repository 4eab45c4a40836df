"""Rules that AWS publishes outside the service models of its SDKs.

Two sources: the schemas of CloudFormation's resource types, which cfn-lint ships, for the actions
that set the properties of a resource type; and sentences of the API references that no model has.
``RULES`` is the only list of rules that the lab states itself.
"""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from vmseries_lab.aws.validation.constraints import Constraint
from vmseries_lab.aws.validation.model import Rules, Schema


@dataclass(frozen=True)
class Resource:
    """A CloudFormation resource type whose properties are members of an action.

    Attributes:
        type_name: such as ``AWS::EC2::SecurityGroup``.
        names: names of properties by the members with other names.
        within: member of the action that has the properties as its members or keys; empty for the
            action itself.
    """

    type_name: str
    names: Mapping[str, str] = field(default_factory=dict)
    within: str = ""


_QUEUE = Resource("AWS::SQS::Queue", within="Attributes")
_TARGET_GROUP = Resource("AWS::ElasticLoadBalancingV2::TargetGroup")
_LISTENER = Resource("AWS::ElasticLoadBalancingV2::Listener")
_FUNCTION = Resource("AWS::Lambda::Function")
_MAPPING = Resource("AWS::Lambda::EventSourceMapping")
_LOG_GROUP = Resource(
    "AWS::Logs::LogGroup", {"logGroupName": "LogGroupName", "kmsKeyId": "KmsKeyId"}
)
_GROUP = Resource("AWS::AutoScaling::AutoScalingGroup")

RESOURCES: dict[tuple[str, str], Resource] = {
    ("autoscaling", "CreateAutoScalingGroup"): _GROUP,
    ("autoscaling", "UpdateAutoScalingGroup"): _GROUP,
    ("autoscaling", "PutLifecycleHook"): Resource("AWS::AutoScaling::LifecycleHook"),
    ("autoscaling", "PutScalingPolicy"): Resource("AWS::AutoScaling::ScalingPolicy"),
    ("cloudwatch", "PutMetricAlarm"): Resource("AWS::CloudWatch::Alarm"),
    ("ec2", "CreateLaunchTemplate"): Resource("AWS::EC2::LaunchTemplate"),
    ("ec2", "CreateLaunchTemplateVersion"): Resource("AWS::EC2::LaunchTemplate"),
    ("ec2", "CreateNetworkInterface"): Resource("AWS::EC2::NetworkInterface"),
    ("ec2", "CreateSecurityGroup"): Resource(
        "AWS::EC2::SecurityGroup", {"Description": "GroupDescription"}
    ),
    ("ec2", "CreateVpcEndpoint"): Resource("AWS::EC2::VPCEndpoint"),
    ("elbv2", "CreateListener"): _LISTENER,
    ("elbv2", "ModifyListener"): _LISTENER,
    ("elbv2", "CreateLoadBalancer"): Resource("AWS::ElasticLoadBalancingV2::LoadBalancer"),
    ("elbv2", "CreateTargetGroup"): _TARGET_GROUP,
    ("elbv2", "ModifyTargetGroup"): _TARGET_GROUP,
    ("events", "PutRule"): Resource("AWS::Events::Rule"),
    ("iam", "CreateInstanceProfile"): Resource("AWS::IAM::InstanceProfile"),
    ("iam", "CreateRole"): Resource("AWS::IAM::Role"),
    ("lambda", "CreateEventSourceMapping"): _MAPPING,
    ("lambda", "UpdateEventSourceMapping"): _MAPPING,
    ("lambda", "CreateFunction"): _FUNCTION,
    ("lambda", "UpdateFunctionConfiguration"): _FUNCTION,
    ("lambda", "PublishLayerVersion"): Resource("AWS::Lambda::LayerVersion"),
    ("logs", "AssociateKmsKey"): _LOG_GROUP,
    ("logs", "CreateLogGroup"): _LOG_GROUP,
    ("logs", "PutRetentionPolicy"): Resource(
        "AWS::Logs::LogGroup", {"retentionInDays": "RetentionInDays"}
    ),
    ("scheduler", "CreateSchedule"): Resource("AWS::Scheduler::Schedule"),
    ("secretsmanager", "CreateSecret"): Resource("AWS::SecretsManager::Secret"),
    ("sqs", "CreateQueue"): _QUEUE,
    ("sqs", "SetQueueAttributes"): _QUEUE,
}
"""Resource types by (service, action)."""

_DATA = resources.files("cfnlint") / "data" / "schemas"


@functools.cache
def _index() -> dict[str, str]:
    """Names of the schemas' files by resource type; limits do not depend on the Region."""
    index: dict[str, str] = json.loads((_DATA / "providers" / "us-east-1.json").read_text())
    return index


@functools.cache
def schema_of(service: str, action: str) -> Schema | None:
    """Return the schema of the resource that the action makes or changes, if it is known."""
    resource = RESOURCES.get((service, action))
    if resource is None:
        return None
    file = _DATA / "resources" / f"{_index()[resource.type_name]}.json"
    document: dict[str, Any] = json.loads(file.read_text())
    properties = document["properties"]
    definition = {
        "properties": {**properties, **{m: properties[p] for m, p in resource.names.items()}}
    }
    if resource.within:
        definition = {"properties": {resource.within: definition}}
    return Schema(definition, document.get("definitions", {}), resource.type_name)


@dataclass(frozen=True)
class Rule:
    """A rule that an API reference states about a member of some actions.

    Attributes:
        actions: as ``service:Action``.
        members: paths of the members, such as ``IpPermissions[].IpRanges[].Description``.
        constraints: what the value must satisfy.
        source: page of the API reference.
        shape: shape and member in botocore's model that has the text of this page, such as
            ``IpRange.Description``; empty if the rule is on another page.
        sentence: what that text says.
    """

    actions: tuple[str, ...]
    members: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    source: str
    shape: str = ""
    sentence: str = ""


_REFERENCE = "https://docs.aws.amazon.com/"
_EC2 = _REFERENCE + "AWSEC2/latest/APIReference/"
_ELB = _REFERENCE + "elasticloadbalancing/latest/APIReference/"
_EC2_TEXT = r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*"
_EC2_CHARACTERS = "a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*"


def _description(of: str) -> tuple[Constraint, ...]:
    """Characters and length of a description of a security group, or of its rules.

    The words are those that users of the API report: aws-cloudformation/cfn-lint#173 for rules,
    cds-snc/notification-terraform#561 for groups.
    """
    words = (
        f"Invalid {of} description. Valid descriptions are strings less than 256 characters from "
        "the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
    )
    return Constraint("pattern", _EC2_TEXT, words=words), Constraint("max", 255, words=words)


_HYPHENS = Constraint("pattern", "[a-zA-Z0-9-]*"), Constraint("not", "^-|-$")

RULES = (
    Rule(
        ("ec2:CreateSecurityGroup",),
        ("Description",),
        _description("security group"),
        _EC2 + "API_CreateSecurityGroup.html",
        "CreateSecurityGroupRequest.Description",
        f"Valid characters: {_EC2_CHARACTERS}",
    ),
    Rule(
        ("ec2:CreateSecurityGroup",),
        ("GroupName",),
        (
            Constraint("pattern", _EC2_TEXT),
            Constraint("max", 255),
            Constraint("not", "(?i)^sg-"),
        ),
        _EC2 + "API_CreateSecurityGroup.html",
        "CreateSecurityGroupRequest.GroupName",
        f"Can't start with sg-. Valid characters: {_EC2_CHARACTERS}",
    ),
    Rule(
        tuple(
            f"ec2:{action}{direction}"
            for action in (
                "AuthorizeSecurityGroup",
                "RevokeSecurityGroup",
                "UpdateSecurityGroupRuleDescriptions",
            )
            for direction in ("Ingress", "Egress")
        ),
        tuple(
            f"IpPermissions[].{kind}[].Description"
            for kind in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
        ),
        _description("rule"),
        _EC2 + "API_IpRange.html",
        "IpRange.Description",
        f"Allowed characters are {_EC2_CHARACTERS}",
    ),
    Rule(
        ("ec2:ModifySecurityGroupRules",),
        ("SecurityGroupRules[].SecurityGroupRule.Description",),
        _description("rule"),
        _EC2 + "API_IpRange.html",
        "IpRange.Description",
        f"Allowed characters are {_EC2_CHARACTERS}",
    ),
    Rule(
        ("ec2:CreateLaunchTemplate",),
        ("LaunchTemplateName",),
        (
            # The words: github-aws-runners/terraform-aws-github-runner#932.
            Constraint(
                "pattern",
                r"[a-zA-Z0-9().\-/_]{3,128}",
                words="A launch template name must be between 3 and 128 characters, and may "
                "contain letters, numbers, and the following characters: - ( ) . / _.",
                code="InvalidLaunchTemplateName.MalformedException",
            ),
        ),
        _EC2 + "errors-overview.html",
    ),
    Rule(
        ("ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion", "ec2:RunInstances"),
        ("LaunchTemplateData.UserData", "UserData"),
        (
            # The words: github-aws-runners/terraform-aws-github-runner#3700.
            Constraint(
                "bytes",
                16384,
                words="User data is limited to 16384 bytes.",
                code="InvalidUserData.Malformed",
            ),
        ),
        _REFERENCE + "AWSEC2/latest/UserGuide/instancedata-add-user-data.html",
    ),
    Rule(
        ("elbv2:CreateLoadBalancer",),
        ("Name",),
        (
            # The words: aws-cloudformation/cfn-lint#3259.
            Constraint(
                "max",
                32,
                words="The load balancer name '{value}' cannot be longer than '32' characters",
            ),
            *_HYPHENS,
            Constraint("not", "^internal-"),
        ),
        _ELB + "API_CreateLoadBalancer.html",
        "CreateLoadBalancerInput.Name",
        "can have a maximum of 32 characters, must contain only alphanumeric characters or "
        "hyphens, "
        'must not begin or end with a hyphen, and must not begin with "internal-"',
    ),
    Rule(
        ("elbv2:CreateTargetGroup",),
        ("Name",),
        (Constraint("max", 32), *_HYPHENS),
        _ELB + "API_CreateTargetGroup.html",
        "CreateTargetGroupInput.Name",
        "can have a maximum of 32 characters, must contain only alphanumeric characters or "
        "hyphens, "
        "and must not begin or end with a hyphen",
    ),
    Rule(
        ("sqs:CreateQueue",),
        ("QueueName",),
        (
            # The words: boto/botocore#3058. The suffix counts.
            Constraint(
                "pattern",
                r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo",
                words="Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 "
                "in length",
            ),
        ),
        _REFERENCE + "AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
        "CreateQueueRequest.QueueName",
        "A queue name can have up to 80 characters",
    ),
    Rule(
        ("autoscaling:CreateAutoScalingGroup",),
        ("AutoScalingGroupName",),
        (Constraint("pattern", "[!-9;-~]+"),),
        _REFERENCE + "autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html",
        "CreateAutoScalingGroupType.AutoScalingGroupName",
        "You cannot use a colon (:) in the name.",
    ),
    Rule(
        ("autoscaling:CreateAutoScalingGroup", "autoscaling:PutLifecycleHook"),
        ("LifecycleHookSpecificationList[].HeartbeatTimeout", "HeartbeatTimeout"),
        (Constraint("min", 30), Constraint("max", 7_200)),
        _REFERENCE + "autoscaling/ec2/APIReference/API_PutLifecycleHook.html",
        "PutLifecycleHookType.HeartbeatTimeout",
        "The range is from 30 to 7200 seconds",
    ),
    Rule(
        ("secretsmanager:CreateSecret",),
        ("Name",),
        (Constraint("pattern", r"[A-Za-z0-9/_+=.@-]+"),),
        _REFERENCE + "secretsmanager/latest/apireference/API_CreateSecret.html",
        "CreateSecretRequest.Name",
        "The secret name can contain ASCII letters, numbers, and the following characters: /_+=.@-",
    ),
    Rule(
        ("cloudwatch:PutMetricData", "cloudwatch:PutMetricAlarm"),
        ("MetricData[].Dimensions[].Name", "Dimensions[].Name"),
        (Constraint("pattern", r"(?!:)[ -~]*[!-~][ -~]*"),),
        _REFERENCE + "AmazonCloudWatch/latest/APIReference/API_Dimension.html",
        "Dimension.Name",
        "Dimension names must contain only ASCII characters",
    ),
)
"""The rules that no model states."""

TAG_SOURCE = _REFERENCE + "tag-editor/latest/userguide/best-practices-and-strats.html"
_RESERVED = Constraint("not", "(?i)^aws:", TAG_SOURCE)
# The words: kubernetes-sigs/cluster-api-provider-aws#5120.
_EC2_RESERVED = Constraint(
    "not",
    "(?i)^aws:",
    _EC2 + "API_Tag.html",
    "Value ( {value} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved "
    "for internal use",
)
_TAGS_PER_RESOURCE = Constraint("max", 50, TAG_SOURCE)
_KEY, _VALUE = Constraint("max", 128, TAG_SOURCE), Constraint("max", 256, TAG_SOURCE)
_EC2_KEY = Constraint("max", 127, _EC2 + "API_Tag.html")
"""EC2's reference has 127, and the guide of all services 128."""
_TAG_MEMBER = re.compile(r"(?:^|\.)[Tt]ags?(\[\]\.Key|\[\]\.Value|\{\}|\[\])?$")


def _of_tags(service: str, member: str) -> tuple[Constraint, ...]:
    """The rules for tags, which are the same in all services."""
    match = _TAG_MEMBER.search(member)
    if match is None:
        return ()
    if match[1] in ("[].Key", "{}"):
        return (_EC2_RESERVED, _EC2_KEY) if service == "ec2" else (_RESERVED, _KEY)
    # The items of a list of tags are structures; those of a map of tags are the values.
    return {None: (_TAGS_PER_RESOURCE,), "[].Value": (_VALUE,)}.get(match[1], ())


@functools.cache
def _by_action() -> dict[str, dict[str, list[Constraint]]]:
    rules: dict[str, dict[str, list[Constraint]]] = defaultdict(lambda: defaultdict(list))
    for rule in RULES:
        for action in rule.actions:
            for member in rule.members:
                rules[action][member] += [replace(c, source=rule.source) for c in rule.constraints]
    return rules


def rules_of(service: str, action: str) -> Rules:
    """Return the rules of an action, as a function of the path of a member."""
    stated = _by_action().get(f"{service}:{action}", {})
    return lambda member: (*stated.get(member, ()), *_of_tags(service, member))
