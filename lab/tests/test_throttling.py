"""Request rates. Expected figures: "Request throttling for the Amazon EC2 API", "Request throttling
for the ELB API", "AWS Secrets Manager quotas"."""

from __future__ import annotations

from typing import Any

import pytest
from account import Account
from botocore.exceptions import ClientError

from vmseries_lab.aws.throttling import Throttling
from vmseries_lab.client import Lab
from vmseries_lab.core.clock import Clock


class HandClock(Clock):
    """A clock that only moves by hand."""

    def now(self) -> float:
        return self.offset


def admitted(rates: Throttling, service: str, action: str, parameters: Any = None) -> int:
    """How many calls in a row come through."""
    number = 0
    while number < 50_000 and rates.take(service, action, parameters or {}):
        number += 1
    return number


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def rates(clock: HandClock) -> Throttling:
    return Throttling(clock)


FILTERED = {"Filters": [{"Name": "instance-id", "Values": ["i-1"]}]}


@pytest.mark.parametrize(
    ("service", "action", "parameters", "capacity", "refill"),
    [
        ("ec2", "CreateNetworkInterface", {}, 100, 5),
        ("ec2", "ModifyNetworkInterfaceAttribute", {}, 100, 5),
        ("ec2", "DeleteNetworkInterface", {}, 100, 5),
        ("ec2", "AttachNetworkInterface", {}, 50, 5),
        ("ec2", "DetachNetworkInterface", {}, 50, 5),
        ("ec2", "AllocateAddress", {}, 50, 5),
        ("ec2", "AssociateAddress", {}, 50, 5),
        ("ec2", "ReleaseAddress", {}, 50, 5),
        ("ec2", "CreateTags", {}, 100, 10),
        ("ec2", "DescribeAddresses", {}, 100, 20),
        ("ec2", "DescribeInstances", FILTERED, 100, 20),
        ("ec2", "DescribeNetworkInterfaces", {"MaxResults": 50}, 100, 20),
        ("ec2", "DescribeInstances", {}, 50, 10),
        ("ec2", "DescribeInstances", {"InstanceIds": ["i-1"]}, 50, 10),
        ("ec2", "DescribeNetworkInterfaces", {}, 50, 10),
        ("ec2", "RunInstances", {"MaxCount": 1}, 5, 2),
        ("elbv2", "RegisterTargets", {}, 20, 4),
        ("elbv2", "DescribeTargetHealth", {}, 40, 10),
        ("elbv2", "ModifyTargetGroup", {}, 20, 3),
        ("secretsmanager", "GetSecretValue", {}, 10_000, 10_000),
    ],
)
def test_published_figures(
    rates: Throttling,
    clock: HandClock,
    service: str,
    action: str,
    parameters: dict[str, Any],
    capacity: int,
    refill: int,
) -> None:
    assert admitted(rates, service, action, parameters) == capacity
    clock.jump(1)
    assert admitted(rates, service, action, parameters) == refill
    clock.jump(1000)
    assert admitted(rates, service, action, parameters) == capacity, "a bucket runs over"


def test_actions_of_ec2_do_not_share_a_bucket(rates: Throttling) -> None:
    admitted(rates, "ec2", "AllocateAddress")
    assert admitted(rates, "ec2", "AssociateAddress") == 50


def test_a_throttled_call_takes_no_token(rates: Throttling, clock: HandClock) -> None:
    admitted(rates, "ec2", "AllocateAddress")
    for _ in range(4):
        clock.jump(0.05)
        admitted_early = rates.take("ec2", "AllocateAddress", {})
    assert admitted_early, "a fifth of a second adds a token, despite the rejected calls"


