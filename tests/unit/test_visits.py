"""The visit protocol's small parts; the whole of it is tested with the handlers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.errors import (
    Ec2RefusedError,
    NotYetError,
    PanoramaBusyError,
    PanoramaUnavailableError,
)
from vmseries_autoscale.visits import Again, Done, Failed, attempt, pause_seconds


@given(st.integers(1, 1000), st.integers(1, 600), st.integers(1, 3600))
def test_pauses_grow_up_to_a_maximum(received: int, first: int, maximum: int) -> None:
    pause = pause_seconds(received, first, maximum)
    assert min(first, maximum) <= pause <= maximum
    assert pause <= pause_seconds(received + 1, first, maximum)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotYetError("a"), Again("a", soon=True)),
        (PanoramaBusyError("b"), Again("b")),
    ],
)
def test_what_passes_is_waited_for(error: Exception, expected: Again) -> None:
    def step() -> Done:
        raise error

    assert attempt(step) == expected


@pytest.mark.parametrize(
    "error", [PanoramaUnavailableError("c"), Ec2RefusedError("d"), KeyError("e")]
)
def test_everything_else_has_failed(error: Exception) -> None:
    def step() -> Done:
        raise error

    assert attempt(step) == Failed(error)
