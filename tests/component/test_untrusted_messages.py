"""What a message can do: nothing, unless Auto Scaling or EC2 confirm what it says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from component.fakes import events
from component.fakes.base import NAME, START, client_error
from component.fakes.cloud import SERIAL, Cloud, add_two_firewalls, ago
from component.fakes.functions import become_terminate, configure
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import FakePanorama
from component.fakes.steps import (
    DAY,
    LONG,
    assert_terminated,
    change_device,
    finish_removal,
    record_activity,
    termination_event,
)
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.handlers import launch
from vmseries_autoscale.lifecycle.events import Transition, to_message
from vmseries_autoscale.panorama import Device

UNKNOWN = "i-0123456789abcdef0"
TOKEN = "forged00-0000-4000-8000-000000000000"
DEPLOYMENT = "vmseries-autoscale:deployment"
READS = ("Describe", "Get")
OF_THE_QUEUE = {"ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "SendMessage"}
HEARTBEAT = "RecordLifecycleActionHeartbeat"


def forged(
    instance_id: str, transition: Transition = Transition.TERMINATING, age: float = 0
) -> dict[str, Any]:
    """An event with an invented token. Everything else in it is public."""
    return events.lifecycle_event(transition, instance_id, TOKEN, ago(age))


def forged_copy(instance_id: str, transition: Transition, time: str) -> dict[str, Any]:
    """An event without a token, as if the reconcile function had resent it."""
    hook = events.HOOKS[transition]
    return json.loads(to_message(transition, NAME, hook, instance_id)) | {"time": time}


def assert_nothing_touched(cloud: Cloud, panorama: FakePanorama, firewalls: int = 1) -> None:
    """Assert that the function has changed neither AWS nor Panorama."""
    changed = {name for name in cloud.operations() if not name.startswith(READS)}
    assert changed <= {HEARTBEAT, *OF_THE_QUEUE}
    assert panorama.calls == []
    assert panorama.entries() == 4 * firewalls
    assert all(panorama.licensed.values())
    assert len(cloud.own_interfaces()) == 2 * firewalls
    assert len(cloud.addresses()) == 2 * firewalls
    assert cloud.completed == []


def assert_rejected(cloud: Cloud, logs: Logs, body: dict[str, Any], reason: str) -> None:
    """Assert that the message is a dead letter, counted and logged with this reason."""
    assert cloud.dead_letters() == [("UnprovenTerminationError", json.dumps(body))]
    records = logs()
    assert metrics(records) == {"MessageDeadLettered": 1}
    (record,) = [item for item in records if "reason" in item]
    assert record["level"] == "ERROR"
    assert record["error"] == "UnprovenTerminationError"
    assert record["instance_id"] in record["reason"]
    assert reason in record["reason"]


# Which instances a terminate message may have cleaned up.


def test_a_message_about_a_firewall_in_service_touches_nothing(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """F1 A: its hook is not open, and it does not leave."""
    event = forged(running.instance_id)
    for _ in range(4):
        assert running.deliver(event) == []
        assert_nothing_touched(running, fake_panorama)
        assert_rejected(running, logs, event, "EC2 shows it as running")
        running.account.queues["dead"].clear()


@pytest.mark.parametrize("hook_open", [False, True])
@pytest.mark.parametrize("owner", ["another", None])
def test_a_message_about_an_instance_of_another_deployment_touches_nothing(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, owner: str | None, hook_open: bool
) -> None:
    """F1 B: an instance without our tag is not ours, even while its hook is open."""
    tag = {"Key": DEPLOYMENT, "Value": owner or ""}
    change = running.ec2.create_tags if owner else running.ec2.delete_tags
    change(Resources=[running.instance_id], Tags=[tag])
    event = termination_event(running) if hook_open else forged(running.instance_id)
    assert running.deliver(event) == []
    assert_nothing_touched(running, fake_panorama)
    owned_by = f"deployment {owner}" if owner else "no deployment"
    assert_rejected(running, logs, event, f"it has the tag of {owned_by}, and not of {NAME}")


@pytest.mark.parametrize("name", ["dc-core-fw1", "I-0123456789ABCDEF0", "i-0123456789ABCDEF0", "*"])
def test_a_message_with_a_host_name_instead_of_an_instance_id_touches_nothing(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, name: str
) -> None:
    """F1 C: Panorama knows a firewall with this host name, and EC2 knows no such instance."""
    fake_panorama.register(Device("S-DC", name.lower(), "10.9.9.9", True, "In Sync", "In Sync"))
    event = forged(name)
    assert running.deliver(event) == []
    assert running.dead_letters() == [("MalformedEventError", json.dumps(event))]
    assert metrics(logs()) == {"MessageDeadLettered": 1}
    assert fake_panorama.calls == []
    assert running.counted_calls() == 0
    assert running.operations()[HEARTBEAT] == 0


def test_a_message_about_an_instance_of_another_account_touches_nothing(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Its firewall has such a host name in the same Panorama, and our EC2 does not know it."""
    fake_panorama.register(Device("S-OTHER", UNKNOWN, "10.9.9.9", True, "In Sync", "In Sync"))
    event = forged(UNKNOWN)
    assert running.deliver(event) == []
    assert fake_panorama.calls == []
    assert fake_panorama.entries() == 8
    assert_rejected(running, logs, event, "EC2 does not know it")


