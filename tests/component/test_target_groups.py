"""Target groups of type ip: registration when ready, deregistration and draining first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from component.fakes.base import client_error
from component.fakes.cloud import OTHER_SERIAL, SERIAL, Cloud, add_two_firewalls
from component.fakes.functions import become_terminate, configure
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import FakePanorama
from vmseries_autoscale.lifecycle.events import Transition

WEB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1"
DNS = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/dns/2"
GROUPS = [{"arn": WEB, "port": 443}, {"arn": DNS, "port": 53}]
DAY = 86400


@pytest.fixture
def balanced(launching: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The launch function, with two target groups at the untrust interface."""
    launching.targets = {WEB: {}, DNS: {}}
    settings = launching.launch_settings()
    settings["interfaces"]["untrust"]["target_groups"] = GROUPS
    configure(monkeypatch, settings)
    return launching


@pytest.fixture
def draining(running: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The terminate function, and a firewall that two target groups send traffic to."""
    address = untrust(running)
    running.targets = {WEB: {(address, 443): "healthy"}, DNS: {(address, 53): "healthy"}}
    become_terminate(running, monkeypatch, target_groups={"2": GROUPS})
    return running


def untrust(cloud: Cloud, instance_id: str = "") -> str:
    return str(cloud.attached(instance_id)[2]["PrivateIpAddress"])


def finish_draining(cloud: Cloud) -> None:
    """Remove the draining targets: their deregistration delay is over."""
    for group in cloud.targets.values():
        for target in [target for target, state in group.items() if state == "draining"]:
            del group[target]


def states(cloud: Cloud) -> list[str]:
    return [state for group in cloud.targets.values() for state in group.values()]


def finish(cloud: Cloud, panorama: FakePanorama, event: dict[str, Any]) -> None:
    """Deliver the event until its message is deleted, and check that nothing remains."""
    for _ in range(8):
        in_queue = cloud.deliver(event)
        finish_draining(cloud)
        if panorama.jobs and not panorama.jobs[-1].finished:
            panorama.finish_job()
        if not in_queue:
            break
    assert cloud.results == ["CONTINUE"]
    assert cloud.own_interfaces() == []
    assert panorama.entries() == 0


# Launch.


def test_a_firewall_is_registered_when_it_is_ready_and_before_it_is_in_service(
    balanced: Cloud, fake_panorama: FakePanorama
) -> None:
    event = balanced.event(Transition.LAUNCHING)
    balanced.deliver(event)
    ready = balanced.firewall(SERIAL)
    fake_panorama.register(replace(ready, policy_status="Out of Sync"))
    assert balanced.deliver(event) == ["message-0"]
    assert states(balanced) == [], "it would drop traffic"

    fake_panorama.register(ready)
    balanced.calls.clear()
    assert balanced.deliver(event) == []
    address = untrust(balanced)
    assert balanced.targets == {WEB: {(address, 443): "healthy"}, DNS: {(address, 53): "healthy"}}
    order = [name for _, name, _ in balanced.calls]
    assert order[-3:] == ["RegisterTargets", "RegisterTargets", "CompleteLifecycleAction"]
    (web, dns) = [p for _, name, p in balanced.calls if name == "RegisterTargets"]
    assert web == {"TargetGroupArn": WEB, "Targets": [{"Id": address, "Port": 443}]}
    assert dns == {"TargetGroupArn": DNS, "Targets": [{"Id": address, "Port": 53}]}


def test_the_primary_interface_can_be_a_target_too(
    launching: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    launching.targets = {WEB: {}}
    settings = launching.launch_settings(readiness="off", panorama=None)
    settings["interfaces"]["data"]["target_groups"] = GROUPS[:1]
    configure(monkeypatch, settings)
    assert launching.deliver(launching.event(Transition.LAUNCHING)) == []
    address = launching.attached()[0]["PrivateIpAddress"]
    assert launching.targets == {WEB: {(address, 443): "healthy"}}


def test_without_a_readiness_gate_a_new_interface_is_registered_in_the_same_visit(
    balanced: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = balanced.launch_settings(readiness="off", panorama=None)
    settings["interfaces"]["untrust"]["target_groups"] = GROUPS
    configure(monkeypatch, settings)
    assert balanced.deliver(balanced.event(Transition.LAUNCHING)) == []
    assert balanced.targets[WEB] == {(untrust(balanced), 443): "healthy"}


def test_an_abandoned_launch_was_never_registered(
    balanced: Cloud, fake_panorama: FakePanorama
) -> None:
    balanced.deliver(balanced.event(Transition.LAUNCHING))
    assert balanced.deliver(balanced.event(Transition.LAUNCHING, age=2700)) == []
    assert balanced.results == ["ABANDON"]
    assert states(balanced) == []
    assert balanced.operations()["RegisterTargets"] == 0


def register_half(cloud: Cloud, panorama: FakePanorama) -> None:
    """Register the firewall with the first group only; then it is no longer ready."""
    event = cloud.event(Transition.LAUNCHING)
    cloud.deliver(event)
    ready = cloud.firewall(SERIAL)
    panorama.register(ready)
    cloud.errors["CompleteLifecycleAction"] = [client_error("Throttling")]
    assert cloud.deliver(event) == ["message-0"]
    del cloud.targets[DNS][untrust(cloud), 53]
    panorama.register(replace(ready, connected=False))


def test_an_abandoned_launch_that_was_registered_is_deregistered(
    balanced: Cloud, fake_panorama: FakePanorama
) -> None:
    register_half(balanced, fake_panorama)
    assert balanced.deliver(balanced.event(Transition.LAUNCHING, age=2700)) == []
    assert balanced.results == ["ABANDON"]
    assert balanced.targets == {WEB: {(untrust(balanced), 443): "draining"}, DNS: {}}
    order = [name for _, name, _ in balanced.calls]
    assert order.index("DeregisterTargets") < len(order) - 1
    assert order[-1] == "CompleteLifecycleAction"


@pytest.mark.parametrize("operation", ["DescribeTargetHealth", "DeregisterTargets"])
def test_a_launch_is_not_abandoned_while_it_is_registered(
    balanced: Cloud, fake_panorama: FakePanorama, operation: str
) -> None:
    register_half(balanced, fake_panorama)
    balanced.errors[operation] = [client_error("Throttling", operation=operation)]
    late = balanced.event(Transition.LAUNCHING, age=2700)
    assert balanced.deliver(late) == ["message-0"]
    assert balanced.completed == []
    assert balanced.deliver(late) == []
    assert balanced.results == ["ABANDON"]
    assert states(balanced) == ["draining"]


@pytest.mark.parametrize("operation", ["DescribeTargetHealth", "DeregisterTargets"])
def test_a_target_that_may_not_be_deregistered_does_not_hold_an_abandoned_launch(
    balanced: Cloud, fake_panorama: FakePanorama, logs: Logs, operation: str
) -> None:
    """The reconcile function deregisters it when no interface has its address."""
    register_half(balanced, fake_panorama)
    balanced.errors[operation] = [client_error("AccessDenied", operation=operation)]
    logs()
    assert balanced.deliver(balanced.event(Transition.LAUNCHING, age=2700)) == []
    assert balanced.results == ["ABANDON"]
    assert balanced.addresses() == []
    assert any("AccessDenied" in reason for reason in reasons(logs()))


def test_a_launch_is_abandoned_even_if_its_target_groups_were_deleted(
    balanced: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """No firewall enters service without its target groups."""
    event = balanced.event(Transition.LAUNCHING)
    balanced.deliver(event)
    fake_panorama.register(balanced.firewall(SERIAL))
    balanced.targets.clear()
    logs()
    assert balanced.deliver(event) == ["message-0"]
    assert any("TargetGroupNotFound" in reason for reason in reasons(logs()))
    assert balanced.deliver(balanced.event(Transition.LAUNCHING, age=2700)) == []
    assert balanced.results == ["ABANDON"]


@pytest.mark.parametrize("code", ["Throttling", "InternalFailure", "TooManyTargets"])
def test_a_failed_registration_is_retried(
    balanced: Cloud, fake_panorama: FakePanorama, logs: Logs, code: str
) -> None:
    event = balanced.event(Transition.LAUNCHING)
    balanced.deliver(event)
    fake_panorama.register(balanced.firewall(SERIAL))
    balanced.errors["RegisterTargets"] = [client_error(code, operation="RegisterTargets")]
    logs()
    assert balanced.deliver(event) == ["message-0"]
    assert balanced.completed == []
    assert metrics(logs())["VisitFailed"] == 1
    assert balanced.deliver(event) == []
    assert states(balanced) == ["healthy", "healthy"]
    assert balanced.results == ["CONTINUE"]


# Termination.


def test_a_terminating_firewall_drains_before_anything_is_removed(
    draining: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    event = draining.event(Transition.TERMINATING)
    address = untrust(draining)
    fake_panorama.calls.clear()
    assert draining.deliver(event) == ["message-0"]
    deregistered = [p for _, name, p in draining.calls if name == "DeregisterTargets"]
    assert deregistered == [
        {"TargetGroupArn": WEB, "Targets": [{"Id": address, "Port": 443}]},
        {"TargetGroupArn": DNS, "Targets": [{"Id": address, "Port": 53}]},
    ]
    assert states(draining) == ["draining", "draining"]
    assert reasons(logs()) == ["load balancers are draining connections"]

    assert draining.deliver(event) == ["message-0"]
    assert draining.operations()["DeregisterTargets"] == 2, "draining is in progress"
    assert fake_panorama.calls == [], "a firewall without license passes no traffic"
    assert len(draining.attached()) == 3

    finish_draining(draining)
    finish(draining, fake_panorama, event)
    assert fake_panorama.licensed[SERIAL] == []


def test_a_draining_firewall_does_not_delay_the_others(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = add_two_firewalls(launching, fake_panorama)
    launching.targets = {WEB: {(untrust(launching, other), 443): "healthy"}, DNS: {}}
    become_terminate(launching, monkeypatch, target_groups={"2": GROUPS})
    launching.deliver(
        launching.event(Transition.TERMINATING), launching.event(Transition.TERMINATING, other)
    )
    assert fake_panorama.licensed == {SERIAL: [], OTHER_SERIAL: ["VM-Capacity"]}


def test_another_port_of_the_same_address_is_left_alone(
    draining: Cloud, fake_panorama: FakePanorama
) -> None:
    other_port = (untrust(draining), 8443)
    draining.targets[WEB][other_port] = "healthy"
    finish(draining, fake_panorama, draining.event(Transition.TERMINATING))
    still_registered = {other_port: "unhealthy"}  # Nothing responds at the address.
    assert draining.targets == {WEB: still_registered, DNS: {}}


def test_a_deleted_target_group_does_not_block_a_termination(
    draining: Cloud, fake_panorama: FakePanorama
) -> None:
    draining.targets.clear()
    finish(draining, fake_panorama, draining.event(Transition.TERMINATING))


def test_a_target_group_deleted_just_before_its_deregistration_does_not_block_a_termination(
    draining: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_call = draining.account.call

    def call(client: Any, name: str, parameters: dict[str, Any]) -> Any:
        if name == "DeregisterTargets":
            draining.targets.clear()
        return real_call(client, name, parameters)

    monkeypatch.setattr(draining.account, "call", call)
    finish(draining, fake_panorama, draining.event(Transition.TERMINATING))


def test_an_instance_that_was_never_registered_does_not_wait_for_draining(
    draining: Cloud, fake_panorama: FakePanorama
) -> None:
    draining.targets = {WEB: {}, DNS: {}}
    draining.deliver(draining.event(Transition.TERMINATING))
    assert fake_panorama.licensed[SERIAL] == []
    assert draining.operations()["DeregisterTargets"] == 0


@pytest.mark.parametrize("operation", ["DescribeTargetHealth", "DeregisterTargets"])
def test_an_error_of_the_load_balancer_is_retried(
    draining: Cloud, fake_panorama: FakePanorama, logs: Logs, operation: str
) -> None:
    event = draining.event(Transition.TERMINATING)
    draining.errors[operation] = [client_error("Throttling", operation=operation)]
    fake_panorama.calls.clear()
    assert draining.deliver(event) == ["message-0"]
    assert metrics(logs())["VisitFailed"] == 1
    assert fake_panorama.calls == []
    finish(draining, fake_panorama, event)


def test_draining_ends_at_the_deadline(
    draining: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """It ends together with the license stage, so that no later stage waits longer."""
    draining.deliver(draining.event(Transition.TERMINATING, age=DAY - 60))
    assert fake_panorama.licensed[SERIAL] != []
    late = draining.event(Transition.TERMINATING, age=DAY)
    for _ in range(4):
        if not draining.deliver(late):
            break
        if fake_panorama.jobs:
            fake_panorama.finish_job()
    assert draining.results == ["CONTINUE"]
    assert states(draining) == ["draining", "draining"]
    (record,) = [
        item for item in logs() if item.get("message") == "Skipped stages whose deadline had passed"
    ]
    assert record["skipped"] == ["drain", "return_license"]
