"""Policies decided. Expected: IAM User Guide, policy evaluation logic and condition operators."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vmseries_lab.aws.iam import UnsupportedConditionError, allows

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
RULE = "arn:aws:events:us-east-1:123456789012:rule/r"


def statement(**changes: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"Action": "SQS:sendmessage"}, True),
        ({"Action": ["sqs:Send*"]}, True),
        ({"Action": "sqs:ReceiveMessage"}, False),
        ({"Resource": "arn:aws:sqs:*:*:q"}, True),
        ({"Resource": QUEUE + "2"}, False),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"Service": ["lambda.amazonaws.com"]}}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"ArnEquals": {"aws:SourceArn": RULE}}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}}}, True),
        ({"Condition": {"ArnEquals": {"AWS:sourcearn": RULE + "x"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": ["1", "123456789012"]}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceAccount": "123456789012"}}}, False),
        ({"Condition": {"StringEquals": {"aws:Missing": "x"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"aws:Missing": "x"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:Missing": "x"}}}, True),
        ({"Condition": {"Null": {"aws:Missing": "true"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, False),
        (
            {
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": RULE},
                    "StringEquals": {"aws:SourceAccount": "1"},
                }
            },
            False,
        ),
    ],
)
def test_one_statement(changes: dict[str, Any], allowed: bool) -> None:
    context = {"aws:SourceArn": RULE, "aws:SourceAccount": "123456789012"}
    document = {"Statement": statement(**changes)}
    decided = allows(
        [document], "sqs:SendMessage", QUEUE, service="events.amazonaws.com", context=context
    )
    assert decided is allowed


def test_explicit_deny_wins_over_allow_in_another_document() -> None:
    identity = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    denial = json.dumps(
        {"Statement": {"Effect": "Deny", "Action": "sqs:*", "Resource": QUEUE + "*"}}
    )
    assert allows([identity], "sqs:SendMessage", QUEUE)
    assert not allows([identity, denial], "sqs:SendMessage", QUEUE)
    assert allows([identity, denial], "sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:p")


def test_nothing_allows_nothing() -> None:
    assert not allows([], "sqs:SendMessage", QUEUE)


def test_unknown_operator_is_an_error_not_a_decision() -> None:
    document = {"Statement": statement(Condition={"NumericLessThan": {"aws:X": "1"}})}
    with pytest.raises(UnsupportedConditionError, match="NumericLessThan"):
        allows([document], "sqs:SendMessage", QUEUE, service="events.amazonaws.com")
