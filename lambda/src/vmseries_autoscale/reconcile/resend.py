"""Resend the lifecycle events of stalled hooks."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import clients
from vmseries_autoscale.lifecycle import events
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.outcome import Done, Failed, Outcome, run_step
from vmseries_autoscale.reconcile.decisions import StalledHook
from vmseries_autoscale.reconcile.report import log_failure
from vmseries_autoscale.settings import ReconcileSettings
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)


def resend_events(
    stalled: Iterable[StalledHook], settings: ReconcileSettings
) -> dict[str, Outcome]:
    """Resend lost events, so that visits start as they would have after the original event.

    Returns:
        The outcomes by instance id: *Done* for an event that was sent.
    """
    outcomes = {hook.instance_id: run_step(partial(_resend, hook, settings)) for hook in stalled}
    for instance_id, outcome in outcomes.items():
        if isinstance(outcome, Failed):
            log_failure(instance_id, outcome.error, Metric.LIFECYCLE_EVENT_RESEND_FAILED)
    return outcomes


def _resend(hook: StalledHook, settings: ReconcileSettings) -> Outcome:
    launching = hook.transition is Transition.LAUNCHING
    queue = settings.launch if launching else settings.terminate
    body = events.to_message(
        hook.transition,
        settings.auto_scaling_group_name,
        queue.lifecycle_hook_name,
        hook.instance_id,
    )
    # Without retries, because a request without a response may have succeeded, and a second message
    # would start a second chain of visits. A later run sees whether visits followed.
    clients.sqs_once().send_message(QueueUrl=queue.queue_url, MessageBody=body)
    telemetry.count(Metric.LIFECYCLE_EVENT_RESENT)
    logger.warning(
        "Resent a lost lifecycle event",
        extra={
            "instance_id": hook.instance_id,
            "hook": queue.lifecycle_hook_name,
            "reason": hook.reason,
        },
    )
    return Done()
