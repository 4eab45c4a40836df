"""Launches: wire the instances, wait until their firewalls are ready, let them into service.

A visit answers a batch, so that those who wait share one look at Panorama, which asks for few calls
at a time. Otherwise each instance goes its own way, and the trouble of one is nobody else's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeAlias

from vmseries_autoscale import concurrency, firewall, identity, panorama, telemetry
from vmseries_autoscale.aws import clients, instances, target_groups
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.aws.network import apply, describe, plan
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.aws.tags import Owner
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.errors import (
    BootedWithoutInterfacesError,
    FirewallError,
    PermanentError,
    TimeBudgetExceededError,
)
from vmseries_autoscale.identity import Evidence, Identity, Unknown
from vmseries_autoscale.launch import readiness
from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.batch import Again, Done, Failed, Outcome, Outcomes, attempt
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.panorama import Device, Panorama, Push
from vmseries_autoscale.settings import LaunchSettings, PanoramaSettings, Readiness
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 300
"""How long to hope for what is scarce. Meanwhile the firewall boots, and one that finds no
management interface gets no license either: its bootstrap tries once."""

BOOT_SECONDS = 900
"""When a firewall has booted. One that found no management interface never gets into service."""


@dataclass(slots=True)
class Arrival:
    """One instance on its way into service.

    Attributes:
        age: seconds since the event.
        instance: ``None`` if EC2 does not know it.
        wiring: what is attached to it and what was made for it.
        copies: other events of the same wait, which end as this one does.
        serial: of its firewall, once that is found out.
    """

    event: LifecycleEvent
    age: float
    instance: Instance | None
    wiring: NetworkState
    copies: list[LifecycleEvent] = field(default_factory=list)
    serial: str | None = None

    @property
    def present(self) -> Instance:
        """The instance.

        Raises:
            RuntimeError: if EC2 does not know it; nobody asks for that one.
        """
        if self.instance is None:
            raise RuntimeError(f"EC2 does not know {self.event.instance_id}")
        return self.instance


Arrivals: TypeAlias = Sequence[Arrival]
InTime: TypeAlias = Callable[[], bool]


def visit(
    events: list[LifecycleEvent], settings: LaunchSettings, now: datetime, in_time: InTime
) -> Outcomes:
    """Bring a batch of launches as far as it goes now.

    Args:
        events: one for each message.
        settings: the function's settings.
        now: aware.
        in_time: whether there is time to begin with something more.
    """
    arrivals, outcomes = _look(events, settings, now)
    for bring in (_connect, _check, _let_in):
        waiting = [arrival for arrival in arrivals if arrival.event not in outcomes]
        outcomes |= bring(waiting, settings, in_time)
    outcomes |= _give_up(arrivals, outcomes, settings, in_time)
    _note_visit([one for one in arrivals if not isinstance(outcomes[one.event], Done)], now)
    copies = {copy: outcomes[one.event] for one in arrivals for copy in one.copies}
    return outcomes | copies


def _look(
    events: list[LifecycleEvent], settings: LaunchSettings, now: datetime
) -> tuple[list[Arrival], dict[LifecycleEvent, Outcome]]:
    """Look at everything at once; the heartbeat is the look at the hook.

    Returns:
        One arrival for each instance that Auto Scaling waits for, and the outcomes of all events
        that are of none.
    """
    instance_ids = list(dict.fromkeys(event.instance_id for event in events))
    with ThreadPoolExecutor(concurrency.THREADS) as pool:
        seen = pool.submit(_look_at_instances, instance_ids, settings)
        heartbeats = [
            pool.submit(hooks.keep_open, clients.autoscaling(), event) for event in events
        ]
    known, wirings = seen.result()
    arrivals: dict[str, Arrival] = {}
    outcomes: dict[LifecycleEvent, Outcome] = {}
    for event, heartbeat in zip(events, heartbeats, strict=True):
        hook_open = attempt(heartbeat.result)
        if isinstance(hook_open, Again | Failed):
            outcomes[event] = hook_open
        elif not hook_open:
            outcomes[event] = _closed(event)
        elif event.instance_id in arrivals:
            arrivals[event.instance_id].copies.append(event)
        else:
            arrivals[event.instance_id] = Arrival(
                event=event,
                age=(now - event.time).total_seconds(),
                instance=known.get(event.instance_id),
                wiring=wirings[event.instance_id],
            )
    return list(arrivals.values()), outcomes


def _closed(event: LifecycleEvent) -> Outcome:
    # The instance is in service or on its way out: what was made now would be made for nothing.
    with telemetry.about(**event.keys):
        telemetry.count(Metric.LAUNCH_HOOK_CLOSED)
        logger.warning("The launch hook is closed; nothing done")
    return Done()


def _look_at_instances(
    instance_ids: Sequence[str], settings: LaunchSettings
) -> tuple[dict[str, Instance], dict[str, NetworkState]]:
    """The instances that EC2 knows, and what there is of each of them, known or not."""
    ec2 = clients.ec2()
    with ThreadPoolExecutor(concurrency.THREADS) as pool:
        described = pool.submit(instances.look, ec2, instance_ids)
        own = pool.submit(describe.describe_interfaces, ec2, settings.name, instance_ids)
        allocated = pool.submit(describe.describe_addresses, ec2, settings.name, instance_ids)
    known = described.result()
    # What is ours is described twice; only the second time with its name.
    wirings = {
        instance_id: NetworkState.of(
            [
                *(known[instance_id].interfaces if instance_id in known else ()),
                *own.result().get(instance_id, []),
            ],
            allocated.result().get(instance_id, []),
        )
        for instance_id in instance_ids
    }
    return known, wirings


def _each(
    arrivals: Arrivals,
    step: Callable[[Arrival], Outcome],
    in_time: InTime,
    run: Callable[[Sequence[Callable[[], Outcome]]], list[Outcome]] = concurrency.run,
) -> dict[LifecycleEvent, Outcome]:
    """The outcome of ``step`` for each, at once or as ``run`` has it, for as long as there is time.

    An error is the outcome of its own instance only.
    """

    def one(arrival: Arrival) -> Outcome:
        if not in_time():
            raise TimeBudgetExceededError("no time left in this run")
        return step(arrival)

    def about_one(arrival: Arrival) -> Outcome:
        with telemetry.about(**arrival.event.keys):
            return attempt(partial(one, arrival))

    outcomes = run([partial(about_one, arrival) for arrival in arrivals])
    return {arrival.event: outcome for arrival, outcome in zip(arrivals, outcomes, strict=True)}


def _in_turn(calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    return [call() for call in calls]


def _not_done(outcomes: Outcomes) -> dict[LifecycleEvent, Outcome]:
    """Those who have to wait: all others go on to what comes next."""
    return {event: outcome for event, outcome in outcomes.items() if not isinstance(outcome, Done)}


def _connect(
    arrivals: Arrivals, settings: LaunchSettings, in_time: InTime
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those whose interfaces are not all there, or have just come."""
    return _not_done(_each(arrivals, partial(_wire, settings=settings, in_time=in_time), in_time))


