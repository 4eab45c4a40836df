"""The decisions of a visit, which depend on how our earlier commits have ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.errors import CommitFailedError, FullCommitRequiredError
from vmseries_autoscale.outcome import Retry
from vmseries_autoscale.panorama import Job, Part, Removal
from vmseries_autoscale.panorama.removal import (
    COMMIT_INTERVAL,
    decide_plan,
    decide_removals,
    decide_wait,
    failed_commit_error,
    pending_removals,
)

NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
NAMING_S1 = ("Validation Error:", "template-stack -> TS -> devices 'S1' is not a valid reference")


def finished(*details: str, job_id: str = "7") -> Job:
    """A finished commit, which has failed if there are details."""
    return Job(job_id, True, bool(details), details)


def in_progress(job_id: str = "9") -> Job:
    """A commit in progress."""
    return Job(job_id, False, False, ())


def serials(text: str) -> frozenset[str]:
    return frozenset(text.split())


@pytest.mark.documents(id="panorama/commit/failed-by-name")
@pytest.mark.parametrize(
    ("commits", "remaining", "pending", "removed", "revert", "reported"),
    [
        pytest.param([], "S1", "", "S1", False, "", id="no commit yet"),
        pytest.param([finished()], "S1 S2", "S2", "S1 S2", False, "", id="the last one succeeded"),
        pytest.param([in_progress()], "S1", "S1", "S1", False, "", id="in progress"),
        pytest.param(
            [finished("disk full")], "S1 S2", "S1 S3", "S1 S2", False, "S1", id="failed once"
        ),
        pytest.param(
            [finished("disk full"), finished("timeout")],
            "S1",
            "S1",
            "S1",
            False,
            "S1",
            id="failed for another reason",
        ),
        pytest.param(
            [finished("disk full"), finished(), finished("disk full")],
            *("S1", "S1", "S1", False, "S1"),
            id="a success between",
        ),
        pytest.param([finished("disk full")] * 2, "S1 S2", "S1", "", True, "S1", id="failed twice"),
        pytest.param(
            [finished("disk full")] * 2, "S1", "S3", "S1", False, "", id="failed twice, with others"
        ),
        pytest.param(
            [in_progress(), finished("disk full"), finished("disk full")],
            *("S1", "S1", "S1", False, ""),
            id="failed twice, and a third is in progress",
        ),
        pytest.param(
            [finished(*NAMING_S1)],
            "S1 S2",
            "S1 S2",
            "",
            True,
            "S1",
            id="names one of these firewalls",
        ),
        pytest.param(
            [finished(*NAMING_S1)],
            "S2",
            "S1 S2",
            "",
            True,
            "",
            id="names a firewall of another batch",
        ),
        pytest.param(
            [in_progress(), finished(*NAMING_S1)],
            *("S1 S2", "S1 S2", "S2", False, "S1"),
            id="names one, and the next is in progress",
        ),
        pytest.param(
            [finished(*NAMING_S1)], "S1 S2", "", "S2", False, "S1", id="reverted: the others first"
        ),
        pytest.param([finished(*NAMING_S1)], "S1", "", "S1", False, "", id="reverted: alone"),
        pytest.param(
            [finished("'S10' is not a valid reference")],
            "S1",
            "S1",
            "S1",
            False,
            "S1",
            id="names S10",
        ),
        pytest.param(
            [finished("Full commit is required")] * 2,
            "S1",
            "S1",
            "S1",
            False,
            "S1",
            id="full commit required",
        ),
    ],
)
def test_the_plan_depends_on_how_our_commits_ended(
    commits: list[Job], remaining: str, pending: str, removed: str, revert: bool, reported: str
) -> None:
    plan = decide_plan(commits, serials(remaining), serials(pending), may_commit=True)
    assert plan.revert is revert
    assert plan.remove == serials(removed)
    assert plan.reported == serials(reported)
    if reported:
        full = "Full commit" in str(commits)
        assert type(plan.error) is (FullCommitRequiredError if full else CommitFailedError)


def test_a_firewall_that_makes_commits_fail_is_reported_at_once() -> None:
    plan = decide_plan([finished(*NAMING_S1)], serials("S1"), serials(""), may_commit=False)
    assert plan.remove == serials("")
    assert plan.reported == serials("S1")


@pytest.mark.documents(id="panorama/commit/revert-waits")
@given(
    endings=st.lists(st.sampled_from([(), ("disk full",), NAMING_S1]), max_size=3),
    running=st.booleans(),
    remaining=st.frozensets(st.sampled_from(["S1", "S2", "S3"]), min_size=1),
    pending=st.frozensets(st.sampled_from(["S1", "S2", "S3"])),
)
def test_every_removal_is_kept_and_no_commit_in_progress_is_reverted(
    endings: list[tuple[str, ...]],
    running: bool,
    remaining: frozenset[str],
    pending: frozenset[str],
) -> None:
    commits = [in_progress()] * running + [finished(*details) for details in endings]
    plan = decide_plan(commits, remaining, pending, may_commit=not running)
    assert not (plan.revert and running)
    assert plan.reported <= remaining
    assert plan.remove <= remaining
    assert plan.revert or plan.remove | plan.reported == remaining
    assert not plan.revert or pending, "there is something to revert"


@pytest.mark.parametrize(
    ("commits", "reason"),
    [
        ([], None),
        ([in_progress()], "commit job 9 is not finished"),
        ([finished(), in_progress("8")], "commit job 8 is not finished"),
        ([finished()], None),
        ([Job("7", True, False, (), "fw: remove 2 firewalls, 2026-11-23T11:59:00Z")], None),
        (
            [Job("7", True, False, (), "fw: remove 2 firewalls, 2026-11-23T11:59:01Z")],
            "commit job 7 was requested less than 90 s ago",
        ),
        (
            [Job("7", True, False, (), "fw: remove 2 firewalls, 2026-11-23T12:00:31Z")],
            "commit job 7 was requested less than 90 s ago",
        ),
    ],
)
def test_the_next_commit_waits_for_jobs_and_the_commit_interval(
    commits: list[Job], reason: str | None
) -> None:
    assert timedelta(seconds=90) == COMMIT_INTERVAL
    assert decide_wait(commits, NOW) == (None if reason is None else Retry(reason))


def test_pending_removals_are_missing_from_the_candidate_configuration() -> None:
    running = {Part.DEVICE_GROUP: serials("S1 S2 S3"), Part.MANAGED_DEVICES: serials("S1 S2 S3")}
    candidate = {Part.DEVICE_GROUP: serials("S1"), Part.MANAGED_DEVICES: serials("S1 S2 S4")}
    assert pending_removals(running, candidate) == serials("S2 S3")


@pytest.mark.documents(id="panorama/removal/batch")
def test_removals_are_ordered_so_that_no_reference_remains() -> None:
    candidate = {part: serials("S1 S2 S3") for part in Part}
    removals = decide_removals(serials("S2 S1"), candidate)
    assert removals == [Removal(part, serial) for part in Part for serial in ("S1", "S2")]
    assert removals[-1].part is Part.MANAGED_DEVICES


def test_a_removal_names_the_group_that_holds_the_firewall() -> None:
    """B4: another one than the settings say."""
    candidate = {Part.DEVICE_GROUP: serials("S1 S2"), Part.MANAGED_DEVICES: serials("S1")}
    removals = decide_removals(serials("S1 S2"), candidate, {(Part.DEVICE_GROUP, "S1"): "old"})
    assert removals == [
        Removal(Part.DEVICE_GROUP, "S1", "old"),
        Removal(Part.DEVICE_GROUP, "S2"),
        Removal(Part.MANAGED_DEVICES, "S1"),
    ]


ODD_TIMES = [
    "2026-13-45T99:99:99Z",
    "2026-11-23T12:00:30",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "\u0662026-11-23T12:00:30Z",
    "Z",
    "xZ",
    "9" * 5000 + "Z",
]


@pytest.mark.parametrize("time", ODD_TIMES, ids=lambda time: time[:24])
def test_a_description_with_an_odd_time_does_not_delay_a_commit(time: str) -> None:
    """F4: another program may use the same administrator, or Panorama may respond anything."""
    job = Job("7", True, False, (), f"fw: remove 1 firewalls, {time}")
    assert decide_wait([job], NOW) is None


def test_the_details_of_a_failed_commit_are_cut() -> None:
    job = Job("7", True, True, ("x" * 1000,) * 1000)
    assert len(str(failed_commit_error(job, "it will be retried"))) < 1200
