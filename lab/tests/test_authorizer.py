"""Authorization of functions' calls: error responses of each service, and the request log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from account import Account, policy
from botocore.exceptions import ClientError
from vpc import create_vpc

from vmseries_lab.client import Lab

pytestmark = pytest.mark.lab

CALL = """
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    try:
        getattr(boto3.client(event["service"]), event["method"])(**event["parameters"])
    except ClientError as error:
        return [error.response["Error"]["Code"], error.response["Error"]["Message"],
                error.response["ResponseMetadata"]["HTTPStatusCode"]]
    return ["", "", 200]
"""


def call(account: Account, arn: str, service: str, method: str, **parameters: Any) -> list[Any]:
    event = {"service": service, "method": method, "parameters": parameters}
    answer, error = account.invoke(arn, event)
    assert error == "", answer
    return list(answer)


def test_errors_are_those_of_each_service(lab: Lab, account: Account) -> None:
    url, queue = account.queue()
    manager = lab.aws.client("secretsmanager")
    secret = manager.create_secret(Name=account.name, SecretString="x")["ARN"]
    role = account.role(name=f"{account.name}-nothing")
    arn = account.function(CALL, role=role)
    name = arn.rsplit(":", 1)[-1]
    caller = f"User: arn:aws:sts::123456789012:assumed-role/{account.name}-nothing/{name}"
    expected = [
        (
            "ec2",
            "describe_instances",
            {},
            "UnauthorizedOperation",
            403,
            "ec2:DescribeInstances",
            "*",
        ),
        (
            "sqs",
            "send_message",
            {"QueueUrl": url, "MessageBody": "x"},
            "AccessDenied",
            403,
            "sqs:SendMessage",
            queue,
        ),
        (
            "secretsmanager",
            "get_secret_value",
            {"SecretId": account.name},
            "AccessDeniedException",
            400,
            "secretsmanager:GetSecretValue",
            secret,
        ),
        (
            "autoscaling",
            "describe_auto_scaling_groups",
            {},
            "AccessDenied",
            403,
            "autoscaling:DescribeAutoScalingGroups",
            "*",
        ),
    ]
    for service, method, parameters, code, status, action, resource in expected:
        answer = call(account, arn, service, method, **parameters)
        assert (answer[0], answer[2]) == (code, status)
        message = f"{caller} is not authorized to perform: {action} on resource: {resource} because"
        assert message in answer[1]
    assert account.messages(url) == []


def test_a_call_is_logged_with_its_authorization_requests(lab: Lab, account: Account) -> None:
    url, queue = account.queue()
    role = account.role(
        {"Action": "sqs:SendMessage", "Resource": queue}, name=f"{account.name}-some"
    )
    arn = account.function(CALL, role=role)
    assert call(account, arn, "sqs", "send_message", QueueUrl=url, MessageBody="x")[0] == ""
    assert call(account, arn, "sqs", "purge_queue", QueueUrl=url)[0] == "NotImplemented"
    sent, purged = [c for c in lab.calls() if c["role"].endswith("some") and not c["via"]][-2:]
    context = {"lambda:SourceFunctionArn": arn}
    request = {"action": "sqs:SendMessage", "resource": queue, "context": context}
    assert (sent["status"], sent["authorization"]) == (200, [request])
    assert (purged["error"], purged["authorization"]) == ("NotImplemented", [])
    assert len(account.messages(url)) == 1


def test_the_service_reports_a_missing_resource(account: Account) -> None:
    arn = account.function(CALL, role=account.role())
    answer = call(account, arn, "ec2", "delete_network_interface", NetworkInterfaceId="eni-1")
    assert answer[0] == "InvalidNetworkInterfaceID.NotFound"


def test_an_unknown_action_is_rejected_whatever_the_role_allows(account: Account) -> None:
    arn = account.function(CALL, role=account.role({"Action": "*", "Resource": "*"}))
    code, message, status = call(account, arn, "ec2", "describe_volumes")
    assert (code, status) == ("NotImplemented", 400)
    assert "does not know what IAM authorizes for ec2:DescribeVolumes" in message


def test_a_dry_run_returns_the_decision_and_changes_nothing(lab: Lab, account: Account) -> None:
    """DryRunOperation and UnauthorizedOperation: "Error codes for the Amazon EC2 API".

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """
    ec2 = lab.aws.client("ec2")
    before = ec2.describe_addresses()["Addresses"]
    role = account.role({"Action": "ec2:AllocateAddress", "Resource": "*"})
    allowed, denied = account.function(CALL, role=role), account.function(CALL, account.role())
    for arn, code in ((allowed, "DryRunOperation"), (denied, "UnauthorizedOperation")):
        answer = call(account, arn, "ec2", "allocate_address", Domain="vpc", DryRun=True)
        assert answer[0] == code
    assert ec2.describe_addresses()["Addresses"] == before


def test_a_permissions_boundary_holds_the_role(lab: Lab, account: Account) -> None:
    arn = account.function(
        CALL, role=account.role({"Action": "*", "Resource": "*"}, name=f"{account.name}-held")
    )
    assert call(account, arn, "ec2", "describe_instances")[0] == ""
    boundary = lab.aws.client("iam").create_policy(
        PolicyName=account.name,
        PolicyDocument=policy({"Action": "logs:*", "Resource": "*"}),
    )["Policy"]["Arn"]
    lab.aws.client("iam").put_role_permissions_boundary(
        RoleName=f"{account.name}-held", PermissionsBoundary=boundary
    )
    assert call(account, arn, "ec2", "describe_instances")[0] == "UnauthorizedOperation"


def test_function_in_a_vpc_needs_its_permissions(lab: Lab, account: Account) -> None:
    ec2 = lab.aws.client("ec2")
    vpc = create_vpc(ec2)
    vpc_config = {"SubnetIds": [vpc.private], "SecurityGroupIds": [vpc.group]}
    own = {"Null": {"lambda:SourceFunctionArn": "true"}}
    role = account.role({"Action": "ec2:*", "Resource": "*", "Condition": own})
    arn = account.function(CALL, role=role, VpcConfig=vpc_config)
    # The function's own code may not call the same action.
    assert call(account, arn, "ec2", "describe_subnets")[0] == "UnauthorizedOperation"
    with pytest.raises(
        lab.aws.client("lambda").exceptions.InvalidParameterValueException
    ) as caught:
        account.function(CALL, role=account.role(), VpcConfig=vpc_config)
    assert "does not have permissions to call AssignPrivateIpAddresses on EC2" in str(caught.value)


def test_function_whose_environment_it_may_not_decrypt_does_not_start(
    lab: Lab, account: Account
) -> None:
    key = lab.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    name = f"{account.name}-sealed"
    context = {"kms:EncryptionContext:aws:lambda:FunctionArn": "*:function:" + name}
    statement = {"Action": "kms:Decrypt", "Resource": key, "Condition": {"StringLike": context}}
    settings = {"KMSKeyArn": key, "Environment": {"Variables": {"AB": "1"}}}
    good = account.function(
        "def handler(e, c): return 1", account.role(statement), FunctionName=name, **settings
    )
    assert account.invoke(good) == (1, "")
    bad = account.function("def handler(e, c): return 1", account.role(statement), **settings)
    answer, error = account.invoke(bad)
    assert error == "Unhandled"
    assert answer["errorType"] == "KMSAccessDeniedException"


OPERATORS = policy({"Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"})


def operator(lab: Lab, account: Account, *statements: dict[str, Any]) -> str:
    """Create a role that people assume, and return its ARN."""
    arn = account.role(*statements)
    lab.aws.client("iam").update_assume_role_policy(
        RoleName=arn.rsplit("/", 1)[-1], PolicyDocument=OPERATORS
    )
    return arn


def refusal(call: Any, **parameters: Any) -> str:
    """Make a call; return its error code, empty if it succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def deny_others(arn: str, *senders: str) -> str:
    """Return a queue policy that denies all senders but these."""
    denial = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": list(senders)}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [denial]})


