"""Removals from the lab's Panorama, with contention and with two deployments that share it.

``remove_firewalls`` uses the real client here, and a Panorama with other administrators.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from component.fakes import lab_panorama
from component.fakes.lab_panorama import Firewall
from vmseries_autoscale.errors import (
    AutoscaleError,
    CommitFailedError,
    DeviceAccessError,
    DeviceUnavailableError,
    FullCommitRequiredError,
)
from vmseries_autoscale.outcome import Done, Failed, Outcome, Retry, run_step
from vmseries_autoscale.pan_os.transport import Transport
from vmseries_autoscale.panorama import Part
from vmseries_autoscale.panorama.client import PanOsPanorama
from vmseries_autoscale.panorama.interface import Membership
from vmseries_autoscale.panorama.removal import Progress, remove_firewalls
from vmseries_lab.core.world import World
from vmseries_lab.panorama import initial_config, lab_settings, operator_session
from vmseries_lab.panorama.administrators import Admin

MINUTE = 60


@dataclass
class Deployment:
    """A module instance with firewalls in a device group, as one administrator."""

    world: World
    vendor: Any
    admin: Admin
    group: str = initial_config.DEVICE_GROUP
    serials: list[str] = field(default_factory=list)
    located: bool = False
    jobs: dict[str, str] = field(default_factory=dict)

    def connect(self) -> PanOsPanorama:
        return lab_panorama.connect(self.vendor, self.admin, self.group)

    def join(self, *serials: str) -> None:
        for serial in serials:
            self.vendor.panorama.register(
                Firewall(serial),
                initial_config.VM_AUTH_KEY,
                group=self.group,
                stack=initial_config.TEMPLATE_STACK,
                logs=initial_config.COLLECTOR_GROUP,
            )
        self.serials += serials

    def visit(self, *serials: str) -> dict[str, Outcome] | Outcome:
        now = datetime.fromtimestamp(self.world.clock.now(), UTC)
        progress = run_step(
            lambda: remove_firewalls(
                self.connect(),
                frozenset(serials),
                "fw",
                now,
                lambda: True,
                located=frozenset(serials) if self.located else frozenset(),
                jobs=self.jobs,
            )
        )
        if not isinstance(progress, Progress):
            return progress
        self.jobs = dict(progress.jobs)
        return dict(progress.outcomes)

    def visit_until_removed(self, *serials: str) -> None:
        for _ in range(12):
            outcomes = self.visit(*serials)
            if outcomes == dict.fromkeys(serials, Done()):
                return
            self.world.advance(MINUTE)
        pytest.fail(f"still not removed: {outcomes}")

    def remaining(self) -> set[str]:
        """Its firewalls that the running or candidate configuration still lists in any part."""
        listed = frozenset[str]().union(*map(_listed, self._memberships()))
        return set(self.serials) & listed

    def is_complete(self, serial: str) -> bool:
        """Whether both configurations list the firewall in every part."""
        return all(
            serial in membership[part] for membership in self._memberships() for part in Part
        )

    def _memberships(self) -> list[Membership]:
        connection = self.connect()
        return [connection.running_members(), connection.candidate_members()]


def _listed(membership: Membership) -> frozenset[str]:
    return frozenset[str]().union(*membership.values())


@pytest.fixture(params=[True, False], ids=["groups known", "groups looked up"])
def east(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    world = World()
    with lab_panorama.installed(world) as vendor:
        vendor.panorama.leading.licenses.api_key.value = "licensing-key"
        deployment = Deployment(world, vendor, initial_config.AUTOSCALE, located=request.param)
        deployment.join("S1", "S2")
        yield deployment


@pytest.fixture(params=["autoscale", "west"], ids=["one device group", "a device group each"])
def west(east: Deployment, request: pytest.FixtureRequest) -> Deployment:
    """A second deployment at the same Panorama, with an administrator of its own."""
    if request.param != east.group:
        operator_session.run_commands(
            east.vendor.panorama, [f"set device-group {request.param} description x"]
        )
        east.world.advance(MINUTE)
    deployment = Deployment(east.world, east.vendor, initial_config.SECOND, request.param)
    deployment.join("S3", "S4")
    return deployment


@pytest.mark.documents(id="panorama/contention/access")
@pytest.mark.documents(id="panorama/contention/bad-response")
@pytest.mark.documents(id="panorama/contention/commit")
@pytest.mark.documents(id="panorama/contention/full-commit")
@pytest.mark.documents(id="panorama/contention/lock")
@pytest.mark.documents(id="panorama/contention/other-edits")
@pytest.mark.documents(id="panorama/contention/queue-full")
@pytest.mark.documents(id="panorama/contention/session")
@pytest.mark.parametrize(
    ("contention", "repair", "expected"),
    [
        ({"locks": ["commit"]}, {"locks": []}, Retry),
        ({"locks": ["config"]}, {"locks": []}, Retry),
        ({"queued_commits": 1}, {}, Retry),
        ({"queued_commits": 11}, {}, Retry),
        ({"inject_errors": [{"text": "A commit is pending", "code": 13, "count": 1}]}, {}, Retry),
        ({"inject_errors": [{"text": "Session timed out", "code": 22, "count": 1}]}, {}, Retry),
        (
            {"inject_errors": [{"text": "Unauthorized request", "code": 16, "count": 1}]},
            {},
            DeviceAccessError,
        ),
        ({"rights": ["config", "op"]}, {"rights": ["config", "op", "commit"]}, DeviceAccessError),
        ({"status": 502}, {"status": 200}, DeviceUnavailableError),
        ({"mode": "resetting"}, {"mode": "answering"}, DeviceUnavailableError),
        ({"mode": "truncating"}, {"mode": "answering"}, DeviceUnavailableError),
        (
            {"full_commit_required": True},
            {"full_commit_required": False},
            FullCommitRequiredError,
        ),
    ],
    ids=[
        *("commit lock", "config lock", "another commit", "full queue", "pending", "session"),
        *("unauthorized", "role without commit", "502", "reset", "truncated", "full commit"),
    ],
)
def test_a_removal_succeeds_once_the_contention_ends(
    east: Deployment,
    contention: dict[str, Any],
    repair: dict[str, Any],
    expected: type[Retry] | type[AutoscaleError],
) -> None:
    panorama = east.vendor.panorama
    other_administrator = Deployment(east.world, east.vendor, initial_config.SECOND).connect()
    other_administrator.remove(Part.DEVICE_GROUP, "S2")
    lab_settings.configure(panorama, **contention)
    outcomes = east.visit("S1")
    outcome = outcomes["S1"] if isinstance(outcomes, dict) else outcomes
    actual = type(outcome.error) if isinstance(outcome, Failed) else type(outcome)
    assert issubclass(actual, expected)

    lab_settings.configure(panorama, **repair)
    east.visit_until_removed("S1")
    assert east.remaining() == {"S2"}
    assert "S2" in east.connect().running_members()[Part.DEVICE_GROUP], "the edit is not committed"
    assert "S2" not in east.connect().candidate_members()[Part.DEVICE_GROUP], (
        "the edit is not reverted"
    )


@pytest.mark.documents(id="panorama/shared/one-group")
@pytest.mark.documents(id="panorama/shared/two-groups")
def test_a_scale_in_of_one_deployment_does_not_affect_another(
    east: Deployment, west: Deployment
) -> None:
    for deployment, serial in ((east, "S1"), (west, "S3")):
        outcomes = deployment.visit(serial)
        assert isinstance(outcomes, dict)
        assert isinstance(outcomes[serial], Retry)
    east.visit_until_removed("S1")
    west.visit_until_removed("S3")
    assert (east.remaining(), west.remaining()) == ({"S2"}, {"S4"})
    assert east.is_complete("S2")
    assert west.is_complete("S4")
    commits = [(side.admin.name, len(side.connect().commits())) for side in (east, west)]
    assert commits == [("autoscale", 1), ("autoscale-2", 1)]


@pytest.mark.documents(id="panorama/shared/failed-commit")
def test_a_removal_that_fails_every_commit_does_not_affect_another_deployment(
    east: Deployment, west: Deployment
) -> None:
    reason = "device-group -> autoscale -> pre-rulebase -> target 'S1' is not a valid reference"
    lab_settings.configure(east.vendor.panorama, fail_next_commit=reason)
    east.visit("S1")
    west.visit("S3")
    east.world.advance(2 * MINUTE)
    outcomes = east.visit("S1")
    assert isinstance(outcomes, dict)
    assert isinstance(outcomes["S1"], Failed)
    assert isinstance(outcomes["S1"].error, CommitFailedError)
    assert east.is_complete("S1"), "its removal is reverted"
    west.visit_until_removed("S3")
    assert (east.remaining(), west.remaining()) == ({"S1", "S2"}, {"S4"})
    assert west.is_complete("S4")
    assert east.is_complete("S2")


# How many requests.

BATCH = 10


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The requests to Panorama, without those that establish which peer is active."""
    sent: list[dict[str, str]] = []
    post = Transport.post

    def counted(transport: Transport, fields: dict[str, str]) -> Any:
        sent.append(dict(fields))
        return post(transport, fields)

    monkeypatch.setattr(Transport, "post", counted)
    return sent


