"""Terminate step: remove the firewalls from Panorama."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
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
    """Remove all firewalls of the batch from Panorama, with one commit.

    If Panorama no longer lists a firewall that a tag names, only its removal's commit can be left.
    """
    removable = [
        instance
        for instance in in_panorama_stages(terminating)
        if not instance.ambiguous and not is_left_to_plugin(instance, visit.settings)
    ]
    serials = {
        instance.event: serial
        for instance in removable
        if (serial := instance.serial or instance.unlisted_serial) is not None
    }
    if visit.session is None or not serials:
        return {}
    unlisted = {instance.unlisted_serial for instance in removable if instance.serial is None}
    outcomes = run_step(partial(_remove, serials, unlisted, visit.session, visit))
    if isinstance(outcomes, Unfinished):
        return dict.fromkeys(serials, outcomes)
    return outcomes


def _remove(
    serials: Mapping[LifecycleEvent, str],
    unlisted: Set[str | None],
    session: PanoramaSession,
    visit: Visit[TerminateSettings],
) -> Outcomes:
    progress = removal.remove_firewalls(
        session.panorama,
        frozenset(serials.values()),
        visit.settings.name,
        visit.now,
        visit.time_budget.has_time,
        located=session.located(),
        commit_only=frozenset(serials.values()) & unlisted,
        more_coming=session.licenses_pending,
    )
    return {event: progress.outcomes[serial] for event, serial in serials.items()}
