"""An example's whole life in the lab, step by step, as evidence for the tests that judge it.

Each step is a fixture that depends on the one before, so the steps happen once and in order, and a
test can ask about any of them. The files beside this one choose the example.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from terraform.spoke_routes import ways_around

from vmseries_lab.client import Lab, Leftovers
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios import deployment, preflight
from vmseries_scenarios.network_interfaces import Nic, nics
from vmseries_scenarios.terraform import Change, Workspace

MINUTE = 60.0
APPLY_PACE = 60.0
"""Lab seconds per real second while the provider sleeps."""
SMALL, LARGE = 3, 6


@dataclass(slots=True)
class Step:
    """What was seen after one step.

    Attributes:
        instances: id to availability zone of the group's instances.
        interfaces: by instance, in the order of their device indexes.
        serials: by instance, from its tag.
        entries: what happened during the step.
        calls: the AWS calls during the step.
    """

    instances: dict[str, str]
    interfaces: dict[str, tuple[Nic, ...]]
    serials: dict[str, str]
    entries: list[Entry]
    calls: list[dict[str, Any]]

    def of(self, kind: str, subject: str | None = None) -> list[Entry]:
        """The entries of a kind, of one subject if given."""
        return [e for e in self.entries if e.kind == kind and subject in {None, e.subject}]

    def completions(self, hook: str) -> Counter[tuple[str, str]]:
        """How often the hook was completed, by instance and result."""
        return Counter(
            (e.subject, e.detail["result"])
            for e in self.of("hook-completed")
            if e.detail["hook"] == hook
        )


@dataclass
class Stack:
    """An applied root module and its lab."""

    lab: Lab
    workspace: Workspace
    group_name: str = ""
    _entries: int = field(default=0)
    _calls: int = field(default=0)

    def apply(self) -> None:
        """Apply, with time passing quickly."""
        self.lab.pace(APPLY_PACE)
        try:
            self.workspace.apply(limit=300)
        finally:
            self.lab.pace(0)
        self.group_name = self.workspace.output()["autoscaling_group"]["name"]

    def destroy(self) -> None:
        """Destroy, with time passing quickly."""
        self.lab.pace(APPLY_PACE)
        try:
            self.workspace.destroy(limit=300)
        finally:
            self.lab.pace(0)

    def group(self) -> dict[str, Any]:
        """The group as Auto Scaling describes it."""
        answer = self.lab.aws.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.group_name]
        )
        return dict(answer["AutoScalingGroups"][0])

    def until_in_service(self, number: int, limit_minutes: float = 120) -> None:
        """Let lab time pass until exactly ``number`` instances are there, all in service."""
        for _ in range(int(limit_minutes)):
            states = [i["LifecycleState"] for i in self.group()["Instances"]]
            if states == ["InService"] * number:
                return
            self.lab.advance(MINUTE)
        last = "\n".join(str(entry) for entry in self.lab.timeline()[-15:])
        pytest.fail(f"after {limit_minutes} minutes of lab time: {states}\n{last}")

    def offer(self, share: float) -> None:
        """Offer sessions, in parts of what one firewall's session table holds."""
        self.lab.offer_sessions(round(share * self.lab.firewalls.describe()[0]["max_sessions"]))

    def step(self) -> Step:
        """What is to be seen now, and what happened since the last step."""
        members = self._members()
        entries, calls = self.lab.timeline(self._entries), self.lab.calls(self._calls)
        self._entries += len(entries)
        self._calls += len(calls)
        return Step(
            instances={i: m["Placement"]["AvailabilityZone"] for i, m in members.items()},
            interfaces={i: nics(m) for i, m in members.items()},
            serials={i: tags(m).get("vmseries-autoscale:serial", "") for i, m in members.items()},
            entries=entries,
            calls=calls,
        )

    def _members(self) -> dict[str, dict[str, Any]]:
        """The group's instances as EC2 describes them; none once the group is gone."""
        ids = [
            instance["InstanceId"]
            for instance in self.lab.aws.client("autoscaling").describe_auto_scaling_instances()[
                "AutoScalingInstances"
            ]
        ]
        if not ids:
            return {}
        ec2 = self.lab.aws.client("ec2")
        reservations = ec2.describe_instances(InstanceIds=ids)["Reservations"]
        return {i["InstanceId"]: i for r in reservations for i in r["Instances"]}


