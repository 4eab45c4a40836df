"""A lab for the tests of its own behavior."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from account import Account
from hypothesis import settings
from refusals import (
    pytest_runtest_teardown,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

from vmseries_lab.client import Lab

# What the tests expect is written for this Region; test_region has the others.
os.environ["AWS_REGION"] = "us-east-1"
__all__ = [
    "pytest_runtest_teardown",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]

# Tests must not depend on the speed of the machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """Exclude imported modules from garbage collection."""
    gc.freeze()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One lab for all tests of a process; each test uses its own names."""
    with Lab() as lab:
        yield lab
        assert lab.errors() == []


@pytest.fixture
def account(lab: Lab) -> Account:
    """Creates resources in the lab's account."""
    lab.faults.clear()
    return Account(lab)