def test_a_queue_policy_denies_what_the_role_allows(lab: Lab, account: Account) -> None:
    """IAM User Guide, "Policy evaluation logic": an explicit Deny in any policy wins."""
    url, queue = account.queue()
    everything = {"Action": "sqs:*", "Resource": "*"}
    named, other = operator(lab, account, everything), operator(lab, account, everything)
    function = account.function(CALL, role=account.role(everything))
    lab.aws.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": deny_others(queue, named)}
    )
    message = {"QueueUrl": url, "MessageBody": "x"}
    batch = {"QueueUrl": url, "Entries": [{"Id": "1", "MessageBody": "x"}]}
    for role, code in ((other, "AccessDenied"), (named, "")):
        sqs = lab.aws.client_of_role("sqs", role)
        assert refusal(sqs.send_message, **message) == code
        assert refusal(sqs.send_message_batch, **batch) == code
    assert call(account, function, "sqs", "send_message", **message)[0] == "AccessDenied"
    assert len(account.messages(url)) == 2


def test_a_queue_policy_allows_a_role_without_permissions(lab: Lab, account: Account) -> None:
    """IAM User Guide, "Policy evaluation logic": one of both policies suffices in one account."""
    url, queue = account.queue()
    role = operator(lab, account)
    sqs = lab.aws.client_of_role("sqs", role)
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="x") == "AccessDenied"
    statement = {"Principal": {"AWS": role}, "Action": "sqs:SendMessage", "Resource": queue}
    lab.aws.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": policy(statement)}
    )
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="x") == ""


def test_who_redrives_needs_permission_to_send(lab: Lab, account: Account) -> None:
    """SQS Developer Guide, "Learn how to configure a dead-letter queue redrive"."""
    everything = {"Action": "sqs:*", "Resource": "*"}
    named, other = operator(lab, account, everything), operator(lab, account, everything)
    _, dead_letters = account.queue("dead")
    url, queue = account.queue(
        RedrivePolicy={"deadLetterTargetArn": dead_letters, "maxReceiveCount": 1}
    )
    lab.aws.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": deny_others(queue, named)}
    )
    for task in ({}, {"DestinationArn": queue}):
        for role, code in ((other, "AccessDenied"), (named, "")):
            sqs = lab.aws.client_of_role("sqs", role)
            assert refusal(sqs.start_message_move_task, SourceArn=dead_letters, **task) == code
            lab.advance(1)


def test_pollers_receive_what_the_code_may_not(lab: Lab, account: Account) -> None:
    """Calls of pollers have no lambda:SourceFunctionArn, those of the code have it.

    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    url, queue = account.queue()
    poll = {
        "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
        "Resource": queue,
        "Condition": {"Null": {"lambda:SourceFunctionArn": "true"}},
    }
    role = account.role(poll, {"Action": "sqs:GetQueueAttributes", "Resource": queue})
    arn = account.function("def handler(event, context): return {}", role=role)
    code = account.function(CALL, role=role)
    lab.aws.client("lambda").create_event_source_mapping(EventSourceArn=queue, FunctionName=arn)
    lab.aws.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    lab.advance(5)
    attributes = lab.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "0"
    assert attributes["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert call(account, code, "sqs", "receive_message", QueueUrl=url)[0] == "AccessDenied"
