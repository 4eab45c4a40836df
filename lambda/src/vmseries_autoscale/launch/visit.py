"""One visit to launching instances: attach their network, wait until ready, enter service.

A visit handles a batch, so that its firewalls share one connection to Panorama, which allows few
requests at a time. Otherwise the instances of a batch are independent of each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from vmseries_autoscale.aws import instances
from vmseries_autoscale.launch.abandon import abandon_failed, abandon_overdue
from vmseries_autoscale.launch.in_service import enter_service
from vmseries_autoscale.launch.instance import LaunchingInstance, describe_all
from vmseries_autoscale.launch.network import attach_network
from vmseries_autoscale.launch.readiness_gate import pass_readiness_gate
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.instance_in_transition import tag_last_visit
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, run_steps, unfinished
from vmseries_autoscale.outcome import Unfinished, reason_of
from vmseries_autoscale.settings import LaunchSettings

STEPS = (attach_network, pass_readiness_gate, enter_service)


def visit_launches(events: list[LifecycleEvent], visit: Visit[LaunchSettings]) -> Outcomes:
    """Take a batch of launches as far as currently possible.

    Args:
        events: Lifecycle events, one for each message.
        visit: Context of the visit.

    Returns:
        The outcome of each instance, by one of its events.
    """
    launching, outcomes = describe_all(events, visit)
    # First, so that neither a device's response nor a crash can keep an overdue launch waiting.
    outcomes |= abandon_overdue(launching, visit)
    in_time = [instance for instance in launching if instance.event not in outcomes]
    outcomes |= run_steps(in_time, STEPS, visit)
    outcomes |= abandon_failed(in_time, outcomes, visit)
    _tag_waiting(launching, unfinished(outcomes), visit)
    return outcomes


def _tag_waiting(
    launching: Sequence[LaunchingInstance],
    outcomes: Mapping[LifecycleEvent, Unfinished],
    visit: Visit[LaunchSettings],
) -> None:
    """Tag the waiting instances with the time of this visit, and with what they wait for."""
    waiting = [instance for instance in launching if instance.event in outcomes]
    # The activity history shows the start of a launch, so the first interval needs no tag.
    since = {
        instance.event.instance_id: visit.now - timedelta(seconds=instance.age)
        for instance in waiting
    }
    reasons = {
        instance.event.instance_id: reason_of(outcomes[instance.event]) for instance in waiting
    }
    # The visit after the deadline only abandons the launch, and takes the reason from this tag.
    near = visit.settings.deadline_seconds - instances.LAST_VISIT_INTERVAL.total_seconds()
    ending = {instance.event.instance_id for instance in waiting if instance.age >= near}
    tag_last_visit(waiting, visit.ec2, visit.now, since, reasons, ending)
