"""Launching instances, as AWS describes them at the start of a visit."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from vmseries_autoscale import concurrency, telemetry
from vmseries_autoscale.aws import instances
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.aws.network import describe
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.instance_in_transition import InstanceInTransition
from vmseries_autoscale.lifecycle.visit import Visit
from vmseries_autoscale.outcome import Done, Outcome, Unfinished
from vmseries_autoscale.settings import LaunchSettings
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)

HOOK_TIMEOUT = timedelta(hours=1)
"""The heartbeat timeout of the launch hook, a constant in the module's main.tf."""


@dataclass(slots=True)
class LaunchingInstance(InstanceInTransition):
    """One instance that waits at the launch hook.

    Attributes:
        network: Interfaces and addresses that are attached to or were created for the instance.
    """

    network: NetworkState


def describe_all(
    events: Sequence[LifecycleEvent], visit: Visit[LaunchSettings]
) -> tuple[list[LaunchingInstance], dict[LifecycleEvent, Outcome]]:
    """Describe the instances of a batch and send their heartbeats.

    Returns:
        A launching instance for each open lifecycle action; and the outcomes of the other
        instances, by the event that decides.
    """
    described, actions = instance_in_transition.describe_all(
        events, visit.autoscaling, partial(instances.describe, visit.ec2)
    )
    waiting: list[LifecycleEvent] = []
    outcomes: dict[LifecycleEvent, Outcome] = {}
    for action in actions:
        if isinstance(action.hook, Unfinished):
            outcomes[action.event] = action.hook
        elif action.hook:
            waiting.append(action.event)
        else:
            outcomes[action.event] = _hook_closed(action.event)
    known = described() if waiting else {}
    new = {event.instance_id for event in waiting if _is_new(event, known)}
    networks = describe_networks([event.instance_id for event in waiting], known, visit, new)
    launching = []
    for event in waiting:
        instance = known.get(event.instance_id)
        age = visit.age(began(event, instance, visit.settings.deadline_seconds))
        launching.append(LaunchingInstance(event, age, instance, networks[event.instance_id]))
    return launching, outcomes


def _is_new(event: LifecycleEvent, known: Mapping[str, Instance]) -> bool:
    """Return whether there is nothing to find by tag, because this is the first visit.

    If a visit of another message about the instance has created an interface, the client token of
    the next attempt finds it.
    """
    instance = known.get(event.instance_id)
    return event.first and instance is not None and len(instance.interfaces) == 1


def began(event: LifecycleEvent, instance: Instance | None, deadline: float) -> datetime:
    """Return the time from which the deadline of a launch counts.

    This is the time at which EC2 launched the instance, because the firewall has been booting since
    then, however late its event arrives. If EC2 does not know the instance yet, the time of the
    message counts. The time in the event is not used, because the sender of a message chooses it.

    An instance that returns from standby, or is attached to the group, was launched long before its
    hook opened. Then the time of the message counts. An event that is later than ``HOOK_TIMEOUT``
    finds its hook closed, and visits keep a hook open at most until the deadline. An earlier launch
    can therefore not be the reason for the hook.

    Args:
        event: Event whose hook is open.
        instance: EC2 instance; ``None`` if EC2 does not know it.
        deadline: Age in seconds at which a launch is abandoned.
    """
    launched = None if instance is None else instance.launched
    if launched is None:
        return event.sent
    longest = HOOK_TIMEOUT + timedelta(seconds=deadline if event.is_resent else 0)
    return event.sent if event.sent - launched > longest else min(event.sent, launched)


def _hook_closed(event: LifecycleEvent) -> Outcome:
    # The instance is in service or terminating, and no longer needs this visit.
    with telemetry.log_context(**event.log_keys):
        telemetry.count(Metric.LAUNCH_HOOK_CLOSED)
        logger.warning("Ignored an event whose launch hook is already closed")
    return Done()


def describe_networks(
    instance_ids: Sequence[str],
    known: Mapping[str, Instance],
    visit: Visit[LaunchSettings],
    new: Collection[str] = (),
) -> dict[str, NetworkState]:
    """Return the network of instances, by instance id.

    Args:
        instance_ids: All instances.
        known: Instances that EC2 knows, by instance id.
        visit: Context of the visit.
        new: Instances without interfaces to find by tag.
    """
    deployment = visit.settings.name
    # After a change of the settings, the reconcile function finds addresses that no launch wants.
    public = any(interface.public_ip for interface in visit.settings.interfaces.values())
    tagged = [instance_id for instance_id in instance_ids if instance_id not in new]
    read_interfaces = partial(describe.describe_interfaces, visit.ec2, deployment, tagged)
    read_addresses = partial(describe.describe_addresses, visit.ec2, deployment, instance_ids)
    with concurrency.thread_pool() as submit:
        interfaces = submit(read_interfaces) if tagged else None
        addresses = submit(read_addresses) if public and instance_ids else None
    own = {} if interfaces is None else interfaces.result()
    allocated = {} if addresses is None else addresses.result()
    # Both lists include our attached interfaces. The second list has their names and takes
    # precedence.
    return {
        key: NetworkState.of(
            [*(known[key].interfaces if key in known else ()), *own.get(key, [])],
            allocated.get(key, []),
        )
        for key in instance_ids
    }
