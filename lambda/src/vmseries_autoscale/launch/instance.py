"""Launching instances, as AWS describes them at the start of a visit."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from vmseries_autoscale import concurrency, telemetry
from vmseries_autoscale.aws import instances
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.aws.network import describe
from vmseries_autoscale.aws.network.state import Address, Interface, NetworkState
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
    # Of an instance whose message is new, there are usually no interfaces to find by tag.
    visited = {event.instance_id for event in events if not event.first}
    described, actions = instance_in_transition.describe_all(
        events, visit.autoscaling, partial(_describe, visited=visited, visit=visit)
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
    if not waiting:
        return [], outcomes
    known, own = described()
    remaining = [
        event.instance_id
        for event in waiting
        if event.instance_id not in visited and not _has_only_primary(event.instance_id, known)
    ]
    if remaining:
        own.interfaces |= describe_own(remaining, (), visit).interfaces
    launching = []
    for event in waiting:
        instance = known.get(event.instance_id)
        age = visit.age(began(event, instance, visit.settings.deadline_seconds))
        attached = () if instance is None else instance.interfaces
        network = own.network(event.instance_id, attached)
        launching.append(LaunchingInstance(event, age, instance, network))
    return launching, outcomes


def _has_only_primary(instance_id: str, known: Mapping[str, Instance]) -> bool:
    """Return whether no interface of ours is attached.

    If a visit of another message about the instance has created one, the client token of the next
    attempt finds it.
    """
    instance = known.get(instance_id)
    return instance is not None and len(instance.interfaces) == 1


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


@dataclass(slots=True)
class OwnResources:
    """Our interfaces and addresses that EC2 shows with our tags, by instance id."""

    interfaces: dict[str, list[Interface]]
    addresses: dict[str, list[Address]]

    def network(self, instance_id: str, attached: Iterable[Interface]) -> NetworkState:
        """Return the network of an instance.

        Args:
            instance_id: Id of the instance.
            attached: Interfaces that are known to be attached. EC2 describes those of an instance
                without their names, so the description with tags takes precedence.
        """
        return NetworkState.of(
            [*attached, *self.interfaces.get(instance_id, ())],
            self.addresses.get(instance_id, ()),
        )


def describe_own(
    interfaces_of: Sequence[str], addresses_of: Sequence[str], visit: Visit[LaunchSettings]
) -> OwnResources:
    """Describe our interfaces and addresses of instances, by tag.

    Args:
        interfaces_of: Instances whose interfaces to describe.
        addresses_of: Instances whose addresses to describe.
        visit: Context of the visit.
    """
    deployment = visit.settings.name
    # After a change of the settings, the reconcile function finds addresses that no launch wants.
    public = any(interface.public_ip for interface in visit.settings.interfaces.values())
    with concurrency.thread_pool() as submit:
        interfaces = submit(
            partial(describe.describe_interfaces, visit.ec2, deployment, interfaces_of)
            if interfaces_of
            else dict[str, list[Interface]]
        )
        addresses = submit(
            partial(describe.describe_addresses, visit.ec2, deployment, addresses_of)
            if addresses_of and public
            else dict[str, list[Address]]
        )
    return OwnResources(interfaces.result(), addresses.result())


def _describe(
    instance_ids: Sequence[str], visited: Collection[str], visit: Visit[LaunchSettings]
) -> tuple[dict[str, Instance], OwnResources]:
    """Describe instances, their addresses, and the interfaces of those that were visited."""
    tagged = [instance_id for instance_id in instance_ids if instance_id in visited]
    with concurrency.thread_pool() as submit:
        described = submit(partial(instances.describe, visit.ec2, instance_ids))
        own = submit(partial(describe_own, tagged, instance_ids, visit))
    return described.result(), own.result()


def describe_network(instance_id: str, visit: Visit[LaunchSettings]) -> NetworkState:
    """Describe the network of one instance."""
    known, own = _describe([instance_id], [instance_id], visit)
    attached = known[instance_id].interfaces if instance_id in known else ()
    return own.network(instance_id, attached)
