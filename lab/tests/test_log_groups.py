"""The KMS keys of log groups.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_AssociateKmsKey.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DisassociateKmsKey.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from account import Account
from botocore.exceptions import ClientError

pytestmark = pytest.mark.lab

USES = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
NOT_FOUND = "The specified KMS Key Id could not be found."


class Logs:
    """A log group, and the keys that a test creates."""

    def __init__(self, account: Account) -> None:
        self.client = account.lab.aws.client("logs")
        self.kms = account.lab.aws.client("kms")
        self.name = f"/aws/lambda/{account.name}"
        self.client.create_log_group(logGroupName=self.name)
        self.arn = self.described()["logGroupArn"]

    def described(self) -> dict[str, Any]:
        """Return the group as DescribeLogGroups shows it."""
        answer = self.client.describe_log_groups(logGroupNamePrefix=self.name)
        (group,) = answer["logGroups"]
        return dict(group)

    def key(self, *, group: str = "*", actions: list[str] | None = None, **settings: Any) -> str:
        """Create a key that CloudWatch Logs may use for a group, and return its ARN."""
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
            "Action": actions or USES,
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": group}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        answer = self.kms.create_key(**{"Policy": document, **settings})
        return str(answer["KeyMetadata"]["Arn"])

    def associate(self, key: str) -> None:
        """Set the key of the group."""
        self.client.associate_kms_key(logGroupName=self.name, kmsKeyId=key)


@pytest.fixture
def logs(account: Account) -> Logs:
    return Logs(account)


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """Return the code and message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_key_is_set_exchanged_and_removed(logs: Logs) -> None:
    assert "kmsKeyId" not in logs.described()
    for key in (logs.key(), logs.key(group=logs.arn)):
        logs.associate(key)
        assert logs.described()["kmsKeyId"] == key
    logs.client.disassociate_kms_key(logGroupName=logs.name)
    assert "kmsKeyId" not in logs.described()


def test_a_group_is_named_by_its_arn_too(logs: Logs) -> None:
    key = logs.key()
    logs.client.associate_kms_key(resourceIdentifier=logs.arn, kmsKeyId=key)
    assert logs.described()["kmsKeyId"] == key
    logs.client.disassociate_kms_key(resourceIdentifier=logs.arn)
    assert "kmsKeyId" not in logs.described()


def test_a_request_names_one_group(logs: Logs) -> None:
    both = {"logGroupName": logs.name, "resourceIdentifier": logs.arn}
    for target in ({}, both):
        for call, parameters in (
            (logs.client.associate_kms_key, {"kmsKeyId": logs.key()}),
            (logs.client.disassociate_kms_key, {}),
        ):
            assert refusal(call, **target, **parameters)[0] == "InvalidParameterException"


def test_keys_of_query_results_are_not_simulated(logs: Logs) -> None:
    results = logs.arn.split("log-group:")[0] + "query-result:*"
    code, message = refusal(logs.client.disassociate_kms_key, resourceIdentifier=results)
    assert (code, "keys of query results" in message) == ("NotImplemented", True)


def test_a_missing_group(logs: Logs) -> None:
    missing = {"logGroupName": f"{logs.name}-missing"}
    expected = ("ResourceNotFoundException", "The specified log group does not exist.")
    associate, disassociate = logs.client.associate_kms_key, logs.client.disassociate_kms_key
    assert refusal(associate, **missing, kmsKeyId=logs.key()) == expected
    assert refusal(disassociate, **missing) == expected


@pytest.mark.refused("logs:AssociateKmsKey", "logs:CreateLogGroup")
def test_what_is_no_arn_of_a_key_is_refused(logs: Logs) -> None:
    """kmsKeyId: the ARN of the key, not its ID."""
    key_id = logs.key().rpartition("/")[2]
    for key in (key_id, f"key/{key_id}", f"arn:aws:kms:us-east-1:{key_id}"):
        new = {"logGroupName": f"{logs.name}-new", "kmsKeyId": key}
        assert refusal(logs.associate, key=key)[0] == "InvalidParameterException"
        assert refusal(logs.client.create_log_group, **new)[0] == "InvalidParameterException"


def test_a_key_that_does_not_exist_is_refused(logs: Logs) -> None:
    prefix, _, key_id = logs.key().rpartition("/")
    missing = f"{prefix}/00000000-0000-0000-0000-000000000000"
    elsewhere = f"{prefix.replace('us-east-1', 'us-west-2')}/{key_id}"
    no_alias = prefix.removesuffix("key") + "alias/missing"
    for key in (missing, elsewhere, no_alias):
        new = {"logGroupName": f"{logs.name}-new", "kmsKeyId": key}
        expected = ("InvalidParameterException", NOT_FOUND)
        assert refusal(logs.associate, key=key) == expected
        assert refusal(logs.client.create_log_group, **new) == expected
    assert "kmsKeyId" not in logs.described()


def test_a_key_that_is_disabled_deleted_or_asymmetric_is_refused(logs: Logs) -> None:
    disabled, deleted = logs.key(), logs.key()
    logs.kms.disable_key(KeyId=disabled.rpartition("/")[2])
    logs.kms.schedule_key_deletion(KeyId=deleted.rpartition("/")[2], PendingWindowInDays=7)
    asymmetric = logs.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    for key in (disabled, deleted, asymmetric):
        assert refusal(logs.associate, key=key)[0] == "InvalidParameterException"


def test_a_key_policy_must_let_cloudwatch_logs_use_the_key(logs: Logs) -> None:
    by_default = logs.kms.create_key()["KeyMetadata"]["Arn"]
    for_another_group = logs.key(group=f"{logs.arn}-other")
    for key in (by_default, for_another_group, logs.key(actions=USES[1:])):
        code, message = refusal(logs.associate, key=key)
        assert code == "AccessDeniedException"
        assert message.endswith(f"is not allowed to be used with Arn '{logs.arn}'")


def test_the_arn_of_an_alias_names_its_key(logs: Logs, account: Account) -> None:
    key, alias = logs.key(), f"alias/{account.name}"
    logs.kms.create_alias(AliasName=alias, TargetKeyId=key)
    arn = key.split("key/")[0] + alias
    logs.associate(arn)
    assert logs.described()["kmsKeyId"] == arn


def test_a_new_group_has_its_key(logs: Logs) -> None:
    name, key = f"{logs.name}-new", logs.key()
    logs.client.create_log_group(logGroupName=name, kmsKeyId=key)
    (group,) = logs.client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["kmsKeyId"] == key
