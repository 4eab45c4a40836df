"""A Panorama pair that fails over, and goes away as a whole, beneath two deployments.

Both run the real functions from the real Terraform; each has a device group and an administrator of
its own. The one in the east waits a day for Panorama, the one in the west five minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from e2e.fleet import MINUTE, QUICK_BOOT, SECRET, Fleet

from vmseries_lab.client import Lab, Leftovers
from vmseries_lab.core.timeline import Entry
from vmseries_lab.panorama import initial_config
from vmseries_scenarios import deployment

pytestmark = pytest.mark.apply(seconds=120)

EAST, WEST = 7, 4
PRIORITIES = {"panorama.example.com": "primary", "panorama-2.example.com": "secondary"}
TAKEOVER = 15
CALLS_AT_ONCE = 5
HOST_ENTRY = "/config/devices/entry[@name='localhost.localdomain']"
PLACES = (
    "/config/mgt-config/devices",
    f"{HOST_ENTRY}/template-stack",
    f"{HOST_ENTRY}/device-group",
    f"{HOST_ENTRY}/log-collector-group",
)
"""Where Panorama's configuration names a firewall."""
UNTOUCHED = {"device-removed", "device-disconnected", "license-returned"}
"""What happens to no firewall that stays."""


@dataclass
class Site:
    """Two deployments, and the Panorama that they share.

    Attributes:
        licenses_lost: how many licenses firewalls have taken along.
    """

    lab: Lab
    east: Fleet
    west: Fleet
    licenses_lost: int = 0

    def until(self, reached: Callable[[], object], minutes: int = 20) -> None:
        """Let lab time pass, a little at a time, until something is so."""
        for _ in range(minutes * 6):
            if reached():
                return
            self.lab.advance(10)
        pytest.fail(f"not so after {minutes} minutes of lab time")

    def gone(self, fleet: Fleet, *instance_ids: str) -> bool:
        """Whether Auto Scaling has let these go, each with its hook completed."""
        return fleet.states().keys().isdisjoint(instance_ids)

    def places(self, serial: str, action: str) -> int:
        """How often a configuration names a firewall; ``show`` is the running one."""
        answers = (self.lab.panorama.request(type="config", action=action, xpath=x) for x in PLACES)
        return sum(
            entry.get("name") == serial
            for answer in answers
            for devices in answer.iter("devices")
            for entry in devices
        )

    def commits(self, since: int) -> list[tuple[str, str]]:
        """Whose commits were asked for since then, and how each ended."""
        entries = self.lab.timeline(since)
        ends = {e.subject: e.detail["result"] for e in entries if e.kind == "commit-finished"}
        return [
            (e.detail["user"], ends.get(e.subject, "lost"))
            for e in entries
            if e.kind == "commit-queued"
        ]

    def fail_over(self, cause: str = "power") -> str:
        """Let the active peer fail and the other one take over; the one that failed."""
        failed = str(self.lab.panorama.state()["active"])
        self.lab.panorama.fail_over(cause)
        self.lab.advance(TAKEOVER)
        assert self.lab.panorama.state()["active"] not in (failed, None)
        return failed

    def mend(self, failed: str) -> None:
        """The peer is back, as the passive one, and in step."""
        self.lab.panorama.configure(peer=PRIORITIES[failed], available=True)
        self.lab.advance(MINUTE)

    def check_others(self, since: int, leaving: set[str]) -> None:
        """Whoever was not told to go is as it was, and nothing is left of those that were."""
        number = len(self.east.states()) + len(self.west.states())
        assert self.lab.leftovers() == Leftovers(
            interfaces=2 * number,
            addresses=0,
            licenses=number + self.licenses_lost,
            panorama_entries=len(PLACES) * number,
        )
        touched = {e.subject for e in self.lab.timeline(since) if e.kind in UNTOUCHED}
        assert touched <= leaving
        for fleet in (self.east, self.west):
            assert set(fleet.states().values()) <= {"InService"}
            assert fleet.dead_letters() == []


def add_deployment(lab: Lab) -> None:
    """What the second deployment has of its own: a device group, and two secrets."""
    lab.panorama.run_commands(["set device-group west description 'the other deployment'"])
    secrets = lab.aws.client("secretsmanager")
    second = initial_config.SECOND
    for name, changes in (
        (SECRET, {"api_key": second.key, "username": second.name}),
        (SECRET.replace("panorama", "bootstrap"), {"dgname": "west"}),
    ):
        first = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
        secrets.create_secret(Name=f"{name}-west", SecretString=json.dumps({**first, **changes}))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Lab() as lab:
        lab.panorama.make_pair()
        lab.firewalls.set_boot_times(**QUICK_BOOT)
        lab.panorama.configure(push_seconds=5)
        add_deployment(lab)
        workspace = deployment.copy(
            lab,
            "tests/fixtures/shared-panorama",
            tmp_path_factory.mktemp("failover") / "copy",
            uses=["tests/fixtures/minimal"],
        )
        lab.pace(60)
        workspace.apply()
        lab.pace(0)
        east, west = (Fleet(lab, workspace, workspace.output()[name]) for name in ("east", "west"))
        site = Site(lab, east, west)
        east.desire(EAST)
        west.desire(WEST)
        east.until_in_service(EAST)
        west.until_in_service(WEST)
        yield site
        assert lab.errors() == []


