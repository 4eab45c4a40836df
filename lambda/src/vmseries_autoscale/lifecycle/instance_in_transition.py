"""Instances in transition: the common part of launches and terminations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from vmseries_autoscale import concurrency, firewall_identity, telemetry
from vmseries_autoscale.aws import instances, tags
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.errors import RecordError
from vmseries_autoscale.firewall_identity import (
    ASKED,
    Identity,
    Misplaced,
    OtherInstance,
    Signal,
    Subject,
    Unidentified,
)
from vmseries_autoscale.firewall_records import FirewallRecord, FirewallRecords
from vmseries_autoscale.firewall_records.record import MAXIMUM_STRANGERS
from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.firewall_listing import FirewallListing
from vmseries_autoscale.outcome import Unfinished, run_step

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client

T = TypeVar("T")


@dataclass(slots=True)
class InstanceInTransition:
    """One instance that waits at a lifecycle hook.

    Attributes:
        event: Event of the lifecycle action.
        age: Seconds since the lifecycle action began.
        instance: EC2 instance; ``None`` if EC2 does not know it.
        serial: Serial number of the firewall; ``None`` until it is known. With Panorama, it is set
            only if the firewall is identified, so that steps may act on it.
        unlisted_serial: Serial number in the record of the instance, if Panorama does not list it.
            No step may deactivate or remove anything because of it.
        tags: Tags of the instance, including those that this visit has written.
        record: Record of the firewall, including what this visit has written; one that is not
            stored until ``read_records`` has read it, and if there is none.
        unread: Outcome of the attempt to read the record, if it failed.
        records: Table of the record; ``None`` until it was read.
    """

    event: LifecycleEvent
    age: float
    instance: Instance | None
    serial: str | None = field(default=None, kw_only=True)
    unlisted_serial: str | None = field(default=None, kw_only=True)
    tags: dict[str, str] = field(init=False)
    record: FirewallRecord = field(init=False)
    unread: Unfinished | None = field(default=None, init=False)
    records: FirewallRecords | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.tags = dict(self.instance.tags) if self.instance else {}
        self.record = FirewallRecord(self.event.instance_id)

    def save(self, **changes: Any) -> None:
        """Write changes to the record of the firewall, with what EC2 shows of the instance.

        Args:
            changes: New values of attributes of ``FirewallRecord``.

        Raises:
            RecordError: If the record was not read, or DynamoDB does not write it.
            RecordConflictError: If another invocation wrote it since it was read.
        """
        if self.records is None:
            raise RecordError(f"the record of {self.event.instance_id} was not read")
        new = replace(self.record, **self._facts(), **changes)
        if new != self.record:
            self.record = self.records.save(new)

    def _facts(self) -> dict[str, Any]:
        """Return what EC2 shows and later forgets."""
        if self.instance is None:
            return {}
        macs = self.record.macs | firewall_identity.mac_addresses(self.instance)
        return {"launched": self.record.launched or self.instance.launched, "macs": macs}

    def private_ip(self, device_index: int) -> str | None:
        """Return the private IP address of the interface at ``device_index``."""
        return self.instance.private_ip(device_index) if self.instance else None

    def add_tags(self, ec2: EC2Client, new: Mapping[str, str]) -> None:
        """Write tags on the instance, if it still exists and has tags.

        The function may tag only instances with the deployment's tag, which EC2 removes some time
        after an instance has terminated.
        """
        if self.instance is not None and not self.instance.lost_tags:
            instances.add_tags(ec2, self.event.instance_id, new)
        self.tags.update(new)


@dataclass(frozen=True, slots=True)
class LifecycleAction:
    """One instance of a batch, by the event that decides about it.

    Several messages can name one instance: EventBridge and SQS deliver at least once, and the
    reconcile function resends events. One visit handles all of them, so that no message changes the
    authorization or the age of another.

    Attributes:
        event: Event that decides. If the hook of any event of the instance is open, its hook is.
        hook: Whether the hook of the event is open, or the outcome of a heartbeat that failed.
    """

    event: LifecycleEvent
    hook: bool | Unfinished


def describe_all(
    events: Sequence[LifecycleEvent],
    autoscaling: AutoScalingClient,
    describe: Callable[[list[str]], T],
) -> tuple[Callable[[], T], list[LifecycleAction]]:
    """Describe the instances and send the heartbeats of all events, in parallel.

    Args:
        events: Lifecycle events.
        autoscaling: Client of Amazon EC2 Auto Scaling.
        describe: Describes instances by id.

    Returns:
        A function that returns the result of ``describe`` or raises its error, so that an error
        affects only instances whose description is needed; and one lifecycle action for each
        instance.
    """
    instance_ids = list(dict.fromkeys(event.instance_id for event in events))
    with concurrency.thread_pool() as submit:
        described = submit(partial(describe, instance_ids))
        heartbeats = {
            event: submit(partial(hooks.send_heartbeat, autoscaling, event)) for event in events
        }
    hook_states = {event: run_step(heartbeat.result) for event, heartbeat in heartbeats.items()}
    return described.result, merge(hook_states)


def merge(hook_states: Mapping[LifecycleEvent, bool | Unfinished]) -> list[LifecycleAction]:
    """Merge the events of each instance.

    An event with an open hook decides before one whose heartbeat failed, and that before one with a
    closed hook. Among these, Auto Scaling's own event decides before a resent one, and the earlier
    message before the later one.

    Args:
        hook_states: For each event, whether its hook is open, or the outcome of a heartbeat that
            failed.
    """

    def rank(event: LifecycleEvent) -> tuple[int, bool, datetime]:
        hook = hook_states[event]
        openness = 1 if isinstance(hook, Unfinished) else (0 if hook else 2)
        return openness, event.is_resent, event.sent

    deciding: dict[str, LifecycleEvent] = {}
    for event in sorted(hook_states, key=rank):
        deciding.setdefault(event.instance_id, event)
    return [LifecycleAction(event, hook_states[event]) for event in deciding.values()]


def read_records(
    instances_in_transition: Sequence[InstanceInTransition], table: FirewallRecords
) -> None:
    """Read the records of a batch, with one call for a hundred instances.

    An error is not raised: it is the reason why the steps that need the records have to wait, and
    no reason to hold an instance beyond its deadline.
    """
    ids = [item.event.instance_id for item in instances_in_transition]
    found = run_step(partial(table.read, ids))
    for item in instances_in_transition:
        if isinstance(found, Unfinished):
            item.unread = found
            continue
        item.records = table
        item.record = found.get(item.event.instance_id, item.record)


def identify(
    instance: InstanceInTransition,
    management_device_index: int,
    session: FirewallListing,
    ec2: EC2Client,
    others: Callable[[], Collection[OtherInstance]],
    now: datetime,
) -> firewall_identity.Result:
    """Identify the firewall of an instance, and save its serial number.

    Args:
        instance: Instance that waits at a lifecycle hook. Its record was read.
        management_device_index: Device index of the management interface.
        session: Firewalls that Panorama or Strata Cloud Manager lists.
        ec2: Client of Amazon EC2.
        others: Returns all instances. See ``describe_others``.
        now: Current time, timezone-aware.
    """
    address = instance.private_ip(management_device_index)
    subject = Subject.of(instance.record, instance.instance, address)
    result = firewall_identity.identify(subject, session.devices.values(), others, session.ask)
    if isinstance(result, Identity):
        save_identity(instance, result, address, ec2)
    else:
        _save_strangers(instance, subject, session, now)
    if isinstance(result, Unidentified):
        instance.unlisted_serial = result.unlisted_serial
    return result


def _save_strangers(
    instance: InstanceInTransition, subject: Subject, session: FirewallListing, now: datetime
) -> None:
    """Record which firewalls are not the instance's, so that no later visit takes them for it.

    Those that run on other machines need not be asked again. Those that the first look shows with
    the address of the instance had it before. One that registers with it later, and is gone before
    the next visit, is the instance's.
    """
    if subject.serial is not None or subject.doubted:
        return
    known = instance.record.strangers
    others = {
        serial
        for serial, info in session.answers().items()
        if firewall_identity.is_stranger(subject, info)
    }
    before = firewall_identity.had_address_before(subject, session.devices.values()) - known
    # If a record cannot hold all that had the address before, nothing shows what came later.
    room = MAXIMUM_STRANGERS - len(known) >= len(before)
    first = subject.exists and subject.looked is None and subject.management_ip is not None and room
    if not first:
        before = frozenset()
    new = [*before, *sorted(others - known - before)][: MAXIMUM_STRANGERS - len(known)]
    if new or first:
        instance.save(
            management_ip=subject.management_ip,
            strangers=known | set(new),
            looked=now if first else subject.looked,
        )


def describe_others(
    batch: Iterable[InstanceInTransition],
    ec2: EC2Client,
    deployment: str,
    table: FirewallRecords,
) -> Callable[[], Collection[OtherInstance]]:
    """Return a function that describes the instances which may claim a firewall.

    It makes two calls for all instances of a batch, when the first of them needs it: one to EC2,
    and one for the records of the instances that are not in the batch.
    """

    def describe() -> Collection[OtherInstance]:
        known = instances.describe_deployments(ec2)
        records = {item.event.instance_id: item.record for item in batch}
        ours = {key for key, instance in known.items() if instance.deployment == deployment}
        records |= table.read(ours - records.keys())
        return firewall_identity.other_instances(known.values(), records, deployment)

    return functools.cache(describe)


def save_identity(
    instance: InstanceInTransition, identified: Identity, address: str | None, ec2: EC2Client
) -> None:
    """Save the serial number in the record for later visits, and in a tag for people.

    Args:
        instance: Instance whose record was read.
        identified: Its firewall.
        address: Private address of its management interface, if EC2 shows it.
        ec2: Client of Amazon EC2.
    """
    instance.serial = identified.serial
    if instance.record.serial == identified.serial:
        return
    with telemetry.log_context(serial=identified.serial):
        instance.save(
            serial=identified.serial,
            evidence=identified.evidence - {Signal.MEMBERSHIP.value},
            strangers=frozenset(),
            management_ip=address or instance.record.management_ip,
        )
        if instance.tags.get(tags.SERIAL) != identified.serial:
            instance.add_tags(ec2, {tags.SERIAL: identified.serial})


def save_misplaced(
    instance: InstanceInTransition,
    misplaced: Misplaced,
    management_device_index: int,
    ec2: EC2Client,
) -> None:
    """Save the serial number of a firewall in another group, if it says that it is this one."""
    if misplaced.signals & ASKED:
        found = Identity(misplaced.serial, misplaced.signals)
        save_identity(instance, found, instance.private_ip(management_device_index), ec2)


def tag_last_visit(
    waiting: Iterable[InstanceInTransition],
    ec2: EC2Client,
    now: datetime,
    since: Mapping[str, datetime] | None = None,
    reasons: Mapping[str, str] | None = None,
    ending: Collection[str] = (),
) -> None:
    """Tag waiting instances with the time of this visit. See ``instances.tag_last_visit``."""
    known = [
        replace(item.instance, tags=item.tags) for item in waiting if item.instance is not None
    ]
    instances.tag_last_visit(ec2, known, now, since, reasons, ending)
