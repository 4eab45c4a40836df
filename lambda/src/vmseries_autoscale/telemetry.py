"""Logs and metrics, both written as lines of JSON.

Modules log through the standard library. This module formats the records with Powertools. Metrics
are embedded in the log (EMF), so that they need no API call and no permission.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit


class Metric(StrEnum):
    """Names of the metrics. Their dimensions are ``service`` and ``deployment``."""

    LAUNCH_COMPLETED = "LaunchCompleted"
    LAUNCH_ABANDONED = "LaunchAbandoned"
    LAUNCH_HOOK_CLOSED = "LaunchHookClosed"
    TERMINATION_COMPLETED = "TerminationCompleted"
    TERMINATION_DEADLINE_PASSED = "TerminationDeadlinePassed"
    LICENSE_RETURNED = "LicenseReturned"
    LICENSE_NOT_RETURNED = "LicenseNotReturned"
    PANORAMA_UNAVAILABLE = "PanoramaUnavailable"
    VISIT_FAILED = "VisitFailed"
    MESSAGE_DEAD_LETTERED = "MessageDeadLettered"
    LIFECYCLE_EVENT_RESENT = "LifecycleEventResent"
    ORPHANS_FOUND = "OrphansFound"
    ORPHANS_REMOVED = "OrphansRemoved"
    ORPHAN_REMOVAL_FAILED = "OrphanRemovalFailed"
    RECONCILE_COMPLETED = "ReconcileCompleted"
    TERMINATION_HELD_SECONDS = "TerminationHeldSeconds"
    INTERFACES_ATTACHED_SECONDS = "InterfacesAttachedSeconds"
    LAUNCH_SECONDS = "LaunchSeconds"
    TERMINATION_SECONDS = "TerminationSeconds"


@contextmanager
def invocation(deployment: str) -> Iterator[None]:
    """Log and count for ``deployment``. The metrics are written at the end."""
    _logger()
    metrics = _metrics()
    metrics.set_default_dimensions(deployment=deployment)
    try:
        yield
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


@contextmanager
def about(**keys: str) -> Iterator[None]:
    """Add ``keys`` to the log records of this thread, and of the threads that it starts."""
    logger = _logger()
    logger.thread_safe_append_keys(**keys)
    try:
        yield
    finally:
        logger.thread_safe_remove_keys(list(keys))


def count(metric: Metric, number: int = 1) -> None:
    """Add ``number`` to a metric."""
    _add(metric, MetricUnit.Count, number)


def measure(metric: Metric, seconds: float) -> None:
    """Record a duration."""
    _add(metric, MetricUnit.Seconds, seconds)


_metrics_lock = threading.Lock()


def _add(metric: Metric, unit: MetricUnit, value: float) -> None:
    # Instances are processed in parallel, but Powertools' metrics are not thread-safe.
    with _metrics_lock:
        _metrics().add_metric(name=metric, unit=unit, value=value)


@cache
def _logger() -> Logger:
    logger = Logger()
    package = logging.getLogger(__package__)
    package.setLevel(logger.log_level)
    package.addHandler(logger.registered_handler)
    # Otherwise Lambda's handler on the root logger would write every record again.
    package.propagate = False
    return logger


@cache
def _metrics() -> Metrics:
    return Metrics()
