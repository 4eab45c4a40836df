"""A lab for the tests of its own behaviour."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from account import Account
from hypothesis import settings

from vmseries_lab.client import Lab

# A busy machine fails no test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was imported, which is there to stay."""
    gc.freeze()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One lab for all tests of a process; each test uses names of its own."""
    with Lab() as lab:
        yield lab
        assert lab.errors() == []


@pytest.fixture
def account(lab: Lab) -> Account:
    """Makes things in the lab's account."""
    lab.faults.clear()
    return Account(lab)
