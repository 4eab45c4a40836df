"""The whole demonstration with stand-ins: lab and Terraform do everything at once."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from rich.console import Console

from vmseries_lab.client import LabError, Leftovers
from vmseries_lab.core.timeline import Entry
from vmseries_lab.panorama.initial_config import READER
from vmseries_scenarios.demo import main, observer, scenario, stage_runner
from vmseries_scenarios.demo.model import Board
from vmseries_scenarios.terraform import TerraformError

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
CAPACITY, TARGET = 10_000, 60.0


DEVICE = (
    "<entry name='{0}'><serial>{0}</serial><hostname>{1}</hostname><connected>yes</connected>"
    "<connected-at>2027/01/15 08:00:00</connected-at></entry>"
)
COMMIT_JOB = (
    "<job><id>7</id><type>Commit</type><user>autoscale</user><result>OK</result>"
    "<tenq>2027/01/15 08:30:00</tenq><tfin>2027/01/15 08:30:30</tfin>"
    "<description>edge: remove 3 firewalls</description></job>"
)


def serial(instance_id: str) -> str:
    return f"0079{instance_id[-6:]}"


@dataclass
class Play:
    """What the stand-ins do differently in a test."""

    refuse_apply: str = ""
    early: bool = False
    planted: bool = False
    forgotten: int = 0
    interrupted: bool = False
    opened: int = 0
    closed: int = 0
    commands: tuple[str, ...] = ()


class FakeLab:
    """Serves any load at once, with as many firewalls as it needs."""

    auth_code = "D1"

    def __init__(self, play: Play) -> None:
        self.play = play
        self.clock = 1_800_000_000.0
        self.members: list[str] = []
        self.entries: list[Entry] = []
        self.load = 0
        self.paces: list[float] = []
        self.aws = SimpleNamespace(client=lambda _service: self, environment=dict)
        self.panorama = SimpleNamespace(run_commands=self.run_commands, request=self.panorama_xml)
        self.licensing = SimpleNamespace(request=self.request_licensing)
        self.firewalls = SimpleNamespace(describe=self.describe_firewalls)

    def __enter__(self) -> Self:
        self.play.opened += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.play.closed += 1

    def stop(self) -> None:
        pass

    def add(self, kind: str, subject: str, **detail: Any) -> None:
        self.clock += 1
        self.entries.append(Entry(len(self.entries), self.clock, "x", kind, subject, detail))

    def grow(self, number: int) -> None:
        while len(self.members) < number:
            name = f"i-{len(self.entries):017d}"
            self.add("instance-launching", name)
            self.add("hook-waiting", name, hook="launch")
            if self.play.early:
                self.add("traffic-to-unready", name)
            self.add("interface-attached", name)
            self.add("license-activated", f"00{len(self.entries)}")
            self.add("instance-in-service", name)
            self.members.append(name)
        while len(self.members) > number:
            name = self.members.pop(0)
            self.add("target-draining", name)
            self.add("hook-waiting", name, hook="terminate")
            self.add("license-returned", name)
            self.add("hook-completed", name, hook="terminate", result="CONTINUE")
            self.add("interface-detached", name)
            self.add("instance-terminated", name)

    def offer_sessions(self, sessions: int) -> None:
        self.load = sessions
        self.grow(6 if sessions > 3 * CAPACITY * TARGET / 100 else 3)

    # What the observer and the scenario ask.

    def now(self) -> float:
        self.clock += 60
        return self.clock

    def pace(self, pace: float) -> None:
        self.paces.append(pace)
        if self.play.interrupted:
            raise KeyboardInterrupt

    def timeline(self, since: int) -> list[Entry]:
        return self.entries[since:]

    def describe_firewalls(self) -> list[dict[str, Any]]:
        share = self.load // len(self.members) if self.members else 0
        return [
            {"instance_id": name, "sessions": share, "max_sessions": CAPACITY}
            for name in self.members
        ]

    def run_commands(self, commands: list[str]) -> None:
        self.play.commands = tuple(commands)

    def request_licensing(self, action: str, **parameters: str) -> dict[str, Any]:
        assert parameters["authcode"] == "D1"
        self.play.planted |= action == "activate"
        return {"UsedDeviceDetails": [{"SerialNumber": serial(name)} for name in self.members]}

    def panorama_xml(self, *, type: str, cmd: str, key: str) -> Element:  # noqa: A002
        """Panorama has the members of the group, at once and in sync, and one commit."""
        assert (type, key) == ("op", READER.key)
        named = [(serial(name), name) for name in self.members]
        if "jobs" in cmd:
            return fromstring(f"<response><result>{COMMIT_JOB}</result></response>")
        if "<all/>" in cmd:
            entries = "".join(DEVICE.format(*one) for one in named)
            return fromstring(f"<response><result><devices>{entries}</devices></result></response>")
        place, status = (
            ("devicegroups", "shared-policy-status")
            if "devicegroups" in cmd
            else ("template-stack", "template-status")
        )
        entries = "".join(
            f"<entry><serial>{number}</serial><{status}>In Sync</{status}></entry>"
            for number, _ in named
        )
        return fromstring(
            f"<response><result><{place}><entry name='x'><devices>{entries}</devices></entry>"
            f"</{place}></result></response>"
        )

    def leftovers(self) -> Leftovers:
        planted = int(self.play.planted)
        return Leftovers(planted, 0, planted, self.play.forgotten)

    # What they ask AWS.

    def describe_auto_scaling_groups(self) -> dict[str, Any]:
        instances = [
            {"InstanceId": name, "AvailabilityZone": ZONES[n % 3], "LifecycleState": "InService"}
            for n, name in enumerate(self.members)
        ]
        return {"AutoScalingGroups": [{"Instances": instances, "TargetGroupARNs": ["arn"]}]}

    def describe_instances(self, **_: Any) -> dict[str, Any]:
        instances = [
            {
                "InstanceId": name,
                "Tags": [
                    {"Key": "vmseries-autoscale:serial", "Value": serial(name)},
                ],
            }
            for name in self.members
        ]
        return {"Reservations": [{"Instances": instances}]}

    def describe_target_health(self, **_: str) -> dict[str, Any]:
        healthy = {"State": "healthy"}
        rows = [{"Target": {"Id": name}, "TargetHealth": healthy} for name in self.members]
        return {"TargetHealthDescriptions": rows}

    def describe_policies(self) -> dict[str, Any]:
        return {
            "ScalingPolicies": [
                {"PolicyType": "StepScaling"},
                {"TargetTrackingConfiguration": {"TargetValue": TARGET}},
            ]
        }

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": json.dumps({"username": "autoscale"})}

    def create_vpc(self, **_: str) -> dict[str, Any]:
        return {"Vpc": {"VpcId": "vpc-1"}}

    def create_subnet(self, **_: str) -> dict[str, Any]:
        return {"Subnet": {"SubnetId": "subnet-1"}}

    def create_network_interface(self, **parameters: Any) -> None:
        tags = {tag["Key"] for tag in parameters["TagSpecifications"][0]["Tags"]}
        assert "vmseries-autoscale:deployment" in tags


class FakeWorkspace:
    """Creates three firewalls with an apply, and deletes all with a destroy."""

    lab: FakeLab

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def copy(cls, _repository: Path, _root: str, destination: Path, **_: Any) -> FakeWorkspace:
        commands = destination / "panorama"
        commands.mkdir(parents=True)
        (commands / "2.set").write_text("set b\n")
        (commands / "1.set").write_text("set a\n")
        return cls(destination)

    def init(self) -> None:
        pass

    def apply(self, *, limit: float, on_event: Callable[[Mapping[str, Any]], None]) -> None:
        assert limit > 0
        resource = {"resource": {"addr": "module.firewalls.aws_lb.this"}, "action": "create"}
        on_event({"type": "planned_change", "change": resource})
        on_event({"type": "apply_start", "hook": resource})
        if self.lab.play.refuse_apply:
            raise TerraformError(self.lab.play.refuse_apply)
        message = "aws_lb.this: Creation complete after 1s [id=x]"
        on_event({"type": "apply_complete", "hook": resource, "@message": message})
        self.lab.grow(3)

    def destroy(self, *, limit: float, on_event: Callable[[Mapping[str, Any]], None]) -> None:
        assert limit > 0
        on_event({"type": "version"})
        assert self.lab.paces[-1] == 0
        group = {"resource": {"addr": "aws_autoscaling_group.this"}, "action": "delete"}
        on_event({"type": "apply_start", "hook": group})
        assert self.lab.paces[-1] == scenario.PACE
        self.lab.grow(0)

    def output(self) -> dict[str, Any]:
        return {"panorama_set_commands": ["set x"]}

    def interrupt(self) -> None:
        pass


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    fresh = Play()
    lab = FakeLab(fresh)
    monkeypatch.setattr(FakeWorkspace, "lab", lab, raising=False)
    monkeypatch.setattr(stage_runner, "OBSERVE_SECONDS", 0.01)
    monkeypatch.setattr(stage_runner, "WAIT_SECONDS", 0.005)
    monkeypatch.setattr(observer, "PANORAMA_SECONDS", 0.0)
    monkeypatch.setattr(scenario, "Lab", lambda: lab)
    monkeypatch.setattr(scenario, "Workspace", FakeWorkspace)
    return fresh


def perform(tmp_path: Path, width: int = 200, **options: Any) -> tuple[int, str]:
    file = io.StringIO()
    status = main.run(
        console=Console(file=file, width=width), chart_path=tmp_path / "demo.png", **options
    )
    return status, file.getvalue()


def test_a_run_without_faults_passes(play: Play, tmp_path: Path) -> None:
    status, text = perform(tmp_path)
    assert status == 0
    last = text.splitlines()[-1]
    assert last == "leftovers: 0 interfaces, 0 addresses, 0 licenses, 0 Panorama entries"
    assert "6 launched, 6 at the peak, 6 terminated" in text
    assert "aws_lb.this: Creation complete after 1s\n" in text
    assert len(re.findall(r"^  0079\d{6} +i-\d+ +08:00:00 +\d", text, re.MULTILINE)) == 6
    assert "  7    08:30:00  08:30:30  autoscale  OK      edge: remove 3 firewalls\n" in text
    assert (tmp_path / "demo.png").stat().st_size > 10_000
    assert play.commands == ("set a", "set b", "set x")
    assert (play.opened, play.closed) == (1, 1)


def test_the_last_line_is_whole_on_a_narrow_console(play: Play, tmp_path: Path) -> None:
    _, text = perform(tmp_path, width=60)
    last = text.splitlines()[-1]
    assert last == "leftovers: 0 interfaces, 0 addresses, 0 licenses, 0 Panorama entries"


def test_the_event_log_is_in_order_of_time() -> None:
    """Panorama is queried after the timeline: a firewall in service once seemed out of sync."""
    lab: Any = FakeLab(Play())
    lab.grow(2)
    board = Board()
    observer.Observer(lab, board).observe()
    times = [at for at, _ in board.log]
    assert times == sorted(times)
    told = " ".join(line for _, line in board.log)
    assert "joined Panorama" in told
    assert "is in service" in told


def test_the_negative_control_fails_the_run(play: Play, tmp_path: Path) -> None:
    status, text = perform(tmp_path, negative_control=True)
    assert status == 1
    assert play.planted
    assert text.splitlines()[-1].startswith("leftovers: 1 interface, 0 addresses, 1 license")


def test_traffic_before_a_firewall_is_ready_fails_the_run(play: Play, tmp_path: Path) -> None:
    play.early = True
    status, text = perform(tmp_path)
    assert status == 1
    assert "FAILED: 6 firewalls got traffic before they were ready" in text


def test_a_panorama_entry_left_behind_fails_the_run(play: Play, tmp_path: Path) -> None:
    play.forgotten = 1
    status, text = perform(tmp_path)
    assert status == 1
    assert text.splitlines()[-1].endswith("1 Panorama entry")


def test_a_failing_apply_ends_the_run_with_its_reason(play: Play, tmp_path: Path) -> None:
    play.refuse_apply = "terraform apply failed: AccessDenied"
    status, text = perform(tmp_path)
    assert status == 1
    assert "FAILED: terraform apply failed: AccessDenied" in text
    assert "leftovers" not in text
    assert play.closed == 1


def test_a_lab_that_does_not_start_is_reported(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> FakeLab:
        raise LabError("the lab did not start")

    monkeypatch.setattr(scenario, "Lab", broken)
    status, text = perform(tmp_path)
    assert status == 1
    assert "FAILED: the lab did not start" in text
    assert play.opened == 0


def test_ctrl_c_stops_the_lab(play: Play, tmp_path: Path) -> None:
    play.interrupted = True
    status, text = perform(tmp_path)
    assert status == 130
    assert "Interrupted" in text
    assert play.closed == 1
