"""The fleet in memory with which the rows of docs/proofs/failure-modes.md are tested."""

from __future__ import annotations

import pytest
from component.fakes.driver import Fleet, simulated

__all__ = ["simulated"]


@pytest.fixture
def fleet(simulated: None) -> Fleet:
    """An account without firewalls, and the functions."""
    return Fleet()
