"""A Panorama pair of two deployments that fails over, and that becomes unavailable.

Both run the real functions from the real Terraform; each has a device group and an administrator of
its own. The eastern deployment waits a day for Panorama, the western one five minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from e2e.support import QUICK_BOOT, SECRET

from vmseries_lab.client import Lab, Leftovers
from vmseries_lab.core.timeline import Entry
from vmseries_lab.panorama import initial_config
from vmseries_scenarios.deployment import MINUTE, Deployment, completed_hooks

pytestmark = pytest.mark.apply(seconds=120)

EAST, WEST = 7, 4
PRIORITIES = {"panorama.example.com": "primary", "panorama-2.example.com": "secondary"}
TAKEOVER = 15
CALLS_AT_ONCE = 5
HOST_ENTRY = "/config/devices/entry[@name='localhost.localdomain']"
DEVICE_LISTS = (
    "/config/mgt-config/devices",
    f"{HOST_ENTRY}/template-stack",
    f"{HOST_ENTRY}/device-group",
    f"{HOST_ENTRY}/log-collector-group",
)
"""Where Panorama's configuration lists firewalls."""
REMOVAL_EVENTS = {"device-removed", "device-disconnected", "license-returned"}
"""Events that must not happen to a firewall that is not terminated."""


@dataclass
class Site:
    """Two deployments, and the Panorama that they share.

    Attributes:
        lab: The lab of both.
        east: The deployment in the east.
        west: The deployment in the west.
        licenses_lost: Number of licenses that terminated firewalls have not returned.
    """

    lab: Lab
    east: Deployment
    west: Deployment
    licenses_lost: int = 0

    def wait_until(self, reached: Callable[[], object], description: str) -> None:
        """Advance the lab's clock in small steps until ``reached``, for 20 minutes at most."""
        self.east.wait_until(reached, description, minutes=20, step_seconds=10)

    def gone(self, fleet: Deployment, *instance_ids: str) -> bool:
        """Return whether Auto Scaling has removed these instances, each with its hook completed."""
        return fleet.group.states().keys().isdisjoint(instance_ids)

    def count_entries(self, serial: str, action: str) -> int:
        """Return how often a configuration lists a firewall; ``show`` is the running one."""
        answers = (
            self.lab.panorama.request(type="config", action=action, xpath=x) for x in DEVICE_LISTS
        )
        return sum(
            entry.get("name") == serial
            for answer in answers
            for devices in answer.iter("devices")
            for entry in devices
        )

    def commits(self, since: int) -> list[tuple[str, str]]:
        """Return administrator and result of each commit since an entry of the timeline."""
        entries = self.lab.timeline(since)
        ends = {e.subject: e.detail["result"] for e in entries if e.kind == "commit-finished"}
        return [
            (e.detail["user"], ends.get(e.subject, "lost"))
            for e in entries
            if e.kind == "commit-queued"
        ]

    def fail_over(self, cause: str = "power") -> str:
        """Let the active peer fail and the other take over; return the name of the failed peer."""
        failed = str(self.lab.panorama.state()["active"])
        self.lab.panorama.fail_over(cause)
        self.lab.advance(TAKEOVER)
        assert self.lab.panorama.state()["active"] not in (failed, None)
        return failed

    def repair(self, failed: str) -> None:
        """Restore the failed peer, as the passive one, with a synchronized configuration."""
        self.lab.panorama.configure(peer=PRIORITIES[failed], available=True)
        self.lab.advance(MINUTE)

    def check_others(self, since: int, leaving: set[str]) -> None:
        """Check that the other firewalls are unchanged, and that those terminated left nothing."""
        number = len(self.east.group.states()) + len(self.west.group.states())
        assert self.lab.leftovers() == Leftovers(
            interfaces=2 * number,
            addresses=0,
            licenses=number + self.licenses_lost,
            panorama_entries=len(DEVICE_LISTS) * number,
        )
        touched = {e.subject for e in self.lab.timeline(since) if e.kind in REMOVAL_EVENTS}
        assert touched <= leaving
        for fleet in (self.east, self.west):
            assert set(fleet.group.states().values()) <= {"InService"}
            assert fleet.dead_letters() == []


def add_deployment(lab: Lab) -> None:
    """Create the device group and the secrets of the second deployment."""
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
        both = Deployment.copy(
            lab,
            "tests/fixtures/shared-panorama",
            tmp_path_factory.mktemp("failover") / "copy",
            uses=["tests/fixtures/minimal"],
        )
        both.apply()
        east, west = (
            Deployment(lab, both.workspace, both.outputs[name]) for name in ("east", "west")
        )
        site = Site(lab, east, west)
        east.group.scale(EAST)
        west.group.scale(WEST)
        east.wait_until_in_service(EAST)
        west.wait_until_in_service(WEST)
        yield site
        assert lab.errors() == []


