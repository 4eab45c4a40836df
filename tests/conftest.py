"""What every test can rely on: no real account, no real Region, nothing kept between tests."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from container import cold_start, set_environment
from documented import REPOSITORY
from failure_modes.table import rows_of_tests
from hypothesis import settings

# A busy machine fails no test.
settings.register_profile("untimed", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=10_000)
settings.load_profile("untimed")

# What moto and the SDK have loaded is much, and stays: looking through it for garbage all the time
# costs a tenth of the run.
gc.set_threshold(50_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left alone with it in the end.

    And mark the tests of each known failure mode with its row: ``-m "failure_mode(row='T9')"``.
    """

    def seconds(item: pytest.Item) -> int:
        mark = item.get_closest_marker("apply")
        return int(mark.kwargs["seconds"]) if mark else 0

    items.sort(key=seconds, reverse=True)
    for item in items:
        for row in _rows(item):
            item.add_marker(pytest.mark.failure_mode(row=row))


def _rows(item: pytest.Item) -> list[str]:
    """The rows of docs/failure-modes.md that a test holds; one that classes inherit, too."""
    function = getattr(item, "function", None)
    if function is None:
        return []
    source = Path(function.__code__.co_filename)
    names = [item.nodeid.partition("[")[0]]
    if source.is_relative_to(REPOSITORY):
        test = function.__qualname__.replace(".", "::")
        names.append(f"{source.relative_to(REPOSITORY)}::{test}")
    return next((rows for name in names if (rows := rows_of_tests().get(name))), [])


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which no AWS call can reach anything real."""
    set_environment(monkeypatch)


@pytest.fixture(autouse=True)
def container() -> None:
    """A new container for each test."""
    cold_start()
