"""Write logs and metrics as lines of JSON.

Modules log through the standard library, and this module formats the records with Powertools.
Metrics are embedded in the log (EMF), so that they need no API call and no permission.

The log level of the settings applies to this package only. At the level DEBUG, libraries log
requests and responses: botocore logs the content of secrets, temporary credentials and lifecycle
action tokens. Whatever the settings, records of libraries need the level WARNING.
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
    """Names of the metrics. Their dimensions are ``service`` and ``deployment``.

    The string below each member describes it; ``tools/lambda_docs.py`` writes the table of metrics
    in docs/operations.md from it.
    """

    LAUNCH_COMPLETED = "LaunchCompleted"
    """A launch hook was completed with CONTINUE: the firewall is in service.

    Investigate if it stays at zero while the group scales out.
    """

    LAUNCH_ABANDONED = "LaunchAbandoned"
    """A launch was undone and abandoned; the log and a tag of the instance give the reason.

    Investigate if it repeats: Auto Scaling keeps launching replacements.
    """

    LAUNCHES_ABANDONED_IN_A_ROW = "LaunchesAbandonedInARow"
    """Launches that were abandoned since the last one succeeded, if there is more than one.

    Investigate always: each may have taken a license. There is an alarm, which lasts until a
    launch succeeds.
    """

    LAUNCH_REFUSED = "LaunchRefused"
    """Launches that EC2 refuses, since it last accepted one in the same zone.

    Investigate always: the reconcile report has EC2's message. There is an alarm.
    """

    LAUNCH_HOOK_CLOSED = "LaunchHookClosed"
    """A message arrived after its hook had ended, and was ignored.

    Investigate if it is frequent: visits take longer than the hook.
    """

    TERMINATION_COMPLETED = "TerminationCompleted"
    """A terminate hook was completed with CONTINUE after all work was done.

    Investigate if it stays at zero while the group scales in.
    """

    TERMINATION_DEADLINE_PASSED = "TerminationDeadlinePassed"
    """A firewall was terminated at its deadline before all work was done.

    Investigate always.
    """

    LICENSE_RETURNED = "LicenseReturned"
    """The evidence is complete that a license is returned."""

    LICENSE_NOT_RETURNED = "LicenseNotReturned"
    """A firewall terminated with its license, or nobody learned whether it had one.

    Investigate always: nothing in this deployment can return this license. The log has the
    firewall's serial number or its instance, address and launch time, and the remedy.
    """

    FIREWALL_IDENTITY_AMBIGUOUS = "FirewallIdentityAmbiguous"
    """The firewall of an instance is ambiguous: its license and Panorama entries are left alone.

    Investigate always: a host name or a serial tag is wrong, or was forged.
    """

    PANORAMA_UNAVAILABLE = "PanoramaUnavailable"
    """Panorama did not respond, or rejected the administrator's API key, password or role.

    Investigate if it lasts longer than Panorama's own maintenance.
    """

    STRATA_CLOUD_MANAGER_UNAVAILABLE = "StrataCloudManagerUnavailable"
    """Strata Cloud Manager did not respond, or rejected the service account.

    Investigate if it lasts longer than the vendor's own maintenance. There is an alarm.
    """

    LEFT_REGISTERED = "LeftRegistered"
    """Terminated firewalls that Strata Cloud Manager still lists.

    Investigate always: its API cannot remove them, so somebody has to. The log and the reconcile
    report have the serial numbers. There is an alarm, which lasts until they are removed.
    """

    VISIT_FAILED = "VisitFailed"
    """A visit ended in an error and will be retried.

    Investigate if it does not stop.
    """

    MESSAGE_DEAD_LETTERED = "MessageDeadLettered"
    """A message that is invalid or must not be carried out was moved to the dead-letter queue.

    Investigate always: the attribute `error` of the message gives the reason.
    """

    MESSAGE_REFUSED = "MessageRefused"
    """A function was invoked with a record that SQS does not recognize as a message of its queue.

    Investigate always: find out who invokes the function directly. There is an alarm.
    """

    LIFECYCLE_EVENT_RESENT = "LifecycleEventResent"
    """A lifecycle event was lost; the reconcile function sent it again.

    Investigate always: find out why events do not reach the functions.
    """

    LIFECYCLE_EVENT_RESEND_FAILED = "LifecycleEventResendFailed"
    """A lost lifecycle event could not be sent again; the next run retries.

    Investigate if it does not stop: the firewall waits at its hook. There is an alarm.
    """

    ORPHANS_FOUND = "OrphansFound"
    """Resources or Panorama entries of firewalls that no longer exist.

    Investigate if it repeats: something keeps visits from finishing.
    """

    ORPHANS_REMOVED = "OrphansRemoved"
    """Orphans that the reconcile function removed."""

    ORPHAN_REMOVAL_FAILED = "OrphanRemovalFailed"
    """An orphan could not be removed; the next run retries.

    Investigate if it does not stop.
    """

    RECONCILE_COMPLETED = "ReconcileCompleted"
    """A run of the reconcile function finished.

    Investigate if it is missing for three intervals; there is an alarm.
    """

    FIREWALLS_OUTDATED = "FirewallsOutdated"
    """Running firewalls that were launched with other settings or an older bootstrap configuration.

    Investigate if it stays above zero after an instance refresh.
    """

    TAGS_NOT_WRITTEN = "TagsNotWritten"
    """Changed tags could not be written to running firewalls; the next run retries.

    Investigate if it does not stop: the reconcile report has the message of AWS.
    """

    LICENSE_CREDITS_AVAILABLE = "LicenseCreditsAvailable"
    """Credits of `licensing.credit_pool` that no deployment profile has.

    Investigate with `FirewallsWithoutCredits`.
    """

    FIREWALLS_WITHOUT_CREDITS = "FirewallsWithoutCredits"
    """Firewalls of `capacity.max` for which the credit pool and the profile have no credits.

    Investigate above zero: the group cannot grow to its maximum. There is an alarm.
    """

    LICENSE_CREDITS_DAYS_LEFT = "LicenseCreditsDaysLeft"
    """Days until the credits of the pool expire; negative afterwards.

    Investigate below 30: renew the credits. There is an alarm.
    """

    LICENSE_CREDITS_UNKNOWN = "LicenseCreditsUnknown"
    """A run of the reconcile function could not read the credit pool.

    Investigate if it lasts: the reconcile report has the reason. There is an alarm.
    """

    VM_AUTH_KEY_DAYS_LEFT = "VmAuthKeyDaysLeft"
    """Days until the last VM auth key in Panorama expires; negative afterwards.

    Investigate below 3: without a valid key, no new firewall can join. There is an alarm.
    """

    VM_AUTH_KEYS_UNKNOWN = "VmAuthKeysUnknown"
    """A run of the reconcile function could not read when the VM auth keys expire.

    Investigate if it lasts: the reconcile report has the reason.
    """

    TERMINATION_HELD_SECONDS = "TerminationHeldSeconds"
    """The longest wait of a terminating firewall that is not finished yet.

    Investigate above a quarter of the deadline; there is an alarm.
    """

    INTERFACES_ATTACHED_SECONDS = "InterfacesAttachedSeconds"
    """Time from the launch of the instance until all interfaces are attached."""

    LAUNCH_SECONDS = "LaunchSeconds"
    """Time from the launch of the instance until the firewall is in service."""

    TERMINATION_SECONDS = "TerminationSeconds"
    """Time from the message of the terminate event until the hook is completed."""


@contextmanager
def invocation(deployment: str) -> Iterator[None]:
    """Set up logs and metrics for one invocation, and write the metrics at the end."""
    _silence_libraries()
    _logger()
    metrics = _metrics()
    metrics.set_default_dimensions(deployment=deployment)
    try:
        yield
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


@contextmanager
def log_context(**keys: str) -> Iterator[None]:
    """Add ``keys`` to the log records of this thread and of the threads that it starts."""
    logger = _logger()
    logger.thread_safe_append_keys(**keys)
    try:
        yield
    finally:
        logger.thread_safe_remove_keys(list(keys))


def count(metric: Metric, number: int = 1) -> None:
    """Add ``number`` to a metric."""
    _add(metric, MetricUnit.Count, number)


def gauge(metric: Metric, value: float) -> None:
    """Record the current value of something that can be counted."""
    _add(metric, MetricUnit.Count, value)


def measure(metric: Metric, seconds: float) -> None:
    """Record a duration in seconds."""
    _add(metric, MetricUnit.Seconds, seconds)


_metrics_lock = threading.Lock()


def _add(metric: Metric, unit: MetricUnit, value: float) -> None:
    # Instances are processed in parallel, and the metrics of Powertools are not thread-safe.
    with _metrics_lock:
        _metrics().add_metric(name=metric, unit=unit, value=value)


def _silence_libraries() -> None:
    """Keep the records of all libraries below WARNING out of the log.

    With JSON logging, Lambda's runtime sets the root logger, from which libraries inherit, to the
    function's application log level, and adds a handler to it: awslambdaric, ``_setup_logging``,
    https://github.com/aws/aws-lambda-python-runtime-interface-client. The records of this package
    do not reach that handler.
    """
    root = logging.getLogger()
    # Below this level, libraries do not even format their records.
    root.setLevel(logging.WARNING)
    # The handlers stop the records of a library that sets the level of its own logger.
    for handler in root.handlers:
        handler.setLevel(logging.WARNING)


@cache
def _logger() -> Logger:
    logger = Logger()
    package = logging.getLogger(__package__)
    package.setLevel(logger.log_level)
    package.addHandler(logger.registered_handler)
    # Otherwise, Lambda's handler on the root logger would write every record twice.
    package.propagate = False
    return logger


@cache
def _metrics() -> Metrics:
    return Metrics()
