"""The life of an example in the lab, step by step, as evidence for tests.

Each step is a fixture that depends on the step before, so that the steps happen once and in order,
and a test can use any of them. The test files in this folder choose the example.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from terraform.spoke_routes import routes_around

from vmseries_lab.client import Lab, Leftovers
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.deployment import (
    MINUTE,
    REPOSITORY,
    Deployment,
    completed_hooks,
    tags_of,
)
from vmseries_scenarios.network_interfaces import AttachedInterface, attached_interfaces
from vmseries_scenarios.packet_walk import flows
from vmseries_scenarios.packet_walk.flows import Result, walk_all
from vmseries_scenarios.packet_walk.main import Read, read_lab
from vmseries_scenarios.packet_walk.report import markdown
from vmseries_scenarios.packet_walk.site import Site
from vmseries_scenarios.preflight import validate
from vmseries_scenarios.terraform import Change

SMALL, LARGE = 3, 6
FUNCTIONS = ("launch", "terminate", "reconcile")
INSPECTED = {flows.SPOKE_TO_INTERNET, flows.INTERNET_TO_SPOKE, flows.SPOKE_TO_SPOKE}


@dataclass(slots=True)
class Step:
    """What was observed after a step.

    Attributes:
        instances: Availability Zone of each member, by instance ID.
        interfaces: Interfaces of each member, sorted by device index.
        serials: Serial number of each member, from its tag.
        entries: Entries of the timeline during the step.
        calls: AWS calls during the step.
    """

    instances: dict[str, str]
    interfaces: dict[str, tuple[AttachedInterface, ...]]
    serials: dict[str, str]
    entries: list[Entry]
    calls: list[dict[str, Any]]

    def of(self, kind: str, subject: str | None = None) -> list[Entry]:
        """Return the entries of a kind, optionally about one subject."""
        return [e for e in self.entries if e.kind == kind and subject in {None, e.subject}]

    def completions(self, hook: str) -> Counter[tuple[str, str]]:
        """Return how often a hook was completed, by instance and result."""
        return Counter((e.subject, e.detail["result"]) for e in completed_hooks(self.entries, hook))


@dataclass(frozen=True, slots=True)
class Walked:
    """What was read of the deployment, and its flows, walked."""

    read: Read
    results: tuple[Result, ...]


@dataclass
class Story(Deployment):
    """A deployment whose life is observed step by step."""

    _entries: int = field(default=0)
    _calls: int = field(default=0)

    def offer(self, share: float) -> None:
        """Offer sessions; ``share`` is in session tables of a firewall."""
        self.lab.offer_sessions(round(share * self.lab.firewalls.describe()[0]["max_sessions"]))

    def step(self) -> Step:
        """Return what is observed now, and what has happened since the last step."""
        members = self.instances()
        entries, calls = self.lab.timeline(self._entries), self.lab.calls(self._calls)
        self._entries += len(entries)
        self._calls += len(calls)
        return Step(
            instances={i: m["Placement"]["AvailabilityZone"] for i, m in members.items()},
            interfaces={i: attached_interfaces(m) for i, m in members.items()},
            serials={
                i: tags_of(m).get("vmseries-autoscale:serial", "") for i, m in members.items()
            },
            entries=entries,
            calls=calls,
        )


def termination_stages(step: Step, instance: str, serial: str) -> list[tuple[str, int]]:
    """Return the stages of a termination in the required order, with their entry numbers."""
    removed = step.of("device-removed", serial)[0].number
    stages = {
        "target draining": step.of("target-draining", instance),
        "target drained": step.of("target-drained", instance),
        "terminate hook": _of_hook(step, "hook-waiting", instance),
        "license returned": step.of("license-returned", serial),
        "removed from Panorama": step.of("device-removed", serial),
        "removal committed": [e for e in step.of("commit-finished") if e.number > removed],
        "hook completed": _of_hook(step, "hook-completed", instance),
        "interface detached": step.of("interface-detached", instance),
        "instance terminated": step.of("instance-terminated", instance),
    }
    missing = [name for name, entries in stages.items() if not entries]
    assert not missing, f"{instance} did not reach: {', '.join(missing)}"
    return [(name, entries[0].number) for name, entries in stages.items()]


def _of_hook(step: Step, kind: str, instance: str) -> list[Entry]:
    return [e for e in step.of(kind, instance) if e.detail["hook"] == "terminate"]


@pytest.mark.apply(seconds=225)
class ExampleStory:
    """The tests that every example must pass; a subclass names the example and its figures."""

    example: str
    interfaces: tuple[AttachedInterface, ...]
    wave: tuple[float, float]
    """Sessions before and during the wave, in session tables of a firewall."""
    published: bool
    """Whether the spoke publishes services to the internet."""

    @staticmethod
    def without_return_route(site: Site) -> Site:
        """Return the site without a route that replies from the internet need."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def story(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
        folder = tmp_path_factory.mktemp(Path(cls.example).name)
        with Lab() as lab:
            yield Story.copy(lab, cls.example, folder / "copy")
            assert lab.errors() == []

    @pytest.fixture(scope="class")
    @classmethod
    def applied(cls, story: Story) -> tuple[Change, ...]:
        """The second plan, after the first apply."""
        story.apply()
        story.configure_panorama()
        return story.workspace.plan()

    @pytest.fixture(scope="class")
    @classmethod
    def joined(cls, story: Story, applied: tuple[Change, ...]) -> Step:
        """Three firewalls in service, with a normal load."""
        story.wait_until_in_service(SMALL, minutes=120)
        story.offer(cls.wave[0])
        story.lab.advance(5 * MINUTE)
        return story.step()

    @pytest.fixture(scope="class")
    @classmethod
    def walked(cls, story: Story, joined: Step) -> Walked:
        """Every flow of three firewalls in service."""
        assert len(joined.instances) == SMALL
        story.lab.assume(overlay_next_virtual_router="followed")
        read = read_lab(story, overlay_routing=not cls.published)
        return Walked(read, tuple(read.walk()))

    @pytest.fixture(scope="class")
    @classmethod
    def scaled_out(cls, story: Story, joined: Step) -> Step:
        """Six firewalls in service, launched by the policies that Terraform created."""
        story.offer(cls.wave[1])
        story.wait_until_in_service(LARGE, minutes=300)
        return story.step()

    @pytest.fixture(scope="class")
    @classmethod
    def scaled_in(cls, story: Story, scaled_out: Step) -> Step:
        """Three firewalls in service again."""
        story.offer(cls.wave[0])
        story.wait_until_in_service(SMALL, minutes=300)
        return story.step()

    @pytest.fixture(scope="class")
    @classmethod
    def refreshed(cls, story: Story, scaled_in: Step) -> tuple[Step, tuple[Change, ...]]:
        """All firewalls replaced after a change of the launch template, and the plan after it."""
        story.workspace.variables["firewall"] = {"instance_type": "m5.2xlarge"}
        story.apply()
        autoscaling = story.lab.aws.client("autoscaling")

        def running() -> bool:
            refreshes = autoscaling.describe_instance_refreshes(AutoScalingGroupName=story.name)[
                "InstanceRefreshes"
            ]
            return bool(refreshes[0]["Status"] not in {"Successful", "Failed", "Cancelled"})

        for _ in range(300):
            if not running():
                break
            story.lab.advance(2 * MINUTE)
        story.wait_until_in_service(SMALL, minutes=120)
        return story.step(), story.workspace.plan()

    @pytest.fixture(scope="class")
    @classmethod
    def destroyed(
        cls, story: Story, refreshed: tuple[Step, tuple[Change, ...]]
    ) -> tuple[Step, Leftovers]:
        """The destroyed deployment, and what the public APIs still show of it."""
        story.destroy()
        return story.step(), story.lab.leftovers()

    # -- the tests ----------------------------------------------------------------------

    def test_the_second_plan_is_empty(self, applied: tuple[Change, ...]) -> None:
        assert [str(change) for change in applied] == []

    def test_no_route_bypasses_the_firewalls(
        self, story: Story, applied: tuple[Change, ...]
    ) -> None:
        vpc = story.outputs["spoke"]["vpc_id"]
        assert routes_around(story.lab.aws.client("ec2"), vpc) == []

    def test_every_flow_passes_a_firewall_in_both_directions(self, walked: Walked) -> None:
        assert {result.name: result.problem for result in walked.results if result.problem} == {}
        zones = len(walked.read.scope.applications)
        expected = {
            flows.SPOKE_TO_INTERNET: zones * SMALL,
            flows.INTERNET_TO_SPOKE: zones * SMALL if self.published else 0,
            flows.SPOKE_TO_SPOKE: zones * (zones - 1) * SMALL,
            flows.HEALTH_CHECK: zones * SMALL,
            flows.TO_PANORAMA: 2 * SMALL,
            flows.TO_LICENSES: SMALL,
            flows.FUNCTIONS_TO_PANORAMA: zones * len(FUNCTIONS),
            flows.FUNCTIONS_TO_AWS: zones * len(FUNCTIONS),
        }
        found = Counter(result.kind for result in walked.results)
        assert found == {kind: number for kind, number in expected.items() if number}

    def test_the_readme_shows_the_walk(self, walked: Walked) -> None:
        readme = (REPOSITORY / self.example / "README.md").read_text()
        shown = readme.partition("<!-- BEGIN_WALK -->")[2].partition("<!-- END_WALK -->")[0]
        assert shown.strip() == markdown(walked.results)

    def test_a_walk_without_the_geneve_rules_of_the_security_group_fails(
        self, walked: Walked
    ) -> None:
        network = walked.read.site.network
        groups = {
            key: replace(group, inbound=tuple(r for r in group.inbound if r.protocol != "udp"))
            for key, group in network.groups.items()
        }
        broken = replace(walked.read.site, network=replace(network, groups=groups))
        problems = walk_all(broken, walked.read.scope)
        assert {r.kind for r in problems if "security group, inbound" in r.problem} == {
            kind for kind in INSPECTED if self.published or kind != flows.INTERNET_TO_SPOKE
        }

    def test_a_walk_without_the_routes_of_health_checks_fails(self, walked: Walked) -> None:
        site = walked.read.site
        interfaces = {
            name: replace(interface, default_route=False)
            for name, interface in site.configuration.interfaces.items()
        }
        configuration = replace(site.configuration, interfaces=interfaces)
        broken = walk_all(replace(site, configuration=configuration), walked.read.scope)
        failed = [r for r in broken if r.kind == flows.HEALTH_CHECK and r.problem]
        zones = len(walked.read.scope.applications)
        assert len(failed) == zones * (zones - 1)
        assert all("has no route to 10." in r.problem for r in failed)

    def test_a_walk_without_a_return_route_fails(self, walked: Walked) -> None:
        problems = walk_all(self.without_return_route(walked.read.site), walked.read.scope)
        assert flows.SPOKE_TO_INTERNET in {r.kind for r in problems if r.problem}

    def test_the_first_firewalls_are_one_in_each_zone(self, joined: Step) -> None:
        assert sorted(Counter(joined.instances.values()).values()) == [1, 1, 1]

    def test_the_pre_flight_check_finds_no_problem(self, story: Story, joined: Step) -> None:
        assert joined.instances
        for report in validate(story):
            assert report.problems == ()
            assert report.unchecked == ()

    def test_each_firewall_has_exactly_its_interfaces(self, joined: Step, scaled_out: Step) -> None:
        for step in (joined, scaled_out):
            assert step.interfaces == dict.fromkeys(step.instances, self.interfaces)

    def test_scale_out_puts_two_in_each_zone(self, scaled_out: Step) -> None:
        assert sorted(Counter(scaled_out.instances.values()).values()) == [2, 2, 2]

    def test_each_launch_is_completed_once(self, joined: Step, scaled_out: Step) -> None:
        launched = set(scaled_out.instances) | set(joined.instances)
        completions = joined.completions("launch") + scaled_out.completions("launch")
        assert completions == Counter((instance, "CONTINUE") for instance in launched)

    def test_each_firewall_is_tagged_with_its_serial_number(self, scaled_out: Step) -> None:
        assert len(set(scaled_out.serials.values()) - {""}) == LARGE

    def test_a_scale_in_has_all_stages_in_order(self, scaled_out: Step, scaled_in: Step) -> None:
        gone = set(scaled_out.instances) - set(scaled_in.instances)
        assert len(gone) == LARGE - SMALL
        for instance in gone:
            stages = termination_stages(scaled_in, instance, scaled_out.serials[instance])
            assert stages == sorted(stages, key=lambda stage: stage[1])

    def test_each_termination_is_completed_once(self, scaled_out: Step, scaled_in: Step) -> None:
        gone = set(scaled_out.instances) - set(scaled_in.instances)
        assert scaled_in.completions("terminate") == Counter((i, "CONTINUE") for i in gone)

    @pytest.mark.documents(id="failure-modes/G6")
    def test_a_change_of_the_launch_template_replaces_every_firewall(
        self, scaled_in: Step, refreshed: tuple[Step, tuple[Change, ...]]
    ) -> None:
        step, plan = refreshed
        assert [str(change) for change in plan] == []
        assert not set(step.instances) & set(scaled_in.instances)
        assert step.interfaces == dict.fromkeys(step.instances, self.interfaces)

    @pytest.mark.documents(id="failure-modes/G1")
    def test_a_destroy_completes_every_hook_and_deletes_none(
        self, refreshed: tuple[Step, tuple[Change, ...]], destroyed: tuple[Step, Leftovers]
    ) -> None:
        live, step = refreshed[0].instances, destroyed[0]
        assert step.completions("terminate") == Counter((i, "CONTINUE") for i in live)
        assert step.of("hook-expired") == []
        assert [c for c in step.calls if c["action"] == "DeleteLifecycleHook"] == []

    def test_nothing_remains_after_the_destroy(self, destroyed: tuple[Step, Leftovers]) -> None:
        assert destroyed[1] == Leftovers(interfaces=0, addresses=0, licenses=0, panorama_entries=0)

    def test_no_firewall_gets_traffic_before_it_is_ready(
        self, story: Story, destroyed: tuple[Step, Leftovers]
    ) -> None:
        assert [e for e in story.lab.timeline() if e.kind == "traffic-to-unready"] == []

    def test_every_firewall_inspects_its_traffic(
        self, story: Story, destroyed: tuple[Step, Leftovers]
    ) -> None:
        assert [e for e in story.lab.timeline() if e.kind == "traffic-not-inspected"] == []

    def test_no_message_is_dead_lettered(
        self, story: Story, destroyed: tuple[Step, Leftovers]
    ) -> None:
        assert [e for e in story.lab.timeline() if e.kind == "dead-lettered"] == []
