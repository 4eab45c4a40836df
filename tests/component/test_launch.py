"""The launch function, from queue message to the state of AWS and Panorama."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from component.fakes import settings
from component.fakes.base import NAME, client_error
from component.fakes.cloud import Cloud
from component.fakes.functions import configure
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import FakePanorama
from component.fakes.secrets_manager import PANORAMA_KEY
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceAccessError,
    DeviceBusyError,
    DeviceUnavailableError,
)
from vmseries_autoscale.launch.abandon import NO_REASON
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Device

SERIAL = "007951000012345"


def launch_event(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    return cloud.event(Transition.LAUNCHING, **changes)


def firewall(cloud: Cloud, **changes: Any) -> Device:
    ready = cloud.firewall(SERIAL)
    return replace(ready, **changes)


def without_gate(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, cloud.launch_settings(readiness="off", panorama=None))


def tags_of(item: dict[str, Any], key: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in item[key]}


def assert_attached(cloud: Cloud) -> None:
    """Assert that exactly the wanted interfaces and addresses exist, with their settings."""
    data, management, untrust = cloud.attached()
    assert [item["SourceDestCheck"] for item in (data, management, untrust)] == [False, True, False]
    assert management["SubnetId"] == cloud.subnets["management"]
    assert untrust["SubnetId"] == cloud.subnets["untrust"]
    own = {item["NetworkInterfaceId"] for item in cloud.own_interfaces()}
    assert own == {management["NetworkInterfaceId"], untrust["NetworkInterfaceId"]}
    assert cloud.delete_on_termination == own
    assert {address["NetworkInterfaceId"] for address in cloud.addresses()} == own


@pytest.mark.documents(id="failure-modes/L14")
@pytest.mark.documents(id="readiness/gate/normal")
def test_a_launch_brings_a_firewall_into_service(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = launch_event(launching, age=100)
    assert launching.deliver(event) == ["message-0"]
    assert_attached(launching)
    assert launching.pauses() == [30]
    assert fake_panorama.calls == [], "a firewall that was just attached has not booted"
    first = metrics(logs())
    assert 100 <= first["InterfacesAttachedSeconds"] < 110

    assert launching.deliver(event) == ["message-0"]
    assert "no firewall with this host name" in reasons(logs())[0]

    fake_panorama.register(firewall(launching, policy_status="Out of Sync"))
    assert launching.deliver(event) == ["message-0"]
    assert launching.tags()["vmseries-autoscale:serial"] == SERIAL
    record = launching.account.record(launching.instance_id)
    assert (record.serial, record.evidence) == (SERIAL, {"hostname", "management-ip"})
    (reason,) = reasons(logs())
    assert reason.startswith("device group: Out of Sync; ")
    assert launching.completed == []

    fake_panorama.register(firewall(launching))
    assert launching.deliver(event) == []
    assert launching.completed == [(event["detail"]["LifecycleActionToken"], "CONTINUE")]
    last = metrics(logs())
    assert last["LaunchCompleted"] == 1
    assert 100 <= last["LaunchSeconds"] < 110
    assert launching.operations()["CreateTags"] == 1


def test_resources_are_tagged_with_their_owner(
    launching: Cloud, fake_panorama: FakePanorama
) -> None:
    launching.deliver(launch_event(launching))
    for interface in launching.own_interfaces():
        name = tags_of(interface, "TagSet")["vmseries-autoscale:interface"]
        expected = {
            "Name": f"{NAME}-{launching.instance_id}-{name}",
            "team": "network",
            "vmseries-autoscale:deployment": NAME,
            "vmseries-autoscale:group": NAME,
            "vmseries-autoscale:instance-id": launching.instance_id,
            "vmseries-autoscale:interface": name,
            "vmseries-autoscale:device-index": {"management": "1", "untrust": "2"}[name],
        }
        assert tags_of(interface, "TagSet") == expected
        (address,) = [
            item
            for item in launching.addresses()
            if item["NetworkInterfaceId"] == interface["NetworkInterfaceId"]
        ]
        assert tags_of(address, "Tags") == expected
    tokens = [
        parameters["ClientToken"]
        for _, operation, parameters in launching.calls
        if operation == "CreateNetworkInterface"
    ]
    assert len(set(tokens)) == 2
    assert all(len(token) <= 64 for token in tokens), "EC2's limit"


def test_without_a_readiness_gate_one_visit_is_enough(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_gate(launching, monkeypatch)
    assert launching.deliver(launch_event(launching)) == []
    assert_attached(launching)
    assert launching.results == ["CONTINUE"]


def test_a_launch_stays_within_the_call_budget(
    launching: Cloud, fake_panorama: FakePanorama
) -> None:
    """All calls of a visit count, except the heartbeat, as in the table of docs/operations.md."""

    def calls() -> Counter[str]:
        made = launching.operations()
        launching.calls.clear()
        del made["RecordLifecycleActionHeartbeat"]
        return made

    event = launch_event(launching)
    launching.deliver(event)
    assert calls() == {
        "ChangeMessageVisibilityBatch": 1,
        "DescribeInstances": 1,
        "DescribeAddresses": 1,
        "CreateNetworkInterface": 2,
        "AllocateAddress": 2,
        "AttachNetworkInterface": 2,
        "AssociateAddress": 2,
        "DescribeNetworkInterfaces": 1,
        "ModifyNetworkInterfaceAttribute": 4,
        "ChangeMessageVisibility": 1,
    }, "17 calls attach three interfaces with two addresses"
    launching.deliver(event, receive_count=2)
    waiting = calls()
    assert waiting.pop("BatchGetItem") == waiting.pop("PutItem") == 1, "the first of them records"
    assert waiting.total() == 5, "a visit that waits for the boot"
    fake_panorama.register(firewall(launching))
    launching.deliver(event, receive_count=3)
    entering = calls()
    assert entering.pop("BatchGetItem") == entering.pop("PutItem") == 1
    assert entering.total() == 7, "the visit that completes the launch"
    launching.deliver(event)
    assert calls() == {
        "ChangeMessageVisibilityBatch": 1,
        "DescribeInstances": 1,
        "DescribeAddresses": 1,
    }, "a duplicate"


def test_interfaces_are_attached_one_after_the_other_by_their_device_index(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise, the guest may take the untrust interface for the management interface."""
    roles = ("untrust", "management", "data")
    interfaces = {role: settings.interface(role) for role in roles}
    configure(monkeypatch, launching.launch_settings(interfaces=interfaces))
    launching.deliver(launch_event(launching))
    wired = [
        parameters.get("DeviceIndex")
        for _, operation, parameters in launching.calls
        if operation in ("AttachNetworkInterface", "DescribeNetworkInterfaces")
    ]
    assert wired == [1, None, 2]
    assert launching.pauses_of_functions == [2]
    assert launching.account.harm == []


