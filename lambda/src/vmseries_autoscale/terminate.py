"""Terminations: drained, licence back, out of Panorama, interfaces and addresses released.

The order is what protects flows and licence: a firewall without licence passes no traffic, and the
licence is given back through the management interface. A stage
that cannot be finished is given up at its limit, so that the stages after it still get their turn
and no instance is held for ever; what was given up is reported by name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import partial

from vmseries_autoscale import (
    addresses,
    aws,
    credentials,
    firewall,
    hooks,
    identity,
    instances,
    interfaces,
    licensing,
    panorama,
    tags,
    target_groups,
    telemetry,
    together,
    unmanaging,
    wiring,
)
from vmseries_autoscale.errors import FirewallUnavailableError
from vmseries_autoscale.events import LifecycleEvent
from vmseries_autoscale.identity import Evidence, Identity, Unknown
from vmseries_autoscale.instances import Instance
from vmseries_autoscale.licensing import LicensedFirewall
from vmseries_autoscale.panorama import Device, Panorama
from vmseries_autoscale.settings import (
    FirewallApiSettings,
    LicensingMode,
    PanoramaSettings,
    TerminateSettings,
)
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.visits import Again, Done, Failed, Outcome, Outcomes, attempt
from vmseries_autoscale.wiring import Wiring

logger = logging.getLogger(__name__)

GRACE_SECONDS = 600
"""How much later than the stage before it a stage is given up: time for a commit and a detach.
Draining, which no licence is worth waiting for, is given up with the licence."""


GATHER_SECONDS = 600
"""Up to which age firewalls that had no turn in a visit keep its commit waiting. A licence takes
Panorama and firewall seconds, and there may be a hundred."""


class Stage(IntEnum):
    """What a termination goes through, in order."""

    DRAIN = 0
    LICENCE = 1
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
        return self.instance is None or self.instance.state == instances.TERMINATED

    @property
    def licence_returned(self) -> bool:
        """Whether a visit has read back that the licence is returned."""
        return self.tags.get(tags.LICENCE) == tags.LICENCE_RETURNED

    def given_up(self, stage: Stage) -> bool:
        """Whether ``stage`` is past its limit."""
        return self.age >= self.deadline + max(0, stage - Stage.LICENCE) * GRACE_SECONDS

    def private_ip(self, device_index: int) -> str | None:
        """Its address at ``device_index``."""
        return self.instance.private_ip(device_index) if self.instance else None

    def add_tags(self, new: dict[str, str]) -> None:
        """Write tags on the instance, if there still is one."""
        if self.instance is not None:
            instances.add_tags(aws.ec2(), self.event.instance_id, new)
        self.tags.update(new)


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
    for leave in (_leave_target_groups, _leave_directly, in_panorama, _leave_ec2):
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
    ec2, autoscaling = aws.ec2(), aws.autoscaling()
    with ThreadPoolExecutor(together.THREADS) as pool:
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


def _each(
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


def _note_visit(waiting: list[Departure], now: datetime) -> None:
    """Leave word of the visit, and tell how long the longest of these waits has been.

    At once: for Auto Scaling the termination began with the draining, up to an hour ago.
    """
    if not waiting:
        return
    telemetry.measure(Metric.SECONDS_HELD, max(departure.age for departure in waiting))
    known = [departure.instance for departure in waiting if departure.instance is not None]
    instances.note_visit(aws.ec2(), known, now)


def _leave_target_groups(
    departures: list[Departure], settings: TerminateSettings, in_time: Callable[[], bool]
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those that a load balancer still sends traffic to."""
    if not settings.target_groups:
        return {}
    registered = [departure for departure in departures if not departure.given_up(Stage.DRAIN)]
    outcomes = _each(registered, partial(_drain, settings=settings), in_time)
    return {event: outcome for event, outcome in outcomes.items() if not isinstance(outcome, Done)}


def _drain(departure: Departure, settings: TerminateSettings) -> Outcome:
    targets = [
        target
        for device_index, groups in settings.target_groups.items()
        for target in target_groups.of(departure.private_ip(int(device_index)), groups)
    ]
    left = [target_groups.leave(aws.elbv2(), target) for target in targets]
    return Done() if all(left) else Again("load balancers are draining their connections")