def _wire(arrival: Arrival, settings: LaunchSettings, in_time: InTime) -> Outcome:
    """Make what is missing of the interfaces and addresses."""
    instance, there = arrival.instance, arrival.wiring
    if instance is None or instance.state not in ("pending", "running"):
        return Again(f"the instance is {instance.state if instance else 'unknown to EC2'}")
    expected = any(interface.device_index > 0 for interface in settings.interfaces.values())
    if expected and not there.own_interfaces and arrival.age >= BOOT_SECONDS:
        raise BootedWithoutInterfacesError(
            f"{arrival.age:.0f} s after its launch the firewall has booted, without its interfaces"
        )
    event = arrival.event
    owner = Owner(settings.name, event.auto_scaling_group, event.instance_id, settings.tags)
    decide = partial(plan.plan_attachment, owner, instance.zone, settings.interfaces)
    patient = arrival.age < PATIENCE_SECONDS
    arrival.wiring = apply.converge(
        clients.ec2(), decide, there, retry_capacity_errors=patient, has_time=in_time
    )
    if arrival.wiring == there:
        return Done()
    telemetry.measure(Metric.INTERFACES_ATTACHED_SECONDS, arrival.age)
    if settings.readiness is Readiness.OFF:
        return Done()
    return Again("wired; now the firewall boots, which takes minutes")


