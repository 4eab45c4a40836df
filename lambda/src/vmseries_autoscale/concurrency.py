"""Calls that do not depend on each other, made at the same time."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vmseries_autoscale.errors import PermanentError

T = TypeVar("T")

THREADS = 10
"""As many as there are instances in a batch of launches."""


def run(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The calls' results, in order; what they log is about the same as what is logged here.

    Every call is seen to its end before an error is raised, so that nothing is still changing the
    world when a visit decides what to do about the error.

    Raises:
        Exception: the first error; a PermanentError goes before all others, since it decides.
    """
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        futures = [pool.submit(contextvars.copy_context().run, call) for call in calls]
    errors = [error for future in futures if (error := future.exception())]
    for error in sorted(errors, key=lambda error: not isinstance(error, PermanentError)):
        raise error
    return [future.result() for future in futures]
