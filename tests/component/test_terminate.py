"""The terminate function, from a batch of messages until nothing is left behind."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from component.fakes import settings
from component.fakes.base import NAME, client_error
from component.fakes.cloud import SERIAL, Cloud, add_firewall, add_two_firewalls, token_of
from component.fakes.functions import become_terminate, configure
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from component.fakes.secrets_manager import LICENSING_KEY, PANORAMA_KEY
from component.fakes.steps import (
    DAY,
    assert_terminated,
    change_device,
    finish_removal,
    pass_time,
    refer_to_device,
    termination_event,
    unreachable,
)
from vmseries_autoscale.aws import tags
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceBusyError,
)
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.handlers import launch
from vmseries_autoscale.licensing.reporting import LICENSE_LEFT_TO_RECONCILE
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Device, Part


@pytest.mark.documents(id="failure-modes/D10")
@pytest.mark.documents(id="failure-modes/D5")
@pytest.mark.documents(id="failure-modes/T8")
@pytest.mark.documents(id="licensing/panorama/normal")
@pytest.mark.documents(id="panorama/commit/in-progress")
def test_a_termination_runs_all_stages_and_completes_the_hook(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = termination_event(running)
    fake_panorama.calls.clear()
    assert running.deliver(event) == ["message-0"]
    assert fake_panorama.calls == [
        *("members", "batch_deactivate"),
        *("licenses", "set_licensing_api_key", "deactivate_license", "licenses"),
        *("commits", "remove_all", "commit"),
    ]
    assert fake_panorama.licensed[SERIAL] == []
    assert fake_panorama.keys[SERIAL] == LICENSING_KEY
    assert running.account.record(running.instance_id).license is LicenseState.RETURNED
    assert len(running.attached()) == 3, "interfaces stay until Panorama has committed"

    assert running.deliver(event) == ["message-0"]
    assert "commit job 1 is not finished" in reasons(logs())
    assert len(running.attached()) == 3

    fake_panorama.finish_job()
    assert fake_panorama.entries() == 0
    assert running.completed == []
    assert running.deliver(event) == []
    assert_terminated(running)
    counted = metrics(logs())
    assert counted["TerminationCompleted"] == 1
    assert "LicenseNotReturned" not in counted
    assert len(fake_panorama.jobs) == 1
    assert running.operations()["DetachNetworkInterface"] == 0


RECORD_CALLS = {"BatchGetItem", "PutItem"}


def without_records(calls: Counter[str]) -> Counter[str]:
    """Calls to other services than DynamoDB, which limits no request rate of a small table."""
    return Counter({key: number for key, number in calls.items() if key not in RECORD_CALLS})


def test_a_termination_stays_within_the_call_budget(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    """Two addresses, and three visits: the second one finds the commit in progress."""
    event = termination_event(running)
    running.deliver(event)
    running.deliver(event)
    fake_panorama.finish_job()
    assert running.deliver(event) == []
    calls = running.operations()
    del calls["RecordLifecycleActionHeartbeat"]
    assert without_records(calls).total() <= 16
    assert calls == {
        "BatchGetItem": 3,
        "PutItem": 2,
        "ChangeMessageVisibilityBatch": 3,
        "ChangeMessageVisibility": 2,
        "DescribeInstances": 3,
        "GetSecretValue": 1,
        "CreateTags": 1,
        "DescribeAddresses": 1,
        "DisassociateAddress": 2,
        "ReleaseAddress": 2,
        "CompleteLifecycleAction": 1,
    }


def test_a_duplicate_of_a_completed_termination_costs_four_calls(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    event = termination_event(running)
    running.deliver(event)
    fake_panorama.finish_job()
    assert running.deliver(event) == []
    running.calls.clear()
    assert running.deliver(event) == []
    calls = running.operations()
    del calls["RecordLifecycleActionHeartbeat"]
    assert calls == {
        "ChangeMessageVisibilityBatch": 1,
        "DescribeInstances": 1,
        "DescribeAddresses": 1,
        "BatchGetItem": 1,
    }


def test_an_interface_that_ec2_would_not_delete_is_deleted_with_the_instance(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    for interface in running.account.attached(running.instance_id):
        assert interface.attachment is not None
        interface.attachment.delete_on_termination = False
    event = termination_event(running)
    running.deliver(event)
    fake_panorama.finish_job()
    assert running.deliver(event) == []
    assert running.operations()["ModifyNetworkInterfaceAttribute"] == 2, "the primary is not ours"
    assert_terminated(running)


@pytest.mark.documents(id="failure-modes/D10")
@pytest.mark.documents(id="panorama/removal/batch")
def test_the_order_of_removal_leaves_no_reference(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Part] = []
    monkeypatch.setattr(fake_panorama, "remove", lambda part, *_: removed.append(part))
    running.deliver(termination_event(running))
    assert removed == [
        Part.TEMPLATE_STACK,
        Part.DEVICE_GROUP,
        Part.LOG_COLLECTOR_GROUP,
        Part.MANAGED_DEVICES,
    ]


@pytest.mark.documents(id="failure-modes/T10")
@pytest.mark.documents(id="panorama/contention/one-list")
@pytest.mark.documents(id="panorama/removal/batch")
def test_a_batch_shares_one_commit(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [launching.instance_id, *(launching.add_instance() for _ in range(4))]
    for number, instance_id in enumerate(ids):
        add_firewall(launching, fake_panorama, instance_id, f"00795100000000{number}")
    become_terminate(launching, monkeypatch)
    bodies = [termination_event(launching, instance_id) for instance_id in ids]
    all_messages = [f"message-{number}" for number in range(5)]
    fake_panorama.calls.clear()
    assert launching.deliver(*bodies) == all_messages
    assert launching.operations()["DescribeInstances"] == 1
    assert fake_panorama.calls.count("members") == 1
    assert fake_panorama.calls.count("commit") == 1
    fake_panorama.finish_job()
    assert launching.deliver(*bodies) == []
    assert len(fake_panorama.jobs) == 1
    assert len(launching.completed) == 5
    assert launching.own_interfaces() == []
    assert fake_panorama.entries() == 0


class TimeForOne(FakeContext):
    """The invocation runs out of time after SQS, one request to Panorama, and one firewall."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = [self.milliseconds] * 3

    def get_remaining_time_in_millis(self) -> int:
        return self.answers.pop() if self.answers else 10_000