def _check(
    arrivals: Arrivals, settings: LaunchSettings, in_time: InTime
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those whose firewalls are not ready."""
    if settings.readiness is Readiness.OFF or not arrivals:
        return {}
    if settings.panorama is not None:
        return _not_done(_ask_panorama(arrivals, settings, settings.panorama, in_time))
    return _not_done(_each(arrivals, partial(_ask_firewall, settings=settings), in_time))


def _ask_panorama(
    arrivals: Arrivals, settings: LaunchSettings, where: PanoramaSettings, in_time: InTime
) -> dict[LifecycleEvent, Outcome]:
    """Whether Panorama lets them pass, by one look at its list of firewalls."""
    asked = attempt(partial(_list_devices, where))
    if isinstance(asked, Again | Failed):
        return {arrival.event: asked for arrival in arrivals}
    connection, devices = asked
    step = partial(_pass_panorama, connection=connection, devices=devices, settings=settings)
    # A connection is for one thread.
    outcomes = _each(arrivals, step, in_time, run=_in_turn)
    if where.push_when_out_of_sync:
        outcomes |= _push(arrivals, connection, devices, settings.readiness, in_time)
    return outcomes


def _list_devices(where: PanoramaSettings) -> tuple[Panorama, dict[str, Device]]:
    connection = panorama.connect(where)
    return connection, {device.serial: device for device in connection.devices()}


def _pass_panorama(
    arrival: Arrival,
    connection: Panorama,
    devices: Mapping[str, Device],
    settings: LaunchSettings,
) -> Outcome:
    instance = arrival.present
    management_ip = instance.private_ip(settings.management_device_index)
    found = identity.identify(
        instance.instance_id,
        instance.tags,
        management_ip,
        devices.values(),
        partial(instances.other_with, clients.ec2(), settings.name, instance.instance_id),
    )
    if isinstance(found, Unknown):
        return Again(found.reason)
    arrival.serial = found.serial
    with telemetry.about(serial=found.serial):
        if found.evidence is not Evidence.SERIAL_TAG:
            instances.add_tags(clients.ec2(), instance.instance_id, identity.tags_for(found))
        obstacle = readiness.obstacle(settings.readiness, devices.get(found.serial))
        if obstacle is None and settings.license_expected and not connection.licenses(found.serial):
            obstacle = readiness.NO_LICENSE
    return Done() if obstacle is None else Again(obstacle)


def _push(
    arrivals: Arrivals,
    connection: Panorama,
    devices: Mapping[str, Device],
    wanted: Readiness,
    in_time: InTime,
) -> dict[LifecycleEvent, Outcome]:
    """Push to those that lack nothing else, all with one job; outcomes where that is no use."""
    lacking = {
        arrival.serial: arrival.event
        for arrival in arrivals
        if arrival.serial and readiness.is_out_of_sync(wanted, devices.get(arrival.serial))
    }
    if not lacking or not in_time():
        return {}
    pushes = attempt(partial(_push_once, connection, lacking.keys()))
    if isinstance(pushes, Again | Failed):
        return dict.fromkeys(lacking.values(), pushes)
    return {
        event: Again(f"{readiness.obstacle(wanted, devices[serial])}; {failed[0]}")
        for serial, event in lacking.items()
        if (failed := readiness.failures(serial, pushes))
    }


def _push_once(connection: Panorama, serials: Collection[str]) -> list[Push]:
    """Push, unless a push is under way; the pushes that there were before."""
    pushes = connection.pushes()
    due = readiness.to_push(serials, pushes)
    if due:
        job_id = connection.push(due)
        logger.info("Asked for a push", extra={"serials": sorted(due), "job_id": job_id})
    return pushes


def _ask_firewall(arrival: Arrival, settings: LaunchSettings) -> Outcome:
    """Whether the firewall itself says that it is ready."""
    instance, where = arrival.present, settings.firewall_api
    address = instance.private_ip(settings.management_device_index)
    if where is None or address is None:
        return Again("EC2 does not show the management interface yet")
    connection = firewall.connect(where, address)
    try:
        obstacle = readiness.own_obstacle(connection.state())
        if obstacle is None and settings.license_expected and not connection.licenses():
            obstacle = readiness.NO_LICENSE
        if obstacle is None and instance.serial is None:
            _note_serial(instance, connection.serial())
    except FirewallError as error:
        # Nothing that would have to be mended: a firewall that boots does not answer, or not yet
        # with the certificate and the administrators of its configuration.
        return Again(str(error))
    return Done() if obstacle is None else Again(obstacle)


def _note_serial(instance: Instance, serial: str | None) -> None:
    """Keep by which serial number the license would have to be looked for."""
    if serial is not None:
        found = Identity(serial, Evidence.FIREWALL)
        instances.add_tags(clients.ec2(), instance.instance_id, identity.tags_for(found))


def _let_in(
    arrivals: Arrivals, settings: LaunchSettings, in_time: InTime
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for all that are left, who are ready for service."""
    return _each(arrivals, partial(_enter_service, settings=settings), in_time)


def _enter_service(arrival: Arrival, settings: LaunchSettings) -> Outcome:
    for target in _targets(arrival.event.instance_id, settings, arrival.wiring):
        target_groups.register(clients.elbv2(), target)
    hooks.complete(clients.autoscaling(), arrival.event, hooks.Result.CONTINUE)
    telemetry.count(Metric.LAUNCH_COMPLETED)
    telemetry.measure(Metric.LAUNCH_SECONDS, arrival.age)
    return Done()


def _targets(instance_id: str, settings: LaunchSettings, there: NetworkState) -> list[Target]:
    """Where the instance's addresses are to be registered."""
    return [
        target
        for interface in settings.interfaces.values()
        for target in target_groups.of(
            there.private_ip(instance_id, interface.device_index), interface.target_groups
        )
    ]


def _give_up(
    arrivals: Arrivals, outcomes: Outcomes, settings: LaunchSettings, in_time: InTime
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those whose launch has failed for good."""
    reasons = {
        arrival.event: reason
        for arrival in arrivals
        if (reason := _reason_to_abandon(outcomes[arrival.event], arrival, settings))
    }
    failed = [arrival for arrival in arrivals if arrival.event in reasons]
    return _each(failed, partial(_abandon, settings=settings, reasons=reasons), in_time)


def _reason_to_abandon(outcome: Outcome, arrival: Arrival, settings: LaunchSettings) -> str | None:
    """Why a launch has failed for good, ``None`` if it has not."""
    overdue = arrival.age >= settings.deadline_seconds
    match outcome:
        case Failed(PermanentError() as error):
            return f"{type(error).__name__}: {error}"
        case Failed(error) if overdue:
            return f"the deadline passed; {type(error).__name__}: {error}"
        case Again(reason) if overdue:
            return f"the deadline passed; {reason}"
    return None


def _abandon(
    arrival: Arrival, settings: LaunchSettings, reasons: Mapping[LifecycleEvent, str]
) -> Outcome:
    """Undo what was made and have Auto Scaling replace the instance.

    What is attached is left to be deleted with the instance, so that this ends in one visit.
    """
    instance_id, reason = arrival.event.instance_id, reasons[arrival.event]
    _, wirings = _look_at_instances([instance_id], settings)
    for target in _targets(instance_id, settings, wirings[instance_id]):
        target_groups.leave(clients.elbv2(), target)
    apply.converge(clients.ec2(), partial(plan.plan_removal, detach=False), wirings[instance_id])
    if arrival.instance is not None:
        instances.note_abandonment(clients.ec2(), instance_id, reason)
    hooks.complete(clients.autoscaling(), arrival.event, hooks.Result.ABANDON)
    telemetry.count(Metric.LAUNCH_ABANDONED)
    logger.error("Abandoned the launch", extra={"reason": reason})
    return Done()


def _note_visit(waiting: Arrivals, now: datetime) -> None:
    """Leave word of the visit; Auto Scaling tells when a launch began."""
    known = [arrival.instance for arrival in waiting if arrival.instance is not None]
    began = {arrival.event.instance_id: arrival.event.time for arrival in waiting}
    instances.note_visit(clients.ec2(), known, now, since=began)