def test_a_launch_without_addresses_does_not_look_for_any(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    interfaces = {role: settings.interface(role) for role in launching.subnets}
    for interface in interfaces.values():
        interface["public_ip"] = False
    configure(monkeypatch, launching.launch_settings(interfaces=interfaces))
    launching.deliver(launch_event(launching))
    assert launching.operations()["DescribeAddresses"] == 0
    assert len(launching.attached()) == 3


def test_a_second_address_is_released_before_the_launch_completes(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visit whose response was lost allocated it, and EC2 did not show it to this visit yet."""
    without_gate(launching, monkeypatch)
    real_call = launching.account.call

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "AllocateAddress":
            monkeypatch.setattr(launching.account, "call", real_call)
            launching.account.allocate_address(parameters)
        return real_call(client, operation, parameters)

    monkeypatch.setattr(launching.account, "call", call)
    assert launching.deliver(launch_event(launching)) == []
    assert launching.operations()["AllocateAddress"] == 2
    assert_attached(launching)
    assert len(launching.addresses()) == 2
    assert launching.results == ["CONTINUE"]


def test_an_event_after_the_hook_ended_creates_nothing(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = launch_event(launching)
    launching.close_hooks()
    assert launching.deliver(event) == []
    assert launching.own_interfaces() == []
    assert launching.completed == []
    assert metrics(logs())["LaunchHookClosed"] == 1


def test_duplicate_messages_in_one_batch_are_processed_once(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_gate(launching, monkeypatch)
    event = launch_event(launching)
    assert launching.deliver(event, event) == []
    assert_attached(launching)
    assert len(launching.completed) == 1


@pytest.mark.documents(id="failure-modes/L13")
@pytest.mark.parametrize(
    "operation",
    [
        "RecordLifecycleActionHeartbeat",
        "DescribeInstances",
        "DescribeNetworkInterfaces",
        "DescribeAddresses",
        "CreateNetworkInterface",
        "AttachNetworkInterface",
        "ModifyNetworkInterfaceAttribute",
        "AllocateAddress",
        "AssociateAddress",
        "CompleteLifecycleAction",
    ],
)
def test_throttling_is_retried(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch, operation: str, logs: Logs
) -> None:
    without_gate(launching, monkeypatch)
    event = launch_event(launching)
    launching.errors[operation] = [client_error("RequestLimitExceeded", operation=operation)]
    assert launching.deliver(event) == ["message-0"]
    assert launching.completed == []
    assert metrics(logs())["VisitFailed"] == 1
    assert launching.deliver(event) == []
    assert_attached(launching)
    assert launching.results == ["CONTINUE"]


def test_a_throttled_launch_progresses_call_by_call(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """EC2 throttles two of three calls of each operation, for many visits."""
    event = launch_event(launching, age=10)
    throttled = ["CreateNetworkInterface", "AttachNetworkInterface", "AllocateAddress"]
    throttled += ["AssociateAddress", "ModifyNetworkInterfaceAttribute"]
    real_call, attempts = launching.account.call, Counter[str]()

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation in throttled:
            attempts[operation] += 1
            if attempts[operation] % 3 != 0:
                launching.calls.append(("ec2", operation, parameters))
                raise client_error("RequestLimitExceeded", operation=operation)
        return real_call(client, operation, parameters)

    visits = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launching.account, "call", call)
        while launching.pauses()[-1:] != [30]:
            visits += 1
            assert launching.deliver(event, receive_count=visits) == ["message-0"]
            assert visits < 30
    assert visits > 3
    *backoffs, _ = launching.pauses()
    assert len(set(backoffs)) > 1
    assert all(5 <= pause <= 20 for pause in backoffs)
    assert_attached(launching)
    assert launching.completed == []
    counted = metrics(logs())
    assert counted["VisitFailed"] == visits - 1
    assert 10 <= counted["InterfacesAttachedSeconds"] < 20, (
        "measured once, when everything is attached"
    )

    fake_panorama.register(firewall(launching))
    assert launching.deliver(event) == []
    assert launching.results == ["CONTINUE"]


def throttle(cloud: Cloud, operation: str) -> None:
    """Let EC2 throttle more calls than a visit makes."""
    cloud.errors[operation] = [
        client_error("RequestLimitExceeded", operation=operation) for _ in range(100)
    ]


@pytest.mark.parametrize(
    "operation", ["AttachNetworkInterface", "AllocateAddress", "AssociateAddress"]
)
def test_the_deadline_abandons_a_launch_that_stays_throttled(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs, operation: str
) -> None:
    throttle(launching, operation)
    assert launching.deliver(launch_event(launching, age=10)) == ["message-0"]
    assert launching.deliver(launch_event(launching, age=2600), receive_count=90) == ["message-0"]
    assert all(5 <= pause <= 20 for pause in launching.pauses())
    assert launching.completed == []
    logs()
    assert launching.deliver(launch_event(launching, age=2700), receive_count=91) == []
    assert launching.results == ["ABANDON"]
    assert launching.addresses() == []
    (abandon_reason,) = reasons(logs())
    assert "deadline" in abandon_reason
    assert f"RequestLimitExceeded) when calling the {operation}" in abandon_reason


def test_a_message_received_more_than_a_thousand_times_still_ends(
    launching: Cloud, fake_panorama: FakePanorama
) -> None:
    """SQS may not move it to the dead-letter queue (docs/assumptions.md): the deadline ends it."""
    assert launching.deliver(launch_event(launching, age=10), receive_count=1001) == ["message-0"]
    late = launch_event(launching, age=2700)
    assert launching.deliver(late, receive_count=1002) == []
    assert launching.results == ["ABANDON"]


def test_a_launch_is_abandoned_as_soon_as_undoing_it_is_not_throttled(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """An interface attached without DeleteOnTermination would outlive its instance."""
    throttle(launching, "ModifyNetworkInterfaceAttribute")
    assert launching.deliver(launch_event(launching, age=10)) == ["message-0"]
    late = launch_event(launching, age=2700)
    assert launching.deliver(late) == ["message-0"]
    assert all(5 <= pause <= 20 for pause in launching.pauses())
    launching.errors.clear()
    assert launching.deliver(late) == []
    assert launching.results == ["ABANDON"]
    assert {item["NetworkInterfaceId"] for item in launching.own_interfaces()} == (
        launching.delete_on_termination
    )


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "InvalidAddress.Locked"])
def test_an_address_that_ec2_does_not_release_does_not_hold_an_abandoned_launch(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs, code: str
) -> None:
    """It held the launch for days, and Auto Scaling did not replace the instance."""
    assert launching.deliver(launch_event(launching, age=10)) == ["message-0"]
    launching.errors["ReleaseAddress"] = [client_error(code) for _ in range(4)]
    logs()
    assert launching.deliver(launch_event(launching, age=2700)) == []
    assert launching.results == ["ABANDON"]
    records = logs()
    assert metrics(records)["VisitFailed"] == 1
    assert any(code in reason for reason in reasons(records))


@pytest.mark.parametrize(
    "code",
    ["IncorrectState", "InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterface.InUse"],
)
def test_a_launch_waits_for_an_interface_that_is_not_usable_yet(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch, code: str, logs: Logs
) -> None:
    without_gate(launching, monkeypatch)
    event = launch_event(launching)
    launching.errors["AttachNetworkInterface"] = [client_error(code)]
    assert launching.deliver(event) == ["message-0"]
    assert launching.pauses() == [5]
    assert "VisitFailed" not in metrics(logs()), "waiting is no failure"
    assert launching.deliver(event) == []
    assert_attached(launching)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("CreateNetworkInterface", "InvalidSubnetID.NotFound"),
        ("CreateNetworkInterface", "InvalidGroup.NotFound"),
        ("CreateNetworkInterface", "SecurityGroupsPerInterfaceLimitExceeded"),
        ("AttachNetworkInterface", "AttachmentLimitExceeded"),
    ],
)
def test_a_permanent_error_undoes_and_abandons_the_launch(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs, operation: str, code: str
) -> None:
    launching.errors[operation] = [client_error(code, operation=operation)]
    assert launching.deliver(launch_event(launching)) == []
    assert launching.results == ["ABANDON"]
    attached = {item["NetworkInterfaceId"] for item in launching.attached()[1:]}
    assert {item["NetworkInterfaceId"] for item in launching.own_interfaces()} == attached
    assert attached <= launching.delete_on_termination, "deleted with the instance"
    assert launching.addresses() == []
    records = logs()
    assert metrics(records)["LaunchAbandoned"] == 1
    assert any(code in reason for reason in reasons(records))


@pytest.mark.documents(id="failure-modes/L6")
@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("CreateNetworkInterface", "InsufficientFreeAddressesInSubnet"),
        ("CreateNetworkInterface", "UnauthorizedOperation"),
        ("AllocateAddress", "AddressLimitExceeded"),
    ],
)
def test_a_capacity_error_is_retried_while_the_firewall_boots(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs, operation: str, code: str
) -> None:
    launching.errors[operation] = [client_error(code) for _ in range(4)]
    early = launch_event(launching, age=10)
    assert launching.deliver(early) == ["message-0"]
    assert launching.completed == []
    late = {**early, "time": launch_event(launching, age=301)["time"]}
    assert launching.deliver(late) == []
    assert launching.results == ["ABANDON"]
    assert launching.addresses() == []


def test_a_firewall_that_booted_without_interfaces_is_abandoned_at_once(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Its bootstrap looks for the management interface only once."""
    assert launching.deliver(launch_event(launching, age=900)) == []
    assert launching.results == ["ABANDON"]
    assert launching.own_interfaces() == []
    assert any("BootedWithoutInterfacesError" in reason for reason in reasons(logs()))


def test_a_launch_waits_for_a_booted_firewall_that_has_its_interfaces(
    launching: Cloud, fake_panorama: FakePanorama
) -> None:
    assert launching.deliver(launch_event(launching, age=890)) == ["message-0"]
    assert launching.deliver(launch_event(launching, age=900)) == ["message-0"]
    assert launching.completed == []
    assert_attached(launching)


@pytest.mark.documents(id="failure-modes/L5")
def test_a_launch_in_a_zone_without_a_subnet_is_abandoned(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    settings = launching.launch_settings(readiness="off", panorama=None)
    settings["interfaces"]["untrust"]["subnet_ids"] = {"us-east-1b": "subnet-0"}
    configure(monkeypatch, settings)
    assert launching.deliver(launch_event(launching)) == []
    assert launching.results == ["ABANDON"]
    assert any("untrust has no subnet in us-east-1a" in reason for reason in reasons(logs()))
    assert launching.own_interfaces() == []


def test_an_occupied_device_index_is_left_alone(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    foreign = launching.ec2.create_network_interface(SubnetId=launching.subnets["management"])
    foreign_id = foreign["NetworkInterface"]["NetworkInterfaceId"]
    launching.ec2.attach_network_interface(
        NetworkInterfaceId=foreign_id, InstanceId=launching.instance_id, DeviceIndex=1
    )
    assert launching.deliver(launch_event(launching, age=299)) == ["message-0"]
    assert any("does not show yet" in reason for reason in reasons(logs()))
    assert launching.deliver(launch_event(launching, age=300)) == []
    assert launching.results == ["ABANDON"]
    assert [item["NetworkInterfaceId"] for item in launching.attached()][1:] == [foreign_id]
    assert any(foreign_id in reason for reason in reasons(logs()))


@pytest.mark.documents(id="failure-modes/L14")
@pytest.mark.documents(id="readiness/gate/deadline")
@pytest.mark.documents(id="readiness/identity/never-registered")
@pytest.mark.parametrize(
    ("register", "reason"),
    [
        (lambda cloud, panorama: None, "does not reach TCP port 3978 of Panorama"),
        (lambda cloud, panorama: panorama.register(firewall(cloud, connected=False)), "connected"),
        (
            lambda cloud, panorama: panorama.register(firewall(cloud, template_status="")),
            "template stack: no status",
        ),
    ],
    ids=["never registered", "not connected", "not in sync"],
)
def test_a_launch_abandoned_at_the_deadline_logs_the_reason(
    launching: Cloud,
    fake_panorama: FakePanorama,
    logs: Logs,
    register: Callable[[Cloud, FakePanorama], None],
    reason: str,
) -> None:
    event = launch_event(launching, age=10)
    assert launching.deliver(event) == ["message-0"]
    register(launching, fake_panorama)
    assert launching.deliver(launch_event(launching, age=2600)) == ["message-0"]
    late = {**event, "time": launch_event(launching, age=2700)["time"]}
    logs()
    assert launching.deliver(late) == []
    assert launching.results == ["ABANDON"]
    assert launching.addresses() == []
    (abandon_reason,) = reasons(logs())
    assert "deadline" in abandon_reason
    assert reason in abandon_reason


@pytest.mark.documents(id="readiness/gate/overdue")
def test_an_overdue_launch_is_abandoned_before_panorama_is_asked(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """F4: a response that ends the function's process must not keep the instance waiting."""

    def die(_name: str) -> None:
        raise SystemExit("as a segmentation fault does")

    launching.deliver(launch_event(launching))
    fake_panorama.fail = die
    fake_panorama.calls.clear()
    for age in (10, 2600):
        with pytest.raises(SystemExit):
            launching.deliver(launch_event(launching, age=age))
    assert fake_panorama.calls
    fake_panorama.calls.clear()
    logs()
    assert launching.deliver(launch_event(launching, age=2700)) == []
    assert fake_panorama.calls == []
    assert launching.results == ["ABANDON"]
    assert launching.addresses() == []
    (reason,) = reasons(logs())
    assert reason == f"the deadline passed; {NO_REASON}"


@pytest.mark.documents(id="readiness/gate/no-license")
def test_a_launch_waits_for_a_license(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = launch_event(launching)
    launching.deliver(event)
    fake_panorama.register(firewall(launching))
    fake_panorama.licensed[SERIAL] = []
    assert launching.deliver(event) == ["message-0"]
    assert reasons(logs())[-1] == "the firewall has no license"


@pytest.mark.documents(id="readiness/gate/panorama-away")
@pytest.mark.parametrize(
    ("error", "unavailable", "failed"),
    [
        (DeviceUnavailableError(PANORAMA, "no answer"), 1, 1),
        (DeviceAccessError(PANORAMA, "wrong key"), 1, 1),
        (DeviceBusyError(PANORAMA, "failover"), 0, 0),
    ],
)
def test_panorama_errors_delay_the_launch(
    launching: Cloud,
    fake_panorama: FakePanorama,
    logs: Logs,
    error: Exception,
    unavailable: int,
    failed: int,
) -> None:
    event = launch_event(launching)
    launching.deliver(event)
    logs()

    def fail(_name: str) -> None:
        raise error

    fake_panorama.fail = fail
    assert launching.deliver(event) == ["message-0"]
    counted = metrics(logs())
    assert counted.get("PanoramaUnavailable", 0) == unavailable
    assert counted.get("VisitFailed", 0) == failed
    assert launching.completed == []


def test_a_terminated_instance_gets_no_interfaces(launching: Cloud) -> None:
    event = launch_event(launching)
    launching.ec2.terminate_instances(InstanceIds=[launching.instance_id])
    assert launching.deliver(event) == ["message-0"]
    assert launching.own_interfaces() == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("not JSON", "MalformedEventError"),
        ("[]", "MalformedEventError"),
        ('{"detail-type": "EC2 Instance-launch Lifecycle Action"}', "MalformedEventError"),
        ('{"detail-type": "EC2 Instance Launch Successful"}', "UnexpectedEventError"),
    ],
)
def test_a_malformed_message_goes_to_the_dead_letter_queue(
    launching: Cloud, logs: Logs, body: str, error: str
) -> None:
    assert launching.deliver(body) == []
    assert launching.dead_letters() == [(error, body)]
    assert metrics(logs()) == {"MessageDeadLettered": 1}
    assert launching.counted_calls() == 0


@pytest.mark.documents(id="failure-modes/L15")
@pytest.mark.parametrize(
    ("detail", "error"),
    [
        ({"AutoScalingGroupName": "another"}, "UnexpectedEventError"),
        ({"LifecycleHookName": "another"}, "UnexpectedEventError"),
        ({"Destination": "WarmPool"}, "UnsupportedTransitionError"),
        ({"Origin": "WarmPool"}, "UnsupportedTransitionError"),
        ({"Origin": "Moon"}, "MalformedEventError"),
        ({"EC2InstanceId": ""}, "MalformedEventError"),
    ],
)
def test_an_event_of_another_group_or_hook_goes_to_the_dead_letter_queue(
    launching: Cloud, detail: dict[str, str], error: str
) -> None:
    event = launch_event(launching, **detail) if "EC2InstanceId" not in detail else None
    event = event or launch_event(launching) | {
        "detail": {**launch_event(launching)["detail"], **detail}
    }
    assert launching.deliver(event) == []
    assert launching.dead_letters() == [(error, json.dumps(event))]


def test_a_test_notification_is_ignored(launching: Cloud) -> None:
    assert launching.deliver('{"Event": "autoscaling:TEST_NOTIFICATION"}') == []
    assert launching.dead_letters() == []


def test_a_bad_message_does_not_delay_the_others(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_gate(launching, monkeypatch)
    assert launching.deliver("not JSON", launch_event(launching)) == []
    assert launching.results == ["CONTINUE"]


def test_a_dead_letter_that_cannot_be_sent_is_retried(launching: Cloud, logs: Logs) -> None:
    launching.errors["SendMessage"] = [client_error("ServiceUnavailable")]
    assert launching.deliver("not JSON") == ["message-0"]
    assert metrics(logs())["VisitFailed"] == 1


def test_logs_name_the_instance_and_contain_no_secret(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = launch_event(launching)
    launching.errors["CreateNetworkInterface"] = [RuntimeError("a defect")]
    launching.deliver(event)
    launching.deliver(event)
    fake_panorama.register(firewall(launching))
    launching.deliver(event)
    records = logs()
    text = json.dumps(records)
    assert event["detail"]["LifecycleActionToken"] not in text
    assert PANORAMA_KEY not in text
    assert "LifecycleTransition" not in text, "no whole events"
    messages = [record for record in records if "message" in record]
    assert messages
    for record in messages:
        assert record["instance_id"] == launching.instance_id
        assert record["auto_scaling_group"] == NAME
        assert record["hook"] == "launch"
    assert any("Traceback" in record.get("exception", "") for record in records)
    assert any(record.get("serial") == SERIAL for record in records)
