"""Lambda in the lab. Expected behavior: Lambda Developer Guide; the section is named per test."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import asdict
from typing import Any

import pytest
from account import Account, archive, policy
from botocore.exceptions import ClientError

from vmseries_lab.aws.ec2.marketplace_images import PRODUCT_CODES, marketplace_images
from vmseries_lab.client import Lab
from vmseries_lab.firewalls.shared_services import BootTimes

pytestmark = pytest.mark.lab

BUNDLE = next(
    image.image_id
    for image in marketplace_images()
    if image.product_code == PRODUCT_CODES["bundle1"]
)
ECHO = """
def handler(event, context):
    return event
"""


def invocations_of(lab: Lab, arn: str) -> list[dict[str, Any]]:
    return [i for i in lab.invocations() if i["function"] == arn.rsplit(":", 1)[-1]]


def test_uploaded_code_runs_under_its_role(lab: Lab, account: Account) -> None:
    """Execution role: the function's calls carry the role's temporary credentials."""
    arn = account.function(
        """
        import boto3, os
        def handler(event, context):
            who = boto3.client("sts").get_caller_identity()["Arn"]
            return {"who": who, "name": context.function_name, "arn": context.invoked_function_arn,
                    "memory": os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
                    "own": os.environ["OWN"]}
        """,
        role=account.role(name=f"{account.name}-role"),
        MemorySize=512,
        Environment={"Variables": {"OWN": "value"}},
    )
    answer, error = account.invoke(arn)
    name = arn.rsplit(":", 1)[-1]
    assert error == ""
    assert answer == {
        "who": f"arn:aws:sts::123456789012:assumed-role/{account.name}-role/{name}",
        "name": name,
        "arn": arn,
        "memory": "512",
        "own": "value",
    }
    call = next(c for c in reversed(lab.calls()) if c["action"] == "GetCallerIdentity")
    assert call["role"] == f"{account.name}-role"


def test_only_the_function_its_layers_and_lambdas_own_packages_can_be_imported(
    account: Account,
) -> None:
    """Runtime-included packages: boto3, not the development requirements; layers under /opt."""
    code = """
    import importlib
    def handler(event, context):
        found = {}
        for name in event:
            try:
                importlib.import_module(name)
                found[name] = True
            except ImportError:
                found[name] = False
        return found
    """
    names = ["boto3", "urllib3", "moto", "pytest", "aws_lambda_powertools", "vmseries_lab", "extra"]
    answer, _ = account.invoke(account.function(code), names)
    assert answer == {name: name in ("boto3", "urllib3") for name in names}

    layer = account.lab.aws.client("lambda").publish_layer_version(
        LayerName=account.name, Content={"ZipFile": archive(python__extra="VALUE = 1")}
    )
    with_layer = account.function(code, Layers=[layer["LayerVersionArn"]])
    # "When you delete a layer version, functions that use it continue to run".
    account.lab.aws.client("lambda").delete_layer_version(LayerName=account.name, VersionNumber=1)
    assert account.invoke(with_layer, ["extra"])[0] == {"extra": True}


def test_missing_layer_fails_as_in_lambda(account: Account) -> None:
    """Errors of the runtime: a module that cannot be imported ends the init phase."""
    arn = account.function("import aws_lambda_powertools\n")
    answer, error = account.invoke(arn)
    assert error == "Unhandled"
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert "aws_lambda_powertools" in answer["errorMessage"]


def test_the_clock_of_the_function_is_the_labs(lab: Lab, account: Account) -> None:
    code = """
    import datetime, time
    def handler(event, context):
        at = datetime.datetime.now(datetime.timezone.utc).timestamp()
        return [time.time(), at, context.get_remaining_time_in_millis()]
    """
    arn = account.function(code, Timeout=7)
    for jump in (0, 86_400):
        lab.advance(jump)
        before = lab.now()
        (at, same, left), _ = account.invoke(arn)
        assert before <= at <= lab.now()
        assert same == pytest.approx(at, abs=1)
        assert 5_000 < left <= 7_000


def test_the_monotonic_clock_of_the_function_is_the_labs(account: Account) -> None:
    """Time limits of clients that use it end in lab time, not on a busy machine."""
    code = """
    import time
    def handler(seconds, context):
        begun = time.monotonic()
        standing = time.monotonic() - begun
        time.sleep(seconds)
        return [standing, time.monotonic() - begun]
    """
    arn = account.function(code, Timeout=900)
    assert account.invoke(arn, 600) == ([0.0, pytest.approx(600, abs=0.01)], "")


def test_hosts_of_the_lab_are_reached_by_name_with_verified_tls(account: Account) -> None:
    code = """
    import json, ssl, urllib.error, urllib.request
    def handler(event, context):
        def ask(url, ca):
            tls = ssl.create_default_context(cadata=ca)
            try:
                return urllib.request.urlopen(url, context=tls, timeout=60).status
            except urllib.error.HTTPError as error:
                return error.code
            except urllib.error.URLError as error:
                return type(error.reason).__name__
        return [ask(url, event["ca"]) for url in event["urls"]]
    """
    urls = ["https://panorama.example.com/api/?type=op", "https://www.example.org/"]
    arn = account.function(code)
    answer, _ = account.invoke(arn, {"urls": urls, "ca": account.lab.ca_pem})
    # Without a key Panorama answers 403; other names lead nowhere.
    assert answer == [403, "gaierror"]
    assert account.invoke(arn, {"urls": urls[:1], "ca": None})[0] == ["SSLCertVerificationError"]


def test_a_firewall_is_reached_at_its_address_from_within_the_vpc(
    lab: Lab, account: Account
) -> None:
    ec2 = lab.aws.client("ec2")
    lab.firewalls.serve_xml_api()
    lab.firewalls.set_boot_times(bootstrap=5, license=6, register=7)
    subnet = ec2.describe_subnets()["Subnets"][0]
    groups = [
        ec2.create_security_group(
            GroupName=f"{account.name}-{name}", Description="-", VpcId=subnet["VpcId"]
        )["GroupId"]
        for name in ("firewall", "function")
    ]
    of_functions = [{"GroupId": groups[1]}]
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": of_functions}
    ec2.authorize_security_group_ingress(GroupId=groups[0], IpPermissions=[https])
    started = ec2.run_instances(
        ImageId=BUNDLE,
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet["SubnetId"],
        SecurityGroupIds=groups[:1],
        UserData="type=dhcp-client",
    )["Instances"][0]
    lab.advance(30)
    secret = json.loads(
        lab.aws.client("secretsmanager").get_secret_value(SecretId="vmseries-autoscale/firewall")[
            "SecretString"
        ]
    )
    code = """
        import http.client, socket, ssl

        def handler(event, context):
            tls = ssl.create_default_context(cadata=event["ca_bundle"])
            plain = socket.create_connection((event["address"], 443), 5)
            connection = http.client.HTTPSConnection(event["address"], timeout=60)
            connection.sock = tls.wrap_socket(plain, server_hostname="firewall.example.com")
            command = "%3Cshow%3E%3Cchassis-ready/%3E%3C/show%3E"
            path = "/api/?type=op&cmd=" + command + "&key=" + event["api_key"]
            connection.request("GET", path)
            return connection.getresponse().read().decode()
    """
    settings = {"SubnetIds": [subnet["SubnetId"]], "SecurityGroupIds": groups[1:]}
    inside = account.function(code, VpcConfig=settings)
    event = {**secret, "address": started["PrivateIpAddress"]}
    assert account.invoke(inside, event) == (
        '<response status="success"><result>yes\n</result></response>',
        "",
    )
    lab.faults.add("firewall", "show", kind="reset", subject="chassis-ready")
    answer, error = account.invoke(inside, event)
    assert answer["errorType"] in ("ConnectionResetError", "RemoteDisconnected")
    assert error == "Unhandled"
    ec2.terminate_instances(InstanceIds=[started["InstanceId"]])
    lab.firewalls.serve_xml_api(served=False)
    lab.firewalls.set_boot_times(**asdict(BootTimes()))


def test_time_out_in_lab_time(lab: Lab, account: Account) -> None:
    """Function timeout: the environment is ended; the next invocation is a cold start."""
    code = """
    import time
    def handler(event, context):
        print("begun")
        time.sleep(event)
    """
    arn = account.function(code, Timeout=1)
    assert account.invoke(arn, 0) == (None, "")
    started = lab.now()
    answer, error = account.invoke(arn, 30)
    assert error == "Unhandled"
    assert answer["errorType"] == "Sandbox.Timedout"
    assert answer["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert 1 <= lab.now() - started < 5
    assert account.invoke(arn, 0) == (None, "")
    noted = invocations_of(lab, arn)
    assert [i["cold"] for i in noted] == [True, False, True]
    assert "begun" in noted[1]["log"]


def test_end_of_the_process_is_an_exit_error(account: Account) -> None:
    """Runtime.ExitError: the process ended without an answer."""
    arn = account.function("import os\ndef handler(event, context):\n    os._exit(3)\n")
    answer, error = account.invoke(arn)
    assert error == "Unhandled"
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("Runtime exited with error: exit status 3")


def test_error_of_the_handler(account: Account) -> None:
    """Python function errors: type, message and stack trace."""
    arn = account.function("def handler(event, context):\n    raise KeyError('missing')\n")
    answer, error = account.invoke(arn)
    assert error == "Unhandled"
    assert answer["errorType"] == "KeyError"
    assert answer["errorMessage"] == "'missing'"
    assert any("app.py" in line for line in answer["stackTrace"])


def test_warm_environment_is_used_again_until_code_or_configuration_change(
    lab: Lab, account: Account
) -> None:
    """Execution environment lifecycle: reuse; an update takes new environments."""
    arn = account.function(
        "count = 0\ndef handler(e, c):\n    global count\n    count += 1\n    return count\n"
    )
    assert [account.invoke(arn)[0] for _ in range(3)] == [1, 2, 3]
    client = lab.aws.client("lambda")
    client.update_function_code(
        FunctionName=arn, ZipFile=archive(app="def handler(e, c):\n    return 'new'\n")
    )
    assert account.invoke(arn)[0] == "new"
    client.update_function_configuration(FunctionName=arn, Environment={"Variables": {"AB": "b"}})
    account.invoke(arn)
    assert [i["cold"] for i in invocations_of(lab, arn)] == [True, False, False, True, True]


def test_environments_of_former_code_are_ended(lab: Lab, account: Account) -> None:
    code = "import os\ndef handler(event, context):\n    return os.getpid()\n"
    arn = account.function(code)
    former, _ = account.invoke(arn)
    new = archive(app=code + "# changed\n")
    lab.aws.client("lambda").update_function_code(FunctionName=arn, ZipFile=new)
    assert account.invoke(arn)[0] != former
    with pytest.raises(ProcessLookupError):
        os.kill(former, 0)
    last, _ = account.invoke(arn)
    lab.aws.client("lambda").delete_function(FunctionName=arn)
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)


def test_reserved_concurrency_of_zero_throttles(lab: Lab, account: Account) -> None:
    """Reserved concurrency: 0 stops all invocations, with 429 TooManyRequestsException."""
    arn = account.function(ECHO)
    lab.aws.client("lambda").put_function_concurrency(
        FunctionName=arn, ReservedConcurrentExecutions=0
    )
    with pytest.raises(ClientError) as caught:
        account.invoke(arn)
    assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_asynchronous_errors_are_tried_three_times_then_dead_lettered(
    lab: Lab, account: Account
) -> None:
    """Asynchronous invocation: two retries, after one and two minutes, then the DLQ."""
    url, queue_arn = account.queue("dlq")
    arn = account.function(
        "def handler(event, context):\n    raise ValueError('always')\n",
        DeadLetterConfig={"TargetArn": queue_arn},
    )
    lab.aws.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=b'{"a": 1}')
    lab.settle()
    counts = [len(invocations_of(lab, arn))]
    for seconds in (59, 2, 118, 4):
        lab.advance(seconds)
        counts.append(len(invocations_of(lab, arn)))
    assert counts == [1, 1, 2, 2, 3]
    (message,) = account.messages(url)
    assert json.loads(message["Body"]) == {"a": 1}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "always"


def test_logs_go_where_the_role_lets_them(lab: Lab, account: Account) -> None:
    """Sending function logs to CloudWatch: the configured group, with the role's permissions."""
    group = f"/own/{account.name}"
    lab.aws.client("logs").create_log_group(logGroupName=group)
    code = "def handler(event, context):\n    print('a line of the function')\n"
    arn_of_group = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
    logging = {"LogFormat": "JSON", "LogGroup": group}
    allowed = account.role(
        {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": arn_of_group}
    )
    for role, expected in ((account.role(), 0), (allowed, 1)):
        account.invoke(account.function(code, role=role, LoggingConfig=logging))
        events = lab.aws.client("logs").filter_log_events(logGroupName=group)["events"]
        texts = [e["message"] for e in events]
        assert texts.count("a line of the function") == expected
    report = json.loads(texts[-1])
    assert report["type"] == "platform.report"
    assert report["record"]["status"] == "success"
    puts = [c for c in lab.calls() if c["action"] == "PutLogEvents"]
    assert puts[-1]["via"] == "lambda.amazonaws.com"
    assert puts[-1]["role"] == allowed.rsplit("/", 1)[-1]


HANGING_CALLS = """
import ssl, time, urllib.error, urllib.request
def handler(event, context):
    tls = ssl.create_default_context(cadata=event["ca"])
    left = []
    for _ in range(event["calls"]):
        left.append(context.get_remaining_time_in_millis() / 1000)
        try:
            urllib.request.urlopen(event["url"], context=tls, timeout=20).close()
        except urllib.error.HTTPError:
            pass
        except TimeoutError:
            pass
    return left
"""


def test_a_function_whose_calls_hang_runs_out_of_its_time(lab: Lab, account: Account) -> None:
    """Each call that hangs takes the seconds of its client's timeout, in lab time."""
    arn = account.function(HANGING_CALLS, Timeout=50)
    event = {"ca": lab.ca_pem, "url": "https://panorama.example.com/api/?type=op"}
    lab.panorama.configure(mode="hanging")
    try:
        left, error = account.invoke(arn, event | {"calls": 2})
        before = lab.now()
        answer, timeout = account.invoke(arn, event | {"calls": 3})
        passed = lab.now() - before
    finally:
        lab.panorama.configure(mode="answering")
    assert (left, error) == ([50, 30], "")
    assert timeout == "Unhandled"
    assert answer["errorMessage"].endswith("Error: Task timed out after 50.00 seconds")
    assert 50 <= passed < 55


def test_a_delayed_response_takes_a_function_lab_time(lab: Lab, account: Account) -> None:
    """The client gives up only if the delay is longer than its timeout."""
    arn = account.function(HANGING_CALLS, Timeout=600)
    event = {"ca": lab.ca_pem, "url": "https://panorama.example.com/api/?type=op", "calls": 3}
    for delay, seconds in ((15, 15), (300, 20)):
        lab.panorama.configure(delay_seconds=delay)
        try:
            left, error = account.invoke(arn, event)
        finally:
            lab.panorama.configure(delay_seconds=0)
        assert (left, error) == ([600, 600 - seconds, 600 - 2 * seconds], "")


CALLS_WITH_TIMEOUTS = """
import time
import boto3
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
def handler(name, context):
    config = Config(read_timeout=9, retries={"total_max_attempts": 1})
    sqs = boto3.client("sqs", config=config)
    begun = time.time()
    try:
        outcome = sqs.create_queue(QueueName=name)["QueueUrl"].rpartition("/")[2]
    except ReadTimeoutError:
        outcome = "timed out"
    return outcome, round(time.time() - begun, 3)
"""


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "delay", "seconds": 8}, [8]),
        ({"kind": "delay", "seconds": 8, "when": "after"}, [8]),
        ({"kind": "delay", "seconds": 10}, ["timed out", 9]),
        ({"kind": "late", "seconds": 4}, ["timed out", 9]),
    ],
)
def test_faults_that_delay_calls_of_a_function_take_lab_time(
    lab: Lab, account: Account, fault: dict[str, Any], expected: list[Any]
) -> None:
    """Whether the client waits or gives up, the call takes effect."""
    arn = account.function(CALLS_WITH_TIMEOUTS, Timeout=60)
    lab.faults.add("sqs", "CreateQueue", role="*", **fault)
    name = account.name
    answer, error = account.invoke(arn, name)
    assert (answer[-len(expected) :], error) == (expected, "")
    lab.settle()
    assert len(lab.aws.client("sqs").list_queues(QueueNamePrefix=name)["QueueUrls"]) == 1


