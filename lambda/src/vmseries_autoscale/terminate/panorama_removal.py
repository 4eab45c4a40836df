"""Terminate step: remove the firewalls from Panorama."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit
from vmseries_autoscale.outcome import Unfinished, run_step
from vmseries_autoscale.panorama import removal
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.license_return import is_left_to_plugin
from vmseries_autoscale.terminate.panorama_lookup import in_panorama_stages


def remove_from_panorama(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Remove all firewalls of the batch from Panorama, with one commit."""
    serials = {
        instance.event: instance.serial
        for instance in in_panorama_stages(terminating)
        if instance.serial is not None and not is_left_to_plugin(instance, visit.settings)
    }
    if visit.session is None or not serials:
        return {}
    outcomes = run_step(partial(_remove, serials, visit.session, visit))
    if isinstance(outcomes, Unfinished):
        return dict.fromkeys(serials, outcomes)
    return outcomes


def _remove(
    serials: Mapping[LifecycleEvent, str],
    session: PanoramaSession,
    visit: Visit[TerminateSettings],
) -> Outcomes:
    outcomes = removal.remove_firewalls(
        session.panorama,
        frozenset(serials.values()),
        visit.settings.name,
        visit.now,
        visit.time_budget.has_time,
        more_coming=session.licenses_pending,
    )
    return {event: outcomes[serial] for event, serial in serials.items()}