@pytest.mark.documents(id="panorama/commit/shared")
@pytest.mark.parametrize(("age", "commits"), [(0, 0), (599, 0), (600, 1)])
def test_a_commit_waits_for_the_rest_of_the_batch(
    launching: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    age: float,
    commits: int,
) -> None:
    other = add_two_firewalls(launching, fake_panorama)
    become_terminate(launching, monkeypatch)
    bodies = [termination_event(launching, age=age), termination_event(launching, other, age=age)]
    launching.deliver(*bodies, context=TimeForOne())
    assert not any(SERIAL in serials for serials in fake_panorama.named.values())
    assert len(fake_panorama.jobs) == commits
    if commits == 0:
        launching.deliver(*bodies)
        assert len(fake_panorama.jobs) == 1
        fake_panorama.finish_job()
        assert fake_panorama.entries() == 0


@pytest.mark.documents(id="panorama/removal/referenced")
def test_a_refusal_for_one_firewall_does_not_delay_the_others(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    other = add_two_firewalls(launching, fake_panorama)
    become_terminate(launching, monkeypatch)
    refer_to_device(fake_panorama, monkeypatch)
    bodies = [termination_event(launching), termination_event(launching, other)]
    logs()
    launching.deliver(*bodies)
    assert any("a policy target" in reason for reason in reasons(logs()))
    fake_panorama.finish_job()
    launching.deliver(*bodies)
    assert launching.deliver(*bodies) == ["message-0"]
    assert [token for token, _ in launching.completed] == [token_of(Transition.TERMINATING, other)]
    assert len(launching.attached()) == 3


@pytest.mark.documents(id="failure-modes/T1")
@pytest.mark.documents(id="licensing/panorama/away")
def test_nothing_is_lost_while_panorama_is_unreachable(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = termination_event(running)

    fake_panorama.fail = unreachable
    for _ in range(3):
        assert running.deliver(event) == ["message-0"]
    assert len(running.attached()) == 3
    assert metrics(logs())["PanoramaUnavailable"] == 3
    fake_panorama.fail = lambda _name: None
    running.deliver(event)
    finish_removal(running, fake_panorama, event)
    assert fake_panorama.entries() == 0


@pytest.mark.documents(id="failure-modes/D6")
@pytest.mark.documents(id="panorama/contention/commit")
@pytest.mark.parametrize(
    "method", ["members", "licenses", "deactivate_license", "remove_all", "commit", "commits"]
)
def test_a_termination_waits_for_a_busy_panorama(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, method: str
) -> None:
    event = termination_event(running)
    busy = [True]

    def fail(name: str) -> None:
        if name == method and busy.pop():
            busy.append(False)
            raise DeviceBusyError(PANORAMA, "A commit is pending. Please try again later.")
        if not busy:
            busy.append(False)

    fake_panorama.fail = fail
    assert running.deliver(event) == ["message-0"]
    assert "VisitFailed" not in metrics(logs())
    running.deliver(event)
    finish_removal(running, fake_panorama, event)
    assert fake_panorama.entries() == 0


@pytest.mark.documents(id="failure-modes/D5")
@pytest.mark.documents(id="panorama/commit/failed")
def test_a_failed_commit_is_reported_and_retried(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = termination_event(running)
    running.deliver(event)
    fake_panorama.commit_fails = ("template stack TS: reference missing",)
    fake_panorama.finish_job()
    logs()
    assert running.deliver(event) == ["message-0"]
    records = logs()
    assert any(
        "commit job 1 failed" in reason and "reference missing" in reason
        for reason in reasons(records)
    )
    assert metrics(records)["VisitFailed"] == 1
    fake_panorama.commit_fails = ()
    finish_removal(running, fake_panorama, event)
    assert len(fake_panorama.jobs) == 2


@pytest.mark.documents(id="panorama/contention/removed-by-other")
def test_a_termination_waits_for_the_commit_of_another_administrators_removal(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for serials in fake_panorama.named.values():
        serials.clear()
    monkeypatch.setattr(fake_panorama, "commit", lambda _description: None)
    event = termination_event(running)
    assert running.deliver(event) == ["message-0"]
    assert any("another administrator" in reason for reason in reasons(logs()))
    assert len(running.attached()) == 3


@pytest.mark.documents(id="panorama/removal/absent")
def test_a_removal_that_is_already_committed_succeeds(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    for part in Part:
        fake_panorama.named[part].clear()
        fake_panorama.committed[part].clear()
    event = termination_event(running)
    running.deliver(event)
    assert running.deliver(event) == []
    assert_terminated(running)
    assert fake_panorama.jobs == []


@pytest.mark.documents(id="licensing/panorama/already-returned")
@pytest.mark.documents(id="licensing/panorama/delicensed-alive")
def test_a_license_that_was_already_returned_counts_as_returned(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    fake_panorama.licensed[SERIAL] = []
    event = termination_event(running)
    running.deliver(event)
    pass_time(running)
    running.deliver(event)
    assert fake_panorama.keys == {}
    assert running.account.record(running.instance_id).license is LicenseState.RETURNED
    assert metrics(logs())["LicenseReturned"] == 1


@pytest.mark.documents(id="licensing/panorama/slow")
def test_a_slow_deactivation_is_verified_later(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    fake_panorama.deactivation_works = False
    event = termination_event(running)
    assert running.deliver(event) == ["message-0"]
    waits = "the deactivation was requested; nothing shows its result yet"
    assert waits in reasons(logs())
    assert fake_panorama.entries() == 4, "a removed firewall could not return its license"
    assert running.account.record(running.instance_id).license is LicenseState.REQUESTED
    fake_panorama.licensed[SERIAL] = []
    running.deliver(event)
    pass_time(running)
    running.deliver(event)
    assert running.account.record(running.instance_id).license is LicenseState.RETURNED


def test_a_firewall_that_disconnects_after_its_deactivation_counts_as_unlicensed(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    deactivate = fake_panorama.deactivate_license

    def deactivate_and_disconnect(serial: str) -> bool:
        confirmed = deactivate(serial)
        change_device(fake_panorama, connected=False)
        return confirmed

    fake_panorama.deactivate_license = deactivate_and_disconnect  # type: ignore[method-assign]
    running.deliver(termination_event(running))
    assert running.account.record(running.instance_id).license is LicenseState.RETURNED


@pytest.mark.documents(id="licensing/panorama/disconnected")
def test_a_termination_waits_for_a_disconnected_firewall_until_the_deadline(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    change_device(fake_panorama, connected=False)
    early = termination_event(running, age=DAY - 60)
    assert running.deliver(early) == ["message-0"]
    assert fake_panorama.entries() == 4
    assert any("not connected" in reason for reason in reasons(logs()))

    late = termination_event(running, age=DAY)
    assert running.deliver(late) == []
    assert fake_panorama.entries() == 4, "the reconcile function returns or reports it"
    assert_terminated(running)
    records = logs()
    counted = metrics(records)
    assert "LicenseNotReturned" not in counted
    assert counted["TerminationDeadlinePassed"] == 1
    assert "LicenseReturned" not in counted
    (record,) = [item for item in records if item.get("message") == LICENSE_LEFT_TO_RECONCILE]
    assert record["serial"] == SERIAL


@pytest.mark.documents(id="licensing/panorama/delicensed-dead")
@pytest.mark.documents(id="licensing/panorama/firewall-died")
def test_a_termination_does_not_wait_for_an_instance_that_died(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    change_device(fake_panorama, connected=False)
    event = termination_event(running)
    running.ec2.stop_instances(InstanceIds=[running.instance_id])
    running.deliver(event)
    fake_panorama.finish_job()
    assert running.deliver(event) == []
    assert fake_panorama.entries() == 0
    assert metrics(logs())["LicenseNotReturned"] == 1


@pytest.mark.documents(id="failure-modes/T1")
@pytest.mark.documents(id="licensing/panorama/away-beyond-deadline")
def test_at_the_deadline_the_instance_is_terminated_without_panorama(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    fake_panorama.fail = unreachable
    assert running.deliver(termination_event(running, age=DAY + 599)) == ["message-0"]
    assert len(running.attached()) == 3
    late = termination_event(running, age=DAY + 600)
    assert running.deliver(late) == []
    assert_terminated(running)
    records = logs()
    assert metrics(records)["TerminationDeadlinePassed"] == 1
    assert "LicenseNotReturned" not in metrics(records), "the reconcile function continues"
    (record,) = [
        item
        for item in records
        if item.get("message") == "Skipped stages whose deadline had passed"
    ]
    assert record["skipped"] == ["return_license", "remove_from_panorama"]
    assert record["serial"] == SERIAL


def test_an_overdue_termination_completes_before_panorama_is_asked_about_others(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F4: a response that ends the function's process must not keep the instance waiting."""

    def die(_name: str) -> None:
        raise SystemExit("as a segmentation fault does")

    overdue = add_two_firewalls(launching, fake_panorama)
    become_terminate(launching, monkeypatch)
    fake_panorama.fail = die
    batch = [
        termination_event(launching),
        termination_event(launching, overdue, age=DAY + 600),
    ]
    with pytest.raises(SystemExit):
        launching.deliver(*batch)
    assert launching.results == ["CONTINUE"]
    assert launching.attached(overdue) == []
    assert len(launching.attached()) == 3


@pytest.mark.documents(id="failure-modes/T8")
def test_a_detachment_that_never_ends_does_not_hold_the_firewall(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    """It held every leaving firewall for a day."""
    for interface in running.account.attached(running.instance_id)[1:]:
        assert interface.attachment is not None
        interface.attachment.detached_at = datetime.max.replace(tzinfo=UTC)
    event = termination_event(running)
    running.deliver(event)
    fake_panorama.finish_job()
    assert running.deliver(event) == []
    assert_terminated(running)


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "InvalidAddress.Locked"])
def test_an_address_that_ec2_does_not_release_is_left_to_the_reconcile_function(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, code: str
) -> None:
    running.errors["ReleaseAddress"] = [client_error(code) for _ in range(4)]
    event = termination_event(running)
    running.deliver(event)
    fake_panorama.finish_job()
    logs()
    assert running.deliver(event) == []
    assert running.results == ["CONTINUE"]
    records = logs()
    assert metrics(records)["VisitFailed"] == 1
    assert any(code in reason for reason in reasons(records))


def test_addresses_that_ec2_does_not_list_are_left_to_the_reconcile_function(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """It held every leaving firewall."""
    code = "UnauthorizedOperation"
    running.errors["DescribeAddresses"] = [client_error(code) for _ in range(4)]
    event = termination_event(running)
    running.deliver(event)
    fake_panorama.finish_job()
    logs()
    assert running.deliver(event) == []
    assert running.results == ["CONTINUE"]
    assert any(code in reason for reason in reasons(logs()))


@pytest.mark.documents(id="failure-modes/D9")
def test_a_termination_works_without_licensing_and_without_panorama(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_firewall(launching, fake_panorama, launching.instance_id, SERIAL)
    become_terminate(launching, monkeypatch, panorama=None, licensing=settings.NO_LICENSING)
    fake_panorama.calls.clear()
    event = termination_event(launching)
    assert launching.deliver(event) == []
    assert_terminated(launching)
    assert fake_panorama.calls == []


@pytest.mark.documents(id="failure-modes/D9")
@pytest.mark.documents(id="licensing/none/any")
def test_licensing_mode_none_returns_no_license(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    add_firewall(launching, fake_panorama, launching.instance_id, SERIAL)
    become_terminate(launching, monkeypatch, licensing=settings.NO_LICENSING)
    fake_panorama.calls.clear()
    event = termination_event(launching)
    launching.deliver(event)
    assert "licenses" not in fake_panorama.calls
    finish_removal(launching, fake_panorama, event)
    assert "LicenseNotReturned" not in metrics(logs())


def test_a_firewall_that_never_registered_can_be_terminated(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    launching.deliver(launching.event(Transition.LAUNCHING))
    become_terminate(launching, monkeypatch)
    event = termination_event(launching)
    assert launching.deliver(event) == ["message-0"], "it may have taken a license"
    pass_time(launching, settings.JOIN_SECONDS)
    assert launching.deliver(event) == []
    assert_terminated(launching)
    assert metrics(logs())["LicenseNotReturned"] == 1


def test_a_serial_number_found_during_a_termination_is_tagged(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    launching.deliver(launching.event(Transition.LAUNCHING))
    device = launching.firewall(SERIAL)
    fake_panorama.register(replace(device, hostname=f"{launching.instance_id}.local"))
    become_terminate(launching, monkeypatch)
    event = termination_event(launching)
    launching.deliver(event)
    assert launching.tags()["vmseries-autoscale:serial"] == SERIAL
    record = launching.account.record(launching.instance_id)
    assert (record.serial, record.evidence) == (SERIAL, {"hostname", "management-ip"})
    finish_removal(launching, fake_panorama, event)
    assert fake_panorama.entries() == 0


@pytest.mark.documents(id="failure-modes/D2")
def test_an_ambiguous_identity_changes_nothing(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    launching.deliver(launching.event(Transition.LAUNCHING))
    address = launching.attached()[1]["PrivateIpAddress"]
    for serial in ("001", "002"):
        fake_panorama.register(Device(serial, "pa-vm", address, True, "In Sync", "In Sync"))
    become_terminate(launching, monkeypatch)
    event = termination_event(launching)
    launching.deliver(event)
    assert launching.deliver(event) == []
    assert_terminated(launching)
    assert fake_panorama.entries() == 8
    assert all(fake_panorama.licensed.values())


@pytest.mark.documents(id="readiness/identity/reused-address")
def test_a_firewall_that_another_record_names_is_not_changed(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """The other instance is gone, this one has its address, and Panorama has not noticed."""
    launching.deliver(launching.event(Transition.LAUNCHING))
    address = launching.attached()[1]["PrivateIpAddress"]
    old = launching.add_instance()
    launching.ec2.create_tags(Resources=[old], Tags=tags.to_aws({tags.DEPLOYMENT: NAME}))
    launching.account.put_record(old, serial=SERIAL)
    launching.ec2.terminate_instances(InstanceIds=[old])
    fake_panorama.register(Device(SERIAL, "pa-vm", address, True, "In Sync", "In Sync"))
    become_terminate(launching, monkeypatch)
    event = termination_event(launching)
    logs()
    assert launching.deliver(event) == ["message-0"], "its own firewall may register"
    pass_time(launching, settings.JOIN_SECONDS)
    assert launching.deliver(event) == []
    counted = metrics(logs())
    assert "FirewallIdentityAmbiguous" not in counted
    assert counted["LicenseNotReturned"] == 1, "its own license, if it had one"
    assert fake_panorama.licensed[SERIAL] != []
    assert_terminated(launching)
    assert set(fake_panorama.calls) == {"members"}
    assert fake_panorama.entries() == 4
    assert "vmseries-autoscale:serial" not in launching.tags()


@pytest.mark.documents(id="failure-modes/T4")
def test_addresses_of_others_are_left_alone(running: Cloud, fake_panorama: FakePanorama) -> None:
    """A user's own address on our firewall is not released."""
    for part in Part:
        fake_panorama.named[part].clear()
        fake_panorama.committed[part].clear()
    users = running.ec2.allocate_address(Domain="vpc")["AllocationId"]
    running.ec2.associate_address(AllocationId=users, NetworkInterfaceId=running.primary)
    event = termination_event(running)
    running.deliver(event)
    assert running.deliver(event) == []
    assert [item["AllocationId"] for item in running.addresses()] == [users]


@pytest.mark.documents(id="failure-modes/T5")
def test_resources_of_an_instance_that_ec2_no_longer_returns_are_found_by_tag(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    for item in running.attached()[1:]:
        attachment = item["Attachment"]["AttachmentId"]
        running.ec2.detach_network_interface(AttachmentId=attachment)
    event = termination_event(running, "i-0123456789abcdef0")
    running.account.instances[running.instance_id].forgotten = True
    retag = [item["NetworkInterfaceId"] for item in running.own_interfaces()]
    retag += [item["AllocationId"] for item in running.addresses()]
    tag = {"Key": "vmseries-autoscale:instance-id", "Value": "i-0123456789abcdef0"}
    running.ec2.create_tags(Resources=retag, Tags=[tag])
    assert running.deliver(event) == []
    assert_terminated(running)


@pytest.mark.parametrize(
    "operation",
    [
        "RecordLifecycleActionHeartbeat",
        "DescribeInstances",
        "CreateTags",
        "DescribeAddresses",
        "DisassociateAddress",
        "ReleaseAddress",
        "CompleteLifecycleAction",
        "GetSecretValue",
    ],
)
def test_an_aws_error_at_any_call_is_retried(
    running: Cloud, fake_panorama: FakePanorama, operation: str
) -> None:
    event = termination_event(running)
    running.errors[operation] = [client_error("InternalError", operation=operation)]
    for _ in range(6):
        in_queue = running.deliver(event)
        if fake_panorama.jobs and not fake_panorama.jobs[-1].finished:
            fake_panorama.finish_job()
        if not in_queue:
            break
    assert running.errors[operation] == [], "the error has happened"
    assert_terminated(running)
    assert fake_panorama.entries() == 0
    assert fake_panorama.licensed[SERIAL] == []


def test_a_failed_heartbeat_does_not_delay_the_others(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = launching.add_instance()
    become_terminate(launching, monkeypatch)
    launching.errors["RecordLifecycleActionHeartbeat"] = [client_error("Throttling")]
    in_queue = launching.deliver(termination_event(launching), termination_event(launching, other))
    assert len(in_queue) == 1
    assert len(launching.completed) == 1


def test_failed_heartbeats_keep_their_own_errors_when_the_description_fails_too(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    running.errors["RecordLifecycleActionHeartbeat"] = [client_error("Throttling")]
    running.errors["DescribeInstances"] = [client_error("InternalError")]
    assert running.deliver(termination_event(running)) == ["message-0"]
    (pause,) = running.pauses()
    assert 5 <= pause <= 20, "the backoff of a throttled call"


def test_the_deadline_ends_a_termination_that_stays_throttled(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    running.errors["ReleaseAddress"] = [
        client_error("RequestLimitExceeded", operation="ReleaseAddress") for _ in range(100)
    ]
    event = termination_event(running)
    running.deliver(event)
    fake_panorama.finish_job()
    for received in range(2, 12):
        assert running.deliver(event, receive_count=received) == ["message-0"]
    backoffs = running.pauses()[1:]
    assert len(set(backoffs)) > 1
    assert all(5 <= pause <= 20 for pause in backoffs)
    assert running.completed == []
    # There is no wait after the last stage, whose deadline is ten minutes after that of the first.
    late = termination_event(running, age=86400 + 600)
    assert running.deliver(late, receive_count=13) == []
    assert running.results == ["CONTINUE"]
    assert metrics(logs())["TerminationDeadlinePassed"] == 1


def test_a_run_that_is_short_of_time_changes_nothing(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = termination_event(running)
    assert running.deliver(event, context=FakeContext(10_000)) == ["message-0"]
    assert fake_panorama.entries() == 4
    assert fake_panorama.licensed[SERIAL] != []
    assert reasons(logs()) == ["no time left in this invocation"]
    assert running.pauses() == [5]


def test_retries_back_off(running: Cloud, fake_panorama: FakePanorama) -> None:
    change_device(fake_panorama, connected=False)
    event = termination_event(running)
    for received in (1, 2, 3, 10, 900):
        running.deliver(event, receive_count=received)
    assert running.pauses() == [30, 45, 68, 300, 300]


def test_logs_contain_no_secret(running: Cloud, fake_panorama: FakePanorama, logs: Logs) -> None:
    event = termination_event(running)
    running.errors["DescribeInstances"] = [RuntimeError("a defect")]
    for _ in range(5):
        running.deliver(event)
        if fake_panorama.jobs:
            fake_panorama.finish_job()
    records = logs()
    text = json.dumps(records)
    assert event["detail"]["LifecycleActionToken"] not in text
    assert LICENSING_KEY not in text
    assert PANORAMA_KEY not in text
    assert_terminated(running)
    steps = {record["step"] for record in records if "step" in record}
    assert steps == {"license", "panorama", "addresses"}
    own = [r for r in records if r.get("step") in ("license", "addresses")]
    assert all(record["instance_id"] == running.instance_id for record in own)


@pytest.mark.documents(id="licensing/panorama/licensing-key")
def test_a_secret_in_the_wrong_format_is_reported_and_retried(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:another"
    running.account.secrets[secret] = json.dumps({"key": "hidden-value"})
    licensing = settings.licensing(api_key_secret_arn=secret)
    become_terminate(running, monkeypatch, licensing=licensing)
    assert running.deliver(termination_event(running)) == ["message-0"]
    records = logs()
    assert any(secret in reason and "api_key" in reason for reason in reasons(records))
    assert "hidden-value" not in json.dumps(records)
    assert len(running.attached()) == 3


def test_the_launch_function_does_not_process_the_terminate_hook(running: Cloud) -> None:
    running.handler = launch.handler
    event = termination_event(running)
    with pytest.MonkeyPatch.context() as patch:
        configure(patch, running.launch_settings())
        assert running.deliver(event) == []
    assert running.dead_letters() == [("UnexpectedEventError", json.dumps(event))]


def break_table(cloud: Cloud) -> None:
    """Let each call to the table fail, as if it was deleted or had no route."""
    for operation in RECORD_CALLS:
        failures = [client_error("ResourceNotFoundException", operation)] * 50
        cloud.account.errors[operation] = failures


def test_a_termination_waits_while_the_table_is_unreachable(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Nothing says which firewall the instance was, or how far its license is."""
    event = termination_event(running)
    break_table(running)
    fake_panorama.calls.clear()
    assert running.deliver(event) == ["message-0"]
    assert fake_panorama.calls == []
    assert any("could not read records in table fw-firewalls" in text for text in reasons(logs()))
    running.account.errors.clear()
    running.deliver(event)
    finish_removal(running, fake_panorama, event)
    assert fake_panorama.licensed[SERIAL] == []


def test_an_unreachable_table_holds_no_termination_beyond_its_deadline(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    break_table(running)
    assert running.deliver(termination_event(running, age=DAY)) == ["message-0"]
    assert running.deliver(termination_event(running, age=DAY + 600)) == []
    assert running.results == ["CONTINUE"]
    assert metrics(logs())["TerminationDeadlinePassed"] == 1
    # The reconcile function reports the license when it can read the table again.
    assert running.account.record(running.instance_id).license is LicenseState.UNKNOWN


def test_a_record_that_another_invocation_wrote_is_read_again(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    event = termination_event(running)
    conflict = client_error("ConditionalCheckFailedException", "PutItem")
    running.account.errors["PutItem"] = [conflict]
    assert running.deliver(event) == ["message-0"]
    assert running.account.record(running.instance_id).license is LicenseState.UNKNOWN
    assert fake_panorama.entries() == 4, "the license is returned first"
    running.deliver(event)
    pass_time(running)
    running.deliver(event)
    assert running.account.record(running.instance_id).license is LicenseState.RETURNED


def test_a_record_that_cannot_be_read_holds_no_instance(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """A newer version has written it: the firewall is ambiguous, and nothing is written over it."""
    running.account.put_record(running.instance_id)
    running.account.items[running.instance_id]["license"] = {"S": "a-later-state"}
    become_terminate(running, monkeypatch)
    assert running.deliver(termination_event(running)) == []
    assert fake_panorama.licensed[SERIAL] != []
    assert fake_panorama.entries() == 4
    assert any(record.get("message") == "A record cannot be read" for record in logs())