@pytest.mark.parametrize(("terminations", "limit"), [(1, 20), (20, 40)])
def test_terminations_take_few_requests_to_panorama(
    east: Deployment, requests: list[dict[str, str]], terminations: int, limit: int
) -> None:
    """F9: one alone at most 20 in all of its visits, and 20 at once at most 40.

    The visits of a batch: request the licenses; see that they are returned, in the job and in
    Panorama's own list; remove the firewalls once they are disconnected; see that they are removed.
    """
    serials = [f"00795100000{number:04}" for number in range(terminations)]
    east.join(*serials)
    batches = [serials[first : first + BATCH] for first in range(0, terminations, BATCH)]
    jobs: dict[str, dict[str, str]] = {batch[0]: {} for batch in batches}
    for batch in batches:
        _members(east, batch)
        jobs[batch[0]]["license"] = east.connect().batch_deactivate(batch) or ""
    east.world.advance(MINUTE)
    for batch in batches:
        _members(east, batch)
        job = east.connect().job(jobs[batch[0]]["license"])
        assert job is not None
        assert job.finished
        assert east.connect().batch_licensed() is not None
    removals: dict[str, dict[str, str]] = {batch[0]: {} for batch in batches}
    left = list(batches)
    for _ in range(8):
        for batch in list(left):
            # Nothing is looked up for a firewall whose record names the commit job.
            located = frozenset(batch) if removals[batch[0]] else _members(east, batch)
            progress = remove_firewalls(
                east.connect(),
                frozenset(batch),
                "fw",
                datetime.fromtimestamp(east.world.clock.now(), UTC),
                lambda: True,
                located=located,
                jobs=removals[batch[0]],
            )
            removals[batch[0]] = dict(progress.jobs)
            if progress.outcomes == dict.fromkeys(batch, Done()):
                left.remove(batch)
        if not left:
            break
        east.world.advance(MINUTE)
    assert not left
    shown = [request.get("cmd", request.get("xpath")) for request in requests]
    assert len(requests) <= limit, shown
    east.serials = serials
    assert east.remaining() == set()


