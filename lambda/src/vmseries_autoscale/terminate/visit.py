"""One visit to terminating instances: drain, return licenses, clean up Panorama and the network.

The order protects flows and licenses: a firewall without a license passes no traffic, and it
returns its license through its management interface. A stage whose deadline has passed is skipped
and reported, so that the later stages still run and no instance waits forever.
"""

from __future__ import annotations

from collections.abc import Sequence

from vmseries_autoscale import telemetry
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.instance_in_transition import tag_last_visit
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, run_steps, unfinished
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate.drain import drain
from vmseries_autoscale.terminate.instance import TerminatingInstance, describe_all
from vmseries_autoscale.terminate.left_registered import report_left_registered
from vmseries_autoscale.terminate.license_return import return_license
from vmseries_autoscale.terminate.panorama_lookup import identify_in_panorama
from vmseries_autoscale.terminate.panorama_removal import remove_from_panorama
from vmseries_autoscale.terminate.release import release_network
from vmseries_autoscale.terminate.stages import Stage

STEPS = (
    drain,
    identify_in_panorama,
    return_license,
    remove_from_panorama,
    report_left_registered,
    release_network,
)


def visit_terminations(events: list[LifecycleEvent], visit: Visit[TerminateSettings]) -> Outcomes:
    """Take a batch of terminations as far as currently possible.

    Args:
        events: Lifecycle events, one for each message.
        visit: Context of the visit.

    Returns:
        The outcome of each instance, by one of its events.
    """
    terminating, outcomes = describe_all(events, visit)
    # First, so that neither a device's response nor a crash can keep it waiting.
    overdue = [instance for instance in terminating if _is_overdue(instance, visit.settings)]
    outcomes |= run_steps(overdue, STEPS, visit)
    in_time = [instance for instance in terminating if not _is_overdue(instance, visit.settings)]
    outcomes |= run_steps(in_time, STEPS, visit)
    waiting = [instance for instance in terminating if instance.event in unfinished(outcomes)]
    _report_waiting(waiting, visit)
    return outcomes


def _is_overdue(instance: TerminatingInstance, settings: TerminateSettings) -> bool:
    """Return whether no further step asks Panorama or the firewall about this instance."""
    last = Stage.RETURN_LICENSE if settings.panorama is None else Stage.REMOVE_FROM_PANORAMA
    return instance.deadline_passed(last)


def _report_waiting(
    waiting: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> None:
    """Tag the waiting instances, and measure how long the longest of them has waited.

    The first visit already tags, because the activity history shows only the start of the
    termination, which may be an hour before the event if connections were drained first.
    """
    if waiting:
        age = max(instance.age for instance in waiting)
        telemetry.measure(Metric.TERMINATION_HELD_SECONDS, age)
        tag_last_visit(waiting, visit.ec2, visit.now)
