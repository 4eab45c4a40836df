"""The server: the clock, the call log and faults as seen from outside."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import boto3
import pytest
from account import Account
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from vmseries_lab.client import Lab, LabError
from vmseries_lab.core.world import World
from vmseries_lab.server import Pump

pytestmark = pytest.mark.lab


def test_clock_moves_by_the_requested_time(lab: Lab) -> None:
    lab.stop_clock()
    try:
        before = lab.now()
        lab.advance(3600)
        assert lab.now() - before == pytest.approx(3600)
    finally:
        lab.pace(0)


def test_pace_moves_the_clock_by_itself_until_it_is_ended(lab: Lab) -> None:
    lab.pace(100)
    started, before = time.monotonic(), lab.now()
    while lab.now() - before < 100 and time.monotonic() - started < 60:
        time.sleep(0.05)
    fast = lab.now() - before
    lab.pace(0)
    lab.settle()
    started, before = time.monotonic(), lab.now()
    time.sleep(0.3)
    slow = lab.now() - before
    assert fast >= 100
    # The nominal pauses count, which are no longer than the real ones; one may be under way.
    assert slow <= time.monotonic() - started + 0.1


@pytest.mark.parametrize(("pace", "seconds"), [(0, 0.05), (100, 5.05), (-1, 0)])
def test_each_turn_of_the_pump_moves_the_clock_by_the_pace(pace: float, seconds: float) -> None:
    """A turn stands for a twentieth of a second, however long it really took."""
    world = World()
    Pump(world, pace).run_once()
    assert world.clock.offset == pytest.approx(seconds)


def test_no_time_passes_while_the_clock_is_stopped(lab: Lab) -> None:
    lab.stop_clock()
    try:
        lab.settle()
        before = lab.now()
        time.sleep(0.3)
        assert lab.now() == before
    finally:
        lab.pace(0)


def test_what_functions_sleep_passes_at_once_and_at_the_same_time(
    lab: Lab, account: Account
) -> None:
    """Their threads, too: an hour and more in no time, and no more than the longest of them."""
    arn = account.function(
        """
        import time
        from concurrent.futures import ThreadPoolExecutor
        def nap(seconds):
            time.sleep(seconds)
            return time.time()
        def handler(event, context):
            begun = time.time()
            with ThreadPoolExecutor(2) as pool:
                awake = list(pool.map(nap, event))
            return [round(at - begun) for at in awake] + [round(time.time() - begun)]
        """,
        Timeout=900,
    )
    lab.stop_clock()
    try:
        before = lab.now()
        with ThreadPoolExecutor() as pool:
            first, second = pool.map(partial(account.invoke, arn), ([600, 300, 100], [700]))
        passed = lab.now() - before
    finally:
        lab.pace(0)
    # The third nap begins when one of two threads is free.
    assert first == ([600, 300, 400, 600], "")
    assert second == ([700, 700], "")
    assert 700 <= passed < 1301


def test_clock_holds_still_while_a_function_runs(lab: Lab, account: Account) -> None:
    """A timeout of ten lab seconds does not pass in a moment because the clock runs fast."""
    arn = account.function(
        """
        import time
        def handler(event, context):
            begun = time.time()
            time.sleep(1)
            return time.time() - begun
        """
    )
    account.invoke(arn)
    lab.pace(1000)
    try:
        elapsed, error = account.invoke(arn)
    finally:
        lab.pace(0)
    assert error == ""
    assert elapsed == pytest.approx(1.0)


def test_moto_uses_the_lab_clock(lab: Lab, account: Account) -> None:
    """Dates that AWS gives are dates of the lab."""
    lab.advance(10_000)
    iam = lab.aws.client("iam")
    account.role(name=account.name)
    created = iam.get_role(RoleName=account.name)["Role"]["CreateDate"]
    assert abs(created.timestamp() - lab.now()) < 30


def test_calls_are_logged_with_parameters_and_outcome(lab: Lab, account: Account) -> None:
    since = len(lab.calls())
    with pytest.raises(ClientError):
        lab.aws.client("ec2").describe_instances(InstanceIds=["i-00000000000000000"])
    lab.aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[account.name])
    lab.aws.client("secretsmanager").create_secret(Name=account.name, SecretString="very secret")
    first, second, third = lab.calls(since)
    assert (first["service"], first["action"]) == ("ec2", "DescribeInstances")
    assert first["parameters"] == {"InstanceIds": ["i-00000000000000000"]}
    assert (first["error"], first["status"]) == ("InvalidInstanceID.NotFound", 400)
    assert second["parameters"] == {"AutoScalingGroupNames": [account.name]}
    assert (second["error"], second["status"]) == ("", 200)
    assert third["parameters"]["SecretString"] == "***"


def test_an_unsimulated_call_reports_that_and_is_not_retried(lab: Lab) -> None:
    """HTTP 500 would be tried again by every SDK, for minutes by Terraform."""
    with pytest.raises(ClientError, match="the lab does not simulate ec2:") as caught:
        lab.aws.client("ec2").get_ebs_default_kms_key_id()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("ec2", "RequestLimitExceeded"),
        ("autoscaling", "Throttling"),
        ("sqs", "ThrottlingException"),
    ],
)
def test_throttling(lab: Lab, account: Account, service: str, code: str) -> None:
    calls = {
        "ec2": lambda: lab.aws.client("ec2").describe_vpcs(),
        "autoscaling": lambda: lab.aws.client("autoscaling").describe_auto_scaling_groups(),
        "sqs": lambda: lab.aws.client("sqs").list_queues(),
    }
    lab.faults.add(service, "*", kind="throttle")
    with pytest.raises(ClientError) as caught:
        calls[service]()
    assert caught.value.response["Error"]["Code"] == code
    calls[service]()


def test_fault_strikes_the_nth_call_only(lab: Lab, account: Account) -> None:
    ec2 = lab.aws.client("ec2")
    lab.faults.add("ec2", "DescribeVpcs", code="Unavailable", status=503, after=1, count=2)
    outcomes = []
    for _ in range(4):
        try:
            ec2.describe_vpcs()
            outcomes.append("")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])
    assert outcomes == ["", "Unavailable", "Unavailable", ""]


def test_connection_breaks_before_or_after_the_effect(lab: Lab, account: Account) -> None:
    sqs = lab.aws.client("sqs")
    for when, exists in (("before", False), ("after", True)):
        lab.faults.add("sqs", "CreateQueue", kind="reset", when=when)
        with pytest.raises((ConnectionClosedError, ReadTimeoutError, ConnectionError)):
            sqs.create_queue(QueueName=f"{account.name}-{when}")
        found = sqs.list_queues(QueueNamePrefix=f"{account.name}-{when}")
        assert ("QueueUrls" in found) is exists


def test_an_attempt_that_repeats_an_invocation_gets_its_answer(lab: Lab, account: Account) -> None:
    """The SDK of Terraform's provider once took a closed connection for a lost answer."""
    ec2 = boto3.client(
        "ec2",
        endpoint_url=lab.endpoint,
        region_name="us-east-1",
        aws_access_key_id="repeated",
        aws_secret_access_key="lab",
    )

    def same_invocation(request: AWSRequest, **_: object) -> None:
        request.headers["amz-sdk-invocation-id"] = "one-invocation"

    ec2.meta.events.register("before-send.ec2", same_invocation)
    made = [ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"] for _ in range(2)]
    assert made[0] == made[1]


def test_delay_is_per_call_and_does_not_stop_others(lab: Lab, account: Account) -> None:
    lab.aws.client("ec2").describe_vpcs()
    lab.faults.add("ec2", "DescribeSubnets", kind="delay", seconds=3.0)
    slow = threading.Thread(target=lab.aws.client("ec2").describe_subnets)
    started = time.monotonic()
    slow.start()
    lab.aws.client("ec2").describe_vpcs()
    assert slow.is_alive()
    slow.join()
    assert time.monotonic() - started >= 3.0


def test_a_late_call_takes_effect_after_its_caller_has_given_up(lab: Lab, account: Account) -> None:
    """Repeated requests in between take effect before it."""
    impatient = boto3.client(
        "sqs",
        endpoint_url=lab.endpoint,
        region_name="us-east-1",
        aws_access_key_id="impatient",
        aws_secret_access_key="lab",
        config=Config(read_timeout=0.5, retries={"total_max_attempts": 1}),
    )
    lab.faults.add("sqs", "CreateQueue", kind="late", seconds=3.0)
    with pytest.raises(ReadTimeoutError):
        impatient.create_queue(QueueName=account.name)
    assert "QueueUrls" not in lab.aws.client("sqs").list_queues(QueueNamePrefix=account.name)
    lab.settle()
    assert "QueueUrls" in lab.aws.client("sqs").list_queues(QueueNamePrefix=account.name)


def test_a_fault_hits_its_subject(lab: Lab, account: Account) -> None:
    """An interface is known by its tag, in whatever order interfaces are wired."""
    ec2 = lab.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.98.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.98.0.0/24")["Subnet"]["SubnetId"]

    def create(name: str) -> str:
        tags = [{"Key": "vmseries-autoscale:interface", "Value": name}]
        made = ec2.create_network_interface(
            SubnetId=subnet,
            TagSpecifications=[{"ResourceType": "network-interface", "Tags": tags}],
        )
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    lab.faults.add("ec2", "CreateNetworkInterface", subject="untrust")
    management = create("management")
    with pytest.raises(ClientError, match="injected by the lab"):
        create("untrust")
    lab.faults.add("ec2", "DeleteNetworkInterface", subject="management")
    ec2.delete_network_interface(NetworkInterfaceId=create("untrust"))
    with pytest.raises(ClientError, match="injected by the lab"):
        ec2.delete_network_interface(NetworkInterfaceId=management)


def test_faults_hit_requests_to_panorama_by_subject(lab: Lab, account: Account) -> None:
    lab.faults.add("panorama", "show", kind="throttle", subject="jobs all")
    lab.panorama.request(type="op", cmd="<show><devices><all/></devices></show>")
    with pytest.raises(LabError, match="config lock"):
        lab.panorama.request(type="op", cmd="<show><jobs><all/></jobs></show>")
    lab.panorama.request(type="op", cmd="<show><jobs><all/></jobs></show>")


def test_faults_are_cleared(lab: Lab, account: Account) -> None:
    lab.faults.add("ec2", "DescribeVpcs", kind="http-500", count=None)
    with pytest.raises(ClientError):
        lab.aws.client("ec2").describe_vpcs()
    lab.faults.clear()
    lab.aws.client("ec2").describe_vpcs()


def test_an_exception_in_moto_reaches_the_errors_of_the_lab() -> None:
    """moto 5.2.5 splits the ARN of a topic without a check."""
    with Lab() as own:
        client = boto3.client(
            "sns",
            endpoint_url=own.endpoint,
            region_name="us-east-1",
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
            config=Config(retries={"total_max_attempts": 1}),
        )
        with pytest.raises(ResponseParserError):
            client.get_topic_attributes(TopicArn="topic")
        (error,) = own.errors()
    assert "not enough values to unpack" in error


def test_invalid_requests_to_the_control_api_are_rejected(lab: Lab) -> None:
    with pytest.raises(LabError, match="unknown kind of fault 'nonsense'"):
        lab.faults.add("ec2", "*", kind="nonsense")
    with pytest.raises(LabError, match="for service events, action Deliver, only"):
        lab.faults.add("ec2", "DescribeVpcs", kind="drop")
    with pytest.raises(LabError, match="takes advance or pace, not back"):
        lab._control.request("POST", "clock", {"back": 1})
    with pytest.raises(LabError, match="no GET /lab/nothing"):
        lab._control.request("GET", "nothing")
