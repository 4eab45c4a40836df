"""Shared removals from Panorama: simultaneous visits, failed commits and failovers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from component.fakes.panorama import FakePanorama
from component.fakes.steps import refer_to_device
from vmseries_autoscale.errors import (
    PANORAMA,
    CommitFailedError,
    DeviceBusyError,
    DeviceUnavailableError,
    FullCommitRequiredError,
    NothingToCommitError,
    ObjectReferencedError,
)
from vmseries_autoscale.lifecycle.message_queue import exponential_backoff_seconds
from vmseries_autoscale.outcome import Delay, Done, Failed, Outcome, Retry, run_step
from vmseries_autoscale.panorama import Job, Panorama, Part, Removal
from vmseries_autoscale.panorama.removal import COMMIT_INTERVAL, UNCOMMITTED, remove_firewalls

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
COMMIT_SECONDS = 30
WINDOW_SECONDS = 20
NAMES = ("S1", "S2", "S3", "S4")


def managing(serials: Collection[str]) -> FakePanorama:
    """A Panorama that lists these firewalls in every part of its configuration."""
    panorama = FakePanorama()
    for part in Part:
        panorama.named[part] = set(serials)
        panorama.committed[part] = set(serials)
    return panorama


@pytest.fixture
def panorama() -> FakePanorama:
    return managing(NAMES)


def visit(
    panorama: Panorama,
    *serials: str,
    at: float = 0,
    more_coming: bool = False,
    located: bool = False,
    unlisted: bool = False,
    jobs: dict[str, str] | None = None,
) -> dict[str, Outcome]:
    """Return the outcomes of a visit, `at` seconds after the start.

    Args:
        panorama: Panorama to remove from.
        serials: Serial numbers of the firewalls.
        at: Time of the visit.
        more_coming: Whether more firewalls follow.
        located: Whether Panorama has just listed the firewalls in our groups.
        unlisted: Whether only records name the firewalls.
        jobs: Ids of the commits of earlier visits, which are kept up to date.
    """
    progress = remove_firewalls(
        panorama,
        frozenset(serials),
        "fw",
        START + timedelta(seconds=at),
        lambda: True,
        located=frozenset(serials) if located else frozenset(),
        jobs=jobs or {},
        commit_only=frozenset(serials) if unlisted else frozenset(),
        more_coming=more_coming,
    )
    if jobs is not None:
        for serial in serials:
            jobs.pop(serial, None)
        jobs.update(progress.jobs)
    return dict(progress.outcomes)


def error_of(outcome: Outcome) -> Exception:
    assert isinstance(outcome, Failed)
    return outcome.error


def removed(panorama: FakePanorama) -> set[str]:
    """The firewalls that neither configuration lists."""
    named = set[str]().union(*panorama.named.values(), *panorama.committed.values())
    return set(NAMES) - named


# One commit for all.


@pytest.mark.documents(id="panorama/commit/in-progress")
def test_a_visit_during_a_commit_leaves_its_own_commit_to_the_next_visit(
    panorama: FakePanorama,
) -> None:
    visit(panorama, "S1")
    outcomes = visit(panorama, "S2", at=1)
    assert outcomes == {"S2": Retry("commit job 1 is not finished")}
    assert all("S2" not in serials for serials in panorama.named.values())
    assert len(panorama.jobs) == 1

    panorama.finish_job()
    assert removed(panorama) == {"S1"}, (
        "a removal after the request of the commit is not part of it"
    )
    visit(panorama, "S3", at=100)
    panorama.finish_job()
    assert len(panorama.jobs) == 2
    assert removed(panorama) == {"S1", "S2", "S3"}
    assert visit(panorama, "S1", "S2", "S3", at=200) == dict.fromkeys(("S1", "S2", "S3"), Done())


@pytest.mark.documents(id="panorama/commit/shared")
def test_two_commits_are_at_least_the_commit_interval_apart(panorama: FakePanorama) -> None:
    visit(panorama, "S1")
    panorama.end_job(0)
    seconds = COMMIT_INTERVAL.total_seconds()
    (outcome,) = visit(panorama, "S2", at=seconds - 1).values()
    assert isinstance(outcome, Retry)
    assert "commit job 1 was requested less than 90 s ago" in outcome.reason
    assert len(panorama.jobs) == 1
    visit(panorama, "S2", at=seconds)
    assert len(panorama.jobs) == 2


@pytest.mark.documents(id="panorama/commit/shared")
def test_a_commit_waits_for_removals_that_follow_within_seconds(panorama: FakePanorama) -> None:
    outcomes = visit(panorama, "S1", more_coming=True)
    assert outcomes == {"S1": Retry("more firewalls will be removed soon and committed together")}
    visit(panorama, "S2", at=10)
    panorama.finish_job()
    assert removed(panorama) == {"S1", "S2"}
    assert len(panorama.jobs) == 1


def test_commits_are_recognized_by_their_descriptions(panorama: FakePanorama) -> None:
    visit(panorama, "S1")
    assert panorama.jobs[0].description == "fw: remove 1 firewalls, 2026-11-23T12:00:00Z"
    # The license plug-in's changes are committed by our administrator too.
    panorama.finish_job()
    panorama.changes["__sw_fw_license"] = {Removal(Part.DEVICE_GROUP, "S4")}
    panorama.named[Part.DEVICE_GROUP].discard("S4")
    assert panorama.commit("fw: licenses, by the plug-in", "__sw_fw_license") == "2"
    visit(panorama, "S2", at=1)
    assert len(panorama.jobs) == 3


@pytest.mark.documents(id="panorama/commit/concurrent-visits")
@pytest.mark.parametrize("call", range(13))
def test_a_visit_in_the_middle_of_another_is_harmless(panorama: FakePanorama, call: int) -> None:
    others: dict[str, Outcome] = {}

    def meanwhile(_name: str) -> None:
        if len(panorama.calls) == call + 1:
            panorama.fail = lambda _name: None
            others.update(visit(panorama, "S2", "S3"))

    panorama.fail = meanwhile
    outcomes = visit(panorama, "S1", "S2") | others
    assert not any(isinstance(outcome, Failed) for outcome in outcomes.values())
    assert len(panorama.jobs) <= 2, "at worst, one commit for each visit"
    for at in (200, 400, 600):
        for _ in range(2):
            panorama.finish_job()
        outcomes = visit(panorama, "S1", "S2", "S3", at=at)
    assert outcomes == dict.fromkeys(("S1", "S2", "S3"), Done())
    assert removed(panorama) == {"S1", "S2", "S3"}


@pytest.mark.documents(id="panorama/commit/nothing-to-commit")
def test_a_removal_committed_by_another_visit_is_not_attributed_to_another_administrator(
    panorama: FakePanorama,
) -> None:
    """An earlier visit removed it, and two visits request a commit at the same moment."""
    visit(panorama, "S1")
    panorama.finish_job()
    panorama.commit_fails = ("a daemon did not answer",)
    visit(panorama, "S2", at=100)
    panorama.finish_job()
    panorama.commit_fails = ()

    def meanwhile(name: str) -> None:
        if name == "commit":
            panorama.fail = lambda _name: None
            panorama.commit("fw: remove 1 firewalls, 2026-11-23T12:05:00Z")

    panorama.fail = meanwhile
    outcomes = visit(panorama, "S2", at=300)
    assert isinstance(error_of(outcomes["S2"]), CommitFailedError), "the previous commit has failed"
    panorama.finish_job()
    assert visit(panorama, "S2", at=500) == {"S2": Done()}


@dataclass
class MassTermination:
    """Simultaneous terminations, in simulated time.

    Messages that become visible within a window go to two visits, as Lambda delivers them; the
    second visit runs in the middle of the first.

    Attributes:
        license_seconds: The longest time that a firewall takes to return its license.
        visit_capacity: How many firewalls a visit has time for.
        located: Whether visits know the groups and the commit jobs of their firewalls.
    """

    random: Random
    firewalls: int
    license_seconds: float
    visit_capacity: int
    located: bool
    panorama: FakePanorama = field(init=False)
    jobs: dict[str, str] = field(default_factory=dict)
    requested_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        serials = [f"S{number:03}" for number in range(self.firewalls)]
        self.panorama = managing(serials)
        self.ready = {serial: self.random.uniform(0, self.license_seconds) for serial in serials}
        self.visible = {serial: self.random.uniform(0, 5) for serial in serials}
        self.received = dict.fromkeys(serials, 0)

    def run(self) -> int:
        """Run until all firewalls are removed; return the number of commits."""
        for _ in range(100):
            if not self.visible:
                return len(self.panorama.jobs)
            self._round(min(self.visible.values()) + WINDOW_SECONDS)
        pytest.fail("not all firewalls were removed in 100 rounds")

    def _round(self, now: float) -> None:
        batch = [serial for serial, visible in self.visible.items() if visible <= now]
        self.random.shuffle(batch)
        cut, at = self.random.randint(0, len(batch)), self.random.randint(0, 15)
        first, second = batch[:cut], batch[cut:]
        until = now + self.random.uniform(1, 40)
        self._end_jobs(until)
        calls: list[str] = []

        def meanwhile(name: str) -> None:
            calls.append(name)
            if len(calls) == at:
                self._visit(second, now, until)

        self.panorama.fail = meanwhile
        self._visit(first, now, until)
        self.panorama.fail = lambda _name: None
        if len(calls) < at:
            self._visit(second, now, until)

    def _visit(self, batch: list[str], now: float, until: float) -> None:
        handled = batch[: self.visit_capacity]
        ready = [serial for serial in handled if self.ready[serial] <= until]
        outcomes: dict[str, Outcome] = {}
        if ready:
            more_coming = len(handled) < len(batch)
            outcomes = visit(
                self.panorama,
                *ready,
                at=now,
                more_coming=more_coming,
                located=self.located,
                jobs=self.jobs if self.located else None,
            )
        new_jobs = len(self.panorama.jobs) - len(self.requested_at)
        self.requested_at += [until] * new_jobs
        for serial in batch:
            assert not isinstance(outcomes.get(serial), Failed)
            if isinstance(outcomes.get(serial), Done):
                del self.visible[serial]
                continue
            self.received[serial] += 1
            first = 30 if serial in handled else 5
            self.visible[serial] = until + exponential_backoff_seconds(
                self.received[serial], first, 300
            )
            self.visible[serial] += self.random.uniform(0, 3)

    def _end_jobs(self, now: float) -> None:
        free = 0.0
        for number, requested_at in enumerate(self.requested_at):
            free = max(free, requested_at) + COMMIT_SECONDS
            if free <= now and not self.panorama.jobs[number].finished:
                self.panorama.end_job(number)


@pytest.mark.documents(id="failure-modes/T10")
@pytest.mark.documents(id="panorama/commit/hundred")
@pytest.mark.properties
@given(seed=st.integers(0), license_seconds=st.integers(0, 120), located=st.booleans())
def test_a_hundred_simultaneous_terminations_take_at_most_four_commits(
    seed: int, license_seconds: int, located: bool
) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    many = MassTermination(random, 100, license_seconds, visit_capacity=100, located=located)
    assert many.run() <= 4


@pytest.mark.properties
@given(seed=st.integers(0), located=st.booleans())
def test_a_hundred_terminations_take_few_commits_even_if_a_visit_handles_few_firewalls(
    seed: int, located: bool
) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    many = MassTermination(random, 100, 30, visit_capacity=15, located=located)
    assert many.run() <= 6


# Few requests: groups that are known already, and jobs by id.


def test_a_firewall_that_panorama_has_just_listed_is_removed_without_reading_the_configuration(
    panorama: FakePanorama,
) -> None:
    """F9: one request each to look for commits, to remove, and to commit."""
    jobs: dict[str, str] = {}
    outcomes = visit(panorama, "S1", "S2", located=True, jobs=jobs)
    assert panorama.calls == ["commits", "remove_all", "commit"]
    assert outcomes == dict.fromkeys(
        ("S1", "S2"), Retry("commit job 1 was requested", Delay.COMMIT)
    )
    assert jobs == {"S1": "1", "S2": "1"}, "to remember"


def test_a_removal_that_waits_for_a_commit_is_remembered(panorama: FakePanorama) -> None:
    """F9: the next visit need not read the group lists again."""
    jobs: dict[str, str] = {}
    visit(panorama, "S1", located=True, jobs={})
    outcomes = visit(panorama, "S2", at=1, located=True, jobs=jobs)
    assert outcomes == {"S2": Retry("commit job 1 is not finished")}
    assert jobs == {"S2": UNCOMMITTED}
    panorama.finish_job()
    panorama.calls.clear()
    visit(panorama, "S2", at=100, located=True, jobs=jobs)
    assert "job" not in panorama.calls
    assert jobs == {"S2": "2"}


@pytest.mark.documents(id="panorama/removal/few-requests")
def test_a_firewall_that_another_visits_commit_removed_is_only_looked_up(
    panorama: FakePanorama,
) -> None:
    """20 terminations in two batches took 42 requests: neither jobs nor the candidate matter."""
    visit(panorama, "S1", "S2")
    panorama.finish_job()
    panorama.calls.clear()
    assert visit(panorama, "S2", at=60, unlisted=True) == {"S2": Done()}
    assert panorama.calls == ["running_parts"]


def test_an_unlisted_firewall_in_the_running_configuration_waits_for_its_commit(
    panorama: FakePanorama,
) -> None:
    visit(panorama, "S1")
    panorama.calls.clear()
    outcomes = visit(panorama, "S1", at=1, unlisted=True)
    assert outcomes == {"S1": Retry("commit job 1 is not finished")}
    assert not {"remove_all", "commit"} & set(panorama.calls), "a record alone removes nothing"
    panorama.finish_job()
    assert visit(panorama, "S1", at=100, unlisted=True) == {"S1": Done()}


@pytest.mark.documents(id="panorama/commit/in-progress")
def test_a_commit_is_asked_for_by_its_id_until_the_firewall_is_gone(panorama: FakePanorama) -> None:
    """F3: the job list only finds what was lost."""
    jobs: dict[str, str] = {}
    visit(panorama, "S1", "S2", located=True, jobs=jobs)
    panorama.calls.clear()
    outcomes = visit(panorama, "S1", "S2", at=30, located=True, jobs=jobs)
    assert outcomes == dict.fromkeys(("S1", "S2"), Retry("commit job 1 is not finished"))
    assert panorama.calls == ["job"]
    assert jobs == {"S1": "1", "S2": "1"}
    panorama.finish_job()
    panorama.calls.clear()
    assert visit(panorama, "S1", "S2", at=60, located=True, jobs=jobs) == {
        "S1": Done(),
        "S2": Done(),
    }
    assert panorama.calls == ["job", "running_parts"], "the running configuration decides"
    assert jobs == {}


@pytest.mark.documents(id="panorama/commit/not-effective")
def test_a_commit_that_ended_without_effect_removes_nothing(panorama: FakePanorama) -> None:
    jobs: dict[str, str] = {}
    visit(panorama, "S1", located=True, jobs=jobs)
    panorama.queued.clear()
    panorama.finish_job()
    panorama.named = {part: set(NAMES) for part in Part}
    outcomes = visit(panorama, "S1", at=100, located=True, jobs=jobs)
    assert outcomes == {"S1": Retry("commit job 2 was requested", Delay.COMMIT)}
    panorama.finish_job()
    assert visit(panorama, "S1", at=200, located=True, jobs=jobs) == {"S1": Done()}


@pytest.mark.documents(id="panorama/contention/job-unknown")
@pytest.mark.parametrize("lost", ["unknown", "another's", "failed"])
def test_a_job_that_says_nothing_about_the_removal_is_not_believed(
    panorama: FakePanorama, lost: str
) -> None:
    """On the other peer of a pair, its number is that of another job, or of none."""
    jobs: dict[str, str] = {}
    visit(panorama, "S1", located=True, jobs=jobs)
    panorama.commit_fails = ("disk full",) if lost == "failed" else ()
    panorama.finish_job()
    if lost != "failed":
        panorama.committed = {part: set(NAMES) for part in Part}
        panorama.named = {part: set(NAMES) for part in Part}
    if lost == "unknown":
        panorama.jobs.clear()
    if lost == "another's":
        panorama.jobs = [Job("1", True, False, (), "commit of an operator")]
    panorama.commit_fails = ()
    outcomes = visit(panorama, "S1", at=100, located=True, jobs=jobs)
    assert outcomes != {"S1": Done()}
    panorama.finish_job()
    visit(panorama, "S1", at=250, located=True, jobs=jobs)
    panorama.finish_job()
    assert removed(panorama) == {"S1"}


@pytest.mark.documents(id="panorama/removal/any-group")
@pytest.mark.parametrize("where", ["group", "stack", "collectors", "everywhere"])
@pytest.mark.parametrize("located", [True, False])
def test_a_firewall_is_removed_from_whichever_groups_hold_it(
    panorama: FakePanorama, where: str, located: bool
) -> None:
    """B4: the settings name other groups than when the firewall was launched."""
    parts = {
        "group": [Part.DEVICE_GROUP],
        "stack": [Part.TEMPLATE_STACK],
        "collectors": [Part.LOG_COLLECTOR_GROUP],
        "everywhere": [part for part in Part if part is not Part.MANAGED_DEVICES],
    }[where]
    panorama.elsewhere = {(part, "S1"): "old" for part in parts}
    visit(panorama, "S1", "S2", located=located and where == "collectors")
    panorama.finish_job()
    assert removed(panorama) >= {"S2"}
    visit(panorama, "S1", at=100)
    panorama.finish_job()
    assert removed(panorama) == {"S1", "S2"}
    assert visit(panorama, "S1", "S2", at=300) == {"S1": Done(), "S2": Done()}


@pytest.mark.documents(id="panorama/removal/any-group")
def test_an_unknown_collector_group_is_found_when_panorama_keeps_the_firewall(
    panorama: FakePanorama,
) -> None:
    """B4: the bootstrap configuration named it, and the settings do not."""
    panorama.elsewhere = {(Part.LOG_COLLECTOR_GROUP, "S1"): "old"}
    panorama.collectors_configured = False
    outcomes = visit(panorama, "S1", located=True)
    assert outcomes == {"S1": Retry("commit job 1 was requested", Delay.COMMIT)}
    panorama.finish_job()
    assert removed(panorama) == {"S1"}
    assert panorama.calls.count("groups_of") == 1


@pytest.mark.documents(id="panorama/commit/nothing-to-commit")
@pytest.mark.parametrize("state", ["committed", "in progress", "by another administrator"])
def test_a_direct_removal_without_anything_to_commit_looks_at_the_configuration(
    panorama: FakePanorama, state: str
) -> None:
    panorama.user = "operator" if state == "by another administrator" else "autoscale"
    visit(panorama, "S1", located=True)
    if state == "by another administrator":
        panorama.jobs.clear()
        panorama.queued.clear()
    if state == "committed":
        panorama.finish_job()
    panorama.user = "autoscale"
    (outcome,) = visit(panorama, "S1", at=10, located=True).values()
    match state:
        case "committed":
            assert outcome == Done()
        case "in progress":
            assert outcome == Retry("commit job 1 is not finished")
        case _:
            assert isinstance(error_of(outcome), NothingToCommitError)


# Commits that fail.


@pytest.mark.documents(id="panorama/removal/referenced")
def test_a_reference_blocks_only_its_own_firewall(
    panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "S1 cannot be deleted because of references from: rule 7"
    refer_to_device(panorama, monkeypatch, "S1", text)
    outcomes = visit(panorama, "S1", "S2")
    assert "rule 7" in str(error_of(outcomes["S1"]))
    assert outcomes["S2"] == Retry("commit job 1 was requested", Delay.COMMIT)
    panorama.finish_job()
    assert removed(panorama) == {"S2"}
    panorama.calls.clear()
    assert isinstance(error_of(visit(panorama, "S1", at=300)["S1"]), ObjectReferencedError)
    assert "commit" not in panorama.calls, "there is nothing to commit"


REASON = "device-group -> DG -> pre-rulebase -> target 'S1' is not a valid reference"


@pytest.mark.documents(id="panorama/commit/failed-by-name")
def test_a_removal_that_fails_every_commit_does_not_block_the_others(
    panorama: FakePanorama,
) -> None:
    panorama.irremovable["S1"] = REASON
    visit(panorama, "S1", "S2")
    panorama.finish_job()

    outcomes = visit(panorama, "S1", "S2", at=100)
    assert all(panorama.named[part] == set(NAMES) for part in Part), (
        "all of our changes are reverted"
    )
    error = error_of(outcomes["S1"])
    assert isinstance(error, CommitFailedError)
    assert REASON in str(error)
    assert isinstance(outcomes["S2"], Retry)

    outcomes = visit(panorama, "S1", "S2", at=150)
    assert isinstance(error_of(outcomes["S1"]), CommitFailedError), "it is reverted later"
    assert outcomes["S2"] == Retry("commit job 2 was requested", Delay.COMMIT)
    visit(panorama, "S3", at=151)
    panorama.finish_job()
    visit(panorama, "S3", at=300)
    panorama.finish_job()
    assert removed(panorama) == {"S2", "S3"}
    assert visit(panorama, "S2", "S3", at=420) == {"S2": Done(), "S3": Done()}

    # The operator corrects the configuration.
    panorama.irremovable.clear()
    visit(panorama, "S1", at=500)
    panorama.finish_job()
    assert visit(panorama, "S1", at=620) == {"S1": Done()}


@pytest.mark.documents(id="panorama/commit/failed-by-name")
def test_any_visit_reverts_a_removal_that_failed_its_commit(panorama: FakePanorama) -> None:
    panorama.irremovable["S1"] = REASON
    visit(panorama, "S1")
    visit(panorama, "S2", at=1)
    panorama.finish_job()
    outcomes = visit(panorama, "S2", "S3", at=100)
    assert outcomes == dict.fromkeys(
        ("S2", "S3"), Retry("the removal was reverted together with another firewall's removal")
    )
    visit(panorama, "S2", "S3", at=150)
    panorama.finish_job()
    assert removed(panorama) == {"S2", "S3"}


@pytest.mark.documents(id="panorama/commit/failed-by-name")
def test_a_removal_that_fails_every_commit_is_retried_alone(panorama: FakePanorama) -> None:
    panorama.irremovable["S1"] = REASON
    for round_ in range(3):
        visit(panorama, "S1", at=300 * round_)
        panorama.finish_job()
        outcomes = visit(panorama, "S1", at=300 * round_ + 150)
        assert isinstance(error_of(outcomes["S1"]), CommitFailedError)
    assert len(panorama.jobs) == 3
    assert panorama.calls.count("revert") == 3


@pytest.mark.documents(id="panorama/commit/failed-twice")
def test_removals_are_reverted_after_two_failures_that_name_no_firewall(
    panorama: FakePanorama,
) -> None:
    panorama.commit_fails = ("Commit failed",)
    visit(panorama, "S1")
    panorama.finish_job()
    outcomes = visit(panorama, "S1", at=100)
    assert "commit job 1 failed, it will be retried: Commit failed" in str(error_of(outcomes["S1"]))
    assert "revert" not in panorama.calls
    panorama.finish_job()
    outcomes = visit(panorama, "S1", at=200)
    assert isinstance(error_of(outcomes["S1"]), CommitFailedError)
    assert panorama.calls.count("revert") == 1
    panorama.commit_fails = ()
    visit(panorama, "S1", "S2", at=300)
    panorama.finish_job()
    assert visit(panorama, "S1", "S2", at=400) == {"S1": Done(), "S2": Done()}


@pytest.mark.documents(id="panorama/commit/revert-waits")
def test_nothing_is_reverted_while_another_batch_is_being_committed(
    panorama: FakePanorama,
) -> None:
    panorama.irremovable["S1"] = REASON
    visit(panorama, "S1")
    panorama.finish_job()
    visit(panorama, "S2", at=100)
    assert panorama.calls.count("revert") == 1, "because of the removal of S1"
    visit(panorama, "S2", at=200)
    for serial in ("S1", "S3"):
        visit(panorama, serial, at=210)
    assert panorama.calls.count("revert") == 1
    panorama.finish_job()
    assert removed(panorama) == {"S2"}


@pytest.mark.documents(id="panorama/contention/full-commit")
def test_a_required_full_commit_is_reported_and_never_made(panorama: FakePanorama) -> None:
    panorama.commit_fails = ("Full commit is required",)
    for at in (0, 100, 200, 300):
        outcomes = visit(panorama, "S1", at=at)
        panorama.finish_job()
    assert isinstance(error_of(outcomes["S1"]), FullCommitRequiredError)
    assert "revert" not in panorama.calls, "an administrator's full commit includes our changes"


@pytest.mark.documents(id="panorama/contention/other-edits")
def test_another_administrators_unfinished_edits_are_neither_committed_nor_reverted(
    panorama: FakePanorama,
) -> None:
    panorama.user = "operator"
    panorama.remove(Part.DEVICE_GROUP, "S4")
    panorama.user = "autoscale"
    panorama.irremovable["S1"] = REASON
    visit(panorama, "S1", "S2")
    panorama.finish_job()
    visit(panorama, "S1", "S2", at=100)
    assert "revert" in panorama.calls
    assert "S4" not in panorama.named[Part.DEVICE_GROUP], "not reverted"
    visit(panorama, "S2", at=200)
    panorama.finish_job()
    assert removed(panorama) == {"S2"}
    assert "S4" in panorama.committed[Part.DEVICE_GROUP], "not committed"


# A high availability pair.


class Pair:
    """Two peers that share committed changes; uncommitted changes are only on the active peer."""

    def __init__(self, fail_over_at: int, *, job_survives: bool) -> None:
        self.active, self.other = managing(NAMES), managing(NAMES)
        self.calls = 0
        self.fail_over_at, self.job_survives = fail_over_at, job_survives
        for peer in (self.active, self.other):
            peer.fail = self._before(peer)

    def _before(self, peer: FakePanorama) -> Callable[[str], None]:
        def before(name: str) -> None:
            self.calls += 1
            if self.calls == self.fail_over_at:
                self.fail_over()
            if peer is not self.active and name in ("remove_all", "commit", "revert"):
                raise DeviceBusyError(PANORAMA, "code 15: operation denied")

        return before

    def finish_job(self) -> None:
        self.active.finish_job()
        self.other.committed = {
            part: set(serials) for part, serials in self.active.committed.items()
        }
        self.other.named = {part: set(serials) for part, serials in self.active.committed.items()}

    def fail_over(self) -> None:
        if self.job_survives:
            self.finish_job()
        self.active, self.other = self.other, self.active
        # The failed peer restarts without its unfinished jobs and uncommitted changes.
        self.other.jobs.clear()
        self.other.named = {part: set(serials) for part, serials in self.other.committed.items()}


@pytest.mark.documents(id="panorama/pair/failover-any-call")
@pytest.mark.parametrize("job_survives", [True, False])
@pytest.mark.parametrize("call", range(1, 18))
def test_a_failover_at_any_call_loses_nothing(call: int, job_survives: bool) -> None:
    pair = Pair(call, job_survives=job_survives)
    for number in range(8):
        active, at = pair.active, 150 * number
        outcomes = run_step(lambda: visit(active, "S1", "S2", at=at))  # noqa: B023 - called here
        assert not isinstance(outcomes, Failed)
        if outcomes == {"S1": Done(), "S2": Done()}:
            break
        pair.finish_job()
    assert outcomes == {"S1": Done(), "S2": Done()}
    assert removed(pair.active) == removed(pair.other) == {"S1", "S2"}


@pytest.mark.documents(id="panorama/pair/outage")
def test_a_removal_is_retried_while_both_peers_are_down(panorama: FakePanorama) -> None:
    def unavailable(_name: str) -> None:
        raise DeviceUnavailableError(PANORAMA, "no answer")

    panorama.fail = unavailable
    outcome = run_step(lambda: visit(panorama, "S1"))
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, DeviceUnavailableError)


# Two module instances.


class Connection:
    """Panorama with the login of one administrator."""

    def __init__(self, panorama: FakePanorama, user: str) -> None:
        self._panorama, self._user = panorama, user

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._panorama, name)

        def call(*arguments: Any) -> Any:
            self._panorama.user = self._user
            return method(*arguments)

        return call


@pytest.mark.documents(id="panorama/shared/one-administrator")
@pytest.mark.documents(id="panorama/shared/one-group")
@pytest.mark.parametrize("users", [("east", "west"), ("both", "both")])
def test_two_module_instances_share_a_panorama(
    panorama: FakePanorama, users: tuple[str, str]
) -> None:
    """They share a device group, with one administrator each (recommended) or with one for both."""
    east, west = Connection(panorama, users[0]), Connection(panorama, users[1])
    visit(east, "S1")  # type: ignore[arg-type]
    visit(west, "S3", at=1)  # type: ignore[arg-type]
    assert len(panorama.jobs) == len(set(users)), (
        "no visit waits for another administrator's commit"
    )
    panorama.finish_job()
    panorama.finish_job()
    for at in (150, 300):
        visit(east, "S1", at=at)  # type: ignore[arg-type]
        visit(west, "S3", at=at + 1)  # type: ignore[arg-type]
        panorama.finish_job()
    assert removed(panorama) == {"S1", "S3"}


@pytest.mark.documents(id="panorama/shared/failed-commit")
def test_a_failed_commit_of_one_module_instance_does_not_affect_the_other(
    panorama: FakePanorama,
) -> None:
    east, west = Connection(panorama, "east"), Connection(panorama, "west")
    panorama.irremovable["S1"] = REASON
    visit(east, "S1")  # type: ignore[arg-type]
    panorama.finish_job()
    assert visit(west, "S3", at=1) == {"S3": Retry("commit job 2 was requested", Delay.COMMIT)}  # type: ignore[arg-type]
    with pytest.raises(DeviceBusyError):  # Panorama reverts nothing while any job runs.
        visit(east, "S1", at=100)  # type: ignore[arg-type]
    panorama.finish_job()
    visit(east, "S1", at=200)  # type: ignore[arg-type]
    assert removed(panorama) == {"S3"}
    assert all("S1" in serials for serials in panorama.named.values())
