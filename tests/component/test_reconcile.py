"""The reconcile function: what it removes, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from component.fakes.base import NAME, START, client_error
from component.fakes.cloud import OTHER_SERIAL, SERIAL, Cloud, add_firewall, ago, in_service_at
from component.fakes.ec2 import Attachment
from component.fakes.functions import become_reconcile, become_terminate, configure
from component.fakes.logs import Logs, metrics
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from component.fakes.steps import (
    DAY,
    FLOOR,
    LONG,
    SCHEDULED,
    change_device,
    end_without_visits,
    record_activity,
    refer_to_device,
    run,
    unreachable,
)
from vmseries_autoscale.aws import clients
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.errors import (
    DeviceUnavailableError,
    InvalidInvocationError,
    RecordError,
)
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.handlers import launch
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Device, Part

REAL_CALL: Any = vars(botocore.client.BaseClient)["_make_api_call"]
LAST_VISIT = "vmseries-autoscale:last-visit"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1"


def wait(cloud: Cloud, transition: Transition, since: float) -> str:
    """Let the instance wait at a hook whose event was lost; return the token."""
    launching = transition is Transition.LAUNCHING
    event = cloud.event(transition)
    cloud.set_members({cloud.instance_id: "Pending:Wait" if launching else "Terminating:Wait"})
    record_activity(
        cloud,
        ActivityType.LAUNCHING if launching else ActivityType.TERMINATING,
        cloud.instance_id,
        since,
    )
    return str(event["detail"]["LifecycleActionToken"])


def resent_events(cloud: Cloud) -> list[tuple[str, dict[str, Any]]]:
    """The events that were resent: queue and content."""
    return [
        (parameters["QueueUrl"], json.loads(parameters["MessageBody"]))
        for _, operation, parameters in cloud.calls
        if operation == "SendMessage"
    ]


def second_firewall(
    cloud: Cloud,
    panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    serial: str = OTHER_SERIAL,
) -> str:
    """Bring another firewall into service; return its instance ID."""
    instance_id = cloud.add_instance()
    configure(monkeypatch, cloud.launch_settings())
    cloud.handler = launch.handler
    add_firewall(cloud, panorama, instance_id, serial)
    become_reconcile(cloud, monkeypatch)
    return instance_id


def tag_as_the_launch_template(cloud: Cloud, instance_id: str) -> None:
    """Tag an instance as the launch template does."""
    tag = {"Key": "vmseries-autoscale:deployment", "Value": NAME}
    cloud.ec2.create_tags(Resources=[instance_id], Tags=[tag])


def assert_nothing_left(cloud: Cloud, panorama: FakePanorama) -> None:
    assert cloud.own_interfaces() == []
    assert cloud.addresses() == []
    assert panorama.entries() == 0


def assert_untouched(cloud: Cloud, panorama: FakePanorama, firewalls: int = 1) -> None:
    assert len(cloud.own_interfaces()) == 2 * firewalls
    assert len(cloud.addresses()) == 2 * firewalls
    assert panorama.entries() == 4 * firewalls
    assert panorama.named == panorama.committed
    # The record of an instance that is gone ends, whatever remains of the firewall.
    cloud.calls[:] = [call for call in cloud.calls if call.operation != "PutItem"]
    assert_changed_nothing(cloud)


def assert_changed_nothing(cloud: Cloud) -> None:
    reading = ("Describe", "Get", "Scan")
    assert [name for name in cloud.operations() if not name.startswith(reading)] == []


def nothing_remains(report: dict[str, Any]) -> bool:
    """Whether a run found nothing to do. A lost license stays in the report."""
    return not any(value for key, value in report.items() if key != "licenses_not_returned")


# Lost events.


def test_a_lost_launch_event_is_resent_and_completed(
    cloud: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    become_reconcile(cloud, monkeypatch)
    token = wait(cloud, Transition.LAUNCHING, since=FLOOR)
    assert run(cloud)["events_resent"] == [cloud.instance_id]
    assert metrics(logs())["LifecycleEventResent"] == 1
    ((queue, body),) = resent_events(cloud)
    assert queue == cloud.queue_url
    assert body["source"] == "vmseries-autoscale.reconcile"
    assert token not in json.dumps(body)

    # After half an hour, the firewall has booted without its interfaces: the deadline counts from
    # the launch of the instance, and not from the message.
    cloud.account.instances[cloud.instance_id].launched = ago(FLOOR)
    configure(monkeypatch, cloud.launch_settings())
    cloud.handler = launch.handler
    assert cloud.deliver(body) == []
    assert cloud.completed == [(token, "ABANDON")]
    assert cloud.own_interfaces() == []


def test_a_resent_launch_event_brings_an_attached_firewall_into_service(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message was lost after the interfaces were attached; they are used."""
    token = wait(reconciling, Transition.LAUNCHING, since=FLOOR)
    run(reconciling)
    ((_, body),) = resent_events(reconciling)
    configure(monkeypatch, reconciling.launch_settings())
    reconciling.handler = launch.handler
    assert reconciling.deliver(body) == []
    assert reconciling.completed == [(token, "CONTINUE")]
    (completion,) = [p for _, name, p in reconciling.calls if name == "CompleteLifecycleAction"]
    assert "LifecycleActionToken" not in completion, (
        "the reconcile function does not know the token"
    )
    assert completion["InstanceId"] == reconciling.instance_id


