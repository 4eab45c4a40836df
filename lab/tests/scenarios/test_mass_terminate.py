"""What fails ``make prove-commits``."""

from __future__ import annotations

import pytest

from vmseries_scenarios.mass_terminate import MOST_COMMITS, Result

COMMIT = ("edge: remove 25 firewalls", "OK")


def test_few_commits_and_nothing_left_pass() -> None:
    assert Result(commits=[COMMIT] * MOST_COMMITS).passed


@pytest.mark.parametrize(
    "result",
    [
        Result(commits=[COMMIT] * (MOST_COMMITS + 1)),
        Result(commits=[COMMIT], refused=["busy: the commit queue is full"]),
        Result(commits=[COMMIT], left={"entries in Panorama": 1}),
    ],
    ids=["one commit too many", "something refused", "something left"],
)
def test_anything_else_fails(result: Result) -> None:
    assert not result.passed
