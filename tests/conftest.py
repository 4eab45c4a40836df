"""Fixtures of all tests: no real account, no real Region, no state shared between tests."""

from __future__ import annotations

import gc

import pytest
from container import cold_start, set_environment
from hypothesis import settings
from refusals import (
    pytest_runtest_teardown,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

__all__ = [
    "pytest_runtest_teardown",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]

# No test may fail because the machine is busy.
settings.register_profile("untimed", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=10_000)
settings.load_profile("untimed")

# The SDK and moto load many objects that stay: collecting garbage among them as often as by default
# costs a tenth of the run.
gc.set_threshold(50_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the slowest tests first, so that no worker is left alone with one at the end."""

    def seconds(item: pytest.Item) -> int:
        mark = item.get_closest_marker("apply")
        return int(mark.kwargs["seconds"]) if mark else 0

    items.sort(key=seconds, reverse=True)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which no AWS call can reach anything real."""
    set_environment(monkeypatch)


@pytest.fixture(autouse=True)
def container() -> None:
    """A new container for each test."""
    cold_start()
