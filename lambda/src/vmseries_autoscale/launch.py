"""A launch: wire the instance, wait until its firewall is ready, let it into service."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from vmseries_autoscale import (
    addresses,
    aws,
    hooks,
    identity,
    instances,
    interfaces,
    panorama,
    readiness,
    target_groups,
    telemetry,
    together,
    wiring,
)
from vmseries_autoscale.errors import PermanentError, TooLateError
from vmseries_autoscale.events import LifecycleEvent
from vmseries_autoscale.identity import Evidence, Unknown
from vmseries_autoscale.instances import Instance
from vmseries_autoscale.settings import LaunchSettings, Readiness
from vmseries_autoscale.tags import Owner
from vmseries_autoscale.target_groups import Target
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.visits import Again, Done, Failed, Outcome, attempt
from vmseries_autoscale.wiring import Wiring

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 300
"""How long to hope for what is scarce. Meanwhile the firewall boots, and one that finds no
management interface gets no licence either: its bootstrap tries once."""

BOOT_SECONDS = 900
"""When a firewall has booted. One that found no management interface never gets into service."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a visit sees.

    Attributes:
        hook_open: whether Auto Scaling still waits for this event's instance.
        instance: ``None`` if EC2 does not know it.
        wiring: what is attached to it and what was made for it.
    """

    hook_open: bool
    instance: Instance | None
    wiring: Wiring


def visit(event: LifecycleEvent, settings: LaunchSettings, now: datetime) -> Outcome:
    """Bring one launch as far as it goes now."""
    sight = _look(event, settings)
    if not sight.hook_open:
        # The instance is in service or on its way out: what was made now would be made for nothing.
        telemetry.count(Metric.LAUNCH_HOOK_CLOSED)
        logger.warning("The launch hook is closed; nothing done")
        return Done()
    age = (now - event.time).total_seconds()
    outcome = attempt(lambda: _advance(event, settings, sight, age))
    reason = _reason_to_abandon(outcome, overdue=age >= settings.deadline_seconds)
    if reason is not None:
        return _abandon(event, settings, reason)
    if sight.instance is not None and not isinstance(outcome, Done):
        instances.note_visit(aws.ec2(), [sight.instance], now, since=event.time)
    return outcome


def _look(event: LifecycleEvent, settings: LaunchSettings) -> Sight:
    """Look at everything at once; the heartbeat is the look at the hook."""
    ec2, autoscaling, instance_id = aws.ec2(), aws.autoscaling(), event.instance_id
    with ThreadPoolExecutor(together.THREADS) as pool:
        hook_open = pool.submit(hooks.keep_open, autoscaling, event)
        known = pool.submit(instances.look, ec2, [instance_id])
        own = pool.submit(interfaces.look, ec2, settings.name, [instance_id])
        allocated = pool.submit(addresses.look, ec2, settings.name, [instance_id])
    instance = known.result().get(instance_id)
    attached = instance.interfaces if instance else ()
    # What is ours is described twice; only the second time with its name.
    there = Wiring.of(
        [*attached, *own.result().get(instance_id, [])], allocated.result().get(instance_id, [])
    )
    return Sight(hook_open.result(), instance, there)


def _advance(event: LifecycleEvent, settings: LaunchSettings, sight: Sight, age: float) -> Outcome:
    instance = sight.instance
    if instance is None or instance.state not in ("pending", "running"):
        return Again(f"the instance is {instance.state if instance else 'unknown to EC2'}")
    wired = _connect(event, settings, instance, sight.wiring, age)
    if wired != sight.wiring and settings.readiness is not Readiness.OFF:
        return Again("wired; now the firewall boots, which takes minutes")
    obstacle = _obstacle(instance, settings)
    if obstacle is not None:
        return Again(obstacle)
    for target in _targets(instance.instance_id, settings, wired):
        target_groups.register(aws.elbv2(), target)
    hooks.complete(aws.autoscaling(), event, hooks.Result.CONTINUE)
    telemetry.count(Metric.LAUNCH_COMPLETED)
    telemetry.measure(Metric.SECONDS_TO_SERVICE, age)
    return Done()


def _connect(
    event: LifecycleEvent,
    settings: LaunchSettings,
    instance: Instance,
    there: Wiring,
    age: float,
) -> Wiring:
    """Make what is missing of the interfaces and addresses."""
    expected = any(interface.device_index > 0 for interface in settings.interfaces.values())
    if expected and not there.own_interfaces and age >= BOOT_SECONDS:
        raise TooLateError(
            f"{age:.0f} s after its launch the firewall has booted, without its interfaces"
        )
    owner = Owner(settings.name, event.auto_scaling_group, event.instance_id, settings.tags)
    decide = partial(wiring.decide_connection, owner, instance.zone, settings.interfaces)
    connected = wiring.carry_out(aws.ec2(), decide, there, patient=age < PATIENCE_SECONDS)
    if connected != there:
        telemetry.measure(Metric.SECONDS_TO_INTERFACES, age)
    return connected


def _targets(instance_id: str, settings: LaunchSettings, there: Wiring) -> list[Target]:
    """Where the instance's addresses are to be registered."""
    return [
        target
        for interface in settings.interfaces.values()
        for target in target_groups.of(
            there.private_ip(instance_id, interface.device_index), interface.target_groups
        )
    ]


def _obstacle(instance: Instance, settings: LaunchSettings) -> str | None:
    """What still keeps the firewall out of service, as far as Panorama can tell."""
    if settings.panorama is None or settings.readiness is Readiness.OFF:
        return None
    connection = panorama.connect(settings.panorama)
    devices = {device.serial: device for device in connection.devices()}
    management_ip = instance.private_ip(settings.management_device_index)
    found = identity.identify(instance.instance_id, instance.tags, management_ip, devices.values())
    if isinstance(found, Unknown):
        return found.reason
    with telemetry.about(serial=found.serial):
        if found.evidence is not Evidence.SERIAL_TAG:
            instances.add_tags(aws.ec2(), instance.instance_id, identity.tags_for(found))
        obstacle = readiness.obstacle(settings.readiness, devices.get(found.serial))
        if obstacle is None and settings.licence_expected and not connection.licences(found.serial):
            return "the firewall has no licence"
        return obstacle


def _reason_to_abandon(outcome: Outcome, *, overdue: bool) -> str | None:
    """Why the launch has failed for good, ``None`` if it has not."""
    match outcome:
        case Failed(PermanentError() as error):
            return f"{type(error).__name__}: {error}"
        case Failed(error) if overdue:
            return f"the deadline passed; {type(error).__name__}: {error}"
        case Again(reason) if overdue:
            return f"the deadline passed; {reason}"
    return None


def _abandon(event: LifecycleEvent, settings: LaunchSettings, reason: str) -> Outcome:
    """Undo what was made and have Auto Scaling replace the instance.

    What is attached is left to be deleted with the instance, so that this ends in one visit.
    """
    remains = _look(event, settings).wiring
    for target in _targets(event.instance_id, settings, remains):
        target_groups.leave(aws.elbv2(), target)
    wiring.carry_out(aws.ec2(), partial(wiring.decide_removal, detach=False), remains)
    hooks.complete(aws.autoscaling(), event, hooks.Result.ABANDON)
    telemetry.count(Metric.LAUNCH_ABANDONED)
    logger.error("Abandoned the launch", extra={"reason": reason})
    return Done()