def tags(instance: dict[str, Any]) -> dict[str, str]:
    """The tags of an instance."""
    return {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}


def departure(step: Step, instance: str, serial: str) -> list[tuple[str, int]]:
    """The stations of a termination, in the order in which they must come, each with its place."""
    removed = step.of("device-removed", serial)[0].number
    stations = {
        "target draining": step.of("target-draining", instance),
        "target drained": step.of("target-drained", instance),
        "terminate hook": _of_hook(step, "hook-waiting", instance),
        "license returned": step.of("license-returned", serial),
        "removed from Panorama": step.of("device-removed", serial),
        "removal committed": [e for e in step.of("commit-finished") if e.number > removed],
        "interface detached": step.of("interface-detached", instance),
        "hook completed": _of_hook(step, "hook-completed", instance),
        "instance terminated": step.of("instance-terminated", instance),
    }
    missing = [name for name, entries in stations.items() if not entries]
    assert not missing, f"{instance} never came to: {', '.join(missing)}"
    return [(name, entries[0].number) for name, entries in stations.items()]


def _of_hook(step: Step, kind: str, instance: str) -> list[Entry]:
    return [e for e in step.of(kind, instance) if e.detail["hook"] == "terminate"]


@pytest.mark.apply(seconds=225)
class ExampleStory:
    """The tests that every example passes; a subclass names the example and what is its own."""

    example: str
    nics: tuple[Nic, ...]
    wave: tuple[float, float]
    """Sessions before and during the wave, in parts of what one firewall's session table holds."""

    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
        folder = tmp_path_factory.mktemp(Path(cls.example).name)
        with Lab() as lab:
            workspace = deployment.copy(lab, cls.example, folder / "copy")
            yield Stack(lab, workspace)
            assert lab.errors() == []

    @pytest.fixture(scope="class")
    @classmethod
    def applied(cls, stack: Stack) -> tuple[Change, ...]:
        """The second plan, after the first apply."""
        stack.apply()
        stack.lab.panorama.run_commands(stack.workspace.output()["panorama_set_commands"])
        return stack.workspace.plan()

    @pytest.fixture(scope="class")
    @classmethod
    def joined(cls, stack: Stack, applied: tuple[Change, ...]) -> Step:
        """Three firewalls in service, with a normal load."""
        stack.until_in_service(SMALL)
        stack.offer(cls.wave[0])
        stack.lab.advance(5 * MINUTE)
        return stack.step()

    @pytest.fixture(scope="class")
    @classmethod
    def scaled_out(cls, stack: Stack, joined: Step) -> Step:
        """Six firewalls in service, by the policies that Terraform wrote."""
        stack.offer(cls.wave[1])
        stack.until_in_service(LARGE, limit_minutes=300)
        return stack.step()

    @pytest.fixture(scope="class")
    @classmethod
    def scaled_in(cls, stack: Stack, scaled_out: Step) -> Step:
        """Three firewalls in service again."""
        stack.offer(cls.wave[0])
        stack.until_in_service(SMALL, limit_minutes=300)
        return stack.step()

    @pytest.fixture(scope="class")
    @classmethod
    def refreshed(cls, stack: Stack, scaled_in: Step) -> tuple[Step, tuple[Change, ...]]:
        """All firewalls replaced after a change of the launch template, and the plan after it."""
        stack.workspace.variables["firewall"] = {"instance_type": "m5.2xlarge"}
        stack.apply()
        autoscaling = stack.lab.aws.client("autoscaling")

        def running() -> bool:
            refreshes = autoscaling.describe_instance_refreshes(
                AutoScalingGroupName=stack.group_name
            )["InstanceRefreshes"]
            return bool(refreshes[0]["Status"] not in {"Successful", "Failed", "Cancelled"})

        for _ in range(300):
            if not running():
                break
            stack.lab.advance(2 * MINUTE)
        stack.until_in_service(SMALL)
        return stack.step(), stack.workspace.plan()

    @pytest.fixture(scope="class")
    @classmethod
    def destroyed(
        cls, stack: Stack, refreshed: tuple[Step, tuple[Change, ...]]
    ) -> tuple[Step, Leftovers]:
        """The live group destroyed, and what the public APIs still show."""
        stack.destroy()
        return stack.step(), stack.lab.leftovers()

    # -- what must be true -----------------------------------------------------------------------

    def test_second_plan_is_empty(self, applied: tuple[Change, ...]) -> None:
        assert [str(change) for change in applied] == []

    def test_nothing_goes_around_the_firewalls(
        self, stack: Stack, applied: tuple[Change, ...]
    ) -> None:
        vpc = stack.workspace.output()["spoke"]["vpc_id"]
        assert ways_around(stack.lab.aws.client("ec2"), vpc) == []

    def test_first_firewalls_join_one_in_each_zone(self, joined: Step) -> None:
        assert sorted(Counter(joined.instances.values()).values()) == [1, 1, 1]

    def test_the_preflight_finds_nothing_wrong(self, stack: Stack, joined: Step) -> None:
        assert joined.instances
        for answer in preflight.ask(stack.lab, stack.workspace):
            assert answer.problems == ()
            assert answer.unchecked == ()

    def test_each_firewall_has_exactly_its_interfaces(self, joined: Step, scaled_out: Step) -> None:
        for step in (joined, scaled_out):
            assert step.interfaces == dict.fromkeys(step.instances, self.nics)

    def test_scale_out_puts_two_in_each_zone(self, scaled_out: Step) -> None:
        assert sorted(Counter(scaled_out.instances.values()).values()) == [2, 2, 2]

    def test_each_launch_is_completed_once(self, joined: Step, scaled_out: Step) -> None:
        launched = set(scaled_out.instances) | set(joined.instances)
        completions = joined.completions("launch") + scaled_out.completions("launch")
        assert completions == Counter((instance, "CONTINUE") for instance in launched)

    def test_each_firewall_carries_its_serial(self, scaled_out: Step) -> None:
        assert len(set(scaled_out.serials.values()) - {""}) == LARGE

    def test_scale_in_goes_station_by_station(self, scaled_out: Step, scaled_in: Step) -> None:
        gone = set(scaled_out.instances) - set(scaled_in.instances)
        assert len(gone) == LARGE - SMALL
        for instance in gone:
            stations = departure(scaled_in, instance, scaled_out.serials[instance])
            assert stations == sorted(stations, key=lambda station: station[1])

    def test_each_termination_is_completed_once(self, scaled_out: Step, scaled_in: Step) -> None:
        gone = set(scaled_out.instances) - set(scaled_in.instances)
        assert scaled_in.completions("terminate") == Counter((i, "CONTINUE") for i in gone)

    def test_template_change_replaces_every_firewall(
        self, scaled_in: Step, refreshed: tuple[Step, tuple[Change, ...]]
    ) -> None:
        step, plan = refreshed
        assert [str(change) for change in plan] == []
        assert not set(step.instances) & set(scaled_in.instances)
        assert step.interfaces == dict.fromkeys(step.instances, self.nics)

    def test_destroy_answers_every_hook_and_deletes_none(
        self, refreshed: tuple[Step, tuple[Change, ...]], destroyed: tuple[Step, Leftovers]
    ) -> None:
        live, step = refreshed[0].instances, destroyed[0]
        assert step.completions("terminate") == Counter((i, "CONTINUE") for i in live)
        assert step.of("hook-expired") == []
        assert [c for c in step.calls if c["action"] == "DeleteLifecycleHook"] == []

    def test_nothing_is_left(self, destroyed: tuple[Step, Leftovers]) -> None:
        assert destroyed[1] == Leftovers(interfaces=0, addresses=0, licenses=0, panorama_entries=0)

    def test_no_firewall_gets_traffic_before_it_is_ready(
        self, stack: Stack, destroyed: tuple[Step, Leftovers]
    ) -> None:
        assert [e for e in stack.lab.timeline() if e.kind == "traffic-to-unready"] == []

    def test_no_message_is_dead_lettered(
        self, stack: Stack, destroyed: tuple[Step, Leftovers]
    ) -> None:
        assert [e for e in stack.lab.timeline() if e.kind == "dead-lettered"] == []
