"""A batch of launches: attached in parallel, one request to Panorama, one outcome for each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from component.fakes.base import client_error
from component.fakes.cloud import Cloud, ago, in_service_at
from component.fakes.functions import configure
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from vmseries_autoscale.aws import instances
from vmseries_autoscale.errors import PANORAMA, DeviceBusyError, DeviceUnavailableError
from vmseries_autoscale.lifecycle.events import Transition


def add_instances(cloud: Cloud, number: int) -> list[str]:
    """Add instances until there are `number` in total; return their IDs."""
    return [cloud.instance_id, *(cloud.add_instance() for _ in range(number - 1))]


def launches(cloud: Cloud, instance_ids: list[str], **changes: Any) -> list[dict[str, Any]]:
    return [
        cloud.event(Transition.LAUNCHING, instance_id, **changes) for instance_id in instance_ids
    ]


def serial_of(instance_id: str) -> str:
    return f"S{instance_id[2:]}"


def join(cloud: Cloud, panorama: FakePanorama, instance_ids: list[str]) -> None:
    for instance_id in instance_ids:
        panorama.register(cloud.firewall(serial_of(instance_id), instance_id))


@pytest.mark.documents(id="panorama/contention/one-list")
@pytest.mark.documents(id="readiness/batch/normal")
def test_a_batch_is_attached_and_enters_service_together(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    instance_ids = add_instances(launching, 3)
    batch = launches(launching, instance_ids, age=1)
    assert launching.deliver(*batch) == ["message-0", "message-1", "message-2"]
    for instance_id in instance_ids:
        assert len(launching.attached(instance_id)) == 3
    assert len(launching.addresses()) == 6
    describes = {
        name: launching.operations()[f"Describe{name}"] for name in ("Instances", "Addresses")
    }
    assert describes == {"Instances": 1, "Addresses": 1}, "one call for the whole batch"
    assert sum(record.get("InterfacesAttachedSeconds", [0])[0] > 0 for record in logs()) == 1

    join(launching, fake_panorama, instance_ids)
    launching.calls.clear()
    assert launching.deliver(*batch) == []
    assert sorted(launching.completed) == sorted(
        (event["detail"]["LifecycleActionToken"], "CONTINUE") for event in batch
    )
    assert Counter(fake_panorama.calls) == {"members": 1, "licenses": 3}
    for instance_id in instance_ids:
        assert launching.tags(instance_id)["vmseries-autoscale:serial"] == serial_of(instance_id)
    assert metrics(logs())["LaunchCompleted"] == 3


@pytest.mark.documents(id="readiness/batch/one-fails")
def test_a_problem_of_one_instance_does_not_affect_the_others(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    good, blocked, unlicensed, unknown, gone = instance_ids = add_instances(launching, 5)
    foreign = launching.ec2.create_network_interface(SubnetId=launching.subnets["management"])
    launching.ec2.attach_network_interface(
        NetworkInterfaceId=foreign["NetworkInterface"]["NetworkInterfaceId"],
        InstanceId=blocked,
        DeviceIndex=1,
    )
    launching.ec2.terminate_instances(InstanceIds=[gone])
    batch = launches(launching, instance_ids, age=300)
    assert launching.deliver(*batch) == ["message-0", "message-2", "message-3", "message-4"]
    assert launching.results == ["ABANDON"]
    assert "InterfaceLayoutError" in launching.tags(blocked)["vmseries-autoscale:abandoned"]

    join(launching, fake_panorama, [good, unlicensed])
    fake_panorama.licensed[serial_of(unlicensed)] = []
    logs()
    batch.pop(1)
    assert launching.deliver(*batch) == ["message-1", "message-2", "message-3"]
    assert launching.results == ["ABANDON", "CONTINUE"]
    assert set(launching.tags(good)) >= {"vmseries-autoscale:serial"}
    reason_of = {record["instance_id"]: record["reason"] for record in logs() if "reason" in record}
    assert "no license" in reason_of[unlicensed]
    assert "no firewall with this host name" in reason_of[unknown]
    assert "terminated" in reason_of[gone]


@pytest.mark.documents(id="readiness/batch/one-fails")
def test_a_failed_call_affects_only_its_own_instance(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """The others are attached, and their log records name their own instances."""
    batch = launches(launching, add_instances(launching, 3))
    launching.errors["AttachNetworkInterface"] = [RuntimeError("a defect")]
    launching.deliver(*batch)
    records = logs()
    assert metrics(records)["VisitFailed"] == 1
    created = [record for record in records if record.get("message") == "Created an interface"]
    by_instance = Counter(record["instance_id"] for record in created)
    assert set(by_instance.values()) == {2}
    assert len(by_instance) == 3
    owners = {
        interface["NetworkInterfaceId"]: tag["Value"]
        for interface in launching.own_interfaces()
        for tag in interface["TagSet"]
        if tag["Key"] == "vmseries-autoscale:instance-id"
    }
    assert all(owners[record["interface_id"]] == record["instance_id"] for record in created)
    launching.deliver(*batch)
    assert all(len(launching.attached(instance_id)) == 3 for instance_id in by_instance)


@pytest.mark.documents(id="readiness/gate/panorama-away")
@pytest.mark.parametrize(
    ("error", "failed"),
    [(DeviceUnavailableError(PANORAMA, "no answer"), 2), (DeviceBusyError(PANORAMA, "busy"), 0)],
)
def test_an_unreachable_panorama_delays_all_launches_and_gets_one_request(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs, error: Exception, failed: int
) -> None:
    instance_ids = add_instances(launching, 2)
    batch = launches(launching, instance_ids)
    launching.deliver(*batch)
    join(launching, fake_panorama, instance_ids)
    logs()

    def fail(_name: str) -> None:
        raise error

    fake_panorama.fail = fail
    assert launching.deliver(*batch) == ["message-0", "message-1"]
    assert fake_panorama.calls == ["members"]
    assert metrics(logs()).get("VisitFailed", 0) == failed
    assert launching.completed == []


def test_a_newly_attached_firewall_needs_no_request_to_panorama(
    launching: Cloud, fake_panorama: FakePanorama
) -> None:
    old, new = add_instances(launching, 2)
    (first,) = launches(launching, [old])
    launching.deliver(first)
    join(launching, fake_panorama, [old])
    fake_panorama.register(in_service_at(new, serial_of(new)))
    assert launching.deliver(*launches(launching, [new]), first) == ["message-0"]
    assert Counter(fake_panorama.calls) == {"members": 1, "licenses": 1}


@pytest.mark.documents(id="readiness/batch/time-budget")
def test_a_run_without_time_changes_nothing_and_retries_all_soon(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    batch = launches(launching, add_instances(launching, 2), age=2700)
    in_queue = launching.deliver(*batch, context=FakeContext(15_000))
    assert in_queue == ["message-0", "message-1"]
    assert launching.pauses() == [5, 5]
    assert launching.own_interfaces() == []
    assert launching.completed == []
    assert set(reasons(logs())) == {"no time left in this invocation"}


@pytest.mark.documents(id="readiness/batch/time-budget")
def test_when_time_runs_out_the_rest_of_the_batch_is_retried(
    launching: Cloud, fake_panorama: FakePanorama
) -> None:
    instance_ids = add_instances(launching, 3)
    batch = launches(launching, instance_ids)
    launching.deliver(*batch)
    join(launching, fake_panorama, instance_ids)
    context = FakeContext()
    fake_panorama.fail = lambda name: setattr(
        context, "milliseconds", 15_000 if name == "licenses" else 60_000
    )
    assert launching.deliver(*batch, context=context) == ["message-0", "message-1", "message-2"]
    assert fake_panorama.calls == ["members", "licenses"], "the other two were not started"
    fake_panorama.fail = lambda _name: None
    assert launching.deliver(*batch) == []


@pytest.mark.documents(id="readiness/batch/time-budget")
def test_attaching_stops_between_two_rounds_when_time_runs_out(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, launching.launch_settings(readiness="off", panorama=None))
    (event,) = launches(launching, [launching.instance_id])
    context, call = FakeContext(), launching.call

    def slow(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "CreateNetworkInterface":
            context.milliseconds = 15_000
        return call(client, operation, parameters)

    monkeypatch.setattr(launching, "call", slow)
    assert launching.deliver(event, context=context) == ["message-0"]
    assert launching.pauses() == [5]
    assert launching.operations()["AttachNetworkInterface"] == 0
    monkeypatch.setattr(launching, "call", call)
    assert launching.deliver(event) == []
    assert len(launching.own_interfaces()) == 2


# The reason for which a launch is abandoned, as an operator sees it.


@pytest.mark.documents(id="readiness/gate/deadline")
def test_the_reason_is_tagged_before_the_hook_is_completed(
    launching: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = launches(launching, [launching.instance_id], age=2600)[0]
    launching.deliver(launches(launching, [launching.instance_id], age=10)[0])
    fake_panorama.register(launching.firewall("S1"))
    unavailable = DeviceUnavailableError(PANORAMA, "x" * 400)
    fake_panorama.fail = lambda _name: (_ for _ in ()).throw(unavailable)
    assert launching.deliver(event) == ["message-0"]
    launching.calls.clear()
    logs()
    late = event | {"time": launches(launching, [launching.instance_id], age=2700)[0]["time"]}
    assert launching.deliver(late) == []
    note = launching.tags()["vmseries-autoscale:abandoned"]
    assert note.startswith("the deadline passed; DeviceUnavailableError: xxx")
    assert note.count("x") > 180, "as much as the tag of the last visit holds"
    operations = [operation for _, operation, _ in launching.calls]
    assert operations.index("CreateTags") < operations.index("CompleteLifecycleAction")
    assert metrics(logs())["LaunchAbandoned"] == 1


@pytest.mark.documents(id="readiness/gate/tag-refused")
def test_a_launch_is_abandoned_even_if_the_reason_cannot_be_tagged(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = launching.launch_settings(readiness="off", panorama=None)
    settings["interfaces"]["untrust"]["subnet_ids"] = {"us-east-1b": "subnet-0"}
    configure(monkeypatch, settings)
    launching.errors["CreateTags"] = [client_error("UnauthorizedOperation")]
    assert launching.deliver(*launches(launching, [launching.instance_id])) == []
    assert launching.results == ["ABANDON"]
    assert "vmseries-autoscale:abandoned" not in launching.tags()


def test_a_reason_that_ec2_refuses_does_not_keep_the_visit_off_the_other_tags(
    launching: Cloud,
) -> None:
    """Without its tag, the reconcile function would take the event of an instance for lost."""
    ids = [launching.instance_id, launching.add_instance()]
    known = instances.describe(launching.ec2, ids)
    waits = dict(zip(ids, ["a text of a hostile firewall", "not connected"], strict=True))
    launching.errors["CreateTags"] = [client_error("InvalidParameterValue")]
    with launching.warm():
        instances.tag_last_visit(launching.ec2, known.values(), ago(0), reasons=waits)
    tagged = [key for key in ids if "vmseries-autoscale:last-visit" in launching.tags(key)]
    assert len(tagged) == 1


# A push if Panorama has not pushed by itself.


def with_push(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = cloud.launch_settings()
    settings["panorama"]["push_when_out_of_sync"] = True
    configure(monkeypatch, settings)


def out_of_sync(
    cloud: Cloud, panorama: FakePanorama, instance_ids: list[str], **changes: Any
) -> None:
    for instance_id in instance_ids:
        device = cloud.firewall(serial_of(instance_id), instance_id)
        panorama.register(replace(device, policy_status="Out of Sync", **changes))


@pytest.mark.documents(id="readiness/gate/push")
def test_one_push_covers_all_firewalls_that_are_out_of_sync(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_push(launching, monkeypatch)
    instance_ids = add_instances(launching, 3)
    batch = launches(launching, instance_ids)
    launching.deliver(*batch)
    out_of_sync(launching, fake_panorama, instance_ids[:2])
    out_of_sync(launching, fake_panorama, instance_ids[2:], connected=False)
    for _ in range(2):
        launching.deliver(*batch)
    (push,) = fake_panorama.push_jobs
    pushed = {serial_of(instance_id) for instance_id in instance_ids[:2]}
    assert push.serials == pushed, "and to no other firewall"
    fake_panorama.finish_push()
    assert launching.deliver(*batch) == ["message-2"]
    assert len(fake_panorama.push_jobs) == 1


@pytest.mark.documents(id="readiness/gate/push-failed")
def test_a_failed_push_is_logged_and_attempted_three_times(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    with_push(launching, monkeypatch)
    (event,) = launches(launching, [launching.instance_id])
    launching.deliver(event)
    out_of_sync(launching, fake_panorama, [launching.instance_id])
    for _ in range(5):
        launching.deliver(event)
        if not fake_panorama.push_jobs[0].finished:
            serial = serial_of(launching.instance_id)
            fake_panorama.finish_push({serial: "zone untrust is invalid"})
    assert len(fake_panorama.push_jobs) == 3
    logs()
    launching.deliver(event)
    (reason,) = reasons(logs())
    assert reason.startswith("device group: Out of Sync; ")
    assert reason.endswith("; push job 103 failed: zone untrust is invalid")


@pytest.mark.documents(id="readiness/gate/push-busy")
def test_a_refused_push_delays_the_launches_that_need_it(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_push(launching, monkeypatch)
    needs, ready = instance_ids = add_instances(launching, 2)
    batch = launches(launching, instance_ids)
    launching.deliver(*batch)
    out_of_sync(launching, fake_panorama, [needs])
    join(launching, fake_panorama, [ready])

    def busy(name: str) -> None:
        if name == "push":
            raise DeviceBusyError(PANORAMA, "a commit is pending")

    fake_panorama.fail = busy
    assert launching.deliver(*batch) == ["message-0"]


@pytest.mark.documents(id="readiness/gate/no-push")
def test_without_the_option_nothing_is_pushed(
    launching: Cloud, fake_panorama: FakePanorama
) -> None:
    (event,) = launches(launching, [launching.instance_id])
    launching.deliver(event)
    out_of_sync(launching, fake_panorama, [launching.instance_id])
    launching.deliver(event)
    assert not {"push", "pushes"} & set(fake_panorama.calls)
