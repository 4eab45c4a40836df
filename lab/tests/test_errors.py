"""Errors of the lab itself: each is recorded in /lab/errors, and stops nothing else."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from vmseries_lab.aws.autoscaling import capacity, health
from vmseries_lab.aws.in_process import InProcessAws, in_process_aws
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.client import Lab, LabError
from vmseries_lab.core import errors
from vmseries_lab.core.control_api import Control
from vmseries_lab.core.errors import ErrorLog
from vmseries_lab.core.world import World
from vmseries_lab.net.http_server import Listener
from vmseries_lab.server import Pump


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as aws:
        aws.world.errors.keep = True
        yield aws


class Failing:
    """An engine that fails at every tick, or when it is asked whether it is busy."""

    def __init__(self, *, in_tick: bool) -> None:
        self.in_tick = in_tick

    def tick(self, _now: float) -> None:
        if self.in_tick:
            raise KeyError("engine")

    def busy(self) -> bool:
        if not self.in_tick:
            raise KeyError("busy")
        return False


class Counting:
    """An engine that counts its ticks."""

    def __init__(self) -> None:
        self.ticks = 0

    def tick(self, _now: float) -> None:
        self.ticks += 1

    def busy(self) -> bool:
        return False


def test_an_engine_that_fails_stops_no_other() -> None:
    world, counting = World(), Counting()
    world.errors.keep = True
    world.engines += [Failing(in_tick=True), counting]
    world.advance(10)
    assert counting.ticks >= 2
    (text,) = world.errors.all()
    assert "engine Failing" in text
    assert "KeyError" in text
    assert " times)" in text, "one entry for all ticks"


def test_an_error_reaches_a_test_that_runs_a_part_in_its_own_process() -> None:
    world = World()
    world.engines.append(Failing(in_tick=True))
    with pytest.raises(KeyError):
        world.tick()


def test_an_error_of_the_pump_is_recorded() -> None:
    world = World()
    world.errors.keep = True
    pump = Pump(world)

    class Stopping(Failing):
        def busy(self) -> bool:
            pump.stop()
            return super().busy()

    world.engines.append(Stopping(in_tick=False))
    pump.run()
    (text,) = world.errors.all()
    assert text.startswith("pump: ")


@pytest.mark.parametrize(("part", "name"), [(capacity, "follow"), (health, "check")])
def test_a_group_that_fails_stops_no_other(
    aws: InProcessAws, monkeypatch: pytest.MonkeyPatch, part: Any, name: str
) -> None:
    def fail(world: Any, lifecycle: Any, group: Any) -> None:
        if group.name == "broken":
            raise AttributeError("vpc_zone_identifier")
        original(world, lifecycle, group)

    original = getattr(part, name)
    monkeypatch.setattr(part, name, fail)
    aws.build_group("broken", hooks=False)
    aws.build_group("good", hooks=False)
    aws.world.advance(30)
    assert list(aws.states("good").values()) == ["InService"]
    (text,) = aws.world.errors.all()
    assert "group broken" in text


def test_an_instance_that_fails_stops_no_other(aws: InProcessAws) -> None:
    first, second = aws.in_service(2)
    aws.client("autoscaling").set_desired_capacity(AutoScalingGroupName="fw", DesiredCapacity=3)
    aws.world.advance(15)
    members = backend("autoscaling").autoscaling_groups["fw"].instance_states
    broken = next(m for m in members if m.instance_id not in (first, second))
    broken.actions = None
    aws.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=True
    )
    aws.world.advance(10)
    assert aws.states()[first] == "Terminating:Wait"
    assert any(f"instance {broken.instance_id}" in text for text in aws.world.errors.all())


def test_a_group_of_zones_without_subnets_launches_into_default_subnets(aws: InProcessAws) -> None:
    """Without subnets, instances launch into the default subnets of the zones.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
    """
    client = aws.client("autoscaling")
    zones = [
        z["ZoneName"] for z in aws.client("ec2").describe_availability_zones()["AvailabilityZones"]
    ]
    template = aws.client("ec2").create_launch_template(
        LaunchTemplateName="plain",
        LaunchTemplateData={"ImageId": _image(aws), "InstanceType": "m5.xlarge"},
    )["LaunchTemplate"]["LaunchTemplateId"]
    client.create_auto_scaling_group(
        AutoScalingGroupName="zones",
        MinSize=2,
        MaxSize=2,
        AvailabilityZones=zones[:2],
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
    )
    aws.world.advance(30)
    launched = [aws.instance(i) for i in aws.states("zones")]
    assert sorted(i["Placement"]["AvailabilityZone"] for i in launched) == zones[:2]
    assert aws.world.errors.all() == []


def _image(aws: InProcessAws) -> str:
    images = aws.client("ec2").describe_images(Owners=["aws-marketplace"])["Images"]
    return str(next(i["ImageId"] for i in images if i["Architecture"] == "x86_64"))


def test_errors_that_end_a_thread_or_a_request_are_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    log = ErrorLog()
    log.record_unhandled()

    def fail() -> None:
        raise KeyError("thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

    class Handler:
        def __init__(self, *_: Any) -> None:
            raise KeyError("handler")

    server = Listener(("127.0.0.1", 0), Handler)  # type: ignore[arg-type]
    server.start()
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)  # type: ignore[misc]
    connection.request("GET", "/")
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()
    server.end()
    assert [name in text for name, text in zip(("thread", "handler"), log.all(), strict=True)] == [
        True,
        True,
    ]


def test_a_route_that_fails_is_recorded_and_a_wrong_value_is_not() -> None:
    log = ErrorLog()
    control = Control(log)

    def fail(_query: Any, body: dict[str, Any]) -> None:
        raise body["kind"]

    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "PATH_INFO": "/lab/x"}
    control.add("POST", "x", lambda _query, _body: fail({}, {"kind": ValueError("value")}))
    list(control(environ | {"wsgi.input": _Empty()}, lambda *_: None))
    assert log.all() == []
    control = Control(log)
    control.add("POST", "x", lambda _query, _body: fail({}, {"kind": RuntimeError("route")}))
    list(control(environ | {"wsgi.input": _Empty()}, lambda *_: None))
    assert "POST /lab/x" in log.all()[0]


class _Empty:
    def read(self, _length: int) -> bytes:
        return b""


def test_the_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "MOST_ENTRIES", 3)
    log = ErrorLog()
    for number in range(10):
        log.record("x", KeyError(number))
    assert len(log.all()) == 3


@pytest.mark.lab
def test_the_clock_does_not_move_backwards(lab: Lab) -> None:
    before = lab.now()
    for seconds in (-5, float("nan"), float("inf")):
        with pytest.raises(LabError, match="advances by 0 or more seconds"):
            lab.advance(seconds)
    assert lab.now() >= before
