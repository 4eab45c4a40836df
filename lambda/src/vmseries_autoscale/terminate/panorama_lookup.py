"""Terminate step: find the firewalls in Panorama."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from vmseries_autoscale.firewall_identity import Unidentified
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession, open_session
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Done, Outcome, Unfinished, run_step
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.stages import Stage

logger = logging.getLogger(__name__)


def identify_in_panorama(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Open the session with Panorama that the next steps share, and identify the firewalls."""
    due = in_panorama_stages(terminating)
    if visit.settings.panorama is None or not due:
        return {}
    session = run_step(partial(open_session, visit.settings.panorama))
    if isinstance(session, Unfinished):
        return {instance.event: session for instance in due}
    visit.session = session
    # Without a time limit, because only a firewall known by its address alone needs a call.
    return for_each(due, partial(_identify, session=session, visit=visit), time_budget=None)


def in_panorama_stages(terminating: Sequence[TerminatingInstance]) -> list[TerminatingInstance]:
    """Return the instances whose deadline for steps in Panorama has not passed."""
    stage = Stage.REMOVE_FROM_PANORAMA
    return [instance for instance in terminating if not instance.deadline_passed(stage)]


def _identify(
    terminating: TerminatingInstance, session: PanoramaSession, visit: Visit[TerminateSettings]
) -> Outcome:
    identity = instance_in_transition.identify(
        terminating,
        visit.settings.management_device_index,
        session.devices.values(),
        visit.ec2,
        visit.settings.name,
    )
    if isinstance(identity, Unidentified):
        # Not an error: the firewall may never have registered, and a device is removed only if it
        # is certainly ours.
        logger.warning("Found no matching device in Panorama", extra={"reason": identity.reason})
    return Done()