def test_a_message_about_a_launched_instance_that_ec2_does_not_know_touches_nothing(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Only an activity that terminates the instance proves that it leaves."""
    record_activity(running, ActivityType.LAUNCHING, UNKNOWN, 60)
    event = forged(UNKNOWN)
    assert running.deliver(event) == []
    assert_nothing_touched(running, fake_panorama)
    assert_rejected(running, logs, event, "no scaling activity of the group terminates it")


def test_a_message_about_a_stopped_firewall_touches_nothing(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    running.ec2.stop_instances(InstanceIds=[running.instance_id])
    event = forged(running.instance_id)
    assert running.deliver(event) == []
    assert_nothing_touched(running, fake_panorama)
    assert_rejected(running, logs, event, "EC2 shows it as stopped")


@pytest.mark.parametrize("ec2_shows", ["it", "it without tags", "nothing"])
def test_the_message_of_a_firewall_whose_hook_timed_out_still_cleans_up(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, ec2_shows: str
) -> None:
    """The negative control of F1: Auto Scaling has terminated it, and the message is late."""
    event = termination_event(running)
    record_activity(running, ActivityType.TERMINATING, running.instance_id, LONG, 0)
    running.set_members({})
    for item in running.attached()[1:]:
        running.ec2.detach_network_interface(AttachmentId=item["Attachment"]["AttachmentId"])
    running.account.kill(running.instance_id)
    running.account.instances[running.instance_id].forgotten = ec2_shows == "nothing"
    if ec2_shows == "it without tags":
        running.account.instances[running.instance_id].tags.clear()
    change_device(fake_panorama, connected=False)
    running.deliver(event)
    fake_panorama.finish_job()
    assert running.deliver(event) == []
    assert running.dead_letters() == []
    assert running.addresses() == []
    assert fake_panorama.entries() == 0
    assert running.completed == []
    assert running.operations()["CompleteLifecycleAction"] == 0
    assert "TerminationCompleted" not in metrics(logs())


def test_a_termination_that_ec2_does_not_show_yet_is_awaited(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Auto Scaling has just ended the hook, and EC2 still shows the instance as running."""
    event = termination_event(running)
    record_activity(running, ActivityType.TERMINATING, running.instance_id, LONG)
    running.close_hooks()
    assert running.deliver(event) == ["message-0"]
    assert_nothing_touched(running, fake_panorama)
    assert reasons(logs()) == ["Auto Scaling terminates the instance, but EC2 shows it as running"]
    assert running.dead_letters() == []

    running.account.kill(running.instance_id)
    running.deliver(event)
    fake_panorama.finish_job()
    running.deliver(event)
    assert running.deliver(event) == []
    assert fake_panorama.entries() == 0


def test_an_unreadable_history_delays_only_the_instances_that_need_it(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    other = add_two_firewalls(launching, fake_panorama)
    become_terminate(launching, monkeypatch)
    fake_panorama.calls.clear()
    logs()
    launching.errors["DescribeScalingActivities"] = [client_error("Unavailable")]
    bodies = [termination_event(launching), forged(other)]
    assert launching.deliver(*bodies) == ["message-0", "message-1"]
    assert launching.operations()["DescribeScalingActivities"] == 1
    assert launching.dead_letters() == []
    assert "commit" in fake_panorama.calls, "the termination continues"
    assert metrics(logs())["VisitFailed"] == 1
    assert launching.deliver(*bodies) == ["message-0"]
    assert [error for error, _ in launching.dead_letters()] == ["UnprovenTerminationError"]


def test_an_open_hook_needs_no_history(running: Cloud, fake_panorama: FakePanorama) -> None:
    running.deliver(termination_event(running))
    assert running.operations()["DescribeScalingActivities"] == 0


def test_reading_the_history_ends_when_time_runs_out(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    for number in range(9):
        record_activity(running, ActivityType.LAUNCHING, f"i-{number:017x}", 100, 50)
    context = events_context(running, "DescribeScalingActivities")
    assert running.invoke(running.batch(forged(UNKNOWN)), context) == ["message-0"]
    assert running.operations()["DescribeScalingActivities"] == 2
    assert running.pauses() == [5]
    assert reasons(logs()) == ["no time left in this invocation"]


def events_context(cloud: Cloud, operation: str) -> Any:
    """A context whose time runs out at the second call of an operation."""

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 60_000 if cloud.operations()[operation] < 2 else 10_000

    return Context()


# Several messages about one instance are one visit.


def with_sent(batch: dict[str, Any], *ages: float) -> dict[str, Any]:
    """Set when SQS got each message of a batch, in seconds ago."""
    for record, age in zip(batch["Records"], ages, strict=True):
        milliseconds = int(ago(age).timestamp() * 1000)
        record["attributes"]["SentTimestamp"] = str(milliseconds)
    return batch


@pytest.mark.parametrize("position", [0, 1])
def test_a_forged_message_beside_the_real_one_changes_neither_its_age_nor_its_rights(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, position: int
) -> None:
    """F6: the messages of one instance share the outcome of the one whose hook is open."""
    bodies = [termination_event(running), forged(running.instance_id)]
    ages = [60, 3 * DAY]
    if position:
        bodies.reverse()
        ages.reverse()
    batch = with_sent(running.batch(*bodies), *ages)
    assert running.invoke(batch) == ["message-0", "message-1"]
    assert running.operations()["DetachNetworkInterface"] == 0, "Panorama has not committed yet"
    assert fake_panorama.calls.count("commit") == 1
    assert fake_panorama.licensed[SERIAL] == []
    counted = metrics(logs())
    assert counted["TerminationHeldSeconds"] == 60
    assert "TerminationDeadlinePassed" not in counted
    fake_panorama.finish_job()
    running.invoke(with_sent(running.batch(*bodies), *ages))
    assert running.invoke(with_sent(running.batch(*bodies), *ages)) == []
    assert_terminated(running)
    assert running.dead_letters() == []


def test_messages_about_one_firewall_in_service_are_all_dead_letters(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    copy = forged_copy(running.instance_id, Transition.TERMINATING, "2020-01-01T00:00:00Z")
    assert running.deliver(forged(running.instance_id), copy) == []
    assert [error for error, _ in running.dead_letters()] == ["UnprovenTerminationError"] * 2
    assert_nothing_touched(running, fake_panorama)


# Time is what SQS and Auto Scaling say.


@pytest.mark.parametrize("time", ["2020-01-01T00:00:00Z", "9999-01-01T00:00:00Z"])
def test_a_forged_time_does_not_end_a_termination(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, time: str
) -> None:
    """F6: with a real wait, a forged copy is a visit like any other."""
    termination_event(running)
    record_activity(running, ActivityType.TERMINATING, running.instance_id, 120)
    copy = forged_copy(running.instance_id, Transition.TERMINATING, time)
    assert running.deliver(copy, sent=START) == ["message-0"]
    counted = metrics(logs())
    assert counted["TerminationHeldSeconds"] == 120
    assert "TerminationDeadlinePassed" not in counted
    assert "LicenseNotReturned" not in counted
    assert running.completed == []


@pytest.mark.parametrize("time", ["2020-01-01T00:00:00Z", "9999-01-01T00:00:00Z"])
@pytest.mark.parametrize("with_token", [True, False])
def test_a_forged_time_neither_abandons_a_launch_nor_keeps_it_alive(
    launching: Cloud, fake_panorama: FakePanorama, time: str, with_token: bool
) -> None:
    """F6."""
    event = launching.event(Transition.LAUNCHING) | {"time": time}
    if not with_token:
        event = forged_copy(launching.instance_id, Transition.LAUNCHING, time)
    assert launching.deliver(event, sent=START) == ["message-0"]
    assert launching.completed == []
    launching.account.instances[launching.instance_id].launched = ago(2700)
    assert launching.deliver(event, sent=START) == []
    assert launching.results == ["ABANDON"]
    assert launching.operations()["DescribeScalingActivities"] == 0


def test_a_late_launch_event_has_the_deadline_of_its_instance(
    launching: Cloud, fake_panorama: FakePanorama
) -> None:
    """Redriven, or delivered late: its firewall has booted without its interfaces."""
    event = launching.event(Transition.LAUNCHING, age=900)
    assert launching.deliver(event, sent=START) == []
    assert launching.results == ["ABANDON"]
    assert launching.own_interfaces() == []


@pytest.mark.parametrize("resent", [False, True])
def test_a_firewall_that_returns_to_the_group_is_not_an_overdue_launch(
    in_service: Cloud, fake_panorama: FakePanorama, resent: bool
) -> None:
    """From standby, or attached again: its hook is new, although EC2 launched it long ago."""
    event = in_service.event(Transition.LAUNCHING)
    if resent:
        event = forged_copy(in_service.instance_id, Transition.LAUNCHING, event["time"])
    in_service.account.instances[in_service.instance_id].launched = ago(7 * 86400)
    assert in_service.deliver(event) == []
    assert in_service.results[-1] == "CONTINUE"
    assert len(in_service.attached()) == 3


@pytest.mark.parametrize("kind", [None, ActivityType.LAUNCHING])
def test_without_an_activity_that_terminates_the_message_shows_the_age(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs, kind: ActivityType | None
) -> None:
    termination_event(running)
    if kind is not None:
        record_activity(running, kind, running.instance_id, 30 * DAY, 30 * DAY)
    copy = to_message(Transition.TERMINATING, NAME, "terminate", running.instance_id)
    running.deliver(copy, sent=ago(90))
    assert metrics(logs())["TerminationHeldSeconds"] == 90


def test_no_time_lies_in_the_future(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """The clock of the function may be behind that of SQS or Auto Scaling."""
    event = termination_event(running)
    running.deliver(event, sent=START + timedelta(hours=1))
    assert metrics(logs())["TerminationHeldSeconds"] == 0
    record_activity(running, ActivityType.TERMINATING, running.instance_id, -LONG)
    copy = to_message(Transition.TERMINATING, NAME, "terminate", running.instance_id)
    running.deliver(copy, sent=START)
    assert metrics(logs())["TerminationHeldSeconds"] == 0


def test_a_redriven_message_has_its_deadline_again(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """SQS gives a redriven message a new time."""
    change_device(fake_panorama, connected=False)
    event = termination_event(running, age=DAY)
    assert running.deliver(event, sent=START) == ["message-0"]
    assert "LicenseNotReturned" not in metrics(logs())


def test_a_termination_with_an_open_hook_is_carried_out(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    event = termination_event(running)
    assert running.deliver(event) == ["message-0"]
    finish_removal(running, fake_panorama, event)


def test_a_forged_launch_message_of_a_firewall_in_service_changes_nothing(
    running: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running.handler = launch.handler
    configure(monkeypatch, running.launch_settings())
    assert running.deliver(forged(running.instance_id, Transition.LAUNCHING)) == []
    assert_nothing_touched(running, fake_panorama)