@pytest.mark.documents(id="panorama/pair/before-commit")
def test_a_failover_between_the_removal_and_the_commit(site: Site) -> None:
    since, entries = site.lab.now(), len(site.lab.timeline())
    site.lab.faults.add("panorama", "commit", kind="reset", count=1)
    leaving = site.east.group.terminate_one()
    serial = site.east.serial(leaving)
    site.wait_until(
        lambda: any("error" in line for line in site.east.log(since)), "an error in the log"
    )
    assert (site.count_entries(serial, "get"), site.count_entries(serial, "show")) == (
        0,
        len(DEVICE_LISTS),
    )

    failed = site.fail_over()
    assert site.count_entries(serial, "get") == len(DEVICE_LISTS), "the failed peer had the edit"
    site.wait_until(lambda: site.gone(site.east, leaving), "the firewall is terminated")
    assert site.commits(entries) == [("autoscale", "OK")]
    assert [line["error"] for line in site.east.log(since) if "error" in line] == [
        "DeviceUnavailableError"
    ]
    site.repair(failed)
    site.check_others(entries, {serial})


@pytest.mark.documents(id="panorama/contention/job-unknown")
@pytest.mark.documents(id="panorama/pair/after-commit")
@pytest.mark.parametrize("cause", ["power", "suspended"])
def test_a_failover_between_the_commit_and_the_check_of_its_job(site: Site, cause: str) -> None:
    since, entries = site.lab.now(), len(site.lab.timeline())
    leaving = site.east.group.terminate_one()
    serial = site.east.serial(leaving)
    site.wait_until(lambda: site.commits(entries), "a commit")

    failed = site.fail_over(cause)
    assert site.count_entries(serial, "show") == len(DEVICE_LISTS)
    site.wait_until(lambda: site.gone(site.east, leaving), "the firewall is terminated")
    # The commit of a suspended peer continues, and stays on that peer.
    assert site.commits(entries) == [
        ("autoscale", "lost" if cause == "power" else "OK"),
        ("autoscale", "OK"),
    ]
    assert [line for line in site.east.log(since) if "error" in line] == []
    site.repair(failed)
    site.check_others(entries, {serial})


def waiting(fleet: Deployment) -> int:
    """Return the number of messages in the terminate queue."""
    attributes = fleet.lab.aws.client("sqs").get_queue_attributes(
        QueueUrl=fleet.outputs["queues"]["terminate"]["url"], AttributeNames=["All"]
    )["Attributes"]
    kinds = ("", "NotVisible")
    return sum(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in kinds)


def completed(entries: list[Entry], instance_ids: set[str]) -> list[str]:
    """Return the results of the terminate hooks of these instances."""
    return [
        e.detail["result"]
        for e in completed_hooks(entries, "terminate")
        if e.subject in instance_ids
    ]


@pytest.mark.documents(id="panorama/pair/long-outage")
@pytest.mark.documents(id="panorama/pair/outage")
@pytest.mark.documents(id="panorama/shared/two-groups")
def test_both_peers_down_for_two_hours(site: Site) -> None:
    lab, east, west = site.lab, site.east, site.west
    since, entries = lab.now(), len(lab.timeline())
    lab.panorama.configure(available=False)
    held = {(leaving := east.group.terminate_one()): east.serial(leaving) for _ in range(2)}
    past_deadline = {
        (leaving := west.group.terminate_one()): west.serial(leaving) for _ in range(2)
    }
    lab.advance(120 * MINUTE)

    # In the east, everything waits.
    states = east.group.states()
    assert {states[instance_id] for instance_id in held} == {"Terminating:Wait"}
    assert waiting(east) == len(held)
    assert east.metric("PanoramaUnavailable", since) > 0
    # In the west, the deadline has passed, and everything that does not need Panorama is done.
    assert site.gone(west, *past_deadline)
    assert completed(lab.timeline(entries), set(past_deadline)) == ["CONTINUE"] * len(past_deadline)
    passed = [
        line
        for line in west.log(since)
        if line.get("message") == "Skipped stages whose deadline had passed"
    ]
    assert sorted(line["serial"] for line in passed) == sorted(past_deadline.values())
    assert all(line["skipped"] == ["return_license", "remove_from_panorama"] for line in passed)
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
    # The reconcile function has finished the removal, and reported the lost licenses.
    (report,) = [report for report in west.reconcile_reports(since) if report["orphans"]]
    assert report["orphans"] == past_deadline
    assert sorted(report["licenses_not_returned"]) == sorted(past_deadline.values())
    assert report["unfinished"].keys() == past_deadline.keys(), (
        "the run does not wait for its commit"
    )
    assert not any(
        report["orphans"] or report["licenses_not_returned"]
        for report in east.reconcile_reports(since)
    )
    # Each deployment has made one commit with its own changes.
    assert sorted(site.commits(entries)) == [("autoscale", "OK"), ("autoscale-2", "OK")]
    site.licenses_lost += len(past_deadline)
    site.check_others(entries, {*held.values(), *past_deadline.values()})


@pytest.mark.documents(id="panorama/contention/five-calls")
@pytest.mark.documents(id="panorama/shared/two-groups")
def test_both_deployments_scale_in_at_the_same_time(site: Site) -> None:
    entries = len(site.lab.timeline())
    sides = (site.east, site.west)
    leaving = {
        (instance_id := side.group.terminate_one()): side.serial(instance_id) for side in sides
    }
    site.wait_until(lambda: all(site.gone(side, *leaving) for side in sides), "both are terminated")
    assert sorted(site.commits(entries)) == [("autoscale", "OK"), ("autoscale-2", "OK")]
    site.check_others(entries, set(leaving.values()))
    # Over all tests of this file, each deployment made at most five calls at once.
    assert site.lab.panorama.state()["most_requests_at_once"] <= len(sides) * CALLS_AT_ONCE
