"""The pre-flight check of each function: the permissions of its role, by dry runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from component.fakes.base import NAME, ZONE, client_error
from component.fakes.cloud import Cloud
from component.fakes.functions import become_reconcile, become_terminate, configure
from component.fakes.logs import Logs
from component.fakes.runtime import FakeContext
from vmseries_autoscale.handlers import launch
from vmseries_autoscale.preflight import panorama_access
from vmseries_autoscale.preflight.aws_permissions import NONEXISTENT_INSTANCE_ID
from vmseries_autoscale.preflight.findings import Finding

CHANGING = {
    "AllocateAddress",
    "AssociateAddress",
    "AttachNetworkInterface",
    "CreateNetworkInterface",
    "CreateTags",
    "DeleteNetworkInterface",
    "DisassociateAddress",
    "ModifyNetworkInterfaceAttribute",
    "ReleaseAddress",
}
NONE_YET = (
    "Permissions for instances, interfaces and addresses of firewalls: there are none yet. Invoke "
    "the function again when the first firewall is in service."
)


@pytest.fixture(autouse=True)
def no_panorama(monkeypatch: pytest.MonkeyPatch) -> None:
    """Panorama has tests of its own."""

    def check(*_: Any) -> Iterable[Finding]:
        return iter(())

    monkeypatch.setattr(panorama_access, "check", check)


def validate(cloud: Cloud) -> dict[str, Any]:
    """Run the pre-flight check, and return its report."""
    with cloud.warm():
        answer = cloud.handler({"action": "validate"}, FakeContext())
    report: dict[str, Any] = json.loads(json.dumps(answer))
    return report


def changes(cloud: Cloud) -> list[str]:
    """The requests to EC2 that change something; all must be dry runs."""
    changing = [call for call in cloud.calls if call[1] in CHANGING]
    assert all(parameters["DryRun"] for _, _, parameters in changing)
    return [operation for _, operation, _ in changing]


def tag(cloud: Cloud) -> None:
    """Tag the instance, as Auto Scaling does when it launches one."""
    cloud.ec2.create_tags(
        Resources=[cloud.instance_id],
        Tags=[{"Key": "vmseries-autoscale:deployment", "Value": NAME}],
    )


# Before the first firewall.


@pytest.mark.documents(id="preflight/no-firewall")
def test_before_the_first_firewall_some_permissions_stay_unchecked(launching: Cloud) -> None:
    answer = validate(launching)
    assert answer["ok"]
    assert answer["problems"] == []
    assert answer["unchecked"] == [NONE_YET]
    management = launching.subnets["management"]
    assert (
        f"The function may create the interface management in {management} ({ZONE})."
        in answer["checked"]
    )
    assert "The function may send heartbeats for the hook launch." in answer["checked"]
    assert changes(launching).count("CreateNetworkInterface") == 2
    assert changes(launching).count("AllocateAddress") == 2


@pytest.mark.documents(id="preflight/no-firewall")
def test_a_heartbeat_of_the_preflight_names_no_instance(launching: Cloud) -> None:
    validate(launching)
    (heartbeat,) = [call for call in launching.calls if call[1].endswith("Heartbeat")]
    assert heartbeat[2]["InstanceId"] == NONEXISTENT_INSTANCE_ID


@pytest.mark.documents(id="preflight/aws/missing-object")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"subnet_ids": {ZONE: "subnet-0123456789abcdef0"}}, "InvalidSubnetID.NotFound"),
        ({"public_ipv4_pool": "ipv4pool-ec2-0", "public_ip": True}, "AllocateAddress"),
    ],
)
def test_the_resources_that_a_launch_needs_must_exist(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], code: str
) -> None:
    settings = launching.launch_settings()
    settings["interfaces"]["management"].update(change)
    configure(monkeypatch, settings)
    if code == "AllocateAddress":
        launching.errors[code] = [client_error("InvalidPoolID.NotFound", operation=code)]
    answer = validate(launching)
    (problem,) = answer["problems"]
    assert problem.startswith("AWS refuses to ")
    assert code in problem
    assert not answer["ok"]


# With a firewall.


@pytest.mark.documents(id="preflight/aws/denied")
def test_each_function_checks_the_calls_that_it_makes(
    running: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag(running)
    become_terminate(running, monkeypatch)
    answer = validate(running)
    assert answer["ok"]
    assert any("describe the activities of the group" in text for text in answer["checked"])
    assert set(changes(running)) == {
        "CreateTags",
        "DeleteNetworkInterface",
        "DisassociateAddress",
        "ModifyNetworkInterfaceAttribute",
        "ReleaseAddress",
    }
    become_reconcile(running, monkeypatch)
    assert validate(running)["ok"]
    assert set(changes(running)) == {"DeleteNetworkInterface", "ReleaseAddress"}


@pytest.mark.documents(id="preflight/nothing-wrong")
def test_the_launch_function_checks_its_calls_and_changes_nothing(
    running: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag(running)
    before = running.own_interfaces(), running.addresses(), running.tags()
    configure(monkeypatch, running.launch_settings())
    running.handler = launch.handler
    running.calls.clear()
    answer = validate(running)
    assert answer["ok"]
    assert answer["unchecked"] == []
    assert set(changes(running)) == CHANGING
    assert (running.own_interfaces(), running.addresses(), running.tags()) == before


# Refusals.


@pytest.mark.documents(id="preflight/aws/state")
def test_a_call_that_the_state_forbids_is_not_a_missing_permission(
    running: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_terminate(running, monkeypatch)
    running.errors["ReleaseAddress"] = [
        client_error("InvalidIPAddress.InUse", operation="ReleaseAddress")
    ]
    answer = validate(running)
    assert answer["ok"]
    assert (
        "the resource's state does not allow it now (ReleaseAddress: InvalidIPAddress.InUse)"
        in str(answer["unchecked"])
    )


@pytest.mark.documents(id="preflight/aws/denied")
def test_an_explicit_deny_is_reported(terminating: Cloud) -> None:
    denied = client_error(
        "AccessDenied",
        message="User: arn is not authorized to perform: sqs:GetQueueAttributes "
        "with an explicit deny in a service control policy",
        operation="GetQueueAttributes",
    )
    terminating.errors["GetQueueAttributes"] = [denied]
    (problem,) = validate(terminating)["problems"]
    assert "may not use the queue https://" in problem
    assert "explicit deny in a service control policy" in problem
    assert problem.endswith("or a changed role policy.")


@pytest.mark.documents(id="preflight/aws/denied")
def test_encoded_authorization_messages_are_left_out(launching: Cloud) -> None:
    launching.errors["AllocateAddress"] = [
        client_error(
            "UnauthorizedOperation",
            message="You are not authorized to perform this operation. "
            "Encoded authorization failure message: AAAA",
            operation="AllocateAddress",
        )
    ] * 2
    problems = validate(launching)["problems"]
    assert [text.partition(" (")[0] for text in problems] == [
        "The function's role may not allocate the public address of management",
        "The function's role may not allocate the public address of untrust",
    ]
    assert "AAAA" not in str(problems)


@pytest.mark.documents(id="preflight/route/aws")
def test_a_service_without_a_route_is_named_once(launching: Cloud) -> None:
    launching.errors["DescribeInstances"] = [ConnectTimeoutError(endpoint_url="https://ec2")]
    answer = validate(launching)
    (problem,) = answer["problems"]
    assert problem.startswith("EC2 cannot be reached at https://ec2.us-east-1.amazonaws.com")
    assert "NAT gateway" in problem
    assert all("EC2 is not reachable." in text for text in answer["unchecked"][:-1])
    assert changes(launching) == []


@pytest.mark.documents(id="preflight/aws/no-group")
def test_a_missing_group_is_reported(reconciling: Cloud) -> None:
    reconciling.account.group_exists = False
    (problem,) = validate(reconciling)["problems"]
    assert problem == "There is no Auto Scaling group fw: apply the module again."


@pytest.mark.documents(id="preflight/secret/corrected")
def test_a_corrected_secret_is_read_again(terminating: Cloud) -> None:
    for content, ok in (('{"key": "k"}', False), ('{"api_key": "k"}', True)):
        terminating.account.secrets[terminating.licensing_secret] = content
        assert validate(terminating)["ok"] is ok


@pytest.mark.documents(id="preflight/defect")
def test_a_defect_in_one_check_does_not_hide_the_others(
    terminating: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(*_: Any) -> Iterable[Finding]:
        raise KeyError("defect")

    monkeypatch.setattr(panorama_access, "check", check)
    answer = validate(terminating)
    assert answer["problems"] == ["Panorama: the check itself failed with KeyError: 'defect'."]
    assert "The function may send heartbeats for the hook terminate." in answer["checked"]


@pytest.mark.documents(id="preflight/output")
def test_the_report_is_one_log_record(launching: Cloud, logs: Logs) -> None:
    logs()
    answer = validate(launching)
    (record,) = [record for record in logs() if record.get("message") == "Completed the pre-flight"]
    assert record["report"] == answer
