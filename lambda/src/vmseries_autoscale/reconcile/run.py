"""One run: look, decide, act, and report what was found and done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from vmseries_autoscale import panorama, telemetry
from vmseries_autoscale.aws import clients, target_groups
from vmseries_autoscale.aws.network import apply, plan
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.aws.target_groups import Target
from vmseries_autoscale.errors import AutoscaleError, PanoramaError
from vmseries_autoscale.licensing import firewall as licensing
from vmseries_autoscale.lifecycle import events
from vmseries_autoscale.lifecycle.batch import Again, Done, Failed, Outcome, attempt
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Panorama, removal
from vmseries_autoscale.reconcile import decisions, inventory
from vmseries_autoscale.reconcile.decisions import Leftover, Limits, Removals, Unanswered
from vmseries_autoscale.reconcile.inventory import Inventory
from vmseries_autoscale.settings import LicensingMode, ReconcileSettings
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Report:
    """What a run has found, by name.

    Attributes:
        dry_run: whether nothing was done about it.
        written_anew: instances whose lost event was written anew.
        leftovers: instances that are gone and had left something, with their serial numbers.
        targets: addresses in target groups that nobody has.
        removed: of what was found, what is gone now: instance ids and addresses.
        unfinished: why the rest is not, by instance id or address; a later run goes on.
        postponed: instances and addresses beyond this run's cap.
        young: instances that went too lately to be sure that no visit follows.
        doubtful: why something was not touched, by instance id or serial number.
        licenses_lost: serial numbers whose licenses nothing can give back any more.
    """

    dry_run: bool
    written_anew: list[str] = field(default_factory=list)
    leftovers: dict[str, str | None] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unfinished: dict[str, str] = field(default_factory=dict)
    postponed: list[str] = field(default_factory=list)
    young: list[str] = field(default_factory=list)
    doubtful: dict[str, str] = field(default_factory=dict)
    licenses_lost: list[str] = field(default_factory=list)


def reconcile(
    settings: ReconcileSettings, now: datetime, in_time: Callable[[], bool], *, dry_run: bool
) -> dict[str, Any]:
    """Put right what no visit will, or only say what that is.

    Hooks that nobody answers are first: that takes nothing from anybody, and needs no Panorama.
    After that, an inventory that cannot be taken ends the run before anything is removed.

    Args:
        settings: the function's settings.
        now: aware.
        in_time: whether there is time to begin with another removal.
        dry_run: whether to change nothing.

    Returns:
        The report, as JSON has it.

    Raises:
        PanoramaError: if Panorama cannot be asked.
        ClientError: if AWS cannot.
    """
    report = Report(dry_run)
    floor = timedelta(seconds=settings.age_floor_seconds)
    _answer(decisions.unanswered(inventory.waiting(settings), floor, now), settings, report)
    connection = None if settings.panorama is None else panorama.connect(settings.panorama)
    everything = inventory.everything(settings, connection)
    limits = Limits(floor, settings.maximum_firewalls, settings.maximum_share)
    found = decisions.removals(everything, limits, now)
    _note(found, everything, settings, report)
    if not dry_run:
        # First: a later run does not know any more what this one has removed.
        for serial in report.licenses_lost:
            licensing.report_lost(serial)
        targets = [(one.address, partial(_remove_target, one)) for one in found.targets]
        left = [(one.instance_id, partial(_remove_wiring, one.wiring)) for one in found.leftovers]
        _each([*targets, *left], in_time, report)
        leaving = _without_license(found.leftovers, connection, settings, in_time, report)
        unmanage = partial(removal.unmanage, deployment=settings.name, now=now, in_time=in_time)
        _unmanage(leaving, connection, unmanage, in_time, report)
    _conclude(report)
    return asdict(report)


def _answer(unanswered: Sequence[Unanswered], settings: ReconcileSettings, report: Report) -> None:
    """Write the lost events anew: the visits that follow do what they would have done."""
    for wait in unanswered:
        outcome = Done() if report.dry_run else attempt(partial(_write_anew, wait, settings))
        _settle(wait.instance_id, outcome, report)
        if isinstance(outcome, Done):
            report.written_anew.append(wait.instance_id)


def _write_anew(wait: Unanswered, settings: ReconcileSettings) -> Outcome:
    launching = wait.transition is Transition.LAUNCHING
    queue = settings.launch if launching else settings.terminate
    body = events.write(
        wait.transition,
        settings.auto_scaling_group_name,
        queue.lifecycle_hook_name,
        wait.instance_id,
        wait.since,
    )
    # Tried once: what was not acknowledged may have been sent all the same, and a second message
    # would be a second chain of visits. A later run sees whether anybody came.
    clients.sqs_without_retries().send_message(QueueUrl=queue.queue_url, MessageBody=body)
    telemetry.count(Metric.LIFECYCLE_EVENT_RESENT)
    logger.warning(
        "Nobody answered a lifecycle hook; wrote its event anew",
        extra={"instance_id": wait.instance_id, "hook": queue.lifecycle_hook_name},
    )
    return Done()


def _note(
    found: Removals, everything: Inventory, settings: ReconcileSettings, report: Report
) -> None:
    report.leftovers = {one.instance_id: one.serial for one in found.leftovers}
    report.targets = [target.address for target in found.targets]
    report.postponed = list(found.postponed)
    report.young = list(found.young)
    report.doubtful = dict(found.doubtful)
    if settings.licensing_mode is LicensingMode.FIREWALL:
        lost = (_lost_license(everything, one, settings) for one in found.leftovers)
        report.licenses_lost = [serial for serial in lost if serial is not None]


def _lost_license(
    everything: Inventory, leftover: Leftover, settings: ReconcileSettings
) -> str | None:
    """The serial number of a firewall that has taken its license along."""
    instance = everything.instances.get(leftover.instance_id)
    if instance is not None and instance.license_returned:
        return None
    if instance is not None and settings.panorama is None:
        return instance.serial
    # One that is not in Panorama any more has left it without its license, or was told of.
    return leftover.serial


def _each(
    steps: Iterable[tuple[str, Callable[[], Outcome]]], in_time: Callable[[], bool], report: Report
) -> None:
    """Take steps by what they are about, one after the other, for as long as there is time."""
    for what, step in steps:
        _settle(what, attempt(step) if in_time() else Again("no time left in this run"), report)


def _remove_target(target: Target) -> Outcome:
    target_groups.deregister(clients.elbv2(), target)
    return Done()


def _remove_wiring(there: NetworkState) -> Outcome:
    # What is attached to anything is doubtful and has not come this far.
    apply.converge(clients.ec2(), partial(plan.plan_removal, detach=False), there)
    return Done()


def _without_license(
    leftovers: Sequence[Leftover],
    connection: Panorama | None,
    settings: ReconcileSettings,
    in_time: Callable[[], bool],
    report: Report,
) -> Sequence[Leftover]:
    """Those that may leave Panorama, having asked the license plugin for what the others hold.

    The plugin needs no firewall for that. One whose license it still lists stays in Panorama, from
    where each run asks again, until its license is back or a person has removed it.
    """
    manager = settings.license_manager
    managed = {one.serial: one.instance_id for one in leftovers if one.serial is not None}
    if connection is None or manager is None or not managed:
        return leftovers
    asked = (
        attempt(partial(_ask_plugin, connection, manager, managed.keys(), settings.name))
        if in_time()
        else Again("no time left in this run")
    )
    if isinstance(asked, Again | Failed):
        for instance_id in managed.values():
            _settle(instance_id, asked, report)
        return [one for one in leftovers if one.serial is None]
    listed, failed = asked
    for serial in listed:
        still = f"license manager {manager} lists {serial} as licensed, and was asked for it"
        _settle(managed[serial], Failed(failed) if failed else Again(still), report)
    return [one for one in leftovers if one.serial not in listed]


def _ask_plugin(
    connection: Panorama, manager: str, serials: Set[str], deployment: str
) -> tuple[frozenset[str], PanoramaError | None]:
    """Ask for the licenses of those that the license manager lists; which, and what failed."""
    listed = connection.plugin_licensed(manager) & serials
    return listed, licensing.ask_plugin(connection, manager, listed, deployment)


def _unmanage(
    leftovers: Sequence[Leftover],
    connection: Panorama | None,
    unmanage: Callable[[Panorama, frozenset[str]], dict[str, Outcome]],
    in_time: Callable[[], bool],
    report: Report,
) -> None:
    instance_ids = {one.serial: one.instance_id for one in leftovers if one.serial is not None}
    if connection is None or not instance_ids:
        return
    outcomes: dict[str, Outcome] | Outcome = Again("no time left in this run")
    if in_time():
        outcomes = attempt(partial(unmanage, connection, frozenset(instance_ids)))
    for serial, instance_id in instance_ids.items():
        outcome = outcomes[serial] if isinstance(outcomes, dict) else outcomes
        _settle(instance_id, outcome, report)


def _settle(what: str, outcome: Outcome, report: Report) -> None:
    """Note what has not come to its end; something else of the same firewall may have."""
    match outcome:
        case Again(reason):
            report.unfinished[what] = reason
        case Failed(error):
            report.unfinished[what] = f"{type(error).__name__}: {error}"
            telemetry.count(Metric.ORPHAN_REMOVAL_FAILED)
            logger.error(
                "Could not put right what was found",
                extra={"what": what, "error": type(error).__name__, "reason": str(error)},
                exc_info=None if isinstance(error, AutoscaleError) else error,
            )


def _conclude(report: Report) -> None:
    """Log and count what the report says."""
    found = [*report.leftovers, *report.targets]
    if not report.dry_run:
        report.removed = [what for what in found if what not in report.unfinished]
        telemetry.count(Metric.ORPHANS_REMOVED, len(report.removed))
    telemetry.count(Metric.ORPHANS_FOUND, len(found) + len(report.postponed))
    telemetry.count(Metric.RECONCILE_COMPLETED)
    logger.info("Reconciled", extra={"report": asdict(report)})
