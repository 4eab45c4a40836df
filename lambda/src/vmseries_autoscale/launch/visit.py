"""One visit to launching instances: attach their network, wait until ready, enter service.

A visit handles a batch, so that its firewalls share one connection to Panorama, which allows few
requests at a time. Otherwise the instances of a batch are independent of each other.
"""

from __future__ import annotations

from datetime import timedelta

from vmseries_autoscale.launch.abandon import abandon_failed
from vmseries_autoscale.launch.in_service import enter_service
from vmseries_autoscale.launch.instance import describe_all
from vmseries_autoscale.launch.network import attach_network
from vmseries_autoscale.launch.readiness_gate import pass_readiness_gate
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.instance_in_transition import tag_last_visit
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, run_steps, unfinished
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
    outcomes |= run_steps(launching, STEPS, visit)
    outcomes |= abandon_failed(launching, outcomes, visit)
    waiting = [instance for instance in launching if instance.event in unfinished(outcomes)]
    # The activity history shows the start of a launch, so the first interval needs no tag.
    since = {
        instance.event.instance_id: visit.now - timedelta(seconds=instance.age)
        for instance in waiting
    }
    tag_last_visit(waiting, visit.ec2, visit.now, since)
    return outcomes
