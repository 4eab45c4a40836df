"""Changes outside Terraform appear in the next plan, and the queues refuse other senders."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vmseries_lab.aws.iam import allows
from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import Deployment
from vmseries_scenarios.terraform import TerraformError

pytestmark = pytest.mark.apply(seconds=100)

NAME = "minimal"
EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)
REPAIR = re.compile(
    r'aws lambda update-function-code --function-name (\S+) --zip-file "fileb://([^"]+)"'
)
RULE = "arn:aws:events:us-east-1:123456789012:rule/minimal-"
CODE_SIGNING = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
ROLE = "arn:aws:iam::123456789012:role/"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment without firewalls, and the roles of an operator and of a developer."""
    folder = tmp_path_factory.mktemp("tampering")
    with Lab("us-east-1") as lab:
        iam = lab.aws.client("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        for name in ("operator", "developer"):
            document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
            iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=EVERYTHING)
        deployment = Deployment.copy(
            lab,
            "tests/fixtures/minimal",
            folder / "copy",
            capacity={"min": 0, "max": 1},
            redrive_principal_arns=[f"{ROLE}operator"],
            code_signing_config_arn=CODE_SIGNING,
        )
        deployment.apply()
        yield deployment


def archive() -> bytes:
    """Return other code for a function."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("vmseries_autoscale/handlers/launch.py", "def handler(e, c): return 1")
    return buffer.getvalue()


def changes(deployment: Deployment) -> set[str]:
    """Plan; return the addresses and attributes that would change."""
    return {
        f"{change.address.removeprefix('module.firewalls.')}.{attribute}"
        for change in deployment.workspace.plan()
        for attribute in change.attributes
    }


def refusal(call: Any, **parameters: Any) -> str:
    """Make a call; return its error code, empty if it succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_changed_code_fails_the_plan_with_the_command_that_restores_it(
    deployment: Deployment,
) -> None:
    """Finding F7: the provider alone does not notice, because it compares with its own state."""
    functions = deployment.lab.aws.client("lambda")
    function = f"{NAME}-launch"
    shipped = functions.get_function_configuration(FunctionName=function)["CodeSha256"]
    foreign = functions.update_function_code(FunctionName=function, ZipFile=archive())
    with pytest.raises(TerraformError) as caught:
        deployment.workspace.plan()
    text = str(caught.value)
    assert f"Lambda function {function} is not the code that Terraform" in text
    assert foreign["CodeSha256"] in text
    assert shipped in text
    command = REPAIR.search(text)
    assert command is not None
    name, path = command.groups()
    restored = (deployment.workspace.folder / path).read_bytes()
    functions.update_function_code(FunctionName=name, ZipFile=restored)
    assert changes(deployment) == set()


def test_a_new_release_of_the_module_replaces_changed_code(deployment: Deployment) -> None:
    """The comparison must not stop an upgrade: the planned digest is the old one until then."""
    functions = deployment.lab.aws.client("lambda")
    functions.update_function_code(FunctionName=f"{NAME}-launch", ZipFile=archive())
    root = deployment.workspace.folder / "../../.."
    package = root / "lambda" / "dist" / "functions.zip"
    with zipfile.ZipFile(package, "a") as opened:
        opened.writestr("release.txt", "next")
    planned = changes(deployment)
    for function in ("launch", "terminate", "reconcile"):
        address = f'module.lifecycle.module.function["{function}"].aws_lambda_function.this'
        assert f"{address}.source_code_hash" in planned
    deployment.apply()
    assert changes(deployment) == set()


def test_changed_settings_and_added_policies_are_in_the_next_plan(deployment: Deployment) -> None:
    """Finding F7: the layers of a function, and policies of its role.

    Users may attach policies to the firewalls' role, which the module offers as an output.
    """
    functions, iam = (deployment.lab.aws.client(service) for service in ("lambda", "iam"))
    function, region = f"{NAME}-launch", functions.meta.region_name
    role, firewall = f"{function}-{region}", f"{NAME}-firewall-{region}"
    functions.update_function_configuration(
        FunctionName=function, Layers=[], Handler="evil.handler"
    )
    iam.put_role_policy(RoleName=role, PolicyName="extra", PolicyDocument=EVERYTHING)
    policy = iam.create_policy(PolicyName="extra", PolicyDocument=EVERYTHING)["Policy"]["Arn"]
    for name in (role, firewall):
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    launch = 'module.lifecycle.module.function["launch"]'
    assert changes(deployment) == {
        f"{launch}.aws_lambda_function.this.layers",
        f"{launch}.aws_lambda_function.this.handler",
        f"{launch}.aws_iam_role_policies_exclusive.this.policy_names",
        f"{launch}.aws_iam_role_policy_attachments_exclusive.this.policy_arns",
    }
    deployment.apply()
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == [role]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    assert len(iam.list_attached_role_policies(RoleName=firewall)["AttachedPolicies"]) == 1
    iam.detach_role_policy(RoleName=firewall, PolicyArn=policy)
    assert changes(deployment) == set()


