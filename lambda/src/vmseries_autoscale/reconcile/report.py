"""Report what a run did, as a log record and metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws.refused_launches import RefusedLaunches
from vmseries_autoscale.credit_pool import Headroom
from vmseries_autoscale.errors import AutoscaleError
from vmseries_autoscale.outcome import (
    Done,
    Failed,
    Outcome,
    Retry,
    Unfinished,
    reason_of,
    run_if_time,
    run_step,
)
from vmseries_autoscale.reconcile.decisions import CleanupPlan
from vmseries_autoscale.redaction import readable
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.time_budget import TimeBudget

logger = logging.getLogger(__name__)

MAXIMUM_REASON = 500
"""Number of characters of an error that the report repeats."""

T = TypeVar("T")
D = TypeVar("D")


@dataclass(slots=True)
class Observations:
    """What a run finds out besides orphans. No error of these ends the run.

    Attributes:
        launches_refused: Launches that EC2 refuses now, by zone.
        launches_abandoned: Instances whose launches were abandoned one after the other.
        outdated: Reasons why running firewalls differ from the settings, by instance id.
        tagged: Ids of the resources on which changed tags were written.
        left_registered: Instance ids of terminated firewalls that Strata Cloud Manager still lists,
            by serial number.
        license_headroom: How far the credits of the pool reach; ``None`` if nobody asked or knows.
        not_checked: Reasons why something could not be found out, by what it is.
    """

    launches_refused: list[RefusedLaunches] = field(default_factory=list)
    launches_abandoned: list[str] = field(default_factory=list)
    outdated: dict[str, list[str]] = field(default_factory=dict)
    tagged: list[str] = field(default_factory=list)
    left_registered: dict[str, str] = field(default_factory=dict)
    license_headroom: Headroom | None = None
    not_checked: dict[str, str] = field(default_factory=dict)

    def note(self, subject: str, reason: str) -> None:
        """Note why something could not be found out."""
        self.not_checked[subject] = readable(reason, MAXIMUM_REASON)

    def find_out(
        self,
        subject: str,
        look: Callable[[], T],
        otherwise: D,
        time_budget: TimeBudget | None = None,
    ) -> T | D:
        """Return the result of ``look``, or note why there is none and return ``otherwise``.

        Args:
            subject: What is looked at, as a key of the report.
            look: Makes the calls.
            otherwise: What to continue with if a call fails.
            time_budget: Time that is left of the invocation, for calls that can be left out.
        """
        result = run_step(look) if time_budget is None else run_if_time(look, time_budget)
        if not isinstance(result, Retry | Failed):
            return result
        self.note(subject, reason_of(result))
        if isinstance(result, Failed):
            logger.warning(
                "Could not find out something for the report",
                extra={"subject": subject, "reason": self.not_checked[subject]},
            )
        return otherwise


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one run.

    Attributes:
        dry_run: Whether nothing was changed.
        events_resent: Instances whose lost event was resent.
        events_not_resent: Reasons why lost events could not be resent, by instance id. A later run
            retries.
        orphans: Serial numbers by instance id, of terminated instances with remaining resources.
        targets: Addresses in target groups that no interface has.
        removed: Instance ids and addresses of the removed orphans and targets.
        unfinished: Reasons for incomplete actions, by instance id or address. A later run retries.
        postponed: Instances and addresses that exceed the limits of this run.
        too_recent: Instances that terminated so recently that a visit may still follow.
        ambiguous: Reasons not to remove what looks orphaned, by instance id or serial number.
        licenses_not_returned: Licenses that can no longer be returned automatically, by serial
            number, or by instance id if it is not known. Listed until they are ticked off.
        launches_refused: Launches that EC2 refuses now, by zone, with its newest message.
        launches_abandoned: Instances whose launches were abandoned one after the other.
        outdated: Reasons why running firewalls differ from the settings, by instance id.
        tagged: Ids of the resources on which changed tags were written.
        left_registered: Instance ids of terminated firewalls that Strata Cloud Manager still lists,
            by serial number. An operator has to remove them.
        license_headroom: How far the credits of the pool reach, for how many firewalls of the
            group's maximum size they do not (``short``), and days until they expire.
        not_checked: Reasons why something could not be compared or reported, by what it is.
    """

    dry_run: bool
    events_resent: list[str]
    events_not_resent: dict[str, str]
    orphans: dict[str, str | None]
    targets: list[str]
    removed: list[str]
    unfinished: dict[str, str]
    postponed: list[str]
    too_recent: list[str]
    ambiguous: dict[str, str]
    licenses_not_returned: list[str]
    launches_refused: list[dict[str, Any]]
    launches_abandoned: list[str]
    outdated: dict[str, list[str]]
    tagged: list[str]
    left_registered: dict[str, str]
    license_headroom: dict[str, Any] | None
    not_checked: dict[str, str]

    @classmethod
    def of(
        cls,
        resent: Mapping[str, Outcome],
        plan: CleanupPlan,
        licenses_not_returned: list[str],
        unfinished: Mapping[str, Unfinished],
        observations: Observations,
        *,
        dry_run: bool,
    ) -> Report:
        """Build the report of a run.

        Args:
            resent: Outcomes of resending lost events, by instance id.
            plan: Plan of the cleanup.
            licenses_not_returned: Serial numbers or instance ids of firewalls that did not return
                a license.
            unfinished: Outcomes of incomplete actions, by instance id or address.
            observations: What the run found out besides orphans.
            dry_run: Whether nothing was changed.
        """
        orphans = {orphan.instance_id: orphan.serial for orphan in plan.orphans}
        targets = [target.target_id for target in plan.targets]
        found = observations.license_headroom
        removed = [] if dry_run else [key for key in (*orphans, *targets) if key not in unfinished]
        return cls(
            dry_run=dry_run,
            events_resent=[key for key, outcome in resent.items() if isinstance(outcome, Done)],
            events_not_resent=_reasons(resent),
            orphans=orphans,
            targets=targets,
            removed=removed,
            unfinished=_reasons(unfinished),
            postponed=list(plan.postponed),
            too_recent=list(plan.too_recent),
            ambiguous=dict(plan.ambiguous),
            licenses_not_returned=licenses_not_returned,
            launches_refused=[item.as_json() for item in observations.launches_refused],
            launches_abandoned=list(observations.launches_abandoned),
            outdated=dict(observations.outdated),
            tagged=list(observations.tagged),
            left_registered=dict(observations.left_registered),
            license_headroom=None if found is None else found.as_json(),
            not_checked=dict(observations.not_checked),
        )