def test_a_failover_between_the_removal_and_the_commit(site: Site) -> None:
    since, entries = site.lab.now(), len(site.lab.timeline())
    site.lab.faults.add("panorama", "commit", kind="reset", count=1)
    leaving = site.east.terminate_one()
    serial = site.east.serial(leaving)
    site.until(lambda: any("error" in line for line in site.east.log(since)))
    assert (site.places(serial, "get"), site.places(serial, "show")) == (0, len(PLACES))

    failed = site.fail_over()
    assert site.places(serial, "get") == len(PLACES), "the edit went with its peer"
    site.until(lambda: site.gone(site.east, leaving))
    assert site.commits(entries) == [("autoscale", "OK")]
    assert [line["error"] for line in site.east.log(since) if "error" in line] == [
        "PanoramaUnavailableError"
    ]
    site.mend(failed)
    site.check_others(entries, {serial})


@pytest.mark.parametrize("cause", ["power", "suspended"])
def test_a_failover_between_the_commit_and_the_look_at_its_job(site: Site, cause: str) -> None:
    since, entries = site.lab.now(), len(site.lab.timeline())
    leaving = site.east.terminate_one()
    serial = site.east.serial(leaving)
    site.until(lambda: site.commits(entries))

    failed = site.fail_over(cause)
    assert site.places(serial, "show") == len(PLACES)
    site.until(lambda: site.gone(site.east, leaving))
    # That of a suspended peer goes on, and stays on that peer.
    assert site.commits(entries) == [
        ("autoscale", "lost" if cause == "power" else "OK"),
        ("autoscale", "OK"),
    ]
    assert [line for line in site.east.log(since) if "error" in line] == []
    site.mend(failed)
    site.check_others(entries, {serial})


def waiting(fleet: Fleet) -> int:
    """Messages that the terminate queue holds."""
    attributes = fleet.lab.aws.client("sqs").get_queue_attributes(
        QueueUrl=fleet.outputs["queues"]["terminate"]["url"], AttributeNames=["All"]
    )["Attributes"]
    kinds = ("", "NotVisible")
    return sum(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in kinds)


def completed(entries: list[Entry], instance_ids: set[str]) -> list[str]:
    """How the terminate hooks of these instances were completed."""
    return [
        e.detail["result"]
        for e in entries
        if e.kind == "hook-completed"
        and e.subject in instance_ids
        and e.detail["hook"] == "terminate"
    ]


def test_both_peers_down_for_two_hours(site: Site) -> None:
    lab, east, west = site.lab, site.east, site.west
    since, entries = lab.now(), len(lab.timeline())
    lab.panorama.configure(available=False)
    held = {(one := east.terminate_one()): east.serial(one) for _ in range(2)}
    given_up = {(one := west.terminate_one()): west.serial(one) for _ in range(2)}
    lab.advance(120 * MINUTE)

    # In the east all is held.
    states = east.states()
    assert {states[one] for one in held} == {"Terminating:Wait"}
    assert waiting(east) == len(held)
    assert east.metric("PanoramaUnavailable", since) > 0
    # In the west the deadline has passed, and what needs no Panorama is done.
    assert site.gone(west, *given_up)
    assert completed(lab.timeline(entries), set(given_up)) == ["CONTINUE"] * len(given_up)
    passed = [line for line in west.log(since) if line.get("message") == "The deadline passed"]
    assert sorted(line["serial"] for line in passed) == sorted(given_up.values())
    assert all(line["given_up"] == ["license", "unmanage"] for line in passed)
    for fleet in (east, west):
        assert fleet.dead_letters() == []
    done = {e.kind for e in lab.timeline(entries)}
    assert done.isdisjoint({"hook-expired", "license-returned", "device-removed", "commit-queued"})

    lab.panorama.configure(available=True)
    lab.advance(30 * MINUTE)
    assert site.gone(east, *held)
    assert completed(lab.timeline(entries), set(held)) == ["CONTINUE"] * len(held)
    returned = {e.subject for e in lab.timeline(entries) if e.kind == "license-returned"}
    assert returned == set(held.values())
    # What the reconcile function has finished, and what it could only report.
    reports = [line["report"] for line in west.log(since, "reconcile") if "report" in line]
    (found,) = [report for report in reports if report["leftovers"]]
    assert found["leftovers"] == given_up
    assert sorted(found["licenses_lost"]) == sorted(given_up.values())
    assert found["unfinished"].keys() == given_up.keys(), "the run does not wait for its commit"
    reports = [line["report"] for line in east.log(since, "reconcile") if "report" in line]
    assert not any(report["leftovers"] or report["licenses_lost"] for report in reports)
    # Each deployment has made one commit, of what is its own.
    assert sorted(site.commits(entries)) == [("autoscale", "OK"), ("autoscale-2", "OK")]
    site.licenses_lost += len(given_up)
    site.check_others(entries, {*held.values(), *given_up.values()})


def test_both_deployments_scale_in_at_the_same_time(site: Site) -> None:
    entries = len(site.lab.timeline())
    fleets = (site.east, site.west)
    leaving = {(one := fleet.terminate_one()): fleet.serial(one) for fleet in fleets}
    site.until(lambda: all(site.gone(fleet, *leaving) for fleet in fleets))
    assert sorted(site.commits(entries)) == [("autoscale", "OK"), ("autoscale-2", "OK")]
    site.check_others(entries, set(leaving.values()))
    # In all that has happened here: five calls at once for each deployment.
    assert site.lab.panorama.state()["most_requests_at_once"] <= len(fleets) * CALLS_AT_ONCE
