"""Races: duplicate, late, reordered and unknown events each have a defined outcome."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from component.fakes.base import NAME, START
from component.fakes.cloud import SERIAL, Cloud, add_two_firewalls, ago
from component.fakes.functions import become_reconcile, become_terminate, configure
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from component.fakes.steps import LONG, end_without_visits, record_activity, run, unreachable
from vmseries_autoscale import telemetry
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.handlers import launch as launch_handler
from vmseries_autoscale.launch.visit import visit_launches
from vmseries_autoscale.lifecycle import events
from vmseries_autoscale.lifecycle.events import LifecycleEvent, Transition
from vmseries_autoscale.lifecycle.visit import Visit
from vmseries_autoscale.outcome import Failed, Outcome, Retry, run_step
from vmseries_autoscale.settings import LaunchSettings, TerminateSettings, from_environment
from vmseries_autoscale.terminate.visit import visit_terminations
from vmseries_autoscale.time_budget import TimeBudget

UNKNOWN = "i-0123456789abcdef0"


def resent_event(cloud: Cloud, transition: Transition) -> str:
    """The event as the reconcile function resends it."""
    hook = "launch" if transition is Transition.LAUNCHING else "terminate"
    return events.to_message(transition, NAME, hook, cloud.instance_id)


READS = ("DescribeInstances", "DescribeNetworkInterfaces", "DescribeAddresses")


def run_simultaneously(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, *visits: Callable[[], Any]
) -> list[Any]:
    """Return the outcomes of visits that all describe the state before any of them acts."""
    barriers = {operation: threading.Barrier(len(visits)) for operation in READS}
    counters = {operation: itertools.count(1) for operation in READS}
    call = cloud.call

    def call_and_wait(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        answer = call(client, operation, parameters)
        if operation in READS and next(counters[operation]) <= len(visits):
            barriers[operation].wait(timeout=120)
        return answer

    with monkeypatch.context() as patch, cloud.warm(), telemetry.invocation(NAME):
        patch.setattr(cloud, "call", call_and_wait)
        with ThreadPoolExecutor(len(visits)) as pool:
            return [running.result() for running in [pool.submit(visit) for visit in visits]]


def launch_visit(event: LifecycleEvent) -> Outcome:
    settings = from_environment(LaunchSettings)
    visit = Visit(settings, START, TimeBudget(FakeContext()))
    outcomes = run_step(partial(visit_launches, [event], visit))
    return outcomes if isinstance(outcomes, Retry | Failed) else outcomes[event]


def terminate_visit(event: LifecycleEvent) -> Outcome:
    settings = from_environment(TerminateSettings)
    visit = Visit(settings, START, TimeBudget(FakeContext()))
    return visit_terminations([event], visit)[event]


def parsed_event(cloud: Cloud, transition: Transition, *, token: bool = True) -> LifecycleEvent:
    """Open a hook, and return its event as a visit parses it."""
    launching = transition is Transition.LAUNCHING
    detail = cloud.event(transition)["detail"]
    return LifecycleEvent(
        cloud.instance_id,
        NAME,
        "launch" if launching else "terminate",
        START,
        detail["LifecycleActionToken"] if token else None,
    )


def assert_attached(cloud: Cloud) -> None:
    attached = cloud.attached()[1:]
    assert [item["Attachment"]["DeviceIndex"] for item in attached] == [1, 2]
    own = {item["NetworkInterfaceId"] for item in attached}
    assert {item["NetworkInterfaceId"] for item in cloud.own_interfaces()} == own
    assert sorted(item["NetworkInterfaceId"] for item in cloud.addresses()) == sorted(own)


# Simultaneous visits.


@pytest.mark.parametrize("token", [True, False], ids=["the same event", "a resent event"])
def test_two_simultaneous_launch_visits_attach_each_interface_once(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, token: bool
) -> None:
    first = parsed_event(launching, Transition.LAUNCHING)
    second = parsed_event(launching, Transition.LAUNCHING, token=token)
    run_simultaneously(
        launching, monkeypatch, partial(launch_visit, first), partial(launch_visit, second)
    )
    fake_panorama.register(launching.firewall(SERIAL))
    # Superfluous resources are removed before the instance is in service.
    for _ in range(3):
        if not launching.deliver(launching.event(Transition.LAUNCHING)):
            break
    assert_attached(launching)
    assert launching.results == ["CONTINUE"]


def test_two_simultaneous_final_launch_visits_complete_the_hook_once(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = parsed_event(launching, Transition.LAUNCHING)
    launching.deliver(launching.event(Transition.LAUNCHING))
    fake_panorama.register(launching.firewall(SERIAL))
    run_simultaneously(launching, monkeypatch, *[partial(launch_visit, event)] * 2)
    assert launching.results == ["CONTINUE"]
    assert_attached(launching)


@pytest.mark.parametrize("token", [True, False], ids=["the same event", "a resent event"])
def test_two_simultaneous_terminate_visits_leave_nothing_and_complete_the_hook_once(
    running: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, token: bool
) -> None:
    event = running.event(Transition.TERMINATING)
    running.deliver(event)
    fake_panorama.finish_job()
    first = parsed_event(running, Transition.TERMINATING)
    second = parsed_event(running, Transition.TERMINATING, token=token)
    run_simultaneously(
        running, monkeypatch, partial(terminate_visit, first), partial(terminate_visit, second)
    )
    for _ in range(3):
        if not running.deliver(event):
            break
    assert running.results == ["CONTINUE"]
    assert running.own_interfaces() == []
    assert running.addresses() == []
    assert len(fake_panorama.jobs) == 1


def test_the_reconcile_function_removes_resources_created_after_the_termination(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook was open at first; the instance ends while the visit creates interfaces."""
    real_call = launching.account.call
    ended: list[str] = []

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "CreateNetworkInterface" and not ended:
            launching.account.kill(launching.instance_id)
            launching.account.instances[launching.instance_id].terminated = ago(3600)
            launching.set_members({})
            ended.append(launching.instance_id)
        return real_call(client, operation, parameters)

    event = launching.event(Transition.LAUNCHING)
    with monkeypatch.context() as patch:
        patch.setattr(launching.account, "call", call)
        launching.deliver(event)
    assert launching.deliver(event) == [], "the hook is closed now"
    assert launching.own_interfaces() != []
    assert launching.completed == []

    become_reconcile(launching, monkeypatch)
    with launching.warm():
        launching.handler({"action": "reconcile"}, FakeContext())
    assert launching.own_interfaces() == []
    assert launching.addresses() == []