def test_a_lost_terminate_event_is_resent_and_completed(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = wait(reconciling, Transition.TERMINATING, since=FLOOR)
    run(reconciling)
    ((queue, body),) = resent_events(reconciling)
    assert queue == reconciling.terminate_queue_url
    become_terminate(reconciling, monkeypatch)
    assert reconciling.deliver(body) == ["message-0"]
    fake_panorama.finish_job()
    assert reconciling.deliver(body) == []
    assert reconciling.completed == [(token, "CONTINUE")]
    assert fake_panorama.licensed[SERIAL] == []
    assert_nothing_left(reconciling, fake_panorama)


def test_a_message_without_a_response_is_not_sent_again_in_the_same_run(
    reconciling: Cloud, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two messages would cause two chains of visits for one instance."""
    wait(reconciling, Transition.TERMINATING, since=FLOOR)
    sent = []

    def reset_connection(request: Any, **_: Any) -> None:
        sent.append(request)
        raise ConnectionClosedError(endpoint_url=request.url)

    def call_real_client(parameters: dict[str, Any]) -> Any:
        return REAL_CALL(clients.sqs_once(), "SendMessage", parameters)

    hook = "before-send.sqs.SendMessage", reset_connection
    clients.sqs_once().meta.events.register_first(*hook)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(reconciling.account, "send_message", call_real_client)
            report = run(reconciling)
    finally:
        clients.sqs_once().meta.events.unregister(*hook)
    assert len(sent) == 1
    assert report["events_resent"] == []
    assert "ConnectionClosedError" in report["events_not_resent"][reconciling.instance_id]
    assert report["unfinished"] == {}
    counted = metrics(logs())
    assert counted["LifecycleEventResendFailed"] == 1
    assert "OrphanRemovalFailed" not in counted
    # A later run resends it.
    assert run(reconciling)["events_resent"] == [reconciling.instance_id]


def test_an_event_with_recent_visits_is_not_resent(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait(reconciling, Transition.TERMINATING, since=DAY / 2)
    event = reconciling.event(Transition.TERMINATING, age=DAY / 2)
    fake_panorama.deactivation_works = False
    become_terminate(reconciling, monkeypatch)
    assert reconciling.deliver(event) == ["message-0"]
    become_reconcile(reconciling, monkeypatch)
    assert run(reconciling)["events_resent"] == []

    # Its message is lost: no visit has updated the tag since.
    tag = {"Key": LAST_VISIT, "Value": ago(FLOOR).isoformat()}
    reconciling.ec2.create_tags(Resources=[reconciling.instance_id], Tags=[tag])
    assert run(reconciling)["events_resent"] == [reconciling.instance_id]


def test_no_request_to_ec2_has_more_filter_values_than_ec2_accepts(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device group may have hundreds of other firewalls, and a subnet hundreds of targets."""
    stale_target(reconciling, monkeypatch)
    reconciling.targets[GROUP] = {(f"10.0.2.{host}", 443): "unhealthy" for host in range(4, 255)}
    for number in range(401):
        instance_id, serial = f"i-{number:017x}", f"9{number:014}"
        device = Device(serial, instance_id, "192.168.0.1", True, "In Sync", "In Sync")
        fake_panorama.firewalls[serial] = device
    report = run(reconciling)
    assert report["orphans"] == {}
    assert len(report["targets"]) + len(report["postponed"]) == 251 - 1, "one address is in use"
    numbers = {
        operation: max(
            sum(len(item["Values"]) for item in parameters.get("Filters", ()))
            for _, called, parameters in reconciling.calls
            if called == operation
        )
        for operation in ("DescribeInstances", "DescribeNetworkInterfaces")
    }
    assert numbers == {"DescribeInstances": 200, "DescribeNetworkInterfaces": 200}


@pytest.mark.parametrize("value", ["2026-11-01", "2026-11-01T00:00:00", "yesterday", " ", ""])
def test_an_odd_time_in_the_tag_of_an_instance_is_no_visit(reconciling: Cloud, value: str) -> None:
    """Anybody with ec2:CreateTags can write it; a time without time zone cannot be compared."""
    tag = {"Key": LAST_VISIT, "Value": value}
    reconciling.ec2.create_tags(Resources=[reconciling.instance_id], Tags=[tag])
    wait(reconciling, Transition.TERMINATING, since=FLOOR)
    assert run(reconciling)["events_resent"] == [reconciling.instance_id]


def test_a_visit_of_the_launch_does_not_count_for_the_termination(reconciling: Cloud) -> None:
    tag = {"Key": LAST_VISIT, "Value": ago(DAY).isoformat()}
    reconciling.ec2.create_tags(Resources=[reconciling.instance_id], Tags=[tag])
    wait(reconciling, Transition.TERMINATING, since=FLOOR)
    assert run(reconciling)["events_resent"] == [reconciling.instance_id]


@pytest.mark.parametrize(
    ("state", "since"),
    [
        ("Pending:Wait", FLOOR - 60),
        ("Terminating:Wait", FLOOR - 60),
        ("Pending:Proceed", LONG),
        ("Terminating:Proceed", LONG),
        ("InService", LONG),
    ],
)
def test_an_instance_that_has_not_waited_long_is_left_alone(
    reconciling: Cloud, fake_panorama: FakePanorama, state: str, since: float
) -> None:
    reconciling.set_members({reconciling.instance_id: state})
    record_activity(reconciling, ActivityType.TERMINATING, reconciling.instance_id, since)
    report = run(reconciling)
    assert report == run(reconciling, {"action": "report"}) | {"dry_run": False}
    assert not any(report.values())
    assert_untouched(reconciling, fake_panorama)


def test_lost_events_are_resent_while_panorama_is_unreachable(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    wait(reconciling, Transition.TERMINATING, since=LONG)
    fake_panorama.fail = unreachable
    with pytest.raises(DeviceUnavailableError):
        run(reconciling)
    assert len(resent_events(reconciling)) == 1


def test_an_open_hook_is_found_on_any_page_of_the_scaling_activities(reconciling: Cloud) -> None:
    wait(reconciling, Transition.TERMINATING, since=LONG)
    for number in range(7):
        record_activity(reconciling, ActivityType.LAUNCHING, f"i-{number:017x}", 100, 50)
    assert run(reconciling)["events_resent"] == [reconciling.instance_id]


# Orphans.


def terminated_by_user(cloud: Cloud) -> None:
    """A user terminated the instance in EC2, and Auto Scaling has noticed."""
    record_activity(cloud, ActivityType.TERMINATING, cloud.instance_id, LONG + 60, LONG)


def deleted_with_group(cloud: Cloud) -> None:
    """The group was deleted by force, which runs no hooks."""
    record_activity(cloud, ActivityType.TERMINATING, cloud.instance_id, LONG + 60, LONG)
    cloud.account.group_exists = False


def interrupted(cloud: Cloud) -> None:
    """EC2 interrupted the instance, as with spot capacity; the reason has no time."""
    cloud.account.instances[cloud.instance_id].reason_has_time = False
    record_activity(cloud, ActivityType.TERMINATING, cloud.instance_id, LONG + 60, LONG)


def detached(cloud: Cloud) -> None:
    """The running instance was detached from the group, and was terminated later."""
    record_activity(cloud, ActivityType.DETACHING, cloud.instance_id, DAY, DAY)


def forgotten(cloud: Cloud) -> None:
    """Neither EC2 nor Auto Scaling shows the instance anymore."""
    cloud.account.instances[cloud.instance_id].forgotten = True


def test_a_resent_event_is_reported_even_if_its_instance_becomes_an_unfinished_orphan(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait(reconciling, Transition.TERMINATING, LONG)
    recorded = reconciling.account.call

    def call(client: Any, name: str, parameters: dict[str, Any]) -> Any:
        response = recorded(client, name, parameters)
        if name == "SendMessage":
            end_without_visits(reconciling, fake_panorama)
            terminated_by_user(reconciling)
        return response

    monkeypatch.setattr(reconciling.account, "call", call)
    report = run(reconciling)
    assert report["events_resent"] == [reconciling.instance_id]
    assert report["unfinished"] == {reconciling.instance_id: "commit job 1 was requested"}


@pytest.mark.documents(id="panorama/removal/no-visit")
@pytest.mark.parametrize(
    "end", [terminated_by_user, deleted_with_group, interrupted, detached, forgotten]
)
def test_everything_of_a_firewall_that_ended_without_its_hook_is_removed(
    reconciling: Cloud, fake_panorama: FakePanorama, logs: Logs, end: Callable[[Cloud], None]
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    end(reconciling)
    first = run(reconciling)
    assert first["orphans"] == {gone: SERIAL}
    assert first["removed"] == []
    assert first["unfinished"] == {gone: "commit job 1 was requested"}
    assert reconciling.own_interfaces() == []
    assert reconciling.addresses() == []

    fake_panorama.finish_job()
    second = run(reconciling)
    assert nothing_remains(second)
    assert second["licenses_not_returned"] == [SERIAL], "until an operator ticks it off"
    assert_nothing_left(reconciling, fake_panorama)
    assert len(fake_panorama.jobs) == 1
    assert metrics(logs())["ReconcileCompleted"] == 2


@pytest.mark.documents(id="panorama/removal/no-visit")
def test_several_firewalls_leave_panorama_with_one_commit(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = second_firewall(reconciling, fake_panorama, monkeypatch)
    for instance_id in (reconciling.instance_id, other):
        end_without_visits(reconciling, fake_panorama, instance_id)
    assert len(run(reconciling)["orphans"]) == 2
    fake_panorama.finish_job()
    run(reconciling)
    assert_nothing_left(reconciling, fake_panorama)
    assert fake_panorama.calls.count("commit") == 1


@pytest.mark.documents(id="panorama/commit/not-effective")
def test_a_removal_whose_commit_failed_is_reported_and_retried(
    reconciling: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    terminated_by_user(reconciling)
    run(reconciling)
    fake_panorama.commit_fails = ("template stack TS: reference missing",)
    fake_panorama.finish_job()
    logs()
    report = run(reconciling)
    assert "reference missing" in report["unfinished"][gone]
    assert metrics(logs())["OrphanRemovalFailed"] == 1
    fake_panorama.commit_fails = ()
    fake_panorama.finish_job()
    run(reconciling)
    assert_nothing_left(reconciling, fake_panorama)


def test_a_termination_cut_short_at_the_deadline_is_finished(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_panorama.fail = unreachable
    event = running.event(Transition.TERMINATING, age=DAY + 600)
    running.deliver(event)
    assert running.deliver(event) == [], "Panorama was unavailable until the deadline"
    fake_panorama.fail = lambda _name: None
    assert fake_panorama.entries() == 4
    gone = end_without_visits(running, fake_panorama)
    become_reconcile(running, monkeypatch)
    record_activity(running, ActivityType.TERMINATING, gone, LONG, LONG)
    assert run(running)["orphans"] == {gone: SERIAL}
    fake_panorama.finish_job()
    assert nothing_remains(run(running))
    assert_nothing_left(running, fake_panorama)


def test_a_firewall_that_a_reference_kept_in_panorama_is_removed(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays in all parts: outside of our groups, nothing would show that it is ours."""
    with monkeypatch.context() as patch:
        refer_to_device(fake_panorama, patch)
        running.deliver(running.event(Transition.TERMINATING))
        fake_panorama.finish_job()
        running.deliver(running.event(Transition.TERMINATING, age=DAY + 600))
        assert running.deliver(running.event(Transition.TERMINATING, age=DAY + 600)) == []
    assert fake_panorama.entries() == 4
    gone = end_without_visits(running, fake_panorama)
    become_reconcile(running, monkeypatch)
    record_activity(running, ActivityType.TERMINATING, gone, LONG, LONG)
    assert run(running)["orphans"] == {gone: SERIAL}
    fake_panorama.finish_job()
    assert_nothing_left(running, fake_panorama)


def test_a_firewall_without_a_matching_host_name_is_found_by_its_tag(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    tag_as_the_launch_template(reconciling, gone)
    fake_panorama.firewalls[SERIAL] = replace(fake_panorama.firewalls[SERIAL], hostname="pa-vm")
    assert run(reconciling)["orphans"] == {gone: SERIAL}
    fake_panorama.finish_job()
    assert_nothing_left(reconciling, fake_panorama)


# Resources that are left alone.


def test_a_detached_instance_that_lives_is_left_alone(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    reconciling.set_members({})
    record_activity(reconciling, ActivityType.DETACHING, reconciling.instance_id, DAY, DAY)
    assert nothing_remains(run(reconciling))
    assert_untouched(reconciling, fake_panorama)


def test_orphans_of_an_empty_group_are_removed(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    end_without_visits(reconciling, fake_panorama)
    assert reconciling.account.members == {}
    run(reconciling)
    fake_panorama.finish_job()
    assert_nothing_left(reconciling, fake_panorama)


def test_a_member_is_left_alone_even_if_ec2_shows_it_as_terminated(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    """Auto Scaling has not noticed yet: its terminate hook will run."""
    gone = end_without_visits(reconciling, fake_panorama)
    reconciling.set_members({gone: "InService"})
    assert nothing_remains(run(reconciling))
    assert_untouched(reconciling, fake_panorama)


def test_a_recent_termination_is_left_to_its_visits(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    gone = end_without_visits(reconciling, fake_panorama, since=FLOOR - 60)
    report = run(reconciling)
    assert report["too_recent"] == [gone]
    assert report["orphans"] == {}
    assert_untouched(reconciling, fake_panorama)


def test_the_age_of_a_detached_instance_does_not_count_from_its_detachment(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    """EC2 shows it without a time; EC2 stops showing it after about an hour."""
    gone = end_without_visits(reconciling, fake_panorama)
    reconciling.account.instances[gone].reason_has_time = False
    record_activity(reconciling, ActivityType.DETACHING, gone, DAY, DAY)
    assert run(reconciling)["too_recent"] == [gone]
    assert_untouched(reconciling, fake_panorama)
    reconciling.account.instances[gone].forgotten = True
    assert run(reconciling)["orphans"] == {gone: SERIAL}


def test_a_connected_firewall_is_never_an_orphan(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    change_device(fake_panorama, connected=True)
    report = run(reconciling)
    assert "is connected to Panorama" in report["ambiguous"][gone]
    assert report["orphans"] == {}
    assert_untouched(reconciling, fake_panorama)


@pytest.mark.documents(id="panorama/shared/foreign-firewalls")
@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("hostname", ["branch-office", "i-0abcdef0123456789"])
def test_firewalls_of_others_in_a_shared_device_group_are_left_alone(
    reconciling: Cloud, fake_panorama: FakePanorama, hostname: str, connected: bool
) -> None:
    fake_panorama.register(replace(in_service_at(hostname, OTHER_SERIAL), connected=connected))
    report = run(reconciling)
    assert report["orphans"] == {}
    assert report["ambiguous"].keys() == (set() if connected else {OTHER_SERIAL})
    assert fake_panorama.entries() == 8
    assert_changed_nothing(reconciling)


@pytest.mark.documents(id="panorama/shared/foreign-firewalls")
def test_firewalls_outside_the_device_group_are_ignored(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    for serial, hostname in (("001", "branch-office"), ("002", "i-0abcdef0123456789")):
        fake_panorama.register(Device(serial, hostname))
    assert nothing_remains(run(reconciling))
    assert_changed_nothing(reconciling)


def test_two_firewalls_that_claim_one_instance_are_reported_as_ambiguous(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    fake_panorama.register(Device(OTHER_SERIAL, gone, policy_status="In Sync"))
    report = run(reconciling)
    assert SERIAL in report["ambiguous"][gone]
    assert OTHER_SERIAL in report["ambiguous"][gone]
    assert fake_panorama.entries() == 8
    assert reconciling.account.record(gone).ended is not None
    del reconciling.calls[-1]
    assert_changed_nothing(reconciling)


def test_interfaces_and_addresses_of_others_are_left_alone(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    """They have no tags of ours, are in the same subnet, and are not in use."""
    subnet = reconciling.subnets["management"]
    foreign = reconciling.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    address = reconciling.ec2.allocate_address(Domain="vpc")["AllocationId"]
    end_without_visits(reconciling, fake_panorama)
    run(reconciling)
    assert [item["AllocationId"] for item in reconciling.addresses()] == [address]
    interfaces = reconciling.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert foreign["NetworkInterfaceId"] in [item["NetworkInterfaceId"] for item in interfaces]
    assert reconciling.own_interfaces() == []


def test_an_interface_in_use_elsewhere_is_left_alone(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    moved = reconciling.own_interfaces()[0]["NetworkInterfaceId"]
    other_instance = reconciling.add_instance()
    reconciling.ec2.attach_network_interface(
        NetworkInterfaceId=moved, InstanceId=other_instance, DeviceIndex=1
    )
    report = run(reconciling)
    assert report["ambiguous"] == {gone: f"{moved} is attached to {other_instance}"}
    assert_untouched(reconciling, fake_panorama)


def test_an_address_in_use_elsewhere_is_left_alone(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    moved = reconciling.addresses()[0]
    reconciling.ec2.associate_address(
        AllocationId=moved["AllocationId"],
        InstanceId=reconciling.add_instance(),
        AllowReassociation=True,
    )
    report = run(reconciling)
    assert moved["AllocationId"] in report["ambiguous"][gone]
    assert_untouched(reconciling, fake_panorama)


# Inventories that fail.


@pytest.mark.parametrize(
    ("operation", "passes"),
    [
        ("DescribeAutoScalingGroups", 0),
        ("DescribeAutoScalingGroups", 1),
        ("DescribeInstances", 0),
        ("DescribeInstances", 1),
        ("DescribeNetworkInterfaces", 0),
        ("DescribeNetworkInterfaces", 1),
        ("DescribeAddresses", 0),
        # Four pages are read for refused and abandoned launches, and removing needs none of them.
        ("DescribeScalingActivities", 4),
        ("DescribeScalingActivities", 5),
        ("DescribeTargetHealth", 0),
    ],
)
def test_nothing_is_removed_if_the_aws_inventory_fails(
    reconciling: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    passes: int,
) -> None:
    """Also if a later call of the operation fails, or a later page."""
    stale_target(reconciling, monkeypatch)
    for number in range(5):
        record_activity(reconciling, ActivityType.LAUNCHING, f"i-{number:017x}", 100, 50)
    gone = end_without_visits(reconciling, fake_panorama)
    # An instance without the tag is described by its id, in a call of its own.
    tag = {"Key": "vmseries-autoscale:deployment", "Value": NAME}
    reconciling.ec2.delete_tags(Resources=[gone], Tags=[tag])
    error = client_error("RequestLimitExceeded", operation=operation)
    fail_later(reconciling, monkeypatch, operation, passes, error)
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        run(reconciling)
    assert_untouched(reconciling, fake_panorama)
    assert reconciling.targets[GROUP] == {("10.0.2.200", 443): "unhealthy"}


def fail_later(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, operation: str, passes: int, error: Exception
) -> None:
    """Let the call of an operation fail that comes after `passes` successful calls."""
    real_call = cloud.account.call

    def call(client: Any, name: str, parameters: dict[str, Any]) -> Any:
        if name == operation and cloud.operations()[operation] == passes:
            cloud.errors[operation] = [error]
        return real_call(client, name, parameters)

    monkeypatch.setattr(cloud.account, "call", call)


def test_nothing_is_removed_if_the_panorama_inventory_fails(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    end_without_visits(reconciling, fake_panorama)
    fake_panorama.fail = unreachable
    with pytest.raises(DeviceUnavailableError, match="no answer"):
        run(reconciling)
    assert_untouched(reconciling, fake_panorama)


# Caps, postponement and dry runs.


def test_the_cap_removes_the_oldest_first_and_postpones_the_others(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    other = second_firewall(reconciling, fake_panorama, monkeypatch)
    become_reconcile(reconciling, monkeypatch, maximum_firewalls=1)
    newer = end_without_visits(reconciling, fake_panorama, since=LONG)
    older = end_without_visits(reconciling, fake_panorama, other, since=2 * LONG)
    logs()
    report = run(reconciling)
    assert report["orphans"] == {older: OTHER_SERIAL}
    assert report["postponed"] == [newer]
    assert metrics(logs())["OrphansFound"] == 2
    assert len(reconciling.own_interfaces()) == 2
    fake_panorama.finish_job()
    assert run(reconciling)["orphans"] == {newer: SERIAL}
    fake_panorama.finish_job()
    assert nothing_remains(run(reconciling))
    assert_nothing_left(reconciling, fake_panorama)


def test_the_maximum_share_applies_to_all_known_firewalls(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = second_firewall(reconciling, fake_panorama, monkeypatch)
    become_reconcile(reconciling, monkeypatch, maximum_share=0.5)
    for instance_id in (reconciling.instance_id, other):
        end_without_visits(reconciling, fake_panorama, instance_id)
    report = run(reconciling)
    assert (len(report["orphans"]), len(report["postponed"])) == (1, 1)


@pytest.mark.parametrize(
    ("settings", "event"), [({"dry_run": True}, SCHEDULED), ({}, {"action": "report"})]
)
def test_a_dry_run_reports_what_it_would_do_and_changes_nothing(
    reconciling: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    settings: dict[str, Any],
    event: dict[str, Any],
) -> None:
    waiting = second_firewall(reconciling, fake_panorama, monkeypatch)
    stale_target(reconciling, monkeypatch, **settings)
    gone = end_without_visits(reconciling, fake_panorama)
    reconciling.set_members({waiting: "Terminating:Wait"})
    record_activity(reconciling, ActivityType.TERMINATING, waiting, LONG)
    logs()
    report = run(reconciling, event)
    assert report == {
        "dry_run": True,
        "events_resent": [waiting],
        "events_not_resent": {},
        "orphans": {gone: SERIAL},
        "targets": ["10.0.2.200"],
        "removed": [],
        "unfinished": {},
        "postponed": [],
        "too_recent": [],
        "ambiguous": {},
        "licenses_not_returned": [],
        "launches_refused": [],
        "launches_abandoned": [],
        "outdated": {},
        "tagged": [],
        "left_registered": {},
        "license_headroom": None,
        "not_checked": {},
    }
    assert_untouched(reconciling, fake_panorama, firewalls=2)
    assert reconciling.targets[GROUP] == {("10.0.2.200", 443): "unhealthy"}
    assert metrics(logs()) == {
        "LaunchRefused": 0,
        "LaunchesAbandonedInARow": 0,
        "OrphansFound": 2,
        "ReconcileCompleted": 1,
        "VmAuthKeysUnknown": 0,
    }


def test_reconcile_on_demand_does_what_the_schedule_does(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    assert run(reconciling, {"action": "reconcile"})["orphans"] == {gone: SERIAL}
    assert reconciling.own_interfaces() == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"action": None},
        {"action": "delete", "Records": []},
        {"detail-type": "EC2 Instance Launch"},
        [],
        None,
        "reconcile",
        7,
    ],
)
def test_an_unknown_event_is_refused(reconciling: Cloud, event: Any) -> None:
    with pytest.raises(InvalidInvocationError, match="expected a scheduled event"):
        reconciling.handler(event, FakeContext())


def test_an_unknown_action_is_answered_and_is_no_error_of_the_function(
    reconciling: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    answer = reconciling.handler({"action": "valdate"}, FakeContext())
    problem = "The function has no action 'valdate': use report or reconcile or validate or record."
    assert answer == {"ok": False, "problems": [problem], "checked": [], "unchecked": []}
    assert problem in caplog.messages, "also for an invocation that nobody waits for"
    assert reconciling.calls == []
    long = reconciling.handler({"action": "x" * 10_000}, FakeContext())
    assert len(long["problems"][0]) < 500


def test_a_run_that_is_short_of_time_changes_nothing(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale_target(reconciling, monkeypatch)
    gone = end_without_visits(reconciling, fake_panorama)
    report = run(reconciling, context=FakeContext(10_000))
    reason = "no time left in this invocation"
    assert report["unfinished"] == {gone: reason, "10.0.2.200": reason}
    assert report["removed"] == []
    assert_untouched(reconciling, fake_panorama)


# Errors that concern one firewall.


@pytest.mark.parametrize("operation", ["DeleteNetworkInterface", "ReleaseAddress"])
def test_an_error_for_one_firewall_does_not_delay_the_others(
    reconciling: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    operation: str,
) -> None:
    other = second_firewall(reconciling, fake_panorama, monkeypatch)
    older = end_without_visits(reconciling, fake_panorama, since=2 * LONG)
    end_without_visits(reconciling, fake_panorama, other)
    logs()
    reconciling.errors[operation] = [client_error("InternalError", operation=operation)]
    report = run(reconciling)
    assert "InternalError" not in report["unfinished"][other]
    fake_panorama.finish_job()
    records = logs()
    assert metrics(records)["OrphanRemovalFailed"] == 1
    assert [record["resource"] for record in records if "resource" in record] == [older]
    assert fake_panorama.entries() == 0, "its own removal from Panorama is not delayed either"
    assert run(reconciling)["removed"] == [older]
    assert_nothing_left(reconciling, fake_panorama)


def test_a_refusal_of_panorama_for_one_firewall_does_not_delay_the_others(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    other = second_firewall(reconciling, fake_panorama, monkeypatch)
    refused = end_without_visits(reconciling, fake_panorama)
    end_without_visits(reconciling, fake_panorama, other)
    refer_to_device(fake_panorama, monkeypatch)
    logs()
    report = run(reconciling)
    assert "a policy target" in report["unfinished"][refused]
    assert metrics(logs())["OrphanRemovalFailed"] == 1
    fake_panorama.finish_job()
    assert OTHER_SERIAL not in fake_panorama.committed[Part.MANAGED_DEVICES]
    assert reconciling.own_interfaces() == []


# The report.


def test_the_report_is_returned_logged_once_and_counted(
    reconciling: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    tag_as_the_launch_template(reconciling, reconciling.instance_id)
    gone = end_without_visits(reconciling, fake_panorama)
    for serials in (*fake_panorama.named.values(), *fake_panorama.committed.values()):
        serials.clear()
    fake_panorama.firewalls.clear()
    logs()
    report = run(reconciling)
    assert report == {
        "dry_run": False,
        "events_resent": [],
        "events_not_resent": {},
        "orphans": {gone: None},
        "targets": [],
        "removed": [gone],
        "unfinished": {},
        "postponed": [],
        "too_recent": [],
        "ambiguous": {},
        "licenses_not_returned": [SERIAL],
        "launches_refused": [],
        "launches_abandoned": [],
        "outdated": {},
        "tagged": [],
        "left_registered": {},
        "license_headroom": None,
        "not_checked": {},
    }
    records = logs()
    assert [record["report"] for record in records if "report" in record] == [report]
    assert metrics(records) == {
        "LaunchRefused": 0,
        "LaunchesAbandonedInARow": 0,
        "LicenseNotReturned": 1,
        "OrphansFound": 1,
        "OrphansRemoved": 1,
        "ReconcileCompleted": 1,
        "VmAuthKeysUnknown": 0,
    }


def licenses_logged(records: list[dict[str, Any]]) -> list[str]:
    """The serial numbers in log records that ask an operator to return the license."""
    return [r["serial"] for r in records if "Customer Support Portal" in r.get("message", "")]


@pytest.mark.documents(id="licensing/panorama/firewall-died")
def test_a_license_that_cannot_be_returned_is_reported_with_what_to_do(
    reconciling: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    end_without_visits(reconciling, fake_panorama)
    report = run(reconciling)
    records = logs()
    assert report["licenses_not_returned"] == licenses_logged(records) == [SERIAL]
    assert metrics(records)["LicenseNotReturned"] == 1
    fake_panorama.finish_job()
    assert run(reconciling)["licenses_not_returned"] == [SERIAL]
    records = logs()
    assert licenses_logged(records) == [], "logged and counted once"
    assert "LicenseNotReturned" not in metrics(records)
    # An operator has deactivated it, and deletes the record when EC2 has forgotten the instance.
    reconciling.account.instances[reconciling.instance_id].forgotten = True
    reconciling.account.items.clear()
    assert run(reconciling)["licenses_not_returned"] == []


def test_a_dead_firewall_is_identified_for_as_long_as_its_record_lives(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    """Its host name says nothing, and EC2 and Auto Scaling have forgotten its instance."""
    gone = end_without_visits(reconciling, fake_panorama)
    change_device(fake_panorama, hostname="PA-VM", connected=False)
    reconciling.account.instances[gone].forgotten = True
    reconciling.account.activities.clear()
    assert run(reconciling)["orphans"] == {gone: SERIAL}
    fake_panorama.finish_job()
    assert nothing_remains(run(reconciling))
    assert fake_panorama.entries() == 0


@pytest.mark.parametrize("state", list(LicenseState))
def test_a_record_ends_with_its_instance(
    reconciling: Cloud, fake_panorama: FakePanorama, state: LicenseState
) -> None:
    gone = reconciling.instance_id
    reconciling.account.put_record(gone, license=state)
    run(reconciling)
    assert reconciling.account.record(gone).ended is None, "it is in service"
    end_without_visits(reconciling, fake_panorama, since=LONG)
    run(reconciling)
    record = reconciling.account.record(gone)
    assert record.ended == ago(LONG)
    if state in (LicenseState.CONFIRMED, LicenseState.RETURNED):
        assert record.license is LicenseState.RETURNED
        assert record.expires == START + timedelta(days=90)
    else:
        assert record.license is LicenseState.NOT_RETURNED
        assert record.expires is None, "a lost license stays in the report"
    written = reconciling.account.record(gone).version
    run(reconciling)
    assert reconciling.account.record(gone).version == written, "nothing is written twice"


def test_nothing_is_removed_if_the_records_cannot_be_read(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    end_without_visits(reconciling, fake_panorama)
    reconciling.account.errors["Scan"] = [client_error("ResourceNotFoundException", "Scan")]
    with pytest.raises(RecordError, match="fw-firewalls"):
        run(reconciling)
    assert_untouched(reconciling, fake_panorama)


def test_an_unreadable_record_is_ambiguous_and_is_not_written(
    reconciling: Cloud, fake_panorama: FakePanorama
) -> None:
    gone = end_without_visits(reconciling, fake_panorama)
    reconciling.account.items[gone]["serial"] = {"S": "0' or '1"}
    assert "an earlier visit" in run(reconciling)["ambiguous"][gone]
    assert "PutItem" not in reconciling.operations()
    assert fake_panorama.entries() == 4


def test_a_license_recorded_as_returned_is_not_reported(
    reconciling: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    reconciling.account.put_record(reconciling.instance_id, license=LicenseState.RETURNED)
    end_without_visits(reconciling, fake_panorama)
    report = run(reconciling)
    assert report["orphans"] != {}
    assert report["licenses_not_returned"] == licenses_logged(logs()) == []


@pytest.mark.documents(id="licensing/none/any")
@pytest.mark.documents(id="panorama/pair/long-outage-none")
def test_without_licensing_no_license_is_reported(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    become_reconcile(reconciling, monkeypatch, licensing_mode="none")
    end_without_visits(reconciling, fake_panorama)
    report = run(reconciling)
    assert report["orphans"] != {}
    assert report["licenses_not_returned"] == licenses_logged(logs()) == []


def test_without_panorama_aws_resources_are_removed(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_reconcile(reconciling, monkeypatch, panorama=None, licensing_mode="none")
    gone = end_without_visits(reconciling, fake_panorama)
    fake_panorama.calls.clear()
    assert run(reconciling)["removed"] == [gone]
    assert reconciling.own_interfaces() == []
    assert reconciling.addresses() == []
    assert fake_panorama.calls == []


# Target groups.


def stale_target(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Register a target in the untrust subnet whose address has no owner."""
    cloud.targets[GROUP] = {("10.0.2.200", 443): "unhealthy"}
    group = {"arn": GROUP, "vpc_id": cloud.vpc, "cidr_blocks": ["10.0.2.0/24"]}
    become_reconcile(cloud, monkeypatch, target_groups=[group], **changes)


def test_a_target_whose_address_has_no_owner_is_deregistered(
    reconciling: Cloud, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    stale_target(reconciling, monkeypatch)
    report = run(reconciling)
    assert report["targets"] == report["removed"] == ["10.0.2.200"]
    assert reconciling.targets[GROUP] == {("10.0.2.200", 443): "draining"}
    assert metrics(logs())["OrphansRemoved"] == 1
    assert not any(run(reconciling).values()), "the target is draining"


def reuse_address(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, operation: str) -> str:
    """Let another firewall get the address of the stale target after a call; return its id."""
    other, real_call = cloud.add_instance(), cloud.account.call
    cloud.set_members({**dict.fromkeys(cloud.account.members, "InService"), other: "InService"})

    def call(client: Any, name: str, parameters: dict[str, Any]) -> Any:
        answer = real_call(client, name, parameters)
        if name == operation:
            interface = cloud.account.add_interface("untrust", {})
            interface.private_ip = "10.0.2.200"
            interface.attachment = Attachment("eni-attach-reused", other, 2, True)
            monkeypatch.setattr(cloud.account, "call", real_call)
        return answer

    monkeypatch.setattr(cloud.account, "call", call)
    return other


def test_a_target_whose_address_is_used_again_stays_registered(
    reconciling: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale_target(reconciling, monkeypatch)
    reuse_address(reconciling, monkeypatch, "DescribeInstances")
    report = run(reconciling)
    assert report["unfinished"] == {"10.0.2.200": "an interface has the address again"}
    assert reconciling.operations()["DeregisterTargets"] == 0


def test_a_target_whose_address_is_used_again_while_it_is_deregistered_is_reported(
    reconciling: Cloud, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    stale_target(reconciling, monkeypatch)
    other = reuse_address(reconciling, monkeypatch, "DeregisterTargets")
    report = run(reconciling)
    assert f"TargetReusedError: {other} got the address" in report["unfinished"]["10.0.2.200"]
    assert metrics(logs())["OrphanRemovalFailed"] == 1


def test_targets_of_others_and_of_firewalls_are_left_alone(
    reconciling: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale_target(reconciling, monkeypatch)
    ours = reconciling.attached()[2]["PrivateIpAddress"]
    reconciling.targets[GROUP] = {
        (ours, 443): "unhealthy",
        ("10.0.2.201", 443): "healthy",
        ("192.0.2.1", 443): "unhealthy",
        ("10.0.1.9", 443): "unused",
    }
    before = dict(reconciling.targets[GROUP])
    assert nothing_remains(run(reconciling))
    assert reconciling.targets[GROUP] == before


def test_a_deleted_target_group_does_not_stop_the_run(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale_target(reconciling, monkeypatch)
    reconciling.targets.clear()
    gone = end_without_visits(reconciling, fake_panorama)
    assert run(reconciling)["orphans"] == {gone: SERIAL}
    assert reconciling.own_interfaces() == []


def test_a_failed_deregistration_does_not_stop_the_run(
    reconciling: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale_target(reconciling, monkeypatch)
    gone = end_without_visits(reconciling, fake_panorama)
    reconciling.errors["DeregisterTargets"] = [client_error("Throttling")]
    report = run(reconciling)
    assert "Throttling" in report["unfinished"]["10.0.2.200"]
    assert report["unfinished"][gone] == "commit job 1 was requested"
    assert reconciling.own_interfaces() == []


def test_targets_beyond_the_cap_are_postponed(
    reconciling: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale_target(reconciling, monkeypatch, maximum_firewalls=1)
    reconciling.targets[GROUP][("10.0.2.201", 443)] = "unhealthy"
    report = run(reconciling)
    assert report["targets"] == ["10.0.2.200"]
    assert report["postponed"] == ["10.0.2.201"]
    assert run(reconciling)["targets"] == ["10.0.2.201"]
