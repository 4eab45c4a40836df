"""Launching instances, as AWS describes them at the start of a visit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class LaunchingInstance(InstanceInTransition):
    """One instance that waits at the launch hook.

    Attributes:
        network: Interfaces and addresses that are attached to or were created for the instance.
        duplicate_events: Other events of the same lifecycle action, which share its outcome.
    """

    network: NetworkState
    duplicate_events: list[LifecycleEvent] = field(default_factory=list)


def describe_all(
    events: Sequence[LifecycleEvent], visit: Visit[LaunchSettings]
) -> tuple[list[LaunchingInstance], dict[LifecycleEvent, Outcome]]:
    """Describe the instances of a batch and send their heartbeats.

    Returns:
        A launching instance for each open lifecycle action; and the outcomes of the other events.
    """
    described, hooks_open = instance_in_transition.describe_all(
        events, visit.autoscaling, partial(describe_network, visit=visit)
    )
    known, networks = described()
    launching: dict[str, LaunchingInstance] = {}
    outcomes: dict[LifecycleEvent, Outcome] = {}
    for event, hook_open in hooks_open.items():
        instance_id = event.instance_id
        if isinstance(hook_open, Unfinished):
            outcomes[event] = hook_open
        elif not hook_open:
            outcomes[event] = _hook_closed(event)
        elif instance_id in launching:
            launching[instance_id].duplicate_events.append(event)
        else:
            launching[instance_id] = LaunchingInstance(
                event, visit.age(event), known.get(instance_id), networks[instance_id]
            )
    return list(launching.values()), outcomes


def _hook_closed(event: LifecycleEvent) -> Outcome:
    # The instance is in service or terminating, and no longer needs this visit.
    with telemetry.log_context(**event.log_keys):
        telemetry.count(Metric.LAUNCH_HOOK_CLOSED)
        logger.warning("Ignored an event whose launch hook is already closed")
    return Done()


def describe_network(
    instance_ids: Sequence[str], visit: Visit[LaunchSettings]
) -> tuple[dict[str, Instance], dict[str, NetworkState]]:
    """Describe instances and their network.

    Returns:
        The instances that EC2 knows; and the network of all instances, by instance id.
    """
    deployment = visit.settings.name
    with concurrency.thread_pool() as submit:
        described = submit(partial(instances.describe, visit.ec2, instance_ids))
        interfaces = submit(
            partial(describe.describe_interfaces, visit.ec2, deployment, instance_ids)
        )
        addresses = submit(
            partial(describe.describe_addresses, visit.ec2, deployment, instance_ids)
        )
    known = described.result()
    # Both lists include our attached interfaces. The second list has their names and takes
    # precedence.
    networks = {
        instance_id: NetworkState.of(
            [
                *(known[instance_id].interfaces if instance_id in known else ()),
                *interfaces.result().get(instance_id, []),
            ],
            addresses.result().get(instance_id, []),
        )
        for instance_id in instance_ids
    }
    return known, networks