def _members(deployment: Deployment, serials: list[str]) -> frozenset[str]:
    members = deployment.connect().members()
    located = {m.serial for m in members if None not in (m.policy_status, m.template_status)}
    assert located >= set(serials)
    return frozenset(serials)


@pytest.mark.documents(id="panorama/removal/any-group")
@pytest.mark.parametrize("collectors", [True, False])
def test_a_firewall_is_removed_from_the_groups_that_it_was_launched_into(
    east: Deployment, collectors: bool
) -> None:
    """B4: the inputs name another device group and template stack now."""
    operator_session.run_commands(
        east.vendor.panorama,
        ["set device-group second description x", "set template-stack second description x"],
    )
    east.world.advance(MINUTE)
    moved = PanOsPanorama(
        lab_panorama.HOST,
        replace(
            lab_panorama.settings(east.vendor),
            device_group="second",
            template_stack="second",
            log_collector_group=initial_config.COLLECTOR_GROUP if collectors else None,
        ),
        lab_panorama.credentials(east.vendor, east.admin),
    )
    for _ in range(6):
        now = datetime.fromtimestamp(east.world.clock.now(), UTC)
        progress = remove_firewalls(moved, frozenset({"S1"}), "fw", now, lambda: True)
        if progress.outcomes == {"S1": Done()}:
            break
        east.world.advance(2 * MINUTE)
    assert progress.outcomes == {"S1": Done()}
    assert east.remaining() == {"S2"}
    assert east.is_complete("S2")
