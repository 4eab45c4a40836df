"""Terminate step: report the firewalls that stay listed in Strata Cloud Manager.

Its public API has no request that removes a firewall, so that an operator has to do it. Nothing
waits for that, and no error of this step holds an instance: the reconcile function reports a
firewall again until it is no longer listed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.firewall_identity import OtherInstance
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.strata_cloud_manager_session import (
    StrataCloudManagerSession,
    in_its_words,
    open_session,
)
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit
from vmseries_autoscale.outcome import Unfinished, reason_of, run_if_time
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate.instance import TerminatingInstance

logger = logging.getLogger(__name__)

LEFT_REGISTERED = (
    "Strata Cloud Manager still lists the firewall of this instance: remove it from its folder, "
    "and remove its associations under Device Associations, because pushes of the folder include "
    "it until then"
)
"""Log message for a firewall whose instance is gone or is about to terminate."""


def report_left_registered(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Report each firewall that Strata Cloud Manager lists, once."""
    settings = visit.settings.strata_cloud_manager
    due = [
        item for item in terminating if item.unread is None and item.record.left_registered is None
    ]
    if settings is None or not due:
        return {}
    session = run_if_time(partial(open_session, settings), visit.time_budget)
    if isinstance(session, Unfinished):
        _log_unreported(session)
        return {}
    others = instance_in_transition.describe_others(
        terminating, visit.ec2, visit.settings.name, visit.records
    )
    for instance in due:
        with telemetry.log_context(**instance.event.log_keys):
            report = partial(_report, instance, session, others, visit)
            reported = run_if_time(report, visit.time_budget)
            if isinstance(reported, Unfinished):
                _log_unreported(reported)
    return {}


def _log_unreported(outcome: Unfinished) -> None:
    logger.warning(
        "Left it to the reconcile function to look for the firewall in Strata Cloud Manager",
        extra={"step": "strata-cloud-manager", "reason": reason_of(outcome)},
    )


def _report(
    terminating: TerminatingInstance,
    session: StrataCloudManagerSession,
    others: Callable[[], Collection[OtherInstance]],
    visit: Visit[TerminateSettings],
) -> None:
    if terminating.record.serial is None:
        result = instance_in_transition.identify(
            terminating,
            visit.settings.management_device_index,
            session,
            visit.ec2,
            others,
            visit.now,
        )
        if terminating.record.serial is None:
            reason = getattr(result, "reason", "")
            logger.info(
                "Found no matching firewall in Strata Cloud Manager",
                extra={"reason": in_its_words(reason)},
            )
    listed = session.firewalls.get(terminating.record.serial or "")
    if listed is None:
        return
    terminating.save(left_registered=visit.now)
    telemetry.count(Metric.LEFT_REGISTERED)
    logger.warning(
        LEFT_REGISTERED,
        extra={
            "step": "strata-cloud-manager",
            "serial": listed.serial,
            "folder": listed.folder or "",
        },
    )