def test_the_functions_have_the_code_signing_configuration(deployment: Deployment) -> None:
    functions = deployment.lab.aws.client("lambda")
    for function in ("launch", "terminate", "reconcile"):
        answer = functions.get_function_code_signing_config(FunctionName=f"{NAME}-{function}")
        assert answer["CodeSigningConfigArn"] == CODE_SIGNING


@pytest.mark.parametrize("queue", ["launch", "terminate"])
@pytest.mark.parametrize(
    ("sender", "context", "to_events", "to_dead_letters"),
    [
        ("the rule", {"aws:SourceArn": f"{RULE}{{queue}}"}, True, True),
        ("another rule", {"aws:SourceArn": f"{RULE}other"}, False, False),
        (
            "another service",
            {"aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:t"},
            False,
            False,
        ),
        ("no source", {}, False, False),
        (
            "the rule, without TLS",
            {"aws:SourceArn": f"{RULE}{{queue}}", "aws:SecureTransport": "false"},
            False,
            False,
        ),
    ],
)
def test_only_the_rule_of_all_services_may_send(
    deployment: Deployment,
    queue: str,
    sender: str,
    context: dict[str, str],
    to_events: bool,
    to_dead_letters: bool,
) -> None:
    """Findings F1 and M3: the policies that Terraform has written, decided as IAM decides."""
    sqs = deployment.lab.aws.client("sqs")
    outputs = {"queues": to_events, "dead_letter_queues": to_dead_letters}
    known = {key: value.format(queue=queue) for key, value in context.items()}
    for output, expected in outputs.items():
        found = deployment.outputs[output][queue]
        answer = sqs.get_queue_attributes(QueueUrl=found["url"], AttributeNames=["Policy"])
        allowed = allows(
            [answer["Attributes"]["Policy"]],
            "sqs:SendMessage",
            found["arn"],
            service="events.amazonaws.com" if "rule" in sender else "sns.amazonaws.com",
            context=known,
        )
        assert allowed is expected, (sender, output)


@pytest.mark.parametrize(
    ("sender", "to_events", "to_dead_letters"),
    [
        ("developer", False, False),
        ("operator", True, False),
        ("reconcile", True, False),
        ("terminate", False, True),
        ("launch", False, False),
    ],
)
def test_only_named_roles_may_send(
    deployment: Deployment, sender: str, to_events: bool, to_dead_letters: bool
) -> None:
    """Findings F1 and M3: a role that IAM allows everything sends nothing to these queues."""
    functions = deployment.outputs["functions"]
    role = functions[sender]["role_name"] if sender in functions else sender
    sqs = deployment.lab.aws.client_of_role("sqs", f"{ROLE}{role}")
    for output, expected in (("queues", to_events), ("dead_letter_queues", to_dead_letters)):
        url = deployment.outputs[output]["terminate"]["url"]
        code = refusal(sqs.send_message, QueueUrl=url, MessageBody="not an event")
        assert code == ("" if expected else "AccessDenied"), output


def test_only_a_named_principal_redrives_dead_letters(deployment: Deployment) -> None:
    source = deployment.outputs["dead_letter_queues"]["launch"]["arn"]
    for role, code in (("developer", "AccessDenied"), ("operator", "")):
        sqs = deployment.lab.aws.client_of_role("sqs", f"{ROLE}{role}")
        assert refusal(sqs.start_message_move_task, SourceArn=source) == code


def test_changed_code_does_not_block_destroy(deployment: Deployment) -> None:
    """The last test of this file: it leaves nothing."""
    functions = deployment.lab.aws.client("lambda")
    functions.update_function_code(FunctionName=f"{NAME}-launch", ZipFile=archive())
    deployment.destroy()
    assert deployment.workspace.state() == []
