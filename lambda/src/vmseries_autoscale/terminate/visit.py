"""Terminations: drained, license back, out of Panorama, interfaces and addresses released.

The order is what protects flows and license: a firewall without license passes no traffic, and the
license is given back through the management interface. A stage
that cannot be finished is given up at its limit, so that the stages after it still get their turn
and no instance is held for ever; what was given up is reported by name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from vmseries_autoscale import concurrency, identity, panorama, telemetry
from vmseries_autoscale.aws import clients, instances, tags, target_groups
from vmseries_autoscale.aws.network import apply, describe, plan
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.identity import Evidence, Unknown
from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.batch import Again, Done, Failed, Outcome, Outcomes, attempt
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.panorama import Device, Panorama, removal
from vmseries_autoscale.settings import (
    PanoramaSettings,
    TerminateSettings,
)
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate import license_return
from vmseries_autoscale.terminate.stages import Departure, Stage, each

logger = logging.getLogger(__name__)

GATHER_SECONDS = 600
"""Up to which age firewalls that had no turn in a visit keep its commit waiting. A license takes
Panorama and firewall seconds, and there may be a hundred."""


def visit(
    events: list[LifecycleEvent],
    settings: TerminateSettings,
    now: datetime,
    in_time: Callable[[], bool],
) -> Outcomes:
    """Bring a batch of terminations as far as it goes now.

    Args:
        events: one for each instance.
        settings: the function's settings.
        now: aware.
        in_time: whether there is time to begin with another instance.
    """
    departures, outcomes = _look(events, settings, now)
    in_panorama = partial(_leave_panorama, now=now)
    for leave in (_leave_target_groups, license_return.directly, in_panorama, _leave_ec2):
        free = [departure for departure in departures if departure.event not in outcomes]
        outcomes |= leave(free, settings, in_time)
    _note_visit([d for d in departures if not isinstance(outcomes[d.event], Done)], now)
    return outcomes


def _look(
    events: list[LifecycleEvent], settings: TerminateSettings, now: datetime
) -> tuple[list[Departure], dict[LifecycleEvent, Outcome]]:
    """Keep the hooks open and look at the instances, all at once.

    Returns:
        Those whose hook could be looked at, and the errors of the others.
    """
    ec2, autoscaling = clients.ec2(), clients.autoscaling()
    with ThreadPoolExecutor(concurrency.THREADS) as pool:
        known = pool.submit(instances.look, ec2, [event.instance_id for event in events])
        heartbeats = [pool.submit(hooks.keep_open, autoscaling, event) for event in events]
    departures: list[Departure] = []
    failed: dict[LifecycleEvent, Outcome] = {}
    for event, heartbeat in zip(events, heartbeats, strict=True):
        hook_open = attempt(heartbeat.result)
        if isinstance(hook_open, Again | Failed):
            failed[event] = hook_open
            continue
        departures.append(
            Departure(
                event=event,
                hook_open=hook_open,
                instance=known.result().get(event.instance_id),
                age=(now - event.time).total_seconds(),
                deadline=settings.deadline_seconds,
            )
        )
    return departures, failed


def _note_visit(waiting: list[Departure], now: datetime) -> None:
    """Leave word of the visit, and tell how long the longest of these waits has been.

    At once: for Auto Scaling the termination began with the draining, up to an hour ago.
    """
    if not waiting:
        return
    telemetry.measure(Metric.TERMINATION_HELD_SECONDS, max(departure.age for departure in waiting))
    known = [departure.instance for departure in waiting if departure.instance is not None]
    instances.note_visit(clients.ec2(), known, now)


def _leave_target_groups(
    departures: list[Departure], settings: TerminateSettings, in_time: Callable[[], bool]
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those that a load balancer still sends traffic to."""
    if not settings.target_groups:
        return {}
    registered = [departure for departure in departures if not departure.given_up(Stage.DRAIN)]
    outcomes = each(registered, partial(_drain, settings=settings), in_time)
    return {event: outcome for event, outcome in outcomes.items() if not isinstance(outcome, Done)}


def _drain(departure: Departure, settings: TerminateSettings) -> Outcome:
    targets = [
        target
        for device_index, groups in settings.target_groups.items()
        for target in target_groups.of(departure.private_ip(int(device_index)), groups)
    ]
    left = [target_groups.leave(clients.elbv2(), target) for target in targets]
    return Done() if all(left) else Again("load balancers are draining their connections")