def test_output_after_the_answer_belongs_to_the_next_invocation(lab: Lab, account: Account) -> None:
    """Execution environment lifecycle: background work goes on when the environment thaws."""
    arn = account.function(
        """
        import threading
        timers = []
        def handler(event, context):
            for timer in timers:
                timer.join()
            timers[:] = [threading.Timer(0.3, print, ["a late line"])]
            timers[0].start()
        """
    )
    account.invoke(arn)
    assert account.invoke(arn) == (None, "")
    group = f"/aws/lambda/{arn.rsplit(':', 1)[-1]}"
    events = lab.aws.client("logs").filter_log_events(logGroupName=group)["events"]
    assert "a late line" in [event["message"] for event in events]


def test_settings_that_lambda_keeps(lab: Lab, account: Account) -> None:
    """GetFunctionConfiguration shows what was set, else every plan shows a change."""
    _, dead_letters = account.queue("dlq")
    code = archive(app=ECHO)
    arn = account.function(
        ECHO,
        Architectures=["arm64"],
        TracingConfig={"Mode": "Active"},
        DeadLetterConfig={"TargetArn": dead_letters},
        LoggingConfig={"LogFormat": "JSON", "LogGroup": "/a/b", "SystemLogLevel": "WARN"},
    )
    client = lab.aws.client("lambda")
    shown = client.get_function_configuration(FunctionName=arn)
    assert shown["LoggingConfig"] == {
        "LogFormat": "JSON",
        "LogGroup": "/a/b",
        "SystemLogLevel": "WARN",
        "ApplicationLogLevel": "INFO",
    }
    assert shown["DeadLetterConfig"] == {"TargetArn": dead_letters}
    assert shown["Architectures"] == ["arm64"]
    client.update_function_configuration(
        FunctionName=arn, TracingConfig={"Mode": "PassThrough"}, LoggingConfig={"LogFormat": "Text"}
    )
    shown = client.get_function_configuration(FunctionName=arn)
    assert shown["TracingConfig"] == {"Mode": "PassThrough"}
    assert shown["LoggingConfig"]["LogFormat"] == "Text"
    layer = client.publish_layer_version(LayerName=account.name, Content={"ZipFile": code})
    digest = base64.b64encode(hashlib.sha256(code).digest()).decode()
    assert layer["Content"]["CodeSha256"] == digest