def test_instances_are_counted_besides_requests(rates: Throttling, clock: HandClock) -> None:
    """ "The resource token bucket size for RunInstances is 1000 tokens"."""
    assert rates.take("ec2", "RunInstances", {"MaxCount": 1000})
    assert not rates.take("ec2", "RunInstances", {"MaxCount": 3})
    clock.jump(1)
    assert rates.take("ec2", "RunInstances", {"MaxCount": 2})
    assert admitted(rates, "ec2", "TerminateInstances", {"InstanceIds": ["i-1"] * 100}) == 10


def test_actions_of_elb_share_the_bucket_of_the_account(rates: Throttling) -> None:
    assert admitted(rates, "elbv2", "RegisterTargets") == 20
    assert admitted(rates, "elbv2", "DescribeTargetHealth") == 20


def test_the_rest_of_the_account_leaves_a_share(clock: HandClock) -> None:
    rates = Throttling(clock, share=0.1)
    assert admitted(rates, "ec2", "ModifyNetworkInterfaceAttribute") == 10
    clock.jump(10)
    assert admitted(rates, "ec2", "ModifyNetworkInterfaceAttribute") == 5
    assert admitted(rates, "ec2", "CreateVpcEndpoint") == 1, "late, but not never"


@pytest.mark.parametrize("service", ["autoscaling", "sqs"])
def test_services_without_a_published_rate_are_not_limited(rates: Throttling, service: str) -> None:
    assert admitted(rates, service, "DescribeAutoScalingGroups") == 50_000


UNKNOWN_INSTANCE = "i-00000000000000000"
"""Looking for it takes a token, too: five at once, and two a second."""


@pytest.mark.lab
def test_the_lab_throttles_as_ec2_and_recovers_with_its_clock(lab: Lab, account: Account) -> None:
    ec2 = lab.aws.client("ec2")

    def start() -> tuple[int, str]:
        with pytest.raises(ClientError) as caught:
            ec2.start_instances(InstanceIds=[UNKNOWN_INSTANCE])
        answer = caught.value.response
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]

    assert {start() for _ in range(20)} == {(400, "InvalidInstanceID.NotFound")}
    lab.aws.enforce_request_rates()
    try:
        answers = [start() for _ in range(20)]
        assert answers[:5] == [(400, "InvalidInstanceID.NotFound")] * 5
        assert (503, "RequestLimitExceeded") in answers
        lab.advance(10)
        assert start() == (400, "InvalidInstanceID.NotFound")
    finally:
        lab.aws.enforce_request_rates(enforced=False)
    assert {start() for _ in range(20)} == {(400, "InvalidInstanceID.NotFound")}


@pytest.mark.lab
def test_a_function_that_is_throttled_gets_through_by_waiting(lab: Lab, account: Account) -> None:
    """What a function sleeps passes in the lab too, and the clock does not jump meanwhile."""
    arn = account.function(
        """
        import boto3, time
        from botocore.config import Config

        def detach(**retries):
            ec2 = boto3.client("ec2", config=Config(retries={"mode": "standard", **retries}))
            def call():
                try:
                    ec2.detach_network_interface(AttachmentId="eni-attach-0000000000000000")
                except ec2.exceptions.ClientError as error:
                    return error.response["Error"]["Code"]
            return call

        once, patiently = detach(total_max_attempts=1), detach(total_max_attempts=8)

        def handler(event, context):
            for _ in range(event):
                code = once()
                if code == "RequestLimitExceeded":
                    break
            began = time.time()
            return {"at once": code, "in the end": patiently(), "after": time.time() - began}
        """,
        Timeout=60,
    )
    account.invoke(arn, 1)
    lab.aws.enforce_request_rates()
    lab.pace(1000)
    before = lab.now()
    try:
        # The bucket holds 50: the clock stands while a function calls.
        answer, error = account.invoke(arn, 51)
    finally:
        passed = lab.now() - before
        lab.pace(0)
        lab.aws.enforce_request_rates(enforced=False)
    assert error == ""
    assert answer["at once"] == "RequestLimitExceeded"
    assert answer["in the end"] == "InvalidAttachmentID.NotFound"
    assert 0 < answer["after"] <= passed