def _leave_directly(
    departures: list[Departure], settings: TerminateSettings, in_time: Callable[[], bool]
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those whose licence is asked of themselves, since there is no Panorama."""
    api, key_arn = settings.firewall_api, settings.licensing.api_key_secret_arn
    if settings.panorama is not None or api is None or key_arn is None:
        return {}
    due = [departure for departure in departures if not departure.licence_returned]
    step = partial(_directly, api, key_arn, settings.management_device_index)
    outcomes = _each(due, step, in_time)
    return {event: outcome for event, outcome in outcomes.items() if not isinstance(outcome, Done)}


def _directly(
    api: FirewallApiSettings, key_arn: str, management_device_index: int, departure: Departure
) -> Outcome:
    address = departure.private_ip(management_device_index)
    if departure.given_up(Stage.LICENCE) or not departure.running or address is None:
        # Told when the hook is completed. Without a management interface none has got a licence.
        return Done()
    asked = firewall.connect(api, address)
    try:
        departure.serial = departure.tags.get(tags.SERIAL) or asked.serial()
    except FirewallUnavailableError:
        if tags.ABANDONED not in departure.tags:
            raise
        # Its launch has waited for it long enough.
        _report_lost_licence(departure)
        return Done()
    if departure.serial is not None and tags.SERIAL not in departure.tags:
        found = Identity(departure.serial, Evidence.FIREWALL)
        departure.add_tags(identity.tags_for(found))
    return _have_given_back(departure, asked, key_arn)


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
    # Takes no time: who they are, their tags tell, or what Panorama has just said.
    identify = partial(_identify, devices=devices, settings=settings)
    outcomes = _each(asking, identify, in_time=lambda: True)
    known = [d for d in asking if d.serial is not None and isinstance(outcomes[d.event], Done)]
    outcomes |= _return_licences(known, connection, devices, settings, in_time)
    leaving = {
        departure.event: departure.serial
        for departure in known
        if departure.serial is not None
        and isinstance(outcomes[departure.event], Done)
        and not _is_left_to_plugin(departure, settings)
    }
    unmanage = partial(
        unmanaging.unmanage,
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
    found = identity.identify(
        departure.event.instance_id, departure.tags, management_ip, devices.values()
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


def _return_licences(
    known: list[Departure],
    connection: Panorama,
    devices: Mapping[str, Device],
    settings: TerminateSettings,
    in_time: Callable[[], bool],
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those whose licence is to be got back through Panorama."""
    due = [departure for departure in known if not departure.licence_returned]
    # Of these two, that of the mode is set.
    if (key_arn := settings.licensing.api_key_secret_arn) is not None:
        return _each(due, partial(_through_panorama, connection, devices, key_arn), in_time)
    if (manager := settings.licensing.license_manager) is not None:
        # One that is given up is left to the reconcile function, which asks as this one does.
        asking = [departure for departure in due if not departure.given_up(Stage.LICENCE)]
        return _by_plugin(asking, connection, devices, manager, settings.name, in_time)
    return {}


def _through_panorama(
    connection: Panorama, devices: Mapping[str, Device], key_arn: str, departure: Departure
) -> Outcome:
    """Have the firewall give its licence back, which Panorama forwards the request to."""
    device = devices.get(departure.serial or "")
    connected = device is not None and device.connected
    if departure.given_up(Stage.LICENCE) or not (connected or departure.running):
        # Told when the hook is completed, once; if its serial number is known then.
        if departure.forgotten_soon:
            _report_lost_licence(departure)
        return Done()
    if device is None or not connected:
        return Again("the firewall, which has to give its licence back, is not connected")
    return _have_given_back(
        departure, licensing.ThroughPanorama(connection, device.serial), key_arn
    )


def _have_given_back(departure: Departure, asked: LicensedFirewall, key_arn: str) -> Outcome:
    with telemetry.about(serial=departure.serial or ""):
        api_key = credentials.licensing_api_key(key_arn)
        if not licensing.give_back(asked, departure.firewall, api_key):
            return Again("the firewall is giving its licence back")
        _note_returned(departure)
    return Done()


def _note_returned(departure: Departure) -> None:
    departure.add_tags({tags.LICENCE: tags.LICENCE_RETURNED})
    telemetry.count(Metric.LICENCE_RETURNED)


def _by_plugin(
    due: list[Departure],
    connection: Panorama,
    devices: Mapping[str, Device],
    manager: str,
    deployment: str,
    in_time: Callable[[], bool],
) -> dict[LifecycleEvent, Outcome]:
    """Ask the licence plugin for all at once, and note those that it lists no more.

    It gives back also the licence of a firewall that has gone already.
    """
    if not due:
        return {}
    no_time = Again("no time left in this run", soon=True)
    listed = attempt(partial(connection.plugin_licensed, manager)) if in_time() else no_time
    if isinstance(listed, Again | Failed):
        return {departure.event: listed for departure in due}
    outcomes = _each(due, partial(_read_back, connection, devices, manager, listed), in_time)
    if not in_time():
        return outcomes
    serials = listed & {departure.serial for departure in due}
    asked = attempt(partial(licensing.ask_plugin, connection, manager, serials, deployment))
    if isinstance(asked, Again | Failed):
        return {departure.event: asked for departure in due}
    return outcomes


def _read_back(
    connection: Panorama,
    devices: Mapping[str, Device],
    manager: str,
    listed: Set[str],
    departure: Departure,
) -> Outcome:
    serial, device = departure.serial or "", devices.get(departure.serial or "")
    was_listed = tags.LICENCE in departure.tags
    if serial in listed:
        if not was_listed:
            departure.add_tags({tags.LICENCE: tags.LICENCE_LISTED})
        return Again(
            f"license manager {manager} lists {serial} as licensed; Panorama's system log says "
            "what the plugin makes of the request"
        )
    with telemetry.about(serial=serial):
        if device is not None and device.connected and not was_listed:
            licensing.check_own_list(connection, manager, serial)
        _note_returned(departure)
    return Done()


def _is_left_to_plugin(departure: Departure, settings: TerminateSettings) -> bool:
    """Whether the licence plugin still has its licence to give back: Panorama has to know it."""
    by_plugin = settings.licensing.mode is LicensingMode.PLUGIN
    return by_plugin and not departure.licence_returned


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
    return _each(departures, partial(_release, remains=remains, settings=settings), in_time)


def _look_at_remains(departures: list[Departure], settings: TerminateSettings) -> dict[str, Wiring]:
    """Our interfaces and addresses by instance id."""
    ids = [departure.event.instance_id for departure in departures]
    own = interfaces.look(aws.ec2(), settings.name, ids)
    allocated = addresses.look(aws.ec2(), settings.name, ids)
    return {key: Wiring.of(own.get(key, []), allocated.get(key, [])) for key in ids}


def _release(
    departure: Departure, remains: Mapping[str, Wiring], settings: TerminateSettings
) -> Outcome:
    outcome = attempt(partial(_remove_wiring, remains[departure.event.instance_id]))
    if not isinstance(outcome, Done) and not departure.given_up(Stage.RELEASE):
        return outcome
    if not isinstance(outcome, Done):
        logger.error("Gave up releasing the interfaces", extra={"outcome": repr(outcome)})
    _report_losses(departure, settings)
    if departure.hook_open:
        hooks.complete(aws.autoscaling(), departure.event, hooks.Result.CONTINUE)
        telemetry.count(Metric.TERMINATE_COMPLETED)
        telemetry.measure(Metric.SECONDS_TO_TERMINATION, departure.age)
    return Done()


def _remove_wiring(there: Wiring) -> Outcome:
    decide = partial(wiring.decide_removal, detach=True)
    left = wiring.carry_out(aws.ec2(), decide, there)
    if left.interfaces or left.addresses:
        return Again("interfaces are being detached", soon=True)
    return Done()


def _report_losses(departure: Departure, settings: TerminateSettings) -> None:
    """Tell what was given up; once, since no visit follows."""
    serial = departure.tags.get(tags.SERIAL, "")
    stages = [stage for stage in Stage if stage is not Stage.DRAIN or settings.target_groups]
    given_up = [stage.name.lower() for stage in stages if departure.given_up(stage)]
    if given_up:
        telemetry.count(Metric.TERMINATE_DEADLINE_PASSED)
        logger.error("The deadline passed", extra={"given_up": given_up, "serial": serial})
    if departure.licence_returned:
        return
    mode = settings.licensing.mode
    # One that never had a management interface is not asked, and had no licence.
    unseen = settings.panorama is None and (
        departure.given_up(Stage.LICENCE) or not departure.running
    )
    if mode is LicensingMode.FIREWALL and (serial or unseen):
        _report_lost_licence(departure)
    if mode is LicensingMode.PLUGIN and serial:
        logger.error(licensing.LEFT_TO_PLUGIN, extra={"step": "licence", "serial": serial})


def _report_lost_licence(departure: Departure) -> None:
    telemetry.count(Metric.LICENCE_NOT_RETURNED)
    serial = departure.tags.get(tags.SERIAL, departure.serial or "")
    text = licensing.LOST if serial else licensing.LOST_UNSEEN
    logger.error(text, extra={"step": "licence", "serial": serial})