def _reasons(outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    return {
        key: reason_of(outcome)
        for key, outcome in outcomes.items()
        if isinstance(outcome, Unfinished)
    }


def publish(report: Report, doubted: int) -> None:
    """Log the report and its metrics.

    Args:
        report: Report of a run.
        doubted: Number of instances whose firewall only an operator can identify.
    """
    if doubted:
        telemetry.count(Metric.FIREWALL_IDENTITY_AMBIGUOUS, doubted)
    if not report.dry_run:
        telemetry.count(Metric.ORPHANS_REMOVED, len(report.removed))
    orphan_count = len(report.orphans) + len(report.targets) + len(report.postponed)
    telemetry.count(Metric.ORPHANS_FOUND, orphan_count)
    telemetry.count(Metric.RECONCILE_COMPLETED)
    logger.info("Completed a reconcile run", extra={"report": asdict(report)})


def collect_unfinished(outcomes: Iterable[tuple[str, Outcome]]) -> dict[str, Unfinished]:
    """Return the incomplete removals by instance id or address, and log failures."""
    unfinished: dict[str, Unfinished] = {}
    for key, outcome in outcomes:
        if isinstance(outcome, Unfinished):
            unfinished[key] = outcome
        if isinstance(outcome, Failed):
            log_failure(key, outcome.error, Metric.ORPHAN_REMOVAL_FAILED)
    return unfinished


def log_failure(key: str, error: Exception, metric: Metric) -> None:
    """Log and count an action that failed.

    Args:
        key: Instance id or address that the action was for.
        error: Error of the action.
        metric: Metric that counts it.
    """
    telemetry.count(metric)
    logger.error(
        "Reconcile action failed; will retry",
        extra={"resource": key, "error": type(error).__name__, "reason": str(error)},
        exc_info=None if isinstance(error, AutoscaleError) else error,
    )
