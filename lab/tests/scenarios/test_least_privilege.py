"""The proof of least privilege on made-up records: what it must notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vmseries_lab.aws.iam import Request
from vmseries_scenarios.least_privilege import tables
from vmseries_scenarios.least_privilege.proof import (
    Call,
    Deployment,
    Proof,
    prove,
    read_calls,
    undecided,
)

INTERFACE = "arn:aws:ec2:us-east-1:123456789012:network-interface/eni-1"
INSTANCE = "arn:aws:ec2:us-east-1:123456789012:instance/i-1"
OURS = {"aws:ResourceTag/owner": "us"}


def statement(sid: str, *actions: str, **changes: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": ["arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:instance/*"],
        "Condition": {"StringEquals": {"aws:ResourceTag/owner": ["us"]}},
        **changes,
    }


ATTACH = statement("Attach", "ec2:AttachNetworkInterface")
LOOK = statement("Look", "ec2:DescribeInstances", Resource=["*"], Condition={})
CALLS = [
    Call("ec2 DescribeInstances", (Request("ec2:DescribeInstances", "*"),), times=3),
    Call(
        "ec2 AttachNetworkInterface",
        (
            Request("ec2:AttachNetworkInterface", INTERFACE, OURS),
            Request("ec2:AttachNetworkInterface", INSTANCE, OURS),
        ),
    ),
]


def proof_of(*statements: dict[str, Any], calls: list[Call] = CALLS) -> Proof:
    return prove([Deployment({"launch": statements}, {"launch": calls})])


def test_what_is_used_and_nothing_else_holds() -> None:
    proof = proof_of(ATTACH, LOOK)
    assert proof.holds
    assert proof.verdict == "refused 0, unused 0, unnoticed 0"
    assert proof.calls == 4
    assert {str(grant): times for grant, times in proof.used.items()} == {
        "launch / Attach: ec2:AttachNetworkInterface": 1,
        "launch / Attach: arn:aws:ec2:*:*:network-interface/*": 1,
        "launch / Attach: arn:aws:ec2:*:*:instance/*": 1,
        "launch / Look: ec2:DescribeInstances": 3,
        "launch / Look: *": 3,
    }


def test_extra_action_is_unused() -> None:
    proof = proof_of(statement("Attach", "ec2:AttachNetworkInterface", "ec2:DeleteVpc"), LOOK)
    assert [str(grant) for grant in proof.unused] == ["launch / Attach: ec2:DeleteVpc"]
    assert proof.verdict == "refused 0, unused 1, unnoticed 0"
    assert not proof.holds


def test_extra_resource_is_unused() -> None:
    wide = {**LOOK, "Resource": ["*", "arn:aws:ec2:*:*:vpc/*"]}
    proof = proof_of(ATTACH, wide)
    assert [str(grant) for grant in proof.unused] == ["launch / Look: arn:aws:ec2:*:*:vpc/*"]


def test_extra_statement_is_unused_once_for_each_grant() -> None:
    proof = proof_of(ATTACH, LOOK, statement("Extra", "ec2:DeleteVpc", Resource=["*"]))
    assert [grant.sid for grant in proof.unused] == ["Extra", "Extra"]
    assert proof.unnoticed == []


def test_what_two_statements_allow_can_be_taken_away_unnoticed() -> None:
    proof = proof_of(ATTACH, LOOK, {**LOOK, "Sid": "Again"})
    assert proof.unused == []
    assert {name.split(":")[0] for name in proof.unnoticed} == {"launch / Look", "launch / Again"}
    assert not proof.holds


def test_value_of_a_condition_that_no_call_needs_can_be_taken_away_unnoticed() -> None:
    two = {"StringEquals": {"aws:ResourceTag/owner": ["us", "them"]}}
    proof = proof_of({**ATTACH, "Condition": two}, LOOK)
    assert proof.unused == []
    assert proof.unnoticed == ["launch / Attach: aws:ResourceTag/owner them"]
    assert not proof.holds


@pytest.mark.parametrize("missing", [0, 1])
def test_removed_statement_is_refused(missing: int) -> None:
    statements = [ATTACH, LOOK]
    del statements[missing]
    proof = proof_of(*statements)
    assert len(proof.refused) == [1, 3][missing]
    assert not proof.holds


def test_call_that_the_service_refused_is_refused_whatever_the_policy_says() -> None:
    call = Call("sqs SendMessage", (Request("ec2:DescribeInstances", "*"),), "AccessDenied")
    assert len(proof_of(ATTACH, LOOK, calls=[*CALLS, call]).refused) == 1


def test_a_refused_call_uses_nothing() -> None:
    foreign = Call(
        "ec2 AttachNetworkInterface",
        (
            Request("ec2:AttachNetworkInterface", INTERFACE, OURS),
            Request("ec2:AttachNetworkInterface", INSTANCE, {}),
        ),
    )
    proof = proof_of(ATTACH, calls=[foreign])
    assert len(proof.refused) == 1
    assert len(proof.unused) == 3


def test_one_deployment_uses_what_another_does_not() -> None:
    everything = Deployment({"launch": [ATTACH, LOOK]}, {"launch": CALLS})
    little = Deployment({"launch": [ATTACH, LOOK]}, {"launch": CALLS[:1]})
    assert prove([everything, little]).holds
    assert not prove([little]).holds


def test_what_is_only_tried_must_be_allowed_and_uses_nothing() -> None:
    work, trial = CALLS
    tried = Deployment({"launch": [ATTACH, LOOK]}, {"launch": [work]}, {"launch": [trial]})
    proof = prove([tried])
    assert (len(proof.refused), proof.calls) == (0, 4)
    assert {grant.sid for grant in proof.unused} == {"Attach"}
    refused = Deployment({"launch": [LOOK]}, {"launch": [work]}, {"launch": [trial]})
    assert prove([refused]).verdict == "refused 1, unused 0, unnoticed 0"


def test_no_calls_prove_nothing() -> None:
    assert not prove([]).holds


def test_calls_are_read_from_the_log() -> None:
    asked = {"action": "sqs:SendMessage", "resource": "q", "context": {"aws:TagKeys": ["a"]}}
    entry = {"service": "sqs", "action": "SendMessage", "role": "r", "authorization": [asked]}
    log = [
        {**entry, "error": ""},
        {**entry, "error": "ThrottlingException"},
        {**entry, "error": "AccessDenied"},
        {**entry, "error": "", "role": "other"},
        {**entry, "error": "", "authorization": []},
        {**entry, "error": "NotImplemented", "authorization": []},
    ]
    request = Request("sqs:SendMessage", "q", {"aws:TagKeys": ["a"]})
    assert read_calls(log, "r") == [
        Call("sqs SendMessage", (request,), "", 2),
        Call("sqs SendMessage", (request,), "AccessDenied", 1),
    ]
    assert undecided(log, "r") == ["r: sqs SendMessage is unknown to the lab"]


# The document -------------------------------------------------------------------------------------

PERMISSIONS = {
    "launch": {
        "UseSubnets": {
            "actions": ["ec2:CreateNetworkInterface"],
            "resources": [
                "arn:aws:ec2:us-east-1:*:subnet/subnet-0123456789abcdef0",
                "arn:aws:ec2:us-east-1:*:subnet/subnet-0123456789abcdef1",
            ],
            "conditions": {"StringEquals": {"aws:RequestTag/a": ["x"]}},
            "reason": "Makes them | there.",
        }
    }
}
TABLE = """<!-- BEGIN_PERMISSIONS -->
### launch

| Sid | Actions | On | If | Why |
| --- | --- | --- | --- | --- |
| `UseSubnets` | `ec2:CreateNetworkInterface` | `ec2: subnet/subnet-…` | \
`aws:RequestTag/a` StringEquals `x` | Makes them \\| there. |
<!-- END_PERMISSIONS -->"""


def test_document_says_what_is_granted_without_ids_of_the_lab() -> None:
    assert tables.document(PERMISSIONS) == TABLE


def test_document_is_written_between_its_markers(tmp_path: Path) -> None:
    path = tmp_path / "security.md"
    assert not tables.is_current(path, TABLE)
    path.write_text("before\n<!-- BEGIN_PERMISSIONS -->\nold\n<!-- END_PERMISSIONS -->\nafter\n")
    assert not tables.is_current(path, TABLE)
    tables.write(path, TABLE)
    assert path.read_text() == f"before\n{TABLE}\nafter\n"
    assert tables.is_current(path, TABLE)


def test_document_without_markers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "security.md"
    path.write_text("nothing")
    with pytest.raises(ValueError, match="BEGIN_PERMISSIONS"):
        tables.write(path, TABLE)
