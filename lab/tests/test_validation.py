"""The lab refuses what AWS refuses: each rule has a control that breaks it.

Rules and words are those of ``vmseries_lab/aws/validation``, which names their sources.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, get_service_model

from vmseries_lab.aws.in_process import InProcessAws, in_process_aws
from vmseries_lab.aws.validation import patterns, validator
from vmseries_lab.aws.validation.constraints import wrong_type
from vmseries_lab.aws.validation.model import Node, input_of, walk
from vmseries_lab.aws.validation.published_rules import (
    RESOURCES,
    RULES,
    rules_of,
    schema_of,
)
from vmseries_lab.aws.validation.reviewed_actions import REVIEWED
from vmseries_lab.client import Lab

REFUSED = (
    "autoscaling:CreateAutoScalingGroup",
    "cloudwatch:PutMetricAlarm",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:CreateNetworkInterface",
    "ec2:CreateSecurityGroup",
    "ec2:CreateTags",
    "ec2:DescribeInstances",
    "elbv2:CreateLoadBalancer",
    "elbv2:CreateTargetGroup",
    "elbv2:SetSubnets",
    "events:PutRule",
    "iam:CreateInstanceProfile",
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "lambda:CreateFunction",
    "lambda:UpdateFunctionConfiguration",
    "logs:CreateLogGroup",
    "logs:PutRetentionPolicy",
    "secretsmanager:CreateSecret",
    "sqs:CreateQueue",
    "sqs:SetQueueAttributes",
)
pytestmark = pytest.mark.refused(*REFUSED)
TRUST = "{}"
MODULES = {"lambda": "awslambda"}
"""Packages of moto with other names than their services."""
TOPIC = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}


@pytest.fixture(scope="module")
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as aws:
        yield aws


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """Return the code and message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def egress(description: str) -> list[dict[str, Any]]:
    ranges = [{"CidrIp": "0.0.0.0/0", "Description": description}]
    return [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ranges}]