# Duplicate events.


def test_an_event_and_its_resent_copy_in_one_batch_cause_one_termination(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = running.event(Transition.TERMINATING)
    copy = resent_event(running, Transition.TERMINATING)
    for _ in range(5):
        if not running.deliver(event, copy):
            break
        if fake_panorama.jobs:
            fake_panorama.finish_job()
    assert running.results == ["CONTINUE"]
    assert running.own_interfaces() == []
    assert running.addresses() == []
    assert fake_panorama.entries() == 0
    assert len(fake_panorama.jobs) == 1


@pytest.mark.documents(id="readiness/batch/duplicate")
def test_an_event_and_its_resent_copy_in_one_batch_cause_one_launch(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, launching.launch_settings(readiness="off", panorama=None))
    event = launching.event(Transition.LAUNCHING)
    copy = resent_event(launching, Transition.LAUNCHING)
    assert launching.deliver(event, copy) == []
    assert launching.results == ["CONTINUE"]
    assert_attached(launching)


def test_a_second_event_after_the_termination_does_nothing(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = running.event(Transition.TERMINATING)
    for _ in range(3):
        running.deliver(event)
        fake_panorama.finish_job()
    assert running.results == ["CONTINUE"]
    running.ec2.terminate_instances(InstanceIds=[running.instance_id])
    running.calls.clear()
    logs()
    assert running.deliver(event) == []
    reading = ("BatchGet", "Describe", "Get")
    changing = [name for name in running.operations() if not name.startswith(reading)]
    assert changing == ["ChangeMessageVisibilityBatch", "RecordLifecycleActionHeartbeat"]
    assert len(fake_panorama.jobs) == 1
    assert "TerminationCompleted" not in metrics(logs())


# Late and reordered events.


def test_an_event_resent_after_the_launch_hook_ended_creates_nothing(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    assert launching.deliver(resent_event(launching, Transition.LAUNCHING)) == []
    assert launching.own_interfaces() == []
    assert launching.completed == []
    assert metrics(logs())["LaunchHookClosed"] == 1


def test_a_termination_during_the_launch_undoes_it(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its launch message is still in the queue, and is processed last."""
    late = launching.event(Transition.LAUNCHING)
    launching.deliver(late)
    launching.close_hooks()
    leaving = launching.event(Transition.TERMINATING)
    become_terminate(launching, monkeypatch)
    assert launching.deliver(leaving) == ["message-0"], "it may have taken a license"
    launching.account.now += timedelta(seconds=2700)
    assert launching.deliver(leaving) == []
    assert launching.own_interfaces() == []
    assert launching.addresses() == []

    configure(monkeypatch, launching.launch_settings())
    launching.handler = launch_handler.handler
    assert launching.deliver(late) == []
    assert launching.own_interfaces() == []
    assert launching.results == ["CONTINUE"]


def test_a_firewall_that_registers_during_its_termination_is_removed(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its launch was abandoned during the boot; it registers between two terminate visits."""
    launching.deliver(launching.event(Transition.LAUNCHING))
    leaving = launching.event(Transition.TERMINATING)
    become_terminate(launching, monkeypatch)
    fake_panorama.fail = unreachable
    assert launching.deliver(leaving) == ["message-0"]
    fake_panorama.fail = lambda _name: None
    fake_panorama.register(launching.firewall(SERIAL))
    for _ in range(4):
        if not launching.deliver(leaving):
            break
        if fake_panorama.jobs:
            fake_panorama.finish_job()
    assert fake_panorama.entries() == 0
    assert fake_panorama.licensed[SERIAL] == []
    assert launching.results == ["CONTINUE"]


def test_a_firewall_that_registers_when_its_hook_is_completed_is_left_to_reconcile(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its host name still names the instance, and the firewall cannot return its license."""
    launching.deliver(launching.event(Transition.LAUNCHING))
    device = launching.firewall(SERIAL)
    leaving = launching.event(Transition.TERMINATING)
    become_terminate(launching, monkeypatch)
    launching.account.now += timedelta(seconds=2700)
    assert launching.deliver(leaving) == []
    fake_panorama.register(device)
    assert fake_panorama.entries() == 4
    assert launching.results == ["CONTINUE"]

    gone = end_without_visits(launching, fake_panorama)
    record_activity(launching, ActivityType.TERMINATING, gone, 2 * LONG, LONG)
    become_reconcile(launching, monkeypatch)
    assert run(launching)["orphans"] == {gone: SERIAL}
    fake_panorama.finish_job()
    assert fake_panorama.entries() == 0


# Events for unknown instances.


def test_a_launch_event_for_an_instance_that_ec2_does_not_know_yet_waits(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    assert launching.deliver(launching.event(Transition.LAUNCHING, UNKNOWN)) == ["message-0"]
    assert reasons(logs()) == ["the instance is unknown to EC2"]
    assert launching.own_interfaces() == []


def test_a_launch_event_for_an_instance_that_never_existed_is_abandoned_at_the_deadline(
    launching: Cloud, fake_panorama: FakePanorama
) -> None:
    assert launching.deliver(launching.event(Transition.LAUNCHING, UNKNOWN, age=2700)) == []
    assert launching.results == ["ABANDON"]
    assert launching.own_interfaces() == []


def test_a_terminate_event_for_an_instance_that_never_existed_is_completed(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    assert running.deliver(running.event(Transition.TERMINATING, UNKNOWN)) == []
    assert running.results == ["CONTINUE"]
    assert len(running.own_interfaces()) == 2
    assert fake_panorama.entries() == 4


def test_a_test_notification_of_the_terminate_hook_is_ignored(running: Cloud) -> None:
    assert running.deliver('{"Event": "autoscaling:TEST_NOTIFICATION"}') == []
    assert running.dead_letters() == []
    assert running.counted_calls() == 0


def test_an_event_of_another_group_causes_no_action(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    other = running.add_instance()
    event = running.event(Transition.TERMINATING, other, AutoScalingGroupName="another")
    assert running.deliver(event) == []
    assert [error for error, _ in running.dead_letters()] == ["UnexpectedEventError"]
    assert running.counted_calls() == 0


def test_each_message_of_a_mixed_batch_has_its_own_outcome(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test notification, invalid text, a foreign event, a closed hook, two terminations."""
    other = add_two_firewalls(launching, fake_panorama)
    become_terminate(launching, monkeypatch)
    closed = launching.event(Transition.TERMINATING, UNKNOWN)
    launching.close_hooks()
    bodies: list[dict[str, Any] | str] = [
        '{"Event": "autoscaling:TEST_NOTIFICATION"}',
        "not JSON",
        launching.event(Transition.TERMINATING, LifecycleHookName="another"),
        closed,
        launching.event(Transition.TERMINATING),
        launching.event(Transition.TERMINATING, other),
    ]
    assert launching.deliver(*bodies) == ["message-4", "message-5"]
    fake_panorama.finish_job()
    launching.deliver(*bodies[4:])
    assert launching.deliver(*bodies[4:]) == []
    assert launching.results == ["CONTINUE", "CONTINUE"]
    assert launching.own_interfaces() == []
