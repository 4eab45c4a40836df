"""Terminating instances, as AWS describes them at the start of a visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from vmseries_autoscale.aws import autoscaling_group, instances
from vmseries_autoscale.aws.autoscaling_group import Activity, ActivityType
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.instance_in_transition import InstanceInTransition
from vmseries_autoscale.lifecycle.visit import Visit
from vmseries_autoscale.outcome import Outcome, Unfinished, run_if_time
from vmseries_autoscale.settings import LicensingMode, TerminateSettings
from vmseries_autoscale.terminate.authorization import authorize, needs_activity
from vmseries_autoscale.terminate.stages import Stage


@dataclass(slots=True)
class TerminatingInstance(InstanceInTransition):
    """One instance that waits at the terminate hook.

    Attributes:
        hook_open: Whether the lifecycle action is still open.
        deadline: Age at which the first stage is skipped, in seconds.
        removal: Outcome of the commit that removes the firewall from Panorama, if the record names
            its job and Panorama still knows it. Then the firewall is not identified again.
        removed_once: Whether that commit has succeeded, although Panorama lists the firewall.
    """

    hook_open: bool
    deadline: float
    removal: Outcome | None = None
    removed_once: bool = False

    @property
    def firewall_name(self) -> str:
        """The name of the firewall in messages to operators."""
        return f"{self.serial or 'without known serial number'} ({self.event.instance_id})"

    @property
    def running(self) -> bool:
        """Whether the firewall may still be running."""
        return self.instance is not None and self.instance.state == "running"

    @property
    def terminated(self) -> bool:
        """Whether EC2 may forget the instance and its tags before the next visit."""
        return instances.is_terminated(self.instance)

    @property
    def ambiguous(self) -> bool:
        """Whether this or an earlier visit found the firewall of the instance ambiguous."""
        return self.record.ambiguous is not None

    @property
    def known_serial(self) -> str | None:
        """The serial number of a firewall that is identified, or that its record names.

        Panorama may no longer show a firewall in our groups that an earlier visit has identified.
        """
        return self.serial or self.unlisted_serial

    def had_management_interface(self, settings: TerminateSettings) -> bool:
        """Return whether the instance has or had a management interface, as far as is known.

        A firewall without one never gets a license: it detects its interfaces only at boot. Of an
        instance that is gone, EC2 shows none, and a record without an address proves nothing.
        """
        if self.private_ip(settings.management_device_index) is not None:
            return True
        return self.record.management_ip is not None or not self.running

    def may_still_join(self, visit: Visit[TerminateSettings]) -> bool:
        """Return whether the firewall may still register, or take its license.

        A launch that was abandoned at its deadline has waited for that as long as it is worth
        waiting.
        """
        launched = self.record.launched
        if launched is None and self.instance is not None:
            launched = self.instance.launched
        bound = visit.settings.licensing.join_timeout_seconds
        return launched is not None and visit.age(launched) < bound

    def is_license_open(self, settings: TerminateSettings) -> bool:
        """Return whether the license is still to be returned through Panorama.

        Until then, the firewall has to stay in Panorama, which would not know it otherwise.
        """
        return settings.licensing.mode is not LicensingMode.NONE and not self.record.license.settled

    def deadline_passed(self, stage: Stage) -> bool:
        """Return whether ``stage`` is skipped because its deadline has passed."""
        return self.age >= stage.deadline_seconds(self.deadline)


def describe_all(
    events: Sequence[LifecycleEvent], visit: Visit[TerminateSettings]
) -> tuple[list[TerminatingInstance], dict[LifecycleEvent, Outcome]]:
    """Describe the instances of a batch and send their heartbeats.

    Returns:
        The instances that may be cleaned up; and the outcomes of the other instances, by the event
        that decides.
    """
    described, actions = instance_in_transition.describe_all(
        events, visit.autoscaling, lambda ids: instances.describe(visit.ec2, ids)
    )
    outcomes: dict[LifecycleEvent, Outcome] = {
        action.event: action.hook for action in actions if isinstance(action.hook, Unfinished)
    }
    hooks_open = {
        action.event: action.hook for action in actions if not isinstance(action.hook, Unfinished)
    }
    known = described() if hooks_open else {}
    activities = _describe_activities(hooks_open, known, visit)
    terminating = []
    for event, hook_open in hooks_open.items():
        instance, activity = known.get(event.instance_id), activities.get(event.instance_id)
        if isinstance(activity, Unfinished):
            outcomes[event] = activity
            continue
        authorized = authorize(
            event.instance_id, instance, activity, visit.settings.name, hook_open=hook_open
        )
        if isinstance(authorized, Unfinished):
            outcomes[event] = authorized
            continue
        age = visit.age(began(event, activity))
        deadline = visit.settings.deadline_seconds
        terminating.append(TerminatingInstance(event, age, instance, hook_open, deadline))
    if terminating:
        instance_in_transition.read_records(terminating, visit.records)
    return terminating, outcomes


def _describe_activities(
    hooks_open: Mapping[LifecycleEvent, bool],
    known: Mapping[str, Instance],
    visit: Visit[TerminateSettings],
) -> Mapping[str, Activity | Unfinished]:
    """Describe the scaling activities of the instances whose age or authorization needs them.

    Returns:
        The newest activity of each instance that the group's history contains, by instance id. If
        the history cannot be read, each instance has the outcome of that request instead, so that
        the other instances of the batch continue.
    """
    deployment = visit.settings.name
    needed = [
        event.instance_id
        for event, hook_open in hooks_open.items()
        if event.is_resent
        or needs_activity(known.get(event.instance_id), deployment, hook_open=hook_open)
    ]
    if not needed:
        return {}
    read = partial(
        autoscaling_group.activities,
        visit.autoscaling,
        visit.settings.auto_scaling_group_name,
        needed,
        visit.time_budget.has_time,
    )
    activities = run_if_time(read, visit.time_budget)
    if isinstance(activities, Unfinished):
        return dict.fromkeys(needed, activities)
    return activities


def began(event: LifecycleEvent, activity: Activity | None) -> datetime:
    """Return the time from which the deadlines of a termination count.

    This is the time at which SQS received the event: Auto Scaling sends an event when the hook
    opens. A resent event is younger than its hook, so the beginning of the scaling activity counts
    instead, if there is one. The time in the event is not used, because the sender of a message
    chooses it.

    Args:
        event: Event of the instance.
        activity: Newest scaling activity of the instance, needed for a resent event.
    """
    if not event.is_resent or activity is None or activity.type is not ActivityType.TERMINATING:
        return event.sent
    return min(activity.began, event.sent)