class TestTexts:
    @pytest.mark.parametrize("text", ["Panorama's API", "over > there", "Zürich", "x" * 256])
    def test_descriptions_of_rules(self, aws: InProcessAws, text: str) -> None:
        authorize = aws.client("ec2").authorize_security_group_egress
        code, message = refusal(authorize, GroupId=aws.security_group, IpPermissions=egress(text))
        assert code == "InvalidParameterValue"
        assert message.startswith("Invalid rule description.")

    def test_a_description_with_every_character_that_ec2_takes(self, aws: InProcessAws) -> None:
        text = "aZ0 ._-:/()#,@[]+=&;{}!$*".ljust(255, "x")
        aws.client("ec2").authorize_security_group_egress(
            GroupId=aws.security_group, IpPermissions=egress(text)
        )

    @pytest.mark.parametrize(
        ("name", "description"), [("sg-mine", "x"), ("it's", "x"), ("mine", "Panorama's")]
    )
    def test_security_groups(self, aws: InProcessAws, name: str, description: str) -> None:
        create = aws.client("ec2").create_security_group
        code, _ = refusal(create, GroupName=name, Description=description, VpcId=aws.vpc)
        assert code == "InvalidParameterValue"

    @pytest.mark.parametrize("name", ["fw", "x" * 129, "with space"])
    def test_names_of_launch_templates(self, aws: InProcessAws, name: str) -> None:
        create = aws.client("ec2").create_launch_template
        code, _ = refusal(
            create, LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "m5.xlarge"}
        )
        assert code == "InvalidLaunchTemplateName.MalformedException"

    @pytest.mark.parametrize("name", ["x" * 33, "-x", "x-", "a_b", "internal-fw"])
    def test_names_of_load_balancers(self, aws: InProcessAws, name: str) -> None:
        create = aws.client("elbv2").create_load_balancer
        code, message = refusal(create, Name=name, Type="gateway", Subnets=aws.subnets)
        assert code == "ValidationError"
        assert "load balancer name" in message or "at 'name' failed to satisfy" in message

    @pytest.mark.parametrize("name", ["x" * 33, "-x", "x-", "a_b"])
    def test_names_of_target_groups(self, aws: InProcessAws, name: str) -> None:
        create = aws.client("elbv2").create_target_group
        code, _ = refusal(create, Name=name, Protocol="GENEVE", Port=6081, VpcId=aws.vpc)
        assert code == "ValidationError"

    @pytest.mark.parametrize(
        ("service", "action", "parameters", "code"),
        [
            ("iam", "CreateRole", {"RoleName": "x" * 65}, "ValidationError"),
            ("iam", "CreateRole", {"RoleName": "with space"}, "ValidationError"),
            (
                "iam",
                "CreateRole",
                {"RoleName": "x", "Description": "x" * 1001},
                "ValidationError",
            ),
            ("iam", "CreateRole", {"RoleName": "x", "Path": "x" * 513}, "ValidationError"),
            (
                "iam",
                "CreateInstanceProfile",
                {"InstanceProfileName": "x" * 129},
                "ValidationError",
            ),
            (
                "iam",
                "PutRolePolicy",
                {"RoleName": "x", "PolicyName": "x" * 129, "PolicyDocument": "{}"},
                "ValidationError",
            ),
            ("sqs", "CreateQueue", {"QueueName": "x" * 81}, "InvalidParameterValue"),
            ("sqs", "CreateQueue", {"QueueName": "a.b"}, "InvalidParameterValue"),
            (
                "sqs",
                "CreateQueue",
                {"QueueName": "x", "Attributes": {"DelaySeconds": "901"}},
                "InvalidParameterValue",
            ),
            (
                "sqs",
                "CreateQueue",
                {"QueueName": "x", "Attributes": {"VisibilityTimeout": "soon"}},
                "InvalidParameterValue",
            ),
            (
                "autoscaling",
                "CreateAutoScalingGroup",
                {"AutoScalingGroupName": "a:b", "MinSize": 0, "MaxSize": 0},
                "ValidationError",
            ),
            (
                "autoscaling",
                "CreateAutoScalingGroup",
                {"AutoScalingGroupName": "x" * 256, "MinSize": 0, "MaxSize": 0},
                "ValidationError",
            ),
            ("events", "PutRule", {"Name": "x" * 65}, "ValidationException"),
            ("events", "PutRule", {"Name": "with space"}, "ValidationException"),
            ("logs", "CreateLogGroup", {"logGroupName": "a b"}, "InvalidParameterException"),
            (
                "logs",
                "PutRetentionPolicy",
                {"logGroupName": "a", "retentionInDays": 2},
                "InvalidParameterException",
            ),
            ("secretsmanager", "CreateSecret", {"Name": "a b"}, "ValidationException"),
            (
                "cloudwatch",
                "PutMetricAlarm",
                {"AlarmName": "x" * 256, **TOPIC},
                "ValidationError",
            ),
            (
                "lambda",
                "CreateFunction",
                {"FunctionName": "x" * 65, "Role": "arn:aws:iam::123456789012:role/x", "Code": {}},
                "ValidationException",
            ),
            (
                "lambda",
                "CreateFunction",
                {
                    "FunctionName": "x",
                    "Role": "arn:aws:iam::123456789012:role/x",
                    "Code": {"ZipFile": b"x"},
                    "Timeout": 1_000_000,
                },
                "ValidationException",
            ),
        ],
    )
    def test_lengths_and_characters(
        self, aws: InProcessAws, service: str, action: str, parameters: dict[str, Any], code: str
    ) -> None:
        if action == "CreateRole":
            parameters = {**parameters, "AssumeRolePolicyDocument": TRUST}
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
        client = aws.client(service)
        assert refusal(getattr(client, method), **parameters)[0] == code


class TestTags:
    @pytest.mark.parametrize(
        "tags",
        [
            [{"Key": "aws:mine", "Value": "x"}],
            [{"Key": "k" * 128, "Value": "x"}],
            [{"Key": "k", "Value": "v" * 257}],
            [{"Key": f"k{number}", "Value": ""} for number in range(51)],
        ],
    )
    def test_of_ec2(self, aws: InProcessAws, tags: list[dict[str, str]]) -> None:
        create = aws.client("ec2").create_tags
        assert refusal(create, Resources=[aws.vpc], Tags=tags)[0] == "InvalidParameterValue"

    def test_of_a_new_interface(self, aws: InProcessAws) -> None:
        specification = {"ResourceType": "network-interface", "Tags": [{"Key": "aws:x"}]}
        create = aws.client("ec2").create_network_interface
        code, message = refusal(create, SubnetId=aws.subnets[0], TagSpecifications=[specification])
        assert (code, "reserved" in message) == ("InvalidParameterValue", True)

    def test_in_a_map(self, aws: InProcessAws) -> None:
        create = aws.client("sqs").create_queue
        code, _ = refusal(create, QueueName="tagged", tags={"aws:x": "y"})
        assert code == "InvalidParameterValue"

    def test_empty_values_are_accepted(self, aws: InProcessAws) -> None:
        """CloudFormation accepts none in alarms. The API does.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Tag.html
        """
        put = aws.client("cloudwatch").put_metric_alarm
        metric = {"Namespace": "N", "MetricName": "M", "Period": 60, "Statistic": "Sum"}
        put(AlarmName="tagged", Threshold=1, Tags=[{"Key": "a", "Value": ""}], **metric, **TOPIC)

    def test_characters(self, aws: InProcessAws) -> None:
        create = aws.client("iam").create_role
        tags = [{"Key": "owner", "Value": "R&D"}]
        code, _ = refusal(create, RoleName="r", AssumeRolePolicyDocument=TRUST, Tags=tags)
        assert code == "ValidationError"


