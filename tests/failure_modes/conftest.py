"""What the rows of docs/failure-modes.md are shown on: a fleet in memory."""

from __future__ import annotations

import pytest
from component.fakes.driver import Fleet, simulated

__all__ = ["simulated"]


@pytest.fixture
def fleet(simulated: None) -> Fleet:
    """An account without firewalls, and the functions."""
    return Fleet()
