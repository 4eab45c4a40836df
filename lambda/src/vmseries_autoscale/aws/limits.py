"""Split requests, so that none is larger than AWS accepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

MAXIMUM_FILTER_VALUES = 200
"""Maximum number of values of all filters of one request ("List and filter using the CLI and API",
Amazon EC2 User Guide)."""


def batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Return the items in lists of at most ``size``, in order. Without items, there is no list."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