class TestRequests:
    """Parameters that are right one by one, and not together."""

    @pytest.mark.parametrize(
        ("period", "periods", "limit"), [(60, 1440, 86_400), (3_600, 168, 604_800)]
    )
    @pytest.mark.parametrize("math", [False, True])
    def test_evaluation_of_an_alarm(
        self, aws: InProcessAws, period: int, periods: int, limit: int, math: bool
    ) -> None:
        metric = {"Namespace": "N", "MetricName": "M"}
        stat = {"Metric": metric, "Period": period, "Stat": "Sum"}
        watched: dict[str, Any] = (
            {"Metrics": [{"Id": "m", "MetricStat": stat}]}
            if math
            else {**metric, "Period": period, "Statistic": "Sum"}
        )
        put = aws.client("cloudwatch").put_metric_alarm
        alarm = {"AlarmName": "a", "Threshold": 1, **watched, **TOPIC}
        put(**{**alarm, "EvaluationPeriods": periods})
        code, message = refusal(put, **{**alarm, "EvaluationPeriods": periods + 1})
        assert code == "ValidationError"
        assert message.endswith(f"(EvaluationPeriods * Period must be <= {limit}).")

    @pytest.mark.parametrize(
        ("member", "value", "right"),
        [
            ("HeartbeatTimeout", 29, 30),
            ("HeartbeatTimeout", 7_201, 7_200),
            ("MaxInstanceLifetime", 86_399, 86_400),
        ],
    )
    def test_times_of_a_group(self, aws: InProcessAws, member: str, value: int, right: int) -> None:
        """Also of the hooks that are made together with the group."""
        create = aws.client("autoscaling").create_auto_scaling_group
        sizes = {"MinSize": 0, "MaxSize": 1, "AvailabilityZones": ["us-east-1a"]}

        def group(seconds: int) -> dict[str, Any]:
            if member == "MaxInstanceLifetime":
                return {member: seconds}
            transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
            hook = {"LifecycleHookName": "h", "LifecycleTransition": transition, member: seconds}
            return {"LifecycleHookSpecificationList": [hook]}

        named = {"AutoScalingGroupName": f"times-{value}", **sizes}
        template = {"LaunchTemplate": {"LaunchTemplateName": "absent"}}
        _, wrong = refusal(create, **named, **template, **group(value))
        assert member.lower() in wrong.lower()
        _, other = refusal(create, **named, **template, **group(right))
        assert member.lower() not in other.lower()

    def test_environments_are_counted_as_json(self, aws: InProcessAws) -> None:
        update = aws.client("lambda").update_function_configuration
        around = len('{"AB":""}')
        for value, refused in (
            ("x" * (4_096 - around), False),
            ("x" * (4_097 - around), True),
            ('"' * 2_045, True),
            ("é" * 2_045, True),
        ):
            environment = {"Variables": {"AB": value}}
            code, message = refusal(update, FunctionName="absent", Environment=environment)
            expected = "InvalidParameterValueException" if refused else "ResourceNotFoundException"
            assert code == expected, message
            assert ("exceeded the 4KB limit" in message) == refused

    def test_policies_of_queues(self, aws: InProcessAws) -> None:
        sqs = aws.client("sqs")
        url = sqs.create_queue(QueueName="policies")["QueueUrl"]

        def policy(actions: list[str], characters: int = 0) -> dict[str, str]:
            statement = {
                "Sid": "",
                "Effect": "Allow",
                "Principal": "*",
                "Action": actions,
                "Resource": "arn:aws:sqs:us-east-1:123456789012:policies",
            }
            document = {"Version": "2012-10-17", "Statement": [statement]}
            statement["Sid"] = "x" * (characters - len(json.dumps(document)))
            return {"Policy": json.dumps(document)}

        several = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"]
        several += ["sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        several += ["sqs:ListQueueTags"]
        put = sqs.set_queue_attributes
        put(QueueUrl=url, Attributes=policy(several))
        put(QueueUrl=url, Attributes=policy(["sqs:SendMessage"], 8_192))
        assert refusal(put, QueueUrl=url, Attributes=policy(["sqs:SendMessage"], 8_193)) == (
            "OverLimit",
            "Submitted policy is over max allowed size.",
        )
        code, message = refusal(put, QueueUrl=url, Attributes=policy([*several, "sqs:PurgeQueue"]))
        assert (code, message[:30]) == ("OverLimit", "8 actions were found in a stat")


class TestMembers:
    """The SDK checks some of this itself, so these requests are changed after it has."""

    @staticmethod
    def changed(client: Any, operation: str, change: Callable[[Any], None]) -> Any:
        """Return the client's method, whose requests are changed on their way."""
        name = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"

        def call(**parameters: Any) -> Any:
            def apply(params: dict[str, Any], **_: Any) -> None:
                body = params["body"]
                if isinstance(body, dict):
                    change(body)
                else:
                    document = json.loads(body)
                    change(document)
                    params["body"] = json.dumps(document).encode()

            client.meta.events.register(name, apply, unique_id="change")
            try:
                return client._make_api_call(operation, parameters)
            finally:
                client.meta.events.unregister(name, unique_id="change")

        return call

    @pytest.mark.parametrize("member", ["Colour", "Filter.1.Colour", "InstanceId.first"])
    def test_unknown_in_ec2(self, aws: InProcessAws, member: str) -> None:
        def change(body: dict[str, Any]) -> None:
            body[member] = "red"

        describe = self.changed(aws.client("ec2"), "DescribeInstances", change)
        code, message = refusal(describe, Filters=[{"Name": "vpc-id", "Values": ["x"]}])
        assert (code, message) == (
            "UnknownParameter",
            f"The parameter {member} is not recognized",
        )

    @pytest.mark.parametrize("member", ["Colour", "Tags.member.1.Colour", "Tags.1.Key"])
    def test_unknown_in_a_query(self, aws: InProcessAws, member: str) -> None:
        def change(body: dict[str, Any]) -> None:
            body[member] = "red"

        create = self.changed(aws.client("iam"), "CreateRole", change)
        tags = [{"Key": "a", "Value": "b"}]
        code, message = refusal(create, RoleName="r", AssumeRolePolicyDocument=TRUST, Tags=tags)
        assert (code, "not known" in message) == ("ValidationError", True)

    @pytest.mark.parametrize(
        ("service", "operation", "parameters", "code"),
        [
            ("events", "PutRule", {"Name": "r"}, "ValidationException"),
            ("sqs", "CreateQueue", {"QueueName": "q"}, "InvalidParameterValue"),
            (
                "lambda",
                "CreateFunction",
                {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/x", "Code": {}},
                "ValidationException",
            ),
        ],
    )
    def test_unknown_in_json(
        self,
        aws: InProcessAws,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        code: str,
    ) -> None:
        def change(body: dict[str, Any]) -> None:
            body["Colour"] = "red"

        assert (
            refusal(self.changed(aws.client(service), operation, change), **parameters)[0] == code
        )

    def test_missing(self, aws: InProcessAws) -> None:
        create = self.changed(
            aws.client("ec2"), "CreateNetworkInterface", lambda body: body.pop("SubnetId")
        )
        assert refusal(create, SubnetId=aws.subnets[0]) == (
            "MissingParameter",
            "The request must contain the parameter SubnetId",
        )

    @pytest.mark.parametrize(
        ("service", "operation", "parameters", "member", "code"),
        [
            (
                "elbv2",
                "CreateTargetGroup",
                {"Name": "t", "Port": 6081},
                "Port",
                "MalformedInput",
            ),
            (
                "events",
                "PutRule",
                {"Name": "r", "Description": "d"},
                "Description",
                "SerializationException",
            ),
            ("ec2", "DescribeInstances", {"DryRun": False}, "DryRun", "InvalidParameterValue"),
        ],
    )
    def test_of_another_type(
        self,
        aws: InProcessAws,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        member: str,
        code: str,
    ) -> None:
        def change(body: dict[str, Any]) -> None:
            body[member] = 5 if service == "events" else "some"

        assert (
            refusal(self.changed(aws.client(service), operation, change), **parameters)[0] == code
        )

    def test_a_word_that_is_not_in_the_set(self, aws: InProcessAws) -> None:
        create = aws.client("elbv2").create_target_group
        code, message = refusal(create, Name="t", Protocol="GENEV", Port=6081, VpcId=aws.vpc)
        assert code == "ValidationError"
        assert "enum value set: [GENEVE, HTTP" in message

    def test_a_number_out_of_range(self, aws: InProcessAws) -> None:
        create = aws.client("elbv2").create_target_group
        code, message = refusal(create, Name="t", Protocol="TCP", Port=65536, VpcId=aws.vpc)
        assert code == "ValidationError"
        assert "value less than or equal to 65535" in message


class TestSubnetsOfGatewayLoadBalancers:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html"""

    @pytest.fixture
    def balancer(self, aws: InProcessAws) -> Iterator[str]:
        client = aws.client("elbv2")
        made = client.create_load_balancer(Name="gw", Type="gateway", Subnets=aws.subnets[:2])
        arn = made["LoadBalancers"][0]["LoadBalancerArn"]
        yield arn
        client.delete_load_balancer(LoadBalancerArn=arn)

    def test_one_cannot_be_removed(self, aws: InProcessAws, balancer: str) -> None:
        change = aws.client("elbv2").set_subnets
        code, message = refusal(change, LoadBalancerArn=balancer, Subnets=aws.subnets[:1])
        assert code == "InvalidConfigurationRequest"
        assert aws.subnets[1] in message

    def test_one_can_be_added(self, aws: InProcessAws, balancer: str) -> None:
        client = aws.client("elbv2")
        client.set_subnets(LoadBalancerArn=balancer, Subnets=aws.subnets)
        zones = client.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"][0]
        assert {zone["SubnetId"] for zone in zones["AvailabilityZones"]} == set(aws.subnets)


class TestWarnings:
    def test_a_launch_template_is_taken_with_a_warning(self, aws: InProcessAws) -> None:
        """EC2 checks the values at launch; what it warns of is listed all the same.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html
        """
        template = aws.build_template("warned")
        before = len(aws.validation().refused)
        aws.client("ec2").create_launch_template_version(
            LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "m5.gigantic"}
        )
        (warned,) = aws.validation().refused[before:]
        assert (warned["status"], warned["violations"][0]["value"]) == (200, "m5.gigantic")


class TestSizes:
    def test_user_data(self, aws: InProcessAws) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html"""
        create = aws.client("ec2").create_launch_template
        for size, name in ((16_384, "full"), (16_385, "over")):
            data = {"UserData": base64.b64encode(b"x" * size).decode()}
            if name == "full":
                create(LaunchTemplateName=name, LaunchTemplateData=data)
                continue
            assert refusal(create, LaunchTemplateName=name, LaunchTemplateData=data) == (
                "InvalidUserData.Malformed",
                "User data is limited to 16384 bytes.",
            )

    def test_inline_policies_of_a_role(self, aws: InProcessAws) -> None:
        """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
        iam = aws.client("iam")
        iam.create_role(RoleName="large", AssumeRolePolicyDocument=TRUST)

        def policy(characters: int) -> str:
            statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::"}
            text = json.dumps({"Version": "2012-10-17", "Statement": statement})
            filled = "x" * (characters - len("".join(text.split())))
            return text.replace("s3:::", f"s3:::{filled}")

        put = iam.put_role_policy
        put(RoleName="large", PolicyName="first", PolicyDocument=policy(10_000))
        put(RoleName="large", PolicyName="second", PolicyDocument=policy(240))
        put(RoleName="large", PolicyName="second", PolicyDocument=policy(240))
        code, message = refusal(
            put, RoleName="large", PolicyName="second", PolicyDocument=policy(241)
        )
        assert code == "LimitExceeded"
        assert message == "Maximum policy size of 10240 bytes exceeded for role large"


class TestReviewedActions:
    def test_an_action_without_a_review_is_not_implemented(self, aws: InProcessAws) -> None:
        """moto keeps a scheduled action and never carries it out."""
        put = aws.client("autoscaling").put_scheduled_update_group_action
        with pytest.raises(NotImplementedError, match="PutScheduledUpdateGroupAction is not in"):
            put(AutoScalingGroupName="fw", ScheduledActionName="night", DesiredCapacity=1)
        call = "autoscaling:PutScheduledUpdateGroupAction"
        (found,) = [item for item in aws.validation().unchecked if item["call"] == call]
        assert found["reason"] == "the lab does not simulate the action"

    def test_every_action_on_the_list_exists(self) -> None:
        for service, actions in REVIEWED.items():
            assert set(actions) - set(get_service_model(service).operation_names) == set()

    def test_moto_or_the_lab_has_every_action_on_the_list(self, aws: InProcessAws) -> None:
        """The lab adds five to moto, of which the account in process has not all."""
        for service, actions in REVIEWED.items():
            module = import_module(f"moto.{MODULES.get(service, service)}.responses")
            classes = [
                member
                for member in vars(module).values()
                if isinstance(member, type) and issubclass(member, BaseResponse)
            ]
            absent = {
                action
                for action in actions
                if not any(hasattr(c, camelcase_to_underscores(action)) for c in classes)
            }
            assert absent <= {
                "AssociateKmsKey",
                "CancelMessageMoveTask",
                "DisableMetricsCollection",
                "DisassociateKmsKey",
                "StartMessageMoveTask",
            }, service

    def test_requests_to_s3_are_listed_as_unchecked(self, aws: InProcessAws) -> None:
        aws.client("s3").list_buckets()
        (found,) = [item for item in aws.validation().unchecked if item["call"] == "s3:GET"]
        assert found["count"] >= 1


def root_of(service: str, action: str) -> Node:
    operation = get_service_model(service).operation_model(action)
    return input_of(operation, schema_of(service, action), rules_of(service, action))


def every_node(node: Node, seen: frozenset[str] = frozenset()) -> Iterator[Node]:
    """Yield the nodes of an action once for each kind of shape on the way."""
    yield node
    shape = getattr(node, "_shape", None)
    name = getattr(shape, "name", "")
    if node.kind in ("structure", "list", "map") and name in seen:
        return
    inner = list(node.members.values()) if node.kind == "structure" else []
    if node.kind in ("list", "map"):
        inner = [node.item, *([node.key] if node.kind == "map" else [])]
    for child in inner:
        yield from every_node(child, seen | {name})


class TestSources:
    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.actions[0]} {rule.members[0]}")
    def test_sentences_are_in_the_reference(self, rule: Any) -> None:
        """Botocore's models have the text of the API references."""
        if not rule.sentence:
            assert rule.source.startswith("https://docs.aws.amazon.com/")
            return
        service = rule.actions[0].partition(":")[0]
        document = Loader().load_service_model(service, "service-2")
        shape, _, member = rule.shape.partition(".")
        text = document["shapes"][shape]["members"][member]["documentation"]
        plain = re.sub(r"<[^>]+>", "", html.unescape(text))
        assert "".join(rule.sentence.split()) in "".join(plain.split())

    def test_rules_are_about_members_that_exist(self) -> None:
        for rule in RULES:
            for action in rule.actions:
                found = {node.path for node in every_node(root_of(*action.split(":")))}
                assert found & set(rule.members), (action, rule.members)

    @pytest.mark.parametrize("call", RESOURCES, ids=":".join)
    def test_resources_share_members_with_their_actions(self, call: tuple[str, str]) -> None:
        schema = schema_of(*call)
        assert schema is not None
        inside = RESOURCES[call].within
        if inside:
            assert root_of(*call).members[inside].entry("VisibilityTimeout").constraints
            return
        shared = [name for name in root_of(*call).members if schema.child(name).resolved]
        assert shared != []
        for member in RESOURCES[call].names:
            assert member in root_of(*call).members

    def test_every_pattern_of_the_actions_in_use_can_be_checked(self) -> None:
        for service, actions in REVIEWED.items():
            for action in actions:
                for node in every_node(root_of(service, action)):
                    for constraint in node.constraints:
                        if constraint.kind in ("pattern", "search", "not"):
                            patterns.compiled(constraint.limit)


class TestPatterns:
    def test_surrogates_are_the_characters_that_they_stand_for(self) -> None:
        pattern = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*"
        assert patterns.matches(pattern, "a \U0001f525")
        assert not patterns.matches(pattern, "\x00")

    def test_words_are_ascii_as_in_java(self) -> None:
        assert not patterns.matches(r"[\w+=,.@-]+", "Süd")
        assert patterns.matches(r"[\p{L}\p{Z}]+", "Süd West")

    def test_a_pattern_that_cannot_be_compiled_is_listed(
        self, aws: InProcessAws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unchecked(_pattern: str) -> None:
            raise patterns.UncheckedPatternError("the pattern is not one")

        monkeypatch.setattr(patterns, "compiled", unchecked)
        before = sum(item["count"] for item in aws.validation().unchecked)
        aws.client("iam").create_role(RoleName="unchecked", AssumeRolePolicyDocument=TRUST)
        report = aws.validation().unchecked
        assert sum(item["count"] for item in report) > before
        assert {
            "call": "iam:CreateRole",
            "member": "RoleName",
            "reason": "the pattern is not one",
        }.items() <= next(item for item in report if item["member"] == "RoleName").items()


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (
            "integer",
            ["5", "-5", 5, 5.0],
            ["5.5", "x", "", True, 5.5, [], float("inf"), float("nan")],
        ),
        ("double", ["5.5", 5], ["x", True]),
        ("boolean", ["true", "false", True], ["yes", 1, ""]),
        ("string", ["", "x"], [5, {}, True]),
        ("list", [[]], ["x", {}]),
        ("map", [{}], ["x", []]),
        ("structure", [{}], ["x", []]),
        ("blob", [b"x", "eA=="], ["?", 5]),
        ("timestamp", [5, "5.5", "2026-01-01T00:00:00Z"], ["today", True]),
    ],
)
def test_types(kind: str, right: list[Any], wrong: list[Any]) -> None:
    assert [value for value in right if wrong_type(kind, value)] == []
    assert [value for value in wrong if not wrong_type(kind, value)] == []


def test_a_secret_value_is_in_no_report(aws: InProcessAws) -> None:
    create = aws.client("secretsmanager").create_secret
    _, message = refusal(create, Name="secret", SecretString="hunter2" * 10_000)
    assert "hunter2" not in message + str(aws.validation().refused)


def test_an_action_is_compiled_once(aws: InProcessAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check costs well below a millisecond, since everything about an action is kept."""
    describe = aws.client("ec2").describe_instances
    describe(Filters=[{"Name": "vpc-id", "Values": ["x"]}])
    made: list[Node] = []
    monkeypatch.setattr(validator.model, "input_of", made.append)
    walked = [node for node, _, _ in walk(root_of("ec2", "DescribeInstances"), {})]
    describe(Filters=[{"Name": "vpc-id", "Values": ["y"]}])
    assert (made, len(walked)) == ([], 1)


@pytest.mark.lab
class TestOverTheNetwork:
    def test_an_action_without_a_review_is_not_repeated(self, lab: Lab) -> None:
        put = lab.aws.client("autoscaling").put_warm_pool
        code, message = refusal(put, AutoScalingGroupName="fw")
        assert code == "NotImplemented"
        assert "the lab does not simulate autoscaling:PutWarmPool" in message

    def test_the_report_counts_calls_and_lists_refusals(self, lab: Lab) -> None:
        before = lab.validation()
        iam = lab.aws.client("iam")
        code, message = refusal(iam.create_role, RoleName="r" * 65, AssumeRolePolicyDocument=TRUST)
        after = lab.validation()
        assert (code, "less than or equal to 64" in message) == ("ValidationError", True)
        assert after.calls == before.calls + 1
        assert after.actions["iam:CreateRole"] == before.actions.get("iam:CreateRole", 0) + 1
        (new,) = after.refused[len(before.refused) :]
        assert (new["service"], new["action"], new["code"]) == ("iam", "CreateRole", code)
        assert new["violations"][0]["member"] == "RoleName"
        assert after.unchecked == before.unchecked

    def test_tags_of_kms_keys(self, lab: Lab) -> None:
        """KMS names the parts of a tag TagKey and TagValue.

        https://docs.aws.amazon.com/kms/latest/APIReference/API_Tag.html
        """
        tags = [{"TagKey": "team", "TagValue": "network"}]
        key = lab.aws.client("kms").create_key(Tags=tags)["KeyMetadata"]["KeyId"]
        assert lab.aws.client("kms").list_resource_tags(KeyId=key)["Tags"] == tags
