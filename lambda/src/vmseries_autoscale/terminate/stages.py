"""Instances on their way out, and what a termination goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import clients, instances, tags
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.lifecycle.batch import Again, Outcome, attempt
from vmseries_autoscale.lifecycle.events import LifecycleEvent

GRACE_SECONDS = 600
"""How much later than the stage before it a stage is given up: time for a commit and a detach.
Draining, which no license is worth waiting for, is given up with the license."""


class Stage(IntEnum):
    """What a termination goes through, in order."""

    DRAIN = 0
    LICENSE = 1
    UNMANAGE = 2
    RELEASE = 3


@dataclass(slots=True)
class Departure:
    """One instance on its way out.

    Attributes:
        hook_open: whether Auto Scaling still waits for this event's instance.
        instance: ``None`` if EC2 does not know it any more.
        age: seconds since the event.
        deadline: the age at which the first stage is given up.
        serial: of its firewall, once that is found out.
        tags: the instance's, with those that this visit has written.
    """

    event: LifecycleEvent
    hook_open: bool
    instance: Instance | None
    age: float
    deadline: float
    serial: str | None = None
    tags: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.tags = dict(self.instance.tags) if self.instance else {}

    @property
    def firewall(self) -> str:
        """What an operator knows its firewall by."""
        return f"{self.serial or 'without known serial number'} ({self.event.instance_id})"

    @property
    def running(self) -> bool:
        """Whether its firewall can still be up."""
        return self.instance is not None and self.instance.state == "running"

    @property
    def forgotten_soon(self) -> bool:
        """Whether its tags may be gone by the next visit."""
        return instances.is_gone(self.instance)

    @property
    def license_returned(self) -> bool:
        """Whether a visit has read back that the license is returned."""
        return self.tags.get(tags.LICENSE) == tags.LICENSE_RETURNED

    def given_up(self, stage: Stage) -> bool:
        """Whether ``stage`` is past its limit."""
        return self.age >= self.deadline + max(0, stage - Stage.LICENSE) * GRACE_SECONDS

    def private_ip(self, device_index: int) -> str | None:
        """Its address at ``device_index``."""
        return self.instance.private_ip(device_index) if self.instance else None

    def add_tags(self, new: dict[str, str]) -> None:
        """Write tags on the instance, if there still is one."""
        if self.instance is not None:
            instances.add_tags(clients.ec2(), self.event.instance_id, new)
        self.tags.update(new)


def each(
    departures: Iterable[Departure],
    step: Callable[[Departure], Outcome],
    in_time: Callable[[], bool],
) -> dict[LifecycleEvent, Outcome]:
    """The outcome of ``step`` for each, one after the other, for as long as there is time."""
    outcomes: dict[LifecycleEvent, Outcome] = {}
    for departure in departures:
        if not in_time():
            outcomes[departure.event] = Again("no time left in this run", soon=True)
            continue
        with telemetry.about(**departure.event.keys):
            outcomes[departure.event] = attempt(partial(step, departure))
    return outcomes
