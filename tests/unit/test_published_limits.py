"""AWS takes the names and descriptions that the module gives, by AWS's published models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hcl2 import SerializationOptions
from hypothesis import example, given
from hypothesis import strategies as st
from moto.core.utils import get_service_model

from vmseries_lab.aws.validation.model import Node, input_of
from vmseries_lab.aws.validation.published_rules import rules_of, schema_of

REPOSITORY = Path(__file__).resolve().parents[2]
PLAIN = SerializationOptions(
    strip_string_quotes=True, explicit_blocks=False, with_comments=False, preserve_heredocs=False
)
SECURITY_GROUP_RESOURCES = ("aws_security_group", "aws_vpc_security_group_")
NAMES = {
    "aws_autoscaling_group.name": ("autoscaling", "CreateAutoScalingGroup", "AutoScalingGroupName"),
    "aws_autoscaling_policy.name": ("autoscaling", "PutScalingPolicy", "PolicyName"),
    "aws_cloudwatch_event_rule.name": ("events", "PutRule", "Name"),
    "aws_cloudwatch_log_group.name": ("logs", "CreateLogGroup", "logGroupName"),
    "aws_cloudwatch_metric_alarm.alarm_name": ("cloudwatch", "PutMetricAlarm", "AlarmName"),
    "aws_iam_instance_profile.name": ("iam", "CreateInstanceProfile", "InstanceProfileName"),
    "aws_iam_role.name": ("iam", "CreateRole", "RoleName"),
    "aws_iam_role_policy.name": ("iam", "PutRolePolicy", "PolicyName"),
    "aws_lambda_function.function_name": ("lambda", "CreateFunction", "FunctionName"),
    "aws_lambda_layer_version.layer_name": ("lambda", "PublishLayerVersion", "LayerName"),
    "aws_launch_template.name": ("ec2", "CreateLaunchTemplate", "LaunchTemplateName"),
    "aws_lb.name": ("elbv2", "CreateLoadBalancer", "Name"),
    "aws_lb_target_group.name": ("elbv2", "CreateTargetGroup", "Name"),
    "aws_scheduler_schedule.name": ("scheduler", "CreateSchedule", "Name"),
    "aws_security_group.name": ("ec2", "CreateSecurityGroup", "GroupName"),
    "aws_sqs_queue.name": ("sqs", "CreateQueue", "QueueName"),
}
"""Attributes that contain ``var.name``, and the members of the actions that they become."""
LONGEST_REGION = "us-isof-south-1"
LONGEST_FUNCTION = "-terminate"
LONGEST_KEY = "k" * 61
"""Of ``each.key``: scaling.target_tracking allows the longest ones."""


def sources() -> list[Path]:
    """The Terraform files of the module, of its examples and of the tests."""
    patterns = ("*.tf", "modules/*/*.tf", "examples/**/*.tf", "tests/fixtures/**/*.tf")
    return sorted(path for pattern in patterns for path in REPOSITORY.glob(pattern))


@cache
def read(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as source:
        document: dict[str, Any] = hcl2.load(source, serialization_options=PLAIN)
    return document


def resources(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in read(path).get("resource", ()):
        for kind, named in block.items():
            yield from ((kind, attributes) for attributes in named.values())


def descriptions(value: Any) -> Iterator[str]:
    """Yield each ``description`` in a part of a document."""
    if isinstance(value, list):
        for item in value:
            yield from descriptions(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "description" and isinstance(inner, str):
                yield inner
            else:
                yield from descriptions(inner)


@cache
def member(service: str, action: str, name: str) -> Node:
    operation = get_service_model(service).operation_model(action)
    return input_of(operation, schema_of(service, action), rules_of(service, action)).members[name]


def breaches(node: Node, value: str) -> list[str]:
    """The sentences of the constraints that a value breaks."""
    return [
        constraint.sentence(node.kind, value)
        for constraint in node.constraints
        if not constraint.holds(node.kind, value)
    ]


WITH_SECURITY_GROUPS = [
    path
    for path in sources()
    if any(kind.startswith(SECURITY_GROUP_RESOURCES) for kind, _ in resources(path))
]


def test_the_files_with_security_groups_are_found() -> None:
    names = {path.relative_to(REPOSITORY).as_posix() for path in WITH_SECURITY_GROUPS}
    assert "modules/firewall-group/security-groups.tf" in names


@pytest.mark.parametrize(
    "path", WITH_SECURITY_GROUPS, ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_descriptions_of_security_groups_and_rules_have_only_characters_that_ec2_takes(
    path: Path,
) -> None:
    """An apostrophe in one of them stops the first apply.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html
    """
    node = member("ec2", "CreateSecurityGroup", "Description")
    groups = [found for kind, found in resources(path) if kind.startswith(SECURITY_GROUP_RESOURCES)]
    # A rule may take its description from a local value.
    texts = [*descriptions(groups), *descriptions(read(path).get("locals", []))]
    found = {text: breaches(node, re.sub(r"\$\{[^}]*\}", "x" * 31, text)) for text in texts}
    assert {text: broken for text, broken in found.items() if broken} == {}


def test_an_apostrophe_in_a_description_would_be_found() -> None:
    node = member("ec2", "CreateSecurityGroup", "Description")
    assert breaches(node, "Panorama's API") != []


# Terraform's provider completes a prefix by the time and a number.
SUFFIX_OF_PREFIX = "20260102030405678900000001"


@cache
def named_resources() -> dict[str, tuple[str, str]]:
    """Resources whose name contains the deployment's: attribute and template, by file and type."""
    found = {}
    for path in [*REPOSITORY.glob("*.tf"), *REPOSITORY.glob("modules/*/*.tf")]:
        for kind, attributes in resources(path):
            for attribute in ("name", "name_prefix", "alarm_name", "function_name", "layer_name"):
                template = str(attributes.get(attribute, ""))
                if "var.name" in template or "local.role_name" in template:
                    key = f"{path.relative_to(REPOSITORY)}: {kind}: {template}"
                    found[key] = (
                        (f"{kind}.name", template + SUFFIX_OF_PREFIX)
                        if attribute == "name_prefix"
                        else (f"{kind}.{attribute}", template)
                    )
    return found


