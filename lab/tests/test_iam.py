"""Policies decided. Expected: IAM User Guide, policy evaluation logic and condition operators."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vmseries_lab.aws.iam import Request, UnsupportedConditionError, allows
from vmseries_lab.aws.iam.policy_evaluation import effects

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


ROLE = "arn:aws:iam::123456789012:role/network/resender"
OPERATOR = "arn:aws:iam::123456789012:role/operator"
EVENTS = "events.amazonaws.com"
DENY_OTHER_SENDERS = {
    "Effect": "Deny",
    "Principal": {"AWS": ["*"]},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
    "Condition": {"ArnNotEquals": {"aws:SourceArn": [RULE], "aws:PrincipalArn": [ROLE, OPERATOR]}},
}
DENY_WITHOUT_TLS = {
    "Effect": "Deny",
    "Principal": {"AWS": ["*"]},
    "Action": "sqs:*",
    "Resource": QUEUE,
    "Condition": {"Bool": {"aws:SecureTransport": ["false"]}},
}


@pytest.mark.parametrize(
    ("principal", "context", "denied"),
    [
        (EVENTS, {"aws:SourceArn": RULE}, False),
        (EVENTS, {"aws:SourceArn": RULE + "2"}, True),
        (EVENTS, {}, True),
        ("sns.amazonaws.com", {"aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:t"}, True),
        (ROLE, {"aws:PrincipalArn": ROLE}, False),
        (OPERATOR, {"aws:PrincipalArn": OPERATOR}, False),
        (ROLE + "2", {"aws:PrincipalArn": ROLE + "2"}, True),
        ("arn:aws:iam::999999999999:role/x", {"aws:PrincipalArn": "…"}, True),
        (ROLE, {"aws:PrincipalArn": ROLE, "aws:SecureTransport": "false"}, True),
        (EVENTS, {"aws:SourceArn": RULE, "aws:SecureTransport": "false"}, True),
    ],
)
def test_two_keys_of_a_negated_operator_are_anded(
    principal: str, context: dict[str, str], denied: bool
) -> None:
    """A Deny with two negated keys spares who matches one of them; an absent key is no match.

    IAM User Guide, "Conditions with multiple context keys or values".
    """
    documents = [{"Statement": [DENY_OTHER_SENDERS, DENY_WITHOUT_TLS]}]
    decided = effects(documents, Request("sqs:SendMessage", QUEUE, context), principal=principal)
    assert decided == ({"Deny"} if denied else set())


@pytest.mark.parametrize(
    ("principal", "effect", "applies"),
    [
        ("*", "Allow", True),
        ({"AWS": ROLE}, "Allow", True),
        ({"AWS": [OPERATOR]}, "Allow", False),
        ({"AWS": "123456789012"}, "Allow", False),
        ({"AWS": "123456789012"}, "Deny", True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, "Deny", True),
        ({"AWS": "arn:aws:iam::999999999999:root"}, "Deny", False),
        ({"Service": EVENTS}, "Allow", False),
    ],
)
def test_the_principals_of_a_role(principal: Any, effect: str, applies: bool) -> None:
    """IAM User Guide, "AWS JSON policy elements: Principal"."""
    document = {"Statement": statement(Principal=principal, Effect=effect)}
    decided = effects([document], Request("sqs:SendMessage", QUEUE), principal=ROLE)
    assert decided == ({effect} if applies else set())
