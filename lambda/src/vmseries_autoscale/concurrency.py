"""Run independent calls in parallel. Visits use no other thread pool."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

from vmseries_autoscale.errors import PermanentError

T = TypeVar("T")

THREADS = 10
"""Size of a thread pool: the number of instances in a batch of launches."""


class Submit(Protocol):
    """A function that starts a call on a thread pool."""

    def __call__(self, call: Callable[[], T]) -> Future[T]:
        """Start ``call`` on a thread of the pool and return its future."""


@contextmanager
def thread_pool() -> Iterator[Submit]:
    """Open a thread pool. Its threads inherit the log context of the thread that starts a call.

    Leaving the context waits until all calls have ended.
    """
    with ThreadPoolExecutor(max_workers=THREADS) as pool:

        def submit(call: Callable[[], T]) -> Future[T]:
            return pool.submit(contextvars.copy_context().run, call)

        yield submit


def run_parallel(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run calls in parallel and return their results in order.

    All calls end before an error is raised, so that nothing is still changing when the caller
    handles the error.

    Raises:
        Exception: The first PermanentError, because it decides the outcome, or else the first
            error.
    """
    with thread_pool() as submit:
        futures = [submit(call) for call in calls]
    errors = [error for future in futures if (error := future.exception())]
    for error in sorted(errors, key=lambda error: not isinstance(error, PermanentError)):
        raise error
    return [future.result() for future in futures]