def rendered(key: str, template: str, name: str) -> str:
    """Return the name of a resource in the deployment ``name``, with the longest other parts."""
    if key.startswith("modules/function/"):
        name += LONGEST_FUNCTION
    roles = {"modules/function/": "", "modules/firewall-group/": "-firewall"}
    suffix = next((roles[folder] for folder in roles if key.startswith(folder)), "")
    if template in ("${local.role_name}", "local.role_name"):
        return f"{name}{suffix}-{LONGEST_REGION}"
    key_of_each = LONGEST_KEY if "modules/scaling/" in key else LONGEST_FUNCTION[1:]
    text = template.replace("${var.name}", name).replace("${each.key}", key_of_each)
    assert "${" not in text, f"{key} has a part that this test does not know"
    return name if text == "var.name" else text


PATTERN_OF_NAME = re.search(
    r'variable "name" \{.*?regex\("([^"]+)"',
    (REPOSITORY / "variables.tf").read_text("utf-8"),
    re.DOTALL,
)
assert PATTERN_OF_NAME is not None


@pytest.mark.properties
@given(st.from_regex(PATTERN_OF_NAME[1], fullmatch=True))
@example("a" * 25)
@example("sg-prod")
@example("internal-fw")
def test_every_name_made_from_a_valid_name_is_one_that_aws_takes(name: str) -> None:
    if name.startswith(("sg-", "internal-")):
        return  # variables.tf refuses it; tests/inputs/tests/general.tftest.hcl shows that.
    names = named_resources()
    assert len(names) >= len(NAMES)
    for key, (attribute, template) in names.items():
        assert attribute in NAMES, f"{key}: add {attribute} to NAMES"
        node = member(*NAMES[attribute])
        value = rendered(key, template, name)
        assert breaches(node, value) == [], (key, value)


@pytest.mark.parametrize("name", ["sg-prod", "internal-fw"])
def test_reserved_names_would_break_an_apply(name: str) -> None:
    """Why variables.tf refuses them."""
    broken = [
        key
        for key, (attribute, template) in named_resources().items()
        if breaches(member(*NAMES[attribute]), rendered(key, template, name))
    ]
    assert broken != []


def test_iam_names_differ_between_regions() -> None:
    """IAM is global: the same name in a second Region of an account already exists there.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    of_iam = [item for item in named_resources().items() if item[1][0].startswith("aws_iam_")]
    assert len(of_iam) == 5
    for key, (_, template) in of_iam:
        assert template in ("${local.role_name}", "local.role_name"), key
    for module in ("function", "firewall-group"):
        text = (REPOSITORY / f"modules/{module}/iam.tf").read_text("utf-8")
        assert re.search(r'role_name = "\$\{var\.name\}.*\$\{var\.location\.region\}"', text), (
            module
        )