def _leave_panorama(
    departures: list[Departure],
    settings: TerminateSettings,
    in_time: Callable[[], bool],
    now: datetime,
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those of whom something is left in Panorama."""
    asking = [departure for departure in departures if not departure.given_up(Stage.UNMANAGE)]
    if settings.panorama is None or not asking:
        return {}
    connected = attempt(partial(_connect, settings.panorama))
    if isinstance(connected, Again | Failed):
        return {departure.event: connected for departure in asking}
    connection, devices = connected
    # Takes no time: who they are, their tags tell, or what Panorama has just said. EC2 is asked
    # about those only who are known by their address alone.
    identify = partial(_identify, devices=devices, settings=settings)
    outcomes = each(asking, identify, in_time=lambda: True)
    known = [d for d in asking if d.serial is not None and isinstance(outcomes[d.event], Done)]
    outcomes |= license_return.through_panorama(known, connection, devices, settings, in_time)
    leaving = {
        departure.event: departure.serial
        for departure in known
        if departure.serial is not None
        and isinstance(outcomes[departure.event], Done)
        and not license_return.is_left_to_plugin(departure, settings)
    }
    unmanage = partial(
        removal.unmanage,
        connection,
        now=now,
        in_time=in_time,
        others_follow=any(
            isinstance(outcome := outcomes[departure.event], Again)
            and outcome.soon
            and departure.age < GATHER_SECONDS
            for departure in asking
        ),
    )
    outcomes |= _unmanage(leaving, settings.name, unmanage)
    return {event: outcome for event, outcome in outcomes.items() if not isinstance(outcome, Done)}


def _connect(settings: PanoramaSettings) -> tuple[Panorama, dict[str, Device]]:
    connection = panorama.connect(settings)
    return connection, {device.serial: device for device in connection.devices()}


def _identify(
    departure: Departure, devices: Mapping[str, Device], settings: TerminateSettings
) -> Outcome:
    """Find out who the firewall is; done also if it is none."""
    management_ip = departure.private_ip(settings.management_device_index)
    instance_id = departure.event.instance_id
    found = identity.identify(
        instance_id,
        departure.tags,
        management_ip,
        devices.values(),
        partial(instances.other_with, clients.ec2(), settings.name, instance_id),
    )
    if isinstance(found, Unknown):
        # A firewall that never registered is as good an end as any, and what is not certain to be
        # ours is not touched.
        logger.warning("No firewall in Panorama is this instance", extra={"reason": found.reason})
        return Done()
    departure.serial = found.serial
    if found.evidence is not Evidence.SERIAL_TAG:
        departure.add_tags(identity.tags_for(found))
    return Done()


def _unmanage(
    leaving: Mapping[LifecycleEvent, str],
    deployment: str,
    unmanage: Callable[[frozenset[str], str], dict[str, Outcome]],
) -> dict[LifecycleEvent, Outcome]:
    if not leaving:
        return {}
    outcomes = attempt(partial(unmanage, frozenset(leaving.values()), deployment))
    if isinstance(outcomes, Again | Failed):
        return dict.fromkeys(leaving, outcomes)
    return {event: outcomes[serial] for event, serial in leaving.items()}


def _leave_ec2(
    departures: list[Departure], settings: TerminateSettings, in_time: Callable[[], bool]
) -> dict[LifecycleEvent, Outcome]:
    """Release interfaces and addresses, and let the instances go that have none left."""
    if not departures:
        return {}
    remains = attempt(partial(_look_at_remains, departures, settings))
    if isinstance(remains, Again | Failed):
        return {departure.event: remains for departure in departures}
    return each(departures, partial(_release, remains=remains, settings=settings), in_time)


def _look_at_remains(
    departures: list[Departure], settings: TerminateSettings
) -> dict[str, NetworkState]:
    """Our interfaces and addresses by instance id."""
    ids = [departure.event.instance_id for departure in departures]
    own = describe.describe_interfaces(clients.ec2(), settings.name, ids)
    allocated = describe.describe_addresses(clients.ec2(), settings.name, ids)
    return {key: NetworkState.of(own.get(key, []), allocated.get(key, [])) for key in ids}


def _release(
    departure: Departure, remains: Mapping[str, NetworkState], settings: TerminateSettings
) -> Outcome:
    outcome = attempt(partial(_remove_wiring, remains[departure.event.instance_id]))
    if not isinstance(outcome, Done) and not departure.given_up(Stage.RELEASE):
        return outcome
    if not isinstance(outcome, Done):
        logger.error("Gave up releasing the interfaces", extra={"outcome": repr(outcome)})
    _report_losses(departure, settings)
    if departure.hook_open:
        hooks.complete(clients.autoscaling(), departure.event, hooks.Result.CONTINUE)
        telemetry.count(Metric.TERMINATION_COMPLETED)
        telemetry.measure(Metric.TERMINATION_SECONDS, departure.age)
    return Done()


def _remove_wiring(there: NetworkState) -> Outcome:
    decide = partial(plan.plan_removal, detach=True)
    left = apply.converge(clients.ec2(), decide, there)
    if left.interfaces or left.addresses:
        return Again("interfaces are being detached", soon=True)
    return Done()


def _report_losses(departure: Departure, settings: TerminateSettings) -> None:
    """Tell what was given up; once, since no visit follows."""
    serial = departure.tags.get(tags.SERIAL, "")
    stages = [stage for stage in Stage if stage is not Stage.DRAIN or settings.target_groups]
    given_up = [stage.name.lower() for stage in stages if departure.given_up(stage)]
    if given_up:
        telemetry.count(Metric.TERMINATION_DEADLINE_PASSED)
        logger.error("The deadline passed", extra={"given_up": given_up, "serial": serial})
    license_return.report_loss(departure, settings)
