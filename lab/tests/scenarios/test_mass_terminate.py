"""What fails ``mass-terminate``."""

from __future__ import annotations

import pytest

from vmseries_scenarios.mass_terminate import MOST_COMMITS, Result

COMMIT = ("edge: remove 25 firewalls", "OK")


@pytest.mark.documents(id="panorama/commit/hundred")
def test_few_commits_and_no_orphans_pass() -> None:
    assert Result(commits=[COMMIT] * MOST_COMMITS).passed


@pytest.mark.documents(id="panorama/commit/hundred")
@pytest.mark.parametrize(
    "result",
    [
        Result(commits=[COMMIT] * (MOST_COMMITS + 1)),
        Result(commits=[COMMIT], refused=["busy: the commit queue is full"]),
        Result(commits=[COMMIT], orphans={"entries in Panorama": 1}),
    ],
    ids=["one commit too many", "something refused", "an orphan"],
)
def test_any_other_result_fails(result: Result) -> None:
    assert not result.passed
