"""Terminating instances, as AWS describes them at the start of a visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vmseries_autoscale.aws import instances, tags
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.instance_in_transition import InstanceInTransition
from vmseries_autoscale.lifecycle.visit import Visit
from vmseries_autoscale.outcome import Outcome, Unfinished
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.terminate.stages import Stage


@dataclass(slots=True)
class TerminatingInstance(InstanceInTransition):
    """One instance that waits at the terminate hook.

    Attributes:
        hook_open: Whether the lifecycle action is still open.
        deadline: Age at which the first stage is skipped, in seconds.
    """

    hook_open: bool
    deadline: float

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
        return self.tags.get(tags.SERIAL_EVIDENCE) == tags.EVIDENCE_AMBIGUOUS

    @property
    def license_returned(self) -> bool:
        """Whether a visit has confirmed that the license is returned."""
        return self.tags.get(tags.LICENSE) == tags.LICENSE_RETURNED

    def deadline_passed(self, stage: Stage) -> bool:
        """Return whether ``stage`` is skipped because its deadline has passed."""
        return self.age >= stage.deadline_seconds(self.deadline)


def describe_all(
    events: Sequence[LifecycleEvent], visit: Visit[TerminateSettings]
) -> tuple[list[TerminatingInstance], dict[LifecycleEvent, Outcome]]:
    """Describe the instances of a batch and send their heartbeats.

    Returns:
        The instances; and the outcomes of the events whose heartbeat failed.
    """
    described, hooks_open = instance_in_transition.describe_all(
        events, visit.autoscaling, lambda ids: instances.describe(visit.ec2, ids)
    )
    terminating = [
        TerminatingInstance(
            event,
            visit.age(event),
            described().get(event.instance_id),
            hook_open,
            visit.settings.deadline_seconds,
        )
        for event, hook_open in hooks_open.items()
        if not isinstance(hook_open, Unfinished)
    ]
    return terminating, {
        event: hook_open
        for event, hook_open in hooks_open.items()
        if isinstance(hook_open, Unfinished)
    }
