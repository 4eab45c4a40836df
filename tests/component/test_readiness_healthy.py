"""Readiness ``healthy``: the load balancers' health checks decide, and no credential is needed."""

from __future__ import annotations

from typing import Any

import pytest

from component.fakes import settings
from component.fakes.base import client_error
from component.fakes.cloud import Cloud
from component.fakes.functions import become_reconcile, become_terminate, configure
from component.fakes.load_balancing import GENEVE_PORT
from component.fakes.logs import Logs, reasons
from component.fakes.runtime import FakeContext
from vmseries_autoscale.lifecycle.events import Transition

FIREWALLS = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/firewalls/1"
WEB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/2"
FOREIGN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/foreign/3"
OVERDUE = 2700


@pytest.fixture
def waiting(launching: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The launch function, with a target group of the group and one of an interface."""
    launching.targets = {FIREWALLS: {}, WEB: {}, FOREIGN: {}}
    launching.account.registered_as = "initial"
    settings = launching.launch_settings(
        readiness="healthy", panorama=None, license_expected=False, target_group_arns=[FIREWALLS]
    )
    settings["interfaces"]["untrust"]["target_groups"] = [{"arn": WEB, "port": 443}]
    configure(monkeypatch, settings)
    return launching


def keys(cloud: Cloud) -> dict[str, tuple[str, int]]:
    """The target of the instance in each group."""
    address = str(cloud.attached()[2]["PrivateIpAddress"])
    return {FIREWALLS: (cloud.instance_id, GENEVE_PORT), WEB: (address, 443)}


def report(cloud: Cloud, state: str, *arns: str) -> None:
    """Let health checks find the firewall in a state, in all groups or in some."""
    for arn, key in keys(cloud).items():
        if arn in (arns or (FIREWALLS, WEB)):
            cloud.targets[arn][key] = state


def called(cloud: Cloud, operation: str) -> list[dict[str, Any]]:
    return [parameters for _, name, parameters in cloud.calls if name == operation]


def registered(cloud: Cloud) -> dict[str, dict[tuple[str, int], str]]:
    """All groups that have targets."""
    return {arn: targets for arn, targets in cloud.targets.items() if targets}


@pytest.mark.documents(id="readiness/gate/healthy")
def test_a_firewall_is_registered_with_a_complete_network_and_serves_when_it_is_healthy(
    waiting: Cloud, logs: Logs
) -> None:
    event = waiting.event(Transition.LAUNCHING)
    assert waiting.deliver(event) == ["message-0"]
    assert len(waiting.attached()) == 3
    assert registered(waiting) == {}, "the next visit confirms that the network is complete"

    assert waiting.deliver(event) == ["message-0"]
    assert registered(waiting) == {arn: {key: "initial"} for arn, key in keys(waiting).items()}
    (by_id, by_address) = called(waiting, "RegisterTargets")
    assert by_id == {"TargetGroupArn": FIREWALLS, "Targets": [{"Id": waiting.instance_id}]}
    assert by_address["TargetGroupArn"] == WEB

    report(waiting, "unhealthy")
    assert waiting.deliver(event) == ["message-0"]
    assert waiting.completed == []
    report(waiting, "healthy")
    waiting.calls.clear()
    assert waiting.deliver(event) == []
    assert waiting.results == ["CONTINUE"]
    assert called(waiting, "RegisterTargets") == [], "once is enough"
    assert "does not answer health checks" in " ".join(reasons(logs()))


@pytest.mark.documents(id="readiness/gate/healthy")
def test_every_target_group_must_report_the_firewall_healthy(waiting: Cloud, logs: Logs) -> None:
    event = waiting.event(Transition.LAUNCHING)
    for _ in range(2):
        waiting.deliver(event)
    report(waiting, "healthy", FIREWALLS)
    logs()
    assert waiting.deliver(event) == ["message-0"]
    assert reasons(logs()) == ["target group web: initial (Elb.RegistrationInProgress)"]


@pytest.mark.documents(id="readiness/gate/healthy-no-listener")
def test_a_firewall_that_no_load_balancer_uses_does_not_serve(waiting: Cloud, logs: Logs) -> None:
    event = waiting.event(Transition.LAUNCHING)
    for _ in range(2):
        waiting.deliver(event)
    report(waiting, "unused")
    logs()
    assert waiting.deliver(event) == ["message-0"]
    (reason,) = reasons(logs())
    assert reason.startswith("target group firewalls: unused (Target.NotInUse): no load balancer")


@pytest.mark.documents(id="readiness/gate/healthy-deadline")
def test_at_the_deadline_a_firewall_is_deregistered_before_its_addresses_are_released(
    waiting: Cloud,
) -> None:
    for _ in range(2):
        waiting.deliver(waiting.event(Transition.LAUNCHING))
    report(waiting, "unhealthy")
    assert waiting.deliver(waiting.event(Transition.LAUNCHING, age=OVERDUE - 10)) == ["message-0"]
    waiting.calls.clear()
    assert waiting.deliver(waiting.event(Transition.LAUNCHING, age=OVERDUE)) == []
    assert waiting.results == ["ABANDON"]
    order = [name for _, name, _ in waiting.calls]
    last = len(order) - 1 - order[::-1].index("DeregisterTargets")
    assert last < order.index("ReleaseAddress") < order.index("CompleteLifecycleAction")
    assert [p["TargetGroupArn"] for p in called(waiting, "DeregisterTargets")] == [FIREWALLS, WEB]
    reason = waiting.tags()["vmseries-autoscale:abandoned"]
    assert "target group firewalls: unhealthy (Target.FailedHealthChecks)" in reason


@pytest.mark.documents(id="readiness/gate/healthy-twice")
def test_a_duplicate_event_registers_nothing_again(waiting: Cloud) -> None:
    event = waiting.event(Transition.LAUNCHING)
    for _ in range(2):
        waiting.deliver(event, event)
    report(waiting, "healthy")
    assert waiting.deliver(event, event) == []
    assert len(called(waiting, "RegisterTargets")) == 2, "one for each target group"
    waiting.close_hooks()
    for arn, key in keys(waiting).items():
        del waiting.targets[arn][key]
    assert waiting.deliver(event) == []
    assert registered(waiting) == {}, "the hook is closed: the instance is not the function's"


@pytest.mark.documents(id="readiness/gate/healthy-fault")
@pytest.mark.parametrize("operation", ["RegisterTargets", "DescribeTargetHealth"])
@pytest.mark.parametrize("code", ["Throttling", "InternalFailure", "InvalidTarget"])
def test_an_error_of_the_load_balancer_is_retried(
    waiting: Cloud, operation: str, code: str
) -> None:
    event = waiting.event(Transition.LAUNCHING)
    waiting.deliver(event)
    waiting.errors[operation] = [client_error(code, operation=operation)]
    for _ in range(2):
        assert waiting.deliver(event) == ["message-0"]
    report(waiting, "healthy")
    assert waiting.deliver(event) == []
    assert waiting.results == ["CONTINUE"]


def test_an_instance_that_is_not_running_is_not_registered(waiting: Cloud, logs: Logs) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html"""
    event = waiting.event(Transition.LAUNCHING)
    waiting.deliver(event)
    waiting.account.instances[waiting.instance_id].pending = True
    logs()
    assert waiting.deliver(event) == ["message-0"]
    assert reasons(logs()) == ["the instance is not running yet"]
    assert registered(waiting) == {}


@pytest.mark.documents(id="readiness/gate/healthy-standby")
def test_a_firewall_that_drains_is_registered_again(
    waiting: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Auto Scaling deregisters an instance that enters standby. It may return soon."""
    settings = waiting.launch_settings(
        readiness="healthy", panorama=None, target_group_arns=[FIREWALLS]
    )
    configure(monkeypatch, settings)
    event = waiting.event(Transition.LAUNCHING)
    waiting.deliver(event)
    waiting.targets[FIREWALLS][waiting.instance_id, GENEVE_PORT] = "draining"
    assert waiting.deliver(event) == ["message-0"]
    assert registered(waiting) == {FIREWALLS: {(waiting.instance_id, GENEVE_PORT): "initial"}}


def test_a_deleted_target_group_is_named_and_does_not_hold_an_abandoned_launch(
    waiting: Cloud, logs: Logs
) -> None:
    event = waiting.event(Transition.LAUNCHING)
    waiting.deliver(event)
    waiting.targets.clear()
    logs()
    assert waiting.deliver(event) == ["message-0"]
    assert reasons(logs()) == ["target group firewalls does not exist"]
    assert waiting.deliver(waiting.event(Transition.LAUNCHING, age=OVERDUE)) == []
    assert waiting.results == ["ABANDON"]


@pytest.fixture
def leaving(waiting: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The terminate function, and a firewall that leaves while it waits for its health checks."""
    for _ in range(2):
        waiting.deliver(waiting.event(Transition.LAUNCHING))
    become_terminate(
        waiting,
        monkeypatch,
        panorama=None,
        licensing=settings.terminate()["licensing"] | {"mode": "none", "api_key_secret_arn": None},
        target_groups={"2": [{"arn": WEB, "port": 443}]},
        target_group_arns=[FIREWALLS],
    )
    return waiting


def end_draining(cloud: Cloud) -> None:
    for targets in cloud.targets.values():
        for key in [key for key, state in targets.items() if state == "draining"]:
            del targets[key]


@pytest.mark.documents(id="readiness/gate/healthy-leaves")
def test_a_firewall_that_leaves_while_it_waits_is_deregistered_before_it_is_released(
    leaving: Cloud,
) -> None:
    event = leaving.event(Transition.TERMINATING)
    assert leaving.deliver(event) == ["message-0"]
    assert set(registered(leaving)) == {FIREWALLS, WEB}
    assert [p["Targets"][0]["Id"] for p in called(leaving, "DeregisterTargets")] == [
        leaving.instance_id,
        keys(leaving)[WEB][0],
    ]
    assert leaving.addresses() != []
    assert leaving.deliver(event) == ["message-0"]
    assert len(called(leaving, "DeregisterTargets")) == 2, "draining is in progress"
    end_draining(leaving)
    assert leaving.deliver(event) == []
    assert leaving.results == ["CONTINUE"]
    assert leaving.addresses() == []


@pytest.mark.documents(id="readiness/gate/healthy-leaves")
def test_a_firewall_that_auto_scaling_has_deregistered_leaves_at_once(leaving: Cloud) -> None:
    for targets in leaving.targets.values():
        targets.clear()
    assert leaving.deliver(leaving.event(Transition.TERMINATING)) == []
    assert called(leaving, "DeregisterTargets") == []
    assert leaving.results == ["CONTINUE"]


@pytest.fixture
def left(waiting: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The reconcile function, and targets of instances that are gone, ours and others'."""
    for _ in range(2):
        waiting.deliver(waiting.event(Transition.LAUNCHING))
    report(waiting, "unhealthy")
    foreign = waiting.account.run_instance({"team": "others"})
    waiting.targets[FIREWALLS][foreign, GENEVE_PORT] = "unhealthy"
    waiting.targets[FOREIGN][waiting.instance_id, GENEVE_PORT] = "unhealthy"
    for instance_id in (waiting.instance_id, foreign):
        waiting.account.terminate_instances({"InstanceIds": [instance_id]})
    waiting.account.members.clear()
    become_reconcile(
        waiting,
        monkeypatch,
        panorama=None,
        licensing_mode="none",
        target_group_arns=[FIREWALLS],
        age_floor_seconds=0,
    )
    return waiting


def reconcile(cloud: Cloud) -> dict[str, Any]:
    with cloud.warm():
        return dict(cloud.handler({"action": "reconcile"}, FakeContext()))


@pytest.mark.documents(id="readiness/gate/healthy-left")
def test_a_target_whose_instance_is_gone_is_deregistered(left: Cloud) -> None:
    report = reconcile(left)
    assert report["targets"] == [left.instance_id]
    assert called(left, "DeregisterTargets") == [
        {"TargetGroupArn": FIREWALLS, "Targets": [{"Id": left.instance_id}]}
    ]


@pytest.mark.documents(id="readiness/gate/healthy-left")
def test_a_target_of_a_member_stays_whatever_its_health(left: Cloud) -> None:
    left.account.instances[left.instance_id].terminated = None
    left.set_members({left.instance_id: "Pending:Wait"})
    reconcile(left)
    assert called(left, "DeregisterTargets") == []