def test_role_must_trust_lambda(lab: Lab, account: Account) -> None:
    """Execution role: "The role defined for the function cannot be assumed by Lambda."."""
    trust = policy({"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    role = lab.aws.client("iam").create_role(RoleName=account.name, AssumeRolePolicyDocument=trust)
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        account.function(ECHO, role=role["Role"]["Arn"])


def test_crash_fault_kills_the_process_that_called(lab: Lab, account: Account) -> None:
    code = """
    import boto3
    def handler(event, context):
        boto3.client("sqs").create_queue(QueueName=event)
    """
    role = account.role({"Action": "sqs:*", "Resource": "*"}, name=f"{account.name}-crash")
    arn = account.function(code, role=role)
    for when, exists in (("before", False), ("after", True)):
        lab.faults.add("sqs", "CreateQueue", kind="crash", when=when, role=f"{account.name}-crash")
        answer, error = account.invoke(arn, f"{account.name}-{when}")
        assert error == "Unhandled"
        assert answer["errorMessage"].endswith("Runtime exited with error: signal: killed")
        found = lab.aws.client("sqs").list_queues(QueueNamePrefix=f"{account.name}-{when}")
        assert ("QueueUrls" in found) is exists
    assert account.invoke(arn, f"{account.name}-fine") == (None, "")
